//! Calls with parties behind a NAT, whose Contacts lead nowhere (F-80 to F-83).

#[path = "../rfc3261/support.rs"]
#[allow(dead_code, reason = "shared with the tests of RFC 3261")]
mod support;

use sip_core::{Request, Response, Transport};
use sip_proxy::nat::{ContactFix, NatTraversal};
use sip_proxy::{Admission, BranchTarget, ForkPlan, Incoming, OwnAddress, Relay};
use sip_transaction::Target;

use support::*;

/// What the NATs of alice and bob make of their addresses.
const ALICE_OUTSIDE: &str = "198.51.100.1:1024";
const BOB_OUTSIDE: &str = "203.0.113.1:6061";

/// A proxy that finds bob where he registered from, and fixes Contacts by `fix`.
fn world(fix: ContactFix) -> World {
    World::new(By(move |incoming: &Incoming| {
        let (admission, plan) = match Admission::in_dialog(incoming) {
            Some(admission) => (admission, ForkPlan::unchanged(incoming)),
            None => {
                let bob = BranchTarget::new("sip:bob@10.0.0.2:5062;ob".parse().expect("a URI"));
                (open(), ForkPlan::to(bob.received(udp(BOB_OUTSIDE))))
            }
        };
        Relay::new(admission, plan)
            .nat(NatTraversal::new(fix))
            .into()
    }))
}

/// A request of Alice's as she writes it, behind her NAT.
fn from_inside(text: &str) -> String {
    text.replace("198.51.100.1:5060", "10.0.0.1:5060").replace(
        "Contact: <sip:alice@198.51.100.1>",
        "Contact: \"A\" <sip:alice@10.0.0.1;ob>;x=1",
    )
}

/// Calls bob, who answers; gives back the INVITE he got and the answer she got.
fn call(world: &mut World, headers_of_answer: &str) -> (Request, Response) {
    world.receive(ALICE_OUTSIDE, &from_inside(&request("INVITE", "")));
    let (invite, to) = world.take_requests().remove(0);
    assert_eq!(to.remote(), address(BOB_OUTSIDE));
    world.answer_with(&invite, BOB_OUTSIDE, 200, headers_of_answer);
    let sent = world.take().pop().expect("a 200");
    assert_eq!(sent.to.remote(), address(ALICE_OUTSIDE));
    (
        invite,
        Response::try_from(sent.message).expect("a response"),
    )
}

const BOBS_CONTACT: &str = "Contact: <sip:bob@10.0.0.2:5062;ob>";

/// The URI in the Contact, for the Request-URI of what follows.
fn uri_of(contact: &str) -> &str {
    let (_, rest) = contact.split_once('<').expect("a name-addr");
    rest.split_once('>').expect("a name-addr").0
}

fn route(message: &impl Lines) -> String {
    format!("Route: {}\n", lines(message, "Record-Route").concat())
}

#[test]
fn f83_both_contacts_get_an_alias_and_keep_all_else() {
    let mut world = world(ContactFix::Alias);
    let (invite, ok) = call(&mut world, BOBS_CONTACT);
    assert_eq!(
        lines(&invite, "Contact"),
        ["\"A\" <sip:alice@10.0.0.1;ob;alias=198.51.100.1~1024~1>;x=1"]
    );
    assert_eq!(
        lines(&ok, "Contact"),
        ["<sip:bob@10.0.0.2:5062;ob;alias=203.0.113.1~6061~1>"]
    );
}

/// The callee reads the very URI it wrote in its Contact.
#[test]
fn f83_ack_re_invite_and_bye_reach_a_callee_behind_a_nat() {
    let mut world = world(ContactFix::Alias);
    let (_, ok) = call(&mut world, BOBS_CONTACT);
    let contact = lines(&ok, "Contact").remove(0);
    for method in ["ACK", "INVITE", "BYE"] {
        let request = in_dialog(method, uri_of(&contact), &route(&ok));
        world.receive(ALICE_OUTSIDE, &from_inside(&request));
        let (request, to) = world.take_requests().pop().expect("it is forwarded");
        assert_eq!(to.remote(), address(BOB_OUTSIDE), "{method}");
        assert_eq!(request.uri().to_string(), "sip:bob@10.0.0.2:5062;ob");
        if method == "INVITE" {
            world.answer_with(&request, BOB_OUTSIDE, 200, BOBS_CONTACT);
            let sent = world.take().pop().expect("a 200");
            let ok = Response::try_from(sent.message).expect("a response");
            assert_eq!(lines(&ok, "Contact").concat(), contact, "as before");
        }
    }
}

#[test]
fn f83_bye_reaches_a_caller_behind_a_nat() {
    let mut world = world(ContactFix::Alias);
    let (invite, _) = call(&mut world, BOBS_CONTACT);
    let contact = lines(&invite, "Contact").remove(0);
    let bye = in_dialog("BYE", uri_of(&contact), &route(&invite))
        .replace("198.51.100.1:5060;branch", "10.0.0.2:5062;branch");
    world.receive(BOB_OUTSIDE, &bye);
    let (bye, to) = world.take_request();
    assert_eq!(to.remote(), address(ALICE_OUTSIDE));
    assert_eq!(bye.uri().to_string(), "sip:alice@10.0.0.1;ob");
    world.answer(&bye, ALICE_OUTSIDE, 200);
    assert_eq!(world.take_summary(), [format!("200 BYE → {BOB_OUTSIDE}")]);
}

#[test]
fn f81_f82_overwriting_puts_the_source_into_the_contact() {
    let mut world = world(ContactFix::Overwrite);
    let (invite, ok) = call(&mut world, BOBS_CONTACT);
    assert_eq!(
        lines(&invite, "Contact"),
        ["\"A\" <sip:alice@198.51.100.1:1024;ob>;x=1"]
    );
    assert_eq!(lines(&ok, "Contact"), ["<sip:bob@203.0.113.1:6061;ob>"]);
    let contact = lines(&ok, "Contact").remove(0);
    world.receive(
        ALICE_OUTSIDE,
        &from_inside(&in_dialog("BYE", uri_of(&contact), &route(&ok))),
    );
    assert_eq!(world.take_request().1.remote(), address(BOB_OUTSIDE));
}

#[test]
fn f82_the_contacts_of_a_redirection_are_left_alone() {
    let mut world = world(ContactFix::Alias);
    world.receive(ALICE_OUTSIDE, &from_inside(&request("INVITE", "")));
    let (invite, _) = world.take_requests().remove(0);
    world.answer_with(&invite, BOB_OUTSIDE, 302, "Contact: <sip:bob@10.0.0.7>");
    let sent = world.take().pop().expect("a 302");
    let response = Response::try_from(sent.message).expect("a response");
    assert_eq!(lines(&response, "Contact"), ["<sip:bob@10.0.0.7>"]);
}

/// What comes through another proxy comes from where that one is.
#[test]
fn a_callee_behind_another_proxy_is_reached_through_that() {
    let mut world = world(ContactFix::Alias);
    world.receive(ALICE_OUTSIDE, &from_inside(&request("INVITE", "")));
    let (invite, _) = world.take_requests().remove(0);
    let mut ok = response(&invite, BOB, 200, BOBS_CONTACT);
    let beyond = sip_core::Text::from_static("<sip:203.0.113.1:6061;lr>");
    let ours = lines(&invite, "Record-Route").remove(0);
    for route in [beyond, sip_core::Text::new(ours).expect("a value")] {
        ok.headers_mut()
            .push_raw(sip_core::HeaderName::RecordRoute, &route);
    }
    world.receive(BOB_OUTSIDE, &text(&ok.into()));
    let sent = world.take().pop().expect("a 200");
    let ok = Response::try_from(sent.message).expect("a response");
    assert_eq!(lines(&ok, "Contact"), ["<sip:bob@10.0.0.2:5062;ob>"]);
}

#[test]
fn parties_without_a_nat_keep_their_contacts() {
    let mut world = world(ContactFix::Alias);
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    assert_eq!(lines(&invite, "Contact"), ["<sip:alice@198.51.100.1>"]);
    world.answer_with(
        &invite,
        BOB_OUTSIDE,
        200,
        "Contact: <sip:bob@203.0.113.1:6061>",
    );
    let sent = world.take().pop().expect("a 200");
    let ok = Response::try_from(sent.message).expect("a response");
    assert_eq!(lines(&ok, "Contact"), ["<sip:bob@203.0.113.1:6061>"]);
}

/// Outside a dialog an alias would lead past whatever the router thinks about the host.
#[test]
fn an_alias_without_a_dialog_is_a_parameter_like_any_other() {
    let mut world = World::new(Onwards);
    let uri = "sip:bob@203.0.113.1;alias=10.0.0.9~5060~1";
    world.receive(ALICE, &request_to("MESSAGE", uri, ""));
    let (forwarded, to) = world.take_request();
    assert_eq!(to.remote(), address(BOB));
    assert_eq!(forwarded.uri().to_string(), uri);
}

#[test]
fn an_alias_waits_for_the_last_proxy_of_the_route() {
    let mut world = World::new(Onwards);
    let uri = "sip:bob@10.0.0.2;alias=203.0.113.1~6061~1";
    let routes = "Route: <sip:192.0.2.1;lr>, <sip:203.0.113.3;lr>\n";
    world.receive(ALICE, &in_dialog("BYE", uri, routes));
    let (bye, to) = world.take_request();
    assert_eq!(to.remote(), address(BOB_DESK));
    assert_eq!(bye.uri().to_string(), uri);
}

/// A NAT lets in what comes from where the phone has sent to: of a pair of Record-Routes that is the far one.
#[test]
fn f11_along_a_pair_of_record_routes_it_leaves_by_the_address_the_far_one_names() {
    let outer = OwnAddress::new(Transport::Udp, address("192.0.2.1:5080"));
    let mut world = World::configured(Onwards, move |config| config.addresses.push(outer));
    let uri = "sip:bob@10.0.0.2;alias=203.0.113.1~6061~1";
    let routes = "Route: <sip:192.0.2.1;r2=on;lr>, <sip:192.0.2.1:5080;r2=on;lr>\n";
    world.receive(ALICE, &in_dialog("BYE", uri, routes));
    let (_, to) = world.take_request();
    let expected = Target::Address {
        transport: Transport::Udp,
        remote: address(BOB_OUTSIDE),
        local: Some(address("192.0.2.1:5080")),
    };
    assert_eq!(to, expected);
}

#[test]
fn over_connections_the_alias_names_tcp_and_any_source_port_is_right() {
    let mut world = World::new(By(|incoming: &Incoming| {
        Relay::new(open(), ForkPlan::unchanged(incoming))
            .nat(NatTraversal::new(ContactFix::Alias))
            .into()
    }));
    let invite =
        request_to("INVITE", "sip:bob@203.0.113.1", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    world.receive_on(tcp(ALICE_OUTSIDE), &invite);
    assert_eq!(
        lines(&world.take_requests().remove(0).0, "Contact"),
        ["<sip:alice@198.51.100.1>"]
    );
    let invite = from_inside(&invite).replace("INVITE-1", "INVITE-2");
    world.receive_on(tcp(ALICE_OUTSIDE), &invite);
    assert_eq!(
        lines(&world.take_requests().remove(0).0, "Contact"),
        ["\"A\" <sip:alice@10.0.0.1;ob;alias=198.51.100.1~1024~2>;x=1"]
    );
}
