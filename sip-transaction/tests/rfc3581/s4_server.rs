//! RFC 3581 §4, server behavior: where a response is sent, and from which address.

use sip_core::{StatusCode, Transport};
use sip_transaction::sim::epoch;
use sip_transaction::{Config, Flow, Target, TransactionLayer};

use crate::messages::{parse_request, with_via};

/// Each answer the layer sends to one request, in order: from the user, on a timer, to a repetition.
fn answers(method: &str, status: StatusCode) -> Vec<Target> {
    let address = |text: &str| text.parse().expect("an address");
    let flow = Flow::udp(address("192.0.2.2:5070"), address("203.0.113.7:40123"));
    let via = "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;received=203.0.113.7;rport=40123";
    let request = parse_request(with_via(method, via));
    let mut layer = TransactionLayer::new(Config::default(), 1);
    let id = layer.accept(epoch(), &request, flow).expect("it is new");
    layer
        .respond(epoch(), id, request.reply(status))
        .expect("it is the first");
    layer.handle_message(epoch(), request.into(), flow);
    if let Some(next) = layer.poll_timeout() {
        layer.handle_timeout(next);
    }
    let sent = std::iter::from_fn(|| layer.poll_transmit());
    sent.map(|transmit| transmit.to).collect()
}

#[test]
fn every_response_leaves_by_the_address_and_port_its_request_came_in_at() {
    for (method, status, count) in [
        ("OPTIONS", StatusCode::OK, 2),
        ("INVITE", StatusCode::BUSY_HERE, 3),
        ("INVITE", StatusCode::RINGING, 2),
    ] {
        let answers = answers(method, status);
        assert_eq!(answers.len(), count, "{method}");
        for to in answers {
            let Target::Flow(flow) = to else {
                panic!("{to:?} leaves the address to the transport layer")
            };
            assert_eq!(flow.transport, Transport::Udp);
            assert_eq!(flow.local.to_string(), "192.0.2.2:5070");
            assert_eq!(
                flow.remote.to_string(),
                "203.0.113.7:40123",
                "received and rport"
            );
        }
    }
}
