//! Bad input beside good calls: garbage datagrams, messages in pieces, messages that are broken (A01, A03, A17, A33).

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::phone::Transport;
use crate::server::Server;

const OPTIONS: &str = "OPTIONS sip:example.test SIP/2.0\r\n\
    Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK-pieces\r\n\
    From: <sip:alice@example.test>;tag=1\r\n\
    To: <sip:example.test>\r\n\
    Call-ID: pieces\r\n\
    CSeq: 1 OPTIONS\r\n\
    Max-Forwards: 70\r\n\
    Content-Length: 0\r\n\r\n";

#[test]
fn calls_go_on_beside_garbage_datagrams() {
    Server::with(|server| {
        let bob = server.phone("bob", Transport::Udp, 5072);
        bob.registers();
        let called = bob.plays("answer", "").repeated(20, 20).start_listening();

        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let socket = UdpSocket::bind((*server.address().ip(), 0)).unwrap();
                for junk in garbage().cycle() {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let _ = socket.send_to(&junk, server.address());
                    thread::sleep(Duration::from_micros(500));
                }
            });
            let report = server
                .phone("alice", Transport::Udp, 5071)
                .plays("call", "bob")
                .repeated(20, 20)
                .run();
            over.store(true, Ordering::Relaxed);
            report.succeeds();
        });
        called.succeeds();
    });
}

#[test]
fn message_in_pieces_is_answered_when_it_is_whole() {
    Server::with(|server| {
        let mut stream = connect(&server);
        let (first, rest) = OPTIONS.split_at(OPTIONS.len() / 2);
        stream.write_all(first.as_bytes()).unwrap();

        // Half a message keeps nobody else waiting, and earns no answer yet.
        server
            .phone("alice", Transport::Tcp, 5071)
            .plays("options", "")
            .run()
            .succeeds();
        stream.set_nonblocking(true).unwrap();
        assert!(
            stream.read(&mut [0; 16]).is_err(),
            "half a message was answered"
        );
        stream.set_nonblocking(false).unwrap();

        for octet in rest.as_bytes() {
            stream.write_all(&[*octet]).unwrap();
        }
        assert!(read_response(&mut stream).starts_with("SIP/2.0 200 "));
    });
}

#[test]
fn many_messages_in_one_segment_are_all_answered() {
    Server::with(|server| {
        let mut stream = connect(&server);
        stream.write_all(OPTIONS.repeat(60).as_bytes()).unwrap();
        for _ in 0..60 {
            assert!(read_response(&mut stream).starts_with("SIP/2.0 200 "));
        }
    });
}

#[test]
fn broken_message_on_a_stream_gets_400_and_the_connection_closes() {
    for broken in [
        "Content-Length: -1",
        "Content-Length: many",
        "Content-Length: 0\r\nContent-Length: 7",
    ] {
        Server::with(|server| {
            let mut stream = connect(&server);
            stream
                .write_all(OPTIONS.replace("Content-Length: 0", broken).as_bytes())
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("SIP/2.0 400 "), "{broken}: {answer:?}");
            server
                .phone("alice", Transport::Tcp, 5071)
                .plays("options", "")
                .run()
                .succeeds();
        });
    }
}

#[test]
fn another_protocol_on_the_stream_is_closed() {
    Server::with(|server| {
        let mut stream = connect(&server);
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: example.test\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        // A reset is as good an end as a close.
        let _ = stream.read_to_end(&mut answer);
        assert!(
            answer.is_empty() || answer.starts_with(b"SIP/2.0 400 "),
            "{answer:?}"
        );
    });
}

#[test]
fn double_crlf_on_a_stream_gets_one_crlf() {
    Server::with(|server| {
        let mut stream = connect(&server);
        stream.write_all(b"\r\n\r\n").unwrap();
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"\r\n");
    });
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream
}

/// One response without a body.
fn read_response(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    let mut octet = [0];
    while !response.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet).unwrap();
        response.push(octet[0]);
    }
    String::from_utf8(response).unwrap()
}

/// What arrives on a SIP port in public: other protocols, noise, and SIP that is cut short or has bits turned.
fn garbage() -> impl Iterator<Item = Vec<u8>> + Clone {
    let other = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"\r\n\r\n".to_vec(),
        Vec::new(),
        vec![0; 1400],
        b"INVITE".to_vec(),
        b"SIP/2.0 200 OK\r\n\r\n".to_vec(),
    ];
    let cut = (0..OPTIONS.len())
        .step_by(9)
        .map(|end| OPTIONS.as_bytes()[..end].to_vec());
    let turned = (0..OPTIONS.len()).step_by(7).map(|at| {
        let mut octets = OPTIONS.as_bytes().to_vec();
        octets[at] ^= 1 << (at % 8);
        octets
    });
    other.into_iter().chain(cut).chain(turned)
}
