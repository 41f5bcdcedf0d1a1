//! RFC 4028 §8.1, processing of requests.

use sip_proxy::{ForkPlan, Incoming, Relay, SessionTimers};

use super::support::*;
use super::{BOB_URI, wanting};

/// Session-Expires and Min-SE as they are forwarded, where `headers` came in.
fn forwarded(world: &mut World, method: &str, headers: &str) -> (Vec<String>, Vec<String>) {
    world.receive(ALICE, &request_to(method, BOB_URI, headers));
    let (request, _) = world.take_requests().pop().expect("it is forwarded");
    (
        lines(&request, "Session-Expires"),
        lines(&request, "Min-SE"),
    )
}

fn none() -> Vec<String> {
    Vec::new()
}

fn one(value: &str) -> Vec<String> {
    vec![value.to_owned()]
}

/// "the proxy MAY reject the INVITE request with a 422 […] MUST include a Min-SE header field with the value of its
/// minimum interval."
#[test]
fn f90_a_caller_that_knows_timers_is_refused_too_short_a_session() {
    let mut world = wanting(1800, 120);
    let short = "Supported: 100rel, Timer\nSession-Expires: 119\n";
    world.receive(ALICE, &request_to("INVITE", BOB_URI, short));
    let response = world.take_response();
    assert_eq!(response.status().as_u16(), 422);
    assert_eq!(lines(&response, "Min-SE"), ["120"]);
}

/// "That minimum MUST NOT be lower than 90 seconds."
#[test]
fn f94_the_minimum_is_never_below_90() {
    let mut world = wanting(1800, 5);
    let short = "Supported: timer\nSession-Expires: 89\n";
    world.receive(ALICE, &request_to("INVITE", BOB_URI, short));
    assert_eq!(lines(&world.take_response(), "Min-SE"), ["90"]);
}

/// "the proxy MUST NOT increase the value", nor "insert or modify the value of the 'refresher' parameter".
#[test]
fn f90_what_is_long_enough_passes_as_it_came() {
    let mut world = wanting(1800, 120);
    let enough = "k: timer\nx: 120 ;refresher=uas\n";
    assert_eq!(
        forwarded(&mut world, "INVITE", enough),
        (one("120 ;refresher=uas"), none())
    );
}

/// "the proxy cannot usefully reject the request […] SHOULD insert a Min-SE header field […] MUST then increase the
/// Session-Expires header field value to be equal".
#[test]
fn f91_a_caller_that_knows_no_timers_has_its_session_lengthened() {
    let mut world = wanting(1800, 120);
    assert_eq!(
        forwarded(&mut world, "INVITE", "Session-Expires: 100;refresher=uac\n"),
        (one("120;refresher=uac"), one("120"))
    );
}

/// "the proxy SHOULD increase (but MUST NOT decrease) the value to its minimum interval."
#[test]
fn f91_a_min_se_is_raised_and_never_lowered() {
    let mut world = wanting(1800, 120);
    assert_eq!(
        forwarded(&mut world, "INVITE", "Session-Expires: 100\nMin-SE: 95\n"),
        (one("120"), one("120"))
    );
    let mut world = wanting(1800, 120);
    assert_eq!(
        forwarded(&mut world, "INVITE", "Session-Expires: 100\nMin-SE: 300\n"),
        (one("300"), one("300"))
    );
}

/// "If the value of the Session-Expires header field is lower than the value of the Min-SE header field […] the proxy
/// MUST increase the value of the Session-Expires header field to make it equal".
#[test]
fn an_interval_below_the_requests_own_minimum_is_raised_to_that() {
    let mut world = wanting(1800, 90);
    let odd = "Supported: timer\nSession-Expires: 100\nMin-SE: 200\n";
    assert_eq!(
        forwarded(&mut world, "INVITE", odd),
        (one("200"), one("200"))
    );
}

/// "A proxy MAY insert a Session-Expires header field […] not with a duration lower than the value in the Min-SE". "The
/// proxy MUST NOT include a refresher parameter".
#[test]
fn f92_without_a_timer_the_default_is_asked_for() {
    assert_eq!(
        forwarded(&mut wanting(1800, 90), "INVITE", ""),
        (one("1800"), none())
    );
    assert_eq!(
        forwarded(&mut wanting(1800, 120), "UPDATE", ""),
        (one("1800"), one("120"))
    );
    let patient = "Supported: timer\nMin-SE: 3600\n";
    assert_eq!(
        forwarded(&mut wanting(1800, 90), "INVITE", patient),
        (one("3600"), one("3600"))
    );
}

/// "A proxy MUST NOT insert a Min-SE header field or modify the value of an existing header field in a proxied request
/// if that request contains a Supported header field with the value 'timer'."
#[test]
fn f92_a_caller_that_knows_timers_keeps_its_min_se() {
    let mut world = wanting(1800, 120);
    assert_eq!(
        forwarded(&mut world, "INVITE", "Supported: timer\n"),
        (one("1800"), none())
    );
}

#[test]
fn f92_a_default_of_0_asks_for_nothing() {
    assert_eq!(
        forwarded(&mut wanting(0, 90), "INVITE", ""),
        (none(), none())
    );
}

/// "session refresh requests" are INVITE and UPDATE.
#[test]
fn other_requests_have_no_timer() {
    assert_eq!(
        forwarded(&mut wanting(1800, 90), "BYE", ""),
        (none(), none())
    );
}

#[test]
fn what_can_not_be_read_is_left_for_the_callee_to_refuse() {
    let broken = "Session-Expires: soon\n";
    assert_eq!(
        forwarded(&mut wanting(1800, 90), "INVITE", broken),
        (one("soon"), none())
    );
    let broken = "Min-SE: soon\n";
    assert_eq!(
        forwarded(&mut wanting(1800, 90), "INVITE", broken),
        (none(), one("soon"))
    );
}

/// §8: "Stateless proxies MUST NOT attempt to request session timers."
#[test]
fn a_stateless_proxy_asks_for_no_timer() {
    let mut world = World::new(By(|incoming: &Incoming| {
        let relay = Relay::new(open(), ForkPlan::unchanged(incoming)).statelessly();
        let relay = SessionTimers::new(1800, 90).apply(incoming, relay);
        relay.expect("it is forwarded").into()
    }));
    assert_eq!(forwarded(&mut world, "INVITE", ""), (none(), none()));
}
