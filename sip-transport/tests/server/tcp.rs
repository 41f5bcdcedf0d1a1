//! Connections (RFC 3261 §18, RFC 5923, RFC 5626 §3.5.1).

use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::time::Duration;

use sip_core::{StatusCode, Transport};
use sip_transaction::Target;
use sip_transport::{Bind, Settings};
use socket2::{Domain, SockRef, Socket, Type};

use crate::support::{PATIENCE, TcpPeer, ok, request};
use crate::user::{Command, Stage, What};

fn stage() -> Stage {
    Stage::set(Bind::tcp("127.0.0.1:0"), 1)
}

fn stage_with(change: impl FnOnce(&mut Settings)) -> Stage {
    let mut settings = Settings::default();
    change(&mut settings);
    Stage::set(Bind::tcp("127.0.0.1:0").settings(settings), 1)
}

fn connect(stage: &Stage) -> TcpPeer {
    TcpPeer::connect(stage.server.addr(Transport::Tcp))
}

fn options(call_id: &str) -> String {
    let via = format!("TCP 192.0.2.1;branch=z9hG4bK{call_id}");
    request("OPTIONS", &via, call_id)
}

/// A port that is taken, so that nobody else gets it, and that refuses every connection.
fn deaf() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, addr)
}

/// Closes with an RST instead of a FIN.
fn reset(peer: TcpPeer) {
    let linger = Some(Duration::ZERO);
    SockRef::from(&peer.0).set_linger(linger).unwrap();
}

fn expect_ok(response: &str, call_id: &str) {
    assert!(response.starts_with("SIP/2.0 200 OK\r\n"), "{response}");
    let line = format!("\r\nCall-ID: {call_id}\r\n");
    assert!(response.contains(&line), "{response}");
}

#[test]
fn octet_by_octet_is_as_good_as_at_once() {
    let stage = stage();
    let mut alice = connect(&stage);
    for octet in options("slow").as_bytes() {
        alice.send([*octet]);
    }
    expect_ok(&alice.receive(), "slow");
    alice.send(options("fast"));
    expect_ok(&alice.receive(), "fast");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let stage = stage();
    let mut alice = connect(&stage);
    let requests: String = (0..60).map(|i| options(&format!("call-{i}"))).collect();
    alice.send(requests);
    for i in 0..60 {
        expect_ok(&alice.receive(), &format!("call-{i}"));
    }
    assert_eq!(stage.server.count("stream_messages"), 60);
}

#[test]
fn what_comes_faster_than_it_is_read_is_read_to_its_end() {
    const COUNT: usize = 1000;
    let stage = stage();
    let mut alice = connect(&stage);
    let mut writing = TcpPeer(alice.0.try_clone().unwrap());
    let writer = std::thread::spawn(move || {
        let requests: String = (0..COUNT).map(|i| options(&format!("call-{i}"))).collect();
        assert!(requests.len() > 2 * 65_536);
        writing.send(requests);
        writing.0.shutdown(Shutdown::Write).unwrap();
    });
    for i in 0..COUNT {
        expect_ok(&alice.receive(), &format!("call-{i}"));
    }
    assert_eq!(alice.receive_to_end(), "");
    writer.join().unwrap();
}

#[test]
fn half_a_message_waits_for_the_rest() {
    let stage = stage();
    let mut alice = connect(&stage);
    let mut bob = connect(&stage);
    let message = options("halves");
    let (head, rest) = message.split_at(100);
    alice.send(head);
    // Others do not wait.
    bob.send(options("whole"));
    expect_ok(&bob.receive(), "whole");
    alice.send(rest);
    expect_ok(&alice.receive(), "halves");
}

#[test]
fn half_a_message_does_not_wait_forever() {
    let stage = stage_with(|settings| {
        settings.stream.message_deadline = Duration::from_millis(20);
    });
    let mut idle = connect(&stage);
    let mut alice = connect(&stage);
    alice.send("OPTIONS sip:bob@b.example SIP/2.0\r\nVia: ");
    assert_eq!(alice.receive_to_end(), "");
    assert_eq!(stage.server.count("connections_timed_out"), 1);
    // A connection without a message under way has more time.
    idle.send(options("idle"));
    expect_ok(&idle.receive(), "idle");
}

#[test]
fn a_silent_connection_is_closed_in_the_end() {
    let stage = stage_with(|settings| settings.stream.idle = Duration::from_millis(20));
    let mut alice = connect(&stage);
    alice.send(options("alive"));
    expect_ok(&alice.receive(), "alive");
    assert_eq!(alice.receive_to_end(), "");
    stage.server.await_count("connections_closed", 1);
    assert_eq!(stage.server.count("connections_timed_out"), 1);
}

#[test]
fn a_broken_message_gets_400_and_the_connection_closes() {
    let stage = stage();
    for broken in [
        options("a").replace("Content-Length: 0", "Content-Length: x"),
        options("a").replace("Content-Length: 0", "Content-Length: 99999999999999999999"),
        options("a").replace("Content-Length: 0\r\n", ""),
    ] {
        let mut alice = connect(&stage);
        alice.send(options("sound"));
        alice.send(&broken);
        // Whatever follows is not looked at.
        alice.send(options("never"));
        expect_ok(&alice.receive(), "sound");
        let rest = alice.receive_to_end();
        assert!(rest.starts_with("SIP/2.0 400 "), "{broken}{rest}");
        assert_eq!(rest.matches("SIP/2.0 ").count(), 1, "{rest}");
    }
    stage.server.await_count("connections_closed", 3);
}

#[test]
fn a_message_with_a_flaw_whose_end_is_known_gets_400_and_the_connection_stays() {
    let stage = stage();
    let mut alice = connect(&stage);
    alice.send(options("a").replace("CSeq: 1 OPTIONS", "CSeq: 1 BYE"));
    let response = alice.receive();
    assert!(response.starts_with("SIP/2.0 400 "), "{response}");
    alice.send(options("b"));
    expect_ok(&alice.receive(), "b");
}

#[test]
fn what_is_no_sip_closes_the_connection_without_a_word() {
    let stage = stage();
    let mut alice = connect(&stage);
    alice.send("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n");
    assert_eq!(alice.receive_to_end(), "");
    drop(alice);
    stage.server.await_count("connections_closed", 1);
    assert_eq!(stage.server.count("garbage"), 1);
}

#[test]
fn crlf_crlf_gets_crlf() {
    let stage = stage();
    let mut alice = connect(&stage);
    let mut pong = [0; 2];
    for _ in 0..3 {
        alice.send("\r\n\r\n");
        alice.0.read_exact(&mut pong).unwrap();
        assert_eq!(&pong, b"\r\n");
    }
    alice.send(options("after"));
    expect_ok(&alice.receive(), "after");
}

#[test]
fn a_request_to_the_peer_takes_the_connection_it_opened() {
    let stage = stage();
    let mut alice = connect(&stage);
    let source = alice.0.local_addr().unwrap();
    alice.send(request(
        "OPTIONS",
        "TCP 127.0.0.1:5077;branch=z9hG4bK1",
        "a",
    ));
    alice.receive();
    stage.next_request();
    // By the address it came from, and by the port its Via names.
    for remote in [source, SocketAddr::from(([127, 0, 0, 1], 5077))] {
        stage.send(0, Target::address(Transport::Tcp, remote));
        let request = alice.receive();
        assert!(request.starts_with("OPTIONS sip:alice@"), "{request}");
        assert!(
            request.contains("\r\nVia: SIP/2.0/TCP 127.0.0.1:"),
            "{request}"
        );
        alice.send(ok(&request));
        assert_eq!(stage.next().what, What::Response(StatusCode::OK));
    }
    assert_eq!(stage.server.count("connections_opened"), 0);
}

#[test]
fn a_request_to_a_new_address_opens_one_connection_for_all() {
    let stage = stage();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = Target::address(Transport::Tcp, listener.local_addr().unwrap());
    // The second is sent while the first still waits for its connection.
    stage.send(0, to);
    stage.send(0, to);
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bob = TcpPeer(stream);
    for _ in 0..2 {
        let request = bob.receive();
        bob.send(ok(&request));
        assert_eq!(stage.next().what, What::Response(StatusCode::OK));
    }
    // And takes requests the other way.
    bob.send(options("back"));
    expect_ok(&bob.receive(), "back");
    assert_eq!(stage.server.count("connections_opened"), 1);
}

#[test]
fn a_new_connection_comes_from_the_address_the_server_listens_on() {
    let stage = Stage::set(Bind::tcp("127.0.0.5:0"), 1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    stage.send(0, Target::address(Transport::Tcp, addr));
    let (_stream, from) = listener.accept().unwrap();
    assert_eq!(from.ip().to_string(), "127.0.0.5");
}

#[test]
fn a_refused_connection_is_a_transport_failure() {
    let stage = stage();
    let (_deaf, addr) = deaf();
    let to = Target::address(Transport::Tcp, addr);
    stage.send(0, to);
    assert_eq!(stage.next().what, What::TransportFailure);
    assert_eq!(stage.server.count("connects_failed"), 1);
}

#[test]
fn a_connection_that_does_not_come_about_in_time_is_a_transport_failure() {
    let stage = stage_with(|settings| settings.stream.connect_timeout = Duration::from_millis(20));
    let (socket, addr) = deaf();
    // It keeps one waiting, and does not even hear the others.
    socket.listen(0).unwrap();
    let _waits = TcpPeer::connect(addr);
    stage.send(0, Target::address(Transport::Tcp, addr));
    assert_eq!(stage.next().what, What::TransportFailure);
    assert_eq!(stage.server.count("connects_failed"), 1);
    assert_eq!(stage.server.count("connections_timed_out"), 0);
}

#[test]
fn a_transport_nobody_serves_is_a_transport_failure() {
    let stage = stage();
    let remote = "127.0.0.1:9".parse().unwrap();
    for transport in [Transport::Udp, Transport::Tls] {
        stage.send(0, Target::address(transport, remote));
        assert_eq!(stage.next().what, What::TransportFailure);
    }
}

#[test]
fn the_end_of_a_connection_is_told_to_whoever_keeps_its_flow() {
    let stage = stage();
    stage.command(0, Command::WatchFlows);
    for ends in [drop::<TcpPeer>, reset] {
        let mut alice = connect(&stage);
        alice.send(options("here"));
        expect_ok(&alice.receive(), "here");
        let (_, _, flow) = stage.next_request();
        ends(alice);
        assert_eq!(stage.next().what, What::FlowEnd(flow));
    }
}

#[test]
fn a_request_on_a_connection_that_ended_fails_at_once() {
    let stage = stage();
    let mut alice = connect(&stage);
    alice.send(options("a"));
    alice.receive();
    let (_, _, flow) = stage.next_request();
    stage.send(0, Target::Flow(flow));
    alice.receive();
    drop(alice);
    assert_eq!(stage.next().what, What::TransportFailure);
    stage.send(0, Target::Flow(flow));
    assert_eq!(stage.next().what, What::TransportFailure);
}

#[test]
fn a_peer_that_closes_its_side_still_gets_its_answers() {
    let stage = stage();
    let mut alice = connect(&stage);
    alice.send(request("REFER", "TCP 192.0.2.1;branch=z9hG4bK1", "later"));
    alice.send(options("now"));
    alice.0.shutdown(Shutdown::Write).unwrap();
    expect_ok(&alice.receive(), "now");
    stage.command(0, Command::Respond(StatusCode::ACCEPTED));
    let rest = alice.receive_to_end();
    assert!(rest.starts_with("SIP/2.0 202 "), "{rest}");
    stage.server.await_count("connections_closed", 1);
}

#[test]
fn a_response_takes_a_new_connection_when_the_old_one_is_gone() {
    let stage = stage();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut alice = connect(&stage);
    let via = format!("TCP 127.0.0.1:{port};branch=z9hG4bK1");
    for method in ["REFER", "INVITE"] {
        alice.send(request(method, &via, "moved"));
        assert_eq!(stage.next_request().1.to_string(), method);
    }
    reset(alice);
    stage.server.await_count("connections_closed", 1);

    stage.command(0, Command::Respond(StatusCode::ACCEPTED));
    stage.command(0, Command::Respond(StatusCode::BUSY_HERE));
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut alice = TcpPeer(stream);
    for status in ["202", "486"] {
        let response = alice.receive();
        assert!(
            response.starts_with(&format!("SIP/2.0 {status} ")),
            "{response}"
        );
    }
}

#[test]
fn a_response_that_reaches_nobody_is_a_failure() {
    let stage = stage();
    let (_deaf, addr) = deaf();
    let mut alice = connect(&stage);
    let via = format!("TCP {addr};branch=z9hG4bK1");
    alice.send(request("INVITE", &via, "lost"));
    stage.next_request();
    reset(alice);
    stage.server.await_count("connections_closed", 1);
    stage.command(0, Command::Respond(StatusCode::BUSY_HERE));
    assert_eq!(stage.next().what, What::ServerFailed);
}

#[test]
fn a_slow_reader_is_closed_and_holds_up_nobody() {
    let stage = stage();
    let mut lazy = connect(&stage);
    SockRef::from(&lazy.0).set_recv_buffer_size(4096).unwrap();
    // The kernel holds megabytes before anything waits here.
    let flood = options(&"x".repeat(4000)).repeat(20);
    let mut alice = connect(&stage);
    lazy.0.set_nonblocking(true).unwrap();
    while stage.server.count("slow_readers") == 0 {
        // Asks without reading the answers, until it is closed.
        use std::io::Write;
        let _ = lazy.0.write(flood.as_bytes());
        alice.send(options("meanwhile"));
        expect_ok(&alice.receive(), "meanwhile");
    }
    stage.server.await_count("connections_closed", 1);
}

#[test]
fn a_reset_in_the_middle_of_a_message_leaves_nothing_behind() {
    let stage = stage();
    for _ in 0..20 {
        let mut alice = connect(&stage);
        alice.send(options("whole"));
        alice.send("OPTIONS sip:bob@b.exam");
        reset(alice);
    }
    stage.server.await_count("connections_accepted", 20);
    stage.server.await_count("connections_closed", 20);
    let mut bob = connect(&stage);
    bob.send(options("alive"));
    expect_ok(&bob.receive(), "alive");
}

#[test]
fn connections_that_come_and_go_leave_no_flows() {
    let stage = stage_with(|settings| {
        settings.stream.connections = 10;
        settings.stream.connections_per_source = 10;
    });
    for i in 0..300 {
        let mut alice = connect(&stage);
        alice.send(options("quick"));
        expect_ok(&alice.receive(), "quick");
        drop(alice);
        // With room for ten, the first that is forgotten to be given back shows.
        stage.server.await_count("connections_closed", i + 1);
    }
    assert_eq!(stage.server.count("connections_accepted"), 300);
    assert_eq!(stage.server.count("connections_refused"), 0);
}

#[test]
fn connections_reset_after_one_request_leave_nothing() {
    let stage = stage_with(|settings| {
        settings.stream.connections = 10;
        settings.stream.connections_per_source = 10;
    });
    for i in 0..300 {
        let mut alice = connect(&stage);
        alice.send(options("quick"));
        // In every other case the answer is still on its way.
        if i % 2 == 0 {
            expect_ok(&alice.receive(), "quick");
        }
        reset(alice);
        stage.server.await_count("connections_closed", i + 1);
    }
    assert_eq!(stage.server.count("connections_accepted"), 300);
    assert_eq!(stage.server.count("connections_refused"), 0);
}

#[test]
fn all_connections_together_hold_so_much_for_slow_readers_and_no_more() {
    let stage = stage_with(|settings| {
        settings.stream.write_queue = usize::MAX;
        settings.stream.write_queue_total = 100_000;
    });
    let mut lazy = connect(&stage);
    SockRef::from(&lazy.0).set_recv_buffer_size(4096).unwrap();
    let flood = options(&"x".repeat(4000)).repeat(20);
    lazy.0.set_nonblocking(true).unwrap();
    while stage.server.count("slow_readers") == 0 {
        use std::io::Write;
        let _ = lazy.0.write(flood.as_bytes());
        std::thread::yield_now();
    }
    stage.server.await_count("connections_closed", 1);
    // What it held is given back.
    let mut alice = connect(&stage);
    alice.send(options("after"));
    expect_ok(&alice.receive(), "after");
}

#[test]
fn the_server_holds_so_many_connections_and_no_more() {
    let stage = stage_with(|settings| settings.stream.connections = 2);
    let held = [connect(&stage), connect(&stage)];
    stage.server.await_count("connections_accepted", 2);
    assert_eq!(connect(&stage).receive_to_end(), "");
    assert_eq!(stage.server.count("connections_refused"), 1);
    drop(held);
}

#[test]
fn one_source_gets_so_many_connections_and_no_more() {
    let stage = stage_with(|settings| settings.stream.connections_per_source = 2);
    let mut first = connect(&stage);
    let second = connect(&stage);
    stage.server.await_count("connections_accepted", 2);
    assert_eq!(connect(&stage).receive_to_end(), "");
    assert_eq!(stage.server.count("connections_refused"), 1);
    first.send(options("first"));
    expect_ok(&first.receive(), "first");
    drop(second);
    stage.server.await_count("connections_closed", 1);
    let mut third = connect(&stage);
    third.send(options("third"));
    expect_ok(&third.receive(), "third");
}
