//! RFC 3261 §17.2.2, non-INVITE server transaction. Its 100 is in `rfc4320`.

use sip_transaction::RespondError;
use sip_transaction::sim::{Link, Sim};

use crate::messages::request;

/// Alice, a puppet, sends bob an OPTIONS. He says nothing yet.
fn asked(link: Link) -> Sim {
    let mut sim = Sim::new(link);
    sim.bob().answers_others(&[]);
    sim.puppet("alice").send("bob", &request("OPTIONS", "1"));
    sim.run_until(0.0);
    sim
}

fn repeat(sim: &mut Sim) {
    sim.puppet("alice").send("bob", &request("OPTIONS", "1"));
}

#[test]
fn the_request_is_passed_up_and_in_trying_repetitions_are_discarded() {
    let mut sim = asked(Link::udp());
    sim.at(0.5, repeat);
    sim.at(1.5, repeat);
    sim.run_until(2.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.500  alice → bob    OPTIONS
         1.500  alice → bob    OPTIONS
        ",
    );
    assert_eq!(sim.bob().heard(), ["OPTIONS"]);
}

#[test]
fn in_proceeding_a_repetition_gets_the_provisional_response() {
    let mut sim = asked(Link::tcp());
    sim.bob().respond(100).expect("it is pending");
    sim.at(0.5, repeat);
    sim.run_until(1.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.000  bob → alice    100 OPTIONS
         0.500  alice → bob    OPTIONS
         0.500  bob → alice    100 OPTIONS
        ",
    );
}

#[test]
fn in_completed_each_repetition_gets_the_final_response_until_timer_j() {
    let mut sim = asked(Link::udp());
    sim.bob().respond(200).expect("it is pending");
    sim.at(0.5, repeat);
    sim.at(31.9, repeat);
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.000  bob → alice    200 OPTIONS
         0.500  alice → bob    OPTIONS
         0.500  bob → alice    200 OPTIONS
        31.900  alice → bob    OPTIONS
        31.900  bob → alice    200 OPTIONS
        32.000  bob            terminated   timer J
        ",
    );
    assert_eq!(sim.bob().heard(), ["OPTIONS"]);
    assert!(sim.is_idle());
}

#[test]
fn after_timer_j_the_same_request_is_a_new_one() {
    let mut sim = asked(Link::udp());
    sim.bob().respond(200).expect("it is pending");
    sim.at(32.1, repeat);
    sim.run_until(33.0);
    assert_eq!(sim.bob().heard(), ["OPTIONS", "OPTIONS"]);
}

#[test]
fn over_a_reliable_transport_timer_j_is_zero() {
    let mut sim = asked(Link::tcp());
    sim.bob().respond(404).expect("it is pending");
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.000  bob → alice    404 OPTIONS
         0.000  bob            terminated   timer J
        ",
    );
}

#[test]
fn any_other_final_response_of_the_user_is_discarded() {
    let mut sim = asked(Link::udp());
    sim.bob().respond(200).expect("it is pending");
    assert_eq!(sim.bob().respond(404), Err(RespondError::Answered));
    sim.at(0.5, repeat);
    sim.run_until(1.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.000  bob → alice    200 OPTIONS
         0.500  alice → bob    OPTIONS
         0.500  bob → alice    200 OPTIONS
        ",
    );
}

#[test]
fn timer_j_runs_from_the_final_response_and_no_repetition_starts_it_anew() {
    let mut sim = asked(Link::udp());
    sim.at(2.0, |sim| sim.bob().respond(200).expect("it is pending"));
    for at in [3.0, 20.0, 33.9] {
        sim.at(at, repeat);
    }
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         2.000  bob → alice    200 OPTIONS
         3.000  alice → bob    OPTIONS
         3.000  bob → alice    200 OPTIONS
        20.000  alice → bob    OPTIONS
        20.000  bob → alice    200 OPTIONS
        33.900  alice → bob    OPTIONS
        33.900  bob → alice    200 OPTIONS
        34.000  bob            terminated  timer J
        ",
    );
}
