//! RFC 3261 §16.3, request validation.

use sip_core::OptionTag;

use super::support::*;

#[test]
fn a_request_without_max_forwards_passes() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("OPTIONS", "sip:bob@203.0.113.1", ""));
    world.take_request();
}

/// F-01
#[test]
fn max_forwards_0_gets_483() {
    let mut world = World::new(Onwards);
    for method in ["INVITE", "OPTIONS", "BYE", "REGISTER"] {
        world.receive(ALICE, &request(method, "Max-Forwards: 0\n"));
        let response = world.take_response();
        assert_eq!(response.status().as_u16(), 483);
        assert!(
            response.to_tag().is_some(),
            "an answer of our own has a To tag (§8.2.6.2)"
        );
    }
    world.assert_idle();
}

/// F-01
#[test]
fn an_ack_with_max_forwards_0_is_dropped_in_silence() {
    let mut world = World::new(Onwards);
    world.receive(
        ALICE,
        &in_dialog("ACK", "sip:bob@203.0.113.1", "Max-Forwards: 0\n"),
    );
    assert!(world.take().is_empty());
    world.assert_idle();
}

/// F-02
#[test]
fn a_max_forwards_that_is_no_number_gets_400() {
    let mut world = World::new(Onwards);
    for value in ["many", "-1", "256", "1 2", ""] {
        world.receive(
            ALICE,
            &request("OPTIONS", &format!("Max-Forwards: {value}\n")),
        );
        assert_eq!(world.take_response().status().as_u16(), 400, "{value:?}");
    }
}

/// It is read to find the next hop; what can't be read must not be taken for no Route at all.
#[test]
fn a_route_that_cannot_be_read_gets_400() {
    let mut world = World::new(Onwards);
    for lines in [
        "Route: sip:203.0.113.2;lr\n",
        "Route: <sip:203.0.113.2;lr>, <\n",
    ] {
        world.receive(ALICE, &request_to("OPTIONS", "sip:bob@203.0.113.1", lines));
        assert_eq!(world.take_response().status().as_u16(), 400, "{lines}");
    }
}

#[test]
fn an_unknown_uri_scheme_gets_416() {
    let mut world = World::new(Onwards);
    world.receive(
        ALICE,
        &request_to("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent", ""),
    );
    assert_eq!(world.take_response().status().as_u16(), 416);
}

/// F-07
#[test]
fn proxy_require_gets_420_with_the_tags_that_are_not_understood() {
    let mut world = World::configured(Onwards, |config| {
        config.extensions = vec![OptionTag::new("sec-agree").expect("a token")];
    });
    world.receive(
        ALICE,
        &request(
            "INVITE",
            "Proxy-Require: foo, Sec-Agree\nProxy-Require: bar\n",
        ),
    );
    let response = world.take_response();
    assert_eq!(response.status().as_u16(), 420);
    assert_eq!(lines(&response, "Unsupported"), ["foo, bar"]);
}

#[test]
fn proxy_require_that_is_understood_passes() {
    let mut world = World::configured(Onwards, |config| {
        config.extensions = vec![OptionTag::new("sec-agree").expect("a token")];
    });
    world.receive(
        ALICE,
        &request_to(
            "OPTIONS",
            "sip:bob@203.0.113.1",
            "Proxy-Require: sec-agree\n",
        ),
    );
    world.take_request();
}

#[test]
fn unknown_methods_and_headers_and_a_broken_date_are_no_reason_to_refuse() {
    let mut world = World::new(Onwards);
    world.receive(
        ALICE,
        &request_to(
            "HELLO",
            "sip:bob@203.0.113.1",
            "Date: yesterday\nX-New: \"\n",
        ),
    );
    let (forwarded, _) = world.take_request();
    assert_eq!(forwarded.method().to_string(), "HELLO");
    assert_eq!(lines(&forwarded, "Date"), ["yesterday"]);
    assert_eq!(lines(&forwarded, "X-New"), ["\""]);
}

/// F-07
#[test]
fn a_request_that_comes_back_unchanged_has_looped() {
    let mut world = World::new(By(|_: &_| {
        sip_proxy::Relay::new(open(), sip_proxy::ForkPlan::to(target("sip:bob@192.0.2.1"))).into()
    }));
    world.receive(ALICE, &request_to("OPTIONS", "sip:bob@192.0.2.1", ""));
    let (looped, to) = world.take_request();
    assert_eq!(
        to.remote(),
        address(PROXY),
        "the target is this proxy itself"
    );
    world.receive(PROXY, &text(&looped.into()));
    // 482 to ourselves, which ends the branch.
    assert_eq!(world.take_summary(), ["482 OPTIONS → 192.0.2.1:5060"]);
}

#[test]
fn a_request_that_comes_back_for_another_target_spirals() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("OPTIONS", "sip:bob@203.0.113.1", ""));
    let (mut spiral, _) = world.take_request();
    spiral.set_uri("sip:bob@203.0.113.2".parse().expect("a URI"));
    world.receive(BOB, &text(&spiral.into()));
    let (forwarded, to) = world.take_request();
    assert_eq!(to.remote(), address(BOB_MOBILE));
    assert_eq!(lines(&forwarded, "Via").len(), 3);
}
