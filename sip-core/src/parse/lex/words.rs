//! White space, separators, and the words between them (RFC 3261 §25.1).

use nom::Parser;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::char;

use super::octets::{CTEXT, QDTEXT, TOKEN, VISIBLE, is, run_of};
use super::{Mismatch, Parsed, named};

/// `SWS = [LWS]`
pub(crate) fn sws(input: &[u8]) -> Parsed<'_> {
    let is_blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let end = match input.first() {
        Some(first) if is_blank(first) => input
            .iter()
            .position(|octet| !is_blank(octet))
            .unwrap_or(input.len()),
        _ => 0,
    };
    let (read, left) = input.split_at(end);
    Ok((left, read))
}

/// `LWS = [*WSP CRLF] 1*WSP`
pub(crate) fn lws(input: &[u8]) -> Parsed<'_> {
    match sws(input)? {
        (_, []) => Mismatch::at(input, "LWS"),
        read => Ok(read),
    }
}

fn separator<'a>(input: &'a [u8], octet: char, rule: &'static str) -> Parsed<'a, char> {
    let (after, _) = sws(input)?;
    match char::<_, Mismatch>(octet).parse(after) {
        Ok((left, found)) => Ok((sws(left)?.0, found)),
        Err(_) => Mismatch::at(after, rule),
    }
}

/// `SLASH = SWS "/" SWS`
pub(crate) fn slash(input: &[u8]) -> Parsed<'_, char> {
    separator(input, '/', "SLASH")
}

/// `SEMI = SWS ";" SWS`
pub(crate) fn semi(input: &[u8]) -> Parsed<'_, char> {
    separator(input, ';', "SEMI")
}

/// `EQUAL = SWS "=" SWS`
pub(crate) fn equal(input: &[u8]) -> Parsed<'_, char> {
    separator(input, '=', "EQUAL")
}

/// `COMMA = SWS "," SWS`
pub(crate) fn comma(input: &[u8]) -> Parsed<'_, char> {
    separator(input, ',', "COMMA")
}

/// `COLON = SWS ":" SWS`
pub(crate) fn colon(input: &[u8]) -> Parsed<'_, char> {
    separator(input, ':', "COLON")
}

/// `token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")`
pub(crate) fn token(input: &[u8]) -> Parsed<'_> {
    run_of(input, TOKEN, "token")
}

/// `STAR`, where nothing else may stand.
pub(crate) fn star(input: &[u8]) -> Parsed<'_> {
    match input.split_at_checked(1) {
        Some((star @ b"*", left)) => Ok((left, star)),
        _ => Mismatch::at(input, "STAR"),
    }
}

/// `token / quoted-string`, quotes included.
pub(crate) fn token_or_quoted(input: &[u8]) -> Parsed<'_> {
    match input.first() {
        Some(b'"') => quoted_string(input),
        _ => token(input),
    }
}

/// Whether all of `text` is a [`token`].
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|octet| is(*octet, TOKEN))
}

/// ``word`` of a Call-ID, widened to every visible octet: it is only ever compared (§20.8).
pub(crate) fn word(input: &[u8]) -> Parsed<'_> {
    run_of(input, VISIBLE, "word")
}

/// [`word`] that parameters may follow: it ends at `;` and `,`.
pub(crate) fn word_before_params(input: &[u8]) -> Parsed<'_> {
    take_while1(|octet| is(octet, VISIBLE) && !matches!(octet, b';' | b','))
        .parse(input)
        .map_err(|error| named("word", error))
}

/// `quoted-string = SWS DQUOTE *(qdtext / quoted-pair) DQUOTE`, quotes included, space before it not.
/// A `quoted-pair` may hold any octet but CR and LF.
pub(crate) fn quoted_string(input: &[u8]) -> Parsed<'_> {
    let (input, _) = sws(input)?;
    if input.first() != Some(&b'"') {
        return Mismatch::at(input, "quoted-string");
    }
    let mut end = 1;
    loop {
        match input.get(end) {
            Some(b'"') => {
                let (read, left) = input.split_at(end + 1);
                return Ok((left, read));
            }
            Some(b'\\') if is_pair(input, end) => end += 2,
            Some(&octet) if is(octet, QDTEXT) => end += 1,
            _ => return Mismatch::at(&input[end..], "quoted-string"),
        }
    }
}

fn is_pair(input: &[u8], backslash: usize) -> bool {
    matches!(input.get(backslash + 1), Some(octet) if !matches!(octet, b'\r' | b'\n'))
}

/// `comment = LPAREN *(ctext / quoted-pair / comment) RPAREN`, parentheses included. Nesting is counted, not
/// recursed into.
pub(crate) fn comment(input: &[u8]) -> Parsed<'_> {
    if input.first() != Some(&b'(') {
        return Mismatch::at(input, "comment");
    }
    let (mut end, mut depth) = (0, 0_usize);
    loop {
        match input.get(end) {
            Some(b'(') => depth += 1,
            Some(b')') => depth -= 1,
            Some(b'\\') if is_pair(input, end) => end += 1,
            Some(&octet) if is(octet, CTEXT) => {}
            _ => return Mismatch::at(&input[end..], "comment"),
        }
        end += 1;
        if depth == 0 {
            let (read, left) = input.split_at(end);
            return Ok((left, read));
        }
    }
}

/// `TEXT-UTF8-TRIM`, possibly empty, in any encoding: everything up to the end but control characters.
pub(crate) fn text_utf8_trim(input: &[u8]) -> Parsed<'_> {
    let (left, read) =
        take_while(|octet| octet == b'\t' || octet >= b' ' && octet != 0x7f).parse(input)?;
    Ok((left, read.trim_ascii_end()))
}
