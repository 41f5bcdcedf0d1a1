//! A datagram of anything: no panic, and what is printed is what came.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip_core::{CSeq, From, Limits, Message, StatusCode, To, Via, parse_message};

fuzz_target!(|datagram: &[u8]| {
    let Ok(message) = parse_message(Bytes::copy_from_slice(datagram), &Limits::default()) else {
        return;
    };
    let printed = message.to_bytes();
    assert_eq!(
        message.detached().to_bytes(),
        printed,
        "a detached copy is not the same message"
    );

    let again = read(&printed);
    assert_eq!(again.to_bytes(), printed, "printing is not stable");
    if message.flaw().is_none() {
        assert!(
            after_first_line(datagram, &printed),
            "headers or body are not those that came"
        );
        assert!(
            again.flaw().is_none(),
            "printing broke it: {:?}",
            again.flaw()
        );
        assert!(again.headers().lines().eq(message.headers().lines()));
        assert_eq!(again.body(), message.body());
        if let Message::Request(request) = &message {
            let reply = read(&request.reply(StatusCode::BAD_REQUEST).to_bytes());
            assert!(
                reply.flaw().is_none(),
                "the reply is broken: {:?}",
                reply.flaw()
            );
        }
    }
    if sip_core::validate(&message).is_ok() {
        let headers = message.headers();
        assert!(message.flaw().is_none());
        assert!(headers.require::<From>().is_ok() && headers.require::<To>().is_ok());
        assert!(headers.require::<CSeq>().is_ok() && headers.require::<Via>().is_ok());
    }
});

fn read(bytes: &Bytes) -> Message {
    parse_message(bytes.clone(), &Limits::default()).expect("what was printed can be read")
}

/// Do header lines and body of `printed` stand in `datagram` octet by octet? Only a start line may be put in order.
fn after_first_line(datagram: &[u8], printed: &[u8]) -> bool {
    let Some(line) = printed.windows(2).position(|pair| pair == b"\r\n") else {
        return false;
    };
    let rest = &printed[line..];
    datagram.windows(rest.len()).any(|part| part == rest)
}
