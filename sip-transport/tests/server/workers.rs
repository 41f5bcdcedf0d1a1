//! Several workers: each owns its transactions and connections, whoever hears of them first.

use std::future;
use std::thread;
use std::time::{Duration, Instant};

use sip_core::{Method, StatusCode, Transport};
use sip_transaction::{Event, QueryId, Reply, Service, Target, TransactionLayer, TransactionUser};
use sip_transport::{Bind, Error, Settings};

use crate::support::{PATIENCE, Running, TcpPeer, UdpPeer, ok, request};
use crate::user::{Seen, Stage, What};

const WORKERS: u16 = 4;

#[test]
fn a_response_finds_the_worker_that_sent_the_request() {
    let stage = Stage::set(Bind::udp("127.0.0.1:0"), WORKERS);
    // Sixteen sources: the kernel hands their datagrams to workers of its own choice.
    for i in 0..16 {
        let alice = UdpPeer::new(stage.server.addr(Transport::Udp));
        let to = Target::address(Transport::Udp, alice.socket.local_addr().unwrap());
        let worker = i % WORKERS;
        stage.send(worker, to);
        alice.send(ok(&alice.receive()));
        let seen = stage.next();
        assert_eq!(seen.worker, worker);
        assert_eq!(seen.what, What::Response(StatusCode::OK));
    }
    assert!(stage.server.count("handed_over") > 0);
    assert_eq!(stage.server.count("handover_lost"), 0);
}

#[test]
fn a_branch_of_nobodys_is_no_trouble() {
    let stage = Stage::set(Bind::udp("127.0.0.1:0"), WORKERS);
    let alice = UdpPeer::new(stage.server.addr(Transport::Udp));
    let options = request(
        "OPTIONS",
        "UDP 192.0.2.1;branch=z9hG4bKffff000000000123456789abcdef",
        "a",
    );
    alice.send(ok(&options));
    alice.expect_silence();
    assert_eq!(stage.server.count("handed_over"), 0);
}

#[test]
fn any_worker_sends_by_the_connection_of_another() {
    let stage = Stage::set(Bind::tcp("127.0.0.1:0"), WORKERS);
    let mut alice = TcpPeer::connect(stage.server.addr(Transport::Tcp));
    alice.send(request("OPTIONS", "TCP 192.0.2.1;branch=z9hG4bK1", "a"));
    alice.receive();
    let (_, _, flow) = stage.next_request();
    for worker in 0..WORKERS {
        for to in [
            Target::Flow(flow),
            Target::address(Transport::Tcp, flow.remote),
        ] {
            stage.send(worker, to);
            let request = alice.receive();
            assert!(request.starts_with("OPTIONS sip:alice@"), "{request}");
            alice.send(ok(&request));
            let Seen { worker: by, what } = stage.next();
            assert_eq!((by, what), (worker, What::Response(StatusCode::OK)));
        }
    }
    assert_eq!(stage.server.count("connections_opened"), 0);

    // When it ends, all that wait for an answer on it learn of it.
    (0..WORKERS).for_each(|worker| stage.send(worker, Target::Flow(flow)));
    (0..WORKERS).for_each(|_| drop(alice.receive()));
    drop(alice);
    let mut told: Vec<u16> = (0..WORKERS)
        .map(|_| {
            let Seen { worker, what } = stage.next();
            assert_eq!(what, What::TransportFailure);
            worker
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, [0, 1, 2, 3]);

    // And nobody sends by it any more.
    stage.send(1, Target::Flow(flow));
    assert_eq!(stage.next().what, What::TransportFailure);
}

#[test]
fn too_many_waiting_queries_are_told_apart_from_those_that_wait() {
    let mut settings = Settings::default();
    // The one that waits for the test's commands, and two more.
    settings.waiting_queries = 3;
    // They would be waited for.
    settings.drain = Duration::ZERO;
    let stage = Stage::set(Bind::udp("127.0.0.1:0").settings(settings), 1);
    let alice = UdpPeer::new(stage.server.addr(Transport::Udp));
    for i in 0..4 {
        let via = format!("UDP 192.0.2.1;branch=z9hG4bK{i}");
        alice.send(request("SUBSCRIBE", &via, &format!("call-{i}")));
    }
    for expected in [What::Waits, What::Waits, What::Overload, What::Overload] {
        assert_eq!(stage.next_request().1, Method::Subscribe);
        assert_eq!(stage.next().what, expected);
    }
    assert_eq!(stage.server.count("queries_refused"), 2);
}

#[test]
fn a_service_that_panics_is_a_query_without_an_answer() {
    let stage = Stage::set(Bind::udp("127.0.0.1:0"), 1);
    let alice = UdpPeer::new(stage.server.addr(Transport::Udp));
    alice.send(request("NOTIFY", "UDP 192.0.2.1;branch=z9hG4bK1", "a"));
    assert_eq!(stage.next_request().1, Method::Notify);
    assert_eq!(stage.next().what, What::Waits);
    assert_eq!(stage.next().what, What::Overload);
    alice.expect_silence();
}

struct Careless;

impl TransactionUser for Careless {
    type Query = ();
    type Answer = ();
    fn handle_event(&mut self, _: Instant, _: Event, _: &mut TransactionLayer) {
        panic!("a fault in the program's own code");
    }
    fn handle_answer(&mut self, _: Instant, _: QueryId, (): (), _: &mut TransactionLayer) {}
    fn handle_timeout(&mut self, _: Instant, _: &mut TransactionLayer) {}
    fn poll_query(&mut self) -> Option<(QueryId, ())> {
        None
    }
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

struct Silent;

impl Service<(), ()> for Silent {
    fn call(&self, (): ()) -> Reply<()> {
        Reply::Pending(Box::pin(future::pending()))
    }
}

#[test]
fn a_panic_in_the_users_code_ends_the_server_with_an_error() {
    let server = Running::start(Bind::udp("127.0.0.1:0").workers(2), |_| Careless, Silent);
    let alice = UdpPeer::new(server.addr(Transport::Udp));
    alice.send(request("OPTIONS", "UDP 192.0.2.1;branch=z9hG4bK1", "a"));
    assert!(matches!(server.join(), Err(Error::Panicked { .. })));
}

/// As one does that asks the system's resolver when no name server answers.
#[test]
fn a_thread_that_hangs_does_not_hold_up_the_end() {
    let hang = |_| {
        tokio::task::spawn_blocking(|| thread::sleep(PATIENCE));
        Careless
    };
    let server = Running::start(Bind::udp("127.0.0.1:0").workers(1), hang, Silent);
    UdpPeer::new(server.addr(Transport::Udp)).send("nonsense");
    server.await_count("garbage", 1);
    let begun = Instant::now();
    server.begin_shutdown();
    server.join().unwrap();
    assert!(begun.elapsed() < PATIENCE / 2);
}
