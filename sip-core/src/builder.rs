//! New requests outside and inside of dialogs (RFC 3261 §8.1.1).

use crate::header::{Header, HeaderName, Headers};
use crate::{CSeq, CallId, From, MaxForwards, Method, Request, Text, To, Uri};

/// Initial Max-Forwards (§8.1.1.6).
const MAX_FORWARDS: u8 = 70;

/// A request in the making. What no request can do without was given to [`Request::builder`]; whoever sends it adds
/// the Via.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    request: Request,
}

impl Request {
    /// A request with the headers every request needs (§8.1.1) except Via; Max-Forwards is 70 unless set.
    ///
    /// ```
    /// use sip_core::{CallId, From, Method, Request, Tag, Text, To, Uri};
    ///
    /// let alice: Uri = "sip:alice@a.example".parse()?;
    /// let bob: Uri = "sip:bob@b.example".parse()?;
    /// let request = Request::builder(
    ///     Method::Options,
    ///     bob.clone(),
    ///     &From::new(&alice, Some(&Tag::new("314")?)),
    ///     &To::new(&bob, None),
    ///     &CallId::new("1@a.example")?,
    ///     1,
    /// )
    /// .build();
    /// assert!(request.to_bytes().starts_with(b"OPTIONS sip:bob@b.example SIP/2.0\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn builder(
        method: Method,
        uri: Uri,
        from: &From,
        to: &To,
        call_id: &CallId,
        cseq: u32,
    ) -> RequestBuilder {
        let mut headers = Headers::default();
        headers.push(&MaxForwards(MAX_FORWARDS));
        headers.push(from);
        headers.push(to);
        headers.push(call_id);
        headers.push(&CSeq::new(cseq, method.clone()));
        headers.push_raw(HeaderName::ContentLength, &Text::number(0));
        RequestBuilder {
            request: Request::new(method, uri, headers),
        }
    }
}

impl RequestBuilder {
    /// How many hops the request may take.
    #[must_use]
    pub fn max_forwards(mut self, hops: u8) -> RequestBuilder {
        self.request.headers_mut().set(&MaxForwards(hops));
        self
    }

    /// One more header.
    #[must_use]
    pub fn header<H: Header>(mut self, header: &H) -> RequestBuilder {
        self.request.headers_mut().push(header);
        self
    }

    /// The request.
    #[must_use]
    pub fn build(self) -> Request {
        self.request
    }
}
