//! RFC 3261 §22.1 to §22.3: the challenge (F-33, F-51).

use sip_proxy::auth::{ChallengeKind, DigestConfig};

use crate::exchange::{Server, challenges, nonces, param};

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
