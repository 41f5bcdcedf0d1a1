//! One user, two phones: both ring, one answers, the other is cancelled (RFC 3261 §16.7 steps 5 and 10).

use crate::over_udp_and_tcp;

over_udp_and_tcp! {
    fn both_phones_ring_and_the_one_not_answered_is_cancelled(server, transport) {
        let (desk, mobile) = (server.phone("bob", transport, 5072), server.phone("bob", transport, 5073));
        desk.registers();
        mobile.registers();

        let answered = desk.waits("answer");
        let cancelled = mobile.waits("ring_until_cancelled");
        server.phone("alice", transport, 5071).plays("call", "bob").run().succeeds();
        answered.succeeds();
        cancelled.succeeds();
    }

    fn both_phones_are_cancelled_with_the_call(server, transport) {
        let (desk, mobile) = (server.phone("bob", transport, 5072), server.phone("bob", transport, 5073));
        desk.registers();
        mobile.registers();

        let rings = [desk.waits("ring_until_cancelled"), mobile.waits("ring_until_cancelled")];
        server.phone("alice", transport, 5071).plays("call_cancelled_forked", "bob").run().succeeds();
        rings.into_iter().for_each(|phone| phone.succeeds());
    }
}
