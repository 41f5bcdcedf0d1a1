//! RFC 3261 §9.2, being cancelled.

use sip_transaction::sim::{Link, Sim};

use crate::messages::{request, responses, with_via};

#[test]
fn a_cancel_is_answered_with_200_and_the_user_cancels_the_invite() {
    let mut sim = Sim::new(Link::udp());
    sim.bob().answers(&[(0.0, 180), (9.0, 200)]);
    sim.puppet("alice").send("bob", &request("INVITE", "1"));
    sim.at(1.0, |sim| {
        sim.puppet("alice").send("bob", &request("CANCEL", "1"))
    });
    sim.run_until(1.2);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    180 INVITE
         1.000  alice → bob    CANCEL
         1.000  bob → alice    200 CANCEL
         1.000  bob → alice    487 INVITE
        ",
    );
    assert_eq!(sim.bob().heard(), ["INVITE", "CANCEL"]);
}

#[test]
fn a_repeated_cancel_gets_the_200_again_and_is_not_told_again() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("alice").send("bob", &request("INVITE", "1"));
    for at in [0.05, 0.1, 30.0] {
        sim.at(at, |sim| {
            sim.puppet("alice").send("bob", &request("CANCEL", "1"))
        });
    }
    sim.run_until(31.0);
    assert_eq!(sim.ladder().only(|_, what| what == "200 CANCEL").len(), 3);
    assert_eq!(sim.bob().heard(), ["INVITE", "CANCEL"]);
}

#[test]
fn a_cancel_that_matches_nothing_goes_to_the_user() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("alice").send("bob", &request("CANCEL", "1"));
    sim.run_until(0.1);
    sim.assert_ladder(
        "
         0.000  alice → bob    CANCEL
         0.000  bob → alice    481 CANCEL
        ",
    );
}

#[test]
fn after_the_final_response_a_cancel_has_no_effect_but_its_200() {
    for (status, acked) in [(486, "486 INVITE"), (200, "200 INVITE")] {
        let mut sim = Sim::new(Link::tcp());
        sim.bob().answers(&[(0.0, status)]);
        sim.puppet("alice").send("bob", &request("INVITE", "1"));
        sim.at(0.1, |sim| {
            sim.puppet("alice").send("bob", &request("CANCEL", "1"))
        });
        sim.run_until(0.2);
        let ladder = sim.ladder().only(|who, _| who == "bob → alice").to_string();
        let sent: Vec<&str> = ladder.lines().map(|line| line[23..].trim()).collect();
        assert_eq!(sent, [acked, "200 CANCEL"]);
        assert_eq!(sim.bob().heard(), ["INVITE"]);
    }
}

#[test]
fn a_cancel_of_anything_but_invite_has_no_effect_but_its_200() {
    let mut sim = Sim::new(Link::udp());
    sim.bob().answers_others(&[(1.0, 200)]);
    sim.puppet("alice").send("bob", &request("SUBSCRIBE", "1"));
    sim.at(0.5, |sim| {
        sim.puppet("alice").send("bob", &request("CANCEL", "1"))
    });
    sim.run_until(2.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    SUBSCRIBE
         0.500  alice → bob    CANCEL
         0.500  bob → alice    200 CANCEL
         1.000  bob → alice    200 SUBSCRIBE
        ",
    );
    assert_eq!(sim.bob().heard(), ["SUBSCRIBE"]);
}

#[test]
fn the_200_has_the_to_tag_of_the_invites_responses() {
    // With a provisional response before, and without.
    for script in [&[(0.0, 180)][..], &[]] {
        let mut sim = Sim::new(Link::udp());
        sim.bob().answers(script);
        sim.puppet("alice").send("bob", &request("INVITE", "1"));
        sim.at(0.1, |sim| {
            sim.puppet("alice").send("bob", &request("CANCEL", "1"))
        });
        sim.run_until(0.15);
        let tags: Vec<_> = responses(&sim.puppet("alice").received())
            .iter()
            .map(|response| response.to_tag().expect("a tag"))
            .collect();
        assert_eq!(tags.len(), script.len() + 2);
        assert!(tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
    }
}

#[test]
fn an_rfc_2543_cancel_matches_by_its_headers() {
    let via = "SIP/2.0/UDP 192.0.2.1:5060";
    let mut sim = Sim::new(Link::udp());
    sim.puppet("alice").send("bob", &with_via("INVITE", via));
    sim.at(0.1, move |sim| {
        sim.puppet("alice").send("bob", &with_via("CANCEL", via))
    });
    sim.run_until(0.15);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.100  alice → bob    CANCEL
         0.100  bob → alice    200 CANCEL
         0.100  bob → alice    487 INVITE
        ",
    );
}

#[test]
fn the_cancel_of_another_call_does_not_match() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("alice").send("bob", &request("INVITE", "1"));
    let other = with_via("CANCEL", "SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bK1");
    sim.at(0.1, move |sim| sim.puppet("alice").send("bob", &other));
    sim.run_until(0.15);
    assert_eq!(sim.bob().heard(), ["INVITE", "CANCEL"]);
    assert_eq!(sim.ladder().only(|_, what| what == "481 CANCEL").len(), 1);
}
