//! Messages on a stream: Content-Length tells where one ends (RFC 3261 §18.3), CRLFs between them keep the
//! connection alive (RFC 5626 §3.5.1).

// Messages pass by value, in errors as well: a broken one is as welcome to its answer.
#![allow(clippy::large_enum_variant, clippy::result_large_err)]

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

use super::{Flaw, Head, Limits};
use crate::{Message, StatusCode};

/// Cuts what arrives on a connection into messages.
///
/// ```
/// use sip_core::{Frame, Limits, StreamFramer};
///
/// let mut framer = StreamFramer::new(Limits::default());
/// framer.push(b"OPTIONS sip:bob@b.example SIP/2.0\r\nContent-Le");
/// assert!(framer.next().unwrap().is_none());
/// framer.push(b"ngth: 2\r\n\r\nhi");
/// assert!(matches!(framer.next(), Ok(Some(Frame::Message(message))) if message.body() == "hi"));
/// ```
#[derive(Debug)]
pub struct StreamFramer {
    limits: Limits,
    buffer: BytesMut,
    /// The end of the head does not start before this octet.
    searched: usize,
    /// The first line in the buffer was found to be a start line.
    started: bool,
    /// Read, and waiting for its body.
    head: Option<Box<Head>>,
    /// The last thing that came was one CRLF.
    half_ping: bool,
    failed: bool,
}

/// What a connection brought.
#[derive(Debug)]
pub enum Frame {
    /// A message, perhaps with a flaw that leaves its end known.
    Message(Message),
    /// The second CRLF in a row: the peer wants one in return.
    Ping,
    /// A CRLF: the answer to a ping, or the first half of one.
    ///
    /// Which of the two only the next octets could tell, so the side that accepted the connection ignores it, and
    /// the side that sent a ping takes either frame for its answer.
    Pong,
}

/// Where the next message starts cannot be known any more: answer, then close the connection.
#[derive(Debug, thiserror::Error)]
#[error("lost the message boundaries: {flaw}")]
pub struct FrameError {
    /// What was met.
    pub flaw: Flaw,
    /// As much of the message as can be answered; `None` when it was no SIP.
    pub message: Option<Message>,
}

impl StreamFramer {
    /// A framer for a new connection. It holds no buffer while nothing is under way.
    #[must_use]
    pub fn new(limits: Limits) -> StreamFramer {
        StreamFramer {
            limits,
            buffer: BytesMut::new(),
            searched: 0,
            started: false,
            head: None,
            half_ping: false,
            failed: false,
        }
    }

    /// Takes what was received. Call [`StreamFramer::next`] until it has nothing, or the buffer grows.
    pub fn push(&mut self, received: &[u8]) {
        if !self.failed {
            self.buffer.extend_from_slice(received);
        }
    }

    /// Nothing is under way and no buffer is held.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next thing that arrived completely, or `None` when more octets are needed.
    ///
    /// # Errors
    /// Once, when the stream makes no sense from here on. After that nothing more comes out of it.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.failed {
            return Ok(None);
        }
        let next = self.advance();
        if next.is_err() {
            self.failed = true;
            self.buffer.clear();
        }
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        next
    }

    fn advance(&mut self) -> Result<Option<Frame>, FrameError> {
        let head = match self.head.take() {
            Some(head) => *head,
            None => {
                if let Some(frame) = self.keep_alive() {
                    return Ok(Some(frame));
                }
                match self.read_head()? {
                    Some(head) => head,
                    None => return Ok(None),
                }
            }
        };
        let body_length = head.content_length.unwrap_or(0) as usize;
        let length = head.length + body_length;
        if self.buffer.len() < length {
            self.head = Some(Box::new(head));
            return Ok(None);
        }
        self.started = false;
        self.searched = 0;
        let bytes = self.buffer.split_to(length).freeze();
        Ok(Some(Frame::Message(Message::from_head(head, bytes, None))))
    }

    fn keep_alive(&mut self) -> Option<Frame> {
        if self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
            self.half_ping = !self.half_ping;
            return Some(if self.half_ping {
                Frame::Pong
            } else {
                Frame::Ping
            });
        }
        if !self.buffer.is_empty() && self.buffer[..] != b"\r"[..] {
            self.half_ping = false;
        }
        None
    }

    /// The head, once it is complete and tells where the body ends.
    fn read_head(&mut self) -> Result<Option<Head>, FrameError> {
        let Some(found) = memmem::find(&self.buffer[self.searched..], b"\r\n\r\n") else {
            self.expect_start_line()?;
            self.searched = self.buffer.len().saturating_sub(3);
            if self.buffer.len() >= self.limits.max_head {
                return Err(self.too_large("a shorter header"));
            }
            return Ok(None);
        };
        let length = self.searched + found + 4;
        if length > self.limits.max_head {
            return Err(self.too_large("a shorter header"));
        }
        let head = self.parse(length)?;
        let Some(body_length) = head.content_length.filter(|_| !head.unframed) else {
            let (offset, expected) = (length - 2, "Content-Length");
            let missing = Flaw::new(offset, expected, StatusCode::BAD_REQUEST);
            return Err(lost(head, &self.buffer, missing));
        };
        if length + body_length as usize > self.limits.max_message {
            let status = StatusCode::REQUEST_ENTITY_TOO_LARGE;
            let large = Flaw::new(length, "a shorter body", status);
            return Err(lost(head, &self.buffer, large));
        }
        Ok(Some(head))
    }

    /// Something else than SIP is refused with its first line, not when a limit is reached.
    fn expect_start_line(&mut self) -> Result<(), FrameError> {
        if self.started {
            return Ok(());
        }
        if let Some(crlf) = memmem::find(&self.buffer[self.searched..], b"\r\n") {
            self.parse(self.searched + crlf + 2)?;
            self.started = true;
        }
        Ok(())
    }

    fn parse(&self, length: usize) -> Result<Head, FrameError> {
        Head::parse(&self.buffer[..length], &self.limits).map_err(|error| FrameError {
            flaw: Flaw {
                offset: error.offset,
                expected: error.expected,
                status: None,
            },
            message: None,
        })
    }

    fn too_large(&self, expected: &'static str) -> FrameError {
        let status = StatusCode::MESSAGE_TOO_LARGE;
        let flaw = Flaw::new(self.limits.max_head, expected, status);
        match self.parse(self.buffer.len()) {
            // Where the octets stopped coming is no defect of the message.
            Ok(head) => lost(Head { flaw: None, ..head }, &self.buffer, flaw),
            Err(error) => error,
        }
    }
}

/// The end of this message is unknown; its head is all there is of it.
fn lost(head: Head, buffer: &[u8], flaw: Flaw) -> FrameError {
    let bytes = Bytes::copy_from_slice(&buffer[..head.length]);
    let message = Message::from_head(head, bytes, Some(flaw));
    FrameError {
        flaw: message.flaw().copied().unwrap_or(flaw),
        message: Some(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &[u8] = b"OPTIONS sip:b.example SIP/2.0\r\nl: 2\r\n\r\nhi";

    fn framer(received: &[u8]) -> StreamFramer {
        let mut framer = StreamFramer::new(Limits::default());
        framer.push(received);
        framer
    }

    fn frames(received: &[u8]) -> Vec<String> {
        let mut framer = framer(received);
        let frames = std::iter::from_fn(|| match framer.next() {
            Ok(frame) => frame.map(|frame| match frame {
                Frame::Message(message) => format!("{:?}", message.to_bytes()),
                keep_alive => format!("{keep_alive:?}"),
            }),
            Err(error) => Some(error.to_string()),
        });
        frames.collect()
    }

    #[test]
    fn two_messages_in_one_segment_are_two() {
        let twice = [OPTIONS, OPTIONS].concat();
        let one = format!("{:?}", Bytes::from_static(OPTIONS));
        assert_eq!(frames(&twice), [one.clone(), one]);
    }

    #[test]
    fn a_double_crlf_is_a_ping_and_messages_come_between() {
        let stream = [b"\r\n\r\n", OPTIONS, b"\r\n", OPTIONS, b"\r\n"].concat();
        let one = format!("{:?}", Bytes::from_static(OPTIONS));
        let one = one.as_str();
        assert_eq!(frames(&stream), ["Pong", "Ping", one, "Pong", one, "Pong"]);
    }

    #[test]
    fn no_buffer_is_held_between_messages() {
        let mut framer = framer(OPTIONS);
        assert!(!framer.is_idle());
        assert!(framer.next().unwrap().is_some());
        assert!(framer.is_idle());
        assert_eq!(framer.buffer.capacity(), 0);
    }

    #[test]
    fn without_content_length_the_stream_is_lost_but_the_request_can_be_answered() {
        let mut framer = framer(b"OPTIONS sip:b.example SIP/2.0\r\nVia: x\r\n\r\n");
        let error = framer.next().unwrap_err();
        assert_eq!(error.flaw.status, Some(StatusCode::BAD_REQUEST));
        assert_eq!(error.flaw.expected, "Content-Length");
        let message = error.message.unwrap();
        assert!(message.headers().contains(&crate::HeaderName::Via));
        framer.push(OPTIONS);
        assert!(framer.next().unwrap().is_none());
        assert!(framer.is_idle());
    }

    #[test]
    fn two_lengths_leave_the_end_unknown() {
        let mut framer = framer(b"OPTIONS sip:b.example SIP/2.0\r\nl: 2\r\nl: 5\r\n\r\nhi");
        assert_eq!(
            framer.next().unwrap_err().flaw.expected,
            "one Content-Length"
        );
    }

    #[test]
    fn the_declared_length_is_not_believed_before_it_is_checked() {
        let mut framer = framer(b"OPTIONS sip:b.example SIP/2.0\r\nl: 4294967295\r\n\r\nhi");
        let status = framer.next().unwrap_err().flaw.status;
        assert_eq!(status, Some(StatusCode::REQUEST_ENTITY_TOO_LARGE));
    }

    #[test]
    fn what_is_not_sip_is_refused_with_its_first_line() {
        let mut framer = framer(b"GET / HTTP/1.1\r\n");
        let error = framer.next().unwrap_err();
        assert!(error.message.is_none());
        assert_eq!(error.flaw.status, None);
    }

    #[test]
    fn an_error_is_told_once_whatever_follows() {
        let mut framer = framer(b"{not SIP}\r");
        assert!(framer.next().unwrap().is_none());
        framer.push(b"\n");
        assert!(framer.next().is_err());
        framer.push(OPTIONS);
        assert!(framer.next().unwrap().is_none());
    }

    #[test]
    fn a_header_without_end_is_refused_at_the_limit() {
        let mut framer = framer(b"OPTIONS sip:b.example SIP/2.0\r\nVia: x\r\n");
        let mut pushed = 0;
        let error = loop {
            match framer.next() {
                Ok(frame) => assert!(frame.is_none()),
                Err(error) => break error,
            }
            framer.push(b"X: y\r\n");
            pushed += 6;
        };
        assert_eq!(error.flaw.status, Some(StatusCode::MESSAGE_TOO_LARGE));
        assert!(pushed <= Limits::default().max_head);
        assert!(error.message.is_some());
    }
}
