//! F-20 to F-23: requests along a dialog that this server is on the path of.

use std::ops::ControlFlow::{Break, Continue};

use sip_proxy::{Admission, ForkPlan, Incoming};

use super::{Routing, Step};

impl Routing {
    /// They came by our Route, which the proxy took off; what is left of the route set says where they go. Whoever
    /// made the dialog was asked who it is, so nobody is asked again. That there is one, only Route and To tag say.
    pub(super) fn along_dialog(&self, incoming: &Incoming) -> Step {
        match Admission::in_dialog(incoming) {
            Some(admission) => {
                let relay = self.relay(incoming, admission, ForkPlan::unchanged(incoming));
                Break(self.timed(incoming, relay))
            }
            None => Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::*;
    use sip_proxy::{InDialog, Router};

    const BYE: &str = "BYE sip:bob@198.51.100.9 SIP/2.0\nFrom: <sip:alice@a.example>;tag=1\nTo: <sip:bob@a.example>;tag=2";

    #[tokio::test]
    async fn f23_requests_along_a_dialog_go_on_unasked() {
        let scene = Scene::new().await;
        let mut bye = incoming(BYE);
        bye.dialog = InDialog::Yes;
        let relay = relayed(scene.routing.route(&bye).await);
        assert_eq!(
            (relay.admission().identity(), relay.admission().reason()),
            (None, None)
        );
    }

    #[tokio::test]
    async fn f24_a_to_tag_without_our_route_is_challenged() {
        let scene = Scene::new().await;
        assert!(status(scene.decide(BYE).await).starts_with("407"));
    }
}
