//! The load every release has to carry without one failure and without one message sent twice.

use std::time::Duration;

use crate::phone::Transport;
use crate::server::Server;

const CALLS: u32 = 1_000;
const CALLS_PER_SECOND: u32 = 50;
const REGISTRATIONS: u32 = 10_000;
const REGISTRATIONS_PER_SECOND: u32 = 250;

#[test]
fn thousand_calls_at_fifty_a_second_over_udp() {
    calls(Transport::Udp);
}

#[test]
fn thousand_calls_at_fifty_a_second_over_tcp() {
    calls(Transport::Tcp);
}

#[test]
fn ten_thousand_registrations_over_udp() {
    registrations(Transport::Udp);
}

#[test]
fn ten_thousand_registrations_over_tcp() {
    registrations(Transport::Tcp);
}

fn calls(transport: Transport) {
    Server::alone_with(["alice".to_owned(), "bob".to_owned()], |server| {
        let bob = server.phone("bob", transport, 5072);
        bob.registers();
        let called = bob
            .plays("answer", "")
            .repeated(CALLS, CALLS_PER_SECOND)
            .pausing(Duration::from_millis(100));
        let called = called.start_listening();
        let alice = server.phone("alice", transport, 5071);
        alice
            .plays("call", "bob")
            .repeated(CALLS, CALLS_PER_SECOND)
            .pausing(Duration::from_millis(200))
            .run()
            .succeeds();
        called.succeeds();
    });
}

fn registrations(transport: Transport) {
    let users = || (0..REGISTRATIONS).map(|number| format!("user{number:05}"));
    Server::alone_with(users(), |server| {
        let script = server
            .phone("user00000", transport, 5071)
            .plays("register", "");
        script
            .by_users(users())
            .repeated(REGISTRATIONS, REGISTRATIONS_PER_SECOND)
            .run()
            .succeeds();
    });
}
