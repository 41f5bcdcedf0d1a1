//! Which messages belong together: Call-ID, In-Reply-To (RFC 3261 §20.8, §20.21).

use std::fmt;

use super::{Header, HeaderError, HeaderName, ListHeader};
use crate::Text;
use crate::parse::lex;

/// One word, perhaps with an `@` in it; compared octet by octet. Any visible octet may stand in it.
///
/// ```
/// use sip_core::{CallId, Header, Text};
///
/// let call_id = CallId::parse(&Text::from_static("f81d4fae-7dec-11d0-a765-00a0c91e6bf6@192.0.2.1"))?;
/// assert_ne!(call_id, CallId::new("F81D4FAE-7dec-11d0-a765-00a0c91e6bf6@192.0.2.1")?);
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(Text);

impl CallId {
    /// A copy of `call_id`.
    ///
    /// # Errors
    /// If it is empty, or holds white space or control characters.
    pub fn new(call_id: impl AsRef<[u8]>) -> Result<CallId, HeaderError> {
        let octets = bytes::Bytes::copy_from_slice(call_id.as_ref());
        CallId::parse(&Text::received(octets))
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// A copy that lets go of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> CallId {
        CallId(self.0.detached())
    }
}

impl Header for CallId {
    const NAME: HeaderName = HeaderName::CallId;

    fn parse(value: &Text) -> Result<CallId, HeaderError> {
        CallId::read(value.clone())
    }

    fn read(value: Text) -> Result<CallId, HeaderError> {
        let text = value.into_trimmed();
        match lex::exactly(&text, lex::word) {
            Ok(_) => Ok(CallId(text)),
            Err(expected) => Err(expected.in_header(Self::NAME)),
        }
    }

    fn as_text(&self) -> Text {
        self.0.clone()
    }
}

/// A call this one answers (§20.21).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InReplyTo(pub CallId);

impl Header for InReplyTo {
    const NAME: HeaderName = HeaderName::InReplyTo;
    const LIST: bool = true;

    fn parse(value: &Text) -> Result<InReplyTo, HeaderError> {
        match CallId::parse(value) {
            Ok(call_id) => Ok(InReplyTo(call_id)),
            Err(HeaderError { kind, .. }) => Err(HeaderError {
                name: Self::NAME,
                kind,
            }),
        }
    }

    fn as_text(&self) -> Text {
        self.0.as_text()
    }
}

impl ListHeader for InReplyTo {}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_quotes_need_no_balance() {
        // RFC 4475 §3.1.1.2 (intmeth)
        let odd = "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{";
        assert_eq!(CallId::new(odd).unwrap().as_text(), odd);
    }

    #[test]
    fn it_is_one_word() {
        for bad in ["", " ", "a b", "a\tb", "a\r\nVia: x", "a\0", "a\x7f"] {
            assert!(CallId::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            CallId::parse(&Text::from_static("  a@b ")),
            CallId::new("a@b")
        );
    }
}
