//! The one place where messages with flaws are sorted out, before the transaction layer sees them (RFC 3261 §8.2,
//! §16.3 step 1, §18.3).
//!
//! Whoever sits on top, a proxy or a single closure, meets only messages whose mandatory headers are there and can be
//! read, whose CSeq names their method, and whose body is complete.

use sip_core::{Message, Method, StatusCode, validate};

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may go on.
    Pass,
    /// It is answered with this status, and goes no further.
    Answer(StatusCode),
    /// Nothing is owed: a response, an ACK (§17.1.1.3), or a request whose sender cannot be told.
    Drop,
}

/// Judges `message`.
pub(crate) fn screen(message: &Message) -> Verdict {
    match (validate(message), message) {
        (Ok(()), _) => Verdict::Pass,
        (Err(flaw), Message::Request(request)) if *request.method() != Method::Ack => {
            flaw.status.map_or(Verdict::Drop, Verdict::Answer)
        }
        (Err(_), _) => Verdict::Drop,
    }
}
