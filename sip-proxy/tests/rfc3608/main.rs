//! RFC 3608: the Service-Route a phone was given when it registered, as Routes of the requests it begins (§6.1, §6.4.2).

#[path = "../rfc3261/support.rs"]
#[allow(dead_code, reason = "shared with the tests of RFC 3261")]
mod support;

use sip_proxy::{ForkPlan, InDialog, Incoming, Relay};

use support::*;

/// Ours is taken off, and the request goes on to the next service proxy; it begins a dialog all the same, so that its
/// sender has to prove who it is.
#[test]
fn a_request_follows_its_service_route_and_is_no_request_along_a_dialog() {
    let mut world = World::new(By(|incoming: &Incoming| {
        assert_eq!(incoming.dialog, InDialog::No);
        let plan = ForkPlan::unchanged(incoming);
        Relay::new(open(), plan).into()
    }));
    let routes = "Route: <sip:192.0.2.1;lr>, <sip:p2.example.com;lr>\n";
    world.receive(ALICE, &request("INVITE", routes));
    let (invite, to) = world.take_requests().remove(0);
    assert_eq!(to.remote(), address("192.0.2.22:5060"));
    assert_eq!(lines(&invite, "Route"), ["<sip:p2.example.com;lr>"]);
    assert_eq!(invite.uri().to_string(), "sip:bob@example.com");
}

/// §6.4.2: the last service proxy is the one that knows the callee.
#[test]
fn where_the_service_route_ends_the_request_uri_says_where_it_goes() {
    let mut world = World::new(To(|| ForkPlan::to(target("sip:bob@203.0.113.1"))));
    world.receive(
        ALICE,
        &request("INVITE", "Route: <sip:proxy.example.com;lr>\n"),
    );
    let (invite, to) = world.take_requests().remove(0);
    assert_eq!(to.remote(), address(BOB));
    assert!(lines(&invite, "Route").is_empty());
}
