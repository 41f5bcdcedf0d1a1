//! RFC 7616 §3.4: the credentials of a client (F-33, F-51, F-53, A27).

use async_trait::async_trait;
use sip_core::DigestAlgorithm::{Md5, Sha256};
use sip_proxy::auth::{DigestConfig, Ha1};
use sip_proxy::backend::{
    Credential, CredentialError, CredentialStore, MemoryCredentials, SharedSecret,
};

use crate::exchange::{PASSWORD, REALM, Server, bob, nonces};

#[test]
fn who_knows_the_password_is_who_they_say() {
    let server = Server::new();
    let identity = server.identity(&server.answer().lines()).unwrap();
    assert_eq!(*identity.address_of_record(), bob());
    assert_eq!(*identity.username(), "bob");
    assert_eq!(*identity.realm(), REALM);
}

#[test]
fn qop_is_the_client_s_choice() {
    let server = Server::new();
    for qop in [true, false] {
        let mut answer = server.answer();
        answer.qop = qop;
        assert!(server.identity(&answer.lines()).is_some(), "{qop}");
    }
}

#[test]
fn a_client_answers_the_compatible_challenge_without_qop() {
    let server = Server::with(DigestConfig::compatible(nonces())); // F-33
    let mut answer = server.answer();
    answer.name_algorithm = false;
    assert!(!answer.line().contains("qop"));
    assert!(server.identity(&answer.lines()).is_some());
}

#[test]
fn auth_int_and_unknown_qops_are_challenged_again() {
    let server = Server::new();
    for qop in ["qop=auth-int", "qop=\"auth,auth-int\"", "qop=token"] {
        let line = server.answer().line().replace("qop=auth", qop);
        let status = server.refusal(&[line]).status().as_u16();
        assert_eq!(status, 401, "{qop}");
    }
}

#[test]
fn qop_may_be_quoted() {
    let server = Server::new();
    let line = server.answer().line().replace("qop=auth", "qop=\"auth\"");
    assert!(server.identity(&[line]).is_some());
}

#[test]
fn the_uri_must_name_what_is_requested() {
    let server = Server::new(); // A27
    for (uri, named) in [
        ("sip:example.com", true),
        ("sip:EXAMPLE.com", true),
        ("sip:example.com;x=y", true), // §19.1.4: a parameter only one has does not count
        ("sip:example.com;transport=tcp", false),
        ("sip:bob@example.com", false),
        ("sips:example.com", false),
        ("sip:example.com:5061", false),
        ("sip:example.net", false),
        ("http://example.com", false),
        ("", false),
    ] {
        let mut answer = server.answer();
        answer.uri = uri.into();
        if named {
            assert!(server.identity(&answer.lines()).is_some(), "{uri}");
        } else {
            let refusal = server.refusal(&answer.lines());
            assert_eq!(refusal.status().as_u16(), 400, "{uri}");
            assert_eq!(
                refusal.reason(),
                b"Digest uri is not the Request-URI",
                "{uri}"
            );
        }
    }
}

#[test]
fn the_method_is_part_of_the_answer() {
    let server = Server::new();
    let line = server.answer().line_for(b"INVITE");
    assert_eq!(server.refusal(&[line]).status().as_u16(), 401);
}

#[test]
fn a_user_may_give_the_domain_too() {
    let server = Server::new(); // F-53
    let mut answer = server.answer();
    answer.username = "bob@example.com".into();
    let identity = server.identity(&answer.lines()).unwrap();
    assert_eq!(*identity.address_of_record(), bob());
    assert_eq!(*identity.username(), "bob@example.com");
}

#[test]
fn a_store_may_keep_hashes_alone() {
    let store = MemoryCredentials::new(); // F-53: HA1 and HA1b
    for username in ["bob", "bob@example.com"] {
        let [name, realm, password] = [username, REALM, PASSWORD].map(str::as_bytes);
        let secret = SharedSecret::Hashed(Box::new([Ha1::compute(Md5, name, realm, password)]));
        let identity = bob();
        store.add(username, REALM, Credential { identity, secret });
    }
    let server = Server::on(DigestConfig::new(nonces()), store);
    for (username, algorithm, known) in [
        ("bob", Md5, true),
        ("bob@example.com", Md5, true),
        ("bob", Sha256, false),
    ] {
        let mut answer = server.answer();
        (answer.username, answer.algorithm) = (username.into(), algorithm);
        let identity = server.identity(&answer.lines());
        assert_eq!(identity.is_some(), known, "{username} {algorithm:?}");
    }
}

struct Broken;
struct Overloaded;

#[async_trait]
impl CredentialStore for Broken {
    async fn credential(&self, _: &str, _: &str) -> Result<Option<Credential>, CredentialError> {
        Err(CredentialError::Unavailable("the disk is gone".into()))
    }
}

#[async_trait]
impl CredentialStore for Overloaded {
    async fn credential(&self, _: &str, _: &str) -> Result<Option<Credential>, CredentialError> {
        Err(CredentialError::Busy)
    }
}

#[test]
fn a_broken_store_is_an_outage_and_no_wrong_password() {
    let server = Server::on(DigestConfig::new(nonces()), Broken);
    let response = server.refusal(&server.answer().lines());
    assert_eq!(response.status().as_u16(), 500); // F-33
}

#[test]
fn a_store_with_too_much_to_do_is_answered_503() {
    let server = Server::on(DigestConfig::new(nonces()), Overloaded);
    let response = server.refusal(&server.answer().lines());
    assert_eq!(response.status().as_u16(), 503);
}

#[test]
fn a_request_without_credentials_needs_no_store() {
    let server = Server::on(DigestConfig::new(nonces()), Broken);
    assert_eq!(server.refusal(&[]).status().as_u16(), 401);
}
