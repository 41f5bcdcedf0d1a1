//! Whether a user agent understands the body of a request (RFC 3261 §8.2.3).

use super::refusal::append;
use super::{Refusal, optional, refused};
use crate::header::{
    ContentDisposition, ContentEncoding, ContentType, Header, HeaderName, Headers,
};
use crate::parse::Flaw;
use crate::{Request, StatusCode, Text};

/// 415 for a body that is not optional and of none of the media types `accepted`, or that is encoded. One that does
/// not say what it is passes.
pub(super) fn check(request: &Request, accepted: &[ContentType]) -> Result<(), Refusal> {
    let headers = request.headers();
    if accepted.is_empty() || request.body().is_empty() || is_optional(headers) {
        return Ok(());
    }
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    if let Some(found) = optional::<ContentType>(headers, "one Content-Type")?
        && !accepted.iter().any(|known| same_type(known, &found))
    {
        let flaw = refused::<ContentType>(headers, "a media type understood", status);
        let mut list = Vec::new();
        for media_type in accepted {
            append(&mut list, &media_type.as_text());
        }
        return Err(Refusal::with(
            flaw,
            HeaderName::Accept,
            Text::composed(list),
        ));
    }
    for (place, coding) in headers.located::<ContentEncoding>() {
        if !coding.is_ok_and(|coding| coding.coding().eq_ignore_ascii_case(b"identity")) {
            let flaw = Flaw::new(headers.offset(place), "a body as it is", status);
            let identity = Text::from_static("identity");
            return Err(Refusal::with(flaw, HeaderName::AcceptEncoding, identity));
        }
    }
    Ok(())
}

/// `handling=optional` (§20.11)
fn is_optional(headers: &Headers) -> bool {
    let disposition = headers.optional::<ContentDisposition>();
    let disposition = disposition.ok().flatten();
    disposition.is_some_and(|disposition| {
        let handling = disposition.params().value("handling");
        handling.is_some_and(|handling| handling.eq_ignore_ascii_case(b"optional"))
    })
}

fn same_type(a: &ContentType, b: &ContentType) -> bool {
    a.kind().eq_ignore_ascii_case(b.kind()) && a.subtype().eq_ignore_ascii_case(b.subtype())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Message, Role, parse_message};

    fn judge(lines: &str, body: &str) -> Result<(), Refusal> {
        let text = format!(
            "MESSAGE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
             From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n\
             {lines}\r\n{body}"
        );
        let role = Role::user_agent().accepting([ContentType::TEXT, ContentType::SDP]);
        let message: Message = parse_message(text.into(), &Limits::default()).unwrap();
        role.validate(&message)
    }

    #[test]
    fn a_body_not_understood_is_415_with_what_is() {
        // RFC 4475 §3.3.6 (invut)
        let refusal = judge("c: application/unknownformat\r\n", "x").unwrap_err();
        assert_eq!(
            refusal.flaw.status,
            Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        );
        let accept = Text::from_static("text/plain, application/sdp");
        assert_eq!(refusal.header, Some((HeaderName::Accept, accept)));
        let refusal = judge("c: text/plain\r\ne: gzip\r\n", "x").unwrap_err();
        let identity = Text::from_static("identity");
        assert_eq!(refusal.header, Some((HeaderName::AcceptEncoding, identity)));
    }

    #[test]
    fn a_body_that_is_understood_absent_or_optional_passes() {
        for (lines, body) in [
            ("c: Text/Plain;charset=utf-8\r\n", "x"),
            ("c: text/plain\r\nContent-Encoding: Identity\r\n", "x"),
            ("c: x/y\r\n", ""),
            (
                "c: x/y\r\nContent-Disposition: render;handling=optional\r\n",
                "x",
            ),
            ("", "x"),
        ] {
            assert_eq!(judge(lines, body), Ok(()), "{lines}");
        }
    }

    #[test]
    fn a_content_type_that_cannot_be_read_is_a_bad_request() {
        for lines in [
            "c: text\r\n",
            "c: text/plain\r\nContent-Type: text/plain\r\n",
        ] {
            let refusal = judge(lines, "x").unwrap_err();
            assert_eq!(refusal.flaw.status, Some(StatusCode::BAD_REQUEST));
        }
    }
}
