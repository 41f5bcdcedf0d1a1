//! RFC 4028: session timers, as a proxy asks for them (F-90 to F-94).

#[path = "../rfc3261/support.rs"]
#[allow(dead_code, reason = "shared with the tests of RFC 3261")]
mod support;

mod s8_1_requests;
mod s8_2_responses;

use sip_proxy::{Decision, ForkPlan, Incoming, Relay, SessionTimers};

use support::*;

/// A proxy that wants sessions of `default` seconds, and none below `min`.
fn wanting(default: u32, min: u32) -> World {
    World::new(By(move |incoming: &Incoming| -> Decision {
        let relay = Relay::new(open(), ForkPlan::unchanged(incoming));
        match SessionTimers::new(default, min).apply(incoming, relay) {
            Ok(relay) => relay.into(),
            Err(too_small) => too_small.into(),
        }
    }))
}

const BOB_URI: &str = "sip:bob@203.0.113.1";
