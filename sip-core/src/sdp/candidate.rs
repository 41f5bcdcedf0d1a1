//! ICE candidates: addresses a peer may be reached at (RFC 8839 §5.1).

use std::net::IpAddr;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::rest;
use nom::sequence::{preceded, terminated};

use super::lex::{self, field, sp};
use super::{Attribute, SdpError};
use crate::parse::lex::{Mismatch, Parsed, named, number};

/// The attribute `candidate`.
///
/// ```
/// use bytes::Bytes;
/// use sip_core::sdp::Sdp;
///
/// let sdp = Sdp::parse(Bytes::from_static(
///     b"v=0\r\nm=audio 9 RTP/AVP 0\r\na=candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host\r\n",
/// ))?;
/// let candidate = sdp.media().next().unwrap().candidates().next().unwrap()?;
/// assert_eq!((candidate.kind(), candidate.port()), (&b"host"[..], 8998));
/// assert_eq!(candidate.ip(), Some("203.0.113.141".parse().unwrap()));
/// # Ok::<(), sip_core::sdp::SdpError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    foundation: &'a [u8],
    component: u32,
    transport: &'a [u8],
    priority: u32,
    address: &'a [u8],
    port: u16,
    kind: &'a [u8],
}

impl<'a> Candidate<'a> {
    pub(super) fn read(attribute: &Attribute<'a>) -> Result<Candidate<'a>, SdpError> {
        attribute.read(candidate_attribute)
    }

    /// Equal for candidates of the same type, base and server.
    #[must_use]
    pub fn foundation(&self) -> &'a [u8] {
        self.foundation
    }

    /// 1 for RTP, 2 for RTCP.
    #[must_use]
    pub fn component(&self) -> u32 {
        self.component
    }

    /// `UDP`, or another in any case.
    #[must_use]
    pub fn transport(&self) -> &'a [u8] {
        self.transport
    }

    /// The higher the better.
    #[must_use]
    pub fn priority(&self) -> u32 {
        self.priority
    }

    /// The address or name; browsers hide the former behind names in `.local`.
    #[must_use]
    pub fn address(&self) -> &'a [u8] {
        self.address
    }

    /// The address, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        lex::ip(self.address)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host`, `srflx`, `prflx`, `relay`.
    #[must_use]
    pub fn kind(&self) -> &'a [u8] {
        self.kind
    }
}

/// `candidate-attribute = "candidate" ":" foundation SP component-id SP transport SP priority SP connection-address SP
/// port SP cand-type [SP rel-addr] [SP rel-port] *(SP cand-extension)`; what follows the type is passed over.
fn candidate_attribute(input: &[u8]) -> Parsed<'_, Candidate<'_>> {
    let (left, foundation) = terminated(field("foundation"), sp).parse(input)?;
    let (left, component) = number(left, 256, "component-id")?;
    let (left, transport) = preceded(sp, field("transport")).parse(left)?;
    let (left, _) = sp(left)?;
    let (left, priority) = number(left, u32::MAX, "priority")?;
    let (left, address) = preceded(sp, field("connection-address")).parse(left)?;
    let (left, port) = preceded(sp, lex::port).parse(left)?;
    let (left, kind) = preceded((sp, typ, sp), field("candidate-types")).parse(left)?;
    let (left, _) = rest(left)?;
    let candidate = Candidate {
        foundation,
        component,
        transport,
        priority,
        address,
        port,
        kind,
    };
    Ok((left, candidate))
}

fn typ(input: &[u8]) -> Parsed<'_> {
    tag::<_, _, Mismatch>("typ")
        .parse(input)
        .map_err(|error| named("cand-type", error))
}
