//! RFC 3261 §8.2.2.2, merged requests: the same request come by two ways, from a fork upstream.

use std::time::Duration;

use sip_core::{Request, StatusCode};
use sip_transaction::sim::epoch;
use sip_transaction::{AcceptError, Config, Flow, ServerId, TransactionLayer};

use crate::messages::{parse_request, request, tagged};

struct Endpoint(TransactionLayer);

impl Endpoint {
    fn new() -> Endpoint {
        let config = Config {
            refuse_merged: true,
            ..Config::default()
        };
        Endpoint(TransactionLayer::new(config, 1))
    }

    fn accept(&mut self, request: &Request) -> Result<ServerId, AcceptError> {
        let address = |text: &str| text.parse().expect("an address");
        let flow = Flow::udp(address("192.0.2.2:5060"), address("192.0.2.1:5060"));
        self.0.accept(epoch(), request, flow)
    }
}

fn by(branch: &str) -> Request {
    parse_request(request("INVITE", branch))
}

#[test]
fn a_request_that_matches_an_ongoing_one_but_for_its_branch_is_merged() {
    let mut endpoint = Endpoint::new();
    assert!(endpoint.accept(&by("one")).is_ok());
    assert_eq!(endpoint.accept(&by("two")), Err(AcceptError::Merged));
    assert_eq!(endpoint.accept(&by("one")), Err(AcceptError::Duplicate));
}

#[test]
fn from_tag_call_id_and_cseq_have_to_match_exactly() {
    let mut endpoint = Endpoint::new();
    assert!(endpoint.accept(&by("one")).is_ok());
    for (branch, was, is) in [
        ("two", ";tag=alice", ";tag=alicf"),
        ("three", "Call-ID: call", "Call-ID: calm"),
        ("four", "CSeq: 1 INVITE", "CSeq: 2 INVITE"),
    ] {
        let other = request("INVITE", branch).replace(was, is);
        assert!(endpoint.accept(&parse_request(other)).is_ok(), "{is}");
    }
    let other = parse_request(request("OPTIONS", "five"));
    assert!(endpoint.accept(&other).is_ok());
}

#[test]
fn a_request_with_a_to_tag_is_never_merged() {
    let mut endpoint = Endpoint::new();
    for branch in ["one", "two"] {
        let within = parse_request(tagged(&request("INVITE", branch), "bob"));
        assert!(endpoint.accept(&within).is_ok());
    }
}

#[test]
fn when_the_transaction_has_ended_nothing_is_left_to_merge_with() {
    let mut endpoint = Endpoint::new();
    let options = parse_request(request("OPTIONS", "one"));
    let id = endpoint.accept(&options).expect("it is new");
    let ok = options.reply(StatusCode::OK);
    endpoint.0.respond(epoch(), id, ok).expect("it is pending");
    endpoint.0.handle_timeout(epoch() + Duration::from_secs(32));
    while endpoint.0.poll_transmit().is_some() || endpoint.0.poll_event().is_some() {}
    assert!(endpoint.0.is_idle());
    assert!(
        endpoint
            .accept(&parse_request(request("OPTIONS", "two")))
            .is_ok()
    );
}

#[test]
fn a_proxy_leaves_the_judgement_to_the_phone() {
    let mut proxy = Endpoint(TransactionLayer::new(Config::default(), 1));
    assert!(proxy.accept(&by("one")).is_ok());
    assert!(proxy.accept(&by("two")).is_ok());
}
