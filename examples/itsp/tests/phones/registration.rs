//! REGISTER with digest (RFC 3261 §10.2, §22; F-30 to F-34).

use crate::over_udp_and_tcp;

over_udp_and_tcp! {
    fn phone_registers_with_digest(server, transport) {
        server.phone("alice", transport, 5071).registers();
    }

    fn wrong_password_stays_401(server, transport) {
        let alice = server.phone("alice", transport, 5071).with_credentials("alice", "guessed");
        alice.plays("register_refused", "").ending(401).run().succeeds();
    }

    fn unknown_user_name_is_401_like_a_wrong_password(server, transport) {
        let nobody = server.phone("alice", transport, 5071).with_credentials("nobody", "guessed");
        nobody.plays("register_refused", "").ending(401).run().succeeds();
    }

    // F-34: the credentials are right, but the address belongs to somebody else.
    fn credentials_of_another_user_are_403(server, transport) {
        let intruder = server.phone("bob", transport, 5071).with_credentials("alice", "alice-secret");
        intruder.plays("register_refused", "").ending(403).run().succeeds();
        server.phone("alice", transport, 5072).is_refused("bob", 480);
    }

    // F-34: the credentials are right, but the address does not exist.
    fn unknown_address_is_404(server, transport) {
        let intruder = server.phone("nobody", transport, 5071).with_credentials("alice", "alice-secret");
        intruder.plays("register_refused", "").ending(404).run().succeeds();
    }
}
