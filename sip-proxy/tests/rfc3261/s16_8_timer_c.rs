//! RFC 3261 §16.8, Timer C.

use std::time::Duration;

use super::support::*;

#[test]
fn a_phone_that_rings_for_three_minutes_is_cancelled_and_the_caller_gets_408() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    world.advance(Duration::from_secs(180));
    world.take();
    world.advance(Duration::from_secs(1));
    let (cancel, to) = world.take_request();
    assert_eq!(
        (cancel.method().to_string().as_str(), to.remote()),
        ("CANCEL", address(BOB))
    );
    world.answer(&cancel, BOB, 200);
    world.answer(&invite, BOB, 487);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "408 INVITE → 198.51.100.1:5060"]
    );
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}

#[test]
fn each_provisional_response_but_100_starts_it_anew() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    for _ in 0..3 {
        world.advance(Duration::from_secs(120));
        world.answer(&invite, BOB, 183);
        assert!(world.take_requests().is_empty());
    }
    world.advance(Duration::from_secs(120));
    world.answer(&invite, BOB, 100);
    world.advance(Duration::from_secs(62));
    assert_eq!(
        world.take_summary().last().map(String::as_str),
        Some("CANCEL → 203.0.113.1:5060")
    );
}

#[test]
fn a_2xx_that_crosses_the_cancel_still_reaches_the_caller() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    world.advance(Duration::from_secs(182));
    world.take();
    world.answer(&invite, BOB, 200);
    assert_eq!(world.take_summary(), ["200 INVITE → 198.51.100.1:5060"]);
}

#[test]
fn a_cancelled_phone_that_says_nothing_more_is_a_408() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    world.advance(Duration::from_secs(182));
    world.take();
    world.advance(Duration::from_secs(33));
    assert!(
        world
            .take_summary()
            .contains(&"408 INVITE → 198.51.100.1:5060".to_owned())
    );
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}
