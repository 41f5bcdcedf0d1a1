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

/// The same router, in virtual time and without sockets.
#[cfg(test)]
mod tests {
    use sip_proxy::sim::SimProxy;
    use sip_transaction::sim::{Link, Sim};

    use super::*;

    /// Alice, and a household with bob's phone and one in the kitchen.
    fn household() -> Sim {
        let mut sim = Sim::new(Link::udp());
        let phones = ["sip:bob@192.0.2.2", "sip:kitchen@192.0.2.4"];
        let phones = phones.map(|uri| uri.parse().expect("a URI")).to_vec();
        SimProxy::new(Household { phones }).join(&mut sim, "proxy");
        sim.add_phone("kitchen");
        sim.alice().through("proxy");
        sim
    }

    #[test]
    fn both_phones_ring_and_the_first_that_answers_has_the_call() {
        let mut sim = household();
        sim.bob().answers(&[(0.1, 180)]);
        sim.phone("kitchen").answers(&[(0.15, 180), (3.0, 200)]);
        sim.alice().invite("sip:family@example.com");
        sim.at(60.0, |sim| sim.alice().bye());
        sim.run_for(4.0);
        sim.assert_ladder(
            "
            0.000  alice → proxy    INVITE
            0.000  proxy → alice    100 INVITE
            0.000  proxy → bob      INVITE
            0.000  proxy → kitchen  INVITE
            0.100  bob → proxy      180 INVITE
            0.100  proxy → alice    180 INVITE
            0.150  kitchen → proxy  180 INVITE
            0.150  proxy → alice    180 INVITE
            3.000  kitchen → proxy  200 INVITE
            3.000  proxy → alice    200 INVITE
            3.000  proxy → bob      CANCEL
            3.000  alice → proxy    ACK
            3.000  bob → proxy      200 CANCEL
            3.000  bob → proxy      487 INVITE
            3.000  proxy → kitchen  ACK
            3.000  proxy → bob      ACK
            ",
        );
        sim.run();
        assert!(sim.phone("kitchen").heard().contains(&"BYE".to_owned()));
        assert!(sim.is_idle());
    }

    #[test]
    fn nobody_at_home_is_408_after_three_minutes() {
        let mut sim = household();
        sim.bob().answers(&[(0.1, 180)]);
        sim.phone("kitchen").answers(&[(0.1, 180)]);
        sim.alice().invite("sip:family@example.com");
        sim.run();
        assert_eq!(
            sim.alice().heard().last().map(String::as_str),
            Some("408 INVITE")
        );
        assert!(sim.elapsed().as_secs() >= 181);
    }
}
