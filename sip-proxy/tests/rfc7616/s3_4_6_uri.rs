//! RFC 7616 §3.4.6, RFC 3261 §22.4 item 5: `uri` and the Request-URI (A27). What must match is in `s3_4_authorization`.

use sip_proxy::auth::{DigestConfig, UriCheck};

use crate::exchange::{Server, nonces};

#[test]
fn behind_a_proxy_that_rewrites_it_the_user_must_be_the_same() {
    let mut server = Server::with(DigestConfig {
        uri: UriCheck::SameUser,
        ..DigestConfig::new(nonces())
    });
    server.request.uri = "sip:bob@10.0.0.1:5080;transport=tcp";
    for (signed, passes) in [
        ("sip:bob@10.0.0.1:5080;transport=tcp", true),
        ("sip:bob@example.com", true),
        ("sips:%62ob@example.net;x=y", true),
        ("sip:Bob@example.com", false),
        ("sip:carol@10.0.0.1:5080;transport=tcp", false),
        ("sip:example.com", false),
        ("tel:+1555", false),
        ("bob", false),
        ("", false),
    ] {
        let mut answer = server.answer();
        answer.uri = signed.into();
        let status = match server.judge(&answer.lines()).identity() {
            Ok(_) => 200,
            Err(response) => response.status().as_u16(),
        };
        assert_eq!(status, if passes { 200 } else { 400 }, "{signed}");
    }
}

#[test]
fn which_is_the_text_that_was_signed_not_the_request_uri() {
    let mut server = Server::with(DigestConfig {
        uri: UriCheck::SameUser,
        ..DigestConfig::new(nonces())
    });
    server.request.uri = "sip:bob@10.0.0.1";
    let mut answer = server.answer();
    answer.uri = "sip:bob@example.com".into();
    let forged = answer
        .line()
        .replace("sip:bob@example.com", "sip:bob@10.0.0.1");
    assert_eq!(server.refusal(&[forged]).status().as_u16(), 401);
}
