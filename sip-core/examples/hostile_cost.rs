//! What a proxy's work on hostile messages costs, in instructions for each octet: reading, judging, every typed value a
//! proxy looks at, the edits of forwarding, and printing (RFC 3261 §16.3–16.6).
//!
//! ```text
//! cargo build --release -p sip-core --example hostile_cost
//! target/release/examples/hostile_cost list | while read -r kind; do
//!   valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=hostile_cost::whole_work \
//!     target/release/examples/hostile_cost "$kind" 60000 2>&1 | grep Collected
//! done
//! ```
//!
//! `hostile_cost KIND SIZE` reads within the default limits, `hostile_cost KIND SIZE unlimited` all of it. The figure
//! divided by SIZE is the cost of one octet.

use std::hint::black_box;

use bytes::Bytes;
use sip_core::*;

#[path = "../tests/messages/hostile.rs"]
mod hostile;
#[path = "../tests/messages/proxied.rs"]
mod proxied;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let wanted = arguments.next().unwrap_or_default();
    let size = match arguments.next() {
        Some(size) => size.parse()?,
        None => 60_000,
    };
    let limits = match arguments.next() {
        Some(_) => hostile::unlimited(),
        None => Limits::default(),
    };
    for kind in hostile::KINDS {
        if wanted == "list" {
            println!("{}", kind.0);
        } else if kind.0 == wanted {
            black_box(whole_work(black_box(hostile::message(kind, size)), &limits));
        }
    }
    Ok(())
}

#[inline(never)]
fn whole_work(datagram: Bytes, limits: &Limits) -> usize {
    proxied::work(datagram, limits)
}
