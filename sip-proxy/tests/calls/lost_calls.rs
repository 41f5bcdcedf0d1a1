//! The cases in which servers lose calls, each a whole call from its first message to its last.

use sip_proxy::Proxy;
use sip_transaction::sim::{Link, PeerId, Sim};

use super::{TWO, UDP, with_proxy};

/// Runs to the end, where nothing may be left.
fn ends(mut sim: Sim, proxy: PeerId<Proxy>) -> Sim {
    sim.run();
    assert!(sim.is_idle() && sim.peer(proxy).user().is_idle());
    sim
}

fn count(heard: &[String], what: &str) -> usize {
    heard.iter().filter(|line| *line == what).count()
}

/// RFC 6026: the server transaction stays for them, and each is forwarded.
#[test]
fn the_first_200s_are_lost_towards_the_caller_and_the_callees_repeats_reach_it() {
    let link = Link::udp().lose_first_to(2, "alice", "200 INVITE");
    let (mut sim, proxy) = with_proxy(link, UDP);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(20.0, |sim| sim.alice().bye());
    sim.run_for(10.0);
    sim.assert_ladder(
        "
        0.000  alice → proxy  INVITE
        0.000  proxy → alice  100 INVITE
        0.000  proxy → bob    INVITE
        0.100  bob → proxy    180 INVITE
        0.100  proxy → alice  180 INVITE
        2.000  bob → proxy    200 INVITE
        2.000  proxy → alice  200 INVITE  lost
        2.500  bob → proxy    200 INVITE
        2.500  proxy → alice  200 INVITE  lost
        3.500  bob → proxy    200 INVITE
        3.500  proxy → alice  200 INVITE
        3.500  alice → proxy  ACK
        3.500  proxy → bob    ACK
        ",
    );
    ends(sim, proxy);
}

#[test]
fn the_first_200s_are_lost_towards_the_proxy() {
    let (mut sim, proxy) = with_proxy(Link::udp().lose_first(2, "200 INVITE"), UDP);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    let mut sim = ends(sim, proxy);
    assert_eq!(
        sim.alice().heard(),
        ["100 INVITE", "180 INVITE", "200 INVITE"]
    );
    assert!(sim.bob().heard().contains(&"ACK".to_owned()));
}

#[test]
fn the_ack_is_lost_and_the_repeated_200_brings_another() {
    let (mut sim, proxy) = with_proxy(Link::udp().lose_first_to(1, "bob", "ACK"), UDP);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    let mut sim = ends(sim, proxy);
    assert_eq!(count(sim.alice().heard(), "200 INVITE"), 2);
    assert_eq!(count(sim.bob().heard(), "ACK"), 1);
}

#[test]
fn somebody_answers_after_170_s_of_ringing() {
    let (mut sim, proxy) = with_proxy(Link::udp(), UDP);
    sim.bob().answers(&[(0.1, 180), (170.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(200.0, |sim| sim.alice().bye());
    let mut sim = ends(sim, proxy);
    assert_eq!(
        sim.alice().heard(),
        ["100 INVITE", "180 INVITE", "200 INVITE", "200 BYE"]
    );
}

/// A phone that says every minute that it rings restarts Timer C (§16.7 step 2).
#[test]
fn somebody_answers_after_500_s_of_ringing_that_is_told_every_minute() {
    let (mut sim, proxy) = with_proxy(Link::udp(), UDP);
    let mut script: Vec<_> = (0..9)
        .map(|minute| (f64::from(minute) * 60.0, 180))
        .collect();
    script.push((500.0, 200));
    sim.bob().answers(&script);
    sim.alice().invite("sip:bob@example.com");
    let mut sim = ends(sim, proxy);
    assert_eq!(count(sim.alice().heard(), "180 INVITE"), 9);
    assert_eq!(count(sim.alice().heard(), "200 INVITE"), 1);
}

/// The first CANCEL is answered, but the answer is lost: the caller repeats it, and the callee sees one.
#[test]
fn a_cancel_after_100_s_comes_twice() {
    let link = Link::udp().lose_first_to(1, "alice", "200 CANCEL");
    let (mut sim, proxy) = with_proxy(link, UDP);
    sim.bob().answers(&[(0.1, 180)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(100.0, |sim| sim.alice().cancel());
    let mut sim = ends(sim, proxy);
    assert_eq!(count(sim.bob().heard(), "CANCEL"), 1);
    assert_eq!(
        sim.alice().heard().last().map(String::as_str),
        Some("487 INVITE")
    );
    assert_eq!(count(sim.alice().heard(), "487 INVITE"), 1);
}

/// Both parties pay for the 487 that is lost, and neither hears anything else.
#[test]
fn the_487_after_a_cancel_is_lost_and_repeated() {
    let link = Link::udp().lose_first_to(2, "alice", "487 INVITE");
    let (mut sim, proxy) = with_proxy(link, UDP);
    sim.bob().answers(&[(0.1, 180)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(5.0, |sim| sim.alice().cancel());
    let mut sim = ends(sim, proxy);
    assert_eq!(count(sim.alice().heard(), "487 INVITE"), 1);
}

/// Both answers are the caller's to deal with (§16.7 step 5, §13.2.2.4).
#[test]
fn two_phones_answer_at_once_and_both_200s_reach_the_caller() {
    let (mut sim, proxy) = with_proxy(Link::udp(), TWO);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.phone("desk").answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    for at in [5.0, 6.0] {
        sim.at(at, |sim| sim.alice().bye());
    }
    let mut sim = ends(sim, proxy);
    assert_eq!(count(sim.alice().heard(), "200 INVITE"), 2);
    for phone in ["bob", "desk"] {
        assert_eq!(count(sim.phone(phone).heard(), "ACK"), 1, "{phone}");
        assert_eq!(count(sim.phone(phone).heard(), "BYE"), 1, "{phone}");
    }
}

/// "the 2xx that crosses the CANCEL" (§9.1, §16.10): the call stands, and its caller ends it.
#[test]
fn a_200_that_crosses_the_cancel_makes_a_call() {
    let link = Link::udp().latency(std::time::Duration::from_millis(50));
    let (mut sim, proxy) = with_proxy(link, UDP);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(2.05, |sim| sim.alice().cancel());
    sim.at(4.0, |sim| sim.alice().bye());
    let mut sim = ends(sim, proxy);
    assert_eq!(count(sim.alice().heard(), "200 INVITE"), 1);
    assert_eq!(count(sim.alice().heard(), "487 INVITE"), 0);
    assert_eq!(count(sim.bob().heard(), "BYE"), 1);
}

/// §16.8, for a caller that waits longer than anybody rings.
#[test]
fn a_callee_that_never_answers_is_408_when_timer_c_fires() {
    let (mut sim, proxy) = with_proxy(Link::udp(), UDP);
    sim.bob().answers(&[(0.0, 180)]);
    sim.alice().invite("sip:bob@example.com");
    sim.run_for(180.9);
    assert_eq!(sim.alice().heard(), ["100 INVITE", "180 INVITE"]);
    let mut sim = ends(sim, proxy);
    assert_eq!(
        sim.alice().heard().last().map(String::as_str),
        Some("408 INVITE")
    );
    assert_eq!(count(sim.bob().heard(), "CANCEL"), 1);
}

#[test]
fn a_callee_that_is_not_there_is_408_after_64_t1() {
    let (mut sim, proxy) = with_proxy(Link::udp(), UDP);
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    let mut sim = ends(sim, proxy);
    assert_eq!(sim.alice().heard(), ["100 INVITE", "408 INVITE"]);
}

/// The caller hangs up the moment it has heard the 200: BYE overtakes its own ACK, or is sent before the 200 is
/// acknowledged for good.
#[test]
fn a_bye_right_behind_the_ack_ends_the_call() {
    let (mut sim, proxy) = with_proxy(Link::udp().lose_first_to(1, "proxy", "ACK"), UDP);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(2.001, |sim| sim.alice().bye());
    let mut sim = ends(sim, proxy);
    assert_eq!(count(sim.alice().heard(), "200 BYE"), 1);
    assert_eq!(count(sim.bob().heard(), "BYE"), 1);
}

#[test]
fn a_bye_of_the_callee_crosses_the_ack_of_the_caller() {
    let link = Link::udp().latency(std::time::Duration::from_millis(50));
    let (mut sim, proxy) = with_proxy(link, UDP);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(2.25, |sim| sim.bob().bye());
    let mut sim = ends(sim, proxy);
    assert_eq!(count(sim.alice().heard(), "BYE"), 1);
    assert_eq!(count(sim.bob().heard(), "ACK"), 1);
    assert_eq!(count(sim.bob().heard(), "200 BYE"), 1);
}

#[test]
fn both_hang_up_at_once() {
    let link = Link::udp().latency(std::time::Duration::from_millis(50));
    let (mut sim, proxy) = with_proxy(link, UDP);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(10.0, |sim| sim.alice().bye());
    sim.at(10.0, |sim| sim.bob().bye());
    let mut sim = ends(sim, proxy);
    for phone in ["alice", "bob"] {
        assert_eq!(count(sim.phone(phone).heard(), "BYE"), 1, "{phone}");
        assert_eq!(count(sim.phone(phone).heard(), "200 BYE"), 1, "{phone}");
    }
}
