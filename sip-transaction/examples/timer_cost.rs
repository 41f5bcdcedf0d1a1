//! What it costs to arm a timer, to look for the next deadline and to cancel the timer, with many others armed.
//!
//! ```text
//! cargo build --release -p sip-transaction --example timer_cost
//! for armed in 1000 1000000; do
//!   valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='timer_cost::step' \
//!     target/release/examples/timer_cost 1000 $armed 2>&1 | grep Collected
//! done
//! ```
//!
//! The figure divided by 1000 is the cost of one: 383 with a thousand, 380 with a million, with Rust 1.95 on x86-64.

// The timers are no one's but the layer's, so their files are read here once more; and some moment is the first.
#![allow(dead_code, unreachable_pub, clippy::disallowed_methods)]

#[path = "../src/deadline.rs"]
mod deadline;
#[path = "../src/table.rs"]
mod table;
#[path = "../src/timer.rs"]
mod timer;

use std::hint::black_box;
use std::time::{Duration, Instant};

use deadline::Deadlines;
use timer::Timer;

const T1: Duration = Duration::from_millis(500);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |n, default| {
        std::env::args()
            .nth(n)
            .map_or(Ok(default), |text| text.parse())
    };
    let (rounds, armed): (u32, u32) = (argument(1, 1000)?, argument(2, 1_000_000)?);
    let (mut deadlines, mut now) = (Deadlines::new(), Instant::now());
    for slot in 0..armed {
        now += Duration::from_nanos(100);
        deadlines.arm(now, slot, Timer::A, T1 * (1 << (slot % 7)));
        deadlines.arm(now, slot, Timer::B, 64 * T1);
    }
    deadlines.arm(now, armed, Timer::A, T1); // so that the last slot has its room
    for _ in 0..rounds {
        now += Duration::from_nanos(100);
        step(&mut deadlines, now, armed);
    }
    Ok(())
}

#[inline(never)]
fn step(deadlines: &mut Deadlines, now: Instant, slot: u32) {
    deadlines.arm(black_box(now), black_box(slot), Timer::A, T1);
    black_box(deadlines.next());
    deadlines.stop(black_box(slot), Timer::A);
}
