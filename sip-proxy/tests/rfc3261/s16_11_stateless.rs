//! RFC 3261 §16.11, stateless proxy; and the ACK for a 2xx, which always passes so.

use sip_core::{HeaderName, Text};
use sip_proxy::{ForkPlan, Incoming, Relay};

use super::support::*;

fn stateless() -> World {
    let router = By(|incoming: &Incoming| {
        Relay::new(open(), ForkPlan::unchanged(incoming))
            .statelessly()
            .into()
    });
    World::configured(router, |config| config.forward_unmatched_cancel = true)
}

#[test]
fn the_ack_for_a_2xx_passes_within_its_dialog() {
    let mut world = World::new(By(|incoming: &Incoming| {
        let admission =
            sip_proxy::Admission::in_dialog(incoming).expect("our Route, and its cookie");
        Relay::new(admission, ForkPlan::unchanged(incoming)).into()
    }));
    let ack = in_dialog(
        "ACK",
        "sip:bob@203.0.113.1",
        &format!(
            "Route: <{}>\nMax-Forwards: 70\n",
            proved("sip:192.0.2.1:5060;lr")
        ),
    );
    world.receive(ALICE, &ack);
    let (forwarded, to) = world.take_request();
    assert_eq!(to.remote(), address(BOB));
    assert!(lines(&forwarded, "Route").is_empty());
    assert_eq!(lines(&forwarded, "Max-Forwards"), ["16"]);
    assert_eq!(lines(&forwarded, "Via").len(), 2);
    world.assert_idle();
    world.receive(ALICE, &ack);
    let (again, _) = world.take_request();
    assert_eq!(
        text(&again.into()),
        text(&forwarded.into()),
        "a repeated ACK passes again, unchanged"
    );
}

#[test]
fn an_ack_by_name_is_resolved() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &in_dialog("ACK", "sip:bob@bob.example.net", ""));
    assert_eq!(world.take_request().1.remote(), address(BOB));
    world.assert_idle();
}

#[test]
fn no_state_is_kept_and_no_provisional_response_generated() {
    let mut world = stateless();
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    assert_eq!(world.take_summary(), ["INVITE → 203.0.113.1:5060"]);
    world.assert_idle();
}

#[test]
fn the_branch_is_the_same_for_retransmissions_for_cancel_and_for_ack() {
    let mut world = stateless();
    let mut branches = Vec::new();
    for method in ["INVITE", "INVITE", "CANCEL", "ACK"] {
        world.receive(ALICE, &request_to(method, "sip:bob@203.0.113.1", ""));
        branches.push(lines(&world.take_request().0, "Via").remove(0));
    }
    assert!(
        branches.iter().all(|via| via == &branches[0]),
        "{branches:#?}"
    );
    let other = request_to("INVITE", "sip:bob@203.0.113.1", "")
        .replace("z9hG4bK-INVITE-1", "z9hG4bK-INVITE-2");
    world.receive(ALICE, &other);
    assert_ne!(lines(&world.take_request().0, "Via")[0], branches[0]);
}

#[test]
fn a_response_goes_where_the_next_via_says() {
    let mut world = stateless();
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_request();
    for status in [100, 180, 200] {
        world.answer(&invite, BOB, status);
        let sent = world.take();
        assert_eq!(summary(&sent), [format!("{status} INVITE → {ALICE}")]);
    }
    world.assert_idle();
}

#[test]
fn a_response_whose_vias_were_changed_on_the_way_is_dropped() {
    let mut world = stateless();
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_request();
    let mut response = response(&invite, BOB, 200, "");
    let vias: Vec<_> = lines(&response, "Via");
    let victim = Text::new(vias[1].replace("received=198.51.100.1", "received=198.51.100.99"))
        .expect("a value");
    response.headers_mut().remove(&HeaderName::Via);
    response
        .headers_mut()
        .push_raw(HeaderName::Via, &Text::new(&vias[0]).expect("a value"));
    response.headers_mut().push_raw(HeaderName::Via, &victim);
    world.receive(BOB, &text(&response.into()));
    assert!(world.take().is_empty());
}
