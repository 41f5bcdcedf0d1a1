//! The origin of a session: who made this description, and which version of it this is (RFC 8866 §5.2).

use std::net::IpAddr;

use super::SdpError;
use super::lex;
use super::lines::Line;

/// An `o=` line.
///
/// ```
/// use bytes::Bytes;
/// use sip_core::sdp::Sdp;
///
/// let sdp = Sdp::parse(Bytes::from_static(b"v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\n"))?;
/// let origin = sdp.origin()?.unwrap();
/// assert_eq!(origin.username(), b"jdoe");
/// assert_eq!(origin.version(), b"3724394405");
/// # Ok::<(), sip_core::sdp::SdpError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    username: &'a [u8],
    id: &'a [u8],
    version: &'a [u8],
    net_type: &'a [u8],
    addr_type: &'a [u8],
    address: &'a [u8],
    /// From `addrtype` to the end of the address, which is what an edit exchanges.
    pub(super) addressing: &'a [u8],
}

impl<'a> Origin<'a> {
    /// Five fields are counted from the end, since there are phones that put their owner's full name in front.
    pub(super) fn read(line: &Line<'a>) -> Result<Origin<'a>, SdpError> {
        let value = line.value.trim_ascii_end();
        let mut fields = value.rsplitn(6, |octet| *octet == b' ');
        let mut field = |rule| match fields.next() {
            Some(field) if !field.is_empty() => Ok(field),
            _ => Err(line.error(0, rule)),
        };
        let address = field("unicast-address")?;
        let addr_type = field("addrtype")?;
        let net_type = field("nettype")?;
        let version = field("sess-version")?;
        let id = field("sess-id")?;
        let username = field("username")?;
        Ok(Origin {
            username,
            id,
            version,
            net_type,
            addr_type,
            address,
            addressing: &value[value.len() - addr_type.len() - 1 - address.len()..],
        })
    }

    /// The user's login, or `-`.
    #[must_use]
    pub fn username(&self) -> &'a [u8] {
        self.username
    }

    /// The session, unique together with everything here but the version; digits, if its maker follows the RFC.
    #[must_use]
    pub fn id(&self) -> &'a [u8] {
        self.id
    }

    /// Grows with every change of the session; digits, if its maker follows the RFC.
    #[must_use]
    pub fn version(&self) -> &'a [u8] {
        self.version
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

    /// The address or host name of the machine.
    #[must_use]
    pub fn address(&self) -> &'a [u8] {
        self.address
    }

    /// The address, if it is one; `None` for a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        lex::ip(self.address)
    }
}
