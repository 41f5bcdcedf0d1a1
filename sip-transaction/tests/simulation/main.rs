//! The simulator itself: runs can be replayed, and calls get through a bad network.

use std::time::Duration;

use sip_transaction::sim::{Link, Sim};

fn bad_network(seed: u64) -> Link {
    Link::udp()
        .seed(seed)
        .latency(Duration::from_millis(20))
        .jitter(Duration::from_millis(80))
        .loses(0.2)
        .duplicates(0.1)
}

/// A call that is answered after two seconds, and ended a minute later.
fn call(link: Link) -> Sim {
    let mut sim = Sim::new(link);
    sim.bob().answers(&[(0.3, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(60.0, |sim| sim.alice().bye());
    sim.run();
    sim
}

#[test]
fn the_same_seed_gives_the_same_ladder() {
    for seed in 0..20 {
        assert_eq!(
            call(bad_network(seed)).ladder(),
            call(bad_network(seed)).ladder()
        );
    }
}

#[test]
fn other_seeds_give_other_ladders() {
    let ladders: Vec<String> = (0..10)
        .map(|seed| call(bad_network(seed)).ladder().to_string())
        .collect();
    let mut unique = ladders.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), ladders.len());
}

#[test]
fn a_call_over_a_good_network() {
    for link in [Link::udp(), Link::tcp()] {
        let transport = link.clone();
        let sim = call(link.latency(Duration::from_millis(10)));
        let messages = sim.ladder().only(|who, _| who.contains('→'));
        assert!(
            messages.reads_as(
                "
                 0.000  alice → bob  INVITE
                 0.210  bob → alice  100 INVITE  timer Trying
                 0.310  bob → alice  180 INVITE
                 2.010  bob → alice  200 INVITE
                 2.020  alice → bob  ACK
                60.000  alice → bob  BYE
                60.010  bob → alice  200 BYE
                "
            ),
            "{transport:?}\n{messages}"
        );
    }
}

/// One final answer, the rest silence; the callee's repeated 2xx make up for the lost ones (§13.3.1.4).
#[test]
fn calls_get_through_a_network_that_loses_a_fifth() {
    for seed in 0..500 {
        let mut sim = call(bad_network(seed));
        assert!(sim.is_idle(), "seed {seed}");
        let heard = sim.alice().heard().to_vec();
        let answered = heard.iter().any(|what| what == "200 INVITE");
        let refused = heard.iter().any(|what| what == "timeout");
        assert!(
            answered || refused,
            "seed {seed}: {heard:?}\n{}",
            sim.ladder()
        );
        // Six of seven INVITEs, or as many responses, would have to be lost.
        if refused && !answered {
            assert!(
                sim.ladder().only(|_, what| what == "INVITE").len() >= 7,
                "{}",
                sim.ladder()
            );
        }
        let asked = sim
            .bob()
            .heard()
            .iter()
            .filter(|what| *what == "INVITE")
            .count();
        assert!(
            asked <= 1,
            "seed {seed}: the callee was asked {asked} times\n{}",
            sim.ladder()
        );
    }
}

#[test]
fn a_run_can_be_written_as_a_capture_file() {
    let sim = call(Link::tcp());
    let file = sim.pcap();
    let sent = sim.ladder().only(|who, _| who.contains('→')).len();
    let mut at = 24; // behind the file's header
    let mut packets = 0;
    while at < file.len() {
        let length = file[at + 8..at + 12].try_into().map(u32::from_ne_bytes);
        at += 16 + length.expect("four octets") as usize;
        packets += 1;
    }
    assert_eq!((at, packets), (file.len(), sent));
    assert!(file[24 + 16 + 28..].starts_with(b"INVITE sip:bob@example.com SIP/2.0\r\n"));
}

#[test]
fn a_lost_message_is_named_and_the_next_one_arrives() {
    let mut sim = Sim::new(Link::udp().lose_first(1, "200 OPTIONS"));
    sim.alice()
        .request(sip_core::Method::Options, "sip:bob@example.com");
    sim.run_until(1.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         0.000  bob → alice    200 OPTIONS  lost
         0.500  alice → bob    OPTIONS      timer E
         0.500  bob → alice    200 OPTIONS
        ",
    );
}
