//! RFC 5393 §4.2, loop detection.

use std::time::Duration;

use sip_core::{Message, Request};
use sip_proxy::{ForkPlan, Relay};

use crate::support::*;

/// Feeds the proxy what it sends to itself, until nothing more comes. Says how many requests it sent.
fn run_in_circles(world: &mut World) -> usize {
    let mut sent = 0;
    loop {
        let round = world.take();
        if round.is_empty() {
            return sent;
        }
        for message in round
            .into_iter()
            .filter(|sent| sent.to.remote() == address(PROXY))
        {
            sent += usize::from(is_invite(&message.message));
            assert!(sent < 1000, "the requests multiply");
            world.receive(PROXY, &text(&message.message));
        }
    }
}

fn is_invite(message: &Message) -> bool {
    matches!(message, Message::Request(request) if request.method().to_string() == "INVITE")
}

/// Three contacts that point back at the proxy, written so that they look different.
#[test]
fn contacts_that_lead_back_here_make_no_more_copies_than_there_are_of_them() {
    let mut world = World::new(By(|_: &_| {
        let contacts = [
            "sip:b%6fb@192.0.2.1;contact=1",
            "sip:bob@192.0.2.1:5060;contact=2",
            "sip:%62ob@192.0.2.1;contact=3",
        ];
        Relay::new(open(), ForkPlan::parallel(contacts.map(target))).into()
    }));
    world.receive(ALICE, &request_to("INVITE", "sip:bob@192.0.2.1", ""));
    assert_eq!(run_in_circles(&mut world), 3);
    world.advance(Duration::from_secs(64));
    run_in_circles(&mut world);
    world.assert_idle();
}

#[test]
fn another_instance_of_a_gruu_is_another_target() {
    let mut world = World::new(Onwards);
    world.receive(
        ALICE,
        &request_to("OPTIONS", "sip:bob@203.0.113.1;gr=one", ""),
    );
    let (mut spiral, _) = world.take_request();
    spiral.set_uri("sip:bob@203.0.113.1;gr=two".parse().expect("a URI"));
    world.receive(BOB, &text(&spiral.into()));
    world.take_request();
}

/// §4.2.1: "the second part MUST NOT vary with the request method".
#[test]
fn the_mark_is_the_same_for_invite_and_cancel() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let invite = world.take_requests().remove(0).0;
    world.answer(&invite, BOB, 180);
    world.receive(ALICE, &request_to("CANCEL", "sip:bob@203.0.113.1", ""));
    let cancel: Request = world.take_requests().remove(0).0;
    assert_eq!(cancel.method().to_string(), "CANCEL");
    assert_eq!(lines(&cancel, "Via")[0], lines(&invite, "Via")[0]);
}

/// §4.2.4: other elements' Vias need not look like ours.
#[test]
fn strange_vias_of_others_are_no_loop() {
    let mut world = World::new(Onwards);
    let strange = "Via: SIP/2.0/SCTP [2001:db8::9];a;b=\"c;d\"\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK.\n\
                   Via: SIP/2.0/UDP 192.0.2.1:5060\n";
    world.receive(
        ALICE,
        &request_to("OPTIONS", "sip:bob@203.0.113.1", strange),
    );
    world.take_request();
}
