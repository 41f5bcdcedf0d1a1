//! RFC 3261 §16.4, route information preprocessing.

use sip_core::{Host, StatusCode, Transport};
use sip_proxy::{Admission, Decision, ForkPlan, Incoming, OwnAddress, Relay, Router};

use super::support::*;

/// Relays within dialogs only.
fn dialogs_only(incoming: &Incoming) -> Decision {
    match Admission::in_dialog(incoming) {
        Some(admission) => Relay::new(admission, ForkPlan::unchanged(incoming)).into(),
        None => incoming
            .reply(StatusCode::PROXY_AUTHENTICATION_REQUIRED)
            .into(),
    }
}

#[test]
fn a_request_uri_of_our_record_route_is_replaced_by_the_last_route() {
    let mut world = World::new(By(dialogs_only));
    let lines_ = "Route: <sip:p1.example.org:5062;lr>\nRoute: <sip:192.0.2.22;lr>, <sip:alice@203.0.113.1>\n";
    world.receive(
        ALICE,
        &in_dialog(
            "BYE",
            &proved("sip:192.0.2.1:5060;lr"),
            &lines_.replace("p1.example.org", "192.0.2.9"),
        ),
    );
    let (bye, to) = world.take_request();
    assert_eq!(bye.uri().to_string(), "sip:alice@203.0.113.1");
    assert_eq!(
        lines(&bye, "Route"),
        ["<sip:192.0.2.9:5062;lr>", "<sip:192.0.2.22;lr>"]
    );
    assert_eq!(to.remote(), address("192.0.2.9:5062"));
}

#[test]
fn our_own_uri_without_a_route_is_a_request_for_us() {
    let mut world = World::new(By(|incoming: &Incoming| {
        assert_eq!(incoming.request.uri().to_string(), "sip:192.0.2.1");
        incoming.reply(StatusCode::OK).into()
    }));
    world.receive(ALICE, &request_to("OPTIONS", "sip:192.0.2.1", ""));
    assert_eq!(world.take_response().status(), StatusCode::OK);
}

#[test]
fn an_own_maddr_is_stripped_with_port_and_transport() {
    let mut world = World::new(By(|incoming: &Incoming| {
        assert_eq!(
            incoming.request.uri().to_string(),
            "sip:bob@example.com;user=phone"
        );
        incoming.reply(StatusCode::OK).into()
    }));
    let uri = "sip:bob@example.com:5060;transport=udp;maddr=192.0.2.1;user=phone";
    world.receive(ALICE, &request_to("OPTIONS", uri, ""));
    assert_eq!(world.take_response().status(), StatusCode::OK);
}

#[test]
fn an_own_maddr_with_another_transport_than_it_came_by_is_forwarded_as_it_says() {
    let mut world = World::new(Onwards);
    let uri = "sip:bob@example.com;transport=tcp;maddr=192.0.2.1";
    world.receive(ALICE, &request_to("OPTIONS", uri, ""));
    let (forwarded, to) = world.take_request();
    assert_eq!(forwarded.uri().to_string(), uri);
    assert_eq!(
        (to.transport(), to.remote()),
        (sip_core::Transport::Tcp, address(PROXY))
    );
}

/// F-20
#[test]
fn the_first_route_is_removed_if_it_indicates_this_proxy() {
    for own in [
        "sip:192.0.2.1;lr",
        "sip:192.0.2.1:5060;lr",
        "sip:192.0.2.1:5060;transport=tcp;r2=on;lr",
        "sip:proxy.example.com;lr",
        "sip:PROXY.example.com:5060;lr",
        "sip:cookie@192.0.2.1;lr=on",
    ] {
        let mut world = World::new(By(dialogs_only));
        let route = format!("Route: <{}>,<sip:203.0.113.3;lr>\n", proved(own));
        world.receive(ALICE, &in_dialog("BYE", "sip:bob@203.0.113.1", &route));
        let (bye, to) = world.take_request();
        assert_eq!(lines(&bye, "Route"), ["<sip:203.0.113.3;lr>"], "{own}");
        assert_eq!(to.remote(), address(BOB_DESK));
    }
}

#[test]
fn a_route_of_somebody_else_stays() {
    for foreign in ["sip:192.0.2.1:5070;lr", "sip:192.0.2.9;lr"] {
        let mut world = World::new(Onwards);
        world.receive(
            ALICE,
            &in_dialog(
                "BYE",
                "sip:bob@203.0.113.1",
                &format!("Route: <{foreign}>\n"),
            ),
        );
        let (bye, _) = world.take_request();
        assert_eq!(lines(&bye, "Route"), [format!("<{foreign}>")]);
    }
}

/// F-11: both values of a double Record-Route.
#[test]
fn both_routes_of_a_pair_are_removed() {
    let mut world = World::new(By(dialogs_only));
    let pair = [
        "sip:192.0.2.1:5060;r2=on;lr",
        "sip:192.0.2.1:5060;transport=tcp;r2=on;lr",
    ];
    let route = pair.map(|uri| format!("Route: <{}>\n", proved(uri)));
    world.receive(
        ALICE,
        &in_dialog("BYE", "sip:bob@203.0.113.1", &route.concat()),
    );
    let (bye, to) = world.take_request();
    assert!(lines(&bye, "Route").is_empty());
    assert_eq!(to.remote(), address(BOB));
}

#[test]
fn twenty_routes_to_this_proxy_cost_one_pass() {
    let mut world = World::new(By(dialogs_only));
    let route = format!("Route: <{}>\n", proved("sip:192.0.2.1;lr")).repeat(20);
    world.receive(ALICE, &in_dialog("BYE", "sip:bob@203.0.113.1", &route));
    let (_, to) = world.take_request();
    assert_eq!(to.remote(), address(BOB));
}

/// T5: no relaying for whoever preloads a Route.
#[test]
fn our_route_without_a_to_tag_is_popped_and_the_request_is_a_new_one() {
    let mut world = World::new(By(dialogs_only));
    world.receive(
        ALICE,
        &request_to(
            "INVITE",
            "sip:victim@203.0.113.1",
            &format!("Route: <{}>\n", proved("sip:192.0.2.1;lr")),
        ),
    );
    assert_eq!(
        world.take_response().status(),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED
    );
}

/// F-24
#[test]
fn a_to_tag_without_our_route_makes_no_dialog() {
    let mut world = World::new(By(dialogs_only));
    world.receive(ALICE, &in_dialog("BYE", "sip:victim@203.0.113.1", ""));
    assert_eq!(
        world.take_response().status(),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED
    );
    world.receive(
        ALICE,
        &in_dialog(
            "INVITE",
            "sip:victim@203.0.113.1",
            "Route: <sip:203.0.113.3;lr>\n",
        ),
    );
    assert_eq!(
        world.take_response().status(),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED
    );
}

/// F-30: else a To tag would carry it past the registrar.
#[test]
fn a_register_is_in_no_dialog_whatever_its_tag_and_route() {
    let mut world = World::new(By(dialogs_only));
    let route = format!("Route: <{}>\n", proved("sip:192.0.2.1;lr"));
    world.receive(ALICE, &in_dialog("REGISTER", "sip:203.0.113.66", &route));
    assert_eq!(
        world.take_response().status(),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED
    );
}

/// Knows one name more than was configured.
struct Served;

#[async_trait::async_trait]
impl Router for Served {
    async fn route(&self, incoming: &Incoming) -> Decision {
        dialogs_only(incoming)
    }

    fn is_own_name(&self, name: &Host) -> bool {
        name.to_string() == "served.example"
    }
}

/// F-20: phones write the name of their provider there.
#[test]
fn a_route_by_a_name_the_router_knows_as_ours_is_ours() {
    for (own, is_ours) in [
        ("sip:served.example;lr", true),
        ("sip:served.example:5060;transport=tcp;lr", true),
        ("sip:served.example:5070;lr", false),
        ("sip:other.example;lr", false),
    ] {
        let mut world = World::new(Served);
        let route = format!("Route: <{}>,<sip:203.0.113.3;lr>\n", proved(own));
        world.receive(ALICE, &in_dialog("BYE", "sip:bob@203.0.113.1", &route));
        assert_eq!(world.take_requests().len(), usize::from(is_ours), "{own}");
    }
}

/// A machine with several addresses, and a socket on all of them.
#[test]
fn a_route_to_the_address_the_request_came_to_is_ours() {
    for (own, is_ours) in [
        ("sip:192.0.2.1;lr", true),
        ("sip:192.0.2.1:5070;lr", false),
        ("sip:192.0.2.3;lr", false),
    ] {
        let mut world = World::configured(By(dialogs_only), |config| {
            let anywhere = OwnAddress::new(Transport::Udp, address("0.0.0.0:5060"));
            config.addresses = vec![anywhere.advertised(address("192.0.2.2:5060").into())];
        });
        let route = format!("Route: <{}>,<sip:203.0.113.3;lr>\n", proved(own));
        world.receive(ALICE, &in_dialog("BYE", "sip:bob@203.0.113.1", &route));
        assert_eq!(world.take_requests().len(), usize::from(is_ours), "{own}");
    }
}
