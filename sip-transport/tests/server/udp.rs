//! Datagrams (RFC 3261 §18, RFC 3581).

use sip_core::Transport;
use sip_transport::{Bind, serve};

use crate::support::{PATIENCE, UdpPeer, answer, request};

#[tokio::test]
async fn a_closure_answers_requests() {
    // Port 0 would leave nobody knowing where it listens, so somebody's free port is taken over.
    let addr = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = tokio::spawn(serve(Bind::udp(addr).workers(1), answer));
    let question = tokio::task::spawn_blocking(move || {
        let alice = UdpPeer::new(addr);
        alice.socket.connect(addr).unwrap();
        // Until the server is there, the kernel refuses.
        loop {
            alice
                .socket
                .send(request("OPTIONS", "UDP 192.0.2.1;branch=z9hG4bK1", "a").as_bytes())
                .unwrap();
            let mut buffer = [0; 2048];
            if let Ok(count) = alice.socket.recv(&mut buffer) {
                return (
                    alice.port(),
                    String::from_utf8(buffer[..count].to_vec()).unwrap(),
                );
            }
        }
    });
    let (port, response) = tokio::time::timeout(PATIENCE, question)
        .await
        .unwrap()
        .unwrap();
    assert!(response.starts_with("SIP/2.0 200 OK\r\n"), "{response}");
    assert!(
        response.contains(&format!(";received=127.0.0.1;rport={port}")),
        "{response}"
    );
    assert!(
        response.contains("To: <sip:bob@b.example>;tag="),
        "{response}"
    );
    server.abort();
    let _ = Transport::Udp;
}
