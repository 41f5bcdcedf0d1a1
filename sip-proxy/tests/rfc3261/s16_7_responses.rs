//! RFC 3261 §16.7, response processing.

use std::time::Duration;

use sip_core::{Request, StatusCode};
use sip_proxy::ForkPlan;

use super::support::*;

/// Alice's INVITE rings at two phones.
fn forked() -> (World, Request, Request) {
    let mut world = World::new(To(|| {
        ForkPlan::parallel([target("sip:bob@203.0.113.1"), target("sip:bob@203.0.113.2")])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let mut requests = world.take_requests();
    let (mobile, _) = requests.remove(1);
    let (desk, _) = requests.remove(0);
    (world, desk, mobile)
}

/// The final response Alice gets: one, however often it is sent again until her ACK.
#[track_caller]
fn response_to_alice(world: &mut World) -> sip_core::Response {
    let to_alice = world
        .take()
        .into_iter()
        .filter(|sent| sent.to.remote() == address(ALICE));
    let mut responses: Vec<_> = to_alice
        .filter_map(|sent| sip_core::Response::try_from(sent.message).ok())
        .collect();
    let first = responses.remove(0);
    assert!(
        responses
            .iter()
            .all(|again| again.to_bytes() == first.to_bytes()),
        "{responses:#?}"
    );
    first
}

#[test]
fn step_3_our_via_is_removed_and_the_others_stay() {
    let (mut world, first, _) = forked();
    world.answer(&first, BOB, 180);
    let ringing = response_to_alice(&mut world);
    let vias = lines(&ringing, "Via");
    assert_eq!(vias.len(), 1);
    assert!(
        vias[0].starts_with("SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK-INVITE-1;"),
        "{vias:?}"
    );
}

/// It "was meant for this element and MUST NOT be forwarded"; that the branch is over is true all the same.
#[test]
fn step_3_a_final_response_with_no_via_but_ours_ends_its_branch_and_goes_no_further() {
    for status in [200, 302, 503, 603] {
        let (mut world, first, second) = forked();
        world.answer(&first, BOB, 180);
        world.answer(&second, BOB_MOBILE, 486);
        world.take();
        let mut alone = response(&first, BOB, status, "");
        while alone.headers().count(&sip_core::HeaderName::Via) > 1 {
            alone.headers_mut().remove_member::<sip_core::Via>(1);
        }
        world.receive(BOB, &text(&alone.into()));
        assert_eq!(
            response_to_alice(&mut world).status(),
            StatusCode::BUSY_HERE
        );
        world.advance(Duration::from_secs(400));
        world.assert_idle();
    }
}

#[test]
fn step_5_provisional_responses_but_100_are_forwarded_at_once() {
    let (mut world, first, second) = forked();
    world.answer(&first, BOB, 100);
    assert!(world.take().is_empty());
    world.answer(&first, BOB, 180);
    assert_eq!(response_to_alice(&mut world).status(), StatusCode::RINGING);
    world.answer(&second, BOB_MOBILE, 183);
    assert_eq!(response_to_alice(&mut world).status().as_u16(), 183);
}

#[test]
fn step_5_the_to_tag_of_each_phone_stays() {
    let (mut world, first, second) = forked();
    world.answer(&first, BOB, 180);
    let one = response_to_alice(&mut world).to_tag();
    world.answer(&second, BOB_MOBILE, 180);
    let other = response_to_alice(&mut world).to_tag();
    assert!(one.is_some() && other.is_some() && one != other);
}

/// Both phones ring, one answers, the other one is cancelled.
#[test]
fn step_10_when_one_answers_the_other_is_cancelled() {
    let (mut world, first, second) = forked();
    world.answer(&first, BOB, 180);
    world.answer(&second, BOB_MOBILE, 180);
    world.take();
    world.answer(&first, BOB, 200);
    assert_eq!(
        world.take_summary(),
        [
            "200 INVITE → 198.51.100.1:5060",
            "CANCEL → 203.0.113.2:5060"
        ]
    );
    world.answer(&second, BOB_MOBILE, 487);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.2:5060"],
        "the 487 goes no further"
    );
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}

#[test]
fn step_10_a_branch_that_said_nothing_is_cancelled_when_it_rings() {
    let (mut world, first, second) = forked();
    world.answer(&first, BOB, 200);
    assert_eq!(world.take_summary(), ["200 INVITE → 198.51.100.1:5060"]);
    world.answer(&second, BOB_MOBILE, 180);
    assert_eq!(
        world.take_summary(),
        ["CANCEL → 203.0.113.2:5060"],
        "and the 180 is not forwarded any more"
    );
}

#[test]
fn step_5_every_2xx_is_forwarded_and_repeated_ones_too() {
    let (mut world, first, second) = forked();
    world.answer(&first, BOB, 200);
    world.answer(&second, BOB_MOBILE, 200);
    world.answer(&first, BOB, 200);
    let (one, other) = (
        "200 INVITE → 198.51.100.1:5060",
        "200 INVITE → 198.51.100.1:5060",
    );
    assert_eq!(world.take_summary(), [one, other, one]);
}

#[test]
fn step_5_a_2xx_on_one_branch_wins_over_a_failure_on_another() {
    let (mut world, first, second) = forked();
    world.answer(&first, BOB, 486);
    assert_eq!(world.take_summary(), ["ACK → 203.0.113.1:5060"]);
    world.answer(&second, BOB_MOBILE, 200);
    assert_eq!(response_to_alice(&mut world).status(), StatusCode::OK);
}

#[test]
fn step_5_a_request_other_than_invite_gets_one_final_response() {
    let mut world = World::new(To(|| {
        ForkPlan::parallel([target("sip:bob@203.0.113.1"), target("sip:bob@203.0.113.2")])
    }));
    world.receive(ALICE, &request("MESSAGE", ""));
    let requests = world.take_requests();
    world.answer(&requests[0].0, BOB, 200);
    assert_eq!(world.take_summary(), ["200 MESSAGE → 198.51.100.1:5060"]);
    world.answer(&requests[1].0, BOB_MOBILE, 200);
    assert!(world.take().is_empty());
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}

#[test]
fn step_5_a_6xx_cancels_the_others_and_goes_upstream_when_they_are_done() {
    let (mut world, first, second) = forked();
    world.answer(&second, BOB_MOBILE, 180);
    world.take();
    world.answer(&first, BOB, 603);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "CANCEL → 203.0.113.2:5060"]
    );
    world.answer(&second, BOB_MOBILE, 487);
    assert_eq!(response_to_alice(&mut world).status().as_u16(), 603);
}

#[test]
fn step_5_after_a_6xx_there_are_no_new_branches() {
    let mut world = World::new(To(|| {
        ForkPlan::serial([target("sip:bob@203.0.113.1"), target("sip:bob@203.0.113.2")])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let (first, _) = world.take_requests().remove(0);
    world.answer(&first, BOB, 600);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "600 INVITE → 198.51.100.1:5060"]
    );
}

/// The final response Alice gets when both phones fail.
fn best_of(first_status: u16, second_status: u16) -> u16 {
    let (mut world, first, second) = forked();
    world.answer(&first, BOB, first_status);
    world.answer(&second, BOB_MOBILE, second_status);
    response_to_alice(&mut world).status().as_u16()
}

#[test]
fn step_6_busy_is_forwarded() {
    assert_eq!(best_of(486, 486), 486);
}

/// F-14
#[test]
fn step_6_the_best_response_is_of_the_lowest_class_and_6xx_above_all() {
    for (one, other, best) in [
        (486, 603, 603),
        (302, 486, 302),
        (500, 404, 404),
        (404, 407, 407),
        (486, 401, 401),
        (480, 415, 415),
        (480, 420, 420),
        (480, 484, 484),
        (404, 486, 404),
        (501, 503, 501),
    ] {
        assert_eq!(best_of(one, other), best);
        if one / 100 != other / 100 || best != one {
            assert_eq!(best_of(other, one), best);
        }
    }
}

/// F-14
#[test]
fn step_6_a_503_that_wins_becomes_500() {
    assert_eq!(best_of(503, 503), 500);
}

/// F-14
#[test]
fn step_6_nobody_answering_is_408() {
    let (mut world, ..) = forked();
    world.advance(Duration::from_secs(33));
    assert_eq!(
        response_to_alice(&mut world).status(),
        StatusCode::REQUEST_TIMEOUT
    );
    world.advance(Duration::from_secs(33));
    world.assert_idle();
}

#[test]
fn step_6_what_somebody_said_goes_before_silence() {
    let (mut world, first, _) = forked();
    world.answer(&first, BOB, 486);
    world.advance(Duration::from_secs(33));
    assert_eq!(
        response_to_alice(&mut world).status(),
        StatusCode::BUSY_HERE
    );
}

/// F-14, RFC 4320 §4.2
#[test]
fn step_6_a_request_other_than_invite_gets_no_408() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("MESSAGE", "sip:bob@203.0.113.1", ""));
    world.advance(Duration::from_secs(64));
    assert!(
        world
            .take_summary()
            .iter()
            .all(|line| !line.starts_with("408"))
    );
    world.assert_idle();
}

/// F-14
#[test]
fn step_7_the_challenges_of_all_branches_are_merged() {
    let (mut world, first, second) = forked();
    let digest = |realm: &str| format!("Digest realm=\"{realm}\", nonce=\"n,1\"");
    world.answer_with(
        &first,
        BOB,
        407,
        &format!("Proxy-Authenticate: {}", digest("one")),
    );
    world.answer_with(
        &second,
        BOB_MOBILE,
        401,
        &format!(
            "WWW-Authenticate: {}\nWWW-Authenticate: {}",
            digest("two"),
            digest("three")
        ),
    );
    let response = response_to_alice(&mut world);
    assert_eq!(response.status().as_u16(), 407);
    assert_eq!(lines(&response, "Proxy-Authenticate"), [digest("one")]);
    assert_eq!(
        lines(&response, "WWW-Authenticate"),
        [digest("two"), digest("three")]
    );
}

#[test]
fn step_9_the_body_is_not_touched() {
    let (mut world, first, _) = forked();
    let answer = response(&first, BOB, 200, "Content-Type: application/sdp");
    let answer =
        text(&answer.into()).replace("Content-Length: 0", "Content-Length: 8") + "v=0\no=-\n";
    world.receive(
        BOB,
        &answer.replace("Content-Length: 8", "Content-Length: 10"),
    );
    assert_eq!(&response_to_alice(&mut world).body()[..], b"v=0\r\no=-\r\n");
}

/// RFC 6026 §7.3
#[test]
fn a_stray_response_is_dropped() {
    let (mut world, first, _) = forked();
    let mut stray = response(&first, BOB, 200, "");
    let via = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-unknown";
    stray.headers_mut().pop_front::<sip_core::Via>();
    let text = text(&stray.into()).replacen("Via:", &format!("Via: {via}\nVia:"), 1);
    world.receive(BOB, &text);
    assert!(world.take().is_empty());
}

#[test]
fn a_response_context_lasts_as_long_as_its_transactions() {
    let (mut world, first, second) = forked();
    world.answer(&first, BOB, 200);
    world.advance(Duration::from_secs(31));
    world.take();
    world.answer(&second, BOB_MOBILE, 200);
    assert_eq!(
        world.take_summary(),
        ["200 INVITE → 198.51.100.1:5060"],
        "a late 2xx"
    );
    world.advance(Duration::from_secs(64));
    world.assert_idle();
}
