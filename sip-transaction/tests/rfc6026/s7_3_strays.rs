//! RFC 6026 §7.3, responses that match nothing.

use sip_transaction::sim::{Link, Sim};

#[test]
fn a_2xx_after_timer_m_is_told_apart_from_those_that_may_be_forwarded() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    sim.puppet("bob").reply(200);
    sim.at(33.0, |sim| sim.puppet("bob").reply(200));
    sim.run();
    assert_eq!(sim.alice().heard(), ["200 INVITE", "stray 200 INVITE"]);
}

#[test]
fn a_response_to_nothing_is_stray() {
    let mut sim = Sim::new(Link::udp());
    let stray = crate::messages::request("INVITE", "mine")
        .replace("INVITE sip:bob@192.0.2.2 SIP/2.0", "SIP/2.0 200 OK");
    sim.puppet("bob").send("alice", &stray);
    sim.run();
    assert_eq!(sim.alice().heard(), ["stray 200 INVITE"]);
    assert!(sim.is_idle());
}
