//! From a URI to the addresses to try, in order (RFC 3263).
//!
//! `records` says what can be asked of DNS, `order` who is tried first, `locate` what is asked after what; `cached`
//! stands before a name server, and `name_server` (feature `dns`) asks a real one.

mod cached;
mod locate;
#[cfg(feature = "dns")]
mod name_server;
pub mod order;
mod records;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use sip_core::{Host, SipUri, Transport};
use sip_transaction::Target;
use tokio::net::lookup_host;
use tokio::time::timeout;

pub use cached::{CacheSettings, Cached};
pub use locate::{Locator, LocatorSettings};
#[cfg(feature = "dns")]
pub use name_server::{NameServerSettings, NameServers};
pub use order::Preferences;
pub use records::{Answer, Dns, DnsError, Kind, Naptr, Question, Records, Srv};

/// Finds where a request for a URI goes.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// The targets to try, best first; never empty. Where chance is to decide, `seed` does: what is asked twice with
    /// the same one is answered alike (RFC 3263 §4.4).
    async fn resolve(&self, uri: &SipUri, seed: u64) -> Result<Vec<Target>, ResolveError>;
}

/// Why a URI leads nowhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nobody has an address for the name.
    #[error("no address for {host}")]
    NotFound {
        /// The name.
        host: String,
    },
    /// The resolver did not say in time.
    #[error("no answer about {host} in time")]
    Timeout {
        /// The name.
        host: String,
    },
    /// As many look-ups are under way as may be.
    #[error("too many look-ups to ask about {host}")]
    Overloaded {
        /// The name.
        host: String,
    },
    /// The resolver failed.
    #[error("cannot look up {host}")]
    Failed {
        /// The name.
        host: String,
        /// What the system said.
        source: io::Error,
    },
}

/// The operating system's resolver: addresses of names, and no other records. How many wait for it, nothing bounds.
#[derive(Clone, Debug)]
pub struct SystemResolver {
    /// How long a look-up may take. Default: 2 s.
    pub timeout: Duration,
}

impl Default for SystemResolver {
    fn default() -> SystemResolver {
        SystemResolver {
            timeout: Duration::from_secs(2),
        }
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, uri: &SipUri, _: u64) -> Result<Vec<Target>, ResolveError> {
        let destination = Destination::of(uri);
        if let Some(ip) = destination.host.ip() {
            return Ok(destination.targets([ip]));
        }
        let host = destination.host.to_string();
        let found = match timeout(self.timeout, addresses(&host)).await {
            Err(_elapsed) => return Err(ResolveError::Timeout { host }),
            Ok(Err(source)) => return Err(ResolveError::Failed { host, source }),
            Ok(Ok(found)) => found,
        };
        match destination.targets(found) {
            targets if targets.is_empty() => Err(ResolveError::NotFound { host }),
            targets => Ok(targets),
        }
    }
}

async fn addresses(host: &str) -> io::Result<Vec<IpAddr>> {
    let found = lookup_host((host, 0)).await?;
    Ok(found.map(|addr| addr.ip()).collect())
}

/// What a URI says about where it leads, before any name is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The host to reach: `maddr` if there is one.
    pub host: Host,
    /// The port, or the transport's own.
    pub port: u16,
    /// The transport (RFC 3263 §4.1).
    pub transport: Transport,
}

impl Destination {
    /// Where `uri` leads.
    #[must_use]
    pub fn of(uri: &SipUri) -> Destination {
        let transport = transport(uri);
        Destination {
            host: uri.maddr().unwrap_or_else(|| uri.host()),
            port: uri.port().unwrap_or(transport.default_port()),
            transport,
        }
    }

    /// The targets for the addresses of the host, each once, in the order they were found.
    pub fn targets(&self, ips: impl IntoIterator<Item = IpAddr>) -> Vec<Target> {
        let mut targets = Vec::new();
        for ip in ips {
            let target = Target::address(self.transport, SocketAddr::new(ip, self.port));
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }
}

/// The `transport` parameter, made secure by `sips`; else UDP, or TLS for `sips`.
fn transport(uri: &SipUri) -> Transport {
    match (uri.is_secure(), uri.transport()) {
        (false, named) => named.unwrap_or(Transport::Udp),
        (true, Some(Transport::Ws | Transport::Wss)) => Transport::Wss,
        (true, _) => Transport::Tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(uri: &str) -> (String, u16, Transport) {
        let Destination {
            host,
            port,
            transport,
        } = Destination::of(&uri.parse().unwrap());
        (host.to_string(), port, transport)
    }

    #[test]
    fn a_uri_says_host_port_and_transport() {
        let expected = [
            ("sip:bob@b.example", "b.example", 5060, Transport::Udp),
            (
                "sip:b.example;transport=tcp",
                "b.example",
                5060,
                Transport::Tcp,
            ),
            ("sips:b.example", "b.example", 5061, Transport::Tls),
            (
                "sips:b.example;transport=tcp",
                "b.example",
                5061,
                Transport::Tls,
            ),
            (
                "sips:b.example;transport=ws",
                "b.example",
                443,
                Transport::Wss,
            ),
            (
                "sip:b.example:5070;maddr=192.0.2.7",
                "192.0.2.7",
                5070,
                Transport::Udp,
            ),
            (
                "sip:[2001:db8::1];transport=TLS",
                "[2001:db8::1]",
                5061,
                Transport::Tls,
            ),
        ];
        for (uri, host, port, transport) in expected {
            assert_eq!(
                destination(uri),
                (host.to_owned(), port, transport),
                "{uri}"
            );
        }
    }

    #[tokio::test]
    async fn an_address_needs_no_resolver() {
        let no_time = SystemResolver {
            timeout: Duration::ZERO,
        };
        let uri = "sip:bob@192.0.2.1:5070;transport=tcp".parse().unwrap();
        let target = Target::address(Transport::Tcp, "192.0.2.1:5070".parse().unwrap());
        assert_eq!(no_time.resolve(&uri, 0).await.unwrap(), [target]);
    }

    #[tokio::test]
    async fn a_name_is_looked_up() {
        let uri = "sip:localhost:5070".parse().unwrap();
        let targets = SystemResolver::default().resolve(&uri, 0).await.unwrap();
        assert!(
            targets
                .iter()
                .all(|target| target.remote().ip().is_loopback())
        );
        assert!(!targets.is_empty());
    }

    #[test]
    fn each_address_is_tried_once_in_the_order_found() {
        let uri: SipUri = "sip:b.example".parse().unwrap();
        let ips = ["192.0.2.2", "192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let targets = Destination::of(&uri).targets(ips);
        let remotes: Vec<String> = targets.iter().map(|t| t.remote().to_string()).collect();
        assert_eq!(remotes, ["192.0.2.2:5060", "192.0.2.1:5060"]);
    }
}
