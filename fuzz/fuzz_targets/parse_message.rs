//! A datagram of anything: no panic, what is printed is what came, and every role judges it.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip_core::{
    CSeq, ContentType, From, Limits, Message, Method, Role, StatusCode, To, Via, parse_message,
    validate,
};

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
    let judged = validate(&message);
    if judged.is_ok() {
        let headers = message.headers();
        assert!(message.flaw().is_none());
        assert!(headers.require::<From>().is_ok() && headers.require::<To>().is_ok());
        assert!(headers.require::<CSeq>().is_ok() && headers.require::<Via>().is_ok());
    }
    let phone = Role::user_agent().accepting([ContentType::SDP]);
    for role in [Role::proxy(), Role::registrar(), phone] {
        check_verdict(
            &message,
            datagram.len(),
            judged.is_ok(),
            role.validate(&message),
        );
    }
});

/// A role forgives nothing, names a place in the message, and answers what may be answered.
fn check_verdict(
    message: &Message,
    length: usize,
    is_sound: bool,
    verdict: Result<(), sip_core::Refusal>,
) {
    let Err(refusal) = verdict else {
        return assert!(is_sound, "a role takes what no element may process");
    };
    assert!(refusal.flaw.offset <= length, "{refusal} is nowhere");
    match message {
        Message::Request(request) => {
            let reply = refusal.reply(request);
            assert_eq!(reply.is_some(), refusal.flaw.status.is_some());
            if let Some(reply) = reply.filter(|_| message.flaw().is_none()) {
                let room = 2 * length + 512;
                assert!(reply.to_bytes().len() <= room, "the reply is no bomb");
                assert_ne!(*request.method(), Method::Ack, "an ACK is answered");
            }
        }
        Message::Response(_) => assert_eq!(refusal.flaw.status, None),
    }
}

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
