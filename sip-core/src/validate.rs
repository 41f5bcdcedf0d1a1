//! What a message must hold before anything is done with it (RFC 3261 §8.1.1, §8.2.2.1, §16.3).

use crate::header::{Header, HeaderError, HeaderErrorKind, Headers};
use crate::parse::Flaw;
use crate::{CSeq, CallId, From, MaxForwards, Message, Request, StatusCode, To, Uri, Via};

/// Whether `message` may be processed: it was read without a flaw, the headers no message can do without stand in
/// it once and are readable, and they fit its start line.
///
/// An absent Max-Forwards, From tag or branch is no defect: RFC 2543 knew none of them.
///
/// # Errors
/// The first defect, with the response it deserves.
pub fn validate(message: &Message) -> Result<(), Flaw> {
    if let Some(flaw) = message.flaw() {
        return Err(*flaw);
    }
    match message {
        Message::Request(request) => validate_request(request),
        Message::Response(response) => mandatory(response.headers())
            .map(drop)
            .map_err(Flaw::unanswered),
    }
}

fn validate_request(request: &Request) -> Result<(), Flaw> {
    let headers = request.headers();
    let cseq = mandatory(headers)?;
    if cseq.method() != *request.method() {
        return Err(bad_request::<CSeq>(
            headers,
            "method of the request in CSeq",
        ));
    }
    optional::<MaxForwards>(headers, "one Max-Forwards")?;
    let uri_start = request.method().as_bytes().len() + 1;
    match request.uri() {
        Uri::Sip(uri) if uri.header_part().is_some() => {
            let (expected, status) = ("Request-URI without headers", StatusCode::BAD_REQUEST);
            Err(Flaw::new(uri_start, expected, status))
        }
        Uri::Sip(_) | Uri::Tel(_) => Ok(()),
        Uri::Other(_) => {
            let (expected, status) = ("sip, sips or tel", StatusCode::UNSUPPORTED_URI_SCHEME);
            Err(Flaw::new(uri_start, expected, status))
        }
    }
}

/// The headers of every request and every response (§8.1.1).
fn mandatory(headers: &Headers) -> Result<CSeq, Flaw> {
    require::<Via>(headers, "Via")?;
    require::<From>(headers, "one From")?;
    require::<To>(headers, "one To")?;
    require::<CallId>(headers, "one Call-ID")?;
    require::<CSeq>(headers, "one CSeq")
}

fn require<H: Header>(headers: &Headers, expected: &'static str) -> Result<H, Flaw> {
    headers
        .require()
        .map_err(|error| flaw(headers, &error, expected))
}

fn optional<H: Header>(headers: &Headers, expected: &'static str) -> Result<Option<H>, Flaw> {
    headers
        .optional()
        .map_err(|error| flaw(headers, &error, expected))
}

fn bad_request<H: Header>(headers: &Headers, expected: &'static str) -> Flaw {
    let offset = headers.offset_of(&H::NAME).unwrap_or(0);
    Flaw::new(offset, expected, StatusCode::BAD_REQUEST)
}

fn flaw(headers: &Headers, error: &HeaderError, expected: &'static str) -> Flaw {
    let start = headers.offset_of(&error.name).unwrap_or(0);
    match error.kind {
        HeaderErrorKind::Malformed { offset, expected } => {
            Flaw::new(start + offset, expected, StatusCode::BAD_REQUEST)
        }
        _ => Flaw::new(start, expected, StatusCode::BAD_REQUEST),
    }
}
