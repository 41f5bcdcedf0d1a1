//! Bodies of several parts: RFC 2046 §5.1.1, RFC 4475 mpart01, RFC 5621; the session description found and put back.

use bytes::Bytes;
use sip_core::multipart::{Multipart, MultipartError};
use sip_core::sdp::Sdp;
use sip_core::*;

const SDP: &str = "v=0\r\no=ada 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

/// An INVITE with that body, and a Content-Length in a spelling of its own.
fn invite(content_type: &str, body: &str) -> Message {
    let length = body.len();
    let text = format!(
        "INVITE sip:bob@b.example SIP/2.0\r\nc:  {content_type}\r\nl:  {length:05}\r\nX-Odd:  y\r\n\r\n{body}"
    );
    let message = parse_message(Bytes::from(text), &Limits::default()).expect("a request");
    assert_eq!(message.flaw(), None);
    message
}

fn read(content_type: &str, body: &str) -> Result<Multipart, MultipartError> {
    let content_type = content_type.parse().expect("a media type");
    Multipart::read(&content_type, Bytes::copy_from_slice(body.as_bytes()))
}

fn contents(content_type: &str, body: &str) -> Vec<String> {
    let multipart = read(content_type, body).expect("parts");
    let contents = multipart.parts().map(|part| part.content());
    contents
        .map(|content| content.escape_ascii().to_string())
        .collect()
}

fn mixed(body: &str) -> Vec<String> {
    contents("multipart/mixed;boundary=b", body)
}

/// `inner` within that many multiparts, each with a boundary of its own.
fn nested(levels: usize, inner_type: &str, inner: &str) -> (String, String) {
    (0..levels).fold(
        (inner_type.to_owned(), inner.to_owned()),
        |(content_type, content), level| {
            let body = format!(
                "--{level}\r\nContent-Type: {content_type}\r\n\r\n{content}\r\n--{level}--\r\n"
            );
            (format!("multipart/mixed;boundary={level}"), body)
        },
    )
}

#[test]
fn the_example_of_rfc_2046_section_5_1_1_has_two_parts() {
    let body = "This is the preamble.  It is to be ignored, though it\r\n\
        is a handy place for composition agents to include an\r\n\
        explanatory note to non-MIME conformant readers.\r\n\r\n\
        --simple boundary\r\n\r\n\
        This is implicitly typed plain US-ASCII text.\r\n\
        It does NOT end with a linebreak.\r\n\
        --simple boundary\r\n\
        Content-type: text/plain; charset=us-ascii\r\n\r\n\
        This is explicitly typed plain US-ASCII text.\r\n\
        It DOES end with a linebreak.\r\n\r\n\
        --simple boundary--\r\n\r\n\
        This is the epilogue.  It is also to be ignored.\r\n";
    let multipart = read("multipart/mixed; boundary=\"simple boundary\"", body).unwrap();
    let parts: Vec<_> = multipart.parts().collect();
    assert_eq!(parts.len(), 2);
    assert!(
        parts[0]
            .content()
            .ends_with(b"It does NOT end with a linebreak.")
    );
    assert!(
        parts[1]
            .content()
            .ends_with(b"It DOES end with a linebreak.\r\n")
    );
    assert_eq!(parts[0].content_type().unwrap(), ContentType::TEXT);
    let content_type = parts[1].content_type().unwrap();
    assert_eq!(
        content_type.params().value("charset"),
        Some(&b"us-ascii"[..])
    );
    for part in &parts {
        assert_eq!(part.content(), &body[part.content_range()]);
    }
}

#[test]
fn the_parts_of_mpart01_are_text_and_octets() {
    let octets = Bytes::from_static(include_bytes!("torture/rfc4475/mpart01.dat"));
    let message = parse_message(octets, &Limits::default()).unwrap();
    let content_type = message.headers().require().unwrap();
    let multipart = Multipart::read(&content_type, message.body().clone()).unwrap();
    let parts: Vec<_> = multipart.parts().collect();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0].content(), "Hello");
    assert!(
        parts[1]
            .content_type()
            .unwrap()
            .is("application/octet-stream")
    );
    let encoding = HeaderName::Other(Text::from_static("content-transfer-encoding"));
    assert_eq!(parts[1].raw(&encoding).unwrap(), "binary");
    assert!(parts[1].content().starts_with(b"\x30\x82"));
    assert_eq!(message.session_description(), Ok(None));
}

#[test]
fn a_delimiter_is_a_line_of_its_own() {
    assert_eq!(
        mixed("--b\r\n\r\none--b\r\n --b\r\n\r\n--b--"),
        ["one--b\\r\\n --b\\r\\n"]
    );
    assert_eq!(
        mixed("--b\r\n\r\none\r\n--bc\r\n--b-\r\n--b--x\r\n--b--"),
        ["one\\r\\n--bc\\r\\n--b-\\r\\n--b--x"]
    );
    assert_eq!(
        mixed("--b \t\r\n\r\none\r\n--b\t\r\n\r\ntwo\r\n--b-- \r\n\r\nend"),
        ["one", "two"]
    );
    assert_eq!(mixed("--bc\r\n\r\nno\r\n--b\r\n\r\none\r\n--b--"), ["one"]);
}

#[test]
fn lines_may_end_in_lf_alone() {
    assert_eq!(
        mixed("--b\n\none\n\n--b\nX: y\n\ntwo\n--b--\n"),
        ["one\\n", "two"]
    );
}

#[test]
fn a_part_may_be_empty_or_all_header() {
    assert_eq!(
        mixed("--b\r\n--b\r\n\r\n\r\n--b\r\nX: y\r\n--b\r\n\r\n--b--"),
        ["", "", "", ""]
    );
}

#[test]
fn the_end_of_the_body_ends_the_last_part() {
    assert_eq!(
        mixed("--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n"),
        ["one", "two\\r\\n"]
    );
    assert_eq!(mixed("--b\r\n\r\none\r\n--b"), ["one"]);
    assert_eq!(mixed("--b--"), [""; 0]);
}

#[test]
fn a_header_of_a_part_is_read_as_one_of_a_message() {
    let body = "--b\r\nCONTENT-TYPE : application/sdp\r\nContent-Disposition: session;\r\n handling=required\r\nno colon\r\n\
        X-Odd:a\r\nX-Odd: b\r\nContent-Language: fr\r\nContent-Language: de\r\n\r\nv=0\r\n--b--";
    let multipart = read("multipart/mixed;boundary=b", body).unwrap();
    let part = multipart.parts().next().unwrap();
    assert!(part.content_type().unwrap().is("application/sdp"));
    let disposition: ContentDisposition = part.header().unwrap().unwrap();
    assert_eq!(
        disposition.params().value("handling"),
        Some(&b"required"[..])
    );
    let raw = |name| part.raw(&HeaderName::Other(Text::from_static(name)));
    assert_eq!(raw("x-odd").unwrap(), "a");
    assert_eq!(raw("Content-ID"), None);
    assert_eq!(part.header::<ContentEncoding>(), Ok(None));
    let error = part.header::<ContentLanguage>().unwrap_err();
    assert_eq!(error.kind, HeaderErrorKind::Repeated);
}

#[test]
fn a_boundary_has_1_to_70_octets_and_does_not_end_in_a_space() {
    let long = "x".repeat(70);
    assert_eq!(
        contents(
            &format!("multipart/mixed;boundary={long}"),
            &format!("--{long}\r\n\r\na")
        ),
        ["a"]
    );
    for content_type in [
        "multipart/mixed",
        "multipart/mixed;boundary",
        "multipart/mixed;boundary=\"\"",
        "multipart/mixed;boundary=\"b \"",
        &format!("multipart/mixed;boundary=x{long}"),
    ] {
        assert_eq!(
            read(content_type, "--b\r\n\r\na").unwrap_err(),
            MultipartError::Boundary,
            "{content_type}"
        );
    }
    assert_eq!(
        contents("multipart/x;boundary=\"a\\b:;\"", "--ab:;\r\n\r\na"),
        ["a"]
    );
}

#[test]
fn a_body_without_a_delimiter_has_no_parts_to_tell_apart() {
    for body in ["", "--", "--c\r\n", "x--b\r\n", "--bb\r\n"] {
        assert_eq!(
            read("multipart/mixed;boundary=b", body).unwrap_err(),
            MultipartError::Delimiter,
            "{body:?}"
        );
    }
}

#[test]
fn a_description_that_is_the_body_is_found_and_put_back() {
    let mut message = invite("Application/SDP;charset=utf-8", SDP);
    let before = message.to_bytes();
    let found = message.session_description().unwrap().unwrap();
    assert_eq!(found, SDP);
    assert_eq!(
        found.as_ptr(),
        message.body().as_ptr(),
        "shared, not copied"
    );

    assert_eq!(
        message.replace_session_description(SDP.as_bytes()),
        Ok(true)
    );
    assert_eq!(
        message.to_bytes(),
        before,
        "the same length keeps its spelling"
    );

    assert_eq!(message.replace_session_description(b"v=0\r\n"), Ok(true));
    let expected = "INVITE sip:bob@b.example SIP/2.0\r\nc:  Application/SDP;charset=utf-8\r\nContent-Length: 5\r\n\
        X-Odd:  y\r\n\r\nv=0\r\n";
    assert_eq!(message.to_bytes(), expected);
}

#[test]
fn a_description_among_other_parts_is_rewritten_and_they_stay() {
    let around = |sdp: &str| {
        format!(
            "preamble\r\n--b\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n\
             <resource-lists>\u{0}\r\n--b \r\ncontent-type:application/sdp\r\n\r\n{sdp}\r\n--b\r\n\
             Content-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\n{SDP}\r\n--b--\r\nepilogue"
        )
    };
    let mut message = invite("multipart/mixed;boundary=\"b\"", &around(SDP));
    let sdp = Sdp::parse(message.session_description().unwrap().unwrap()).unwrap();
    let mut edit = sdp.relay().unwrap();
    edit.set_connection_address("192.0.2.1".parse().unwrap());
    let relayed = edit.finish();
    assert_eq!(message.replace_session_description(&relayed), Ok(true));
    let expected = around(std::str::from_utf8(&relayed).unwrap());
    assert_eq!(message.body(), &expected);
    let length: ContentLength = message.headers().require().unwrap();
    assert_eq!(length.0 as usize, expected.len());
}

#[test]
fn a_description_whose_line_end_belongs_to_the_delimiter_can_be_marked() {
    let body =
        "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nm=audio 9 RTP/AVP 0\r\n--b--\r\n";
    let mut message = invite("multipart/mixed;boundary=b", body);
    let sdp = Sdp::parse(message.session_description().unwrap().unwrap()).unwrap();
    let marked = sdp.relay().unwrap().finish();
    message.replace_session_description(&marked).unwrap();
    let again = Sdp::parse(message.session_description().unwrap().unwrap()).unwrap();
    assert!(again.is_relayed());
    assert_eq!(
        again.as_bytes(),
        "v=0\r\nm=audio 9 RTP/AVP 0\r\na=nortpproxy:yes\r\n"
    );
}

#[test]
fn the_example_of_rfc_5621_section_4_1_is_found_inside_an_alternative() {
    let alternative = format!(
        "--in\r\nContent-Type: application/sdpng\r\n\r\n<sdpng/>\r\n--in\r\nContent-Type: application/sdp\r\n\r\n{SDP}\r\n--in--"
    );
    let body = format!(
        "--out\r\nContent-Type: application/pidf+xml\r\n\r\n<presence/>\r\n--out\r\n\
         Content-Type: multipart/alternative;boundary=in\r\n\r\n{alternative}\r\n--out--\r\n"
    );
    let mut message = invite("multipart/mixed;boundary=out", &body);
    assert_eq!(message.session_description().unwrap().unwrap(), SDP);
    message.replace_session_description(b"v=0\r\n").unwrap();
    assert_eq!(message.body(), &body.replace(SDP, "v=0\r\n"));
}

#[test]
fn other_bodies_have_no_description() {
    for (content_type, body) in [
        ("text/plain", SDP),
        ("application/sdp", ""),
        ("multipart/mixed;boundary=b", "--b\r\n\r\nv=0\r\n--b--"),
        (
            "multipart/mixed;boundary=b",
            "--b--\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n",
        ),
    ] {
        let mut message = invite(content_type, body);
        let before = message.to_bytes();
        assert_eq!(message.session_description(), Ok(None), "{content_type}");
        assert_eq!(message.replace_session_description(b"v=0\r\n"), Ok(false));
        assert_eq!(message.to_bytes(), before);
    }
    let bare = Bytes::from_static(b"BYE sip:b.example SIP/2.0\r\n\r\nv=0\r\n");
    let bare = parse_message(bare, &Limits::default()).unwrap();
    assert_eq!(bare.session_description(), Ok(None));
}

#[test]
fn a_body_that_cannot_be_read_is_an_error_and_is_forwarded_as_it_came() {
    let signed = format!("--b\r\nContent-Type: application/sdp\r\n\r\n{SDP}\r\n--b--");
    let inner = "--b\r\nContent-Type: multipart/mixed\r\n\r\nno boundary\r\n--b--";
    for (content_type, body, expected) in [
        ("multipart/mixed", SDP, MultipartError::Boundary),
        ("multipart/mixed;boundary=b", SDP, MultipartError::Delimiter),
        (
            "multipart/signed;boundary=b",
            &signed,
            MultipartError::Secured,
        ),
        (
            "multipart/mixed;boundary=b",
            inner,
            MultipartError::Boundary,
        ),
    ] {
        let mut message = invite(content_type, body);
        let before = message.to_bytes();
        assert_eq!(message.session_description(), Err(expected.clone()));
        assert_eq!(
            message.replace_session_description(b"v=0\r\n"),
            Err(expected)
        );
        assert_eq!(message.to_bytes(), before);
    }
    let odd = invite("nonsense", SDP).session_description().unwrap_err();
    assert!(matches!(odd, MultipartError::ContentType(_)));
}

#[test]
fn a_part_that_cannot_be_read_does_not_hide_the_description() {
    let body = format!(
        "--b\r\nContent-Type: multipart/mixed\r\n\r\nno boundary\r\n--b\r\nContent-Type: ///\r\n\r\n\r\n\
         --b\r\nContent-Type: application/sdp\r\n\r\n{SDP}\r\n--b--"
    );
    let message = invite("multipart/mixed;boundary=b", &body);
    assert_eq!(message.session_description().unwrap().unwrap(), SDP);
}

#[test]
fn parts_within_parts_are_looked_into_up_to_8_levels() {
    let find = |levels| {
        let (content_type, body) = nested(levels, "application/sdp", SDP);
        invite(&content_type, &body).session_description()
    };
    assert_eq!(find(8).unwrap().unwrap(), SDP);
    assert_eq!(find(9), Err(MultipartError::Depth));
    assert_eq!(find(700), Err(MultipartError::Depth));
}

#[test]
fn the_limit_given_says_how_deep() {
    let mut limits = Limits::default();
    for (deepest, levels, found) in [(0, 0, true), (0, 1, false), (2, 2, true), (2, 3, false)] {
        limits.max_parts_depth = deepest;
        let (content_type, body) = nested(levels, "application/sdp", SDP);
        let printed = invite(&content_type, &body).to_bytes();
        let message = parse_message(printed, &limits).unwrap();
        for message in [message.detached(), message] {
            assert_eq!(
                message.session_description().is_ok(),
                found,
                "{levels} in {deepest}"
            );
        }
    }
}

#[test]
fn nine_thousand_parts_are_walked() {
    let body =
        "--b\r\n\r\n".repeat(9_000) + "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--";
    let multipart = read("multipart/mixed;boundary=b", &body).unwrap();
    assert_eq!(multipart.parts().count(), 9_001);
    assert_eq!(multipart.parts().last().unwrap().content(), "v=0");
}

#[test]
fn new_content_cannot_end_the_part_it_is_put_into() {
    let (content_type, body) = nested(3, "application/sdp", SDP);
    let mut message = invite(&content_type, &body);
    let before = message.to_bytes();
    for boundary in ["--0", "--1", "--2"] {
        for smuggling in [format!("{boundary}\r\n"), format!("v=0\r\n{boundary}--")] {
            let refused = message.replace_session_description(smuggling.as_bytes());
            assert_eq!(refused, Err(MultipartError::Smuggled));
        }
    }
    assert_eq!(message.to_bytes(), before);
    assert_eq!(
        message.replace_session_description(b"v=0\r\ns=--0\r\n"),
        Ok(true)
    );
}

#[test]
fn a_request_and_a_response_find_theirs_too() {
    let message = invite("application/sdp", SDP);
    let mut request: Request = message.try_into().unwrap();
    assert_eq!(request.session_description().unwrap().unwrap(), SDP);
    assert_eq!(request.replace_session_description(b"v=0\r\n"), Ok(true));
    assert_eq!(request.body(), "v=0\r\n");
    let mut response = request.reply(StatusCode::OK);
    response.set_body(&ContentType::SDP, Bytes::from_static(SDP.as_bytes()));
    assert_eq!(response.session_description().unwrap().unwrap(), SDP);
    response.replace_body(Bytes::from_static(b"v=0\r\ns=-\r\n"));
    assert_eq!(response.headers().require(), Ok(ContentLength(10)));
    assert_eq!(response.headers().require(), Ok(ContentType::SDP));
}
