//! RFC 3261 §17.2.4, transport errors of server transactions; for INVITE as RFC 6026 §7.1 has it.

use sip_transaction::sim::{Link, Sim};

use crate::messages::request;

#[test]
fn the_user_learns_that_a_response_could_not_be_sent_and_the_transaction_ends() {
    let mut sim = Sim::new(Link::udp());
    sim.bob().answers_others(&[(1.0, 200)]);
    sim.puppet("alice").send("bob", &request("OPTIONS", "1"));
    sim.at(0.5, |sim| sim.unplug("alice"));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         1.000  bob → alice    200 OPTIONS  not sent
         1.000  bob            failed
        ",
    );
    assert_eq!(sim.bob().heard(), ["OPTIONS", "failed"]);
    assert!(sim.is_idle());
}

#[test]
fn an_invite_transaction_stays_and_absorbs_repetitions() {
    let mut sim = Sim::new(Link::udp());
    sim.bob().answers(&[(0.1, 180)]);
    sim.puppet("alice").send("bob", &request("INVITE", "1"));
    sim.at(0.05, |sim| sim.unplug("alice"));
    sim.run_until(1.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.100  bob → alice    180 INVITE  not sent
         0.100  bob            failed
        ",
    );
    assert_eq!(sim.bob().layer().transactions(), 1);
}

#[test]
fn a_connection_that_breaks_is_no_failure_since_a_response_may_take_another_one() {
    let mut sim = Sim::new(Link::tcp());
    sim.puppet("alice").send("bob", &request("INVITE", "1"));
    sim.run_until(1.0);
    sim.cut("alice", "bob");
    assert_eq!(sim.bob().heard(), ["INVITE"]);
    assert_eq!(sim.bob().layer().transactions(), 1);
}
