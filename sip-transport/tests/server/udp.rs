//! Datagrams (RFC 3261 §18, RFC 3581).

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use sip_core::{Method, StatusCode, Transport};
use sip_transaction::Target;
use sip_transport::{Bind, Settings, serve};

use crate::support::{PATIENCE, UdpPeer, answer, ok, request};
use crate::user::{Seen, Stage, What};

fn stage() -> (Stage, UdpPeer) {
    let stage = Stage::set(Bind::udp("127.0.0.1:0"), 1);
    let alice = UdpPeer::new(stage.server.addr(Transport::Udp));
    (stage, alice)
}

#[tokio::test]
async fn a_closure_answers_requests() {
    // With port 0 nobody would know where it listens, so it takes a port that was free just now.
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    let server = tokio::spawn(serve(Bind::udp(addr).workers(1), answer));
    let question = tokio::task::spawn_blocking(move || {
        let alice = UdpPeer::new(addr);
        alice.socket.connect(addr).unwrap();
        let options = request("OPTIONS", "UDP 192.0.2.1;branch=z9hG4bK1", "a");
        // Until the server is there, the kernel refuses.
        let mut buffer = [0; 2048];
        let count = loop {
            let _ = alice.socket.send(options.as_bytes());
            if let Ok(count) = alice.socket.recv(&mut buffer) {
                break count;
            }
        };
        let response = String::from_utf8(buffer[..count].to_vec()).unwrap();
        (alice.port(), response)
    });
    let answered = tokio::time::timeout(PATIENCE, question).await;
    let (port, response) = answered.unwrap().unwrap();
    assert!(response.starts_with("SIP/2.0 200 OK\r\n"), "{response}");
    let source = format!(";received=127.0.0.1;rport={port}");
    assert!(response.contains(&source), "{response}");
    assert!(
        response.contains("To: <sip:bob@b.example>;tag="),
        "{response}"
    );
    server.abort();
}

#[test]
fn the_response_goes_to_the_source_whatever_via_says() {
    let (_stage, alice) = stage();
    for via in [
        "UDP 192.0.2.1:9;branch=z9hG4bK1",
        "UDP 192.0.2.1:9;branch=z9hG4bK2;rport",
        "UDP 192.0.2.1:9;branch=z9hG4bK3;received=192.0.2.9;rport=9",
        "UDP 192.0.2.1:9;branch=z9hG4bK4;maddr=192.0.2.9",
    ] {
        alice.send(request("OPTIONS", via, "a"));
        let response = alice.receive();
        let source = format!("received=127.0.0.1;rport={}", alice.port());
        assert!(response.contains(&source), "{via}: {response}");
        assert_eq!(response.matches("received=").count(), 1, "{response}");
        assert_eq!(response.matches("rport").count(), 1, "{response}");
    }
}

#[test]
fn a_retransmission_is_answered_again_and_not_seen_again() {
    let (stage, alice) = stage();
    let message = request("MESSAGE", "UDP 192.0.2.1;branch=z9hG4bK1", "a");
    alice.send(&message);
    let first = alice.receive();
    for _ in 0..2 {
        alice.send(&message);
        assert_eq!(alice.receive(), first);
    }
    alice.expect_silence();
    assert_eq!(stage.next_request().1, Method::Message);
    assert_eq!(stage.next_request().1, Method::Options);
}

#[test]
fn garbage_is_met_with_silence() {
    let (stage, alice) = stage();
    let garbage: [&[u8]; 7] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        &[0xff; 1400],
        &[b'a'; 65_000],
        b"SIP/2.0",
        b"\0\0\0\0\0\0\0\0",
        b"INVITE",
    ];
    for datagram in garbage {
        alice.send(datagram);
    }
    alice.expect_silence();
    assert_eq!(stage.server.count("garbage"), 7);
    stage.server.await_count("datagrams_sent", 1);
    assert_eq!(stage.server.count("datagrams_sent"), 1);
}

#[test]
fn keep_alives_are_met_with_silence() {
    let (stage, alice) = stage();
    for datagram in ["", "\r\n", "\r\n\r\n", "\0\0\0\0", " "] {
        alice.send(datagram);
    }
    alice.expect_silence();
    assert_eq!(stage.server.count("keepalives"), 5);
    assert_eq!(stage.server.count("garbage"), 0);
}

#[test]
fn a_broken_request_gets_400_and_is_not_seen() {
    let (stage, alice) = stage();
    let sound = request("INVITE", "UDP 192.0.2.1;branch=z9hG4bK1", "a");
    for broken in [
        sound.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        sound.replace("CSeq: 1 INVITE", "CSeq: x"),
        sound.replace("Content-Length: 0", "Content-Length: 99"),
        sound.replace("From: <sip:alice@a.example>;tag=88sja8x\r\n", ""),
    ] {
        alice.send(&broken);
        let response = alice.receive();
        assert!(response.starts_with("SIP/2.0 400 "), "{broken}{response}");
        let again = {
            alice.send(&broken);
            alice.receive()
        };
        assert_eq!(again, response, "the To tag must not change");
    }
    alice.expect_silence();
    assert_eq!(stage.next_request().1, Method::Options);
    assert_eq!(stage.server.count("flawed_answered"), 8);
}

#[test]
fn a_broken_ack_or_response_is_met_with_silence() {
    let (stage, alice) = stage();
    let ack = request("ACK", "UDP 192.0.2.1;branch=z9hG4bK1", "a");
    alice.send(ack.replace("CSeq: 1 ACK", "CSeq: x"));
    let response = ack.replace("ACK sip:bob@b.example SIP/2.0", "SIP/2.0 200 OK");
    alice.send(response.replace("Call-ID: a\r\n", ""));
    alice.expect_silence();
    assert_eq!(stage.server.count("flawed_dropped"), 2);
    assert_eq!(stage.next_request().1, Method::Options);
}

#[test]
fn more_requests_than_a_batch_are_all_answered() {
    let (stage, alice) = stage();
    // No more than the kernel holds for a reader that is late.
    for i in 0..100 {
        let via = format!("UDP 192.0.2.1;branch=z9hG4bK{i}");
        alice.send(request("OPTIONS", &via, &format!("call-{i}")));
    }
    for i in 0..100 {
        let response = alice.receive();
        assert!(
            response.contains(&format!("Call-ID: call-{i}\r\n")),
            "{response}"
        );
    }
    assert_eq!(stage.server.count("datagrams_received"), 100);
    stage.server.await_count("datagrams_sent", 100);
}

#[test]
fn a_wildcard_listener_answers_from_the_address_it_was_asked_at() {
    let stage = Stage::set(Bind::udp("0.0.0.0:0"), 1);
    let port = stage.server.addr(Transport::Udp).port();
    let asked = (Ipv4Addr::new(127, 0, 0, 77), port).into();
    let alice = UdpPeer::new(asked);
    alice.socket.connect(asked).unwrap();
    let options = request("OPTIONS", "UDP 192.0.2.1;branch=z9hG4bK1", "a");
    alice.socket.send(options.as_bytes()).unwrap();
    // A connected socket takes nothing from anybody else.
    assert!(alice.receive().starts_with("SIP/2.0 200 "));
    let (_, _, flow) = stage.next_request();
    assert_eq!(flow.local, asked);
}

#[test]
fn ipv6_is_served_beside_ipv4() {
    let stage = Stage::set(Bind::udp("127.0.0.1:0").and_udp("[::1]:0"), 1);
    let socket = UdpSocket::bind("[::1]:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let server = stage.server.addrs[1].1;
    let alice = UdpPeer { socket, server };
    let options = request("OPTIONS", "UDP [2001:db8::1];branch=z9hG4bK1", "a");
    alice.send(options);
    let response = alice.receive();
    assert!(response.contains("received=::1"), "{response}");
    UdpPeer::new(stage.server.addrs[0].1).expect_silence();
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
    gone.local_addr().unwrap()
}

#[test]
fn a_request_nobody_takes_fails_at_once() {
    // The answer of ICMP may come to any worker's socket.
    let stage = Stage::set(Bind::udp("127.0.0.1:0"), 3);
    for worker in 0..3 {
        stage.send(worker, Target::address(Transport::Udp, nobody()));
        // Timer F would take 32 s, more than the test's patience.
        let Seen { worker: who, what } = stage.next();
        assert_eq!((who, what), (worker, What::TransportFailure));
    }
    stage.server.await_count("datagrams_returned", 3);
}

#[test]
fn what_comes_back_is_no_matter_of_those_who_send_by_the_same_socket() {
    let stage = Stage::set(Bind::udp("127.0.0.1:0"), 1);
    let alice = UdpPeer::new(stage.server.addr(Transport::Udp));
    for _ in 0..50 {
        stage.send(0, Target::address(Transport::Udp, nobody()));
        let to = Target::address(Transport::Udp, alice.socket.local_addr().unwrap());
        stage.send(0, to);
        alice.send(ok(&alice.receive()));
        let mut seen = [stage.next().what, stage.next().what];
        seen.sort_by_key(|what| *what == What::TransportFailure);
        assert_eq!(
            seen,
            [What::Response(StatusCode::OK), What::TransportFailure]
        );
    }
    assert_eq!(stage.server.count("datagrams_lost"), 0);
}

#[test]
fn a_request_leaves_from_the_address_it_is_given() {
    let stage = Stage::set(Bind::udp("0.0.0.0:0").and_udp("127.0.0.9:0"), 1);
    let [anywhere, nine] = [0, 1].map(|i| stage.server.addrs[i].1);
    let alice = UdpPeer::new(nine);
    for from in [
        SocketAddr::new([127, 0, 0, 7].into(), anywhere.port()),
        SocketAddr::new([127, 0, 0, 8].into(), anywhere.port()),
        nine,
    ] {
        let to = Target::Address {
            transport: Transport::Udp,
            remote: alice.socket.local_addr().unwrap(),
            local: Some(from),
        };
        stage.send(0, to);
        let mut buffer = [0; 2048];
        let (count, source) = alice.socket.recv_from(&mut buffer).unwrap();
        assert_eq!(source, from);
        let request = String::from_utf8(buffer[..count].to_vec()).unwrap();
        alice.socket.send_to(ok(&request).as_bytes(), from).unwrap();
        assert_eq!(stage.next().what, What::Response(StatusCode::OK));
    }
    // An address that is not ours is no reason to send from another one.
    let to = Target::Address {
        transport: Transport::Udp,
        remote: alice.socket.local_addr().unwrap(),
        local: Some(SocketAddr::new([127, 0, 0, 9].into(), 9)),
    };
    stage.send(0, to);
    assert_eq!(stage.next().what, What::TransportFailure);
}

#[test]
fn a_wildcard_listener_of_ipv6_says_which_of_its_addresses_was_asked() {
    let stage = Stage::set(Bind::udp("0.0.0.0:0").and_udp("[::]:0"), 1);
    let port = stage.server.addrs[1].1.port();
    let asked = SocketAddr::new("::1".parse().unwrap(), port);
    let socket = UdpSocket::bind("[::1]:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(asked).unwrap();
    let options = request("OPTIONS", "UDP [2001:db8::1];branch=z9hG4bK1", "a");
    socket.send(options.as_bytes()).unwrap();
    let mut buffer = [0; 2048];
    assert!(socket.recv(&mut buffer).unwrap() > 0);
    assert_eq!(stage.next_request().2.local, asked);
}

#[test]
fn a_worker_that_is_behind_refuses_new_work_and_nothing_in_a_dialog() {
    let mut settings = Settings::default();
    // So that it is behind whenever it has had something to do for a while.
    settings.udp.longest_wait = Duration::from_nanos(1);
    let stage = Stage::set(Bind::udp("127.0.0.1:0").settings(settings), 1);
    let alice = UdpPeer::new(stage.server.addr(Transport::Udp));
    alice.socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 2048];
    let started = Instant::now();
    let refusal = (0..).find_map(|i| {
        assert!(started.elapsed() < PATIENCE);
        let via = format!("UDP 192.0.2.1;branch=z9hG4bK{i}");
        let new = request("MESSAGE", &via, "new");
        let known = new.replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=1");
        for message in [new, known.replace("z9hG4bK", "z9hG4bKx")] {
            // The kernel may have no room just now.
            let _ = alice.socket.send_to(message.as_bytes(), alice.server);
        }
        let count = alice.socket.recv(&mut buffer).ok()?;
        let response = str::from_utf8(&buffer[..count]).unwrap().to_owned();
        response.starts_with("SIP/2.0 503 ").then_some(response)
    });
    let refusal = refusal.unwrap();
    assert!(refusal.contains("\r\nRetry-After: "), "{refusal}");
    assert!(!refusal.contains("z9hG4bKx"), "{refusal}");
    assert!(stage.server.count("refused_overload") > 0);
}
