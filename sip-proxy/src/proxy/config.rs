//! What a proxy is told once: who it is, its limits, and how its clock relates to the world's.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sha2::Digest as _;
use sip_core::{HostPort, OptionTag, Transport};

use crate::dialog::DialogCookies;
use crate::keys::{KeyRing, SigningKey};

/// The settings of a [`Proxy`](crate::Proxy). All workers of one server share them, the secret above all.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// The addresses this proxy listens on.
    pub addresses: Vec<OwnAddress>,
    /// Host names that mean this proxy in a Route.
    pub hostnames: Vec<String>,
    /// Relates the clock handed in to the time of day.
    pub epoch: Epoch,
    /// Signs what must be recognised later without being remembered.
    pub secret: Secret,
    /// Makes and judges the cookies that prove dialogs. Default: with a key made of the secret.
    pub dialogs: DialogCookies,
    /// Stay on the path of dialogs (§16.6 step 4), where a router does not say otherwise. Default: yes.
    pub record_route: bool,
    /// Max-Forwards for requests that come without. Default: 10.
    pub max_forwards: u8,
    /// What a larger Max-Forwards is cut to. Default: 16.
    pub max_forwards_cap: u8,
    /// Branches of one request; targets beyond are not tried. Default: 12.
    pub max_branches: usize,
    /// Max-Breadth for requests that come without, and what a larger one is cut to (RFC 5393 §5.3.3): how many
    /// branches a request may have at one time, here and further on. With 0 nothing is forwarded. Default: 60.
    pub max_breadth: u8,
    /// Requests waiting for an answer of the service; more are refused with 503. Default: 16,384.
    pub max_queries: usize,
    /// How long the service may take to answer; after that a request gets 503. Default: 1.8 s.
    pub answer_time: Duration,
    /// Retry-After of a 503, in seconds. Default: 10.
    pub retry_after: u32,
    /// Timer C (§16.6 step 11): more than three minutes. Default: 181 s.
    pub timer_c: Duration,
    /// A request of more bytes than this goes by TCP where UDP was chosen, and by UDP where TCP fails (§18.1.1). Only
    /// where this proxy listens on TCP; where a phone was last heard from never changes. Default: 1,300.
    pub datagram_limit: usize,
    /// Option tags of Proxy-Require that this proxy's router honours. Default: none.
    pub extensions: Vec<OptionTag>,
    /// Whether a CANCEL that matches nothing goes to the router, as it must where requests are relayed statelessly
    /// (§16.10). Default: no, it is answered 481.
    pub forward_unmatched_cancel: bool,
}

impl ProxyConfig {
    /// The defaults for a proxy at `addresses`.
    #[must_use]
    pub fn new(addresses: Vec<OwnAddress>, epoch: Epoch, secret: Secret) -> ProxyConfig {
        ProxyConfig {
            addresses,
            hostnames: Vec::new(),
            epoch,
            dialogs: DialogCookies::new(&secret.key_ring()),
            secret,
            record_route: true,
            max_forwards: 10,
            max_forwards_cap: 16,
            max_branches: 12,
            max_breadth: 60,
            max_queries: 16_384,
            answer_time: Duration::from_millis(1800),
            retry_after: 10,
            timer_c: Duration::from_secs(181),
            datagram_limit: 1300,
            extensions: Vec::new(),
            forward_unmatched_cancel: false,
        }
    }
}

/// One address a proxy listens on, and how others write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddress {
    /// The transport of the socket.
    pub transport: Transport,
    /// The address of the socket; an unspecified IP means all of the host's.
    pub local: SocketAddr,
    /// What stands in Record-Route and Via, and means this proxy in a Route.
    pub advertised: HostPort,
}

impl OwnAddress {
    /// An address that others write as it is.
    #[must_use]
    pub fn new(transport: Transport, local: SocketAddr) -> OwnAddress {
        OwnAddress {
            transport,
            local,
            advertised: HostPort::from(local),
        }
    }

    /// Is known to others as `advertised`.
    #[must_use]
    pub fn advertised(mut self, advertised: HostPort) -> OwnAddress {
        self.advertised = advertised;
        self
    }

    /// The port others reach it at.
    pub(crate) fn port(&self) -> u16 {
        self.advertised
            .port
            .unwrap_or(self.transport.default_port())
    }
}

/// One moment on two clocks: the steady one that is handed in, and the time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// The moment, on the steady clock.
    pub instant: Instant,
    /// The same moment, since the Unix epoch.
    pub unix: Duration,
}

impl Epoch {
    /// The time of day at `now`.
    #[must_use]
    pub fn unix_time(&self, now: Instant) -> Duration {
        self.unix + now.saturating_duration_since(self.instant)
    }
}

/// 128 random bits nobody else knows. Servers that stand in for each other share them.
#[derive(Clone, Copy)]
pub struct Secret(pub(crate) [u8; 16]);

impl Secret {
    /// The secret with these bits.
    #[must_use]
    pub const fn new(bits: [u8; 16]) -> Secret {
        Secret(bits)
    }

    /// A ring of one key that is made of the secret.
    fn key_ring(self) -> KeyRing {
        KeyRing::new(SigningKey::new(0, sha2::Sha256::digest(self.0).into()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
