//! A body of anything, of parts or not: its parts stand in it one behind the other, and a description put into it leaves every
//! other octet.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip_core::multipart::Multipart;
use sip_core::sdp::Sdp;
use sip_core::{
    ContentDisposition, ContentLength, ContentType, HeaderName, Limits, Message, Text,
    parse_message,
};

fuzz_target!(|octets: &[u8]| {
    // The first line is the Content-Type, the rest the body.
    let Some(line) = octets.iter().position(|octet| *octet == b'\n') else {
        return;
    };
    let (content_type, body) = (&octets[..line], &octets[line + 1..]);
    let Ok(content_type) = Text::new(content_type) else {
        return;
    };
    let head = b"INVITE sip:b.example SIP/2.0\r\nContent-Type: ";
    let message = [head, &content_type[..], b"\r\n\r\n", body].concat();
    let Ok(message) = parse_message(Bytes::from(message), &Limits::default()) else {
        return;
    };
    if message.flaw().is_some() {
        return;
    }
    if let Ok(content_type) = message.headers().require::<ContentType>() {
        parts(&content_type, message.body());
    }
    replace(message);
});

fn parts(content_type: &ContentType, body: &Bytes) {
    let Ok(multipart) = Multipart::read(content_type, body.clone()) else {
        return;
    };
    let mut behind = 0;
    for part in multipart.parts() {
        let range = part.content_range();
        assert!(behind <= range.start, "parts overlap");
        assert_eq!(part.content(), body[range.clone()]);
        behind = range.end;
        let _ = (part.content_type(), part.header::<ContentDisposition>());
        if let Some(value) = part.raw(&HeaderName::ContentType) {
            assert!(!value.contains(&b'\n') && !value.contains(&b'\r'));
        }
    }
}

fn replace(mut message: Message) {
    let before = message.clone();
    let found = message.session_description();
    let sdp = match &found {
        Ok(Some(sdp)) => sdp.clone(),
        _ => Bytes::from_static(b"v=0\r\ns=x\r\n"),
    };
    let marked = Sdp::parse(sdp.clone()).map_or(sdp, |sdp| sdp.relay_anyway().finish());
    let replaced = message.replace_session_description(&marked);
    match (found, replaced) {
        (Ok(Some(old)), Ok(true)) => {
            let again = message.session_description();
            assert_eq!(
                again,
                Ok(Some(marked.clone())),
                "what was put in is found again"
            );
            assert_eq!(
                message.headers().require(),
                Ok(ContentLength(message.body().len() as u32))
            );
            assert_around(before.body(), &old, message.body(), &marked);
        }
        // What came may hold delimiters of a body around it.
        (Ok(Some(_)), Err(_)) => assert_eq!(message.to_bytes(), before.to_bytes()),
        (found, replaced) => {
            assert_eq!(found.is_err(), replaced.is_err());
            assert_ne!(replaced, Ok(true));
            assert_eq!(message.to_bytes(), before.to_bytes());
        }
    }
}

/// Does `new_body` hold `new` where `body` holds `old`, and the same octets around it?
fn assert_around(body: &[u8], old: &[u8], new_body: &[u8], new: &[u8]) {
    assert_eq!(body.len() - old.len(), new_body.len() - new.len());
    let same = body
        .iter()
        .zip(new_body)
        .take_while(|(a, b)| a == b)
        .count();
    let found = (0..=same.min(body.len() - old.len())).rev().any(|start| {
        body[start..].starts_with(old)
            && new_body[start..].starts_with(new)
            && body[start + old.len()..] == new_body[start + new.len()..]
    });
    assert!(found, "octets around the description changed");
}
