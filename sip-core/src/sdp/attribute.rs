//! Attributes, and those a relay reads: direction and RTCP (RFC 8866 §5.13, §6.7; RFC 3605).

use std::net::IpAddr;

use nom::Parser;
use nom::combinator::opt;
use nom::sequence::preceded;

use super::lex::{self, sp};
use super::lines::Line;
use super::{Connection, SdpError};

/// An `a=` line: `name` or `name:value`.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    line: Line<'a>,
    name: &'a [u8],
    value: Option<&'a [u8]>,
}

/// Which way media flows, seen from the sender of the description (§6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways; so it is when nothing is said.
    #[default]
    SendRecv,
    /// The sender only sends.
    SendOnly,
    /// The sender only receives.
    RecvOnly,
    /// Neither way.
    Inactive,
}

/// Where RTCP goes: the attribute `rtcp` (RFC 3605 §2.1).
///
/// ```
/// use bytes::Bytes;
/// use sip_core::sdp::Sdp;
///
/// let sdp = Sdp::parse(Bytes::from_static(b"v=0\r\nm=audio 9 RTP/AVP 0\r\na=rtcp:53020 IN IP4 126.16.64.4\r\n"))?;
/// let rtcp = sdp.media().next().unwrap().rtcp()?.unwrap();
/// assert_eq!((rtcp.port(), rtcp.ip()), (53020, Some("126.16.64.4".parse().unwrap())));
/// # Ok::<(), sip_core::sdp::SdpError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rtcp<'a> {
    port: u16,
    connection: Option<Connection<'a>>,
}

impl<'a> Attribute<'a> {
    pub(super) fn of(line: &Line<'a>) -> Option<Attribute<'a>> {
        if line.letter != b'a' {
            return None;
        }
        let (name, value) = match memchr::memchr(b':', line.value) {
            Some(colon) => (&line.value[..colon], Some(&line.value[colon + 1..])),
            None => (line.value.trim_ascii_end(), None),
        };
        let line = *line;
        Some(Attribute { line, name, value })
    }

    /// What stands before the colon. Names are told apart by case (§5.13).
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// What stands behind the colon, if there is one.
    #[must_use]
    pub fn value(&self) -> Option<&'a [u8]> {
        self.value
    }

    /// The direction, if it is an attribute that says one.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        match self.name {
            b"sendrecv" => Some(Direction::SendRecv),
            b"sendonly" => Some(Direction::SendOnly),
            b"recvonly" => Some(Direction::RecvOnly),
            b"inactive" => Some(Direction::Inactive),
            _ => None,
        }
    }

    pub(super) fn is_called(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.name == name.as_bytes())
    }

    /// Reads all of the value with `rule`.
    pub(super) fn read<T>(
        &self,
        rule: impl Parser<&'a [u8], Output = T, Error = crate::parse::lex::Mismatch>,
    ) -> Result<T, SdpError> {
        let end = &self.line.value[self.line.value.len()..];
        lex::read_from(&self.line, self.value.unwrap_or(end), rule)
    }
}

impl<'a> Rtcp<'a> {
    /// `"rtcp" ":" port [nettype space addrtype space connection-address]`
    pub(super) fn read(attribute: &Attribute<'a>) -> Result<Rtcp<'a>, SdpError> {
        let connection = opt(preceded(sp, lex::connection_field));
        let (port, connection) = attribute.read((lex::port, connection))?;
        Ok(Rtcp { port, connection })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, if one is named; RTCP goes to that of the media otherwise.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.connection.and_then(|connection| connection.ip())
    }
}
