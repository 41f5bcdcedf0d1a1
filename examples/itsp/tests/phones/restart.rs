//! A registration that was acknowledged survives the server: an orderly end and a sudden one.

use crate::over_udp_and_tcp;

over_udp_and_tcp! {
    fn registration_survives_an_orderly_restart(server, transport) {
        let mut server = server;
        server.phone("bob", transport, 5072).registers();
        server.stop();
        server.start();
        let called = server.phone("bob", transport, 5072).waits("answer");
        server.phone("alice", transport, 5071).calls("bob");
        called.succeeds();
    }

    fn registration_survives_kill_dash_nine(server, transport) {
        let mut server = server;
        server.phone("bob", transport, 5072).registers();
        server.kill();
        server.start();
        let called = server.phone("bob", transport, 5072).waits("answer");
        server.phone("alice", transport, 5071).calls("bob");
        called.succeeds();
    }
}
