//! A server that is told to stop finishes what is under way.

use std::time::Duration;

use sip_core::{Method, StatusCode, Transport};
use sip_transport::{Bind, Settings};

use crate::support::{PATIENCE, TcpPeer, UdpPeer, request};
use crate::user::{Command, Stage};

fn patient() -> Settings {
    let mut settings = Settings::default();
    settings.drain = PATIENCE;
    settings
}

#[test]
fn what_is_under_way_is_finished_and_new_work_refused() {
    let stage = Stage::set(Bind::udp("127.0.0.1:0").settings(patient()), 2);
    let alice = UdpPeer::new(stage.server.addr(Transport::Udp));
    alice.send(request("REFER", "UDP 192.0.2.1;branch=z9hG4bK1", "old"));
    let (worker, method, _) = stage.next_request();
    assert_eq!(method, Method::Refer);

    stage.server.begin_shutdown();
    let response = loop {
        alice.send(request("OPTIONS", "UDP 192.0.2.1;branch=z9hG4bK2", "new"));
        let response = alice.receive();
        // It may still have been taken for work before the signal came through.
        if !response.starts_with("SIP/2.0 200 ") {
            break response;
        }
    };
    assert!(response.starts_with("SIP/2.0 503 "), "{response}");
    assert!(response.contains("\r\nRetry-After: "), "{response}");

    stage.command(worker, Command::Respond(StatusCode::ACCEPTED));
    let response = alice.receive();
    assert!(response.starts_with("SIP/2.0 202 "), "{response}");
    stage.join().unwrap();
}

#[test]
fn an_idle_server_stops_at_once() {
    let stage = Stage::set(
        Bind::udp("127.0.0.1:0")
            .and_tcp("127.0.0.1:0")
            .settings(patient()),
        3,
    );
    let alice = TcpPeer::connect(stage.server.addr(Transport::Tcp));
    stage.server.await_count("connections_accepted", 1);
    stage.server.begin_shutdown();
    stage.join().unwrap();
    drop(alice);
}

#[test]
fn what_does_not_end_is_left_behind_at_the_deadline() {
    let mut settings = Settings::default();
    settings.drain = Duration::from_millis(50);
    let stage = Stage::set(Bind::udp("127.0.0.1:0").settings(settings), 2);
    let alice = UdpPeer::new(stage.server.addr(Transport::Udp));
    alice.send(request("REFER", "UDP 192.0.2.1;branch=z9hG4bK1", "old"));
    stage.next_request();
    stage.server.begin_shutdown();
    stage.join().unwrap();
}

#[test]
fn the_ack_for_what_was_refused_is_for_nobody_else() {
    let stage = Stage::set(Bind::udp("127.0.0.1:0").settings(patient()), 1);
    let server = stage.server.addr(Transport::Udp);
    let (alice, carol) = (UdpPeer::new(server), UdpPeer::new(server));
    alice.send(request("REFER", "UDP 192.0.2.1;branch=z9hG4bK1", "old"));
    let (worker, ..) = stage.next_request();
    stage.server.begin_shutdown();
    let response = loop {
        alice.send(request("OPTIONS", "UDP 192.0.2.1;branch=z9hG4bK2", "new"));
        let response = alice.receive();
        if !response.starts_with("SIP/2.0 200 ") {
            break response;
        }
        stage.next_request();
    };
    assert!(response.starts_with("SIP/2.0 503 "), "{response}");

    alice.send(request("INVITE", "UDP 192.0.2.1;branch=z9hG4bK3", "call"));
    let refused = alice.receive();
    let to = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("To:"))
            .unwrap()
            .to_owned()
    };
    let ack = request("ACK", "UDP 192.0.2.1;branch=z9hG4bK3", "call");
    alice.send(ack.replace(&to(&ack), &to(&refused)));
    carol.send(request("ACK", "UDP 192.0.2.2;branch=z9hG4bK4", "other"));
    let (_, method, flow) = stage.next_request();
    assert_eq!((method, flow.remote.port()), (Method::Ack, carol.port()));

    stage.command(worker, Command::Respond(StatusCode::ACCEPTED));
    stage.join().unwrap();
}
