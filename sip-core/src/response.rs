//! Responses (RFC 3261 §7.2).

use std::ops::Range;

use bytes::Bytes;

use crate::header::{Headers, NotToken};
use crate::message::Message;
use crate::parse::Flaw;
use crate::parts::Parts;
use crate::{ContentType, Request, StatusCode, Tag, Text, To};

/// A response: status, reason phrase, headers, body. [`Request::reply`] makes one.
///
/// Cloning is cheap: the received bytes are shared, only the table of lines and the text of edits are copied.
#[derive(Clone, Debug)]
pub struct Response {
    status: StatusCode,
    reason: Text,
    parts: Parts,
}

impl Response {
    /// A response with the default reason phrase, the headers given and no body.
    pub(crate) fn new(status: StatusCode, headers: Headers) -> Response {
        Response {
            status,
            reason: Text::from_static(status.reason()),
            parts: Parts::new(headers),
        }
    }

    /// The range is that of the reason phrase; `cut` is what is wrong with the end of the body.
    pub(crate) fn received(
        status: StatusCode,
        reason: Range<usize>,
        mut parts: Parts,
        cut: Option<Flaw>,
    ) -> Response {
        // Nobody answers a response.
        parts.flaw = parts.flaw.or(cut.map(Flaw::unanswered));
        Response {
            status,
            reason: Text::received(parts.headers.received_bytes().slice(reason)),
            parts,
        }
    }

    /// The outcome.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase, for people: in any encoding, and perhaps empty.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        &self.reason
    }

    /// Sets the outcome, with its default reason phrase.
    pub fn set_status(&mut self, status: StatusCode) {
        self.status = status;
        self.reason = Text::from_static(status.reason());
        self.parts.start_length = 0;
    }

    /// The same with another reason phrase.
    #[must_use]
    pub fn with_reason(mut self, reason: &Text) -> Response {
        self.reason = reason.clone();
        self.parts.start_length = 0;
        self
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

    /// The To tag, by which the one who answers is told from others a request was forked to.
    #[must_use]
    pub fn to_tag(&self) -> Option<Tag> {
        self.headers().require::<To>().ok()?.tag()
    }

    /// Gives To a tag, unless it has one (§8.2.6.2).
    pub fn set_to_tag(&mut self, tag: &Tag) {
        self.parts.headers.set_to_tag(tag.as_bytes());
    }

    /// [`Response::set_to_tag`] for who has the octets alone.
    ///
    /// # Errors
    /// If they are no token; nothing changes then.
    pub fn set_to_tag_octets(&mut self, tag: &[u8]) -> Result<(), NotToken> {
        NotToken::check(tag)?;
        self.parts.headers.set_to_tag(tag);
        Ok(())
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

    /// The first defect met when the response was read.
    #[must_use]
    pub fn flaw(&self) -> Option<&Flaw> {
        self.parts.flaw.as_ref()
    }

    /// Prints the response behind whatever `out` holds.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let code = self.status.digits();
        self.parts.write_to(&self.start_line(&code), out);
    }

    /// Prints the response into a buffer of its exact size.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let code = self.status.digits();
        self.parts.to_bytes(&self.start_line(&code))
    }

    /// A copy with bytes of its own, so that the buffer it was received in can be used again.
    #[must_use]
    pub fn detached(&self) -> Response {
        let code = self.status.digits();
        let (parts, _) = self.parts.detached(&self.start_line(&code));
        Response {
            status: self.status,
            reason: self.reason.detached(),
            parts,
        }
    }

    fn start_line<'a>(&'a self, code: &'a [u8; 3]) -> [&'a [u8]; 5] {
        [b"SIP/2.0 ", code, b" ", &self.reason, b"\r\n"]
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn parts_mut(&mut self) -> &mut Parts {
        &mut self.parts
    }
}

impl TryFrom<Message> for Response {
    type Error = Request;

    /// # Errors
    /// Gives a request back.
    fn try_from(message: Message) -> Result<Response, Request> {
        match message {
            Message::Response(response) => Ok(response),
            Message::Request(request) => Err(request),
        }
    }
}
