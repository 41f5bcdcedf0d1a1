//! F-50 to F-54: callers of ours show who they are, and call under no other name.

use std::ops::ControlFlow::{Break, Continue};

use sip_core::{Method, StatusCode, Text};
use sip_proxy::auth::{ChallengeKind, Identity};
use sip_proxy::{Admission, Decision, Incoming, Relay};

use super::register::user_of;
use super::{Parties, Routing, Step, outage, refuse};

/// Who sends a request.
pub(super) enum Caller {
    /// A user here, as it showed.
    User { identity: Identity, realm: Text },
    /// Somebody of another domain.
    Stranger,
    /// Somebody who says to be of ours, in a request that cannot be challenged (F-06).
    Unasked,
}

impl Routing {
    pub(super) async fn authenticate(
        &self,
        incoming: &Incoming,
        parties: &Parties,
    ) -> Step<Caller> {
        let Some(domain) = &parties.caller_domain else {
            return Continue(Caller::Stranger);
        };
        if matches!(
            incoming.request.method(),
            Method::Ack | Method::Cancel | Method::Prack
        ) {
            return Continue(Caller::Unasked);
        }
        let realm = domain.realm.to_str_lossy();
        let verdict = self
            .authenticator
            .authenticate(incoming, &realm, ChallengeKind::Proxy)
            .await;
        let identity = match verdict.identity() {
            Ok(identity) => identity,
            Err(response) => return Break(Decision::Reply(response)), // F-51
        };
        let from = match user_of(&parties.from.uri()) {
            Some(user) => self.subscribers.find(&user, domain).await,
            None => Ok(None),
        };
        match from {
            Err(_) => Break(outage(incoming)),
            Ok(Some(account)) if account.address == *identity.address_of_record() => {
                Continue(Caller::User {
                    identity,
                    realm: domain.realm.clone(),
                })
            }
            Ok(_) => Break(refuse(incoming, StatusCode::FORBIDDEN, "Fake Identity")), // F-54
        }
    }
}

impl Caller {
    /// On which ground a call of theirs to a user here goes on.
    pub(super) fn admission(&self) -> Admission {
        match self {
            Caller::User { identity, .. } => Admission::authenticated(identity),
            Caller::Stranger => {
                Admission::without_authentication("from another domain to a user here")
            }
            Caller::Unasked => {
                Admission::without_authentication("ACK, CANCEL and PRACK cannot be challenged")
            }
        }
    }

    /// F-55: credentials that were for us are nobody else's business.
    pub(super) fn without_credentials(&self, relay: Relay) -> Relay {
        match self {
            Caller::User { realm, .. } => relay.without_credentials(realm.clone()),
            Caller::Stranger | Caller::Unasked => relay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::*;

    fn call(method: &str, from: &str, to: &str) -> String {
        format!("{method} {to} SIP/2.0\nFrom: <{from}>;tag=1\nTo: <{to}>")
    }

    #[tokio::test]
    async fn f50_callers_here_are_challenged_and_strangers_are_not() {
        let scene = Scene::new().await;
        scene.register("bob", "sip:bob@198.51.100.9").await;
        let ours = call("INVITE", "sip:alice@a.example", "sip:bob@a.example");
        assert!(status(scene.decide(&ours).await).starts_with("407"));
        let theirs = call("INVITE", "sip:x@elsewhere.example", "sip:bob@a.example");
        let relay = relayed(scene.decide(&theirs).await);
        assert_eq!(
            relay.admission().reason(),
            Some("from another domain to a user here")
        );
    }

    #[tokio::test]
    async fn f06_ack_and_prack_are_never_challenged() {
        let scene = Scene::new().await;
        scene.register("bob", "sip:bob@198.51.100.9").await;
        for method in ["ACK", "PRACK", "CANCEL"] {
            let request = call(method, "sip:alice@a.example", "sip:bob@a.example");
            assert!(
                relayed(scene.decide(&request).await)
                    .admission()
                    .reason()
                    .is_some()
            );
        }
    }

    #[tokio::test]
    async fn f54_nobody_calls_under_another_name() {
        let scene = Scene::new().await;
        for from in ["sip:bob@a.example", "sip:nobody@a.example", "sip:a.example"] {
            let request = call("INVITE", from, "sip:bob@a.example");
            assert_eq!(
                status(scene.decide_as("alice", &request).await),
                "403 Fake Identity",
                "{from}"
            );
        }
    }

    #[tokio::test]
    async fn a_user_of_another_domain_here_has_another_realm() {
        let scene = Scene::new().await;
        let request = call("INVITE", "sip:carol@b.example", "sip:bob@a.example");
        let challenge = header(&replied(scene.decide(&request).await), "Proxy-Authenticate")
            .expect("a challenge");
        assert!(challenge.contains("realm=\"b.example\""), "{challenge}");
        assert!(status(scene.decide_as("carol", &request).await).starts_with("480"));
        assert!(status(scene.decide_as("alice", &request).await).starts_with("407"));
    }
}
