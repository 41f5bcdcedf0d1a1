//! One name for a call on all its legs: Session-ID (RFC 7989, and RFC 7329 before it).

use super::with_params::headers_with_params;
use crate::Text;
use crate::parse::lex::{self, Mismatch, Parsed};

headers_with_params! {
    /// The sender's half of the name, and as its parameter `remote` the far side's (RFC 7989 §5).
    ///
    /// ```
    /// use sip_core::{Header, SessionId, Text};
    ///
    /// let id = SessionId::parse(&Text::from_static(
    ///     "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000",
    /// ))?;
    /// assert_eq!(id.local(), b"ab30317f1a784dc48ff824d0d3715d86");
    /// assert!(id.remote().is_some_and(|remote| remote == SessionId::NIL));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    SessionId {
        /// The sender's half: 32 hexadecimal digits.
        local: uuid
    }
}

impl SessionId {
    /// The half of a side that is not known yet.
    pub const NIL: &'static str = "00000000000000000000000000000000";

    /// The far side's half; `None` from a sender of RFC 7329, and for what is no 32 hexadecimal digits.
    #[must_use]
    pub fn remote(&self) -> Option<Text> {
        self.0
            .param("remote")
            .filter(|remote| lex::exactly(remote, uuid).is_ok())
    }
}

/// `sess-uuid = 32(DIGIT / %x61-66)`, also in capitals.
fn uuid(input: &[u8]) -> Parsed<'_> {
    match input.split_at_checked(32) {
        Some((uuid, left)) if uuid.iter().all(u8::is_ascii_hexdigit) => Ok((left, uuid)),
        _ => Mismatch::at(input, "sess-uuid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_has_32_digits() {
        for bad in [
            "",
            "ab30317f1a784dc48ff824d0d3715d8",
            "ab30317f1a784dc48ff824d0d3715d866",
            "ab30317f-1a78-4dc4-8ff8-24d0d3715d86",
            "gb30317f1a784dc48ff824d0d3715d86",
        ] {
            assert!(SessionId::new(bad).is_err(), "{bad}");
        }
        let alone = SessionId::new("AB30317f1a784dc48ff824d0d3715d86").unwrap();
        assert_eq!(alone.remote(), None);
        let short = SessionId::new("ab30317f1a784dc48ff824d0d3715d86 ; remote = 12").unwrap();
        assert_eq!(short.remote(), None);
    }
}
