//! What holds for every message: parsing and printing lose nothing, an edit touches its own line, and a stream
//! frames alike however it is cut (RFC 3261 §7.3, §16.6, §18.3).

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sip_core::{Frame, HeaderName, Limits, Message, StreamFramer, Text, parse_message};

const START: &str = "INVITE sip:bob@b.example SIP/2.0\r\n";

/// A header line, and what a model of an edit needs to know of it.
#[derive(Clone, Debug)]
struct ModelLine {
    name: &'static str,
    text: String,
}

/// A name, and ways to spell it.
const NAMES: &[(&str, &[&str])] = &[
    ("Via", &["Via", "v", "VIA "]),
    ("Route", &["Route", "route\t"]),
    ("Contact", &["m", "Contact"]),
    ("Subject", &["s", "subject"]),
    ("X-Odd", &["X-Odd", "x-ODD"]),
];

fn line() -> impl Strategy<Value = ModelLine> {
    let value = "[ -~é]{0,20}(\r\n[ \t][!-~]{1,5}){0,2} {0,2}";
    (select(NAMES), any::<Index>(), value).prop_map(|((name, spelled), index, value)| ModelLine {
        name,
        text: format!("{}:{value}\r\n", index.get(spelled)),
    })
}

fn printed(start: &str, lines: &[ModelLine], body: &[u8]) -> Vec<u8> {
    let lines: String = lines.iter().map(|line| line.text.as_str()).collect();
    let mut message = format!("{start}{lines}\r\n").into_bytes();
    message.extend_from_slice(body);
    message
}

fn parse(bytes: Vec<u8>) -> Message {
    parse_message(Bytes::from(bytes), &Limits::default()).expect("a start line")
}

#[derive(Clone, Debug)]
enum Edit {
    PushFront,
    Push,
    Set,
    Remove,
}

fn edit() -> impl Strategy<Value = (Edit, &'static str, String)> {
    let edits = [Edit::PushFront, Edit::Push, Edit::Set, Edit::Remove];
    let names = NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    (select(edits.to_vec()), select(names), "[!-~]{0,9}")
}

fn apply(message: &mut Message, edit: &Edit, name: &'static str, value: &str) {
    let headers = message.headers_mut();
    let header_name = HeaderName::from_text(&Text::from_static(name));
    let text = Text::new(value).expect("no line end");
    match edit {
        Edit::PushFront => headers
            .push_front_parts(header_name, &[value.as_bytes()])
            .expect("no line end"),
        Edit::Push => headers.push_raw(header_name, &text),
        Edit::Set => headers.set_raw(header_name, &text),
        Edit::Remove => drop(headers.remove(&header_name)),
    }
}

fn apply_to_model(lines: &mut Vec<ModelLine>, edit: &Edit, name: &'static str, value: &str) {
    let text = format!("{name}: {value}\r\n");
    let new = ModelLine { name, text };
    let first = lines.iter().position(|line| line.name == name);
    let last = lines.iter().rposition(|line| line.name == name);
    match edit {
        Edit::PushFront => lines.insert(first.unwrap_or(0), new),
        Edit::Push => lines.insert(last.map_or(lines.len(), |at| at + 1), new),
        Edit::Remove => lines.retain(|line| line.name != name),
        Edit::Set => {
            lines.retain(|line| line.name != name);
            lines.insert(first.unwrap_or(lines.len()), new);
        }
    }
}

/// Frames of a stream pushed in pieces of those sizes, as text.
fn frames(stream: &[u8], sizes: &[usize]) -> Vec<String> {
    let mut framer = StreamFramer::new(Limits::default());
    let mut frames = Vec::new();
    let mut rest = stream;
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).clamp(1, rest.len());
        let (piece, after) = rest.split_at(size);
        rest = after;
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(Frame::Message(message))) => frames.push(format!("{message:?}")),
                Ok(Some(keep_alive)) => frames.push(format!("{keep_alive:?}")),
                Err(error) => frames.push(error.to_string()),
            }
        }
    }
    frames
}

/// Something a connection may bring, sense or not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (vec(line(), 0..4), vec(any::<u8>(), 0..40)).prop_map(|(mut lines, body)| {
            let text = format!("l: {}\r\n", body.len());
            lines.push(ModelLine { name: "Content-Length", text });
            printed(START, &lines, &body)
        }),
        3 => Just(b"\r\n".to_vec()),
        1 => vec(any::<u8>(), 0..20),
        1 => Just(printed(START, &[], b"")),
    ]
}

proptest! {
    #[test]
    fn a_message_nobody_edits_is_printed_as_it_came(
        lines in vec(line(), 0..40),
        body in vec(any::<u8>(), 0..100),
    ) {
        let bytes = printed(START, &lines, &body);
        let message = parse(bytes.clone());
        prop_assert_eq!(message.flaw(), None);
        prop_assert_eq!(message.to_bytes(), &bytes);
        prop_assert_eq!(message.detached().to_bytes(), &bytes);
        let mut out = b"before".to_vec();
        message.write_to(&mut out);
        prop_assert_eq!(out.strip_prefix(b"before"), Some(&bytes[..]));
    }

    #[test]
    fn an_edit_touches_no_other_line(
        mut lines in vec(line(), 0..30),
        edits in vec(edit(), 0..12),
    ) {
        let mut message = parse(printed(START, &lines, b"body"));
        for (edit, name, value) in edits {
            apply(&mut message, &edit, name, &value);
            apply_to_model(&mut lines, &edit, name, &value);
        }
        let expected = Bytes::from(printed(START, &lines, b"body"));
        prop_assert_eq!(message.to_bytes(), &expected);
        prop_assert_eq!(message.clone().detached().to_bytes(), &expected);
    }

    #[test]
    fn any_octets_are_read_without_a_panic_and_what_is_printed_reads_the_same(
        head in "(INVITE|x|SIP/2.0|sip/3.0)[ -~\r\n\t]{0,80}",
        noise in vec(any::<u8>(), 0..80),
        junk in vec(any::<u8>(), 0..200),
    ) {
        let limits = Limits::default();
        let _ = parse_message(Bytes::from(junk), &limits);
        let mut bytes = head.into_bytes();
        bytes.extend(noise);
        bytes.extend(b"\r\n\r\n");
        if let Ok(message) = parse_message(Bytes::from(bytes), &limits) {
            let again = parse(message.to_bytes().to_vec());
            prop_assert_eq!(message.headers(), again.headers());
            prop_assert_eq!(message.body(), again.body());
            prop_assert_eq!(message.to_bytes(), again.to_bytes());
        }
    }

    #[test]
    fn a_stream_frames_alike_however_it_is_cut(
        pieces in vec(piece(), 0..6),
        sizes in vec(1_usize..60, 1..5),
    ) {
        let stream = pieces.concat();
        let whole = frames(&stream, &[usize::MAX]);
        prop_assert_eq!(&frames(&stream, &sizes), &whole);
        prop_assert_eq!(&frames(&stream, &[1]), &whole);
    }
}
