//! RFC 8760 §2: several algorithms.

use sip_core::DigestAlgorithm::{self, Md5, Sha256, Sha512_256};
use sip_proxy::auth::DigestConfig;

use crate::exchange::{Server, challenges, nonces, param};

fn offering(algorithms: &[DigestAlgorithm]) -> Server {
    Server::with(DigestConfig {
        algorithms: algorithms.to_vec(),
        ..DigestConfig::new(nonces())
    })
}

fn offered(server: &Server) -> Vec<String> {
    let challenges = challenges(&server.refusal(&[]));
    let algorithm = |challenge: &String| param(challenge, "algorithm").unwrap();
    challenges.iter().map(algorithm).collect()
}

#[test]
fn one_header_for_each_algorithm_the_most_preferred_on_top() {
    assert_eq!(offered(&Server::new()), ["SHA-256", "MD5"]);
    assert_eq!(
        offered(&offering(&[Sha512_256, Sha256, Md5])),
        ["SHA-512-256", "SHA-256", "MD5"]
    );
    assert_eq!(offered(&offering(&[Md5, Sha256])), ["MD5", "SHA-256"]);
}

#[test]
fn every_challenge_carries_qop() {
    for challenge in challenges(&Server::new().refusal(&[])) {
        assert_eq!(param(&challenge, "qop").as_deref(), Some("auth"));
    }
}

#[test]
fn any_algorithm_that_was_offered_is_accepted() {
    let server = offering(&[Sha512_256, Sha256, Md5]);
    for algorithm in [Md5, Sha256, Sha512_256] {
        let mut answer = server.answer();
        answer.algorithm = algorithm;
        assert!(server.identity(&answer.lines()).is_some(), "{algorithm:?}");
    }
}

#[test]
fn an_algorithm_that_was_not_offered_is_challenged_again() {
    let server = offering(&[Sha256]); // A27
    for (algorithm, name_algorithm) in [(Md5, true), (Md5, false), (Sha512_256, true)] {
        let mut answer = server.answer();
        (answer.algorithm, answer.name_algorithm) = (algorithm, name_algorithm);
        assert_eq!(server.refusal(&answer.lines()).status().as_u16(), 401);
    }
}

#[test]
fn an_unknown_algorithm_is_challenged_again() {
    let server = Server::new();
    for unknown in ["SHA-1", "MD5-sess", "SHA-256-sess", "AKAv1-MD5"] {
        let line = server.answer().line().replace("SHA-256", unknown);
        assert!(line.contains(unknown));
        let status = server.refusal(&[line]).status().as_u16();
        assert_eq!(status, 401, "{unknown}");
    }
}

#[test]
fn without_a_name_the_algorithm_is_md5() {
    let server = Server::new();
    let mut answer = server.answer();
    (answer.algorithm, answer.name_algorithm) = (Md5, false);
    assert!(server.identity(&answer.lines()).is_some());
}

#[test]
fn of_several_answers_ours_is_found() {
    let server = Server::new();
    let good = server.answer().line();
    let mut other = server.answer();
    other.realm = "elsewhere.example.net".into();
    let other = other.line();
    let bearer = "Bearer mF_9.B5f-4.1JqM".to_owned();
    for lines in [
        [bearer.clone(), other.clone(), good.clone()],
        [good, other.clone(), bearer.clone()],
    ] {
        assert!(server.identity(&lines).is_some(), "{lines:?}");
    }
    assert_eq!(server.refusal(&[bearer, other]).status().as_u16(), 401);
}

#[test]
fn an_empty_response_comes_from_a_phone_that_was_not_challenged_yet() {
    let line = "Digest username=\"bob\", realm=\"example.com\", nonce=\"\", \
                uri=\"sip:example.com\", response=\"\"";
    let response = Server::new().refusal(&[line.to_owned()]);
    assert_eq!(response.status().as_u16(), 401);
}
