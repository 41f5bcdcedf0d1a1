//! Forks whose branches go wrong in different ways, and what the caller hears of it (RFC 3261 §16.7).

use std::time::Duration;

use sip_core::{Request, Response};
use sip_proxy::{ForkPlan, Incoming, Relay};

use super::support::*;

const BOBS: [&str; 2] = ["sip:bob@203.0.113.1", "sip:bob@203.0.113.2"];

fn fork(targets: impl IntoIterator<Item = &'static str>) -> (World, Vec<Request>) {
    let targets: Vec<_> = targets.into_iter().collect();
    let mut world = World::new(To(move || {
        ForkPlan::parallel(targets.iter().copied().map(target))
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let invites = world.take_requests().into_iter();
    let invites = invites.map(|(invite, _)| invite).collect();
    (world, invites)
}

/// The last response Alice was sent.
fn heard(world: &mut World) -> Response {
    let sent = world.take().into_iter().rev();
    let mut responses = sent.filter_map(|sent| Response::try_from(sent.message).ok());
    responses.next().expect("a response")
}

#[test]
fn f14_401_and_407_become_one_answer_with_both_challenges() {
    let (mut world, invites) = fork(BOBS);
    let www = "WWW-Authenticate: Digest realm=\"bob\", nonce=\"1\"";
    let proxy = "Proxy-Authenticate: Digest realm=\"carol\", nonce=\"2\"";
    world.answer_with(&invites[0], BOB, 401, www);
    world.answer_with(&invites[1], BOB_MOBILE, 407, proxy);
    let response = heard(&mut world);
    assert_eq!(response.status().as_u16(), 401);
    assert_eq!(lines(&response, "WWW-Authenticate").len(), 1);
    assert_eq!(lines(&response, "Proxy-Authenticate").len(), 1);
}

#[test]
fn f14_302_goes_before_486() {
    let (mut world, invites) = fork(BOBS);
    world.answer(&invites[0], BOB, 486);
    world.answer_with(
        &invites[1],
        BOB_MOBILE,
        302,
        "Contact: <sip:bob@203.0.113.9>",
    );
    assert_eq!(heard(&mut world).status().as_u16(), 302);
}

#[test]
fn f14_486_goes_before_503() {
    let (mut world, invites) = fork(BOBS);
    world.answer(&invites[0], BOB, 503);
    world.answer(&invites[1], BOB_MOBILE, 486);
    assert_eq!(heard(&mut world).status().as_u16(), 486);
}

/// "it SHOULD NOT forward […] a 503": the others may still be asked.
#[test]
fn f14_503_alone_becomes_500() {
    let (mut world, invites) = fork(BOBS);
    world.answer(&invites[0], BOB, 503);
    world.answer(&invites[1], BOB_MOBILE, 503);
    assert_eq!(heard(&mut world).status().as_u16(), 500);
}

#[test]
fn f14_a_6xx_while_others_ring_stops_them_and_goes_before_everything() {
    let (mut world, invites) = fork(BOBS);
    world.answer(&invites[0], BOB, 180);
    world.take();
    world.answer(&invites[1], BOB_MOBILE, 600);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.2:5060", "CANCEL → 203.0.113.1:5060"]
    );
    world.answer(&invites[0], BOB, 487);
    assert_eq!(heard(&mut world).status().as_u16(), 600);
}

/// Whoever picked up in the same moment has the call.
#[test]
fn f14_a_200_that_crosses_the_cancel_of_a_6xx_goes_through() {
    let (mut world, invites) = fork(BOBS);
    world.answer(&invites[0], BOB, 180);
    world.answer(&invites[1], BOB_MOBILE, 603);
    world.take();
    world.answer(&invites[0], BOB, 200);
    assert_eq!(heard(&mut world).status().as_u16(), 200);
}

#[test]
fn a_branch_that_can_not_be_resolved_does_not_hold_up_the_others() {
    let (mut world, invites) = fork(["sip:bob@nowhere.invalid", "sip:bob@203.0.113.2"]);
    assert_eq!(invites.len(), 1);
    world.answer(&invites[0], BOB_MOBILE, 404);
    assert_eq!(heard(&mut world).status().as_u16(), 404, "and not 478");
}

#[test]
fn a_branch_whose_name_is_looked_up_for_ever_does_not_hold_up_an_answer() {
    let (mut world, invites) = fork(["sip:bob@slow.example.net", "sip:bob@203.0.113.2"]);
    world.answer(&invites[0], BOB_MOBILE, 200);
    assert_eq!(heard(&mut world).status().as_u16(), 200);
    world.advance(Duration::from_secs(64));
    assert!(world.take().is_empty(), "and nobody is called any more");
    world.assert_idle();
}

/// The copy that comes back is refused as a loop (RFC 5393), and the phone goes on ringing.
#[test]
fn a_branch_that_points_back_at_us_does_not_harm_the_others() {
    let back = ["sip:bob@192.0.2.1", "sip:bob@203.0.113.2"];
    let mut world = World::new(By(move |_: &Incoming| {
        Relay::new(open(), ForkPlan::parallel(back.map(target))).into()
    }));
    world.receive(ALICE, &request_to("INVITE", "sip:bob@192.0.2.1", ""));
    let invites = world.take_requests();
    let (looping, to) = &invites[0];
    assert_eq!(to.remote(), address(PROXY));
    let (phone, _) = &invites[1];
    world.answer(phone, BOB_MOBILE, 180);
    world.take();
    world.receive(PROXY, &text(&looping.clone().into()));
    let refused = world.take();
    assert_eq!(summary(&refused), ["482 INVITE → 192.0.2.1:5060"]);
    world.receive(PROXY, &text(&refused[0].message));
    assert_eq!(world.take_summary(), ["ACK → 192.0.2.1:5060"]);
    world.answer(phone, BOB_MOBILE, 200);
    assert_eq!(heard(&mut world).status().as_u16(), 200);
}

/// §14.1: both parties change the session at once. Each 491 finds its own sender.
#[test]
fn re_invites_that_cross_are_two_transactions_with_two_answers() {
    let mut world = World::new(Onwards);
    let route = "Route: <sip:192.0.2.1;lr>\n";
    world.receive(ALICE, &in_dialog("INVITE", "sip:bob@203.0.113.1", route));
    let (alices, _) = world.take_requests().remove(0);
    let theirs = in_dialog("INVITE", "sip:alice@198.51.100.1", route)
        .replace(
            "From: \"Alice\" <sip:alice@example.org>;tag=a1",
            "From: <sip:bob@example.com>;tag=b1",
        )
        .replace(
            "To: <sip:bob@example.com>;tag=b1",
            "To: <sip:alice@example.org>;tag=a1",
        )
        .replace(
            "198.51.100.1:5060;branch=z9hG4bK",
            "203.0.113.1:5060;branch=z9hG4bK-bob",
        );
    world.receive(BOB, &theirs);
    let (bobs, to) = world.take_requests().remove(0);
    assert_eq!(to.remote(), address(ALICE));
    world.answer(&alices, BOB, 491);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "491 INVITE → 198.51.100.1:5060"]
    );
    world.answer(&bobs, ALICE, 491);
    assert_eq!(
        world.take_summary(),
        ["ACK → 198.51.100.1:5060", "491 INVITE → 203.0.113.1:5060"]
    );
}
