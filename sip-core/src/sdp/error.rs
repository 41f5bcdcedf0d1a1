//! What can be wrong with a session description.

/// A session description that cannot be read. The peer erred; a proxy can still forward it, and whoever has to answer
/// says 400 or 488.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at octet {offset}")]
pub struct SdpError {
    /// Where in the description, in octets from its start.
    pub offset: usize,
    /// What should stand there, in the words of the grammar (RFC 8866 §9).
    pub expected: &'static str,
}

impl SdpError {
    pub(super) fn new(offset: usize, expected: &'static str) -> SdpError {
        SdpError { offset, expected }
    }
}
