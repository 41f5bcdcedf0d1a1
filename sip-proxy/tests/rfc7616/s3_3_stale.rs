//! RFC 7616 §3.3: `stale`, and what a nonce is worth (F-52, A26).

use std::time::Duration;

use crate::exchange::{Server, challenges, param};

fn is_stale(server: &Server, line: String) -> bool {
    let response = server.refusal(&[line]);
    assert_eq!(response.status().as_u16(), 401);
    let challenges = challenges(&response);
    assert_eq!(challenges.len(), 2);
    let stale = |challenge: &String| param(challenge, "stale").as_deref() == Some("true");
    challenges.iter().all(stale)
}

#[test]
fn a_nonce_can_be_used_again_while_it_is_fresh() {
    let mut server = Server::new();
    let answer = server.answer();
    for _ in 0..3 {
        assert!(server.identity(&answer.lines()).is_some());
        server.now += Duration::from_secs(5);
    }
}

#[test]
fn an_old_nonce_with_the_right_password_is_stale() {
    let mut server = Server::new();
    let answer = server.answer();
    server.now += Duration::from_secs(11);
    assert!(is_stale(&server, answer.line()));
}

#[test]
fn a_nonce_from_the_future_is_stale() {
    let mut server = Server::new();
    let answer = server.answer();
    server.now -= Duration::from_secs(4);
    assert!(is_stale(&server, answer.line()));
}

#[test]
fn an_old_nonce_with_a_wrong_password_is_not() {
    let mut server = Server::new();
    let mut answer = server.answer();
    answer.password = "guess".into();
    server.now += Duration::from_secs(11);
    assert!(!is_stale(&server, answer.line()));
}

#[test]
fn a_forged_nonce_is_not_even_with_the_right_password() {
    let server = Server::new();
    for index in [0, 2, 20, 49] {
        let mut answer = server.answer();
        let zero = answer.nonce.as_bytes()[index] == b'0';
        let other = if zero { "1" } else { "0" };
        answer.nonce.replace_range(index..=index, other);
        assert!(!is_stale(&server, answer.line()));
    }
}

#[test]
fn the_new_nonce_is_accepted() {
    let mut server = Server::new();
    let mut answer = server.answer();
    server.now += Duration::from_secs(11);
    let challenges = challenges(&server.refusal(&answer.lines()));
    answer.nonce = param(&challenges[0], "nonce").unwrap();
    assert!(server.identity(&answer.lines()).is_some());
}
