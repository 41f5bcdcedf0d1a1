//! F-52: a nonce is bound to parts of the request it was made for; elsewhere it is stale (A26).

use sip_proxy::auth::{DigestConfig, NonceChecks, RequestParts};

use crate::exchange::{Server, challenges, nonces, param};

fn bound(checks: NonceChecks) -> Server {
    Server::with(DigestConfig {
        checks,
        ..DigestConfig::new(nonces())
    })
}

fn by(parts: RequestParts) -> Server {
    bound(NonceChecks {
        register: parts,
        ..NonceChecks::NONE
    })
}

type Change = fn(&mut Server);

/// What is different from the request the nonce was made for, and which check sees it.
const CHANGES: [(RequestParts, Change); 4] = [
    (RequestParts::REQUEST_URI, |server| {
        server.request.uri = "sip:EXAMPLE.com"
    }),
    (RequestParts::CALL_ID, |server| {
        server.request.call_id = "2@192.0.2.4"
    }),
    (RequestParts::FROM_TAG, |server| {
        server.request.from_tag = "456249"
    }),
    (RequestParts::SOURCE_IP, |server| {
        server.request.source = "192.0.2.5:5060"
    }),
];

#[test]
fn each_part_is_looked_at_when_its_bit_is_set() {
    for bits in 0..16 {
        let parts = RequestParts::from_bits(bits);
        for (part, change) in CHANGES {
            let mut server = by(parts);
            let answer = server.answer();
            assert!(server.identity(&answer.lines()).is_some());
            change(&mut server);
            let seen = parts | part == parts;
            assert_eq!(
                server.identity(&answer.lines()).is_none(),
                seen,
                "{parts:?} {part:?}"
            );
        }
    }
}

#[test]
fn elsewhere_a_nonce_is_stale_if_the_password_is_right() {
    for (part, change) in CHANGES {
        for (password, stale) in [("Circle of Life", Some("true")), ("guess", None)] {
            let mut server = by(part);
            let mut answer = server.answer();
            answer.password = password.into();
            change(&mut server);
            let refusal = server.refusal(&answer.lines());
            let challenge = &challenges(&refusal)[0];
            assert_eq!(param(challenge, "stale").as_deref(), stale, "{part:?}");
        }
    }
}

#[test]
fn the_port_it_comes_from_does_not_count() {
    let mut server = bound(NonceChecks::SOURCE_IP);
    let answer = server.answer();
    server.request.source = "192.0.2.4:1024";
    assert!(server.identity(&answer.lines()).is_some());
}

#[test]
fn what_binds_a_nonce_can_not_be_taken_off_or_altered() {
    let server = bound(NonceChecks::STRICT);
    let mut answer = server.answer();
    let bound = answer.nonce.clone();
    assert_eq!(bound.len(), 74);
    let zero = bound.as_bytes()[73] == b'0';
    for nonce in [
        bound[..50].to_owned(),
        bound[..72].to_owned(),
        format!("{}{}", &bound[..73], if zero { "1" } else { "0" }),
        format!("{}{}", &bound[..50], &bound[..24]),
    ] {
        answer.nonce = nonce;
        assert!(
            server.identity(&answer.lines()).is_none(),
            "{}",
            answer.nonce
        );
    }
}

#[test]
fn a_request_within_a_dialog_is_looked_at_by_other_rules() {
    // The exchange is of REGISTERs, whose rules come first whatever their To tag.
    let mut server = bound(NonceChecks {
        in_dialog: RequestParts::CALL_ID,
        ..NonceChecks::NONE
    });
    server.request.to_tag = ";tag=x";
    let answer = server.answer();
    server.request.call_id = "2@192.0.2.4";
    assert!(server.identity(&answer.lines()).is_some());
}

#[test]
fn a_nonce_from_before_the_rules_were_made_stricter_is_stale() {
    let answer = Server::new().answer();
    let server = bound(NonceChecks::SOURCE_IP);
    let challenge = &challenges(&server.refusal(&answer.lines()))[0];
    assert_eq!(param(challenge, "stale").as_deref(), Some("true"));
}
