//! What carrying one message costs in instructions, step by step: reading an INVITE of 976 octets, forwarding it,
//! answering it, and a whole keep-alive.
//!
//! ```text
//! .ci/instructions sip-core
//! ```
//!
//! With Rust 1.95 on x86-64, for one message: 5,600 instructions to read it, 12,300 with six typed headers, 6,400 to
//! read and print it, 8,500 to forward it; 600 for a copy of it, 2,200 for its reply, and 8,800 for a whole keep-alive.
//! The exact figures, which no change may exceed by more than 3 %, stand in `benches/instructions.txt`.

#[path = "../benches/work/mod.rs"]
mod work;

use std::hint::black_box;

use sip_core::Request;
use work::Bench;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = match std::env::args().nth(1) {
        Some(rounds) => rounds.parse()?,
        None => 1000,
    };
    let bench = Bench::new()?;
    let message = work::read(bench.invite.clone())?;
    let request = Request::try_from(message.clone()).map_err(|_| "an INVITE is a request")?;
    let mut out = Vec::with_capacity(2048);
    for _ in 0..rounds {
        let invite = || black_box(bench.invite.clone());
        black_box(work::read(invite())?);
        black_box(work::read_six_headers(invite())?);
        black_box(work::print(invite())?);
        black_box(work::forward(invite(), &bench.record_route, &bench.branch)?);
        black_box(work::copy(black_box(&message)));
        out.clear();
        work::reply(black_box(&request), &bench.tag, &mut out);
        out.clear();
        let keep_alive = black_box(bench.keep_alive.clone());
        work::keep_alive(keep_alive, bench.source, &bench.tag, &mut out)?;
        black_box(&out);
    }
    Ok(())
}
