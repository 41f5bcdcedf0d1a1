//! What can be wrong with a message as a whole, and which response it deserves (RFC 3261 §21).

use crate::StatusCode;

/// The bytes are no SIP message at all: there is nobody to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SIP message: expected {expected} at octet {offset}")]
pub struct ParseError {
    /// Where in the bytes the reading stopped.
    pub offset: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// A defect of a message that could be read all the same, so that it can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at octet {offset}")]
pub struct Flaw {
    /// Where in the message, in bytes from its start line.
    pub offset: usize,
    /// What should stand there.
    pub expected: &'static str,
    /// The response it deserves (§21); `None` when silence is right, as for any response and for ACK.
    pub status: Option<StatusCode>,
}

impl Flaw {
    /// A defect of a request that deserves `status`.
    pub(crate) fn new(offset: usize, expected: &'static str, status: StatusCode) -> Flaw {
        Flaw {
            offset,
            expected,
            status: Some(status),
        }
    }

    /// The same, of a message nobody may answer.
    pub(crate) fn unanswered(self) -> Flaw {
        Flaw {
            status: None,
            ..self
        }
    }
}
