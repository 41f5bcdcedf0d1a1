//! The requests that share the branch of another: ACK for a failure (RFC 3261 §17.1.1.3) and CANCEL (§9.1).

use bytes::Bytes;
use sip_core::{CSeq, Header, HeaderName, Headers, Method, Response, Text};

use crate::kept;

/// The ACK for a failure response to `invite`.
pub(crate) fn ack(invite: &Bytes, response: &Response) -> Bytes {
    let to = response.headers().raw(&HeaderName::To).next();
    like(invite, &Method::Ack, to)
}

/// The CANCEL of `request`.
pub(crate) fn cancel(request: &Bytes) -> Bytes {
    like(request, &Method::Cancel, None)
}

/// A request with the Request-URI, top Via, Route, From, Call-ID and CSeq number of `printed`, and no body;
/// its To as well unless another is given.
fn like(printed: &Bytes, method: &Method, to: Option<Text>) -> Bytes {
    let Some(request) = kept::request(printed) else {
        return Bytes::new(); // printed by us, so it is a request
    };
    let headers = request.headers();
    let to = to.or_else(|| headers.raw(&HeaderName::To).next());
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(method.as_bytes());
    text.push(b' ');
    text.extend_from_slice(request.uri().as_text());
    text.extend_from_slice(b" SIP/2.0\r\n");
    let mut line = |name: &str, value: Option<Text>| {
        if let Some(value) = value {
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(&value);
            text.extend_from_slice(b"\r\n");
        }
    };
    // Our own Via, which we put on a line by itself.
    line("Via", headers.raw(&HeaderName::Via).next());
    line("Max-Forwards", Some(Text::from_static("70")));
    headers
        .raw(&HeaderName::Route)
        .for_each(|route| line("Route", Some(route)));
    line("From", headers.raw(&HeaderName::From).next());
    line("To", to);
    line("Call-ID", headers.raw(&HeaderName::CallId).next());
    line("CSeq", cseq(headers, method));
    line("Content-Length", Some(Text::from_static("0")));
    text.extend_from_slice(b"\r\n");
    Bytes::from(text)
}

fn cseq(headers: &Headers, method: &Method) -> Option<Text> {
    let cseq: CSeq = headers.require().ok()?;
    Some(CSeq::new(cseq.number(), method.clone()).as_text())
}
