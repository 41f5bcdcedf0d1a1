//! RFC 3261 §17.2.1, INVITE server transaction. What follows a 2xx is in `rfc6026`.

use sip_transaction::RespondError;
use sip_transaction::sim::{Link, Sim};

use crate::messages::{ack, request, responses};

/// Alice, a puppet, sends bob an INVITE. He says nothing yet.
fn invited(link: Link) -> Sim {
    let mut sim = Sim::new(link);
    sim.puppet("alice").send("bob", &request("INVITE", "1"));
    sim.run_until(0.0);
    sim
}

fn to_tag(sim: &mut Sim) -> String {
    let last = responses(&sim.puppet("alice").received())
        .pop()
        .expect("a response");
    last.to_tag().expect("a tag").as_text().to_string()
}

#[test]
fn a_100_is_sent_after_200_ms_if_the_user_sent_nothing() {
    let mut sim = invited(Link::udp());
    sim.run_until(100.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.200  bob → alice    100 INVITE  timer Trying
        ",
    );
    let trying = responses(&sim.puppet("alice").received())
        .pop()
        .expect("a response");
    assert_eq!(trying.to_tag(), None);
}

#[test]
fn no_100_is_sent_if_the_user_sent_a_provisional_response() {
    let mut sim = invited(Link::udp());
    sim.at(0.1, |sim| sim.bob().respond(180).expect("it is pending"));
    sim.run_until(100.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.100  bob → alice    180 INVITE
        ",
    );
}

#[test]
fn the_invite_is_passed_up_once_and_repetitions_get_the_last_provisional_response() {
    let mut sim = invited(Link::udp());
    sim.at(0.1, |sim| {
        sim.puppet("alice").send("bob", &request("INVITE", "1"))
    });
    sim.at(0.3, |sim| {
        sim.puppet("alice").send("bob", &request("INVITE", "1"))
    });
    sim.at(0.4, |sim| sim.bob().respond(183).expect("it is pending"));
    sim.at(0.5, |sim| sim.bob().respond(180).expect("it is pending"));
    sim.at(0.6, |sim| {
        sim.puppet("alice").send("bob", &request("INVITE", "1"))
    });
    sim.run_until(1.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.100  alice → bob    INVITE
         0.200  bob → alice    100 INVITE  timer Trying
         0.300  alice → bob    INVITE
         0.300  bob → alice    100 INVITE
         0.400  bob → alice    183 INVITE
         0.500  bob → alice    180 INVITE
         0.600  alice → bob    INVITE
         0.600  bob → alice    180 INVITE
        ",
    );
    assert_eq!(sim.bob().heard(), ["INVITE"]);
}

#[test]
fn a_failure_is_resent_on_timer_g_capped_at_t2_until_timer_h() {
    let mut sim = invited(Link::udp());
    sim.bob().respond(486).expect("it is pending");
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    486 INVITE
         0.500  bob → alice    486 INVITE  timer G
         1.500  bob → alice    486 INVITE  timer G
         3.500  bob → alice    486 INVITE  timer G
         7.500  bob → alice    486 INVITE  timer G
        11.500  bob → alice    486 INVITE  timer G
        15.500  bob → alice    486 INVITE  timer G
        19.500  bob → alice    486 INVITE  timer G
        23.500  bob → alice    486 INVITE  timer G
        27.500  bob → alice    486 INVITE  timer G
        31.500  bob → alice    486 INVITE  timer G
        32.000  bob            failed      timer H
        ",
    );
    assert_eq!(sim.bob().heard(), ["INVITE", "failed"]);
    assert!(sim.is_idle());
}

#[test]
fn over_a_reliable_transport_timer_g_is_not_set_and_timer_h_is() {
    let mut sim = invited(Link::tcp());
    sim.bob().respond(486).expect("it is pending");
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    486 INVITE
        32.000  bob            failed      timer H
        ",
    );
}

#[test]
fn in_completed_a_repeated_invite_gets_the_response() {
    let mut sim = invited(Link::udp());
    sim.bob().respond(486).expect("it is pending");
    sim.at(0.2, |sim| {
        sim.puppet("alice").send("bob", &request("INVITE", "1"))
    });
    sim.run_until(0.4);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    486 INVITE
         0.200  alice → bob    INVITE
         0.200  bob → alice    486 INVITE
        ",
    );
}

#[test]
fn an_ack_ends_retransmissions_and_further_acks_are_absorbed_until_timer_i() {
    let mut sim = invited(Link::udp());
    sim.bob().respond(486).expect("it is pending");
    sim.run_until(0.6);
    let tag = to_tag(&mut sim);
    for at in [0.7, 1.0, 5.0] {
        let ack = ack("1", &tag);
        sim.at(at, move |sim| sim.puppet("alice").send("bob", &ack));
    }
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    486 INVITE
         0.500  bob → alice    486 INVITE  timer G
         0.700  alice → bob    ACK
         1.000  alice → bob    ACK
         5.000  alice → bob    ACK
         5.700  bob            terminated  timer I
        ",
    );
    assert_eq!(sim.bob().heard(), ["INVITE"]);
    assert!(sim.is_idle());
}

/// Figure 7 draws no arrow for it.
#[test]
fn in_confirmed_a_repeated_invite_is_absorbed() {
    let mut sim = invited(Link::udp());
    sim.bob().respond(486).expect("it is pending");
    sim.run_until(0.1);
    let ack = ack("1", &to_tag(&mut sim));
    sim.puppet("alice").send("bob", &ack);
    sim.at(1.0, |sim| {
        sim.puppet("alice").send("bob", &request("INVITE", "1"));
    });
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    486 INVITE
         0.100  alice → bob    ACK
         1.000  alice → bob    INVITE
         5.100  bob            terminated  timer I
        ",
    );
    assert_eq!(sim.bob().heard(), ["INVITE"]);
}

#[test]
fn over_a_reliable_transport_timer_i_is_zero() {
    let mut sim = invited(Link::tcp());
    sim.bob().respond(486).expect("it is pending");
    sim.run_until(0.1);
    let ack = ack("1", &to_tag(&mut sim));
    sim.puppet("alice").send("bob", &ack);
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    486 INVITE
         0.100  alice → bob    ACK
         0.100  bob            terminated  timer I
        ",
    );
}

#[test]
fn an_ack_before_the_final_response_means_nothing() {
    let mut sim = invited(Link::udp());
    sim.puppet("alice").send("bob", &ack("1", "early"));
    sim.run_until(0.1);
    sim.bob().respond(486).expect("it is still pending");
    sim.run_until(0.5);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  alice → bob    ACK
         0.100  bob → alice    486 INVITE
        ",
    );
    assert_eq!(sim.bob().heard(), ["INVITE"]);
}

#[test]
fn after_a_failure_the_user_has_nothing_more_to_say() {
    let mut sim = invited(Link::udp());
    sim.bob().respond(486).expect("it is pending");
    for status in [180, 200, 486] {
        assert_eq!(sim.bob().respond(status), Err(RespondError::Answered));
    }
    sim.run();
    assert_eq!(sim.bob().respond(486), Err(RespondError::Unknown));
}
