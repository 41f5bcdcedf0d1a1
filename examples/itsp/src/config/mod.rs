//! What can be configured, and the value of everything that is not; `itsp.example.toml` documents each key.

mod duration;
mod listen;
mod read;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

pub(crate) use duration::Span;
pub(crate) use listen::Listen;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Folder of the database.
    pub(crate) data: PathBuf,
    pub(crate) network: Network,
    pub(crate) tls: Tls,
    pub(crate) ws: Ws,
    pub(crate) domains: Domains,
    pub(crate) registrar: Registrar,
    pub(crate) auth: Auth,
    pub(crate) subscribers: Subscribers,
    pub(crate) location: Location,
    pub(crate) shutdown: Shutdown,
    pub(crate) log: Log,
}

/// Sockets and workers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Network {
    /// Each address is opened for every transport that is switched on.
    pub(crate) listen: Vec<Listen>,
    pub(crate) udp: bool,
    pub(crate) tcp: bool,
    /// Threads that handle messages; 0: one per processor core.
    pub(crate) workers: u16,
    /// Open at a time, in all.
    pub(crate) connections: usize,
    /// Open at a time from one IP address.
    pub(crate) connections_per_source: u32,
}

/// TLS, and certificates for whatever runs over it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) listen: Vec<SocketAddr>,
    /// The first is for who asks for no name.
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) clients: Clients,
    /// Those of phones' certificates; empty for none.
    pub(crate) client_authorities: PathBuf,
    /// Those of other servers' certificates; empty for the system's.
    pub(crate) authorities: PathBuf,
}

/// A certificate and its key, in PEM files.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

/// What phones that connect over TLS must show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Clients {
    #[default]
    Anybody,
    Ask,
    Require,
}

/// SIP over WebSocket.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ws {
    pub(crate) listen: Vec<SocketAddr>,
    /// The same over TLS.
    pub(crate) secure_listen: Vec<SocketAddr>,
    /// Empty: any page.
    pub(crate) origins: Vec<String>,
}

/// The domains served.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Domains {
    /// How soon a change in the database is seen.
    pub(crate) reload: Span,
}

/// What a REGISTER may ask for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Registrar {
    pub(crate) default_expires: Span,
    pub(crate) min_expires: Span,
    pub(crate) max_expires: Span,
    pub(crate) max_contacts: u16,
}

/// How a user shows who it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Auth {
    /// Offered in this order.
    pub(crate) algorithms: Vec<Algorithm>,
    /// Offer qop=auth.
    pub(crate) qop: bool,
    pub(crate) nonce_lifetime: Span,
}

/// A digest algorithm under its name in RFC 7616 §3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Algorithm {
    #[serde(rename = "MD5")]
    Md5,
    #[serde(rename = "SHA-256")]
    Sha256,
}

/// Subscribers kept in memory once they were asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Subscribers {
    /// At most this many, names that do not exist included.
    pub(crate) cache: usize,
    /// How long what was read is believed.
    pub(crate) keep: Span,
    /// The same for what was not there.
    pub(crate) keep_unknown: Span,
    /// Longest wait for the database.
    pub(crate) timeout: Span,
}

/// Registered contacts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Location {
    pub(crate) durability: Durability,
    /// How long a commit gathers registrations.
    pub(crate) commit_interval: Span,
    /// Registrations that may wait for a commit; one more is refused.
    pub(crate) queue: usize,
    /// Longest wait for a commit.
    pub(crate) timeout: Span,
    /// How often the journal is folded into `location`.
    pub(crate) fold_interval: Span,
    /// How often contacts that ran out are removed.
    pub(crate) sweep_interval: Span,
}

/// What a 200 OK to a REGISTER promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Durability {
    /// The binding is on disk.
    GroupCommit,
    /// It will be within a moment.
    WriteBehind,
    /// It is in memory, and gone after a restart.
    Memory,
}

/// The way out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Shutdown {
    /// How long transactions under way may take to end.
    pub(crate) grace: Span,
}

/// What is told on standard error.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) level: Level,
}

/// Least grave kind of line that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data: PathBuf::from("itsp-data"),
            network: Network::default(),
            tls: Tls::default(),
            ws: Ws::default(),
            domains: Domains::default(),
            registrar: Registrar::default(),
            auth: Auth::default(),
            subscribers: Subscribers::default(),
            location: Location::default(),
            shutdown: Shutdown::default(),
            log: Log::default(),
        }
    }
}

impl Default for Network {
    fn default() -> Network {
        Network {
            listen: vec![Listen(([0, 0, 0, 0], 5060).into())],
            udp: true,
            tcp: true,
            workers: 0,
            connections: 100_000,
            connections_per_source: 1024,
        }
    }
}

impl Default for Domains {
    fn default() -> Domains {
        Domains {
            reload: Span::from_secs(5),
        }
    }
}

impl Default for Registrar {
    fn default() -> Registrar {
        Registrar {
            default_expires: Span::from_secs(3600),
            min_expires: Span::from_secs(60),
            max_expires: Span::from_secs(3600),
            max_contacts: 10,
        }
    }
}

impl Default for Auth {
    fn default() -> Auth {
        Auth {
            algorithms: vec![Algorithm::Md5],
            qop: true,
            nonce_lifetime: Span::from_secs(32),
        }
    }
}

impl Default for Subscribers {
    fn default() -> Subscribers {
        Subscribers {
            cache: 100_000,
            keep: Span::from_secs(60),
            keep_unknown: Span::from_secs(5),
            timeout: Span::from_millis(1500),
        }
    }
}

impl Default for Location {
    fn default() -> Location {
        Location {
            durability: Durability::GroupCommit,
            commit_interval: Span::from_millis(3),
            queue: 10_000,
            timeout: Span::from_millis(1500),
            fold_interval: Span::from_secs(5),
            sweep_interval: Span::from_secs(60),
        }
    }
}

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown {
            grace: Span::from_secs(5),
        }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { level: Level::Info }
    }
}
