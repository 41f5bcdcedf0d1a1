//! Hosts and ports (RFC 3261 §25.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::Parser;
use nom::bytes::complete::take_while;
use nom::character::complete::char;
use nom::combinator::recognize;

use super::octets::{LABEL, run_end};
use super::{Mismatch, Parsed, colon, named, number};

/// A host as it is written, and the address if it is one.
#[derive(Clone, Copy)]
pub(crate) struct HostPart<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) ip: Option<IpAddr>,
}

/// `host = hostname / IPv4address / IPv6reference`
pub(crate) fn host(input: &[u8]) -> Parsed<'_, HostPart<'_>> {
    if input.first() == Some(&b'[') {
        return ipv6reference(input);
    }
    let (left, text) = hostname(input)?;
    let ip = ipv4address(text).map(IpAddr::V4);
    Ok((left, HostPart { text, ip }))
}

/// `hostname = *(domainlabel ".") toplabel ["."]`, widened: labels may be all digits, hold `_`, and end in `-`.
pub(crate) fn hostname(input: &[u8]) -> Parsed<'_> {
    if input.first() == Some(&b'-') {
        return Mismatch::at(input, "host");
    }
    let mut start = 0;
    loop {
        let end = run_end(input, start, LABEL);
        match input.get(end) {
            Some(b'.') if end > start => start = end + 1,
            // No label: right only behind the dot that may end a name.
            next if end == start && (start == 0 || next == Some(&b'.')) => {
                return Mismatch::at(&input[start..], "host");
            }
            _ => {
                let (read, left) = input.split_at(end);
                return Ok((left, read));
            }
        }
    }
}

fn ipv4address(text: &[u8]) -> Option<Ipv4Addr> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `IPv6reference = "[" IPv6address "]"`
pub(crate) fn ipv6reference(input: &[u8]) -> Parsed<'_, HostPart<'_>> {
    let (left, text) = recognize((char('['), take_while(is_ipv6_octet), char(']')))
        .parse(input)
        .map_err(|error| named("IPv6reference", error))?;
    match ipv6address(&text[1..text.len() - 1]) {
        Some(ip) => Ok((
            left,
            HostPart {
                text,
                ip: Some(IpAddr::V6(ip)),
            },
        )),
        None => Mismatch::at(input, "IPv6address"),
    }
}

/// `IPv6address`; also with the three colons before an IPv4 address that RFC 3261's grammar asks for by mistake
/// (RFC 5118 §4.10).
pub(crate) fn ipv6address(text: &[u8]) -> Option<Ipv6Addr> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().or_else(|| {
        let colons = text.find(":::").filter(|_| text.contains('.'))?;
        let mut repaired = [0; 45];
        let length = text.len() - 1;
        let (before, after) = (&text.as_bytes()[..colons], &text.as_bytes()[colons + 1..]);
        repaired.get_mut(..colons)?.copy_from_slice(before);
        repaired.get_mut(colons..length)?.copy_from_slice(after);
        std::str::from_utf8(&repaired[..length]).ok()?.parse().ok()
    })
}

fn is_ipv6_octet(octet: u8) -> bool {
    octet.is_ascii_hexdigit() || matches!(octet, b':' | b'.')
}

/// `port = 1*DIGIT`, up to 65535.
pub(crate) fn port(input: &[u8]) -> Parsed<'_, u16> {
    let (left, port) = number(input, u32::from(u16::MAX), "port")?;
    Ok((left, port as u16))
}

/// `hostport = host [":" port]`
pub(crate) fn hostport(input: &[u8]) -> Parsed<'_, (HostPart<'_>, Option<u16>)> {
    let (left, host) = host(input)?;
    match left.split_first() {
        Some((b':', digits)) => {
            let (left, port) = port(digits)?;
            Ok((left, (host, Some(port))))
        }
        _ => Ok((left, (host, None))),
    }
}

/// `sent-by = host [COLON port]`: as [`hostport`], with white space around the colon.
pub(crate) fn sent_by(input: &[u8]) -> Parsed<'_, (HostPart<'_>, Option<u16>)> {
    let (left, host) = host(input)?;
    match colon(left) {
        Ok((digits, _)) => {
            let (left, port) = port(digits)?;
            Ok((left, (host, Some(port))))
        }
        Err(_) => Ok((left, (host, None))),
    }
}
