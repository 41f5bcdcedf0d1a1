//! Fourth step: a proxy that stays in charge of a call (RFC 3261 §16). All phones ring, the first that answers wins:
//! `cargo run -p first-steps --bin stateful_proxy sip:192.0.2.7:5060 sip:192.0.2.8:5060`.
//!
//! New here: a `ForkPlan` with several targets, and dialogs. The rest is in the proxy core: response contexts, CANCEL for
//! those that lost, the best response if nobody answers, Record-Route. The next step is `examples/itsp`, which finds the
//! phones where the second step put them, and asks who is calling.

use std::env;

use async_trait::async_trait;
use first_steps::serve_router;
use sip_core::{SipUri, StatusCode};
use sip_proxy::{Admission, BranchTarget, Decision, ForkPlan, Incoming, Relay, Router};
use sip_transport::Bind;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let phones: Result<Vec<SipUri>, _> = env::args().skip(1).map(|uri| uri.parse()).collect();
    let router = Household { phones: phones? };
    serve_router(
        Bind::udp("0.0.0.0:5060").and_tcp("0.0.0.0:5060"),
        router,
        |_| {},
    )
    .await?;
    Ok(())
}

struct Household {
    phones: Vec<SipUri>,
}

#[async_trait]
impl Router for Household {
    async fn route(&self, incoming: &Incoming) -> Decision {
        // Along a dialog the way is known: it was laid when the dialog began, by our Record-Route (§16.12).
        if let Some(admission) = Admission::in_dialog(incoming) {
            return Relay::new(admission, ForkPlan::unchanged(incoming)).into();
        }
        // All at once; `ForkPlan::serial` would try one after the other.
        let phones = self
            .phones
            .iter()
            .map(|uri| BranchTarget::new(uri.clone().into()));
        let plan = ForkPlan::parallel(phones);
        if plan.is_empty() {
            return incoming.reply(StatusCode::TEMPORARILY_UNAVAILABLE).into();
        }
        Relay::new(
            Admission::without_authentication("anybody may call this household"),
            plan,
        )
        .into()
    }
}
