//! New requests outside and inside of dialogs (RFC 3261 §8.1.1).

use bytes::Bytes;

use crate::header::{Header, HeaderName, Headers};
use crate::{CSeq, CallId, ContentType, From, MaxForwards, Method, Request, Text, To, Uri};

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

    /// The body, with Content-Type and Content-Length.
    #[must_use]
    pub fn body(mut self, content_type: &ContentType, body: Bytes) -> RequestBuilder {
        self.request.set_body(content_type, body);
        self
    }

    /// The request.
    #[must_use]
    pub fn build(self) -> Request {
        self.request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Message, Tag, Via, parse_message, validate};

    #[test]
    fn a_built_request_lacks_nothing_but_the_via_of_its_sender() {
        let alice: Uri = "sip:alice@a.example".parse().unwrap();
        let bob: Uri = "sip:bob@b.example".parse().unwrap();
        let via = Via::parse(&Text::from_static("SIP/2.0/UDP a.example;branch=z9hG4bK1")).unwrap();
        let request = Request::builder(
            Method::Message,
            bob.clone(),
            &From::new(&alice, Some(&Tag::new("314").unwrap())),
            &To::new(&bob, None),
            &CallId::new("1@a.example").unwrap(),
            7,
        )
        .max_forwards(10)
        .header(&via)
        .body(
            &ContentType::parse(&Text::from_static("text/plain")).unwrap(),
            Bytes::from_static(b"hello"),
        )
        .build();
        let printed = request.to_bytes();
        assert_eq!(
            printed,
            "MESSAGE sip:bob@b.example SIP/2.0\r\n\
            Max-Forwards: 10\r\n\
            From: <sip:alice@a.example>;tag=314\r\n\
            To: <sip:bob@b.example>\r\n\
            Call-ID: 1@a.example\r\n\
            CSeq: 7 MESSAGE\r\n\
            Content-Length: 5\r\n\
            Via: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
            Content-Type: text/plain\r\n\r\n\
            hello"
        );
        let Message::Request(mut again) = parse_message(printed, &Limits::default()).unwrap()
        else {
            panic!("a response")
        };
        assert_eq!(validate(&Message::Request(again.clone())), Ok(()));
        again.remove_body();
        assert!(!again.headers().contains(&HeaderName::ContentType));
        assert!(
            again.to_bytes().ends_with(
                b"Content-Length: 0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\r\n"
            )
        );
    }
}
