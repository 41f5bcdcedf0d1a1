//! What a call that rings holds on both sides of the proxy, and that nothing of a call is left when it is over.

#[path = "../../examples/call/mod.rs"]
mod call;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use call::{Call, Server};

/// Counts the bytes this thread holds.
struct Counter;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn note(bytes: isize) {
    let _ = HELD.try_with(|counter| counter.set(counter.get() + bytes));
}

// SAFETY: hands everything to the system's allocator, and only counts.
unsafe impl GlobalAlloc for Counter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(-(layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTER: Counter = Counter;

/// Server transaction, response context, client transaction, Timer C: a held INVITE, all included.
#[test]
fn a_call_that_rings_holds_1500_bytes_beyond_its_messages_and_5000_with_them() {
    const RINGING: usize = 2000;
    let mut server = Server::new(false);
    let before = HELD.get();
    let mut messages = 0;
    for number in 0..RINGING {
        messages += Call(number as u64).ring(&mut server);
    }
    server.sent = Vec::new();
    let held = (HELD.get() - before) as usize / RINGING;
    let messages = messages / RINGING;
    println!("{held} bytes, {messages} of them messages");
    assert_eq!(server.proxy.response_contexts(), RINGING);
    assert!(held <= 5000, "{held} bytes");
    assert!(
        held - messages <= 1500,
        "{} bytes beyond {messages}",
        held - messages
    );
}

/// `CALLS=1000000` runs a million.
#[test]
fn when_all_calls_are_over_the_heap_is_where_it_was() {
    /// What empty tables and queues keep for those who come next, however many were there.
    const KEPT: isize = 200_000;
    let calls = std::env::var("CALLS").map_or(10_000, |calls| calls.parse().expect("a number"));
    let mut server = Server::new(true);
    let start = HELD.get();
    let mut busiest = 0;
    for number in 0..calls {
        Call(number).run(&mut server);
        server.wait(Duration::from_millis(10));
        busiest = busiest.max(HELD.get() - start);
    }
    server.wait(Duration::from_secs(64));
    assert!(server.layer.is_idle() && server.proxy.is_idle());
    server.sent = Vec::new();
    let left = HELD.get() - start;
    println!("{left} bytes left after {calls} calls, {busiest} at their busiest");
    assert!(left <= KEPT, "{left} bytes left");
    assert!(busiest > 10 * KEPT, "{busiest} bytes at its busiest");
}
