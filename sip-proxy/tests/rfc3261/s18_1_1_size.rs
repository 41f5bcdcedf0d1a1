//! RFC 3261 §18.1.1: a request too large for a datagram goes by TCP, and by UDP where TCP fails.

use std::sync::Arc;

use sip_core::Transport;
use sip_proxy::{Blocklist, BlocklistSettings};

use super::support::*;

/// An INVITE of about so many bytes.
fn invite(uri: &str, size: usize) -> String {
    let subject = format!("Subject: {}\n", "x".repeat(size.saturating_sub(300)));
    request_to("INVITE", uri, &subject)
}

fn transports(world: &mut World) -> Vec<Transport> {
    let requests = world.take_requests().into_iter();
    requests.map(|(_, to)| to.transport()).collect()
}

#[test]
fn a_large_request_goes_by_tcp_and_says_so_in_its_via() {
    for uri in ["sip:bob@203.0.113.1", "sip:bob@bob.example.net"] {
        let mut world = World::new(Onwards);
        world.receive(ALICE, &invite(uri, 1400));
        let (request, to) = world.take_requests().remove(0);
        assert_eq!(
            (to.transport(), to.remote()),
            (Transport::Tcp, address(BOB))
        );
        assert!(lines(&request, "Via")[0].starts_with("SIP/2.0/TCP 192.0.2.1"));
    }
}

#[test]
fn a_small_request_stays_with_udp() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &invite("sip:bob@203.0.113.1", 800));
    assert_eq!(transports(&mut world), [Transport::Udp]);
}

#[test]
fn where_tcp_fails_udp_is_tried_and_tcp_not_again_for_a_while() {
    let blocklist = Arc::new(Blocklist::new(BlocklistSettings::default()));
    let mut world = World::new(Onwards).with_blocklist(&blocklist);
    world.receive(ALICE, &invite("sip:bob@two.example.net", 1400));
    assert_eq!(transports(&mut world), [Transport::Tcp]);
    world.fail_last_request();
    let (_, to) = world.take_request();
    assert_eq!(
        (to.transport(), to.remote()),
        (Transport::Udp, address(BOB))
    );
    assert_eq!(blocklist.list(world.now()).len(), 1);

    let again = invite("sip:bob@two.example.net", 1400).replace("INVITE-1", "INVITE-2");
    world.receive(ALICE, &again);
    let (_, to) = world.take_requests().remove(0);
    assert_eq!(
        (to.transport(), to.remote()),
        (Transport::Udp, address(BOB))
    );
}

#[test]
fn where_a_phone_was_last_heard_from_does_not_change() {
    let behind_nat = || {
        let heard = sip_transaction::Target::address(Transport::Udp, address(BOB));
        sip_proxy::ForkPlan::parallel([target("sip:bob@10.0.0.1").received(heard)])
    };
    let mut world = World::new(To(behind_nat));
    world.receive(ALICE, &invite("sip:bob@example.com", 1400));
    assert_eq!(transports(&mut world), [Transport::Udp]);
}

#[test]
fn a_proxy_without_tcp_has_no_choice() {
    let mut world = World::configured(Onwards, |config| {
        config
            .addresses
            .retain(|own| own.transport == Transport::Udp);
    });
    world.receive(ALICE, &invite("sip:bob@203.0.113.1", 1400));
    assert_eq!(transports(&mut world), [Transport::Udp]);
}
