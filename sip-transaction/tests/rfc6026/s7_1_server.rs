//! RFC 6026 §7.1, the server transaction's Accepted state.

use sip_transaction::RespondError;
use sip_transaction::sim::{Link, Sim};

use crate::messages::{ack, request};

/// Bob has answered alice, a puppet.
fn accepted(link: Link) -> Sim {
    let mut sim = Sim::new(link);
    sim.puppet("alice").send("bob", &request("INVITE", "1"));
    sim.run_until(0.0);
    sim.bob().respond(200).expect("it is pending");
    sim
}

#[test]
fn a_2xx_moves_to_accepted_until_timer_l_whatever_the_transport() {
    for link in [Link::udp(), Link::tcp()] {
        let mut sim = accepted(link);
        sim.run();
        sim.assert_ladder(
            "
             0.000  alice → bob    INVITE
             0.000  bob → alice    200 INVITE
            32.000  bob            terminated  timer L
            ",
        );
        assert!(sim.is_idle());
    }
}

#[test]
fn repetitions_of_the_invite_are_absorbed() {
    let mut sim = accepted(Link::udp());
    sim.at(0.5, |sim| {
        sim.puppet("alice").send("bob", &request("INVITE", "1"))
    });
    sim.run_until(1.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    200 INVITE
         0.500  alice → bob    INVITE
        ",
    );
    assert_eq!(sim.bob().heard(), ["INVITE"]);
}

#[test]
fn each_2xx_the_user_passes_again_is_sent_and_timer_l_is_not_reset() {
    let mut sim = accepted(Link::udp());
    sim.at(0.5, |sim| {
        sim.bob().respond(200).expect("it may be repeated")
    });
    sim.at(31.0, |sim| {
        sim.bob().respond(200).expect("it may be repeated")
    });
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    200 INVITE
         0.500  bob → alice    200 INVITE
        31.000  bob → alice    200 INVITE
        32.000  bob            terminated  timer L
        ",
    );
}

#[test]
fn nothing_but_a_2xx_can_follow() {
    let mut sim = accepted(Link::udp());
    assert_eq!(sim.bob().respond(180), Err(RespondError::Answered));
    assert_eq!(sim.bob().respond(486), Err(RespondError::Answered));
}

#[test]
fn acks_are_passed_to_the_user() {
    let mut sim = accepted(Link::udp());
    // An RFC 3261 client uses another branch, an older one may use the same.
    for branch in ["1", "2"] {
        sim.puppet("alice").send("bob", &ack(branch, "bob"));
        sim.run_until(0.1);
    }
    assert_eq!(sim.bob().heard(), ["INVITE", "ACK", "ACK"]);
}

#[test]
fn a_transport_error_is_told_and_does_not_end_the_transaction() {
    let mut sim = accepted(Link::udp());
    sim.unplug("alice");
    sim.at(0.5, |sim| {
        sim.bob().respond(200).expect("it may be repeated")
    });
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    200 INVITE
         0.500  bob → alice    200 INVITE  not sent
         0.500  bob            failed
        32.000  bob            terminated  timer L
        ",
    );
}

#[test]
fn in_completed_a_transport_error_does_not_end_the_transaction() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("alice").send("bob", &request("INVITE", "1"));
    sim.run_until(0.0);
    sim.bob().respond(486).expect("it is pending");
    sim.unplug("alice");
    sim.run_until(0.6);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    486 INVITE
         0.500  bob → alice    486 INVITE  timer G, not sent
         0.500  bob            failed
        ",
    );
    assert_eq!(sim.bob().layer().transactions(), 1);
}
