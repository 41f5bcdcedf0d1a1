//! From bytes to a message: one pass over the head, nothing read that nobody asked for (RFC 3261 §7, §18.3).

mod error;
mod head;
pub(crate) mod lex;
mod stream;

use bytes::Bytes;

pub use error::{Flaw, ParseError};
pub(crate) use head::{Head, StartLine};
pub use stream::{Frame, FrameError, StreamFramer};

use crate::{Message, StatusCode};

/// How much of a message is read before it is refused. What exceeds a limit is a [`Flaw`] with the status of
/// §21: 413, 414 or 513.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a message, head and body.
    pub max_message: usize,
    /// Octets up to and including the empty line.
    pub max_head: usize,
    /// Header lines.
    pub max_headers: usize,
    /// Octets of one header line, its folds included; more than 65,535 around a value are never taken.
    pub max_line: usize,
    /// Folds of one header line.
    pub max_folds: usize,
    /// Octets of the Request-URI.
    pub max_uri: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_message: 65_535,
            max_head: 32_768,
            max_headers: 256,
            max_line: 16_384,
            max_folds: 64,
            max_uri: 4_096,
        }
    }
}

/// Reads the message in one datagram. Octets after its Content-Length are ignored; without one the body is
/// what remains (§18.3).
///
/// Whatever can be represented is kept, so that a broken request can be answered: see [`Message::flaw`].
///
/// # Errors
/// When there is no SIP start line: such bytes deserve no answer.
pub fn parse_message(bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
    let skipped = head::leading_crlfs(&bytes);
    let mut bytes = bytes.slice(skipped..);
    let oversized = bytes.len() > limits.max_message;
    bytes.truncate(limits.max_message);
    let head = Head::parse(&bytes, limits).map_err(|error| ParseError {
        offset: error.offset + skipped,
        ..error
    })?;
    let rest = bytes.len() - head.length;
    let (body_length, complete) = match head.content_length {
        _ if head.unframed => (rest, true),
        Some(length) if length as usize <= rest => (length as usize, true),
        Some(_) => (rest, false),
        None => (rest, !oversized),
    };
    bytes.truncate(head.length + body_length);
    let message_length = bytes.len();
    let mut message = Message::from_head(head, bytes);
    if oversized && !complete {
        let status = StatusCode::MESSAGE_TOO_LARGE;
        message.note(Flaw::new(limits.max_message, "a shorter message", status));
    } else if !complete {
        let status = StatusCode::BAD_REQUEST;
        message.note(Flaw::new(
            message_length,
            "Content-Length octets of body",
            status,
        ));
    }
    Ok(message)
}
