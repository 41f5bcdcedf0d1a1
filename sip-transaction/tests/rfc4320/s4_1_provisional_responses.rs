//! RFC 4320 §4.1, provisional responses to anything but INVITE.

use sip_core::StatusCode;
use sip_transaction::RespondError;
use sip_transaction::sim::{Link, Sim};

use crate::messages::request;

fn asked(link: Link) -> Sim {
    let mut sim = Sim::new(link);
    sim.bob().answers_others(&[]);
    sim.puppet("alice").send("bob", &request("OPTIONS", "1"));
    sim.run_until(0.0);
    sim
}

#[test]
fn no_provisional_response_but_100_can_be_sent() {
    let mut sim = asked(Link::tcp());
    for status in [180, 183, 199] {
        let known = StatusCode::new(status).expect("a status");
        assert_eq!(
            sim.bob().respond(status),
            Err(RespondError::Forbidden(known))
        );
    }
    sim.run_until(0.1);
    assert_eq!(sim.ladder().len(), 1);
}

#[test]
fn over_an_unreliable_transport_a_100_waits_until_timer_e_is_reset_to_t2() {
    let mut sim = asked(Link::udp());
    sim.bob().respond(100).expect("it is pending");
    sim.run_until(10.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         3.500  bob → alice    100 OPTIONS  timer Trying
        ",
    );
}

#[test]
fn over_a_reliable_transport_a_100_may_be_sent_at_any_time() {
    let mut sim = asked(Link::tcp());
    sim.bob().respond(100).expect("it is pending");
    sim.run_until(10.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.000  bob → alice    100 OPTIONS
        ",
    );
}

#[test]
fn whatever_the_transport_a_100_is_sent_by_then_if_nothing_else_was() {
    for link in [Link::udp(), Link::tcp()] {
        let mut sim = asked(link);
        sim.run_until(10.0);
        sim.assert_ladder(
            "
             0.000  alice → bob    OPTIONS
             3.500  bob → alice    100 OPTIONS  timer Trying
            ",
        );
    }
}

#[test]
fn no_100_follows_a_final_response() {
    let mut sim = asked(Link::udp());
    sim.bob().respond(200).expect("it is pending");
    sim.run_until(10.0);
    assert_eq!(sim.ladder().len(), 2);
}
