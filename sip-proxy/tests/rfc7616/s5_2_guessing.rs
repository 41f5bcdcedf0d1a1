//! RFC 7616 §5.2, §5.4: who guesses learns nothing (A28, A29).

use sip_core::DigestAlgorithm::{Md5, Sha256};
use sip_proxy::auth::{DigestConfig, Ha1};
use sip_proxy::backend::{Credential, MemoryCredentials, SharedSecret};

use crate::exchange::{PASSWORD, REALM, Server, bob, nonces};

/// What is answered to `username` and `password`, to the last octet.
fn answer(server: &Server, username: &str, password: &str) -> bytes::Bytes {
    let mut answer = server.answer();
    (answer.username, answer.password) = (username.into(), password.into());
    let response = server.refusal(&answer.lines());
    assert_eq!(response.status().as_u16(), 401, "{username}");
    response.to_bytes()
}

#[test]
fn an_unknown_user_is_answered_as_a_wrong_password_is() {
    let server = Server::new();
    let wrong = answer(&server, "bob", "guess");
    for nobody in [
        "carol",
        "",
        "BOB",
        "bob@",
        "bob' or '1'='1",
        "*)(uid=*))",
        "%n%n%s",
        "$(reboot)",
        "\u{fffd}",
    ] {
        assert_eq!(answer(&server, nobody, "guess"), wrong, "{nobody}");
    }
}

#[test]
fn nobody_is_known_by_the_secret_that_stands_in_for_nobody_s() {
    let server = Server::new();
    assert_eq!(
        answer(&server, "carol", ""),
        answer(&server, "bob", "guess")
    );
}

#[test]
fn nor_is_a_user_whose_secret_is_not_stored_for_the_algorithm() {
    let store = MemoryCredentials::new();
    let [realm, password] = [REALM, PASSWORD].map(str::as_bytes);
    let secret = SharedSecret::Hashed(Box::new([Ha1::compute(Md5, b"bob", realm, password)]));
    let identity = bob();
    store.add("bob", REALM, Credential { identity, secret });
    let server = Server::on(DigestConfig::new(nonces()), store);
    assert_eq!(server.answer().algorithm, Sha256);
    assert_eq!(answer(&server, "bob", ""), answer(&server, "bob", PASSWORD));
}
