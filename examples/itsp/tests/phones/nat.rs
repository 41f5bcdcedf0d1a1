//! Phones behind a NAT: calls reach them, and so does whatever follows in the dialog (F-81 to F-83).

use crate::over_udp_and_tcp;
use crate::phone::Transport::Udp;
use crate::server::Server;

/// F-83: ACK and BYE reach bob, whose Contact leads nowhere.
#[test]
fn a_caller_hangs_up_on_a_callee_behind_a_nat() {
    Server::with(|server| {
        let bob = server.phone("bob", Udp, 5072).behind_nat();
        bob.registers();
        let called = bob.waits("answer");
        server.phone("alice", Udp, 5071).calls("bob");
        called.succeeds();
    });
}

over_udp_and_tcp! {
    // F-81, F-83: BYE reaches alice, whose Contact leads nowhere.
    fn a_callee_hangs_up_on_a_caller_behind_a_nat(server, transport) {
        let (alice, bob) = (server.phone("alice", transport, 5071), server.phone("bob", transport, 5072));
        bob.registers();
        let called = bob.waits("answer_and_hang_up");
        alice.behind_nat().plays("call_until_bye", "bob").run().succeeds();
        called.succeeds();
    }
}

#[test]
fn two_phones_behind_nats_hang_up_on_each_other() {
    Server::with(|server| {
        let alice = server.phone("alice", Udp, 5071).behind_nat();
        let bob = server.phone("bob", Udp, 5072).behind_nat();
        alice.registers();
        bob.registers();
        let called = bob.waits("answer");
        alice.calls("bob");
        called.succeeds();
        let called = alice.waits("answer_and_hang_up");
        bob.plays("call_until_bye", "alice").run().succeeds();
        called.succeeds();
    });
}
