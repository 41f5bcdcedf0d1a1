//! RFC 3261 §16.2, stateful proxy.

use std::time::Duration;

use sip_core::StatusCode;
use sip_proxy::{Decision, ForkPlan, Incoming};

use super::support::*;

#[test]
fn an_invite_gets_an_immediate_100() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    assert_eq!(
        world.take_summary(),
        [
            "100 INVITE → 198.51.100.1:5060",
            "INVITE → 203.0.113.1:5060"
        ]
    );
}

#[test]
fn another_request_gets_no_100() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("MESSAGE", "sip:bob@203.0.113.1", ""));
    assert_eq!(world.take_summary(), ["MESSAGE → 203.0.113.1:5060"]);
}

#[test]
fn retransmissions_are_not_forwarded() {
    let mut world = World::new(Onwards);
    for method in ["INVITE", "MESSAGE"] {
        let request = request_to(method, "sip:bob@203.0.113.1", "");
        world.receive(ALICE, &request);
        assert_eq!(world.take_requests().len(), 1);
        world.receive(ALICE, &request);
        assert!(world.take_requests().is_empty());
    }
}

/// While the router waits for a backend, the transaction absorbs what is sent again, and says 100 after 200 ms.
#[test]
fn an_invite_has_its_transaction_as_soon_as_the_router_waits() {
    let mut world = World::new(Slowly(
        |incoming: &Incoming| incoming.reply(StatusCode::NOT_FOUND).into(),
        1,
    ));
    let invite = request("INVITE", "");
    world.receive(ALICE, &invite);
    assert!(world.take().is_empty());
    world.advance(Duration::from_millis(200));
    assert_eq!(world.take_summary(), ["100 INVITE → 198.51.100.1:5060"]);
    world.receive(ALICE, &invite);
    assert_eq!(world.take_summary(), ["100 INVITE → 198.51.100.1:5060"]);
    world.wake_backends();
    assert_eq!(world.take_summary(), ["404 INVITE → 198.51.100.1:5060"]);
    world.advance(Duration::from_millis(500));
    assert_eq!(
        world.take_summary(),
        ["404 INVITE → 198.51.100.1:5060"],
        "timer G"
    );
}

#[test]
fn while_the_router_waits_other_requests_are_not_asked_about_twice() {
    let mut world = World::new(Slowly(
        |incoming: &Incoming| incoming.reply(StatusCode::OK).into(),
        1,
    ));
    let register = request("REGISTER", "");
    world.receive(ALICE, &register);
    world.receive(ALICE, &register);
    assert!(world.take().is_empty());
    world.wake_backends();
    assert_eq!(world.take_summary(), ["200 REGISTER → 198.51.100.1:5060"]);
    world.assert_idle();
    world.receive(ALICE, &register);
    world.wake_backends();
    assert_eq!(world.take_summary(), ["200 REGISTER → 198.51.100.1:5060"]);
}

#[test]
fn a_backend_that_never_answers_is_an_outage() {
    for method in ["INVITE", "OPTIONS"] {
        let mut world = World::new(Slowly(|_: &Incoming| Decision::Drop, usize::MAX));
        world.receive(ALICE, &request(method, ""));
        world.advance(Duration::from_secs(2));
        let refused: Vec<_> = world.take_summary();
        assert_eq!(
            refused.last().map(String::as_str),
            Some(&*format!("503 {method} → {ALICE}"))
        );
        world.wake_backends();
        assert!(world.take().is_empty());
        world.advance(Duration::from_secs(32));
        world.assert_idle();
    }
}

#[test]
fn more_open_questions_than_allowed_are_refused_with_retry_after() {
    let slow = Slowly(|_: &Incoming| Decision::Drop, usize::MAX);
    let mut world = World::configured(slow, |config| config.max_queries = 2);
    for number in 0..2 {
        world.receive(
            ALICE,
            &request("OPTIONS", "").replace("branch=z9hG4bK", &format!("branch=z9hG4bK{number}")),
        );
    }
    assert!(world.take().is_empty());
    world.receive(ALICE, &request("OPTIONS", ""));
    let response = world.take_response();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(lines(&response, "Retry-After"), ["10"]);
}

#[test]
fn when_the_driver_waits_for_too_much_already_the_answer_is_503_without_state() {
    let mut world = World::new(Slowly(|_: &Incoming| Decision::Drop, usize::MAX));
    world.may_wait = 0;
    for method in ["INVITE", "REGISTER"] {
        world.receive(ALICE, &request(method, ""));
        let response = world.take_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(lines(&response, "Retry-After"), ["10"]);
        world.assert_idle();
    }
}

/// Every wait has an end: a name server that says nothing costs a branch, not the call.
#[test]
fn a_name_that_is_not_resolved_in_time_fails_its_branch_alone() {
    let mut world = World::new(To(|| {
        ForkPlan::parallel([
            target("sip:bob@slow.example.net"),
            target("sip:bob@203.0.113.2"),
        ])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, to) = world.take_requests().remove(0);
    assert_eq!(to.remote(), address(BOB_MOBILE));
    world.answer(&invite, BOB_MOBILE, 180);
    world.take();
    world.advance(Duration::from_secs(2));
    world.answer(&invite, BOB_MOBILE, 404);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.2:5060", "404 INVITE → 198.51.100.1:5060"]
    );
}
