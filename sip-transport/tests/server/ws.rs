//! SIP over WebSocket (RFC 7118), with tungstenite's client as the peer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use sip_core::{StatusCode, Transport};
use sip_transaction::Target;
use sip_transport::{Bind, Settings, WsConfig};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::support::{TcpPeer, ok, parsed, request};
use crate::user::{Command, Stage, What};

fn options(transport: &str, call_id: &str) -> String {
    // A script knows no address of its own (RFC 7118 §8.1).
    let via = format!("{transport} df7jal23ls0d.invalid;branch=z9hG4bK{call_id}");
    request("OPTIONS", &via, call_id)
}

fn stage() -> Stage {
    stage_with(|_| {})
}

fn stage_with(change: impl FnOnce(&mut Settings)) -> Stage {
    let mut settings = Settings::default();
    change(&mut settings);
    let bind = Bind::ws("127.0.0.1:0", WsConfig::default());
    Stage::set(bind.settings(settings), 1)
}

/// Upgrades a stream to SIP over WebSocket.
fn upgrade<S: Read + Write>(stream: S) -> WebSocket<S> {
    let mut request = "ws://b.example/".into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
    match tungstenite::client(request, stream) {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "sip");
            socket
        }
        Err(error) => panic!("no upgrade: {error}"),
    }
}

fn connect(stage: &Stage) -> WebSocket<TcpStream> {
    upgrade(TcpPeer::connect(stage.server.addr(Transport::Ws)).0)
}

fn text(message: Message) -> String {
    match message {
        Message::Text(text) => text.as_str().to_owned(),
        other => panic!("{other:?} is no text"),
    }
}

fn expect_ok<S: Read + Write>(socket: &mut WebSocket<S>, transport: &str, call_id: &str) {
    let request = options(transport, call_id);
    socket.send(Message::text(request)).unwrap();
    let response = text(socket.read().unwrap());
    assert!(response.starts_with("SIP/2.0 200 OK\r\n"), "{response}");
    assert!(response.contains(&format!("\r\nCall-ID: {call_id}\r\n")));
}

#[test]
fn a_script_asks_and_is_asked() {
    let stage = stage();
    let mut alice = connect(&stage);
    expect_ok(&mut alice, "WS", "script");
    let (_, _, flow) = stage.next_request();
    assert_eq!(flow.transport, Transport::Ws);
    let request = Box::new(parsed("OPTIONS", "sip:alice@df7jal23ls0d.invalid"));
    stage.command(0, Command::Send(request, Target::Flow(flow)));
    let asked = text(alice.read().unwrap());
    assert!(asked.contains("\r\nVia: SIP/2.0/WS 127.0.0.1:"), "{asked}");
    alice.send(Message::binary(ok(&asked))).unwrap();
    assert_eq!(stage.next().what, What::Response(StatusCode::OK));
}

#[test]
fn a_message_may_do_without_its_length_and_come_in_pieces() {
    let stage = stage();
    let mut alice = connect(&stage);
    let message = options("WS", "pieces").replace("Content-Length: 0\r\n", "");
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend((message.len() as u16).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(message.as_bytes());
    for octet in frame {
        alice.get_mut().write_all(&[octet]).unwrap();
    }
    assert!(text(alice.read().unwrap()).starts_with("SIP/2.0 200 OK\r\n"));
}

#[test]
fn pings_of_both_kinds_are_answered() {
    let stage = stage();
    let mut alice = connect(&stage);
    alice.send(Message::Ping("are you".into())).unwrap();
    assert_eq!(alice.read().unwrap(), Message::Pong("are you".into()));
    alice.send(Message::text("\r\n\r\n")).unwrap();
    assert_eq!(text(alice.read().unwrap()), "\r\n");
    assert_eq!(stage.server.count("keepalives"), 1);
}

#[test]
fn both_sides_say_goodbye() {
    let stage = stage();
    let mut alice = connect(&stage);
    alice.close(None).unwrap();
    assert!(matches!(alice.read(), Ok(Message::Close(_))));
    let error = alice.read().unwrap_err();
    assert!(
        matches!(error, tungstenite::Error::ConnectionClosed),
        "{error}"
    );
    stage.server.await_count("connections_closed", 1);
}

/// Sends `octets`, and says the code the connection is closed with.
fn close_code(stage: &Stage, octets: &[u8]) -> u16 {
    let mut alice = connect(stage);
    alice.get_mut().write_all(octets).unwrap();
    match alice.read() {
        Ok(Message::Close(Some(frame))) => frame.code.into(),
        other => panic!("{other:?} is no close"),
    }
}

#[test]
fn frames_that_break_the_rules_end_the_connection() {
    let stage = stage();
    assert_eq!(close_code(&stage, b"\x81\x05Hello"), 1002);
    let mut huge = vec![0x81, 0xff];
    huge.extend((1_u64 << 63).to_be_bytes());
    huge.extend([0; 4]);
    assert_eq!(close_code(&stage, &huge), 1009);
    // Fragments without end, of a kilobyte each.
    let mut endless = vec![0x01, 0xfe, 4, 0];
    endless.extend([0; 4 + 1024]);
    for _ in 0..64 {
        endless.extend([0x00, 0xfe, 4, 0]);
        endless.extend([0; 4 + 1024]);
    }
    assert_eq!(close_code(&stage, &endless), 1009);
    expect_ok(&mut connect(&stage), "WS", "unharmed");
}

#[test]
fn a_message_of_empty_fragments_does_not_wait_forever() {
    let stage = stage_with(|settings| {
        settings.stream.message_deadline = Duration::from_millis(20);
    });
    let mut alice = connect(&stage);
    alice
        .get_mut()
        .write_all(&[0x01, 0x80, 0, 0, 0, 0])
        .unwrap();
    // More of them give it no more time.
    while alice.get_mut().write_all(&[0x00, 0x80, 0, 0, 0, 0]).is_ok() {}
    assert_eq!(stage.server.count("connections_timed_out"), 1);
}

#[test]
fn half_an_upgrade_does_not_wait_forever() {
    let stage = stage_with(|settings| {
        settings.stream.handshake_timeout = Duration::from_millis(20);
    });
    let mut alice = TcpPeer::connect(stage.server.addr(Transport::Ws));
    alice.send("GET / HTTP/1.1\r\nHost: ");
    assert_eq!(alice.receive_to_end(), "");
    assert_eq!(stage.server.count("handshakes_failed"), 1);
}

#[test]
fn what_is_no_upgrade_is_told_so_and_closed() {
    let stage = stage();
    let mut alice = TcpPeer::connect(stage.server.addr(Transport::Ws));
    alice.send(options("WS", "plain"));
    let answer = alice.receive();
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    let mut alice = TcpPeer::connect(stage.server.addr(Transport::Ws));
    alice.send("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n");
    let answer = alice.receive();
    assert!(
        answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
        "{answer}"
    );
    alice.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(alice.receive_to_end(), "");
}

#[cfg(feature = "tls")]
#[test]
fn websocket_goes_over_tls() {
    use crate::tls::{Authority, over};

    let authority = Authority::new();
    let tls = sip_transport::TlsConfig::load(authority.files(&["b.example"])).unwrap();
    let bind = Bind::nowhere().and_wss("127.0.0.1:0", tls, WsConfig::default());
    let stage = Stage::set(bind, 1);
    let stream = TcpPeer::connect(stage.server.addr(Transport::Wss)).0;
    let mut browser = authority.phone();
    browser.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut alice = upgrade(over(stream, browser, "b.example"));
    expect_ok(&mut alice, "WSS", "secure");
    assert_eq!(stage.next_request().2.transport, Transport::Wss);
    alice.get_mut().sock.write_all(b"nonsense").unwrap();
    assert!(alice.read().is_err());
}
