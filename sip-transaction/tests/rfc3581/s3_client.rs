//! RFC 3581 §3, client behavior.

use sip_core::{Transport, Via};
use sip_transaction::sim::{Link, Sim};
use sip_transaction::{Config, Target, TransactionLayer};

use crate::messages::{parse_request, request, requests};

/// The top Via of a request that is sent by `transport`.
fn via(transport: Transport) -> Via {
    let mut layer = TransactionLayer::new(Config::default(), 1);
    let to = Target::address(transport, "192.0.2.9:5060".parse().expect("an address"));
    let options = parse_request(request("OPTIONS", "below"));
    layer.send_request(sip_transaction::sim::epoch(), options, to);
    let sent = parse_request(layer.poll_transmit().expect("the request").payload);
    sent.headers().require().expect("a Via")
}

#[test]
fn over_udp_rport_is_asked_for_and_has_no_value() {
    assert_eq!(via(Transport::Udp).rport(), Some(None));
}

#[test]
fn over_a_connection_there_is_nothing_to_ask_for() {
    assert_eq!(via(Transport::Tcp).rport(), None);
}

#[test]
fn the_ack_of_a_failure_and_the_cancel_ask_for_it_too() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    sim.puppet("bob").reply(180);
    sim.alice().cancel();
    sim.run_until(0.0);
    let received = sim.puppet("bob").received();
    let cancel: Via = requests(&received, "CANCEL")[0]
        .headers()
        .require()
        .expect("a Via");
    assert_eq!(cancel.rport(), Some(None));

    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    sim.puppet("bob").reply(486);
    sim.run_until(0.0);
    let received = sim.puppet("bob").received();
    let ack: Via = requests(&received, "ACK")[0]
        .headers()
        .require()
        .expect("a Via");
    assert_eq!(ack.rport(), Some(None));
}
