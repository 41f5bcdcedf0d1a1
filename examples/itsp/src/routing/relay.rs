//! What no request takes along, and how long any may ring, whoever sends it.

use std::time::Duration;

use sip_core::HeaderName;
use sip_proxy::{Admission, Decision, ForkPlan, Incoming, Relay};

use super::Routing;

/// A phone that nobody answers is given up, however often it says that it rings.
const RINGS_AT_MOST: Duration = Duration::from_secs(120);

/// Headers by which a provider vouches for a caller (RFC 3325 §9.1): a phone has nothing to say in them.
const VOUCHING: [HeaderName; 2] = [HeaderName::PAssertedIdentity, HeaderName::RemotePartyId];

impl Routing {
    /// Forwards `incoming` along `plan` without the names others gave it, so that the answer and the rest of the dialog
    /// find through NATs (F-81 to F-83).
    pub(super) fn relay(&self, incoming: &Incoming, admission: Admission, plan: ForkPlan) -> Relay {
        let relay = VOUCHING
            .into_iter()
            .filter(|name| incoming.request.headers().contains(name))
            .fold(Relay::new(admission, plan), Relay::without_header)
            .ring_at_most(RINGS_AT_MOST);
        match self.nat {
            Some(nat) => relay.nat(nat),
            None => relay,
        }
    }

    /// The same with a session timer, so that a call whose phones are gone ends (F-90 to F-93), or the 422 that is due.
    pub(super) fn timed(&self, incoming: &Incoming, relay: Relay) -> Decision {
        match self.session_timers.apply(incoming, relay) {
            Ok(relay) => Decision::Relay(relay),
            Err(too_small) => Decision::Reply(too_small),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::*;

    #[tokio::test]
    async fn a30_no_phone_vouches_for_its_caller() {
        let scene = Scene::new().await;
        scene.register("bob", "sip:bob@198.51.100.9").await;
        let request = "INVITE sip:bob@a.example SIP/2.0\nFrom: <sip:x@elsewhere.example>;tag=1\n\
                       To: <sip:bob@a.example>\nP-Asserted-Identity: <sip:boss@a.example>";
        let relay = format!("{:?}", relayed(scene.decide(request).await));
        assert!(relay.contains("Remove(PAssertedIdentity)"), "{relay}");
        assert!(!relay.contains("RemotePartyId"), "{relay}");
    }

    #[tokio::test]
    async fn no_phone_rings_for_ever() {
        let scene = Scene::new().await;
        scene.register("bob", "sip:bob@198.51.100.9").await;
        let request = "INVITE sip:bob@a.example SIP/2.0\nFrom: <sip:x@elsewhere.example>;tag=1\n\
                       To: <sip:bob@a.example>";
        let relay = format!("{:?}", relayed(scene.decide(request).await));
        assert!(relay.contains("ring_time: Some(120s)"), "{relay}");
    }

    #[tokio::test]
    async fn f90_a_session_that_is_too_short_is_refused_and_f92_one_without_a_timer_gets_one() {
        let scene = Scene::new().await;
        scene.register("bob", "sip:bob@198.51.100.9").await;
        let request = "INVITE sip:bob@a.example SIP/2.0\nFrom: <sip:x@elsewhere.example>;tag=1\n\
                       To: <sip:bob@a.example>";
        let short = format!("{request}\nSupported: timer\nSession-Expires: 60");
        assert!(status(scene.decide(&short).await).starts_with("422"));
        let relay = format!("{:?}", relayed(scene.decide(request).await));
        assert!(relay.contains("Set(SessionExpires, \"1800\")"), "{relay}");
    }
}
