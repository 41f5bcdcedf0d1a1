//! RFC 3261 §16.10, CANCEL processing, with §9.1 and §9.2.

use std::time::Duration;

use sip_core::StatusCode;
use sip_proxy::{ForkPlan, Incoming};

use super::support::*;

/// F-05
#[test]
fn a_cancel_while_ringing_ends_in_487_for_the_caller() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    world.take();
    world.receive(ALICE, &request_to("CANCEL", "sip:bob@203.0.113.1", ""));
    let sent = world.take();
    assert_eq!(
        summary(&sent),
        [
            "200 CANCEL → 198.51.100.1:5060",
            "CANCEL → 203.0.113.1:5060"
        ]
    );
    let cancel = sip_core::Request::try_from(sent[1].message.clone()).expect("a request");
    assert_eq!(
        lines(&cancel, "Via"),
        lines(&invite, "Via")[..1],
        "the INVITE's own Via alone (§9.1)"
    );
    world.answer(&cancel, BOB, 200);
    world.answer(&invite, BOB, 487);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "487 INVITE → 198.51.100.1:5060"]
    );
    world.receive(ALICE, &request_to("ACK", "sip:bob@203.0.113.1", ""));
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}

#[test]
fn a_cancel_reaches_all_phones_that_ring_and_those_that_ring_later() {
    let mut world = World::new(To(|| {
        ForkPlan::parallel([target("sip:bob@203.0.113.1"), target("sip:bob@203.0.113.2")])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let requests = world.take_requests();
    world.answer(&requests[0].0, BOB, 180);
    world.take();
    world.receive(ALICE, &request("CANCEL", ""));
    assert_eq!(
        world.take_summary(),
        [
            "200 CANCEL → 198.51.100.1:5060",
            "CANCEL → 203.0.113.1:5060"
        ]
    );
    world.answer(&requests[1].0, BOB_MOBILE, 180);
    assert!(
        world
            .take_summary()
            .contains(&"CANCEL → 203.0.113.2:5060".to_owned())
    );
}

#[test]
fn after_a_cancel_there_are_no_new_branches() {
    let mut world = World::new(To(|| {
        ForkPlan::serial([target("sip:bob@203.0.113.1"), target("sip:bob@203.0.113.2")])
    }));
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

#[test]
fn a_2xx_that_crosses_the_cancel_is_forwarded() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    world.receive(ALICE, &request_to("CANCEL", "sip:bob@203.0.113.1", ""));
    world.take();
    world.answer(&invite, BOB, 200);
    assert_eq!(world.take_summary(), ["200 INVITE → 198.51.100.1:5060"]);
}

#[test]
fn a_phone_that_ignores_the_cancel_does_not_hold_the_caller_for_ever() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    world.receive(ALICE, &request_to("CANCEL", "sip:bob@203.0.113.1", ""));
    world.advance(Duration::from_secs(33));
    assert!(
        world
            .take_summary()
            .contains(&"487 INVITE → 198.51.100.1:5060".to_owned())
    );
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}

#[test]
fn a_cancel_before_the_router_has_decided_is_answered_here() {
    let mut world = World::new(Slowly(
        |incoming: &Incoming| sip_proxy::Relay::new(open(), ForkPlan::unchanged(incoming)).into(),
        1,
    ));
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    world.receive(ALICE, &request_to("CANCEL", "sip:bob@203.0.113.1", ""));
    assert_eq!(
        world.take_summary(),
        [
            "200 CANCEL → 198.51.100.1:5060",
            "487 INVITE → 198.51.100.1:5060"
        ]
    );
    world.wake_backends();
    assert!(
        world.take_requests().is_empty(),
        "nothing is forwarded any more"
    );
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}

/// F-05: a stray CANCEL is never challenged, and never forwarded.
#[test]
fn a_cancel_that_matches_nothing_gets_481() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("CANCEL", "sip:bob@203.0.113.1", ""));
    assert_eq!(
        world.take_response().status(),
        StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST
    );
    world.assert_idle();
}

#[test]
fn a_cancel_after_the_final_response_changes_nothing() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 200);
    world.take();
    world.receive(ALICE, &request_to("CANCEL", "sip:bob@203.0.113.1", ""));
    assert!(world.take_requests().is_empty());
}

/// F-05
#[test]
fn a_call_that_was_cancelled_ends_in_487_whatever_one_branch_had_said() {
    let mut world = World::new(To(|| {
        ForkPlan::parallel([target("sip:bob@203.0.113.1"), target("sip:bob@203.0.113.2")])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let requests = world.take_requests();
    world.answer(&requests[0].0, BOB, 486);
    world.answer(&requests[1].0, BOB_MOBILE, 180);
    world.receive(ALICE, &request("CANCEL", ""));
    world.take();
    world.answer(&requests[1].0, BOB_MOBILE, 487);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.2:5060", "487 INVITE → 198.51.100.1:5060"]
    );
}
