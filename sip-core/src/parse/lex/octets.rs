//! Classes of octets, and runs of them (RFC 3261 §25.1).

use super::{Mismatch, Parsed};

pub(super) const TOKEN: u16 = 1;
pub(super) const USER: u16 = 1 << 1;
pub(super) const PASSWORD: u16 = 1 << 2;
pub(super) const URI_PARAM: u16 = 1 << 3;
pub(super) const URI_HEADER: u16 = 1 << 4;
pub(super) const LABEL: u16 = 1 << 5;
pub(super) const QDTEXT: u16 = 1 << 6;
pub(super) const GEN_VALUE: u16 = 1 << 7;
pub(super) const DISPLAY: u16 = 1 << 8;
pub(super) const VISIBLE: u16 = 1 << 9;
pub(super) const CTEXT: u16 = 1 << 10;

/// The classes of each octet, one bit each: a rule is one look-up an octet.
static CLASSES: [u16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = classes(octet as u8);
        octet += 1;
    }
    table
};

const fn classes(octet: u8) -> u16 {
    let alphanum = octet.is_ascii_alphanumeric();
    let unreserved = alphanum || among(octet, b"-_.!~*'()");
    let high = octet >= 0x80;
    let visible = octet > b' ' && octet != 0x7f;
    let printable = visible || among(octet, b" \t");
    // `#` stands in dialled digits, and nothing else of a SIP URI can begin with it.
    bit(TOKEN, alphanum || among(octet, b"-.!%*_+`'~"))
        | bit(USER, unreserved || high || among(octet, b"&=+$,;?/#"))
        | bit(PASSWORD, unreserved || high || among(octet, b"&=+$,"))
        | bit(URI_PARAM, unreserved || high || among(octet, b"[]/:&+$,#"))
        | bit(URI_HEADER, unreserved || among(octet, b"[]/?:+$&="))
        | bit(LABEL, alphanum || among(octet, b"-_"))
        | bit(QDTEXT, printable && !among(octet, b"\"\\"))
        | bit(GEN_VALUE, visible && !among(octet, b"\",;<>"))
        | bit(DISPLAY, printable && !among(octet, b"\",;<>"))
        | bit(VISIBLE, visible)
        | bit(CTEXT, printable && !among(octet, b"()\\"))
}

const fn bit(class: u16, is_in: bool) -> u16 {
    if is_in { class } else { 0 }
}

const fn among(octet: u8, set: &[u8]) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == octet {
            return true;
        }
        at += 1;
    }
    false
}

#[inline]
pub(super) fn is(octet: u8, class: u16) -> bool {
    CLASSES[octet as usize] & class != 0
}

/// Where the octets of `class` end that stand at `from` and behind it.
#[inline]
pub(super) fn run_end(input: &[u8], from: usize, class: u16) -> usize {
    let mut end = from;
    // Four to a turn, so that the end of the input is looked for less often.
    while let Some([a, b, c, d]) = input.get(end..).and_then(<[u8]>::first_chunk) {
        if !is(*a, class) {
            return end;
        }
        if !is(*b, class) {
            return end + 1;
        }
        if !is(*c, class) {
            return end + 2;
        }
        if !is(*d, class) {
            return end + 3;
        }
        end += 4;
    }
    while input.get(end).is_some_and(|octet| is(*octet, class)) {
        end += 1;
    }
    end
}

/// At least one octet of `class`, called `rule`.
#[inline]
pub(super) fn run_of<'a>(input: &'a [u8], class: u16, rule: &'static str) -> Parsed<'a> {
    let end = run_end(input, 0, class);
    if end == 0 {
        return Mismatch::at(input, rule);
    }
    let (read, left) = input.split_at(end);
    Ok((left, read))
}

/// Any number of octets of `class` and of `escaped = "%" HEXDIG HEXDIG`. A lone `%` ends the run.
#[inline]
pub(super) fn escaped_run(input: &[u8], class: u16) -> Parsed<'_> {
    let mut end = run_end(input, 0, class);
    while let Some([b'%', digits @ ..]) = input.get(end..end + 3)
        && is_hex(digits)
    {
        end = run_end(input, end + 3, class);
    }
    let (read, left) = input.split_at(end);
    Ok((left, read))
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}
