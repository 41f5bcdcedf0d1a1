//! F-122: addresses that failed are passed over for a while.

use std::sync::Arc;
use std::time::Duration;

use sip_core::{Message, StatusCode, Transport};
use sip_proxy::{Blocklist, BlocklistSettings};

use super::support::*;

/// A world in which an INVITE for two.example.net has just met with `failure` at Bob's first address.
fn after(unavailable: bool, failure: impl FnOnce(&mut World)) -> (World, Arc<Blocklist>) {
    let blocklist = Arc::new(Blocklist::new(BlocklistSettings {
        unavailable,
        ..BlocklistSettings::default()
    }));
    let mut world = World::new(Onwards).with_blocklist(&blocklist);
    world.receive(ALICE, &call(1));
    failure(&mut world);
    world.take();
    (world, blocklist)
}

fn call(number: u32) -> String {
    request_to("INVITE", "sip:bob@two.example.net", "")
        .replace("INVITE-1", &format!("INVITE-{number}"))
}

/// Where the request that `world` receives goes.
fn goes_to(world: &mut World, request: &str) -> String {
    world.receive(ALICE, request);
    let (_, to) = world.take_requests().remove(0);
    to.remote().to_string()
}

#[test]
fn an_address_that_cannot_be_sent_to_is_passed_over_for_five_minutes() {
    let (mut world, _) = after(false, World::fail_last_request);
    assert_eq!(goes_to(&mut world, &call(2)), BOB_MOBILE);
    world.advance(Duration::from_secs(300));
    world.take();
    assert_eq!(goes_to(&mut world, &call(3)), BOB);
}

#[test]
fn an_invite_without_any_response_blocks_and_one_that_rang_does_not() {
    let (mut world, _) = after(false, |world| world.advance(Duration::from_secs(32)));
    assert_eq!(goes_to(&mut world, &call(2)), BOB_MOBILE);

    let (mut world, blocklist) = after(false, |world| {
        let (invite, _) = world.take_requests().remove(0);
        world.answer(&invite, BOB, 180);
        world.advance(Duration::from_secs(300));
    });
    assert!(blocklist.list(world.now()).is_empty());
    world.take();
    assert_eq!(goes_to(&mut world, &call(2)), BOB);
}

#[test]
fn a_503_blocks_for_as_long_as_it_says_where_that_is_wanted() {
    let unavailable = |world: &mut World| {
        let (invite, _) = world.take_requests().remove(0);
        world.answer_with(&invite, BOB, 503, "Retry-After: 60");
    };
    let (mut world, _) = after(true, unavailable);
    assert_eq!(goes_to(&mut world, &call(2)), BOB_MOBILE);
    world.advance(Duration::from_secs(60));
    world.take();
    assert_eq!(goes_to(&mut world, &call(3)), BOB);

    let (mut world, _) = after(false, unavailable);
    assert_eq!(goes_to(&mut world, &call(2)), BOB);
}

#[test]
fn a_bye_is_sent_all_the_same() {
    let (mut world, _) = after(false, World::fail_last_request);
    let bye = in_dialog("BYE", "sip:bob@203.0.113.1", "");
    assert_eq!(goes_to(&mut world, &bye), BOB);
}

#[test]
fn where_every_address_is_blocked_nothing_is_sent() {
    let (mut world, _) = after(false, World::fail_last_request);
    world.receive(
        ALICE,
        &request_to("INVITE", "sip:bob@203.0.113.1", "").replace("INVITE-1", "INVITE-2"),
    );
    let summary = world.take_summary();
    assert_eq!(
        summary.last().map(String::as_str),
        Some("500 INVITE → 198.51.100.1:5060")
    );
    assert_eq!(summary.len(), 2, "that, and 100 Trying");
}

#[test]
fn an_address_that_speaks_is_sent_to_again() {
    let (mut world, _) = after(false, World::fail_last_request);
    world.receive(BOB, &request_to("OPTIONS", "sip:alice@198.51.100.1", ""));
    world.take();
    assert_eq!(goes_to(&mut world, &call(2)), BOB);
}

#[test]
fn an_operator_blocks_and_unblocks_by_name() {
    let (mut world, blocklist) = after(false, |_| {});
    let hour = Duration::from_secs(3600);
    blocklist.block(world.now(), Transport::Udp, address(BOB), hour);
    assert_eq!(goes_to(&mut world, &call(2)), BOB_MOBILE);
    assert!(blocklist.unblock(Transport::Udp, address(BOB)));
    assert_eq!(goes_to(&mut world, &call(3)), BOB);
}

#[test]
fn too_many_look_ups_are_a_503_that_says_when_to_come_again() {
    let mut world = World::new(Onwards);
    world.receive(
        ALICE,
        &request_to("INVITE", "sip:bob@crowded.example.net", ""),
    );
    match world.take().pop().map(|sent| sent.message) {
        Some(Message::Response(response)) => {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(lines(&response, "Retry-After"), ["10"]);
        }
        other => panic!("{other:?}"),
    }
}
