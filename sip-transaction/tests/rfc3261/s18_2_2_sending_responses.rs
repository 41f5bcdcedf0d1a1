//! RFC 3261 §18.2.2, sending responses: back to the source (RFC 3581 §4), whatever Via says.

use std::net::SocketAddr;

use sip_core::{Message, StatusCode};
use sip_transaction::sim::epoch;
use sip_transaction::{Config, Flow, Target, TransactionLayer};

use crate::messages::{parse_request, with_via};

fn addresses() -> [SocketAddr; 2] {
    ["192.0.2.2:5060", "203.0.113.7:40123"].map(|address| address.parse().expect("an address"))
}

#[test]
fn responses_of_either_kind_go_back_on_the_flow_of_the_request() {
    let [bob, nat] = addresses();
    let flow = Flow::udp(bob, nat);
    let via = "SIP/2.0/UDP 10.0.0.1:5060;maddr=198.51.100.1;received=198.51.100.2;branch=z9hG4bK1";
    let request = parse_request(with_via("OPTIONS", via));
    let response = request.reply(StatusCode::OK);
    let mut layer = TransactionLayer::new(Config::default(), 1);

    layer.reply(flow, &response);
    let stateless = layer.poll_transmit().expect("the response");
    assert_eq!((stateless.to, stateless.origin), (Target::Flow(flow), None));

    let id = layer.accept(epoch(), &request, flow).expect("it is new");
    layer
        .respond(epoch(), id, response.clone())
        .expect("it is the first");
    let stateful = layer.poll_transmit().expect("the response");
    assert_eq!(stateful.to, Target::Flow(flow));

    assert_eq!(stateless.payload, stateful.payload);
    assert_eq!(stateless.payload, Message::Response(response).to_bytes());
}
