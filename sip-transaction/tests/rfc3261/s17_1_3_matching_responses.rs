//! RFC 3261 §17.1.3, matching responses to client transactions.

use sip_core::{Branch, CSeq, HostPort, Method, Response, Tag, Transport, Via};
use sip_transaction::sim::{Link, Sim};

const BOB: &str = "sip:bob@example.com";

/// What alice hears of a 200 to her OPTIONS that `edit` has changed.
fn heard_of(edit: impl FnOnce(&mut Response)) -> Vec<String> {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().request(Method::Options, BOB);
    sim.run_until(0.0);
    sim.puppet("bob").reply_with(200, edit);
    sim.run_until(0.0);
    sim.alice().heard().to_vec()
}

fn with_branch(response: &mut Response, edit: impl FnOnce(&str) -> String) {
    let via: Via = response.headers().require().expect("a Via");
    let branch = via.branch().expect("a branch").as_text().to_string();
    let sent_by: HostPort = "192.0.2.1:5060".parse().expect("an address");
    let branch = Branch::new(edit(&branch)).expect("a token");
    let via = Via::new(Transport::Udp, sent_by, &branch);
    response.headers_mut().replace_front(&via);
}

#[test]
fn same_branch_and_same_method_in_cseq_match() {
    assert_eq!(heard_of(|_| {}), ["200 OPTIONS"]);
}

#[test]
fn another_branch_does_not_match() {
    let stray = ["stray 200 OPTIONS"];
    let last_digit = |branch: &str| match branch.strip_suffix('0') {
        Some(rest) => format!("{rest}1"),
        None => format!("{}0", &branch[..branch.len() - 1]),
    };
    assert_eq!(
        heard_of(|response| with_branch(response, last_digit)),
        stray
    );
    assert_eq!(
        heard_of(|response| with_branch(response, |branch| format!("{branch}0"))),
        stray
    );
    let another_worker = |branch: &str| branch.replacen("z9hG4bK0000", "z9hG4bK0001", 1);
    assert_eq!(
        heard_of(|response| with_branch(response, another_worker)),
        stray
    );
}

#[test]
fn the_same_branch_text_matches() {
    assert_eq!(
        heard_of(|response| with_branch(response, str::to_owned)),
        ["200 OPTIONS"]
    );
}

#[test]
fn another_method_in_cseq_does_not_match() {
    let other = |response: &mut Response| response.headers_mut().set(&CSeq::new(1, Method::Info));
    assert_eq!(heard_of(other), ["stray 200 INFO"]);
}

#[test]
fn a_response_without_a_readable_via_matches_nothing() {
    let without = |response: &mut Response| {
        response.headers_mut().remove(&sip_core::HeaderName::Via);
    };
    assert_eq!(heard_of(without), ["stray 200 OPTIONS"]);
}

#[test]
fn the_response_to_a_cancel_matches_the_cancel_though_its_branch_is_the_invites() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite(BOB);
    sim.run_until(0.0);
    sim.puppet("bob").reply(180);
    sim.run_until(0.0);
    sim.alice().cancel();
    sim.run_until(0.0);
    sim.puppet("bob").reply(200);
    sim.run_until(40.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    180 INVITE
         0.000  alice → bob    CANCEL
         0.000  bob → alice    200 CANCEL
        32.000  alice          timeout     timer B
        ",
    );
    assert_eq!(sim.alice().heard(), ["180 INVITE", "timeout"]);
}

#[test]
fn of_several_answers_to_a_multicast_request_the_first_is_used() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().request(Method::Options, BOB);
    sim.run_until(0.0);
    for tag in ["first", "second"] {
        let tag = Tag::new(tag).expect("a token");
        sim.puppet("bob").reply_with(200, |response| {
            let to: sip_core::To = response.headers().require().expect("a To");
            response.headers_mut().set(&to.with_tag(&tag));
        });
    }
    sim.run_until(1.0);
    assert_eq!(sim.alice().heard(), ["200 OPTIONS"]);
}
