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
    pub(crate) dns: Dns,
    pub(crate) blocklist: Blocklist,
    pub(crate) nat: Nat,
    pub(crate) session_timer: SessionTimer,
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
    /// Longest sleep between two batches of datagrams.
    pub(crate) udp_pause: Span,
    /// Longest wait of a datagram before new work is refused.
    pub(crate) udp_longest_wait: Span,
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
    pub(crate) nonce_checks: Checks,
    /// Wrong passwords of one user from one address within a minute; after that nobody listens. 0: no limit.
    pub(crate) failures: u16,
    /// The same from one address, whoever they say they are.
    pub(crate) failures_of_address: u16,
}

/// What a nonce is bound to (F-52).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Checks {
    /// Nothing: it can be used from anywhere.
    None,
    /// The address it was sent to.
    SourceIp,
    /// Also Request-URI and Call-ID, and within a dialog the From tag.
    Strict,
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

/// How servers are found by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dns {
    /// None: those of the system.
    pub(crate) servers: Vec<SocketAddr>,
    /// Longest wait for one name server.
    pub(crate) timeout: Span,
    /// How often one is asked again.
    pub(crate) retries: u8,
    /// Ask for IPv6 addresses too.
    pub(crate) ipv6: bool,
    pub(crate) prefer_udp: i32,
    pub(crate) prefer_tcp: i32,
    pub(crate) prefer_tls: i32,
    /// Look-ups under way at a time.
    pub(crate) lookups: usize,
    /// Records kept.
    pub(crate) cache: usize,
    pub(crate) min_ttl: Span,
    pub(crate) max_ttl: Span,
    pub(crate) negative_ttl: Span,
}

/// Addresses that failed and are passed over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Blocklist {
    /// For how long; zero: they are not.
    pub(crate) keep: Span,
    /// Believe Retry-After of a 503.
    pub(crate) retry_after: bool,
    /// At most so many.
    pub(crate) addresses: usize,
}

/// Phones behind a NAT.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Nat {
    pub(crate) contact: ContactOfNat,
}

/// What becomes of a Contact that leads nowhere from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ContactOfNat {
    /// Where it is to be found is written next to it.
    Alias,
    /// Where it is to be found is written over it.
    Overwrite,
    /// Nothing.
    Keep,
}

/// How long a call goes on without a sign of life (RFC 4028).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SessionTimer {
    /// Where nobody asks for a timer; 0s: no timer then.
    pub(crate) default: Span,
    /// No call is refreshed more often.
    pub(crate) min: Span,
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
            dns: Dns::default(),
            blocklist: Blocklist::default(),
            nat: Nat::default(),
            session_timer: SessionTimer::default(),
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
            udp_pause: Span::from_micros(250),
            udp_longest_wait: Span::from_millis(20),
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
            nonce_checks: Checks::SourceIp,
            failures: 10,
            failures_of_address: 100,
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

impl Default for Dns {
    fn default() -> Dns {
        Dns {
            servers: Vec::new(),
            timeout: Span::from_secs(1),
            retries: 1,
            ipv6: false,
            prefer_udp: 3,
            prefer_tcp: 2,
            prefer_tls: -1,
            lookups: 1024,
            cache: 16_384,
            min_ttl: Span::from_secs(60),
            max_ttl: Span::from_secs(86_400),
            negative_ttl: Span::from_secs(300),
        }
    }
}

impl Default for Nat {
    fn default() -> Nat {
        Nat {
            contact: ContactOfNat::Alias,
        }
    }
}

impl Default for Blocklist {
    fn default() -> Blocklist {
        Blocklist {
            keep: Span::from_secs(300),
            retry_after: false,
            addresses: 4096,
        }
    }
}

impl Default for SessionTimer {
    fn default() -> SessionTimer {
        SessionTimer {
            default: Span::from_secs(1800),
            min: Span::from_secs(90),
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
