//! URIs: sip, sips, tel, or anything else kept verbatim (RFC 3261 §19.1).

mod aor;
mod compare;
mod escape;
mod extensions;
mod headers;
mod host;
mod phone;
mod sip;
mod tel;

pub use aor::AddressOfRecord;
pub use escape::unescape;
pub use host::{Host, HostName, HostPort};
pub use sip::SipUri;
pub use tel::TelUri;

use std::fmt;
use std::str::FromStr;

use crate::Text;
use crate::parse::lex::{self, Expected};
use crate::text::ForbiddenOctet;

/// What a request is for, or whom it is from. `==` compares the text; what the RFCs call the same is told by
/// [`Uri::equivalent`].
///
/// ```
/// use sip_core::Uri;
///
/// let uri: Uri = "sip:ada@example.com".parse()?;
/// assert_eq!(uri.as_sip().and_then(|sip| sip.user()), Some(&b"ada"[..]));
/// let other: Uri = "soap.beep://192.0.2.103:3002".parse()?;
/// assert_eq!(other.scheme(), b"soap.beep");
/// # Ok::<(), sip_core::UriError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// `tel:`, a telephone number (RFC 3966).
    Tel(TelUri),
    /// Any other scheme, not looked into.
    Other(Text),
}

/// The text is no URI this crate can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at octet {offset} of the URI")]
pub struct UriError {
    /// Where in the URI, in octets.
    pub offset: usize,
    /// The ABNF rule that did not match.
    pub expected: &'static str,
}

impl UriError {
    pub(crate) fn new(offset: usize, expected: &'static str) -> UriError {
        UriError { offset, expected }
    }
}

impl From<Expected> for UriError {
    fn from(expected: Expected) -> UriError {
        UriError::new(expected.offset, expected.rule)
    }
}

impl From<ForbiddenOctet> for UriError {
    fn from(forbidden: ForbiddenOctet) -> UriError {
        UriError::new(forbidden.offset, "no CR, LF or NUL")
    }
}

impl Uri {
    /// Reads a URI, sharing the bytes. No white space may stand around it.
    ///
    /// # Errors
    /// If it has no scheme, or does not follow its scheme's grammar.
    pub fn parse(text: &Text) -> Result<Uri, UriError> {
        Uri::read(text.clone()).map_err(|(error, _)| error)
    }

    /// [`Uri::parse`] of a text that is not needed besides; it comes back with an error.
    pub(crate) fn read(text: Text) -> Result<Uri, (UriError, Text)> {
        match &text[..] {
            [b's' | b'S', b'i' | b'I', b'p' | b'P', b':', ..] => {
                SipUri::read(text, "sip:".len(), false).map(Uri::Sip)
            }
            [b's' | b'S', b'i' | b'I', b'p' | b'P', b's' | b'S', b':', ..] => {
                SipUri::read(text, "sips:".len(), true).map(Uri::Sip)
            }
            [b't' | b'T', b'e' | b'E', b'l' | b'L', b':', ..] => {
                match TelUri::read(&text, "tel:".len()) {
                    Ok(uri) => Ok(Uri::Tel(uri)),
                    Err(error) => Err((error, text)),
                }
            }
            _ => match lex::exactly(&text, lex::absolute_uri) {
                Ok(_) => Ok(Uri::Other(text)),
                Err(expected) => Err((expected.into(), text)),
            },
        }
    }

    /// The URI as it was written, or composed.
    #[must_use]
    pub fn as_text(&self) -> &Text {
        match self {
            Uri::Sip(uri) => uri.as_text(),
            Uri::Tel(uri) => uri.as_text(),
            Uri::Other(text) => text,
        }
    }

    /// The URI, if it is `sip:` or `sips:`.
    #[must_use]
    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Uri::Sip(uri) => Some(uri),
            _ => None,
        }
    }

    /// The URI, if it is `tel:`.
    #[must_use]
    pub fn as_tel(&self) -> Option<&TelUri> {
        match self {
            Uri::Tel(uri) => Some(uri),
            _ => None,
        }
    }

    /// What stands before the colon, as written; the same in any case.
    #[must_use]
    pub fn scheme(&self) -> &[u8] {
        let text = self.as_text();
        &text[..memchr::memchr(b':', text).unwrap_or(0)]
    }

    /// Whether both mean the same by their scheme's rules: §19.1.4, RFC 3966 §4; any other scheme octet by octet.
    #[must_use]
    pub fn equivalent(&self, other: &Uri) -> bool {
        match (self, other) {
            (Uri::Sip(a), Uri::Sip(b)) => a.equivalent(b),
            (Uri::Tel(a), Uri::Tel(b)) => a.equivalent(b),
            (Uri::Other(a), Uri::Other(b)) => a == b,
            _ => false,
        }
    }

    /// A copy that lets go of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> Uri {
        match self {
            Uri::Sip(uri) => Uri::Sip(uri.detached()),
            Uri::Tel(uri) => Uri::Tel(uri.detached()),
            Uri::Other(text) => Uri::Other(text.detached()),
        }
    }
}

impl FromStr for Uri {
    type Err = UriError;
    fn from_str(uri: &str) -> Result<Uri, UriError> {
        Uri::parse(&Text::new(uri)?)
    }
}

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Uri {
        Uri::Sip(uri)
    }
}

impl From<TelUri> for Uri {
    fn from(uri: TelUri) -> Uri {
        Uri::Tel(uri)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_text().fmt(f)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_text(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Result<Uri, UriError> {
        text.parse()
    }

    #[test]
    fn schemes_are_the_same_in_any_case() {
        for sip in ["sip:a@b", "SIP:a@b", "SiPs:a@b"] {
            assert!(uri(sip).unwrap().as_sip().is_some(), "{sip}");
        }
        assert!(uri("TEL:+15551234").unwrap().as_tel().is_some());
    }

    #[test]
    fn an_unknown_scheme_is_kept_verbatim() {
        for other in [
            "nobodyKnowsThisScheme:totallyopaquecontent",
            "soap.beep://192.0.2.103:3002",
            "isbn:2983792873",
            "http://www.example.com",
            "name:John_Smith",
        ] {
            assert_eq!(uri(other).unwrap(), Uri::Other(Text::from_static(other)));
        }
    }

    #[test]
    fn brackets_and_white_space_are_no_part_of_a_uri() {
        for bad in [
            "<sip:user@example.com>",
            "sip:user@example.com; lr",
            " sip:user@example.com",
            "sip:user@example.com ",
            "http://a b",
            "http:",
            "1sip:a@b",
            "sip",
            "",
            ":a",
            "sip:a@b\r\nVia: x",
        ] {
            assert!(uri(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_error_says_where() {
        assert_eq!(
            uri("sip:user@example.com; lr"),
            Err(UriError::new(21, "uri-parameter"))
        );
        assert_eq!(uri("sip:user@:5060"), Err(UriError::new(9, "host")));
        assert_eq!(uri("sip:2001:db8::10"), Err(UriError::new(9, "port")));
    }
}
