//! What can be wrong with one header.

use super::HeaderName;

/// A header that is missing, doubled or unreadable. The peer erred.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {kind}")]
pub struct HeaderError {
    /// Which header.
    pub name: HeaderName,
    /// What is wrong with it.
    pub kind: HeaderErrorKind,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderErrorKind {
    /// The message has none.
    #[error("missing")]
    Missing,
    /// The message has several where one is allowed (§7.3.1).
    #[error("stands more than once")]
    Repeated,
    /// Its value does not follow the grammar.
    #[error("expected {expected} at octet {offset} of the value")]
    Malformed {
        /// Where in the value, in bytes.
        offset: usize,
        /// The ABNF rule that did not match.
        expected: &'static str,
    },
}

impl HeaderError {
    /// The value of `name` does not follow the grammar at `offset`.
    #[must_use]
    pub fn malformed(name: HeaderName, offset: usize, expected: &'static str) -> HeaderError {
        HeaderError {
            name,
            kind: HeaderErrorKind::Malformed { offset, expected },
        }
    }
}
