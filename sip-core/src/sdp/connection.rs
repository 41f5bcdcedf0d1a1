//! Connection information: where media is to be sent (RFC 8866 §5.7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::lex::{self, ConnectionAddress};
use super::lines::Line;

/// A `c=` line.
///
/// ```
/// use bytes::Bytes;
/// use sip_core::sdp::Sdp;
///
/// let sdp = Sdp::parse(Bytes::from_static(b"v=0\r\nc=IN IP4 233.252.0.1/127/3\r\n"))?;
/// let connection = sdp.connection().unwrap();
/// assert_eq!(connection.address(), b"233.252.0.1");
/// assert_eq!((connection.ttl(), connection.count()), (Some(127), Some(3)));
/// # Ok::<(), sip_core::sdp::SdpError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    pub(super) net_type: &'a [u8],
    pub(super) addr_type: &'a [u8],
    pub(super) address: ConnectionAddress<'a>,
    /// From `addrtype` to the end of the address, which is what an edit exchanges.
    pub(super) addressing: &'a [u8],
}

impl<'a> Connection<'a> {
    pub(super) fn of(line: &Line<'a>) -> Option<Connection<'a>> {
        if line.letter != b'c' {
            return None;
        }
        lex::read(line, lex::connection_field).ok()
    }

    /// The type of network, which is `IN` for the Internet.
    #[must_use]
    pub fn net_type(&self) -> &'a [u8] {
        self.net_type
    }

    /// The type of address: `IP4`, `IP6`.
    #[must_use]
    pub fn addr_type(&self) -> &'a [u8] {
        self.addr_type
    }

    /// The address or host name, without time to live and number of addresses.
    #[must_use]
    pub fn address(&self) -> &'a [u8] {
        self.address.text
    }

    /// The address, if it is one; `None` for a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.ip
    }

    /// Time to live of IPv4 multicast.
    #[must_use]
    pub fn ttl(&self) -> Option<u8> {
        self.address.ttl
    }

    /// Number of consecutive multicast addresses; `None` means one.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        self.address.count
    }

    /// Whether it is `0.0.0.0` or `::`: no media is wanted, a call on hold as RFC 2543 has it (RFC 3264 §8.4).
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }

    /// Whether it is one of the addresses of RFC 1918, which mean nothing outside of the sender's network.
    #[must_use]
    pub fn is_private(&self) -> bool {
        matches!(self.ip(), Some(IpAddr::V4(ip)) if ip.is_private())
    }
}

/// The null address of the family of `ip`.
pub(super) fn null_like(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// The `addrtype` of an address.
pub(super) fn addr_type(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}
