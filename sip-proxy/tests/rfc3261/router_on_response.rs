//! What a router may do to responses that pass upstream, and that they keep their order meanwhile.

use std::task::Poll;
use std::time::Duration;

use sip_core::{HeaderName, Response, Text};
use sip_proxy::{Decision, ForkPlan, Incoming, Passing, Relay, Router};

use super::support::*;

/// Writes its name into every response, after it was woken so many times.
struct Signing(usize);

#[async_trait::async_trait]
impl Router for Signing {
    async fn route(&self, incoming: &Incoming) -> Decision {
        Relay::new(open(), ForkPlan::unchanged(incoming))
            .ask_on_response()
            .into()
    }

    async fn passing(&self, passing: Passing) -> Response {
        let mut polls = 0;
        std::future::poll_fn(|_| {
            polls += 1;
            match polls > self.0 {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        let from = passing
            .flow
            .map_or("us".to_owned(), |flow| flow.remote.to_string());
        let mut response = passing.response;
        let seen = Text::new(from).expect("an address");
        response.headers_mut().push_raw(HeaderName::Server, &seen);
        response
    }
}

fn ringing(world: &mut World) -> sip_core::Request {
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    world.take_requests().remove(0).0
}

#[test]
fn the_router_sees_each_response_and_where_it_came_from() {
    let mut world = World::new(Signing(0));
    let invite = ringing(&mut world);
    world.answer(&invite, BOB, 180);
    assert_eq!(lines(&world.take_response(), "Server"), [BOB]);
    world.answer(&invite, BOB, 200);
    assert_eq!(lines(&world.take_response(), "Server"), [BOB]);
}

#[test]
fn the_router_sees_the_best_of_failures_and_our_own_answers() {
    let mut world = World::new(Signing(0));
    ringing(&mut world);
    world.fail_last_request();
    let response = world.take_response();
    assert_eq!(response.status().as_u16(), 477);
    assert_eq!(lines(&response, "Server"), ["us"]);
}

#[test]
fn responses_do_not_overtake_each_other_while_the_router_waits() {
    let mut world = World::new(Signing(2));
    let invite = ringing(&mut world);
    world.answer(&invite, BOB, 180);
    world.answer(&invite, BOB, 200);
    assert!(world.take().is_empty(), "both wait");
    for _ in 0..4 {
        world.wake_backends();
    }
    assert_eq!(
        world.take_summary(),
        [
            "180 INVITE → 198.51.100.1:5060",
            "200 INVITE → 198.51.100.1:5060"
        ]
    );
}

#[test]
fn a_router_that_takes_too_long_does_not_hold_an_answer_back() {
    let mut world = World::new(Signing(usize::MAX));
    let invite = ringing(&mut world);
    world.answer(&invite, BOB, 200);
    world.advance(Duration::from_millis(1799));
    assert!(world.take().is_empty());
    world.advance(Duration::from_millis(1));
    let response = world.take_response();
    assert_eq!(response.status().as_u16(), 200);
    assert!(lines(&response, "Server").is_empty());
}

#[test]
fn a_cancel_is_too_late_once_an_answer_waits_for_the_router() {
    let mut world = World::new(Signing(1));
    let invite = ringing(&mut world);
    world.answer(&invite, BOB, 200);
    world.receive(ALICE, &request_to("CANCEL", "sip:bob@203.0.113.1", ""));
    assert_eq!(world.take_summary(), ["200 CANCEL → 198.51.100.1:5060"]);
    world.wake_backends();
    assert_eq!(world.take_summary(), ["200 INVITE → 198.51.100.1:5060"]);
    world.advance(Duration::from_secs(200));
    world.take();
    world.assert_idle();
}

#[test]
fn a_flood_of_responses_that_wait_for_the_router_is_cut_and_the_answer_is_not() {
    let mut world = World::new(Signing(1));
    let invite = ringing(&mut world);
    for _ in 0..1000 {
        world.answer(&invite, BOB, 180);
    }
    for _ in 0..1000 {
        world.answer(&invite, BOB, 200);
    }
    for _ in 0..100 {
        world.wake_backends();
    }
    let sent = world.take_summary();
    assert_eq!(sent.len(), 32);
    assert_eq!(sent[16], "200 INVITE → 198.51.100.1:5060");
}
