//! From bytes to a message: one pass over the head, nothing read that nobody asked for (RFC 3261 §7, §18.3).

mod error;
mod head;
pub(crate) mod lex;
mod stream;
mod words;

use bytes::{Buf, Bytes};

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
    /// List members and parameters of all headers, told by the commas and semicolons in the head.
    pub max_members: usize,
    /// How deep multipart in multipart is looked into for a session description, which is all that looks
    /// (RFC 5621 §4).
    pub max_parts_depth: u8,
}

/// As in Limits unless they say otherwise, and in a message made here.
pub(crate) const MAX_PARTS_DEPTH: u8 = 8;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_message: 65_535,
            max_head: 32_768,
            max_headers: 256,
            max_line: 16_384,
            max_folds: 64,
            max_uri: 4_096,
            max_members: 1_024,
            max_parts_depth: MAX_PARTS_DEPTH,
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
pub fn parse_message(mut bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
    let skipped = head::leading_crlfs(&bytes);
    bytes.advance(skipped);
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
    let cut = match complete {
        true => None,
        false => Some(cut_short(&bytes, oversized, limits)),
    };
    Ok(Message::from_head(head, bytes, cut))
}

/// What is wrong with a message that ends with `bytes` and should not.
#[cold]
fn cut_short(bytes: &[u8], oversized: bool, limits: &Limits) -> Flaw {
    if oversized {
        let status = StatusCode::MESSAGE_TOO_LARGE;
        Flaw::new(limits.max_message, "a shorter message", status)
    } else {
        let expected = "Content-Length octets of body";
        Flaw::new(bytes.len(), expected, StatusCode::BAD_REQUEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeaderName;

    fn read(text: &str) -> Message {
        read_within(text, &Limits::default())
    }

    fn read_within(text: &str, limits: &Limits) -> Message {
        parse_message(Bytes::copy_from_slice(text.as_bytes()), limits).unwrap()
    }

    #[track_caller]
    fn assert_flaw(message: &Message, expected: &str, status: StatusCode) {
        let flaw = message.flaw().expect("a flaw");
        assert_eq!((flaw.expected, flaw.status), (expected, Some(status)));
    }

    #[test]
    fn bytes_without_a_start_line_deserve_silence() {
        for bytes in [
            "",
            "\r\n\r\n",
            "hello\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "INVITE sip:b.example\r\n\r\n",
            "IN(VITE sip:b.example SIP/2.0\r\n\r\n",
            "SIP/2.0 20 OK\r\n\r\n",
            "SIP/2.0 700 Beyond\r\n\r\n",
            "SIP/2.0 2000 OK\r\n\r\n",
            "SIP/two 200 OK\r\n\r\n",
            "INVITE sip:b.example SIP/2.0\nVia: x\n\n",
        ] {
            let bytes = Bytes::copy_from_slice(bytes.as_bytes());
            assert!(
                parse_message(bytes.clone(), &Limits::default()).is_err(),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn crlfs_before_the_start_line_are_ignored() {
        let message = read("\r\n\r\nBYE sip:b.example SIP/2.0\r\n\r\n");
        assert_eq!(message.flaw(), None);
        assert_eq!(message.to_bytes(), "BYE sip:b.example SIP/2.0\r\n\r\n");
    }

    #[test]
    fn a_response_may_lack_its_reason_phrase() {
        for line in ["SIP/2.0 200", "SIP/2.0 200 "] {
            let message = read(&format!("{line}\r\n\r\n"));
            let Message::Response(response) = message else {
                panic!("a request")
            };
            assert_eq!(response.reason(), b"");
        }
    }

    #[test]
    fn a_line_whose_name_cannot_be_told_is_left_out_and_the_rest_is_kept() {
        let message = read(
            "BYE sip:b.example SIP/2.0\r\n Subject: folded start line\r\nno colon\r\nTw\r\n o: lines\r\nSubject: a\r\n\r\n",
        );
        assert_flaw(&message, "header name and colon", StatusCode::BAD_REQUEST);
        assert_eq!(message.headers().lines().count(), 2);
        assert!(message.headers().contains(&HeaderName::Subject));
    }

    #[test]
    fn a_request_uri_nobody_can_read_is_kept() {
        for uri in [
            "<sip:b.example>",
            "sip:b.example; lr",
            " sip:b.example",
            "b.example",
        ] {
            let message = read(&format!("BYE {uri} SIP/2.0\r\n\r\n"));
            assert_eq!(
                message.flaw().unwrap().status,
                Some(StatusCode::BAD_REQUEST)
            );
            let Message::Request(request) = &message else {
                panic!("a response")
            };
            assert_eq!(request.uri().as_text(), uri);
            assert_eq!(request.detached().uri(), request.uri());
        }
    }

    #[test]
    fn another_version_is_told() {
        let message = read("BYE sip:b.example SIP/3.0\r\n\r\n");
        assert_flaw(&message, "SIP/2.0", StatusCode::VERSION_NOT_SUPPORTED);
    }

    #[test]
    fn a_response_is_never_answered_whatever_is_wrong_with_it() {
        let message = read("SIP/2.0 200 OK\r\nl: x\r\n\r\n");
        assert_eq!(message.flaw().unwrap().status, None);
        let message = read("SIP/2.0 200 OK\r\nl: 9\r\n\r\nshort");
        assert_eq!(message.flaw().unwrap().status, None);
    }

    #[test]
    fn content_length_ends_the_body_of_a_datagram() {
        let start = "BYE sip:b.example SIP/2.0\r\n";
        let body = |lines: &str| read(&format!("{start}{lines}\r\n12345")).body().clone();
        assert_eq!(body(""), "12345");
        assert_eq!(body("l: 3\r\n"), "123");
        assert_eq!(body("l:\r\n 0003\r\nContent-Length: 3\r\n"), "123");
    }

    #[test]
    fn a_content_length_that_cannot_be_is_a_bad_request() {
        for (lines, expected) in [
            ("l: 6\r\n", "Content-Length octets of body"),
            ("l: -1\r\n", "Content-Length in digits"),
            ("l:\r\n", "Content-Length in digits"),
            ("l: 4294967296\r\n", "Content-Length in digits"),
            ("l: 5\r\nl: 4\r\n", "one Content-Length"),
        ] {
            let message = read(&format!("BYE sip:b.example SIP/2.0\r\n{lines}\r\n12345"));
            assert_flaw(&message, expected, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn the_empty_line_must_not_be_missing() {
        for end in ["", "Subject: a\r\n", "Subject: a"] {
            let message = read(&format!("BYE sip:b.example SIP/2.0\r\nVia: x\r\n{end}"));
            assert_flaw(
                &message,
                "empty line after the header",
                StatusCode::BAD_REQUEST,
            );
            assert!(message.headers().contains(&HeaderName::Via));
        }
    }

    #[test]
    fn each_limit_has_its_status() {
        let many = "X: y\r\n".repeat(300);
        let long = format!("X: {}\r\n", "y".repeat(20_000));
        let folded = format!("X: {}\r\n", "\r\n y".repeat(65));
        let huge = long.repeat(2);
        let members = format!("m: <sip:a>\r\n{}", "m: <sip:a>;x, <sip:b>\r\n".repeat(200));
        let listed = format!("X: {}\r\n", ",;".repeat(513));
        assert_eq!(
            read(&format!("BYE sip:b SIP/2.0\r\nVia: x\r\n{members}\r\n")).flaw(),
            None
        );
        for lines in [many, long, folded, huge, listed] {
            let message = read(&format!(
                "BYE sip:b.example SIP/2.0\r\nVia: x\r\n{lines}\r\n"
            ));
            let flaw = message.flaw().unwrap();
            assert_eq!(flaw.status, Some(StatusCode::MESSAGE_TOO_LARGE));
            assert!(message.headers().contains(&HeaderName::Via));
        }
        let uri = "a".repeat(5_000);
        let message = read(&format!("BYE sip:{uri} SIP/2.0\r\n\r\n"));
        let status = StatusCode::REQUEST_URI_TOO_LONG;
        assert_flaw(&message, "a shorter Request-URI", status);
    }

    #[test]
    fn a_datagram_beyond_the_limit_is_too_large_unless_its_message_is_not() {
        let limits = Limits {
            max_message: 60,
            ..Limits::default()
        };
        let start = "BYE sip:b.example SIP/2.0\r\n";
        let noise = "n".repeat(60);
        let message = read_within(&format!("{start}l: 3\r\n\r\n{noise}"), &limits);
        assert_eq!(message.flaw(), None);
        for lines in ["", "l: 50\r\n"] {
            let message = read_within(&format!("{start}{lines}\r\n{noise}"), &limits);
            assert_flaw(&message, "a shorter message", StatusCode::MESSAGE_TOO_LARGE);
        }
    }
}
