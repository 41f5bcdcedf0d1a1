//! F-30 to F-34: who may register, and for whom. What a registration does is the registrar's.

use std::ops::ControlFlow::{Break, Continue};
use std::str;

use sip_core::{Method, Response, StatusCode, Text, Uri, unescape};
use sip_proxy::auth::ChallengeKind;
use sip_proxy::{Decision, Incoming};

use super::{Parties, Routing, Step, refuse};
use crate::domains::Domain;

impl Routing {
    /// Ends here for every REGISTER.
    pub(super) async fn register(&self, incoming: &Incoming, parties: &Parties) -> Step {
        if *incoming.request.method() != Method::Register {
            return Continue(());
        }
        if parties.callee_domain.is_none() {
            return Break(refuse(
                incoming,
                StatusCode::FORBIDDEN,
                "Register Forwarding Forbidden",
            )); // F-30
        }
        let Some(domain) = self.domains.of_uri(&parties.to.uri()) else {
            return Break(refuse(incoming, StatusCode::NOT_FOUND, "Unknown Domain")); // F-31
        };
        let response = self.registered(incoming, parties, &domain).await;
        Break(Decision::Reply(self.registrar.with_expiry_bounds(response))) // F-32
    }

    async fn registered(
        &self,
        incoming: &Incoming,
        parties: &Parties,
        domain: &Domain,
    ) -> Response {
        let realm = parties
            .caller_domain
            .as_deref()
            .unwrap_or(domain)
            .realm
            .to_str_lossy();
        let verdict = self
            .authenticator
            .authenticate(incoming, &realm, ChallengeKind::Www)
            .await;
        let identity = match verdict.identity() {
            Ok(identity) => identity,
            Err(response) => return response, // F-33
        };
        let account = match user_of(&parties.to.uri()) {
            Some(user) => self.subscribers.find(&user, domain).await,
            None => Ok(None),
        };
        match account {
            Ok(Some(account)) if account.address == *identity.address_of_record() => {
                self.registrar.register(incoming, &account.address).await
            }
            // F-34
            Ok(Some(_)) => answer(
                incoming,
                StatusCode::FORBIDDEN,
                "Authentication and To-Header mismatch",
            ),
            Ok(None) => answer(incoming, StatusCode::NOT_FOUND, "Unknown user in To"),
            Err(_) => answer(
                incoming,
                StatusCode::SERVER_INTERNAL_ERROR,
                "Database error",
            ),
        }
    }
}

/// The user part of a SIP URI without its escapes.
pub(super) fn user_of(uri: &Uri) -> Option<String> {
    let user = unescape(uri.as_sip()?.user()?);
    Some(str::from_utf8(&user).ok()?.to_owned())
}

fn answer(incoming: &Incoming, status: StatusCode, reason: &'static str) -> Response {
    incoming
        .reply(status)
        .with_reason(&Text::from_static(reason))
}

#[cfg(test)]
mod tests {
    use super::super::scene::*;

    fn register(uri: &str, from: &str, to: &str) -> String {
        format!(
            "REGISTER {uri} SIP/2.0\nFrom: <{from}>;tag=1\nTo: <{to}>\nContact: <sip:alice@198.51.100.7:5060>"
        )
    }

    const ALICE: &str = "sip:alice@a.example";

    #[tokio::test]
    async fn f30_registrations_are_not_forwarded() {
        let scene = Scene::new().await;
        let request = register("sip:other.example", ALICE, ALICE);
        assert_eq!(
            status(scene.decide(&request).await),
            "403 Register Forwarding Forbidden"
        );
    }

    #[tokio::test]
    async fn f31_only_users_of_served_domains_register() {
        let scene = Scene::new().await;
        let request = register("sip:a.example", ALICE, "sip:alice@other.example");
        assert_eq!(status(scene.decide(&request).await), "404 Unknown Domain");
    }

    #[tokio::test]
    async fn f32_f33_who_shows_nothing_is_challenged() {
        let scene = Scene::new().await;
        let response = replied(scene.decide(&register("sip:a.example", ALICE, ALICE)).await);
        assert_eq!(response.status().as_u16(), 401);
        let challenge = header(&response, "WWW-Authenticate").expect("a challenge");
        assert!(
            challenge.starts_with("Digest realm=\"a.example\", nonce="),
            "{challenge}"
        );
        assert!(
            !challenge.contains("qop") && !challenge.contains("algorithm"),
            "{challenge}"
        );
        assert_eq!(header(&response, "Expires").as_deref(), Some("600"));
        assert_eq!(header(&response, "Min-Expires").as_deref(), Some("240"));
    }

    #[tokio::test]
    async fn f34_nobody_registers_for_another() {
        let scene = Scene::new().await;
        let for_bob = register("sip:a.example", ALICE, "sip:bob@a.example");
        assert_eq!(
            status(scene.decide_as("alice", &for_bob).await),
            "403 Authentication and To-Header mismatch"
        );
        let for_nobody = register("sip:a.example", ALICE, "sip:nobody@a.example");
        assert_eq!(
            status(scene.decide_as("alice", &for_nobody).await),
            "404 Unknown user in To"
        );
    }

    #[tokio::test]
    async fn f53_who_names_the_domain_too_may_register() {
        let scene = Scene::new().await;
        let request = register("sip:a.example", ALICE, ALICE);
        assert!(status(scene.decide_as("alice@a.example", &request).await).starts_with("200"));
    }

    #[tokio::test]
    async fn a_user_is_the_same_under_every_name_of_its_domain() {
        let scene = Scene::new().await;
        let request = register(
            "sip:192.0.2.1",
            "sip:alice@192.0.2.1",
            "sip:alice@192.0.2.1",
        );
        assert!(status(scene.decide_as("alice", &request).await).starts_with("200"));
    }

    #[tokio::test]
    async fn an_alias_is_no_name_to_log_in_with() {
        let scene = Scene::new().await;
        let request = register(
            "sip:a.example",
            "sip:5551234@a.example",
            "sip:5551234@a.example",
        );
        assert!(status(scene.decide_as("5551234", &request).await).starts_with("401"));
        assert!(status(scene.decide_as("bob", &request).await).starts_with("200"));
    }

    #[tokio::test]
    async fn a_database_that_is_gone_is_an_outage() {
        let scene = Scene::new().await;
        scene.store.execute("DROP TABLE subscriber").await;
        let request = register("sip:a.example", ALICE, ALICE);
        assert!(status(scene.decide_as("alice", &request).await).starts_with("500"));
    }
}
