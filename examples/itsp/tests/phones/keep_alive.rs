//! What is answered at once, without credentials and without a look-up: keep-alives (T1) and OPTIONS to the server (F-08).

use crate::over_udp_and_tcp;

over_udp_and_tcp! {
    fn keep_alive_is_answered_200(server, transport) {
        server.phone("alice", transport, 5071).plays("keep_alive", "").repeated(20, 100).run().succeeds();
    }

    fn options_to_the_server_is_answered_200(server, transport) {
        server.phone("alice", transport, 5071).plays("options", "").run().succeeds();
    }
}
