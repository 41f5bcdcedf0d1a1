//! A stream of anything: however TCP cuts it, the same messages come out, and no buffer stays behind.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip_core::{Frame, Limits, Role, StatusCode, StreamFramer};

/// What came out of a stream.
#[derive(Debug, PartialEq)]
enum Seen {
    Message(Bytes),
    Ping,
    Pong,
    Lost(Option<StatusCode>),
}

fuzz_target!(|stream: &[u8]| {
    let whole = frames(stream, [stream.len()]);
    assert_eq!(
        frames(stream, std::iter::repeat_n(1, stream.len())),
        whole,
        "octet by octet"
    );
    assert_eq!(frames(stream, sizes(stream)), whole, "in pieces");
});

fn frames(mut stream: &[u8], sizes: impl IntoIterator<Item = usize>) -> Vec<Seen> {
    let mut framer = StreamFramer::new(Limits::default());
    let mut seen = Vec::new();
    for size in sizes {
        let (piece, rest) = stream.split_at(size.min(stream.len()));
        stream = rest;
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(Frame::Message(message))) => {
                    let _ = Role::proxy().validate(&message);
                    seen.push(Seen::Message(message.to_bytes()));
                }
                Ok(Some(Frame::Ping)) => seen.push(Seen::Ping),
                Ok(Some(Frame::Pong)) => seen.push(Seen::Pong),
                Err(error) => {
                    assert!(framer.is_idle(), "a lost stream holds no buffer");
                    seen.push(Seen::Lost(error.flaw.status));
                    return seen;
                }
            }
        }
    }
    assert!(stream.is_empty(), "every octet was pushed");
    seen
}

/// Piece sizes that the stream itself decides, so that a run can be repeated: 1 to 64 octets, enough for all of it.
fn sizes(stream: &[u8]) -> impl Iterator<Item = usize> {
    let mut state = stream
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, octet| {
            (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
        });
    (0..stream.len()).map(move |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 58) as usize + 1
    })
}
