//! A piece of a message: bytes shared with it, mostly but not surely UTF-8 (RFC 3261 §25.1).

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};

use bytes::Bytes;
use memchr::memchr3;

/// A run of message bytes: cheap to clone and to slice, since it shares the buffer it was received in.
///
/// What the network sent stands here as it came, in whatever encoding. What a program makes goes through
/// [`Text::new`], which refuses CR, LF and NUL, so no value can smuggle a second header into a message.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Bytes);

/// A value holds CR, LF or NUL, which would end the header line it is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("octet {octet:#04x} at offset {offset} is not allowed in a header value")]
pub struct ForbiddenOctet {
    /// Where in the value it stands, in bytes.
    pub offset: usize,
    /// The octet itself.
    pub octet: u8,
}

impl Text {
    /// Nothing at all.
    pub const EMPTY: Text = Text(Bytes::new());

    /// Text known when the program is compiled.
    ///
    /// # Panics
    /// At compile time, when used in a `const`, if it holds CR, LF or NUL.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Text {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            assert!(!is_forbidden(bytes[at]), "CR, LF or NUL in a header value");
            at += 1;
        }
        Text(Bytes::from_static(bytes))
    }

    /// A copy of `value`.
    ///
    /// # Errors
    /// If it holds CR, LF or NUL.
    pub fn new(value: impl AsRef<[u8]>) -> Result<Text, ForbiddenOctet> {
        let value = value.as_ref();
        Text::check(value)?;
        Ok(Text(Bytes::copy_from_slice(value)))
    }

    /// Whether `value` may stand in a header line.
    pub(crate) fn check(value: &[u8]) -> Result<(), ForbiddenOctet> {
        match memchr3(b'\r', b'\n', 0, value) {
            Some(offset) => Err(ForbiddenOctet {
                offset,
                octet: value[offset],
            }),
            None => Ok(()),
        }
    }

    /// Received bytes, as they are: the parser has looked for CR and LF already, or unfolds them later.
    pub(crate) const fn received(bytes: Bytes) -> Text {
        Text(bytes)
    }

    /// Text this crate composed from checked parts. A quoted string that was received may hold an escaped NUL.
    pub(crate) fn composed(bytes: Vec<u8>) -> Text {
        debug_assert!(!bytes.iter().any(|octet| matches!(octet, b'\r' | b'\n')));
        Text(Bytes::from(bytes))
    }

    /// `number` in decimal; below 1000 it allocates nothing.
    pub(crate) fn number(number: u32) -> Text {
        let small = number as usize;
        let from = match small {
            0..10 => 2,
            10..100 => 1,
            100..1000 => 0,
            _ => return Text(Bytes::from(number.to_string())),
        };
        Text(Bytes::from_static(
            &THREE_DIGITS[3 * small + from..3 * small + 3],
        ))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text, with U+FFFD for whatever is not UTF-8.
    #[must_use]
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The part at `range`, sharing the buffer.
    ///
    /// # Panics
    /// If `range` reaches past the end.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Text {
        Text(self.0.slice(range))
    }

    /// The part at `range`, in place of the whole.
    pub(crate) fn into_slice(self, range: Range<usize>) -> Text {
        match range.len() == self.0.len() {
            true => self,
            false => self.slice(range),
        }
    }

    /// A copy without the white space around it.
    pub(crate) fn trimmed(&self) -> Text {
        self.clone().into_trimmed()
    }

    /// The same, in place of the whole.
    pub(crate) fn into_trimmed(self) -> Text {
        let start = self.0.len() - self.0.trim_ascii_start().len();
        let end = self.0.trim_ascii_end().len().max(start);
        self.into_slice(start..end)
    }

    /// A copy that holds its own bytes only, and lets go of the message they came in.
    #[must_use]
    pub fn detached(&self) -> Text {
        Text(Bytes::copy_from_slice(&self.0))
    }
}

/// `000001002…999`.
static THREE_DIGITS: [u8; 3000] = {
    let mut digits = [b'0'; 3000];
    let mut number = 0;
    while number < 1000 {
        digits[3 * number] += (number / 100) as u8;
        digits[3 * number + 1] += (number / 10 % 10) as u8;
        digits[3 * number + 2] += (number % 10) as u8;
        number += 1;
    }
    digits
};

const fn is_forbidden(octet: u8) -> bool {
    matches!(octet, b'\r' | b'\n' | 0)
}

impl Deref for Text {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl TryFrom<&str> for Text {
    type Error = ForbiddenOctet;
    fn try_from(value: &str) -> Result<Text, ForbiddenOctet> {
        Text::new(value)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str_lossy())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_smuggle_a_header() {
        let error = Text::new("a\r\nVia: evil").unwrap_err();
        assert_eq!(
            error,
            ForbiddenOctet {
                offset: 1,
                octet: b'\r'
            }
        );
        assert!(Text::new("a\0").is_err());
        assert!(Text::new("caf\u{e9}").is_ok());
    }

    #[test]
    fn numbers_are_printed_without_leading_zeros() {
        for number in [0, 7, 10, 69, 100, 999, 1000, u32::MAX] {
            assert_eq!(Text::number(number), number.to_string().as_str());
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept() {
        let text = Text::new(b"caf\xe9").unwrap();
        assert_eq!(text.as_str(), None);
        assert_eq!(text.as_bytes(), b"caf\xe9");
        assert_eq!(text.to_str_lossy(), "caf\u{fffd}");
    }
}
