//! A registration that was acknowledged survives the server: an orderly end and a sudden one.

use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::over_udp_and_tcp;
use crate::phone::Transport;
use crate::server::Server;

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

/// F-23: the signed cookie is enough; the server that restarted remembers no call.
#[test]
fn a_call_goes_on_when_the_server_restarted_and_a_forged_one_does_not_begin() {
    Server::with(|mut server| {
        server.phone("bob", Transport::Udp, 5072).registers();
        let caller = Socket::bind(&server, 5071);
        let callee = Socket::bind(&server, 5072);
        caller.send("INVITE sip:bob@example.test", "", "1 INVITE", "");
        let invite = callee.receive_request("INVITE");
        let record_route = header(&invite, "Record-Route: ");
        assert!(record_route.contains(";avp="), "{record_route}");

        server.kill();
        server.start();
        let bob = format!("sip:bob@{}", callee.address());
        for route in [
            record_route.replace(";avp=", ";avp=A"),
            record_route.replace(";avp=", ";x="),
        ] {
            caller.send(&format!("BYE {bob}"), ";tag=b", "2 BYE", &route);
            let answer = caller.receive("SIP/2.0 4");
            assert!(answer.starts_with("SIP/2.0 404 "), "{answer}"); // F-13: nobody here, and no dialog
        }
        caller.send(&format!("BYE {bob}"), ";tag=b", "3 BYE", &record_route);
        callee.receive_request("BYE");
    });
}

/// A phone of another domain, which is not asked who it is when it calls somebody here.
struct Socket {
    socket: UdpSocket,
    server: SocketAddrV4,
}

impl Socket {
    fn bind(server: &Server, port: u16) -> Socket {
        let socket = UdpSocket::bind((*server.address().ip(), port)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Socket {
            socket,
            server: server.address(),
        }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    fn send(&self, start: &str, to_tag: &str, cseq: &str, route: &str) {
        let route = match route {
            "" => String::new(),
            route => format!("Route: {route}\r\n"),
        };
        let branch = BRANCHES.fetch_add(1, Ordering::Relaxed);
        let address = self.address();
        let request = format!(
            "{start} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK-{branch}\r\n\
             From: <sip:x@elsewhere.test>;tag=a\r\nTo: <sip:bob@example.test>{to_tag}\r\n\
             Call-ID: across\r\nCSeq: {cseq}\r\nMax-Forwards: 70\r\n{route}\
             Contact: <sip:x@{address}>\r\nContent-Length: 0\r\n\r\n"
        );
        self.socket
            .send_to(request.as_bytes(), self.server)
            .unwrap();
    }

    /// The next message that begins with `start`; others are passed by.
    fn receive(&self, start: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.socket.recv(&mut buffer).unwrap();
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if message.starts_with(start) {
                return message;
            }
        }
    }

    /// The next request, which is to be a `method`; what is sent again is passed by.
    fn receive_request(&self, method: &str) -> String {
        let request = self.receive("");
        match request.starts_with("INVITE ") && method != "INVITE" {
            true => self.receive_request(method),
            false => {
                assert!(request.starts_with(method), "{request}");
                request
            }
        }
    }
}

static BRANCHES: AtomicU32 = AtomicU32::new(1);

fn header(message: &str, name: &str) -> String {
    let line = message.lines().find_map(|line| line.strip_prefix(name));
    line.expect(name).to_owned()
}
