//! F-63, F-65: from a user's name to the phones it is registered at.

use std::ops::ControlFlow::{Break, Continue};

use sip_core::{HeaderName, Method, StatusCode};
use sip_proxy::{Decision, ForkPlan, Incoming};

use super::register::user_of;
use super::{Caller, Parties, Routing, Step, outage, refuse};

impl Routing {
    /// All phones ring at once.
    pub(super) async fn to_callee(
        &self,
        incoming: &Incoming,
        parties: &Parties,
        caller: &Caller,
    ) -> Step {
        let (Some(domain), Some(user)) = (&parties.callee_domain, user_of(incoming.request.uri()))
        else {
            return Continue(());
        };
        let account = match self.subscribers.find(&user, domain).await {
            Ok(Some(account)) => account,
            Ok(None) => return Continue(()),
            Err(_) => return Break(outage(incoming)),
        };
        let Ok(bindings) = self.location.lookup(&account.address).await else {
            return Break(outage(incoming));
        };
        let plan = ForkPlan::parallel(bindings.targets(incoming.unix_time));
        if plan.is_empty() {
            return Break(match incoming.request.method() {
                Method::Ack => Decision::Drop,
                _ => refuse(
                    incoming,
                    StatusCode::TEMPORARILY_UNAVAILABLE,
                    "Temporarily unavailable",
                ),
            });
        }
        let mut relay = self.relay(incoming, caller.admission(), plan);
        if incoming.request.headers().contains(&HeaderName::Route) {
            relay = relay.without_header(HeaderName::Route); // T5: where a user here is reached, no caller says
        }
        Break(self.timed(incoming, caller.without_credentials(relay)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::*;

    fn call(to: &str) -> String {
        format!("INVITE {to} SIP/2.0\nFrom: <sip:alice@a.example>;tag=1\nTo: <{to}>")
    }

    #[tokio::test]
    async fn f65_every_phone_of_the_callee_rings() {
        let scene = Scene::new().await;
        scene.register("bob", "sip:bob@198.51.100.9").await;
        scene.register("bob", "sip:bob@198.51.100.10").await;
        let relay = relayed(scene.decide_as("alice", &call("sip:bob@a.example")).await);
        let plan = format!("{relay:?}");
        assert!(
            plan.contains("198.51.100.9") && plan.contains("198.51.100.10"),
            "{plan}"
        );
        assert!(plan.contains("RemoveCredentials"), "F-55: {plan}");
    }

    #[tokio::test]
    async fn f63_an_alias_reaches_its_user() {
        let scene = Scene::new().await;
        scene.register("bob", "sip:bob@198.51.100.9").await;
        let relay = relayed(
            scene
                .decide_as("alice", &call("sip:5551234@192.0.2.1"))
                .await,
        );
        assert!(format!("{relay:?}").contains("198.51.100.9"));
    }

    #[tokio::test]
    async fn t5_a_preloaded_route_leads_nowhere_else() {
        let scene = Scene::new().await;
        scene.register("bob", "sip:bob@198.51.100.9").await;
        let request = "INVITE sip:bob@a.example SIP/2.0\nFrom: <sip:x@elsewhere.example>;tag=1\n\
                       To: <sip:bob@a.example>\nRoute: <sip:203.0.113.66;lr>";
        let relay = relayed(scene.decide(request).await);
        assert!(format!("{relay:?}").contains("Remove(Route)"));
    }

    #[tokio::test]
    async fn f65_who_is_not_registered_is_unavailable_and_who_does_not_exist_is_not_found() {
        let scene = Scene::new().await;
        assert_eq!(
            status(scene.decide_as("alice", &call("sip:bob@a.example")).await),
            "480 Temporarily unavailable"
        );
        assert_eq!(
            status(
                scene
                    .decide_as("alice", &call("sip:nobody@a.example"))
                    .await
            ),
            "404 No route matched"
        );
    }

    /// A07: what nobody can be called is not worth memory.
    #[tokio::test]
    async fn a_name_longer_than_any_user_has_is_not_looked_up() {
        let scene = Scene::new().await;
        scene.store.execute("DROP TABLE subscriber").await;
        let longest = format!("sip:{}@a.example", "x".repeat(64));
        let longer = format!("sip:{}@a.example", "x".repeat(65));
        let request = |to| call(to).replace("alice@a.example", "alice@elsewhere.example");
        assert!(status(scene.decide(&request(&longest)).await).starts_with("500"));
        assert!(status(scene.decide(&request(&longer)).await).starts_with("404"));
    }
}
