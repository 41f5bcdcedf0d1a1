//! Messages as alice (192.0.2.1) writes them to bob (192.0.2.2).
#![allow(dead_code)]

use sip_core::{Limits, Message, Request, Response, parse_message};

/// A request with a branch of RFC 3261.
pub(crate) fn request(method: &str, branch: &str) -> String {
    with_via(
        method,
        &format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch}"),
    )
}

/// A request with any Via.
pub(crate) fn with_via(method: &str, via: &str) -> String {
    format!(
        "{method} sip:bob@192.0.2.2 SIP/2.0\r\n\
         Via: {via}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@example.com>;tag=alice\r\n\
         To: <sip:bob@example.com>\r\n\
         Call-ID: call\r\n\
         CSeq: 1 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// The ACK for a response with this To tag.
pub(crate) fn ack(branch: &str, to_tag: &str) -> String {
    tagged(&request("ACK", branch), to_tag)
}

/// The same request with a To tag.
pub(crate) fn tagged(request: &str, to_tag: &str) -> String {
    request.replace(
        "<sip:bob@example.com>",
        &format!("<sip:bob@example.com>;tag={to_tag}"),
    )
}

pub(crate) fn parse(text: impl AsRef<[u8]>) -> Message {
    parse_message(text.as_ref().to_vec().into(), &Limits::default()).expect("a message")
}

pub(crate) fn parse_request(text: impl AsRef<[u8]>) -> Request {
    Request::try_from(parse(text)).expect("a request")
}

/// The requests among `messages` with this method.
pub(crate) fn requests(messages: &[Message], method: &str) -> Vec<Request> {
    let requests = messages.iter().filter_map(|message| match message {
        Message::Request(request) => Some(request.clone()),
        Message::Response(_) => None,
    });
    requests
        .filter(|request| request.method().to_string() == method)
        .collect()
}

/// The responses among `messages`.
pub(crate) fn responses(messages: &[Message]) -> Vec<Response> {
    let responses = messages.iter().filter_map(|message| match message {
        Message::Response(response) => Some(response.clone()),
        Message::Request(_) => None,
    });
    responses.collect()
}
