//! What a router may do when every target has failed (F-66): redirect, go on, or let it be.

use std::task::Poll;
use std::time::Duration;

use sip_core::{Contact, StatusCode};
use sip_proxy::{Decision, Failed, ForkPlan, Incoming, Relay, Router};

use super::support::*;

/// Forwards to bob's phone, and when that has failed does what the function says.
struct Afterwards<F>(F);

#[async_trait::async_trait]
impl<F: Fn(&Failed) -> Option<Decision> + Send + Sync + 'static> Router for Afterwards<F> {
    async fn route(&self, _: &Incoming) -> Decision {
        let plan = ForkPlan::to(target("sip:bob@203.0.113.1"));
        Relay::new(open(), plan).ask_on_failure().into()
    }

    async fn failed(&self, failed: &Failed) -> Option<Decision> {
        (self.0)(failed)
    }
}

/// To bob's voice mail, on the ground the call was admitted on.
fn to_voice_mail(failed: &Failed) -> Option<Decision> {
    let plan = ForkPlan::to(target("sip:voicemail@203.0.113.3"));
    Some(Relay::new(failed.admission.clone(), plan).into())
}

fn after(world: &mut World, status: u16) -> Vec<String> {
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, status);
    world.take_summary()
}

#[test]
fn f66_a_busy_call_may_be_redirected_and_the_302_names_the_target() {
    let mut world = World::new(Afterwards(|failed: &Failed| {
        if !matches!(failed.response.status().as_u16(), 486 | 600) {
            return None;
        }
        let mut response = failed.incoming.reply(StatusCode::MOVED_TEMPORARILY);
        let target = "sip:busy@example.com".parse().expect("a URI");
        response.headers_mut().push(&Contact::new(&target));
        Some(response.into())
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 600);
    let sent = world.take();
    assert_eq!(
        summary(&sent),
        ["ACK → 203.0.113.1:5060", "302 INVITE → 198.51.100.1:5060"]
    );
    let response = sip_core::Response::try_from(sent[1].message.clone()).expect("a response");
    assert_eq!(lines(&response, "Contact"), ["<sip:busy@example.com>"]);
    assert!(response.to_tag().is_some());
}

#[test]
fn f66_other_failures_pass_through() {
    let mut world = World::new(Afterwards(|_: &Failed| None));
    assert_eq!(
        after(&mut world, 404),
        ["ACK → 203.0.113.1:5060", "404 INVITE → 198.51.100.1:5060"]
    );
    world.receive(
        ALICE,
        &request("ACK", "").replace("bob@example.com>", "bob@example.com>;tag=20301131"),
    );
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}

#[test]
fn f66_a_call_nobody_takes_may_go_on_to_somebody_else() {
    let mut world = World::new(Afterwards(to_voice_mail));
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 486);
    let (onwards, to) = world.take_requests().pop().expect("an INVITE");
    assert_eq!(onwards.uri().to_string(), "sip:voicemail@203.0.113.3");
    assert_eq!(to.remote(), address(BOB_DESK));
    assert_ne!(lines(&onwards, "Via")[0], lines(&invite, "Via")[0]);
    world.answer(&onwards, BOB_DESK, 200);
    assert_eq!(world.take_summary(), ["200 INVITE → 198.51.100.1:5060"]);
}

/// Whether it asks again is up to the second relay.
#[test]
fn what_went_on_and_failed_again_is_told_the_caller() {
    let mut world = World::new(Afterwards(to_voice_mail));
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 486);
    let (onwards, _) = world.take_requests().pop().expect("an INVITE");
    world.answer(&onwards, BOB_DESK, 480);
    assert!(
        world
            .take_summary()
            .contains(&"480 INVITE → 198.51.100.1:5060".to_owned())
    );
}

/// F-12
#[test]
fn a_router_that_never_gives_up_is_stopped_at_the_most_branches_there_may_be() {
    let mut world = World::new(Afterwards(|failed: &Failed| {
        let plan = ForkPlan::to(target("sip:again@203.0.113.1"));
        Some(
            Relay::new(failed.admission.clone(), plan)
                .ask_on_failure()
                .into(),
        )
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let mut attempts = 0;
    loop {
        let sent = world.take();
        let invite = sent.iter().find_map(|sent| {
            let request = sip_core::Request::try_from(sent.message.clone()).ok()?;
            (request.method().to_string() == "INVITE").then_some(request)
        });
        let Some(invite) = invite else {
            assert!(summary(&sent).contains(&"500 INVITE → 198.51.100.1:5060".to_owned()));
            break;
        };
        attempts += 1;
        assert!(attempts <= 12);
        world.answer(&invite, BOB, 486);
    }
    assert_eq!(attempts, 12);
}

/// Max-Breadth is no way around that.
#[test]
fn a_fork_that_is_too_broad_ends_it_too() {
    let mut world = World::new(Afterwards(|failed: &Failed| {
        let two = ["sip:1@203.0.113.1", "sip:2@203.0.113.1"];
        let plan = ForkPlan::parallel(two.map(target));
        Some(
            Relay::new(failed.admission.clone(), plan)
                .ask_on_failure()
                .into(),
        )
    }));
    world.receive(ALICE, &request("INVITE", "Max-Breadth: 1\n"));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 486);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "440 INVITE → 198.51.100.1:5060"]
    );
}

#[test]
fn a_caller_who_has_cancelled_is_not_asked_about() {
    let mut world = World::new(Afterwards(to_voice_mail));
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    world.receive(ALICE, &request("CANCEL", ""));
    world.take();
    world.answer(&invite, BOB, 487);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "487 INVITE → 198.51.100.1:5060"]
    );
}

/// Takes its time about failures.
struct Hesitant;

#[async_trait::async_trait]
impl Router for Hesitant {
    async fn route(&self, _: &Incoming) -> Decision {
        let plan = ForkPlan::to(target("sip:bob@203.0.113.1"));
        Relay::new(open(), plan).ask_on_failure().into()
    }

    async fn failed(&self, failed: &Failed) -> Option<Decision> {
        let mut polled = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut polled, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        to_voice_mail(failed)
    }
}

#[test]
fn a_cancel_while_the_router_thinks_about_a_failure_ends_the_call() {
    let mut world = World::new(Hesitant);
    assert_eq!(after(&mut world, 486), ["ACK → 203.0.113.1:5060"]);
    world.receive(ALICE, &request("CANCEL", ""));
    assert_eq!(
        world.take_summary(),
        [
            "200 CANCEL → 198.51.100.1:5060",
            "487 INVITE → 198.51.100.1:5060"
        ]
    );
    world.wake_backends();
    assert!(world.take().is_empty());
}

#[test]
fn a_router_that_thinks_too_long_about_a_failure_lets_it_pass() {
    let mut world = World::new(Hesitant);
    after(&mut world, 486);
    world.advance(Duration::from_secs(2));
    assert_eq!(world.take_summary(), ["486 INVITE → 198.51.100.1:5060"]);
}

#[test]
fn a_late_decision_of_the_router_is_carried_out() {
    let mut world = World::new(Hesitant);
    after(&mut world, 486);
    world.wake_backends();
    assert_eq!(world.take_summary(), ["INVITE → 203.0.113.3:5060"]);
}

/// F-66: 600 counts as busy.
#[test]
fn after_a_6xx_somebody_else_may_be_tried() {
    let mut world = World::new(Afterwards(to_voice_mail));
    assert_eq!(
        after(&mut world, 600),
        ["ACK → 203.0.113.1:5060", "INVITE → 203.0.113.3:5060"]
    );
}
