//! RFC 3261 §8.1.1.7 and §18.1.1, the Via of a request we send.

use std::collections::HashSet;
use std::net::SocketAddr;

use sip_core::{HeaderName, Transport, Via};
use sip_transaction::sim::epoch;
use sip_transaction::{Config, Flow, Target, TransactionLayer, worker_of};

use crate::messages::{parse_request, request};

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// The Vias of an OPTIONS that goes to `to`, top first.
fn vias(config: Config, to: Target) -> Vec<Via> {
    let mut layer = TransactionLayer::new(config, 1);
    layer.send_request(epoch(), parse_request(request("OPTIONS", "below")), to);
    let sent = parse_request(&layer.poll_transmit().expect("the request").payload);
    sent.headers()
        .all::<Via>()
        .map(|via| via.expect("a Via"))
        .collect()
}

fn sent_by(config: Config, to: Target) -> String {
    vias(config, to)[0].sent_by().to_string()
}

#[test]
fn ours_is_on_top_and_the_others_stay() {
    let vias = vias(
        Config::default(),
        Target::address(Transport::Udp, address("192.0.2.9:5060")),
    );
    assert_eq!(vias.len(), 2);
    assert_eq!(vias[0].transport(), Some(Transport::Udp));
    assert_eq!(vias[0].rport(), Some(None), "RFC 3581");
    assert_eq!(vias[1].sent_by().to_string(), "192.0.2.1:5060");
}

#[test]
fn its_branch_begins_with_the_magic_cookie_and_names_the_worker() {
    let config = Config {
        worker: 0xbeef,
        ..Config::default()
    };
    let via = &vias(
        config,
        Target::address(Transport::Tcp, address("192.0.2.9:5060")),
    )[0];
    let branch = via.branch().expect("a branch");
    assert!(branch.is_rfc3261());
    assert_eq!(worker_of(&branch), Some(0xbeef));
}

#[test]
fn branches_of_others_name_no_worker() {
    let theirs = [
        "z9hG4bK776asdhds",
        "z9hG4bK",
        "z9hG4bKzzzz0000002a9f3c5e8a1b7d2046",
    ];
    for branch in theirs {
        let branch = sip_core::Branch::new(branch).expect("a token");
        assert_eq!(worker_of(&branch), None, "{branch:?}");
    }
}

#[test]
fn branches_are_unique() {
    let mut layer = TransactionLayer::new(Config::default(), 1);
    let to = Target::address(Transport::Udp, address("192.0.2.9:5060"));
    let mut seen = HashSet::new();
    for _ in 0..1000 {
        layer.send_request(epoch(), parse_request(request("OPTIONS", "below")), to);
        let sent = parse_request(&layer.poll_transmit().expect("the request").payload);
        assert!(seen.insert(sent.headers().raw(&HeaderName::Via).next()));
        assert!(seen.insert(Some(layer.new_branch().as_text().clone())));
    }
}

#[test]
fn sent_by_is_the_name_that_fits_the_transport_and_the_local_address() {
    let named = |transport, name: &str| (transport, name.parse().expect("a name"));
    let config = || Config {
        sent_by: vec![
            named(Transport::Udp, "sip.example.com"),
            named(Transport::Udp, "198.51.100.1:5070"),
            named(Transport::Tcp, "198.51.100.1:5080"),
        ],
        ..Config::default()
    };
    let remote = address("192.0.2.9:5060");
    let from = |local: &str| Target::Flow(Flow::udp(address(local), remote));
    assert_eq!(
        sent_by(config(), Target::address(Transport::Udp, remote)),
        "sip.example.com"
    );
    assert_eq!(
        sent_by(config(), from("198.51.100.1:5060")),
        "198.51.100.1:5070"
    );
    assert_eq!(
        sent_by(config(), Target::address(Transport::Tcp, remote)),
        "198.51.100.1:5080"
    );
    assert_eq!(
        sent_by(Config::default(), from("198.51.100.3:5062")),
        "198.51.100.3:5062"
    );
}

#[test]
fn an_ack_is_sent_without_a_transaction() {
    let mut layer = TransactionLayer::new(Config::default(), 1);
    let to = Target::address(Transport::Udp, address("192.0.2.9:5060"));
    let id = layer.send_request(epoch(), parse_request(request("ACK", "below")), to);
    assert!(
        layer
            .poll_transmit()
            .expect("the ACK")
            .payload
            .starts_with(b"ACK ")
    );
    let ended = layer.poll_event().expect("its end");
    assert!(matches!(ended, sip_transaction::Event::ClientEnded { id: of } if of == id));
    assert!(layer.is_idle());
}

#[test]
fn sent_by_is_an_address_of_the_peers_kind() {
    let named = |name: &str| (Transport::Udp, name.parse().expect("a name"));
    let config = || Config {
        sent_by: vec![named("198.51.100.1:5060"), named("[2001:db8::1]:5060")],
        ..Config::default()
    };
    let to = |remote| Target::address(Transport::Udp, address(remote));
    assert_eq!(sent_by(config(), to("192.0.2.9:5060")), "198.51.100.1:5060");
    assert_eq!(
        sent_by(config(), to("[2001:db8::9]:5060")),
        "[2001:db8::1]:5060"
    );
}
