//! RFC 3261 §17.1.4, transport errors of client transactions.

use sip_core::{Method, StatusCode, Transport};
use sip_transaction::sim::{Link, Sim};
use sip_transaction::{ConnectionId, Flow, Target};

use crate::messages::{parse_request, request, requests};

const BOB: &str = "sip:bob@example.com";

#[test]
fn the_user_learns_that_the_invite_could_not_be_sent() {
    let mut sim = Sim::new(Link::udp());
    sim.unplug("bob");
    sim.alice().invite(BOB);
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE             not sent
         0.000  alice          transport failure
        ",
    );
    assert_eq!(sim.alice().heard(), ["transport failure"]);
    assert!(sim.is_idle());
}

#[test]
fn a_request_that_cannot_be_sent_again_has_failed() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().request(Method::Options, BOB);
    sim.at(1.0, |sim| sim.unplug("bob"));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.500  alice → bob    OPTIONS            timer E
         1.500  alice → bob    OPTIONS            timer E, not sent
         1.500  alice          transport failure
        ",
    );
}

#[test]
fn an_ack_that_cannot_be_sent_is_told() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite(BOB);
    sim.run_until(0.0);
    sim.puppet("bob").reply(486);
    sim.unplug("bob");
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    486 INVITE
         0.000  alice → bob    ACK                not sent
         0.000  alice          transport failure
        ",
    );
}

/// Alice sends a request on the connection bob has opened, the way a registered contact is reached.
fn sent_on_a_connection(method: &str) -> Sim {
    let mut sim = Sim::new(Link::tcp());
    sim.puppet("bob")
        .send("alice", &request("OPTIONS", "opens"));
    sim.run_until(0.0);
    let flow = Flow {
        transport: Transport::Tcp,
        local: sim.address_of("alice").expect("she is there"),
        remote: sim.address_of("bob").expect("he is there"),
        connection: ConnectionId::new(0, 1),
    };
    let request = parse_request(request(method, "below"));
    sim.alice()
        .act(|now, _, layer| layer.send_request(now, request, Target::Flow(flow)));
    sim.run_until(0.0);
    sim
}

#[test]
fn a_connection_that_breaks_fails_what_was_sent_on_it() {
    for method in ["INVITE", "INFO"] {
        let mut sim = sent_on_a_connection(method);
        sim.cut("alice", "bob");
        assert_eq!(
            sim.alice().heard(),
            ["OPTIONS", "transport failure"],
            "{method}"
        );
        assert!(sim.alice().layer().is_idle());
    }
}

/// §18.2.2: the answerer opens another connection.
#[test]
fn an_invite_that_is_being_answered_outlives_its_connection() {
    let mut sim = sent_on_a_connection("INVITE");
    sim.puppet("bob").reply(180);
    sim.run_until(1.0);
    sim.cut("alice", "bob");
    let invite = requests(&sim.puppet("bob").received(), "INVITE")[0].clone();
    let ok = invite.reply(StatusCode::OK).to_bytes();
    let ok = String::from_utf8(ok.to_vec()).expect("plain text");
    sim.puppet("bob").send("alice", &ok);
    sim.run_until(2.0);
    assert_eq!(sim.alice().heard(), ["OPTIONS", "180 INVITE", "200 INVITE"]);
}
