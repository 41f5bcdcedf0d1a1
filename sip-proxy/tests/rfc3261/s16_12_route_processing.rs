//! RFC 3261 §16.12, the examples of proxy route processing, this proxy being one of those in them.

use super::support::*;

/// §16.12.1.1, basic SIP trapezoid: P1's part.
#[test]
fn the_trapezoid() {
    let mut world = World::new(Onwards);
    world.receive(
        ALICE,
        &request_to("INVITE", "sip:callee@p2.example.com", ""),
    );
    let (invite, to) = world.take_requests().remove(0);
    assert_eq!(to.remote(), address("192.0.2.22:5060"));
    assert_eq!(record_routes(&invite), ["<sip:192.0.2.1:5060;lr>"]);

    let route = "Route: <sip:192.0.2.1:5060;lr>,<sip:p2.example.com;lr>\n";
    world.receive(ALICE, &in_dialog("BYE", "sip:callee@u2.domain.com", route));
    let (bye, to) = world.take_request();
    assert_eq!(bye.uri().to_string(), "sip:callee@u2.domain.com");
    assert_eq!(lines(&bye, "Route"), ["<sip:p2.example.com;lr>"]);
    assert_eq!(to.remote(), address("192.0.2.22:5060"));
}

/// §16.12.1.2, traversing a strict-routing proxy: P4's part.
#[test]
fn before_a_strict_router() {
    let mut world = World::new(Onwards);
    let routes = "Route: <sip:192.0.2.1;lr>\nRoute: <sip:192.0.2.3>\nRoute: <sip:p2.example.com;lr>\nRoute: <sip:p1.example.com;lr>\n";
    world.receive(BOB, &in_dialog("BYE", "sip:caller@u1.example.com", routes));
    let (bye, to) = world.take_request();
    assert_eq!(bye.uri().to_string(), "sip:192.0.2.3");
    assert_eq!(
        lines(&bye, "Route"),
        [
            "<sip:p2.example.com;lr>",
            "<sip:p1.example.com;lr>",
            "<sip:caller@u1.example.com>"
        ]
    );
    assert_eq!(to.remote(), address("192.0.2.3:5060"));
}

/// §16.12.1.2: P2's part.
#[test]
fn behind_a_strict_router() {
    let mut world = World::new(Onwards);
    let routes = "Route: <sip:192.0.2.11;lr>\nRoute: <sip:caller@u1.example.com>\n";
    world.receive(BOB, &in_dialog("BYE", "sip:proxy.example.com;lr", routes));
    let (bye, to) = world.take_request();
    assert_eq!(bye.uri().to_string(), "sip:caller@u1.example.com");
    assert_eq!(lines(&bye, "Route"), ["<sip:192.0.2.11;lr>"]);
    assert_eq!(to.remote(), address("192.0.2.11:5060"));
}

/// A whole call: every message passes this proxy, since it record-routed.
#[test]
fn a_call_from_invite_to_bye() {
    let mut world = World::new(To(|| {
        sip_proxy::ForkPlan::to(target("sip:bob@203.0.113.1"))
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer(&invite, BOB, 180);
    let answer = world.answer(&invite, BOB, 200);
    let route_set = lines(&invite, "Record-Route").remove(0);
    let tag = answer.to_tag().expect("Bob's tag").to_string();
    assert_eq!(
        world.take_summary(),
        [
            "180 INVITE → 198.51.100.1:5060",
            "200 INVITE → 198.51.100.1:5060"
        ]
    );

    let ack = in_dialog(
        "ACK",
        "sip:bob@203.0.113.1",
        &format!("Route: {route_set}\n"),
    )
    .replace("tag=b1", &format!("tag={tag}"));
    world.receive(ALICE, &ack.replace("CSeq: 2", "CSeq: 1"));
    assert_eq!(world.take_summary(), ["ACK → 203.0.113.1:5060"]);

    world.receive(
        ALICE,
        &in_dialog(
            "BYE",
            "sip:bob@203.0.113.1",
            &format!("Route: {route_set}\n"),
        ),
    );
    let (bye, to) = world.take_request();
    assert_eq!(to.remote(), address(BOB));
    world.answer(&bye, BOB, 200);
    assert_eq!(world.take_summary(), ["200 BYE → 198.51.100.1:5060"]);
    world.advance(std::time::Duration::from_secs(64));
    world.assert_idle();
}
