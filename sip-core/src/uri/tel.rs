//! Telephone numbers as URIs (RFC 3966).

use std::fmt;
use std::str::FromStr;

use super::escape::{octets, write_escape};
use super::{Uri, UriError};
use crate::Text;
use crate::params::Params;
use crate::parse::lex::{self, Mismatch, Parsed};
use crate::span::Span;

/// `tel:+1-201-555-0123;ext=7`
///
/// A local number should name its `phone-context`; many do not, and are read all the same.
///
/// ```
/// use sip_core::TelUri;
///
/// let uri: TelUri = "tel:+1-201-555-0123;ext=7".parse()?;
/// assert!(uri.is_global());
/// assert_eq!(uri.number(), b"+1-201-555-0123");
/// assert_eq!(uri.digits(), "+12015550123");
/// # Ok::<(), sip_core::UriError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TelUri {
    text: Text,
    number: Span,
    params: Span,
}

impl TelUri {
    /// Reads what follows `tel:`, which ends at `start`.
    pub(super) fn read(text: &Text, start: usize) -> Result<TelUri, UriError> {
        let (number, params) = lex::exactly(&text[start..], telephone_subscriber)
            .map_err(|expected| UriError::new(start + expected.offset, expected.rule))?;
        Ok(TelUri {
            number: Span::of(number, text),
            params: Span::of(params, text),
            text: text.clone(),
        })
    }

    /// The URI as it was written.
    #[must_use]
    pub fn as_text(&self) -> &Text {
        &self.text
    }

    /// The number as written, visual separators and all.
    #[must_use]
    pub fn number(&self) -> &[u8] {
        self.number.bytes(&self.text)
    }

    /// The number without visual separators: `+12015550123`, or for a local number also `A`–`F`, `*` and `#`.
    #[must_use]
    pub fn digits(&self) -> String {
        let digits = without_separators(self.number());
        digits
            .map(|digit| char::from(digit.to_ascii_uppercase()))
            .collect()
    }

    /// Begins with `+`: the number means the same everywhere (§5.1.4).
    #[must_use]
    pub fn is_global(&self) -> bool {
        self.number().first() == Some(&b'+')
    }

    /// `ext`, `isub`, `phone-context` and others.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::of_uri(self.params.bytes(&self.text))
    }

    /// The same number, visual separators set aside, with the same parameters in any order (§4).
    #[must_use]
    pub fn equivalent(&self, other: &TelUri) -> bool {
        self.is_global() == other.is_global()
            && without_separators(self.number()).eq(without_separators(other.number()))
            && ordered_params(self, Separators::Dropped)
                == ordered_params(other, Separators::Dropped)
    }

    /// A copy that lets go of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> TelUri {
        let text = self.text.detached();
        TelUri { text, ..*self }
    }
}

/// What becomes of visual separators in parameters that hold numbers.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Separators {
    Kept,
    Dropped,
}

/// All parameters in small letters and in their order: `isub` or `ext`, `postd` (RFC 2806), `phone-context`, and the
/// others by name (§3; RFC 3261 §19.1.6). `ext` and a numeric `phone-context` are numbers too.
pub(super) fn ordered_params(
    uri: &TelUri,
    separators: Separators,
) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut params: Vec<_> = uri
        .params()
        .iter()
        .map(|(name, value)| {
            let name = folded(name);
            let value = value.map(|value| {
                let is_number = match &name[..] {
                    b"ext" => true,
                    b"phone-context" => value.starts_with(b"+"),
                    _ => false,
                };
                if is_number && separators == Separators::Dropped {
                    without_separators(value).collect()
                } else {
                    folded(value)
                }
            });
            (name, value)
        })
        .collect();
    let rank = |name: &[u8]| match name {
        b"isub" | b"ext" => 0,
        b"postd" => 1,
        b"phone-context" => 2,
        _ => 3,
    };
    params.sort_by(|a, b| (rank(&a.0), a).cmp(&(rank(&b.0), b)));
    params
}

/// In small letters, and without the escapes that nothing needs: `%41` is `a` (§3, §4).
fn folded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for octet in octets(text) {
        let value = octet.value;
        let is_unreserved = value.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&value);
        if octet.escaped && !is_unreserved {
            write_escape(value, &mut out);
        } else {
            out.push(value.to_ascii_lowercase());
        }
    }
    out
}

/// The digits alone, in small letters.
pub(super) fn without_separators(number: &[u8]) -> impl Iterator<Item = u8> {
    number
        .iter()
        .filter(|octet| !is_visual_separator(**octet))
        .map(u8::to_ascii_lowercase)
}

/// `telephone-subscriber = global-number / local-number`: the digits, and the parameters with their `;`.
fn telephone_subscriber(input: &[u8]) -> Parsed<'_, (&[u8], &[u8])> {
    let (left, number) = match input.first() {
        Some(b'+') => digits_of(
            input,
            1,
            |octet| octet.is_ascii_digit(),
            "global-number-digits",
        )?,
        _ => digits_of(input, 0, is_phonedigit_hex, "local-number-digits")?,
    };
    let (left, params) = lex::uri_parameters(left)?;
    Ok((left, (number, params)))
}

fn digits_of<'a>(
    input: &'a [u8],
    sign: usize,
    is_digit: fn(u8) -> bool,
    rule: &'static str,
) -> Parsed<'a> {
    let is_number = |octet: &u8| is_digit(*octet) || is_visual_separator(*octet);
    let length = input[sign..]
        .iter()
        .take_while(|octet| is_number(octet))
        .count();
    let (number, left) = input.split_at(sign + length);
    if number[sign..].iter().any(|octet| is_digit(*octet)) {
        Ok((left, number))
    } else {
        Mismatch::at(input, rule)
    }
}

/// `visual-separator = "-" / "." / "(" / ")"`
fn is_visual_separator(octet: u8) -> bool {
    matches!(octet, b'-' | b'.' | b'(' | b')')
}

/// `phonedigit-hex` but for its separators: `HEXDIG / "*" / "#"`
fn is_phonedigit_hex(octet: u8) -> bool {
    octet.is_ascii_hexdigit() || matches!(octet, b'*' | b'#')
}

impl FromStr for TelUri {
    type Err = UriError;
    fn from_str(uri: &str) -> Result<TelUri, UriError> {
        match uri.parse()? {
            Uri::Tel(uri) => Ok(uri),
            _ => Err(UriError::new(0, "tel")),
        }
    }
}

impl fmt::Display for TelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl fmt::Debug for TelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tel(text: &str) -> TelUri {
        text.parse().unwrap()
    }

    #[test]
    fn visual_separators_are_no_difference() {
        assert!(tel("tel:+1-(201).555.0123").equivalent(&tel("TEL:+12015550123")));
        assert!(!tel("tel:+12015550123").equivalent(&tel("tel:12015550123")));
        assert!(tel("tel:7042;phone-context=+1-9").equivalent(&tel("tel:70-42;Phone-Context=+19")));
        assert!(tel("tel:1;a=x;b").equivalent(&tel("tel:1;B;a=X")));
        assert!(tel("tel:1;a=%4E%3b").equivalent(&tel("tel:1;%61=n%3B")));
        assert!(!tel("tel:1;a=%2B").equivalent(&tel("tel:1;a=+")));
        assert!(!tel("tel:+1").equivalent(&tel("tel:+1;ext=5")));
    }

    #[test]
    fn a_local_number_may_hold_letters_and_signs() {
        assert_eq!(tel("tel:*21#;phone-context=example.com").digits(), "*21#");
        assert_eq!(tel("tel:911").digits(), "911");
    }

    #[test]
    fn a_number_has_a_digit() {
        for bad in [
            "tel:", "tel:+", "tel:-", "tel:+-", "tel:+1a", "tel:xyz", "tel:+1;", "tel:+1 2",
        ] {
            assert!(bad.parse::<TelUri>().is_err(), "{bad}");
        }
    }
}
