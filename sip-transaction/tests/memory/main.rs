//! What a transaction holds, and what a stateless answer allocates: nothing.

#[path = "../messages/mod.rs"]
mod messages;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;

use messages::{parse_request, request};
use sip_core::{Message, StatusCode, Transport};
use sip_transaction::sim::epoch;
use sip_transaction::{Config, Event, Flow, Target, TransactionLayer};

/// Counts this thread's allocations, and the bytes it holds.
struct Counter;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn note(calls: usize, bytes: isize) {
    let _ = CALLS.try_with(|counter| counter.set(counter.get() + calls));
    let _ = HELD.try_with(|counter| counter.set(counter.get() + bytes));
}

// SAFETY: hands everything to the system's allocator, and only counts.
unsafe impl GlobalAlloc for Counter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTER: Counter = Counter;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn flow() -> Flow {
    Flow::udp(address("192.0.2.2:5060"), address("192.0.2.1:5060"))
}

#[test]
fn a_stateless_answer_allocates_nothing_once_warm() {
    let mut layer = TransactionLayer::new(Config::default(), 1);
    let keep_alive = parse_request(request("NOTIFY", "1"));
    let response = keep_alive.reply(StatusCode::OK);
    let mut inputs: Vec<_> = (0..2000).map(|_| keep_alive.clone()).collect();
    let mut answer = |count: usize| {
        for request in inputs.drain(..count) {
            layer.handle_message(epoch(), Message::Request(request), flow());
            assert!(matches!(layer.poll_event(), Some(Event::Request { .. })));
            layer.reply(flow(), &response);
            assert!(layer.poll_transmit().is_some());
        }
    };
    answer(1000); // two slabs are filled, and the first is used again
    let before = CALLS.get();
    answer(1000);
    assert_eq!(CALLS.get() - before, 0);
}

/// Both sides of a proxied call that rings: the server transaction, the client transaction, their timers.
#[test]
fn a_held_invite_costs_at_most_750_bytes_beyond_its_messages() {
    const CALLS_HELD: usize = 2000;
    let mut layer = TransactionLayer::new(Config::default(), 1);
    let to = Target::address(Transport::Udp, address("192.0.2.3:5060"));
    let incoming: Vec<_> = (0..CALLS_HELD)
        .map(|call| parse_request(request("INVITE", &call.to_string())))
        .collect();
    let before = HELD.get();
    let mut messages = 0;
    for invite in &incoming {
        let id = layer.accept(epoch(), invite, flow()).expect("it is new");
        layer
            .respond(epoch(), id, invite.reply(StatusCode::TRYING))
            .expect("it is pending");
        layer
            .respond(epoch(), id, invite.reply(StatusCode::RINGING))
            .expect("it is pending");
        layer.send_request(epoch(), invite.clone(), to);
        messages += invite.to_bytes().len();
        let (mut ringing, mut forwarded) = (0, 0);
        while let Some(transmit) = layer.poll_transmit() {
            match transmit.payload.starts_with(b"SIP/2.0 ") {
                true => ringing = transmit.payload.len(),
                false => forwarded = transmit.payload.len(),
            }
        }
        messages += ringing + forwarded;
    }
    let held = HELD.get() - before - messages as isize;
    let each = held as usize / CALLS_HELD;
    println!("{each} bytes");
    assert!(each <= 750, "{each} bytes");
    assert_eq!(layer.transactions(), 2 * CALLS_HELD);
}

#[test]
fn when_all_have_ended_the_memory_is_given_back() {
    let before = HELD.get();
    let mut layer = TransactionLayer::new(Config::default(), 1);
    let to = Target::address(Transport::Udp, address("192.0.2.3:5060"));
    for call in 0..5000 {
        let options = parse_request(request("OPTIONS", &call.to_string()));
        let id = layer.accept(epoch(), &options, flow()).expect("it is new");
        layer
            .respond(epoch(), id, options.reply(StatusCode::OK))
            .expect("it is pending");
        layer.send_request(epoch(), options, to);
        while layer.poll_transmit().is_some() {}
    }
    let busy = HELD.get() - before;
    while let Some(next) = layer.poll_timeout() {
        layer.handle_timeout(next);
        while layer.poll_transmit().is_some() || layer.poll_event().is_some() {}
    }
    assert!(layer.is_idle());
    let idle = HELD.get() - before;
    assert!(busy > 2_000_000, "{busy} bytes");
    assert!(idle < busy / 10, "{idle} of {busy} bytes");
}
