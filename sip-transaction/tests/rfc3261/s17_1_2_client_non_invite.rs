//! RFC 3261 §17.1.2, non-INVITE client transaction.

use sip_core::Method;
use sip_transaction::sim::{Link, Sim};

const BOB: &str = "sip:bob@example.com";

#[test]
fn unanswered_request_is_resent_on_timer_e_capped_at_t2_until_timer_f() {
    let mut sim = Sim::new(Link::udp().lose_everything());
    sim.alice().request(Method::Options, BOB);
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.500  alice → bob    OPTIONS    timer E
         1.500  alice → bob    OPTIONS    timer E
         3.500  alice → bob    OPTIONS    timer E
         7.500  alice → bob    OPTIONS    timer E
        11.500  alice → bob    OPTIONS    timer E
        15.500  alice → bob    OPTIONS    timer E
        19.500  alice → bob    OPTIONS    timer E
        23.500  alice → bob    OPTIONS    timer E
        27.500  alice → bob    OPTIONS    timer E
        31.500  alice → bob    OPTIONS    timer E
        32.000  alice          timeout    timer F
        ",
    );
    assert_eq!(sim.alice().heard(), ["timeout"]);
    assert!(sim.is_idle());
}

#[test]
fn over_a_reliable_transport_timer_e_is_not_started() {
    let mut sim = Sim::new(Link::tcp().lose_everything());
    sim.alice().request(Method::Options, BOB);
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
        32.000  alice          timeout    timer F
        ",
    );
}

#[test]
fn after_a_provisional_response_retransmissions_go_on_at_t2() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().request(Method::Options, BOB);
    sim.at(0.7, |sim| sim.puppet("bob").reply(100));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.500  alice → bob    OPTIONS     timer E
         0.700  bob → alice    100 OPTIONS
         1.500  alice → bob    OPTIONS     timer E
         5.500  alice → bob    OPTIONS     timer E
         9.500  alice → bob    OPTIONS     timer E
        13.500  alice → bob    OPTIONS     timer E
        17.500  alice → bob    OPTIONS     timer E
        21.500  alice → bob    OPTIONS     timer E
        25.500  alice → bob    OPTIONS     timer E
        29.500  alice → bob    OPTIONS     timer E
        32.000  alice          timeout     timer F
        ",
    );
    assert_eq!(sim.alice().heard(), ["100 OPTIONS", "timeout"]);
}

#[test]
fn every_provisional_response_is_passed_up_and_none_stops_timer_e_or_f() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().request(Method::Options, BOB);
    for at in [0.1, 3.0, 31.0] {
        sim.at(at, |sim| sim.puppet("bob").reply(100));
    }
    sim.run();
    assert_eq!(
        sim.alice().heard(),
        ["100 OPTIONS", "100 OPTIONS", "100 OPTIONS", "timeout"]
    );
    assert!(
        sim.ladder()
            .only(|who, _| who == "alice")
            .reads_as("32.000 alice timeout timer F"),
        "{}",
        sim.ladder()
    );
}

#[test]
fn in_completed_a_provisional_response_is_not_passed_up() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().request(Method::Options, BOB);
    sim.run_until(0.0);
    sim.puppet("bob").reply(200);
    sim.at(1.0, |sim| sim.puppet("bob").reply(100));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.000  bob → alice    200 OPTIONS
         1.000  bob → alice    100 OPTIONS
         5.000  alice          terminated  timer K
        ",
    );
    assert_eq!(sim.alice().heard(), ["200 OPTIONS"]);
}

#[test]
fn a_final_response_is_passed_up_once_and_timer_k_absorbs_its_repetitions() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().request(Method::Options, BOB);
    for at in [0.1, 0.2, 5.0, 5.2] {
        sim.at(at, |sim| sim.puppet("bob").reply(200));
    }
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.100  bob → alice    200 OPTIONS
         0.200  bob → alice    200 OPTIONS
         5.000  bob → alice    200 OPTIONS
         5.100  alice          terminated  timer K
         5.200  bob → alice    200 OPTIONS
        ",
    );
    assert_eq!(sim.alice().heard(), ["200 OPTIONS", "stray 200 OPTIONS"]);
}

#[test]
fn a_final_response_in_proceeding_ends_retransmissions() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().request(Method::Options, BOB);
    sim.at(0.1, |sim| sim.puppet("bob").reply(100));
    sim.at(0.2, |sim| sim.puppet("bob").reply(404));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.100  bob → alice    100 OPTIONS
         0.200  bob → alice    404 OPTIONS
         5.200  alice          terminated  timer K
        ",
    );
}

#[test]
fn over_a_reliable_transport_timer_k_is_zero() {
    let mut sim = Sim::new(Link::tcp());
    sim.alice().request(Method::Options, BOB);
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.000  bob → alice    200 OPTIONS
         0.000  bob            terminated  timer J
         0.000  alice          terminated  timer K
        ",
    );
}
