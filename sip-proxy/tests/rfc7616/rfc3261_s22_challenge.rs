//! RFC 3261 §22: the challenge (F-33, F-51), and what SIP makes of digest.

use std::sync::Arc;

use sip_core::AddressOfRecord;
use sip_proxy::auth::{ChallengeKind, DigestConfig, NonceCounts, NonceUse};
use sip_proxy::backend::MemoryCredentials;

use crate::exchange::{REALM, Server, challenges, nonces, param};

fn refusal_text(server: &Server) -> String {
    String::from_utf8(server.refusal(&[]).to_bytes().to_vec()).unwrap()
}

#[test]
fn a_registrar_asks_with_401_and_www_authenticate() {
    let text = refusal_text(&Server::new());
    assert!(text.starts_with("SIP/2.0 401 "), "{text}");
    assert!(text.contains("\r\nWWW-Authenticate: Digest "), "{text}");
    let to = "\r\nTo: Bob <sip:bob@example.com>;tag=us\r\n";
    assert!(text.contains(to), "{text}");
}

#[test]
fn a_proxy_asks_with_407_and_proxy_authenticate() {
    let mut server = Server::new();
    server.kind = ChallengeKind::Proxy;
    let text = refusal_text(&server);
    assert!(text.starts_with("SIP/2.0 407 "), "{text}");
    assert!(text.contains("\r\nProxy-Authenticate: Digest "), "{text}");
}

#[test]
fn an_authorization_does_not_answer_a_proxy() {
    let mut server = Server::new();
    let answer = server.answer();
    server.kind = ChallengeKind::Proxy;
    assert_eq!(server.refusal(&answer.lines()).status().as_u16(), 407);
}

#[test]
fn the_first_challenge_is_not_stale() {
    for challenge in challenges(&Server::new().refusal(&[])) {
        assert_eq!(param(&challenge, "stale"), None, "{challenge}");
    }
}

#[test]
fn the_compatible_challenge_has_realm_and_nonce_and_no_more() {
    let server = Server::with(DigestConfig::compatible(nonces())); // F-33
    let challenges = challenges(&server.refusal(&[]));
    let nonce = param(&challenges[0], "nonce").unwrap();
    let expected = format!("Digest realm=\"example.com\", nonce=\"{nonce}\"");
    assert_eq!(challenges, [expected]);
}

/// §22: "Servers MUST NOT accept credentials using the Basic authorization scheme, and servers also MUST NOT challenge
/// with Basic."
#[test]
fn basic_is_neither_accepted_nor_offered() {
    let server = Server::new();
    // bob:Circle of Life
    let basic = "Basic Ym9iOkNpcmNsZSBvZiBMaWZl".to_owned();
    let response = server.refusal(&[basic]);
    assert_eq!(response.status().as_u16(), 401);
    assert!(
        challenges(&response)
            .iter()
            .all(|line| line.starts_with("Digest "))
    );
}

/// §22.1: an ACK repeats the credentials of its INVITE, and cannot be sent again with others.
#[test]
fn an_ack_is_known_by_the_credentials_of_its_invite() {
    let mut server = Server::new();
    server.request.method = "ACK";
    let line = server.answer().line_for(b"INVITE");
    assert!(server.identity(&[line]).is_some());
    let line = server.answer().line_for(b"ACK");
    assert!(server.identity(&[line]).is_none());
}

/// The count of an INVITE is used when its ACK comes.
#[test]
fn an_ack_repeats_the_nonce_count_of_its_invite() {
    let counts = NonceCounts::new(64, std::time::Duration::ZERO, [3; 16]);
    let mut server = Server::with(DigestConfig {
        nonce_use: NonceUse::Once(Arc::new(counts)),
        ..DigestConfig::new(nonces())
    });
    server.request.method = "INVITE";
    let lines = [server.answer().line_for(b"INVITE")];
    assert!(server.identity(&lines).is_some());
    server.request.branch.push('x');
    assert!(server.identity(&lines).is_none(), "another INVITE");
    server.request.method = "ACK";
    assert!(server.identity(&lines).is_some());
}

/// §22.4 item 8: a client of RFC 2543 sends neither qop nor cnonce; §22.1: who has no name is `anonymous`, without a
/// password, and gets in where there is such a user.
#[test]
fn anonymous_is_somebody_only_where_the_store_says_so() {
    let login = |server: &Server| {
        let mut answer = server.answer();
        (answer.username, answer.password) = ("anonymous".into(), String::new());
        server.identity(&answer.lines()).is_some()
    };
    assert!(!login(&Server::new()));
    let store = MemoryCredentials::new();
    let anonymous = AddressOfRecord::new("anonymous", REALM).unwrap();
    store.add_password(&anonymous, REALM, "");
    assert!(login(&Server::on(DigestConfig::new(nonces()), store)));
}

/// §22.4: the realm is compared as it is, in its case.
#[test]
fn credentials_for_a_realm_in_another_case_are_for_another_realm() {
    let server = Server::new();
    let mut answer = server.answer();
    answer.realm = "EXAMPLE.com".into();
    assert_eq!(server.refusal(&answer.lines()).status().as_u16(), 401);
}
