//! F-56, RFC 7616 §5.4: who guesses is not listened to, and owners are not locked out (A29).

use std::sync::Arc;
use std::time::Duration;

use sip_proxy::auth::{DigestConfig, FailureLimits, Failures, NonceChecks};

use crate::exchange::{Answer, Server, challenges, nonces, param};

const GUESSER: &str = "198.51.100.66:5060";
const OWNER: &str = "192.0.2.4:5060";

fn limited() -> Server {
    let limits = FailureLimits {
        of_user: 5,
        of_address: 20,
        within: Duration::from_secs(60),
    };
    Server::with(DigestConfig {
        checks: NonceChecks::SOURCE_IP,
        failures: Some(Arc::new(Failures::new(limits, 1024, [5; 16]))),
        ..DigestConfig::new(nonces())
    })
}

fn guess(server: &Server, username: &str) -> bytes::Bytes {
    let mut answer = server.answer();
    (answer.username, answer.password) = (username.into(), "guess".into());
    server.refusal(&answer.lines()).to_bytes()
}

fn logs_in(server: &Server) -> bool {
    server.identity(&server.answer().lines()).is_some()
}

#[test]
fn after_five_guesses_the_right_password_is_as_wrong_as_the_others() {
    let mut server = limited();
    server.request.source = GUESSER;
    let first = guess(&server, "bob");
    for _ in 1..5 {
        assert_eq!(guess(&server, "bob"), first);
    }
    let right = server.refusal(&server.answer().lines());
    assert_eq!(right.to_bytes(), first, "nothing tells that it was right");
}

#[test]
fn the_owner_elsewhere_is_not_locked_out() {
    let mut server = limited();
    server.request.source = GUESSER;
    for _ in 0..50 {
        guess(&server, "bob");
    }
    server.request.source = OWNER;
    assert!(logs_in(&server));
}

#[test]
fn nor_by_requests_that_pretend_to_come_from_the_owner() {
    let mut server = limited();
    server.request.source = GUESSER;
    let mut spoofed = server.answer();
    spoofed.password = "guess".into();
    server.request.source = OWNER;
    for _ in 0..50 {
        assert!(server.identity(&spoofed.lines()).is_none());
    }
    assert!(logs_in(&server));
}

#[test]
fn nonces_made_for_elsewhere_are_no_way_to_guess_on() {
    let mut server = limited();
    let answer = server.answer(); // bound to the owner's address
    server.request.source = GUESSER;
    let stale = |answer: &Answer| {
        let refusal = server.refusal(&answer.lines());
        param(&challenges(&refusal)[0], "stale").is_some()
    };
    assert!(stale(&answer), "so far it tells that the password is right");
    let wrong = Answer {
        password: "guess".into(),
        ..answer.clone()
    };
    for _ in 0..5 {
        assert!(!stale(&wrong));
    }
    assert!(!stale(&answer), "now it tells nothing");
}

#[test]
fn nor_are_old_nonces() {
    let mut server = limited();
    let answer = server.answer();
    let wrong = Answer {
        password: "guess".into(),
        ..answer.clone()
    };
    server.now += Duration::from_secs(11);
    for _ in 0..5 {
        server.refusal(&wrong.lines());
    }
    let refusal = server.refusal(&answer.lines());
    assert_eq!(param(&challenges(&refusal)[0], "stale"), None);
}

#[test]
fn an_address_that_tries_many_names_is_not_listened_to() {
    let mut server = limited();
    server.request.source = GUESSER;
    for index in 0..20 {
        guess(&server, &format!("user{index}"));
    }
    assert!(!logs_in(&server));
    server.request.source = OWNER;
    assert!(logs_in(&server));
}

#[test]
fn after_a_minute_all_is_forgotten() {
    let mut server = limited();
    for _ in 0..5 {
        guess(&server, "bob");
    }
    assert!(!logs_in(&server));
    server.now += Duration::from_secs(60);
    assert!(logs_in(&server));
}

#[test]
fn who_is_right_before_the_limit_begins_anew() {
    let server = limited();
    for _ in 0..3 {
        for _ in 0..4 {
            guess(&server, "bob");
        }
        assert!(logs_in(&server));
    }
}

#[test]
fn requests_without_credentials_and_with_forged_nonces_are_no_guesses() {
    let server = limited();
    let mut forged = server.answer();
    forged.nonce = "0".repeat(50);
    for _ in 0..50 {
        server.refusal(&[]);
        server.refusal(&forged.lines());
    }
    assert!(logs_in(&server));
}
