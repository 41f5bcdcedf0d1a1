//! Addresses with their names, and the parameters of headers (RFC 3261 §25.1).

use nom::Parser;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::char;
use nom::sequence::delimited;

use super::octets::{DISPLAY, GEN_VALUE, VISIBLE, is, run_end};
use super::{Mismatch, Parsed, absolute_uri, equal, named, quoted_string, semi, sws, token};

/// `generic-param = token [EQUAL gen-value]`
pub(crate) fn generic_param(input: &[u8]) -> Parsed<'_, (&[u8], Option<&[u8]>)> {
    let (left, name) = token(input)?;
    match equal(left) {
        Ok((value, _)) => {
            let (left, value) = gen_value(value)?;
            Ok((left, (name, Some(value))))
        }
        Err(_) => Ok((left, (name, None))),
    }
}

/// `gen-value = token / host / quoted-string`, widened: it may be empty, and hold anything that does not end it. It may
/// also be a URI in brackets, as the `info` of Identity is (RFC 8224 §4).
pub(crate) fn gen_value(input: &[u8]) -> Parsed<'_> {
    match input.first() {
        Some(b'"') => quoted_string(input),
        Some(b'<') => bracketed_uri(input),
        _ => {
            let (value, left) = input.split_at(run_end(input, 0, GEN_VALUE));
            Ok((left, value))
        }
    }
}

/// `"<" absoluteURI ">"`, brackets included.
pub(crate) fn bracketed_uri(input: &[u8]) -> Parsed<'_> {
    let (left, _) = delimited(char('<'), absolute_uri, char('>')).parse(input)?;
    Ok((left, &input[..input.len() - left.len()]))
}

/// Whether `value` is a [`gen_value`] that is neither empty nor quoted nor in brackets.
pub(crate) fn is_unquoted(value: &[u8]) -> bool {
    !matches!(value.first(), None | Some(b'"' | b'<'))
}

/// `*(SEMI generic-param)`, the leading `;` included; `see` is shown each parameter and may refuse it.
///
/// Every header's parameters are read here. An empty parameter does not match (RFC 4475 §3.1.2.1).
pub(crate) fn params<'a>(
    input: &'a [u8],
    mut see: impl FnMut(&'a [u8], Option<&'a [u8]>) -> Result<(), &'static str>,
) -> Parsed<'a> {
    let mut left = input;
    while let Ok((parameter, _)) = semi(left) {
        let (after, (name, value)) = generic_param(parameter)?;
        if let Err(rule) = see(name, value) {
            return Mismatch::at(parameter, rule);
        }
        left = after;
    }
    Ok((left, &input[..input.len() - left.len()]))
}

/// A display name and a URI, neither looked into.
pub(crate) struct AddrPart<'a> {
    /// As written, quotes included; empty when there is none.
    pub(crate) display: &'a [u8],
    /// Without its brackets.
    pub(crate) uri: &'a [u8],
}

/// `name-addr / addr-spec`. Without brackets the URI ends at the first `;`, what follows belongs to the header,
/// and `,` and `?` may not stand in it (§20).
pub(crate) fn address(input: &[u8]) -> Parsed<'_, AddrPart<'_>> {
    match display_name(input) {
        Ok((left @ [b'<', ..], display)) => bracketed(left, display),
        Ok(_) if input.first() != Some(&b'"') => addr_spec(input),
        _ => name_addr(input),
    }
}

/// `name-addr = [display-name] LAQUOT addr-spec RAQUOT`
pub(crate) fn name_addr(input: &[u8]) -> Parsed<'_, AddrPart<'_>> {
    let (left, display) = display_name(input)?;
    bracketed(left, display)
}

/// `"<" addr-spec RAQUOT`
fn bracketed<'a>(input: &'a [u8], display: &'a [u8]) -> Parsed<'a, AddrPart<'a>> {
    let Some((b'<', after)) = input.split_first() else {
        return Mismatch::at(input, "name-addr");
    };
    let Some(end) = memchr::memchr(b'>', after) else {
        return Mismatch::at(&after[after.len()..], "RAQUOT");
    };
    let (uri, left) = (&after[..end], &after[end + 1..]);
    Ok((sws(left)?.0, AddrPart { display, uri }))
}

/// `display-name = *(token LWS) / quoted-string`, and the white space behind it. The space before `<` may be
/// missing (RFC 4475 §3.1.1.6), and words may hold whatever cannot be taken for something else.
pub(crate) fn display_name(input: &[u8]) -> Parsed<'_> {
    if input.first() == Some(&b'"') {
        let (left, name) = quoted_string(input)?;
        return Ok((sws(left)?.0, name));
    }
    let (name, left) = input.split_at(run_end(input, 0, DISPLAY));
    Ok((left, name.trim_ascii_end()))
}

/// A bare `addr-spec`, as [`address`] allows it.
fn addr_spec(input: &[u8]) -> Parsed<'_, AddrPart<'_>> {
    let (left, uri) = take_while(|octet| {
        is(octet, VISIBLE) && !matches!(octet, b';' | b',' | b'?' | b'<' | b'>' | b'"')
    })
    .parse(input)?;
    Ok((
        left,
        AddrPart {
            display: &input[..0],
            uri,
        },
    ))
}

/// The value of an `auth-param` whose quotes were left out: up to the next comma or white space.
pub(crate) fn unquoted_auth_value(input: &[u8]) -> Parsed<'_> {
    take_while1(|octet| is(octet, VISIBLE) && !matches!(octet, b',' | b'"'))
        .parse(input)
        .map_err(|error| named("auth-param", error))
}
