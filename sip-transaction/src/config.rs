//! What an embedder decides about the layer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sip_core::{Branch, Host, HostPort, Transport, Via};

use crate::boundary::Target;
use crate::timer::Timers;

/// The settings of a [`TransactionLayer`](crate::TransactionLayer).
#[derive(Clone, Debug)]
pub struct Config {
    /// T1, T2 and T4.
    pub timers: Timers,
    /// Which worker of the process this is; the branches made here say so ([`worker_of`](crate::worker_of)).
    pub worker: u16,
    /// The names by which others reach us, for the `sent-by` of our Via (§18.1.1): of those for the transport
    /// the one with the local address and port that is used, else with the address, else the first that is a name or
    /// an address of the peer's kind, else the first, else the local address itself.
    pub sent_by: Vec<(Transport, HostPort)>,
    /// How many transactions may exist at a time. Beyond, those that are over end early, though a repetition may still
    /// come; when none is, requests are no longer accepted.
    pub max_transactions: usize,
    /// Whether a request that came by two ways is accepted once only (§8.2.2.2): for whoever answers requests itself. A
    /// proxy passes both on, and leaves the judgement to the phone.
    pub refuse_merged: bool,
    /// Whether the layer tells what it does without its user, by [`poll_repetition`]: for who measures.
    ///
    /// [`poll_repetition`]: crate::TransactionLayer::poll_repetition
    pub tell_repetitions: bool,
}

impl Default for Config {
    /// The RFC's timers, worker 0, no names, a million transactions, merged requests accepted, not a word about
    /// repetitions.
    fn default() -> Config {
        Config {
            timers: Timers::default(),
            worker: 0,
            sent_by: Vec::new(),
            max_transactions: 1_000_000,
            refuse_merged: false,
            tell_repetitions: false,
        }
    }
}

impl Config {
    /// The Via of a request that goes to `to`.
    pub(crate) fn via(&self, to: Target, branch: &Branch) -> Via {
        Via::new(to.transport(), self.sent_by(to), branch)
    }

    fn sent_by(&self, to: Target) -> HostPort {
        let transport = to.transport();
        let named = || {
            self.sent_by
                .iter()
                .filter(|(of, _)| *of == transport)
                .map(|(_, name)| name)
        };
        let local = to.local();
        let with_address = |local: SocketAddr| named().find(|name| is_of(name, local, true));
        let with_ip = |local: SocketAddr| named().find(|name| is_of(name, local, false));
        let fitting = local.and_then(|local| with_address(local).or_else(|| with_ip(local)));
        let same_kind = |name: &&HostPort| match name.host {
            Host::Name(_) => true,
            Host::V4(_) => to.remote().is_ipv4(),
            Host::V6(_) => to.remote().is_ipv6(),
        };
        let suitable = fitting.or_else(|| named().find(same_kind));
        match (suitable.or_else(|| named().next()), local) {
            (Some(name), _) => name.clone(),
            (None, Some(local)) => HostPort::from(local),
            // Nobody said who we are. Responses come to where the request came from all the same (RFC 3581).
            (None, None) => HostPort::from(unspecified(to)),
        }
    }
}

/// Whether `name` is `local`, port included or not.
fn is_of(name: &HostPort, local: SocketAddr, port: bool) -> bool {
    name.host.ip() == Some(local.ip()) && (!port || name.port == Some(local.port()))
}

fn unspecified(to: Target) -> SocketAddr {
    let ip = match to.remote() {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, to.transport().default_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_via_names_the_listener_its_request_leaves_by() {
        let name = |addr: &str| HostPort::from(addr.parse::<SocketAddr>().unwrap());
        let config = Config {
            sent_by: [
                (Transport::Tcp, name("192.0.2.1:1")),
                (Transport::Udp, name("192.0.2.1:2")),
                (Transport::Udp, name("192.0.2.1:3")),
                (Transport::Udp, name("192.0.2.4:2")),
            ]
            .into(),
            ..Config::default()
        };
        let sent_by = |local: Option<&str>| {
            config.sent_by(Target::Address {
                transport: Transport::Udp,
                remote: "198.51.100.1:5060".parse().unwrap(),
                local: local.map(|addr| addr.parse().unwrap()),
            })
        };
        assert_eq!(sent_by(Some("192.0.2.1:3")), name("192.0.2.1:3"));
        assert_eq!(sent_by(Some("192.0.2.4:9")), name("192.0.2.4:2"));
        assert_eq!(sent_by(Some("192.0.2.9:9")), name("192.0.2.1:2"));
        assert_eq!(sent_by(None), name("192.0.2.1:2"));
    }
}
