//! What holds for every message: parsing and printing lose nothing, an edit touches its own line, and a stream
//! frames alike however it is cut (RFC 3261 §7.3, §16.6, §18.3).

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sip_core::{
    Frame, HeaderName, Limits, Message, Role, Route, StreamFramer, Text, parse_message, validate,
};

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
    /// Edits of lists, which only [`an_untouched_line_survives_every_edit`] makes.
    Pop,
    Replace,
    RemoveMember(usize),
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
        Edit::Pop => drop(headers.pop_front::<Route>()),
        Edit::Replace => headers.replace_front(&Route::new(&"sip:p".parse().expect("a URI"))),
        Edit::RemoveMember(index) => headers.remove_member::<Route>(*index),
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
        Edit::Pop | Edit::Replace | Edit::RemoveMember(_) => unreachable!("not in `edit`"),
    }
}

/// Any edit of Route lines, those of list members among them.
fn route_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        1 => Just(Edit::PushFront),
        1 => Just(Edit::Push),
        1 => Just(Edit::Set),
        1 => Just(Edit::Remove),
        3 => Just(Edit::Pop),
        1 => Just(Edit::Replace),
        3 => (0_usize..6).prop_map(Edit::RemoveMember),
    ]
}

fn other_line() -> impl Strategy<Value = ModelLine> {
    line().prop_filter("no Route", |line| line.name != "Route")
}

/// A Route of several members, or of none.
fn route_line() -> impl Strategy<Value = ModelLine> {
    let members = vec(select(&["<sip:p;lr>", "<sip:q>;a=\",\"", "x"][..]), 0..5);
    (members, select(&[", ", ",", " ,\r\n "][..])).prop_map(|(members, comma)| ModelLine {
        name: "Route",
        text: format!("Route: {}\r\n", members.join(comma)),
    })
}

/// The members of all Routes, as text.
fn members(message: &Message) -> Vec<String> {
    let lines = message.headers().raw(&HeaderName::Route);
    lines.flat_map(|line| split(&line.to_string())).collect()
}

/// Members parted by commas outside of quotes and brackets, told apart in the plainest way.
fn split(line: &str) -> Vec<String> {
    let (mut members, mut quoted, mut bracketed) = (vec![String::new()], false, false);
    for letter in line.chars() {
        match letter {
            '"' if !bracketed => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            _ => {}
        }
        match (letter, members.last_mut()) {
            (',', _) if !quoted && !bracketed => members.push(String::new()),
            (_, Some(member)) => member.push(letter),
            (_, None) => {}
        }
    }
    match line.is_empty() {
        true => Vec::new(),
        false => members
            .iter()
            .map(|member| member.trim().to_string())
            .collect(),
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
    fn an_untouched_line_survives_every_edit(
        lines in vec(prop_oneof![other_line(), route_line()], 0..20),
        edits in vec((route_edit(), "<sip:[a-z]{1,3}>"), 0..12),
    ) {
        let mut message = parse(printed(START, &lines, b"body"));
        for (edit, value) in edits {
            let mut routes = members(&message);
            apply(&mut message, &edit, "Route", &value);
            match edit {
                Edit::PushFront => routes.insert(0, value),
                Edit::Push => routes.push(value),
                Edit::Set => routes = vec![value],
                Edit::Remove => routes.clear(),
                Edit::Replace if routes.is_empty() => routes.push("<sip:p>".to_string()),
                Edit::Replace => routes[0] = "<sip:p>".to_string(),
                Edit::Pop if routes.is_empty() => {}
                Edit::Pop => drop(routes.remove(0)),
                Edit::RemoveMember(index) if index < routes.len() => drop(routes.remove(index)),
                Edit::RemoveMember(_) => {}
            }
            prop_assert_eq!(members(&message), routes);
        }
        let untouched = |lines: &[ModelLine]| -> Vec<u8> {
            let others = lines.iter().filter(|line| line.name != "Route").cloned();
            printed(START, &others.collect::<Vec<_>>(), b"body")
        };
        message.headers_mut().remove(&HeaderName::Route);
        prop_assert_eq!(message.to_bytes(), untouched(&lines));
    }

    #[test]
    fn every_role_names_a_place_and_answers_as_it_says(
        lines in vec(prop_oneof![line(), route_line()], 0..12),
        noise in vec(any::<u8>(), 0..60),
    ) {
        let mut bytes = printed(START, &lines, b"");
        bytes.truncate(bytes.len() - 2);
        bytes.extend(noise);
        bytes.extend(b"\r\n\r\n");
        let length = bytes.len();
        let message = parse(bytes);
        let any = validate(&message);
        for role in [Role::proxy(), Role::registrar(), Role::user_agent()] {
            let verdict = role.validate(&message);
            prop_assert!(any.is_ok() || verdict.is_err(), "a role forgives nothing");
            if let Err(refusal) = verdict {
                prop_assert!(refusal.flaw.offset <= length);
                let Message::Request(request) = &message else { unreachable!() };
                let reply = refusal.reply(request).map(|reply| reply.to_bytes());
                prop_assert_eq!(reply.is_some(), refusal.flaw.status.is_some());
            }
        }
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
