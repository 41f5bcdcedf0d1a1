//! F-09, F-60: whose request is it, and may it be here at all?

use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;

use sip_core::{From, Method, StatusCode, To};
use sip_proxy::{Admission, Decision, ForkPlan, Incoming};

use super::authenticate::Caller;
use super::{Routing, Step, refuse};
use crate::domains::Domain;

/// Who a request is from and to, and which of their domains are served.
pub(super) struct Parties {
    pub(super) from: From,
    pub(super) to: To,
    /// Of the From URI.
    pub(super) caller_domain: Option<Arc<Domain>>,
    /// Of the Request-URI.
    pub(super) callee_domain: Option<Arc<Domain>>,
}

impl Routing {
    pub(super) fn parties(&self, incoming: &Incoming) -> Step<Parties> {
        let headers = incoming.request.headers();
        let (Ok(from), Ok(to)) = (headers.require::<From>(), headers.require::<To>()) else {
            return Break(refuse(incoming, StatusCode::BAD_REQUEST, "Bad From or To"));
        };
        Continue(Parties {
            caller_domain: self.domains.of_uri(&from.uri()),
            callee_domain: self.domains.of_uri(incoming.request.uri()),
            from,
            to,
        })
    }

    /// F-09: neither from nor to anybody here. What belongs to a dialog may go on.
    pub(super) fn refuse_strangers(&self, incoming: &Incoming, parties: &Parties) -> Step {
        let is_ours = parties.caller_domain.is_some() || parties.callee_domain.is_some();
        if is_ours || parties.to.tag().is_some() {
            return Continue(());
        }
        Break(match incoming.request.method() {
            Method::Ack => Decision::Drop,
            _ => refuse(incoming, StatusCode::FORBIDDEN, "Relaying Forbidden"),
        })
    }

    /// F-60: from a user here to another domain.
    pub(super) fn outbound(&self, incoming: &Incoming, parties: &Parties, caller: &Caller) -> Step {
        if parties.callee_domain.is_some() {
            return Continue(());
        }
        Break(match caller {
            Caller::User { identity, .. } if !self.means_us(incoming) => {
                let admission = Admission::authenticated(identity);
                let plan = ForkPlan::unchanged(incoming);
                Decision::Relay(caller.without_credentials(self.relay(incoming, admission, plan)))
            }
            // Nobody was asked who sent it, so it goes to nobody else.
            Caller::Unasked if *incoming.request.method() == Method::Ack => Decision::Drop,
            Caller::Unasked => {
                Decision::Reply(incoming.reply(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST))
            }
            Caller::User { .. } | Caller::Stranger => return Continue(()),
        })
    }

    /// Whether the Request-URI is this very server, so that relaying would come back.
    fn means_us(&self, incoming: &Incoming) -> bool {
        let uri = incoming.request.uri().as_sip();
        uri.is_some_and(|uri| uri.host().ip() == Some(incoming.flow.local.ip()))
    }
}

#[cfg(test)]
mod tests {
    use sip_proxy::Router;

    use super::super::scene::*;

    fn call(from: &str, to: &str) -> String {
        format!("INVITE {to} SIP/2.0\nFrom: <{from}>;tag=1\nTo: <{to}>")
    }

    #[tokio::test]
    async fn f09_calls_between_strangers_are_forbidden() {
        let scene = Scene::new().await;
        for (from, to) in [
            ("sip:x@elsewhere.example", "sip:y@other.example"),
            ("sip:x@elsewhere.example", "sip:y@a.example.org"),
            ("sip:x@sub.a.example", "tel:+1555"),
        ] {
            assert_eq!(
                status(scene.decide(&call(from, to)).await),
                "403 Relaying Forbidden",
                "{to}"
            );
        }
    }

    #[tokio::test]
    async fn f60_users_call_other_domains() {
        let scene = Scene::new().await;
        let request = call("sip:alice@a.example", "sip:y@other.example");
        assert!(status(scene.decide(&request).await).starts_with("407"));
        let relay = relayed(scene.decide_as("alice", &request).await);
        assert_eq!(
            relay.admission().identity().map(|aor| aor.as_str()),
            Some("alice@a.example")
        );
        assert!(format!("{relay:?}").contains("RemoveCredentials"), "F-55");
    }

    #[tokio::test]
    async fn what_cannot_be_challenged_reaches_no_other_domain() {
        let scene = Scene::new().await;
        let ack = call("sip:alice@a.example", "sip:y@other.example").replace("INVITE", "ACK");
        assert!(matches!(
            scene.decide(&ack).await,
            sip_proxy::Decision::Drop
        ));
        let prack = ack.replace("ACK", "PRACK");
        assert!(status(scene.decide(&prack).await).starts_with("481"));
    }

    #[tokio::test]
    async fn f13_a_domain_without_a_user_is_no_callee() {
        let scene = Scene::new().await;
        let request = call("sip:x@elsewhere.example", "sip:a.example");
        assert_eq!(status(scene.decide(&request).await), "404 No route matched");
    }

    /// F-20
    #[tokio::test]
    async fn a_route_by_the_name_of_a_domain_served_is_ours() {
        let scene = Scene::new().await;
        for (name, is_ours) in [
            ("A.example", true),
            ("192.0.2.1", true),
            ("elsewhere.example", false),
        ] {
            let name = name.parse().expect("a host");
            assert_eq!(scene.routing.is_own_name(&name), is_ours, "{name}");
        }
    }
}
