//! A server in its own threads, and peers that speak bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sip_core::{Limits, Message, Method, Request, Response, StatusCode, Transport, parse_message};
use sip_transaction::{Service, TransactionUser};
use sip_transport::{Bind, Counters, Error, Server, Shutdown, WorkerContext, shutdown};

/// Only to end a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server at work; stopped when dropped.
pub(crate) struct Running {
    pub(crate) addrs: Arc<[(Transport, SocketAddr)]>,
    counters: Arc<[Arc<Counters>]>,
    shutdown: Shutdown,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Running {
    pub(crate) fn start<U, S>(
        bind: Bind,
        make_user: impl FnOnce(WorkerContext) -> U + Clone + Send + 'static,
        service: S,
    ) -> Running
    where
        U: TransactionUser + 'static,
        U::Answer: 'static,
        S: Service<U::Query, U::Answer>,
        U::Query: 'static,
    {
        let server = Server::bind(bind).unwrap();
        let (shutdown, signal) = shutdown();
        let (addrs, counters) = (server.local_addrs(), server.counters());
        let service = Arc::new(service);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(server.run(make_user, service, signal))
        });
        Running {
            addrs,
            counters,
            shutdown,
            thread: Some(thread),
        }
    }

    pub(crate) fn addr(&self, transport: Transport) -> SocketAddr {
        let found = self.addrs.iter().find(|(of, _)| *of == transport);
        found.unwrap().1
    }

    /// The sum of one counter over all workers.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let of = |counters: &Arc<Counters>| {
            let named = counters.iter().find(|(of, _)| *of == name);
            named.unwrap().1
        };
        self.counters.iter().map(of).sum()
    }

    /// Waits until a counter has reached `value`.
    pub(crate) fn await_count(&self, name: &str, value: u64) {
        let started = Instant::now();
        while self.count(name) < value {
            assert!(
                started.elapsed() < PATIENCE,
                "{name} stays {}",
                self.count(name)
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn begin_shutdown(&self) {
        self.shutdown.begin();
    }

    /// Waits for the end of the server.
    pub(crate) fn join(mut self) -> Result<(), Error> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.begin();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The user of most tests: OPTIONS is fine, everything else is not allowed.
pub(crate) fn answer(request: &Request) -> Response {
    match request.method() {
        Method::Options => request.reply(StatusCode::OK),
        _ => request.reply(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// A request, complete, `via` being what follows `SIP/2.0/`.
pub(crate) fn request(method: &str, via: &str, call_id: &str) -> String {
    format!(
        "{method} sip:bob@b.example SIP/2.0\r\n\
         Via: SIP/2.0/{via}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@a.example>;tag=88sja8x\r\n\
         To: <sip:bob@b.example>\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: 1 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// A request without a Via, as its sender hands it to the transaction layer.
pub(crate) fn parsed(method: &str, uri: &str) -> Request {
    let text = format!(
        "{method} {uri} SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:bob@b.example>;tag=1\r\n\
         To: <{uri}>\r\nCall-ID: ours\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    );
    match parse_message(text.into(), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?} is no request"),
    }
}

/// The 200 to a request, as text.
pub(crate) fn ok(request: &str) -> String {
    match parse_message(request.to_owned().into(), &Limits::default()) {
        Ok(Message::Request(request)) => {
            String::from_utf8(request.reply(StatusCode::OK).to_bytes().to_vec()).unwrap()
        }
        other => panic!("{other:?} is no request"),
    }
}

/// A phone on UDP.
pub(crate) struct UdpPeer {
    pub(crate) socket: UdpSocket,
    pub(crate) server: SocketAddr,
}

impl UdpPeer {
    pub(crate) fn new(server: SocketAddr) -> UdpPeer {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        UdpPeer { socket, server }
    }

    pub(crate) fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    pub(crate) fn send(&self, text: impl AsRef<[u8]>) {
        self.socket.send_to(text.as_ref(), self.server).unwrap();
    }

    pub(crate) fn receive(&self) -> String {
        let mut buffer = [0; 65_535];
        let count = self.socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }

    /// Sends an OPTIONS and takes its 200, so that whatever was sent before has been handled, and nothing came back.
    pub(crate) fn expect_silence(&self) {
        let via = format!("UDP 127.0.0.1:{};branch=z9hG4bKlast", self.port());
        self.send(request("OPTIONS", &via, "last-word"));
        let response = self.receive();
        assert!(response.contains("last-word"), "{response}");
    }
}

/// A phone on TCP.
pub(crate) struct TcpPeer(pub(crate) TcpStream);

impl TcpPeer {
    pub(crate) fn connect(server: SocketAddr) -> TcpPeer {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        TcpPeer(stream)
    }

    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        self.0.write_all(text.as_ref()).unwrap();
    }

    /// The next message; all that these tests send have an empty body.
    pub(crate) fn receive(&mut self) -> String {
        let mut text = Vec::new();
        let mut octet = [0];
        while !text.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut octet).unwrap();
            text.push(octet[0]);
        }
        String::from_utf8(text).unwrap()
    }

    /// Reads up to the end of the connection.
    pub(crate) fn receive_to_end(&mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        text
    }
}
