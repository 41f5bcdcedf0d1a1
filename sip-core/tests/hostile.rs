//! Messages made to cost their reader much: time and memory stay in proportion to their size, and no limit is crossed
//! (RFC 3261 §26.1.5).

use std::fmt::Write as _;

use allocation_counter::measure;
use bytes::Bytes;
use sip_core::*;

#[path = "messages/hostile.rs"]
mod hostile;
#[path = "messages/proxied.rs"]
mod proxied;

use hostile::{KINDS, message, unlimited};

/// A line table of 16 octets a line outweighs lines of four or five octets; the limit on lines bounds it.
const MANY_LINES: [&str; 3] = [
    "header lines",
    "known header lines",
    "lines without a colon",
];

#[test]
fn no_message_costs_more_memory_than_four_times_its_size() {
    for kind in KINDS {
        for size in [16_000, 60_000] {
            let bytes = message(kind, size);
            let length = bytes.len() as u64;
            let counted = measure(|| {
                proxied::work(bytes, &Limits::default());
            });
            assert!(counted.bytes_max <= 4 * length, "{}: {counted:?}", kind.0);
        }
    }
}

#[test]
fn twice_the_octets_are_twice_the_memory_at_most() {
    for kind in KINDS.iter().filter(|kind| !MANY_LINES.contains(&kind.0)) {
        let allocated = |size| {
            let bytes = message(kind, size);
            measure(|| {
                proxied::work(bytes, &unlimited());
            })
        };
        let (once, twice) = (allocated(30_000), allocated(60_000));
        // The sound lines around are there once in both.
        let in_proportion = |twice: u64, once: u64| 32 * twice <= 66 * once + 1_024;
        assert!(
            in_proportion(twice.bytes_total, once.bytes_total)
                && in_proportion(twice.count_total, once.count_total),
            "{}: {once:?} {twice:?}",
            kind.0
        );
    }
}

fn status(text: impl Into<Bytes>) -> Option<u16> {
    let message = parse_message(text.into(), &Limits::default()).expect("a start line");
    let refusal = Role::proxy().validate(&message).err()?;
    refusal.flaw.status.map(StatusCode::as_u16)
}

/// A sound request with more `lines` and that body, which are as hostile as can be.
fn request(lines: &str, body: &str) -> String {
    format!(
        "INVITE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
         From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
         {lines}\r\n{body}"
    )
}

fn in_lines(lines: &str) -> Option<u16> {
    status(request(lines, ""))
}

/// What a stream brings, and what it is told when it is lost.
fn on_a_stream(text: &str) -> Result<usize, Option<u16>> {
    let mut framer = StreamFramer::new(Limits::default());
    framer.push(text.as_bytes());
    let mut frames = 0;
    loop {
        match framer.next() {
            Ok(Some(_)) => frames += 1,
            Ok(None) => return Ok(frames),
            Err(error) => return Err(error.flaw.status.map(StatusCode::as_u16)),
        }
    }
}

#[test]
fn a01_a_content_length_that_is_no_number_ends_a_stream() {
    for value in ["-1", "x", "", "1 2", "0x10", "+5", "1.0"] {
        let lines = format!("Content-Length: {value}\r\n");
        assert_eq!(in_lines(&lines), Some(400), "{value}");
        assert_eq!(on_a_stream(&request(&lines, "")), Err(Some(400)), "{value}");
    }
}

#[test]
fn a02_a_huge_content_length_never_wraps_and_holds_no_memory() {
    for value in [
        "4294967296",
        "4294967301",
        "18446744073709551617",
        "99999999999999999999",
    ] {
        let lines = format!("l: {value}\r\n");
        assert_eq!(status(request(&lines, "hello")), Some(400), "{value}");
        assert_eq!(
            on_a_stream(&request(&lines, "hello")),
            Err(Some(400)),
            "{value}"
        );
    }
    let announced = request("l: 100000000\r\n", "hello");
    let counted = measure(|| assert_eq!(on_a_stream(&announced), Err(Some(413))));
    assert!(counted.bytes_max < 8 * announced.len() as u64);
}

#[test]
fn a03_trailing_octets_are_ignored_in_a_datagram_and_a_length_is_needed_on_a_stream() {
    let bytes = request("l: 2\r\n", "hi there");
    let message = parse_message(bytes.into(), &Limits::default()).expect("a message");
    assert_eq!((message.flaw(), &message.body()[..]), (None, &b"hi"[..]));
    assert_eq!(on_a_stream(&request("", "hi")), Err(Some(400)));
}

#[test]
fn a04_lengths_that_differ_are_refused_and_nothing_after_them_is_read() {
    let smuggled = request("l: 0\r\n", "");
    let lines = format!("Content-Length: 0\r\nl: {}\r\n", smuggled.len());
    assert_eq!(status(request(&lines, &smuggled)), Some(400));
    assert_eq!(on_a_stream(&request(&lines, &smuggled)), Err(Some(400)));
    // A line the reader skips could have held the length that the next hop believes.
    let long = format!("X: {}\r\nl: 0\r\n", "y".repeat(17_000));
    assert_eq!(on_a_stream(&request(&long, &smuggled)), Err(Some(513)));
}

#[test]
fn a05_few_folds_are_read_and_many_refused() {
    let folded = |folds: usize| format!("Subject: a{}\r\n", "\r\n b".repeat(folds));
    assert_eq!(in_lines(&folded(64)), None);
    assert_eq!(in_lines(&folded(65)), Some(513));
    assert_eq!(in_lines(&folded(15_000)), Some(513));
    assert_eq!(
        in_lines(&format!("Subject: a{}b\r\n", " ".repeat(60_000))),
        Some(513)
    );
}

#[test]
fn a06_thousands_of_lines_and_members_are_refused() {
    for (line, times) in [
        ("v: SIP/2.0/UDP a\r\n", 2_000),
        ("X: y\r\n", 5_000),
        ("Route: <sip:p;lr>, <sip:q;lr>\r\n", 1_000),
    ] {
        assert_eq!(in_lines(&line.repeat(times)), Some(513), "{line}");
    }
    for (first, next) in [
        ("v: SIP/2.0/UDP a", ",SIP/2.0/UDP a"),
        ("Require: a", ",a"),
        ("Proxy-Require: a", ",a"),
        ("m: <sip:a>", ";p"),
    ] {
        let lines = |times: usize| format!("{first}{}\r\n", next.repeat(times));
        assert_eq!(in_lines(&lines(2_000)), Some(513), "{first}");
        assert_ne!(in_lines(&lines(500)), Some(513), "{first}");
    }
}

#[test]
fn a07_long_words_are_read_or_refused_by_their_limit() {
    let long = "a".repeat(64_000);
    let uri = request("", "").replacen("sip:b@b.example", &format!("sip:{long}@b"), 1);
    assert_eq!(status(uri), Some(414));
    for line in ["From: <sip:a>;tag=", "Call-ID: ", "CSeq: 1 ", "X-"] {
        assert_eq!(
            in_lines(&format!("{line}{long}: x\r\n")),
            Some(513),
            "{line}"
        );
    }
    assert_eq!(status(request("", &"b".repeat(65_000))), None);
    assert_eq!(status(request("", &"b".repeat(66_000))), Some(513));
    assert_eq!(on_a_stream(&request("l: 5000000\r\n", "b")), Err(Some(413)));
}

#[test]
fn a08_a_body_is_not_looked_into() {
    let mut body = String::new();
    for level in 0..700 {
        let _ = write!(
            body,
            "--b{level}\r\nContent-Type: multipart/mixed;boundary=b{}\r\n\r\n",
            level + 1
        );
    }
    assert_eq!(
        status(request("c: multipart/mixed;boundary=b0\r\n", &body)),
        None
    );
    assert_eq!(Limits::default().max_parts_depth, 8);
}

#[test]
fn a09_control_characters_split_no_header_and_cut_none() {
    for (octet, expected) in [
        ("\r", Some(400)),
        ("\n", Some(400)),
        ("\0", None),
        ("\u{7f}", None),
    ] {
        let text = request(
            &format!("Subject: a{octet}Route: <sip:evil>{octet}b\r\n"),
            "",
        );
        let message = parse_message(text.clone().into(), &Limits::default()).expect("a message");
        assert!(!message.headers().contains(&HeaderName::Route));
        let subject = message.headers().raw(&HeaderName::Subject).next();
        assert!(subject.expect("a Subject").ends_with(b"b"));
        assert_eq!(status(text), expected, "{octet:?}");
    }
    // In a header a proxy reads, no control character is a character.
    for line in [
        "From: <sip:a\0@a>;tag=1",
        "Call-ID: a\0b",
        "CSeq: 1 IN\0VITE",
    ] {
        let name = line.split(':').next().unwrap_or_default();
        let lines = request("", "").replacen(&format!("{name}: "), "X: ", 1);
        let text = lines.replacen("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"), 1);
        assert_eq!(status(text), Some(400), "{line:?}");
    }
}

#[test]
fn a10_octets_that_are_no_utf8_are_carried_along() {
    let text = request("Subject: caf?\r\nm: \"?\" <sip:a?@a>;x=?\r\nX: ?\r\n", "?");
    let bytes: Vec<u8> = text
        .bytes()
        .map(|octet| if octet == b'?' { 0xe9 } else { octet })
        .collect();
    let message = parse_message(bytes.clone().into(), &Limits::default()).expect("a message");
    assert_eq!(Role::proxy().validate(&message), Ok(()));
    let contact: Contact = message.headers().require().expect("a Contact");
    assert_eq!(contact.display().expect("a name").as_str(), None);
    assert_eq!(message.to_bytes(), bytes);
}

#[test]
fn a11_a_name_is_the_same_with_blanks_before_the_colon_compact_or_in_any_case() {
    for name in ["Max-Forwards ", "max-forwards\t", "MAX-FORWARDS \t "] {
        assert_eq!(in_lines(&format!("{name}: 0\r\n")), Some(483), "{name:?}");
    }
    assert_eq!(in_lines("t: <sip:c>\r\n"), Some(400), "two To");
    assert_eq!(in_lines("T : <sip:c>\r\n"), Some(400), "two To");
    assert_eq!(in_lines(" To: <sip:c>\r\n"), Some(400), "a fold of CSeq");
}

#[test]
fn a12_a_mandatory_header_is_there_once_and_can_be_read() {
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let sound = request("", "");
        let missing = sound.replacen(&format!("{name}: "), "X: ", 1);
        let empty = missing.replacen("\r\n\r\n", &format!("\r\n{name}:\r\n\r\n"), 1);
        assert_eq!(
            (status(missing), status(empty)),
            (Some(400), Some(400)),
            "{name}"
        );
    }
    for line in [
        "From: <sip:x>\r\n",
        "To: <sip:x>\r\n",
        "i: 2\r\n",
        "CSeq: 1 INVITE\r\n",
    ] {
        assert_eq!(in_lines(line), Some(400), "{line}");
    }
}

#[test]
fn a13_numbers_out_of_range_are_refused_and_times_clamped() {
    for line in [
        "Max-Forwards: 256",
        "Max-Forwards: -1",
        "Max-Forwards: 4294967296",
    ] {
        assert_eq!(in_lines(&format!("{line}\r\n")), Some(400), "{line}");
    }
    for (from, to, expected) in [
        ("CSeq: 1", "CSeq: 2147483648", 400),
        ("CSeq: 1", "CSeq: 36893488147419103232", 400),
        ("a.example;", "a.example:65536;", 400),
        ("sip:b@b.example", "sip:b@b.example:65536", 400),
        ("SIP/2.0\r\n", "SIP/7.0\r\n", 505),
        ("SIP/2.0\r\n", "SIP/2.00000000000000000001\r\n", 505),
    ] {
        assert_eq!(
            status(request("", "").replacen(from, to, 1)),
            Some(expected),
            "{to}"
        );
    }
    let text = request("Expires: 99999999999999999999\r\n", "");
    let message = parse_message(text.into(), &Limits::default()).expect("a message");
    assert_eq!(
        message.headers().require::<Expires>(),
        Ok(Expires(u32::MAX))
    );
}

#[test]
fn a14_odd_uris_and_open_quotes_are_the_senders_fault() {
    for uri in [
        "sip:b@b@c",
        "sip:",
        "sip:b@",
        "sip:[::1",
        "sip:%@b",
        "<sip:b@b>",
        "sip:b;",
    ] {
        let text = request("", "").replacen("sip:b@b.example", uri, 1);
        assert_eq!(status(text), Some(400), "{uri}");
    }
    let text = request("", "").replacen("sip:b@b.example", "file:///etc/passwd", 1);
    assert_eq!(status(text), Some(416));
    for party in [
        "\"a <sip:a@a>",
        "<sip:a@a",
        "<<sip:a@a>>",
        "\"\\",
        "sip:a@a>",
    ] {
        let text = request("", "").replacen("<sip:a@a.example>", party, 1);
        assert_eq!(status(text), Some(400), "{party}");
    }
}

#[test]
fn a16_malformed_credentials_are_carried_along_and_never_panic() {
    for value in [
        "",
        "Digest",
        "Digest ,,,",
        "Digest username=\"",
        "Basic \u{fe}",
        "Digest a=b,a=b",
    ] {
        let text = request(&format!("Authorization: {value}\r\n"), "");
        let message = parse_message(text.clone().into(), &Limits::default()).expect("a message");
        assert_eq!(Role::proxy().validate(&message), Ok(()), "{value}");
        for read in message.headers().lines_of::<Authorization>().flatten() {
            assert_eq!(Authorization::parse(&read.as_text()), Ok(read));
        }
    }
}

#[test]
fn a17_truncated_and_flipped_messages_are_read_or_refused() {
    let whole = request(
        "Route: <sip:p;lr>\r\nm: \"x\" <sip:a>;q=0.1\r\nl: 4\r\n",
        "body",
    );
    for end in 0..whole.len() {
        let truncated = Bytes::copy_from_slice(&whole.as_bytes()[..end]);
        if let Ok(message) = parse_message(truncated, &Limits::default()) {
            assert!(Role::proxy().validate(&message).is_err(), "{end}");
        }
    }
    for bit in 0..8 * whole.len() {
        let mut flipped = whole.clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        proxied::work(flipped.into(), &Limits::default());
    }
    for other in [
        "GET / HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02\0\x01",
        "\0\x01\0\0\x21\x12B",
    ] {
        let bytes = Bytes::copy_from_slice(other.as_bytes());
        assert!(
            parse_message(bytes, &Limits::default()).is_err(),
            "{other:?}"
        );
    }
}
