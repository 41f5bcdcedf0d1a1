//! Requests and responses from scratch (RFC 3261 §8.1.1, §8.2.6): what none can do without is an argument.

use bytes::Bytes;

use crate::header::{Header, Headers};
use crate::{
    CSeq, CallId, ContentType, From, MaxForwards, Method, Request, Response, StatusCode, To, Uri,
    Via,
};

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
    ///
    /// Whoever leaves one out has no request, here the Call-ID:
    ///
    /// ```compile_fail,E0061
    /// # use sip_core::{From, Method, Request, To, Uri};
    /// # let bob: Uri = "sip:bob@b.example".parse().unwrap();
    /// # let (from, to) = (From::new(&bob, None), To::new(&bob, None));
    /// Request::builder(Method::Options, bob, &from, &to, 1);
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
        headers.set_length(0);
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

/// A response in the making. What no response can do without was given to [`Response::builder`].
#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    response: Response,
}

impl Response {
    /// A response with the headers every response has (§8.2.6.2). Who holds the request calls [`Request::reply`], which
    /// takes them from there as they came; this is for tests, and for who kept no more than these.
    ///
    /// `via` is the topmost of the request's; those below follow by [`ResponseBuilder::header`], in their order.
    ///
    /// ```
    /// use sip_core::{CSeq, CallId, From, Header, Method, Response, StatusCode, Tag, Text, To, Uri, Via};
    ///
    /// let bob: Uri = "sip:bob@b.example".parse()?;
    /// let response = Response::builder(
    ///     StatusCode::RINGING,
    ///     &Via::parse(&Text::from_static("SIP/2.0/UDP a.example;branch=z9hG4bK1"))?,
    ///     &From::new(&bob, Some(&Tag::new("1")?)),
    ///     &To::new(&bob, Some(&Tag::new("2")?)),
    ///     &CallId::new("1@a.example")?,
    ///     &CSeq::new(1, Method::Invite),
    /// )
    /// .build();
    /// assert!(response.to_bytes().starts_with(b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP a.example;"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Whoever leaves one out has no response, here the Via:
    ///
    /// ```compile_fail,E0061
    /// # use sip_core::{CSeq, CallId, From, Method, Response, StatusCode, To, Uri};
    /// # let bob: Uri = "sip:bob@b.example".parse().unwrap();
    /// # let (from, to) = (From::new(&bob, None), To::new(&bob, None));
    /// # let (call_id, cseq) = (CallId::new("1").unwrap(), CSeq::new(1, Method::Invite));
    /// Response::builder(StatusCode::OK, &from, &to, &call_id, &cseq);
    /// ```
    #[must_use]
    pub fn builder(
        status: StatusCode,
        via: &Via,
        from: &From,
        to: &To,
        call_id: &CallId,
        cseq: &CSeq,
    ) -> ResponseBuilder {
        let mut headers = Headers::default();
        headers.push(via);
        headers.push(from);
        headers.push(to);
        headers.push(call_id);
        headers.push(cseq);
        headers.set_length(0);
        ResponseBuilder {
            response: Response::new(status, headers),
        }
    }
}

impl ResponseBuilder {
    /// One more header.
    #[must_use]
    pub fn header<H: Header>(mut self, header: &H) -> ResponseBuilder {
        self.response.headers_mut().push(header);
        self
    }

    /// The body, with Content-Type and Content-Length.
    #[must_use]
    pub fn body(mut self, content_type: &ContentType, body: Bytes) -> ResponseBuilder {
        self.response.set_body(content_type, body);
        self
    }

    /// The response.
    #[must_use]
    pub fn build(self) -> Response {
        self.response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeaderName, Limits, Message, Tag, Text, parse_message, validate};

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

    #[test]
    fn a_built_response_is_whole_and_its_vias_keep_their_order() {
        let bob: Uri = "sip:bob@b.example".parse().unwrap();
        let via = |host: &str| {
            let value = format!("SIP/2.0/UDP {host};branch=z9hG4bK1");
            Via::parse(&Text::new(value).unwrap()).unwrap()
        };
        let response = Response::builder(
            StatusCode::OK,
            &via("p.example"),
            &From::new(&bob, None),
            &To::new(&bob, Some(&Tag::new("2").unwrap())),
            &CallId::new("1").unwrap(),
            &CSeq::new(7, Method::Message),
        )
        .header(&via("a.example"))
        .body(&ContentType::TEXT, Bytes::from_static(b"hi"))
        .build();
        let message = parse_message(response.to_bytes(), &Limits::default()).unwrap();
        assert_eq!(validate(&message), Ok(()));
        assert_eq!(
            response.to_bytes(),
            "SIP/2.0 200 OK\r\n\
            Via: SIP/2.0/UDP p.example;branch=z9hG4bK1\r\n\
            Via: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
            From: <sip:bob@b.example>\r\n\
            To: <sip:bob@b.example>;tag=2\r\n\
            Call-ID: 1\r\n\
            CSeq: 7 MESSAGE\r\n\
            Content-Length: 2\r\n\
            Content-Type: text/plain\r\n\r\n\
            hi"
        );
    }
}
