//! RFC 6026 §7.2, the client transaction's Accepted state.

use sip_core::Tag;
use sip_transaction::sim::{Link, Sim};

/// Alice calls bob, a puppet, who has answered.
fn accepted(link: Link) -> Sim {
    let mut sim = Sim::new(link);
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    sim.puppet("bob").reply(200);
    sim.run_until(0.0);
    sim
}

#[test]
fn a_2xx_moves_to_accepted_until_timer_m_whatever_the_transport() {
    for link in [Link::udp(), Link::tcp()] {
        let mut sim = accepted(link);
        sim.run();
        sim.assert_ladder(
            "
             0.000  alice → bob    INVITE
             0.000  bob → alice    200 INVITE
             0.000  alice → bob    ACK
            32.000  alice          terminated  timer M
            ",
        );
        assert!(sim.is_idle());
    }
}

#[test]
fn each_repetition_of_the_2xx_is_passed_up_and_timer_m_is_not_reset() {
    let mut sim = accepted(Link::udp());
    sim.at(0.5, |sim| sim.puppet("bob").reply(200));
    sim.at(1.5, |sim| sim.puppet("bob").reply(200));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    200 INVITE
         0.000  alice → bob    ACK
         0.500  bob → alice    200 INVITE
         0.500  alice → bob    ACK
         1.500  bob → alice    200 INVITE
         1.500  alice → bob    ACK
        32.000  alice          terminated  timer M
        ",
    );
    assert_eq!(sim.alice().heard(), ["200 INVITE"; 3]);
}

#[test]
fn a_2xx_of_another_branch_of_a_fork_is_passed_up() {
    let mut sim = accepted(Link::udp());
    sim.puppet("bob").reply_with(200, |response| {
        let to: sip_core::To = response.headers().require().expect("a To");
        let tag = Tag::new("carol").expect("a token");
        response.headers_mut().set(&to.with_tag(&tag));
    });
    sim.run_until(1.0);
    assert_eq!(sim.alice().heard(), ["200 INVITE"; 2]);
    assert_eq!(sim.ladder().only(|_, what| what == "ACK").len(), 2);
}

#[test]
fn anything_but_a_2xx_is_ignored() {
    let mut sim = accepted(Link::udp());
    sim.puppet("bob").reply(180);
    sim.puppet("bob").reply(486);
    sim.run_until(1.0);
    assert_eq!(sim.alice().heard(), ["200 INVITE"]);
    assert_eq!(sim.ladder().only(|_, what| what == "ACK").len(), 1);
}

#[test]
fn in_completed_a_2xx_is_ignored() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    sim.puppet("bob").reply(486);
    sim.puppet("bob").reply(200);
    sim.run_until(1.0);
    assert_eq!(sim.alice().heard(), ["486 INVITE"]);
}
