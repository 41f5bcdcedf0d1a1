//! RFC 7616 §3.4.3: `qop=auth-int` signs the body, where that is switched on.

use sip_core::DigestAlgorithm::Sha256;
use sip_proxy::auth::{DigestConfig, Exchange, Ha1, QopAuth};

use crate::exchange::{Server, challenges, nonces, param};

fn with_auth_int() -> Server {
    Server::with(DigestConfig {
        auth_int: true,
        sessions: true,
        ..DigestConfig::new(nonces())
    })
}

#[test]
fn it_is_offered_beside_auth() {
    for challenge in challenges(&with_auth_int().refusal(&[])) {
        assert!(challenge.contains("qop=\"auth,auth-int\""), "{challenge}");
    }
    for challenge in challenges(&Server::new().refusal(&[])) {
        assert_eq!(param(&challenge, "qop").as_deref(), Some("auth"));
    }
}

#[test]
fn the_body_is_part_of_the_answer() {
    let mut server = with_auth_int();
    for (body, signed, passes) in [
        ("v=0", "v=0", true),
        ("", "", true),
        ("v=0", "v=1", false),
        ("", "v=0", false),
        ("v=0", "", false),
    ] {
        server.request.body = body;
        let mut answer = server.answer();
        answer.body = Some(signed);
        for session in [false, true] {
            answer.session = session;
            let passed = server.identity(&answer.lines()).is_some();
            assert_eq!(passed, passes, "{body} {signed}");
        }
    }
}

#[test]
fn an_answer_without_it_does_not_pass_for_one_with_it() {
    let server = with_auth_int();
    let plain = server.answer().line();
    let claimed = plain.replace("qop=auth", "qop=auth-int");
    assert_eq!(server.refusal(&[claimed]).status().as_u16(), 401);
}

#[test]
fn it_is_refused_where_it_is_switched_off() {
    let server = Server::new(); // A27
    let mut answer = server.answer();
    answer.body = Some("");
    assert_eq!(server.refusal(&answer.lines()).status().as_u16(), 401);
}

/// The value was made with another implementation, by the formula of the section.
#[test]
fn the_response_is_that_of_the_formula() {
    let ha1 = Ha1::compute(Sha256, b"Mufasa", b"testrealm@host.com", b"Circle Of Life");
    let response = ha1.response(&Exchange {
        method: b"POST",
        uri: b"/dir/index.html",
        nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093",
        auth: Some(QopAuth {
            nc: b"00000001",
            cnonce: b"0a4f113b",
            session: false,
            body: Some(b"hello"),
        }),
    });
    assert_eq!(
        response.to_string(),
        "629dd36790a0f98aa62aed160b1e9d87e53a5307b39fe91e5345c33db2aa5c90"
    );
}
