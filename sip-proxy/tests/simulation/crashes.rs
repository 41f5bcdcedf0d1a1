//! A proxy that has lost all it knew: what goes on, and what ends.

use std::time::Duration;

use sip_transaction::sim::Link;

use crate::calm::Calm;

#[test]
fn a_bye_of_either_side_passes_a_proxy_that_started_again_since() {
    for ends in ["alice", "bob"] {
        let mut calm = Calm::new(Link::udp());
        calm.sim.alice().invite("sip:group@example.com");
        calm.restart_at(5.0);
        calm.sim.at(10.0, move |sim| sim.phone(ends).bye());
        calm.sim.run();
        let other = if ends == "alice" { "bob" } else { "alice" };
        assert_eq!(
            calm.sim.phone(ends).heard().last().expect("an answer"),
            "200 BYE"
        );
        assert_eq!(
            calm.sim.phone(other).heard().last().expect("a request"),
            "BYE"
        );
        calm.assert_idle();
    }
}

#[test]
fn the_ack_passes_a_proxy_that_started_again_since_the_200() {
    let mut calm = Calm::new(Link::udp().latency(Duration::from_millis(50)));
    calm.sim.alice().invite("sip:group@example.com");
    calm.restart_at(2.22); // the 200 leaves bob at 2.1, and the ACK reaches the proxy at 2.25
    calm.sim.run();
    assert_eq!(calm.sim.bob().heard(), ["INVITE", "ACK"]);
    calm.assert_idle();
}

/// The callee's 200 belongs to nothing any more, and is dropped (RFC 6026 §7.3); all others wait and give up.
#[test]
fn a_call_that_rings_when_the_proxy_crashes_ends_and_leaves_nothing() {
    let mut calm = Calm::new(Link::udp());
    calm.sim.alice().invite("sip:group@example.com");
    calm.restart_at(1.0);
    calm.sim.at(3.0, |sim| sim.alice().cancel());
    calm.sim.run();
    assert_eq!(
        calm.sim.alice().heard(),
        ["100 INVITE", "180 INVITE", "timeout"],
        "64·T1 after a CANCEL that got 481"
    );
    calm.assert_idle();
}
