//! RFC 7616 §5.2, §5.4: who guesses learns nothing (A28, A29).

use crate::exchange::Server;

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
