//! What carrying one message takes in time, step by step: `cargo bench -p sip-core`. The steps are those that
//! `.ci/instructions` counts.

mod work;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sip_core::Request;
use work::Bench;

fn messages(criterion: &mut Criterion) {
    let bench = Bench::new().expect("sound inputs");
    let message = work::read(bench.invite.clone()).expect("an INVITE");
    let request = Request::try_from(message.clone()).expect("a request");
    let mut out = Vec::with_capacity(2048);
    criterion.bench_function("read", |run| {
        run.iter(|| work::read(black_box(bench.invite.clone())));
    });
    criterion.bench_function("read_six_headers", |run| {
        run.iter(|| work::read_six_headers(black_box(bench.invite.clone())));
    });
    criterion.bench_function("print", |run| {
        run.iter(|| work::print(black_box(bench.invite.clone())));
    });
    criterion.bench_function("forward", |run| {
        let (record_route, branch) = (&bench.record_route, &bench.branch);
        run.iter(|| work::forward(black_box(bench.invite.clone()), record_route, branch));
    });
    criterion.bench_function("copy", |run| {
        run.iter(|| work::copy(black_box(&message)));
    });
    criterion.bench_function("reply", |run| {
        run.iter(|| {
            out.clear();
            work::reply(black_box(&request), &bench.tag, &mut out);
        });
    });
    criterion.bench_function("keep_alive", |run| {
        run.iter(|| {
            out.clear();
            let datagram = black_box(bench.keep_alive.clone());
            work::keep_alive(datagram, bench.source, &bench.tag, &mut out)
        });
    });
}

criterion_group!(benches, messages);
criterion_main!(benches);
