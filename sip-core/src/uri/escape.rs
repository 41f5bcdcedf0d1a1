//! Escapes: `"%" HEXDIG HEXDIG` (RFC 3261 §19.1.2, §25.1).

use std::borrow::Cow;

/// `text` with every `%41` as the octet it stands for. Once: what comes out is not looked at again, so
/// `%25%34%31` gives `%41`.
///
/// ```
/// assert_eq!(sip_core::unescape(b"sips%3Auser%40example.com"), &b"sips:user@example.com"[..]);
/// ```
#[must_use]
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(octets(text).map(|octet| octet.value).collect())
}

/// One octet of a URI component.
pub(crate) struct Octet {
    pub(crate) value: u8,
    pub(crate) escaped: bool,
}

/// The octets `text` stands for. A `%` without two digits is itself.
pub(crate) fn octets(text: &[u8]) -> impl Iterator<Item = Octet> {
    let mut left = text;
    std::iter::from_fn(move || match left {
        [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            left = rest;
            let value = 16 * hex(*high) + hex(*low);
            Some(Octet {
                value,
                escaped: true,
            })
        }
        [value, rest @ ..] => {
            left = rest;
            Some(Octet {
                value: *value,
                escaped: false,
            })
        }
        [] => None,
    })
}

/// The value of an octet that is a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Appends `text` as a user part: what may not stand there unescaped is escaped, so the URI reads back to `text`.
pub(crate) fn write_user(text: &[u8], out: &mut Vec<u8>) {
    write_escaping(text, |_| false, out);
}

/// Appends a `telephone-subscriber` as a user part (§19.1.2): as [`write_user`], but what is escaped already stays.
pub(crate) fn write_subscriber(subscriber: &[u8], out: &mut Vec<u8>) {
    write_escaping(subscriber, |octet| octet == b'%', out);
}

fn write_escaping(text: &[u8], stays: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    for &octet in text {
        let plain = octet.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&octet);
        if plain || stays(octet) {
            out.push(octet);
        } else {
            write_escape(octet, out);
        }
    }
}

/// `%4A`
pub(crate) fn write_escape(octet: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let (high, low) = (usize::from(octet >> 4), usize::from(octet & 15));
    out.extend_from_slice(&[b'%', DIGITS[high], DIGITS[low]]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_once() {
        assert_eq!(unescape(b"value%25%34%31"), &b"value%41"[..]);
        assert_eq!(unescape(b"%00-%7f-%fF"), &b"\x00-\x7f-\xff"[..]);
        assert_eq!(unescape(b"100%"), &b"100%"[..]);
        assert_eq!(unescape(b"%4"), &b"%4"[..]);
    }

    #[test]
    fn a_user_part_reads_back_to_what_it_was_made_of() {
        let user = b"a b@c:%41\"<>\x00\xe9;x=1";
        let mut written = Vec::new();
        write_user(user, &mut written);
        assert_eq!(written, b"a%20b%40c%3A%2541%22%3C%3E%00%E9;x=1");
        assert_eq!(unescape(&written), &user[..]);
    }
}
