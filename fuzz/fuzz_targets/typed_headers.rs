//! A header value of anything, read as every type: what is accepted prints as a value that is accepted again and is the
//! same, and nothing that hangs on it panics. The table of types is that of the tests.
#![no_main]

#[allow(dead_code)] // the tests ask for more
#[path = "../../sip-core/tests/headers/rows.rs"]
mod rows;
#[path = "../../sip-core/tests/headers/touch.rs"]
mod touch;

use libfuzzer_sys::fuzz_target;
use sip_core::{CallId, Event, Header, OptionTag, Subject, Tag, Text};

fuzz_target!(|octets: &[u8]| {
    if let Ok(value) = Text::new(octets) {
        for row in &rows::ROWS {
            (row.check)(&value);
        }
    }
    // What a program composes goes through these, and none of them takes a line end.
    let composed = [
        Tag::new(octets).ok().map(|tag| tag.as_text().clone()),
        OptionTag::new(octets).ok().map(|tag| tag.as_text().clone()),
        CallId::new(octets).ok().map(|call_id| call_id.as_text()),
        Subject::new(octets).ok().map(|subject| subject.as_text()),
        Event::new(octets).ok().map(|event| event.as_text()),
    ];
    for text in composed.iter().flatten() {
        assert!(
            !text.iter().any(|octet| matches!(octet, b'\r' | b'\n')),
            "{text:?}"
        );
    }
});
