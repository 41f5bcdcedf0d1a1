//! RFC 3261 §16.7 step 4, and §16.5: recursion on the Contacts of a 3xx.

use sip_proxy::{ForkPlan, Incoming, Relay};

use super::support::*;

/// A proxy that forwards to these targets and follows redirections.
fn following(targets: &'static [&'static str]) -> World {
    World::new(By(move |_: &Incoming| {
        let plan = ForkPlan::parallel(targets.iter().copied().map(target));
        Relay::new(open(), plan).follow_redirects().into()
    }))
}

const BOBS: &[&str] = &["sip:bob@203.0.113.1"];

#[test]
fn the_contacts_of_a_302_are_tried_best_q_first_and_the_caller_hears_nothing_of_it() {
    let mut world = following(BOBS);
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    let contacts = "Contact: <sip:later@203.0.113.3>;q=0.1\nContact: <sip:first@203.0.113.2>;q=0.9";
    world.answer_with(&invite, BOB, 302, contacts);
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "INVITE → 203.0.113.2:5060"]
    );
}

#[test]
fn the_next_contact_has_its_turn_when_the_first_has_failed() {
    let mut world = following(BOBS);
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    let contacts = "Contact: <sip:later@203.0.113.3>;q=0.1\nContact: <sip:first@203.0.113.2>;q=0.9";
    world.answer_with(&invite, BOB, 302, contacts);
    let first = world.take_requests().pop().expect("an INVITE").0;
    assert_eq!(first.uri().to_string(), "sip:first@203.0.113.2");
    world.answer(&first, BOB_MOBILE, 486);
    let later = world.take_requests().pop().expect("an INVITE").0;
    assert_eq!(later.uri().to_string(), "sip:later@203.0.113.3");
    world.answer(&later, BOB_DESK, 200);
    assert_eq!(world.take_summary(), ["200 INVITE → 198.51.100.1:5060"]);
}

/// "If the proxy recurses on all of the contacts in a 3xx response, the proxy SHOULD NOT add the resulting contactless
/// response to the response context."
#[test]
fn a_302_that_was_followed_is_no_candidate_for_the_best_response() {
    let mut world = following(BOBS);
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer_with(&invite, BOB, 302, "Contact: <sip:bob@203.0.113.2>");
    let next = world.take_requests().pop().expect("an INVITE").0;
    world.answer(&next, BOB_MOBILE, 480);
    assert!(
        world
            .take_summary()
            .contains(&"480 INVITE → 198.51.100.1:5060".to_owned())
    );
}

/// "A proxy may choose to recurse on the SIP and SIPS URIs and place the remainder into the response context."
#[test]
fn contacts_that_are_no_sip_uris_are_left_for_the_caller() {
    let mut world = following(BOBS);
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    let contacts = "Contact: <sip:bob@203.0.113.2>, <mailto:bob@example.com>";
    world.answer_with(&invite, BOB, 302, contacts);
    let next = world.take_requests().pop().expect("an INVITE").0;
    world.answer(&next, BOB_MOBILE, 486);
    let sent = world.take();
    let redirection = sip_core::Response::try_from(sent[1].message.clone()).expect("a response");
    assert_eq!(redirection.status().as_u16(), 302);
    assert_eq!(lines(&redirection, "Contact"), ["<mailto:bob@example.com>"]);
}

/// §16.5: "Targets can only be placed in the target set once."
#[test]
fn phones_that_redirect_to_each_other_end_in_an_answer() {
    let mut world = following(BOBS);
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer_with(&invite, BOB, 302, "Contact: <sip:bob@203.0.113.2>");
    let next = world.take_requests().pop().expect("an INVITE").0;
    world.answer_with(&next, BOB_MOBILE, 302, "Contact: <sip:bob@203.0.113.1>");
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.2:5060", "408 INVITE → 198.51.100.1:5060"]
    );
}

#[test]
fn a_thousand_contacts_are_no_more_branches_than_there_may_be() {
    let mut world = following(BOBS);
    world.receive(ALICE, &request("INVITE", ""));
    let (invite, _) = world.take_requests().remove(0);
    let contact = |n: u32| format!("Contact: <sip:{n}@203.0.113.2>\n");
    world.answer_with(
        &invite,
        BOB,
        300,
        &(0..100).map(contact).collect::<String>(),
    );
    let invites = world.take_requests().into_iter();
    let invites = invites.filter(|(request, _)| request.method().to_string() == "INVITE");
    assert_eq!(invites.count(), 11, "12 with the first");
}

/// "A proxy SHOULD NOT recurse to a non-SIPS URI if the Request-URI of the original request was a SIPS URI."
#[test]
fn a_sips_call_is_not_redirected_to_sip() {
    let mut world = following(BOBS);
    world.receive(ALICE, &request_to("INVITE", "sips:bob@example.com", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer_with(&invite, BOB, 302, "Contact: <sip:bob@203.0.113.2>");
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "302 INVITE → 198.51.100.1:5060"]
    );
}

#[test]
fn without_being_asked_to_the_302_goes_to_the_caller_as_it_came() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@203.0.113.1", ""));
    let (invite, _) = world.take_requests().remove(0);
    world.answer_with(&invite, BOB, 302, "Contact: <sip:bob@203.0.113.2>");
    assert_eq!(
        world.take_summary(),
        ["ACK → 203.0.113.1:5060", "302 INVITE → 198.51.100.1:5060"]
    );
}

#[test]
fn while_other_phones_ring_a_redirected_one_is_called_at_once() {
    let mut world = following(&["sip:bob@203.0.113.1", "sip:bob@203.0.113.3"]);
    world.receive(ALICE, &request("INVITE", ""));
    let invites = world.take_requests();
    world.answer(&invites[1].0, BOB_DESK, 180);
    world.answer_with(&invites[0].0, BOB, 302, "Contact: <sip:bob@203.0.113.2>");
    let next = world.take_requests().pop().expect("an INVITE").0;
    assert_eq!(next.uri().to_string(), "sip:bob@203.0.113.2");
    world.answer(&next, BOB_MOBILE, 200);
    let sent = world.take_summary();
    assert!(
        sent.contains(&"CANCEL → 203.0.113.3:5060".to_owned()),
        "{sent:?}"
    );
}
