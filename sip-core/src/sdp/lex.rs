//! The grammar of the lines a relay touches: one function per ABNF rule, named as the rule (RFC 8866 §9).
//!
//! Where the wire is wider than the grammar, so are these: more than one space may separate, spaces may end a line, and a
//! `token` is any run of visible octets.

use std::net::IpAddr;

use nom::Parser;
use nom::bytes::complete::{take_while, take_while1};
use nom::sequence::{preceded, terminated};

use super::lines::Line;
use super::{Connection, SdpError};
pub(super) use crate::parse::lex::port;
use crate::parse::lex::{self, Mismatch, Parsed, number};

/// The fields of an `m=` line.
#[derive(Clone, Copy, Debug)]
pub(super) struct MediaField<'a> {
    pub(super) media: &'a [u8],
    pub(super) port: u16,
    /// The port as it is written.
    pub(super) port_text: &'a [u8],
    pub(super) port_count: Option<u32>,
    pub(super) proto: &'a [u8],
    /// The formats, and the spaces around them.
    pub(super) formats: &'a [u8],
}

/// A `connection-address`, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionAddress<'a> {
    pub(super) text: &'a [u8],
    pub(super) ip: Option<IpAddr>,
    pub(super) ttl: Option<u8>,
    pub(super) count: Option<u32>,
}

/// Reads all of a line's value with `rule`.
pub(super) fn read<'a, T>(
    line: &Line<'a>,
    rule: impl Parser<&'a [u8], Output = T, Error = Mismatch>,
) -> Result<T, SdpError> {
    read_from(line, line.value, rule)
}

/// Reads `part`, which is a slice of the line's value, with `rule`; spaces at its end mean nothing.
pub(super) fn read_from<'a, T>(
    line: &Line<'a>,
    part: &'a [u8],
    rule: impl Parser<&'a [u8], Output = T, Error = Mismatch>,
) -> Result<T, SdpError> {
    let lead = line.value.len() - part.len();
    lex::exactly(part, terminated(rule, spaces))
        .map_err(|expected| line.error(lead + expected.offset, expected.rule))
}

fn spaces(input: &[u8]) -> Parsed<'_> {
    take_while(|octet| octet == b' ').parse(input)
}

/// `SP`, widened to `1*SP`.
pub(super) fn sp(input: &[u8]) -> Parsed<'_> {
    take_while1(|octet| octet == b' ')
        .parse(input)
        .map_err(|error: nom::Err<Mismatch>| lex::named("SP", error))
}

/// `non-ws-string = 1*(VCHAR/%x80-FF)`; also for each `token` of the grammar, whose name is `rule`.
pub(super) fn non_ws_string<'a>(input: &'a [u8], rule: &'static str) -> Parsed<'a> {
    take_while1(is_visible)
        .parse(input)
        .map_err(|error: nom::Err<Mismatch>| lex::named(rule, error))
}

/// A visible octet, or one from 0x80 up.
fn is_visible(octet: u8) -> bool {
    octet > b' ' && octet != 0x7f
}

/// A rule that is one [`non_ws_string`].
pub(super) fn field<'a>(
    rule: &'static str,
) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Mismatch> {
    move |input| non_ws_string(input, rule)
}

/// `integer = POS-DIGIT *DIGIT`
fn integer(input: &[u8]) -> Parsed<'_, u32> {
    match number(input, u32::MAX, "integer")? {
        (_, 0) => Mismatch::at(input, "integer"),
        read => Ok(read),
    }
}

/// `media-field = %s"m" "=" media SP port ["/" integer] SP proto 1*(SP fmt) CRLF`; there may be no `fmt`, as in a
/// rejected stream of some phones.
pub(super) fn media_field(input: &[u8]) -> Parsed<'_, MediaField<'_>> {
    let (from_port, (media, _)) = (field("media"), sp).parse(input)?;
    let (left, port) = port(from_port)?;
    let port_text = &from_port[..from_port.len() - left.len()];
    let (left, port_count) = after_slash(left, integer)?;
    let (left, proto) = preceded(sp, field("proto")).parse(left)?;
    let (left, formats) = take_while(|octet| octet == b' ' || is_visible(octet)).parse(left)?;
    let field = MediaField {
        media,
        port,
        port_text,
        port_count,
        proto,
        formats,
    };
    Ok((left, field))
}

/// `connection-field = %s"c" "=" nettype SP addrtype SP connection-address CRLF`
pub(super) fn connection_field(input: &[u8]) -> Parsed<'_, Connection<'_>> {
    let (from_type, net_type) = terminated(field("nettype"), sp).parse(input)?;
    let (from_address, addr_type) = terminated(field("addrtype"), sp).parse(from_type)?;
    let (left, address) = if net_type == b"IN" {
        connection_address(from_address)?
    } else {
        let (left, text) = non_ws_string(from_address, "connection-address")?;
        (left, ConnectionAddress::opaque(text))
    };
    let connection = Connection {
        net_type,
        addr_type,
        address,
        addressing: &from_type[..from_type.len() - left.len()],
    };
    Ok((left, connection))
}

/// `connection-address = multicast-address / unicast-address`, of nettype `IN`: `address["/" ttl]["/" count]`, and no
/// `ttl` for IPv6.
fn connection_address(input: &[u8]) -> Parsed<'_, ConnectionAddress<'_>> {
    let is_part = |octet| is_visible(octet) && octet != b'/';
    let (left, text) = take_while1(is_part)
        .parse(input)
        .map_err(|error: nom::Err<Mismatch>| lex::named("connection-address", error))?;
    let mut address = ConnectionAddress::opaque(text);
    address.ip = ip(text);
    let mut left = left;
    if !matches!(address.ip, Some(IpAddr::V6(_))) {
        (left, address.ttl) = after_slash(left, ttl)?;
    }
    (left, address.count) = after_slash(left, integer)?;
    Ok((left, address))
}

/// `ttl = (POS-DIGIT *2DIGIT) / "0"`, up to 255.
fn ttl(input: &[u8]) -> Parsed<'_, u8> {
    let (left, ttl) = number(input, u32::from(u8::MAX), "ttl")?;
    Ok((left, ttl as u8))
}

/// `["/" rule]`: once the slash is there, so must be the rest.
fn after_slash<T>(input: &[u8], rule: fn(&[u8]) -> Parsed<'_, T>) -> Parsed<'_, Option<T>> {
    match input.split_first() {
        Some((b'/', after)) => {
            let (left, read) = rule(after)?;
            Ok((left, Some(read)))
        }
        _ => Ok((input, None)),
    }
}

impl<'a> ConnectionAddress<'a> {
    fn opaque(text: &'a [u8]) -> ConnectionAddress<'a> {
        ConnectionAddress {
            text,
            ip: None,
            ttl: None,
            count: None,
        }
    }
}

/// `IP4-address / IP6-address`; anything else is a name.
pub(super) fn ip(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
