//! Requests (RFC 3261 §7.1) and the replies made from them (§8.2.6).

use std::ops::Range;

use bytes::Bytes;

use crate::header::{Headers, NameId};
use crate::message::Message;
use crate::parse::Flaw;
use crate::parts::Parts;
use crate::{ContentType, Method, Response, StatusCode, Text, Uri};

/// A request: method, Request-URI, headers, body.
///
/// Cloning is cheap: the received bytes are shared, only the table of lines and the text of edits are copied.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    uri: Uri,
    parts: Parts,
}

impl Request {
    /// A request with the headers given and no body.
    pub(crate) fn new(method: Method, uri: Uri, headers: Headers) -> Request {
        Request {
            method,
            uri,
            parts: Parts::new(headers),
        }
    }

    /// The ranges are those of the start line; `cut` is what is wrong with the end of the body.
    pub(crate) fn received(
        method: Range<usize>,
        uri: Range<usize>,
        mut parts: Parts,
        cut: Option<Flaw>,
    ) -> Request {
        let received = parts.headers.received_bytes();
        let method = Method::known(&received[method.clone()])
            .unwrap_or_else(|| Method::Other(Text::received(received.slice(method))));
        let uri_start = uri.start;
        let uri_text = Text::received(received.slice(uri));
        let uri = Uri::read(uri_text).unwrap_or_else(|(_, unread)| {
            parts.note_bad_request(uri_start, "Request-URI");
            Uri::Other(unread)
        });
        parts.flaw = parts.flaw.or(cut);
        Request { method, uri, parts }
    }

    /// What is asked for.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Puts another Request-URI in place (§16.6 step 2).
    pub fn set_uri(&mut self, uri: Uri) {
        self.uri = uri;
        self.parts.start_length = 0;
    }

    /// The header lines.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.parts.headers
    }

    /// The header lines, to edit.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.parts.headers
    }

    /// The body, without interpretation.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.parts.body
    }

    /// Puts a body in place, with Content-Type and Content-Length.
    pub fn set_body(&mut self, content_type: &ContentType, body: Bytes) {
        self.parts.set_body(content_type, body);
    }

    /// Puts another body of the same type in place, and sets Content-Length; Content-Type stays as it is.
    pub fn replace_body(&mut self, body: Bytes) {
        self.parts.replace_body(body);
    }

    /// Takes the body out, and sets Content-Length to 0.
    pub fn remove_body(&mut self) {
        self.parts.remove_body();
    }

    /// The first defect met when the request was read.
    #[must_use]
    pub fn flaw(&self) -> Option<&Flaw> {
        self.parts.flaw.as_ref()
    }

    /// The response to this request: Via, From, To, Call-ID and CSeq are its very lines, in its order; a 100 gets
    /// the Timestamp too (§8.2.6.1). The To tag is the caller's to add (§8.2.6.2).
    #[must_use]
    pub fn reply(&self, status: StatusCode) -> Response {
        let trying = status == StatusCode::TRYING;
        let mut headers = self.parts.headers.only(|id| match id {
            NameId::Via | NameId::From | NameId::To | NameId::CallId | NameId::CSeq => true,
            NameId::Timestamp => trying,
            _ => false,
        });
        headers.push_no_length();
        Response::new(status, headers)
    }

    /// Prints the request behind whatever `out` holds.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        self.parts.write_to(&self.start_line(), out);
    }

    /// Prints the request into a buffer of its exact size.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.parts.to_bytes(&self.start_line())
    }

    /// How many bytes it is when printed, without printing it. A Content-Length that printing adds or corrects is not
    /// in it.
    #[must_use]
    pub fn printed_length(&self) -> usize {
        self.parts.printed_length(&self.start_line())
    }

    /// A copy with bytes of its own, so that the buffer it was received in can be used again.
    #[must_use]
    pub fn detached(&self) -> Request {
        let (parts, printed) = self.parts.detached(&self.start_line());
        let uri_start = self.method.as_bytes().len() + 1;
        let uri_end = uri_start + self.uri.as_text().len();
        let uri_text = Text::received(printed.slice(uri_start..uri_end));
        Request {
            method: self.method.detached(),
            uri: Uri::read(uri_text).unwrap_or_else(|(_, unread)| Uri::Other(unread)),
            parts,
        }
    }

    fn start_line(&self) -> [&[u8]; 4] {
        [
            self.method.as_bytes(),
            b" ",
            self.uri.as_text(),
            b" SIP/2.0\r\n",
        ]
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn parts_mut(&mut self) -> &mut Parts {
        &mut self.parts
    }
}

impl TryFrom<Message> for Request {
    type Error = Response;

    /// # Errors
    /// Gives a response back.
    fn try_from(message: Message) -> Result<Request, Response> {
        match message {
            Message::Request(request) => Ok(request),
            Message::Response(response) => Err(response),
        }
    }
}
