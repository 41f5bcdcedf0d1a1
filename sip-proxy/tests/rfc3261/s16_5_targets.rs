//! RFC 3261 §16.5, determining request targets, and their order of §16.6.

use std::time::Duration;

use sip_core::StatusCode;
use sip_proxy::{ForkPlan, Incoming};

use super::support::*;

fn requests_to(world: &mut World) -> Vec<String> {
    world
        .take_requests()
        .into_iter()
        .map(|(_, to)| to.remote().to_string())
        .collect()
}

#[test]
fn a_target_is_in_the_set_once_only() {
    let mut world = World::new(To(|| {
        ForkPlan::parallel([
            target("sip:bob@203.0.113.1;transport=udp"),
            target("sip:bob@203.0.113.1;Transport=UDP"),
            target("sip:b%6fb@203.0.113.1;transport=udp"),
            target("sip:bob@203.0.113.2"),
        ])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    assert_eq!(requests_to(&mut world), [BOB, BOB_MOBILE]);
}

/// F-65
#[test]
fn there_are_no_more_branches_than_configured() {
    let many =
        || ForkPlan::parallel((1..=20).map(|phone| target(&format!("sip:bob@203.0.113.{phone}"))));
    let mut world = World::new(To(many));
    world.receive(ALICE, &request("INVITE", ""));
    assert_eq!(requests_to(&mut world).len(), 12);
}

/// F-65
#[test]
fn parallel_targets_are_ordered_by_q() {
    let mut world = World::new(To(|| {
        ForkPlan::parallel([
            target("sip:bob@203.0.113.1").q(200),
            target("sip:bob@203.0.113.2").q(900),
        ])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    assert_eq!(requests_to(&mut world), [BOB_MOBILE, BOB]);
}

#[test]
fn serial_groups_of_equal_q_wait_for_those_before() {
    let mut world = World::new(To(|| {
        ForkPlan::serial_by_q([
            target("sip:bob@203.0.113.3").q(100),
            target("sip:bob@203.0.113.1").q(900),
            target("sip:bob@203.0.113.2").q(900),
        ])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let first = world.take_requests();
    assert_eq!(first.len(), 2);
    world.answer(&first[0].0, BOB, 486);
    assert!(
        requests_to(&mut world).iter().all(|to| to == BOB),
        "only the ACK: one of the group still rings"
    );
    world.answer(&first[1].0, BOB_MOBILE, 480);
    assert_eq!(
        requests_to(&mut world),
        [BOB_MOBILE, BOB_DESK],
        "ACK, and the next group's INVITE"
    );
}

#[test]
fn whoever_does_not_answer_makes_room_for_the_next() {
    let mut world = World::new(By(|_: &Incoming| {
        let plan = ForkPlan::serial([target("sip:bob@203.0.113.1"), target("sip:bob@203.0.113.2")]);
        sip_proxy::Relay::new(open(), plan)
            .ring_at_most(Duration::from_secs(20))
            .into()
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let (first, _) = world.take_request();
    world.answer(&first, BOB, 180);
    world.advance(Duration::from_secs(19));
    world.take();
    world.advance(Duration::from_secs(1));
    let (cancel, _) = world.take_request();
    assert_eq!(cancel.method().to_string(), "CANCEL");
    world.answer(&cancel, BOB, 200);
    world.answer(&first, BOB, 487);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "INVITE → 203.0.113.2:5060"]
    );
}

#[test]
fn an_empty_target_set_is_480() {
    let mut world = World::new(To(|| ForkPlan::parallel([])));
    world.receive(ALICE, &request("INVITE", ""));
    assert_eq!(
        world.take_response().status(),
        StatusCode::TEMPORARILY_UNAVAILABLE
    );
}

/// Two phones at home and in the office, each 192.168.0.2 behind a NAT of its own.
#[test]
fn one_uri_at_two_places_is_two_targets() {
    let mut world = World::new(To(|| {
        let private = || target("sip:bob@192.168.0.2");
        ForkPlan::parallel([
            private().received(udp(BOB)),
            private().received(udp(BOB_MOBILE)),
            private().received(udp(BOB)),
        ])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    assert_eq!(requests_to(&mut world), [BOB, BOB_MOBILE]);
}
