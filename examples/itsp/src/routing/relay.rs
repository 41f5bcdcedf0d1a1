//! What no request takes along, whoever sends it.

use sip_core::HeaderName;
use sip_proxy::{Admission, ForkPlan, Incoming, Relay};

/// Headers by which a provider vouches for a caller (RFC 3325 §9.1): a phone has nothing to say in them.
const VOUCHING: [HeaderName; 2] = [HeaderName::PAssertedIdentity, HeaderName::RemotePartyId];

/// Forwards `incoming` along `plan` without the names others gave it.
pub(super) fn relay(incoming: &Incoming, admission: Admission, plan: ForkPlan) -> Relay {
    VOUCHING
        .into_iter()
        .filter(|name| incoming.request.headers().contains(name))
        .fold(Relay::new(admission, plan), Relay::without_header)
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
}
