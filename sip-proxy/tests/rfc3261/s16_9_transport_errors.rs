//! RFC 3261 §16.9, handling transport errors, and the further addresses of §16.6 step 7.

use std::time::Duration;

use sip_core::StatusCode;

use super::support::*;

#[test]
fn a_request_that_could_not_be_sent_counts_as_503_and_so_becomes_500() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    world.take();
    world.fail_last_request();
    assert_eq!(
        world.take_response().status(),
        StatusCode::SERVER_INTERNAL_ERROR
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
