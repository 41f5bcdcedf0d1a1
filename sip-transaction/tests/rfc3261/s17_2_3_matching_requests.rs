//! RFC 3261 §17.2.3, matching requests to server transactions.

use sip_transaction::sim::{Link, Sim};

use crate::messages::{ack, request, responses, tagged, with_via};

/// What bob hears of these messages, one after the other. He answers an INVITE with 486, the rest with 200.
fn heard_of(messages: &[String]) -> Vec<String> {
    let mut sim = Sim::new(Link::udp());
    sim.bob().answers(&[(0.0, 486)]);
    for message in messages {
        sim.puppet("alice").send("bob", message);
        sim.run_until(0.0);
    }
    sim.bob().heard().to_vec()
}

const NEW_STYLE: &str = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1";

#[test]
fn same_branch_sent_by_and_method_match() {
    let again = with_via("OPTIONS", NEW_STYLE).replace("Max-Forwards: 70", "Max-Forwards: 69");
    assert_eq!(
        heard_of(&[with_via("OPTIONS", NEW_STYLE), again]),
        ["OPTIONS"]
    );
}

#[test]
fn another_branch_does_not_match() {
    let heard = heard_of(&[request("OPTIONS", "1"), request("OPTIONS", "2")]);
    assert_eq!(heard, ["OPTIONS", "OPTIONS"]);
}

#[test]
fn another_sent_by_does_not_match() {
    for sent_by in ["192.0.2.1:5061", "192.0.2.9:5060", "alice.example.com"] {
        let other = with_via("OPTIONS", &format!("SIP/2.0/UDP {sent_by};branch=z9hG4bK1"));
        let heard = heard_of(&[with_via("OPTIONS", NEW_STYLE), other]);
        assert_eq!(heard, ["OPTIONS", "OPTIONS"], "{sent_by}");
    }
}

#[test]
fn sent_by_is_compared_without_regard_to_case() {
    let via = |host| format!("SIP/2.0/UDP {host};branch=z9hG4bK1");
    let lower = with_via("OPTIONS", &via("pc33.atlanta.com"));
    let upper = with_via("OPTIONS", &via("PC33.Atlanta.COM"));
    assert_eq!(heard_of(&[lower, upper]), ["OPTIONS"]);
}

#[test]
fn another_method_does_not_match() {
    let heard = heard_of(&[request("OPTIONS", "1"), request("INFO", "1")]);
    assert_eq!(heard, ["OPTIONS", "INFO"]);
}

#[test]
fn an_ack_matches_the_invite_of_its_branch() {
    assert_eq!(
        heard_of(&[request("INVITE", "1"), ack("1", "any")]),
        ["INVITE"]
    );
}

#[test]
fn an_ack_of_another_branch_goes_to_the_user() {
    assert_eq!(
        heard_of(&[request("INVITE", "1"), ack("2", "any")]),
        ["INVITE", "ACK"]
    );
}

/// Branches without the magic cookie, and none at all.
mod rfc2543 {
    use super::*;

    const OLD_STYLES: [&str; 2] = [
        "SIP/2.0/UDP 192.0.2.1:5060",
        "SIP/2.0/UDP 192.0.2.1:5060;branch=1",
    ];

    #[test]
    fn a_request_with_the_same_uri_tags_call_id_cseq_and_via_matches() {
        for via in OLD_STYLES {
            for method in ["INVITE", "OPTIONS"] {
                let heard = heard_of(&[with_via(method, via), with_via(method, via)]);
                assert_eq!(heard, [method], "{via}");
            }
        }
    }

    #[test]
    fn a_request_that_differs_in_any_of_them_does_not() {
        let changes = [
            ("sip:bob@192.0.2.2 ", "sip:carol@192.0.2.2 "),
            (";tag=alice", ";tag=other"),
            ("Call-ID: call", "Call-ID: other"),
            ("CSeq: 1 ", "CSeq: 2 "),
            ("192.0.2.1:5060", "192.0.2.1:5061"),
            ("<sip:bob@example.com>", "<sip:bob@example.com>;tag=bob"),
        ];
        for (from, to) in changes {
            for via in OLD_STYLES {
                let first = with_via("INVITE", via);
                let second = first.replace(from, to);
                assert_ne!(first, second);
                // A key that differs only in the To tag is taken: that request gets no transaction.
                let heard = heard_of(&[first, second]);
                assert_eq!(heard, ["INVITE", "INVITE"], "{to}");
            }
        }
    }

    #[test]
    fn an_ack_matches_with_the_to_tag_of_the_response() {
        for via in OLD_STYLES {
            let mut sim = Sim::new(Link::udp());
            sim.bob().answers(&[(0.0, 486)]);
            sim.puppet("alice").send("bob", &with_via("INVITE", via));
            sim.run_until(0.1);
            let busy = responses(&sim.puppet("alice").received())
                .pop()
                .expect("a response");
            let tag = busy.to_tag().expect("a tag").as_text().to_string();
            let other = tagged(&with_via("ACK", via), "other");
            sim.puppet("alice").send("bob", &other);
            sim.run_until(0.2);
            assert_eq!(sim.bob().heard(), ["INVITE", "ACK"], "another To tag");
            sim.puppet("alice")
                .send("bob", &tagged(&with_via("ACK", via), &tag));
            sim.run();
            assert_eq!(sim.bob().heard(), ["INVITE", "ACK"]);
            let ended = sim.ladder().only(|_, what| what == "terminated");
            assert!(ended.reads_as("5.200 bob terminated timer I"), "{ended}");
        }
    }
}
