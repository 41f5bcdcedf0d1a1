//! Edits of a message of anything: what is printed reads back as what was edited, and untouched lines stay as they came.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip_core::header::{Contact, MaxForwards, RecordRoute, Route, Via};
use sip_core::{HeaderName, Headers, Limits, ListHeader, Message, Text, parse_message};

fuzz_target!(|octets: &[u8]| {
    // The first octets say which edits to make, the rest is the message.
    let Some((edits, octets)) = octets.split_at_checked(4) else {
        return;
    };
    let Ok(mut message) = parse_message(Bytes::copy_from_slice(octets), &Limits::default()) else {
        return;
    };
    if message.flaw().is_some() {
        return;
    }
    let untouched = others(&message);
    for edit in edits {
        apply(*edit, message.headers_mut());
    }
    assert_eq!(
        others(&message),
        untouched,
        "an edit moved or changed a line it should not touch"
    );
    let printed = message.to_bytes();
    let again = parse_message(printed.clone(), &roomy()).expect("what was printed can be read");
    assert!(
        again.flaw().is_none(),
        "an edit broke it: {:?}",
        again.flaw()
    );
    assert_eq!(lines(&again), lines(&message));
    assert_eq!(again.body(), message.body());
    assert_eq!(message.detached().to_bytes(), printed);
});

/// Limits that a message at the default ones still fits after a few lines were added.
fn roomy() -> Limits {
    let mut limits = Limits::default();
    limits.max_message *= 2;
    limits.max_head *= 2;
    limits.max_headers *= 2;
    limits.max_members *= 2;
    limits
}

/// The lines no edit here is about, octet for octet but for their folds.
fn others(message: &Message) -> Vec<(HeaderName, Text)> {
    let edited = [
        HeaderName::UserAgent,
        HeaderName::Subject,
        HeaderName::Contact,
        HeaderName::Via,
        HeaderName::Route,
        HeaderName::RecordRoute,
        HeaderName::MaxForwards,
    ];
    let lines = message.headers().lines();
    lines.filter(|(name, _)| !edited.contains(name)).collect()
}

fn lines(message: &Message) -> Vec<(HeaderName, Text)> {
    message.headers().lines().collect()
}

fn apply(edit: u8, headers: &mut Headers) {
    let index = usize::from(edit >> 4);
    match edit & 0x0f {
        0 => headers.push_raw(HeaderName::UserAgent, &Text::from_static("fuzz")),
        1 => headers.set_raw(HeaderName::Subject, &Text::from_static("edited")),
        2 => drop(headers.remove(&HeaderName::Subject)),
        3 => headers.remove_member::<Contact>(index),
        4 => headers.remove_member::<Via>(index),
        5 => drop(headers.pop_front::<Via>()),
        6 => drop(headers.pop_front::<Route>()),
        7 => repeat_first::<Via>(headers),
        8 => repeat_first::<Route>(headers),
        9 => repeat_first::<RecordRoute>(headers),
        10 => replace_first::<Via>(headers),
        11 => headers.set(&MaxForwards(edit)),
        12 => drop(headers.remove(&HeaderName::Via)),
        _ => {}
    }
}

/// Puts the first member once more on top, as a proxy does with its own.
fn repeat_first<H: ListHeader>(headers: &mut Headers) {
    if let Ok(Some(first)) = headers.optional::<H>() {
        headers.push_front(&first);
        assert_eq!(
            headers.require::<H>().map(|header| header.as_text()).ok(),
            Some(first.as_text())
        );
    }
}

/// Puts the last member in place of the first.
fn replace_first<H: ListHeader>(headers: &mut Headers) {
    let members = headers.all::<H>().count();
    if let Some(Ok(last)) = headers.all::<H>().last() {
        headers.replace_front(&last);
        assert_eq!(
            headers.all::<H>().count(),
            members,
            "no member more, no member less"
        );
    }
}
