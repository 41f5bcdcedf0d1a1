//! What requests and responses have in common: everything but the start line (RFC 3261 §7).

use bytes::Bytes;

use crate::header::{HeaderName, Headers};
use crate::parse::{Flaw, MAX_PARTS_DEPTH};
use crate::{ContentLength, ContentType, StatusCode};

#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    /// Length of the start line as received; 0 when it is to be composed.
    pub(crate) start_length: usize,
    /// How deep multipart in multipart is looked into.
    pub(crate) max_parts_depth: u8,
    pub(crate) flaw: Option<Flaw>,
}

impl Parts {
    /// A message without a received byte.
    pub(crate) fn new(headers: Headers) -> Parts {
        Parts {
            headers,
            body: Bytes::new(),
            start_length: 0,
            max_parts_depth: MAX_PARTS_DEPTH,
            flaw: None,
        }
    }

    /// Prints the message behind whatever `out` holds, with `composed` for a start line that is not the received one.
    pub(crate) fn write_to(&self, composed: &[&[u8]], out: &mut Vec<u8>) {
        if self.headers.length_is_off(self.body.len()) {
            return self.with_length().write_to(composed, out);
        }
        out.reserve(self.start_length(composed) + self.length_after_start());
        if self.start_length == 0 {
            for part in composed {
                out.extend_from_slice(part);
            }
        }
        self.headers.write_to(self.start_length, out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }

    pub(crate) fn to_bytes(&self, composed: &[&[u8]]) -> Bytes {
        if self.headers.length_is_off(self.body.len()) {
            return self.with_length().to_bytes(composed);
        }
        let length = self.printed_length(composed);
        let mut out = Vec::with_capacity(length);
        self.write_to(composed, &mut out);
        Bytes::from(out)
    }

    /// How long the printed message is, but for a Content-Length that is missing or wrong.
    pub(crate) fn printed_length(&self, composed: &[&[u8]]) -> usize {
        self.start_length(composed) + self.length_after_start()
    }

    /// The same parts in bytes of their own, which are the printed message.
    pub(crate) fn detached(&self, composed: &[&[u8]]) -> (Parts, Bytes) {
        if self.headers.length_is_off(self.body.len()) {
            return self.with_length().detached(composed);
        }
        let printed = self.to_bytes(composed);
        let start_length = self.start_length(composed);
        let parts = Parts {
            headers: self.headers.rebased(printed.clone(), start_length),
            body: printed.slice(printed.len() - self.body.len()..),
            start_length,
            max_parts_depth: self.max_parts_depth,
            flaw: self.flaw,
        };
        (parts, printed)
    }

    /// Puts another body in place, with the two headers that tell of it.
    pub(crate) fn set_body(&mut self, content_type: &ContentType, body: Bytes) {
        self.headers.set(content_type);
        self.headers.set_length(body.len());
        self.body = body;
    }

    /// Puts a body of the same type in place; Content-Length keeps its spelling where it keeps its value.
    pub(crate) fn replace_body(&mut self, body: Bytes) {
        self.body = body;
        let length = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        if self.headers.optional() != Ok(Some(ContentLength(length))) {
            self.headers.set(&ContentLength(length));
        }
    }

    /// Takes the body out, and the headers that tell of it (§7.4.1).
    pub(crate) fn remove_body(&mut self) {
        for name in [
            HeaderName::ContentType,
            HeaderName::ContentEncoding,
            HeaderName::ContentDisposition,
            HeaderName::ContentLanguage,
        ] {
            self.headers.remove(&name);
        }
        self.headers.set_length(0);
        self.body = Bytes::new();
    }

    /// The same with the Content-Length of its body.
    #[cold]
    fn with_length(&self) -> Parts {
        let mut parts = self.clone();
        parts.headers.set_length(self.body.len());
        parts
    }

    pub(crate) fn note_bad_request(&mut self, offset: usize, expected: &'static str) {
        let flaw = Flaw::new(offset, expected, StatusCode::BAD_REQUEST);
        self.flaw.get_or_insert(flaw);
    }

    fn start_length(&self, composed: &[&[u8]]) -> usize {
        match self.start_length {
            0 => composed.iter().map(|part| part.len()).sum(),
            received => received,
        }
    }

    fn length_after_start(&self) -> usize {
        self.headers.printed_length() + 2 + self.body.len()
    }
}
