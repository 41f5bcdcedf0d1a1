//! What a worker allocates: nothing to carry a message once it is warm, and little for an idle connection.
#![allow(unsafe_code, clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sip_core::{Method, Request, StatusCode, Transport};
use sip_transaction::{Event, QueryId, Target, TransactionLayer, TransactionUser};
use sip_transport::{Bind, Error, Server, Shutdown, WorkerContext, shutdown};

struct Counting;

/// Allocations of the workers.
static CARRIED: AtomicUsize = AtomicUsize::new(0);

/// Octets they hold.
static HELD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_worker() {
            CARRIED.fetch_add(1, Ordering::Relaxed);
            HELD.fetch_add(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: as the caller says.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if is_worker() {
            HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: as the caller says.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn is_worker() -> bool {
    IS_WORKER.try_with(Cell::get).unwrap_or(false)
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Answers everything with 200, statelessly. A MESSAGE to an address has it open a connection there, too.
struct Agreeable;

impl Agreeable {
    fn open(request: &Request, layer: &mut TransactionLayer) {
        let uri = request.uri().as_sip().unwrap();
        let to = Target::New {
            transport: Transport::Tcp,
            remote: SocketAddr::new(uri.host().ip().unwrap(), uri.port().unwrap()),
            local: None,
        };
        layer.transmit_printed(to, |text| text.extend_from_slice(KEEP_ALIVE));
    }
}

impl TransactionUser for Agreeable {
    type Query = Infallible;
    type Answer = Infallible;

    fn handle_event(&mut self, _: Instant, event: Event, layer: &mut TransactionLayer) {
        if let Event::Request { request, flow } = event {
            if *request.method() == Method::Message {
                Agreeable::open(&request, layer);
            }
            let mut response = request.reply(StatusCode::OK);
            layer.set_stable_tag(&mut response, &request);
            layer.reply(flow, &response);
        }
    }

    fn handle_answer(&mut self, _: Instant, _: QueryId, _: Infallible, _: &mut TransactionLayer) {}

    fn handle_timeout(&mut self, _: Instant, _: &mut TransactionLayer) {}

    fn poll_query(&mut self) -> Option<(QueryId, Infallible)> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

const KEEP_ALIVE: &[u8] = b"NOTIFY sip:b.example SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1a2b3c4d\r\n\
    From: \"Alice\" <sip:alice@b.example>;tag=1928301774\r\n\
    To: <sip:b.example>\r\n\
    Call-ID: a84b4c76e66710@192.0.2.1\r\n\
    CSeq: 314159 NOTIFY\r\n\
    Contact: <sip:alice@192.0.2.1:5060>\r\n\
    Event: keep-alive\r\n\
    Max-Forwards: 70\r\n\
    User-Agent: Phone/1.0\r\n\
    Content-Length: 0\r\n\r\n";

/// All tests count the same workers, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

struct Running {
    addr: SocketAddr,
    stop: Shutdown,
    thread: JoinHandle<Result<(), Error>>,
}

impl Running {
    fn start(bind: Bind) -> Running {
        let server = Server::bind(bind.workers(1)).unwrap();
        let addr = server.local_addrs()[0].1;
        let (stop, signal) = shutdown();
        let thread = thread::spawn(move || {
            let make_user = |_: WorkerContext| {
                IS_WORKER.set(true);
                Agreeable
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let server = server.run(make_user, Arc::new(()), signal);
            runtime.unwrap().block_on(server)
        });
        Running { addr, stop, thread }
    }

    fn end(self) {
        self.stop.begin();
        self.thread.join().unwrap().unwrap();
    }
}

const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));

#[test]
fn carrying_a_keep_alive_allocates_nothing_once_warm() {
    let _turn = TURN.lock();
    let server = Running::start(Bind::udp("127.0.0.1:0"));
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    phone.connect(server.addr).unwrap();
    phone.set_read_timeout(PATIENCE).unwrap();
    let ask = |times: usize| {
        let mut buffer = [0; 2048];
        // Alone, and several in a batch.
        for burst in [1, 5].into_iter().cycle().take(times / 3) {
            for _ in 0..burst {
                assert_eq!(phone.send(KEEP_ALIVE).unwrap(), KEEP_ALIVE.len());
            }
            for _ in 0..burst {
                let count = phone.recv(&mut buffer).unwrap();
                assert!(buffer[..count].starts_with(b"SIP/2.0 200 OK\r\n"));
            }
        }
    };
    ask(3000);
    let before = CARRIED.load(Ordering::Relaxed);
    assert!(before > 0, "nothing is counted");
    ask(3000);
    let after = CARRIED.load(Ordering::Relaxed);
    assert_eq!(after - before, 0);
    server.end();
}

/// What each of many connections that were used and are idle now adds to what a worker holds.
fn held_by_each<C>(mut open: impl FnMut() -> C) -> usize {
    const COUNT: usize = 800;
    // What is there once for all is not counted.
    let _first: Vec<C> = (0..40).map(|_| open()).collect();
    let before = HELD.load(Ordering::Relaxed);
    let _others: Vec<C> = (0..COUNT).map(|_| open()).collect();
    (HELD.load(Ordering::Relaxed) - before) / COUNT
}

#[test]
fn an_idle_connection_holds_less_than_half_a_kilobyte() {
    let _turn = TURN.lock();
    let server = Running::start(Bind::tcp("127.0.0.1:0"));
    let each = held_by_each(|| {
        let mut phone = TcpStream::connect(server.addr).unwrap();
        phone.set_read_timeout(PATIENCE).unwrap();
        phone.write_all(KEEP_ALIVE).unwrap();
        let mut buffer = [0; 2048];
        let count = phone.read(&mut buffer).unwrap();
        assert!(buffer[..count].starts_with(b"SIP/2.0 200 OK\r\n"));
        phone
    });
    assert!(each <= 384, "{each} octets for each connection");
    server.end();
}

#[test]
fn an_idle_connection_we_opened_holds_less_than_half_a_kilobyte() {
    let _turn = TURN.lock();
    let client = Running::start(Bind::udp("127.0.0.1:0"));
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    phone.connect(client.addr).unwrap();
    phone.set_read_timeout(PATIENCE).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = listener.local_addr().unwrap();
    let text = str::from_utf8(KEEP_ALIVE).unwrap();
    let message = text
        .replace("NOTIFY sip:b.example", &format!("MESSAGE sip:{there}"))
        .replace("NOTIFY", "MESSAGE");
    let each = held_by_each(|| {
        phone.send(message.as_bytes()).unwrap();
        let (mut opened, _) = listener.accept().unwrap();
        let mut received = [0; KEEP_ALIVE.len()];
        opened.read_exact(&mut received).unwrap();
        assert_eq!(received, KEEP_ALIVE);
        let mut buffer = [0; 2048];
        let count = phone.recv(&mut buffer).unwrap();
        assert!(buffer[..count].starts_with(b"SIP/2.0 200 OK\r\n"));
        opened
    });
    assert!(each <= 384, "{each} octets for each connection");
    client.end();
}

#[cfg(feature = "tls")]
mod tls {
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
    use sip_transport::{TlsConfig, TlsFiles};

    use super::*;

    #[test]
    fn an_idle_tls_connection_holds_less_than_five_kilobytes() {
        let _turn = TURN.lock();
        let signed = rcgen::generate_simple_self_signed(["b.example".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain"), folder.path().join("key"));
        std::fs::write(&chain, signed.cert.pem()).unwrap();
        std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
        let tls = TlsConfig::load(TlsFiles::new(chain, key)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(signed.cert.der().clone()).unwrap();
        for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
            let phone = ClientConfig::builder_with_provider(Arc::new(
                rustls::crypto::ring::default_provider(),
            ));
            let phone = phone.with_protocol_versions(&[version]).unwrap();
            let phone = phone.with_root_certificates(roots.clone());
            let phone = Arc::new(phone.with_no_client_auth());
            let server = Running::start(Bind::tls("127.0.0.1:0", tls.clone()));
            let each = held_by_each(|| {
                let stream = TcpStream::connect(server.addr).unwrap();
                stream.set_read_timeout(PATIENCE).unwrap();
                let name = ServerName::try_from("b.example").unwrap();
                let connection = ClientConnection::new(phone.clone(), name).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                stream.write_all(KEEP_ALIVE).unwrap();
                let mut buffer = [0; 2048];
                let count = stream.read(&mut buffer).unwrap();
                assert!(buffer[..count].starts_with(b"SIP/2.0 200 OK\r\n"));
                stream
            });
            println!("{version:?}: {each} octets for each connection");
            assert!(each <= 5000, "{each} octets for each connection");
            server.end();
        }
    }
}
