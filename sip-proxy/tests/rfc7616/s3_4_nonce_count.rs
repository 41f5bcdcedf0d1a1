//! RFC 7616 §3.4, §5.5: `nc`, and requests that are sent again by somebody else (A26, F-56).

use std::sync::Arc;
use std::time::Duration;

use sip_proxy::auth::{DigestConfig, NonceCounts, NonceUse};

use crate::exchange::{Answer, NOW, Server, challenges, nonces, param};

fn counts() -> Arc<NonceCounts> {
    Arc::new(NonceCounts::new(64, NOW - Duration::from_secs(60), [3; 16]))
}

fn counting() -> Server {
    Server::with(DigestConfig {
        nonce_use: NonceUse::Counted(counts()),
        ..DigestConfig::new(nonces())
    })
}

fn once() -> Server {
    Server::with(DigestConfig {
        nonce_use: NonceUse::Once(counts()),
        ..DigestConfig::new(nonces())
    })
}

/// Whether the next request, which is none that was sent before, passes with `answer` as number `nc`.
fn passes(server: &mut Server, answer: &Answer, nc: u32) -> bool {
    server.request.branch.push('x');
    let answer = Answer {
        nc,
        ..answer.clone()
    };
    match server.judge(&answer.lines()).identity() {
        Ok(_) => true,
        Err(response) => {
            let challenge = &challenges(&response)[0];
            assert_eq!(param(challenge, "stale").as_deref(), Some("true"));
            false
        }
    }
}

#[test]
fn each_count_is_good_for_one_request() {
    let mut server = counting();
    let answer = server.answer();
    for (nc, is_new) in [
        (1, true),
        (1, false),
        (2, true),
        (1, false),
        (2, false),
        (7, true),
        (3, true),
        (3, false),
    ] {
        assert_eq!(passes(&mut server, &answer, nc), is_new, "{nc}");
    }
}

#[test]
fn a_request_that_is_sent_again_by_its_sender_passes_again() {
    let server = counting();
    let answer = server.answer();
    for _ in 0..10 {
        assert!(server.identity(&answer.lines()).is_some());
    }
}

#[test]
fn a_request_that_is_sent_again_by_another_or_for_another_contact_does_not() {
    let server = counting();
    let answer = server.answer();
    assert!(server.identity(&answer.lines()).is_some());
    for change in [
        |server: &mut Server| server.request.source = "198.51.100.66:5060",
        |server: &mut Server| server.request.source = "192.0.2.4:5061",
        |server: &mut Server| server.request.contact = "sip:mallory@198.51.100.66",
        |server: &mut Server| server.request.call_id = "2@192.0.2.4",
        |server: &mut Server| server.request.branch.push('x'),
        |server: &mut Server| server.request.body = "v=0",
    ] {
        let mut replay = server.clone();
        change(&mut replay);
        assert!(replay.identity(&answer.lines()).is_none());
    }
}

#[test]
fn a_wrong_answer_uses_nothing_up() {
    let mut server = counting();
    let answer = server.answer();
    let mut wrong = answer.clone();
    wrong.password = "guess".into();
    assert!(server.identity(&wrong.lines()).is_none());
    assert!(passes(&mut server, &answer, 1));
}

#[test]
fn who_does_not_count_uses_a_nonce_as_it_likes_while_it_is_fresh() {
    let mut server = counting();
    let mut answer = server.answer();
    answer.qop = false;
    assert!(passes(&mut server, &answer, 1));
    assert!(passes(&mut server, &answer, 1));
}

#[test]
fn a_nonce_for_one_request_is_for_one_whether_it_counts_or_not() {
    for qop in [true, false] {
        let mut server = once();
        let mut answer = server.answer();
        answer.qop = qop;
        assert!(passes(&mut server, &answer, 1));
        assert!(server.identity(&answer.lines()).is_some(), "sent again");
        assert!(!passes(&mut server, &answer, 1));
        assert!(!passes(&mut server, &answer, 2));
    }
}

/// F-52
#[test]
fn nonces_from_before_the_server_began_are_stale() {
    let mut server = Server::with(DigestConfig {
        nonce_use: NonceUse::Counted(Arc::new(NonceCounts::new(64, NOW, [3; 16]))),
        ..DigestConfig::new(nonces())
    });
    server.now -= Duration::from_secs(2);
    let before = server.answer();
    server.now += Duration::from_secs(4);
    let after = server.answer();
    assert!(!passes(&mut server, &before, 1));
    assert!(passes(&mut server, &after, 1));
}

#[test]
fn count_zero_is_never_good() {
    let mut server = counting();
    let answer = server.answer();
    assert!(!passes(&mut server, &answer, 0));
}
