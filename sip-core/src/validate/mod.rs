//! What a message must hold before anything is done with it (RFC 3261 §8.1.1, §8.2.2.1, §16.3).

mod content;
mod refusal;
mod role;

pub use refusal::Refusal;
pub use role::Role;

use crate::header::{Header, HeaderError, HeaderErrorKind, Headers, Place};
use crate::parse::Flaw;
use crate::{CSeq, CallId, From, MaxForwards, Message, Method, Request, StatusCode, To, Uri, Via};

/// Whether any element may process `message`: it was read without a flaw, the headers no message can do without stand
/// in it once and are readable, and they fit its start line. What more a proxy, a registrar or a user agent demands
/// is its [`Role`]'s to say, and so is which schemes of a Request-URI it can follow.
///
/// An absent Max-Forwards, From tag or branch is no defect: RFC 2543 knew none of them. Whatever is wrong with a
/// response or an ACK is met with silence.
///
/// # Errors
/// The first defect, with the response it deserves.
pub fn validate(message: &Message) -> Result<(), Flaw> {
    let checked = match (message.flaw(), message) {
        (Some(flaw), _) => Err(*flaw),
        (None, Message::Request(request)) => validate_request(request),
        (None, Message::Response(response)) => mandatory(response.headers()).map(drop),
    };
    match message {
        Message::Request(request) if *request.method() != Method::Ack => checked,
        _ => checked.map_err(Flaw::unanswered),
    }
}

fn validate_request(request: &Request) -> Result<(), Flaw> {
    let headers = request.headers();
    let cseq = mandatory(headers)?;
    if cseq.method() != *request.method() {
        let (expected, status) = ("method of the request in CSeq", StatusCode::BAD_REQUEST);
        return Err(refused::<CSeq>(headers, expected, status));
    }
    optional::<MaxForwards>(headers, "one Max-Forwards")?;
    match request.uri() {
        Uri::Sip(uri) if uri.header_part().is_some() => {
            let (expected, status) = ("Request-URI without headers", StatusCode::BAD_REQUEST);
            Err(Flaw::new(uri_start(request), expected, status))
        }
        _ => Ok(()),
    }
}

fn uri_start(request: &Request) -> usize {
    request.method().as_bytes().len() + 1
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

/// Of `H`, the first line is wrong.
fn refused<H: Header>(headers: &Headers, expected: &'static str, status: StatusCode) -> Flaw {
    let place = headers.places(&H::NAME).next();
    Flaw::new(offset(headers, place), expected, status)
}

/// The one line of a header is missing, cannot be read, or is followed by another.
fn flaw(headers: &Headers, error: &HeaderError, expected: &'static str) -> Flaw {
    let mut places = headers.places(&error.name);
    match (error.kind, places.next()) {
        (HeaderErrorKind::Malformed { .. }, Some(place)) => unreadable(headers, place, error),
        (HeaderErrorKind::Repeated, _) => {
            let second = offset(headers, places.next());
            Flaw::new(second, expected, StatusCode::BAD_REQUEST)
        }
        (_, place) => Flaw::new(offset(headers, place), expected, StatusCode::BAD_REQUEST),
    }
}

/// What stands at `place` does not follow the grammar.
fn unreadable(headers: &Headers, place: Place, error: &HeaderError) -> Flaw {
    let (octets, expected) = match error.kind {
        HeaderErrorKind::Malformed { offset, expected } => (offset, expected),
        _ => (0, "value"),
    };
    let offset = headers.offset(place.after(octets));
    Flaw::new(offset, expected, StatusCode::BAD_REQUEST)
}

/// What is missing is missed from the start of the message on.
fn offset(headers: &Headers, place: Option<Place>) -> usize {
    place.map_or(0, |place| headers.offset(place))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Limits, parse_message};

    const LINES: [&str; 5] = [
        "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1",
        "From: <sip:alice@a.example>;tag=1",
        "To: <sip:bob@b.example>",
        "Call-ID: 1@a.example",
        "CSeq: 1 BYE",
    ];

    fn judge(start: &str, lines: &[&str]) -> Result<(), Flaw> {
        let text = format!("{start}\r\n{}\r\n\r\n", lines.join("\r\n"));
        validate(&parse_message(Bytes::from(text), &Limits::default()).unwrap())
    }

    fn status(start: &str, lines: &[&str]) -> Option<StatusCode> {
        judge(start, lines).unwrap_err().status
    }

    const BYE: &str = "BYE sip:b.example SIP/2.0";

    #[test]
    fn five_headers_are_enough() {
        assert_eq!(judge(BYE, &LINES), Ok(()));
        assert_eq!(judge("SIP/2.0 200 OK", &LINES), Ok(()));
    }

    #[test]
    fn none_of_them_may_be_missing_or_unreadable_and_only_via_may_be_repeated() {
        for index in 0..LINES.len() {
            let mut missing = LINES.to_vec();
            missing.remove(index);
            let mut broken = LINES.to_vec();
            let unreadable = format!("{}: \" \"", LINES[index].split(':').next().unwrap());
            broken[index] = &unreadable;
            let mut doubled = LINES.to_vec();
            doubled.push(LINES[index]);
            for lines in [&missing, &broken] {
                assert_eq!(status(BYE, lines), Some(StatusCode::BAD_REQUEST));
                assert_eq!(status("SIP/2.0 200 OK", lines), None);
            }
            assert_eq!(judge(BYE, &doubled).is_ok(), index == 0, "{}", LINES[index]);
        }
    }

    #[test]
    fn cseq_names_the_method_of_the_request() {
        let status = status("INVITE sip:b.example SIP/2.0", &LINES);
        assert_eq!(status, Some(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn a_flaw_stands_where_the_header_is_wrong() {
        let mut lines = LINES;
        lines[4] = "CSeq: x BYE";
        let flaw = judge(BYE, &lines).unwrap_err();
        let before = format!("{BYE}\r\n{}\r\n", lines[..4].join("\r\n"));
        assert_eq!(flaw.offset, before.len() + "CSeq: ".len());
    }

    #[test]
    fn max_forwards_may_be_absent_but_not_unreadable_or_doubled() {
        for extra in ["Max-Forwards: 256", "Max-Forwards: 1\r\nMax-Forwards: 1"] {
            let lines = [&LINES[..], &[extra]].concat();
            assert_eq!(status(BYE, &lines), Some(StatusCode::BAD_REQUEST));
        }
    }

    #[test]
    fn the_request_uri_is_a_uri_without_headers() {
        for uri in [
            "tel:+358-555-1234567",
            "urn:service:sos",
            "http://b.example/",
        ] {
            assert_eq!(judge(&format!("BYE {uri} SIP/2.0"), &LINES), Ok(()));
        }
        assert_eq!(
            status("BYE b.example SIP/2.0", &LINES),
            Some(StatusCode::BAD_REQUEST)
        );
        assert_eq!(
            status("BYE sip:b.example?Route=%3Csip:evil%3E SIP/2.0", &LINES),
            Some(StatusCode::BAD_REQUEST)
        );
    }
}
