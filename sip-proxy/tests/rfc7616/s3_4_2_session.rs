//! RFC 7616 §3.4.2: the `-sess` variants, whose A1 takes in both nonces.

use sip_core::DigestAlgorithm::{self, Md5, Sha256, Sha512_256};
use sip_proxy::auth::{DigestConfig, Exchange, Ha1, QopAuth};

use crate::exchange::{Server, challenges, nonces, param};

const ALL: [DigestAlgorithm; 3] = [Sha512_256, Sha256, Md5];

fn with_sessions() -> Server {
    Server::with(DigestConfig {
        algorithms: ALL.to_vec(),
        sessions: true,
        ..DigestConfig::new(nonces())
    })
}

#[test]
fn each_algorithm_is_offered_and_below_it_its_session_variant() {
    let challenges = challenges(&with_sessions().refusal(&[]));
    let algorithms = challenges
        .iter()
        .map(|challenge| param(challenge, "algorithm"));
    assert_eq!(
        algorithms.map(Option::unwrap).collect::<Vec<_>>(),
        [
            "SHA-512-256",
            "SHA-512-256-sess",
            "SHA-256",
            "SHA-256-sess",
            "MD5",
            "MD5-sess"
        ]
    );
}

#[test]
fn a_client_may_choose_either() {
    let server = with_sessions();
    for algorithm in ALL {
        for session in [false, true] {
            let mut answer = server.answer();
            (answer.algorithm, answer.session) = (algorithm, session);
            assert!(
                server.identity(&answer.lines()).is_some(),
                "{algorithm} {session}"
            );
        }
    }
}

#[test]
fn what_was_not_offered_is_challenged_again() {
    let server = Server::new();
    let mut answer = server.answer();
    answer.session = true;
    assert_eq!(server.refusal(&answer.lines()).status().as_u16(), 401);
}

#[test]
fn one_variant_does_not_pass_for_the_other() {
    let server = with_sessions();
    for session in [false, true] {
        let mut answer = server.answer();
        (answer.algorithm, answer.session) = (Sha256, session);
        let line = match session {
            false => answer.line().replace("SHA-256", "SHA-256-sess"),
            true => answer.line().replace("SHA-256-sess", "SHA-256"),
        };
        assert_eq!(server.refusal(&[line]).status().as_u16(), 401, "{session}");
    }
}

#[test]
fn without_qop_there_is_no_session() {
    let server = with_sessions();
    let mut answer = server.answer();
    (answer.session, answer.qop) = (true, false);
    assert_eq!(server.refusal(&answer.lines()).status().as_u16(), 400);
}

/// The values were made with another implementation of MD5 and SHA-256, by the formula of the section.
#[test]
fn the_response_is_that_of_the_formula() {
    let exchange = Exchange {
        method: b"GET",
        uri: b"/dir/index.html",
        nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093",
        auth: Some(QopAuth {
            nc: b"00000001",
            cnonce: b"0a4f113b",
            session: true,
            body: None,
        }),
    };
    for (algorithm, expected) in [
        (Md5, "8e3825c57e897f5a0dec6c2d4e5059d0"),
        (
            Sha256,
            "b8822e12417cb7750f4e2b8515f0dcf25b7dd26993e80bee1426201446a7f59b",
        ),
    ] {
        let ha1 = Ha1::compute(
            algorithm,
            b"Mufasa",
            b"testrealm@host.com",
            b"Circle Of Life",
        );
        assert_eq!(ha1.response(&exchange).to_string(), expected);
    }
}
