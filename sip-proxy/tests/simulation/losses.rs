//! Ten thousand calls over a network that loses one message in twenty, each way.

use std::collections::HashMap;
use std::time::Duration;

use sip_core::Method;
use sip_transaction::sim::Link;

use crate::calm::Calm;
use crate::trace::{self, Kind};

const RUNS: u64 = 100;
const CALLS: usize = 100;

/// What became of one call, by what arrived.
#[derive(Default, Debug)]
struct Call {
    accepted: bool,
    acknowledged: bool,
    refused: bool,
    ended: bool,
}

#[test]
fn with_one_message_in_twenty_lost_every_call_is_set_up_and_ended_or_refused() {
    let mut set_up = 0;
    for seed in 0..RUNS {
        let link = Link::udp()
            .seed(seed)
            .latency(Duration::from_millis(20))
            .loses(0.05);
        let mut calm = Calm::new(link);
        for number in 0..CALLS {
            calm.sim.at(number as f64 / 10.0, |sim| {
                sim.alice().invite("sip:group@example.com");
            });
            calm.sim
                .at(60.0 + number as f64 / 10.0, |sim| sim.alice().bye());
        }
        calm.sim.run();
        calm.assert_idle();
        let calls = what_became(&calm);
        assert_eq!(calls.len(), CALLS);
        for (call_id, call) in calls {
            let is_set_up = call.accepted && call.acknowledged && call.ended && !call.refused;
            let is_refused = call.refused && !call.accepted;
            assert!(is_set_up || is_refused, "seed {seed}, {call_id}: {call:?}");
            set_up += usize::from(is_set_up);
        }
    }
    // Six of seven INVITEs lost in a row, or their answers, are once in more calls than these.
    assert!(set_up >= 9990, "{set_up} of 10,000 were set up");
}

fn what_became(calm: &Calm) -> HashMap<String, Call> {
    let address = |name: &str| calm.sim.address_of(name).expect("it is there");
    let (alice, bob) = (address("alice"), address("bob"));
    let mut calls: HashMap<String, Call> = HashMap::new();
    for sent in trace::read(&calm.sim) {
        let call = calls.entry(sent.call_id.clone()).or_default();
        if sent.arrivals.is_empty() {
            continue;
        }
        match (sent.kind, &sent.method) {
            (Kind::Response(200..300), Method::Invite) if sent.to == alice => call.accepted = true,
            (Kind::Response(300..), Method::Invite) if sent.to == alice => call.refused = true,
            (Kind::Request, Method::Ack) if sent.to == bob => call.acknowledged = true,
            (Kind::Response(200), Method::Bye) if sent.to == alice => call.ended = true,
            _ => {}
        }
    }
    calls
}
