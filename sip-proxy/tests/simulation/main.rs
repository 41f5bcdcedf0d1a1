//! Whole networks drawn from a seed: proxies that crash, phones that misbehave, links that lose, backends that are late.
//! In each of them the same must hold (`invariants.rs`).
//!
//! ```text
//! SEEDS=0..1000000 cargo test --release -p sip-proxy --test simulation every_schedule
//! SEEDS=42 PCAP=42.pcap cargo test -p sip-proxy --test simulation every_schedule -- --nocapture
//! ```
//!
//! The first runs more seeds; the second shows one of them as a ladder and writes it as a capture for Wireshark.

mod backends;
mod calm;
mod crashes;
mod invariants;
mod losses;
mod recipe;
mod rogue;
mod seeds;
mod trace;
mod world;

use seeds::Seeds;
use world::World;

#[test]
fn every_schedule_keeps_the_promises() {
    Seeds::from_environment(0..10_000).each(invariants::check);
}

/// A world is of no use where nothing happens.
#[test]
fn the_worlds_are_of_many_kinds() {
    let mut seen = std::collections::BTreeMap::new();
    for seed in 0..300 {
        for packet in trace::read(&World::run(seed).sim) {
            *seen.entry(packet.name()).or_insert(0) += 1;
        }
    }
    for what in [
        "INVITE",
        "ACK",
        "CANCEL",
        "BYE",
        "MESSAGE",
        "100 INVITE",
        "180 INVITE",
        "200 INVITE",
        "200 BYE",
        "200 CANCEL",
        "404 INVITE",
        "408 INVITE",
        "481 BYE",
        "486 INVITE",
        "487 INVITE",
        "503 INVITE",
    ] {
        assert!(seen.contains_key(what), "{what} is missing among {seen:#?}");
    }
}
