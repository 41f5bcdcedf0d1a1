//! One caller, one callee (RFC 3261 §16, F-50 to F-65).

use std::time::Duration;

use crate::over_udp_and_tcp;

over_udp_and_tcp! {
    fn two_phones_register_and_call_each_other(server, transport) {
        let (alice, bob) = (server.phone("alice", transport, 5071), server.phone("bob", transport, 5072));
        alice.registers();
        bob.registers();

        let called = bob.waits("answer");
        alice.calls("bob");
        called.succeeds();

        let called = alice.waits("answer");
        bob.calls("alice");
        called.succeeds();
    }

    fn wrong_password_stays_407(server, transport) {
        let alice = server.phone("alice", transport, 5071).with_credentials("alice", "guessed");
        alice.is_refused("bob", 407);
    }

    // F-54: the credentials are right, but From names somebody else.
    fn credentials_of_another_user_are_403(server, transport) {
        let intruder = server.phone("alice", transport, 5071).with_credentials("carol", "carol-secret");
        intruder.is_refused("bob", 403);
    }

    // F-65
    fn callee_who_is_not_registered_is_480(server, transport) {
        server.phone("alice", transport, 5071).is_refused("bob", 480);
    }

    // F-13
    fn callee_who_does_not_exist_is_404(server, transport) {
        server.phone("alice", transport, 5071).is_refused("nobody", 404);
    }

    fn busy_callee_is_486(server, transport) {
        let bob = server.phone("bob", transport, 5072);
        bob.registers();
        let called = bob.waits("busy");
        server.phone("alice", transport, 5071).is_refused("bob", 486);
        called.succeeds();
    }

    // F-05, RFC 3261 §9.2
    fn cancel_while_it_rings_ends_in_487(server, transport) {
        let bob = server.phone("bob", transport, 5072);
        bob.registers();
        let called = bob.waits("ring_until_cancelled");
        server.phone("alice", transport, 5071).plays("call_cancelled", "bob").run().succeeds();
        called.succeeds();
    }

    fn twenty_calls_at_once_do_not_mix(server, transport) {
        let bob = server.phone("bob", transport, 5072);
        bob.registers();
        let talk = Duration::from_millis(500);
        let called = bob.plays("answer", "").repeated(20, 20).pausing(talk).start_listening();
        server.phone("alice", transport, 5071).plays("call", "bob").repeated(20, 20).pausing(talk).run().succeeds();
        called.succeeds();
    }
}
