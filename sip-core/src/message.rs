//! A SIP message: start line, headers and body (RFC 3261 §7).

use bytes::Bytes;

use crate::header::Headers;
use crate::parse::{Flaw, Head, StartLine};
use crate::parts::Parts;
use crate::{Request, Response};

/// A request or a response.
///
/// Cloning is cheap: the received bytes are shared, only the table of lines and the text of edits are copied.
#[derive(Clone, Debug)]
pub enum Message {
    /// Asks for something.
    Request(Request),
    /// Answers a request.
    Response(Response),
}

impl Message {
    /// `bytes` are the message, from its start line to the end of its body; `cut` says what is wrong with that end.
    pub(crate) fn from_head(head: Head, bytes: Bytes, cut: Option<Flaw>) -> Message {
        let parts = Parts {
            body: bytes.slice(head.length..),
            headers: Headers::received(bytes, head.lines),
            start_length: if head.canonical { head.start_length } else { 0 },
            max_parts_depth: head.max_parts_depth,
            flaw: head.flaw,
        };
        match head.start_line {
            StartLine::Request { method, uri } => {
                Message::Request(Request::received(method, uri, parts, cut))
            }
            StartLine::Status { code, reason } => {
                Message::Response(Response::received(code, reason, parts, cut))
            }
        }
    }

    /// The header lines.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.parts().headers
    }

    /// The header lines, to edit.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.parts_mut().headers
    }

    /// The body, without interpretation.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.parts().body
    }

    /// Puts another body of the same type in place, and sets Content-Length; Content-Type stays as it is.
    pub fn replace_body(&mut self, body: Bytes) {
        self.parts_mut().replace_body(body);
    }

    /// The first defect met when the message was read; see [`validate`](crate::validate) for those beyond the form.
    #[must_use]
    pub fn flaw(&self) -> Option<&Flaw> {
        self.parts().flaw.as_ref()
    }

    /// Prints the message behind whatever `out` holds.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Message::Request(request) => request.write_to(out),
            Message::Response(response) => response.write_to(out),
        }
    }

    /// Prints the message into a buffer of its exact size.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Message::Request(request) => request.to_bytes(),
            Message::Response(response) => response.to_bytes(),
        }
    }

    /// A copy with bytes of its own, so that the buffer it was received in can be used again.
    #[must_use]
    pub fn detached(&self) -> Message {
        match self {
            Message::Request(request) => Message::Request(request.detached()),
            Message::Response(response) => Message::Response(response.detached()),
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        match self {
            Message::Request(request) => request.parts(),
            Message::Response(response) => response.parts(),
        }
    }

    pub(crate) fn parts_mut(&mut self) -> &mut Parts {
        match self {
            Message::Request(request) => request.parts_mut(),
            Message::Response(response) => response.parts_mut(),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Message {
        Message::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Message {
        Message::Response(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::HeaderName;
    use crate::{ContentLength, Limits, StatusCode, Text, parse_message};

    const INVITE: &[u8] = b"INVITE sip:bob@b.example SIP/2.0\r\n\
        v: SIP/2.0/UDP a.example;branch=z9hG4bK1,\r\n SIP/2.0/UDP first.example\r\n\
        f:  Alice <sip:alice@a.example>;tag=1 \r\n\
        To: <sip:bob@b.example>\r\n\
        Call-ID: 1@a\r\n\
        CSeq: 1 INVITE\r\n\
        X-Odd: ;;,,\r\n\
        l: 4\r\n\r\n\
        bodynoise";

    fn invite() -> Request {
        let message = parse_message(Bytes::from_static(INVITE), &Limits::default()).unwrap();
        assert_eq!(message.flaw(), None);
        message.try_into().unwrap()
    }

    #[test]
    fn what_nobody_edits_is_printed_as_it_came() {
        let printed = invite().to_bytes();
        assert_eq!(printed, INVITE[..INVITE.len() - b"noise".len()]);
    }

    #[test]
    fn a_reply_carries_the_lines_of_the_request_in_its_order() {
        let printed = invite().reply(StatusCode::RINGING).to_bytes();
        assert_eq!(
            printed.escape_ascii().to_string(),
            b"SIP/2.0 180 Ringing\r\n\
            v: SIP/2.0/UDP a.example;branch=z9hG4bK1,\r\n SIP/2.0/UDP first.example\r\n\
            f:  Alice <sip:alice@a.example>;tag=1 \r\n\
            To: <sip:bob@b.example>\r\n\
            Call-ID: 1@a\r\n\
            CSeq: 1 INVITE\r\n\
            Content-Length: 0\r\n\r\n"
                .escape_ascii()
                .to_string()
        );
    }

    #[test]
    fn a_detached_copy_prints_the_same_and_shares_nothing() {
        let mut request = invite();
        request
            .headers_mut()
            .set_raw(HeaderName::Subject, &Text::from_static("lunch"));
        let detached = request.detached();
        assert_eq!(detached.to_bytes(), request.to_bytes());
        assert_eq!(detached.headers(), request.headers());
        assert_eq!(detached.uri(), request.uri());
        let received = INVITE.as_ptr_range();
        assert!(!received.contains(&detached.uri().as_text().as_ptr()));
        assert!(!received.contains(&detached.body().as_ptr()));
    }

    #[test]
    fn a_new_status_brings_its_reason() {
        let bytes = Bytes::from_static(b"sip/2.0 200 Fine\r\n\r\n");
        let mut response: Response = parse_message(bytes, &Limits::default())
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(response.to_bytes(), "SIP/2.0 200 Fine\r\n\r\n");
        response.set_status(StatusCode::BUSY_HERE);
        assert_eq!(response.to_bytes(), "SIP/2.0 486 Busy Here\r\n\r\n");
    }

    #[test]
    fn content_length_is_the_length_of_the_body_whatever_is_put_there() {
        let edits: [fn(&mut Headers); 5] = [
            |headers| headers.set(&ContentLength(7)),
            |headers| headers.push(&ContentLength(4)),
            |headers| headers.push_front(&ContentLength(1)),
            |headers| assert_eq!(headers.remove(&HeaderName::ContentLength), 1),
            |headers| {
                let name = HeaderName::Other(Text::from_static("L"));
                headers.set_raw(name, &Text::from_static("none"));
            },
        ];
        for edit in edits {
            let mut request = invite();
            edit(request.headers_mut());
            for printed in [request.to_bytes(), request.detached().to_bytes()] {
                let again = parse_message(printed, &Limits::default()).unwrap();
                assert_eq!(again.flaw(), None);
                assert_eq!(again.body(), "body");
                assert_eq!(again.headers().count(&HeaderName::ContentLength), 1);
                assert_eq!(again.headers().require(), Ok(ContentLength(4)));
            }
        }
        let mut same = invite();
        same.headers_mut().set(&ContentLength(4));
        assert!(same.to_bytes().ends_with(b"Content-Length: 4\r\n\r\nbody"));
    }
}
