//! RFC 3261 §16.9, handling transport errors, and the further addresses of §16.6 step 7.

use std::time::Duration;

use sip_proxy::ForkPlan;

use super::support::*;

/// F-12: a 503 would say that this proxy can serve nobody, so that the RFC makes it 500; 477 says what it was.
#[test]
fn a_request_that_could_not_be_sent_is_477() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    world.take();
    world.fail_last_request();
    assert_eq!(world.take_response().status().as_u16(), 477);
}

/// "the proxy MUST behave as if the forwarded request received a 503": anything a phone has said is better.
#[test]
fn what_could_not_be_sent_counts_as_503_among_other_branches() {
    let mut world = World::new(To(|| {
        ForkPlan::parallel([target("sip:bob@203.0.113.1"), target("sip:bob@203.0.113.2")])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let invites = world.take_requests();
    world.fail_last_request();
    world.answer(&invites[0].0, BOB, 404);
    assert!(
        world
            .take_summary()
            .contains(&"404 INVITE → 198.51.100.1:5060".to_owned())
    );
}

/// F-121
#[test]
fn the_next_address_is_tried_after_a_failure_to_send() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@two.example.net", ""));
    let (first, to) = world.take_requests().remove(0);
    assert_eq!(to.remote(), address(BOB));
    world.fail_last_request();
    let (second, to) = world.take_request();
    assert_eq!(to.remote(), address(BOB_MOBILE));
    assert_ne!(
        lines(&first, "Via")[0],
        lines(&second, "Via")[0],
        "each attempt is a branch of its own"
    );
    assert_eq!(
        lines(&first, "Max-Forwards"),
        lines(&second, "Max-Forwards")
    );
    world.answer(&second, BOB_MOBILE, 200);
    assert_eq!(world.take_summary(), ["200 INVITE → 198.51.100.1:5060"]);
}

/// F-121
#[test]
fn the_next_address_is_tried_after_a_503_and_after_silence() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@two.example.net", ""));
    let (first, _) = world.take_requests().remove(0);
    world.answer(&first, BOB, 503);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "INVITE → 203.0.113.2:5060"]
    );

    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@two.example.net", ""));
    world.advance(Duration::from_secs(32));
    assert_eq!(
        world.take_summary().last().map(String::as_str),
        Some("INVITE → 203.0.113.2:5060")
    );
    world.advance(Duration::from_secs(33));
    assert_eq!(
        world.take_summary().last().map(String::as_str),
        Some("408 INVITE → 198.51.100.1:5060")
    );
}

#[test]
fn a_response_that_could_not_be_sent_cancels_nothing() {
    let mut world = World::new(Onwards);
    world.receive_on(tcp(ALICE), &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    world.take();
    world.fail_flow(tcp(ALICE));
    assert!(world.take().is_empty());
    world.answer(&invite, BOB, 486);
    assert_eq!(
        world.take_summary().len(),
        2,
        "ACK, and what nobody will hear"
    );
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}
