//! A server that misbehaves as it is told, so many times and no more.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A UDP server in a thread of its own.
pub(crate) struct Fake {
    addr: SocketAddr,
    seen: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A request as it arrived.
pub(crate) struct Seen<'a> {
    text: &'a str,
    /// Which operation it belongs to, in the order they began.
    pub(crate) operation: u64,
    /// How often this very request came before.
    pub(crate) copies: u64,
}

/// What is sent, and how much later.
pub(crate) type Reply = (Duration, String);

impl Fake {
    /// Answers each request with what `behave` makes of it.
    pub(crate) fn start(behave: impl FnMut(&Seen<'_>) -> Vec<Reply> + Send + 'static) -> Fake {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        let addr = socket.local_addr().unwrap();
        let (seen, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (counter, until) = (seen.clone(), stop.clone());
        let thread = thread::spawn(move || serve(&socket, &counter, &until, behave));
        Fake {
            addr,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many requests have come.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || thread::panicking(),
                "the fake server panicked"
            );
        }
    }
}

fn serve(
    socket: &UdpSocket,
    counter: &AtomicU64,
    stop: &AtomicBool,
    mut behave: impl FnMut(&Seen<'_>) -> Vec<Reply>,
) {
    let mut operations: HashMap<String, u64> = HashMap::new();
    let mut copies: HashMap<String, u64> = HashMap::new();
    let mut later: Vec<(Instant, String, SocketAddr)> = Vec::new();
    let mut buffer = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, source)) = socket.recv_from(&mut buffer) {
            counter.fetch_add(1, Ordering::Relaxed);
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            let next = operations.len() as u64;
            let operation = *operations
                .entry(value(text, "Call-ID").to_owned())
                .or_insert(next);
            let copy = copies.entry(value(text, "Via").to_owned()).or_insert(0);
            let seen = Seen {
                text,
                operation,
                copies: *copy,
            };
            *copy += 1;
            let replies = behave(&seen).into_iter();
            later.extend(replies.map(|(after, reply)| (Instant::now() + after, reply, source)));
        }
        let now = Instant::now();
        later.retain(|(at, reply, to)| {
            if *at <= now {
                // A generator that is gone already needs no answer.
                let _ = socket.send_to(reply.as_bytes(), to);
            }
            *at > now
        });
    }
}

/// The value of the first line of that name.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

impl Seen<'_> {
    pub(crate) fn value(&self, name: &str) -> &str {
        value(self.text, name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.text.contains(&format!("\r\n{name}: "))
    }

    /// A response as RFC 3261 §8.2.6 has it, with more lines if wanted.
    pub(crate) fn response(&self, status: &str, more: &str) -> String {
        let line = |name: &str| format!("{name}: {}\r\n", self.value(name));
        let head = ["Via", "From", "To", "Call-ID", "CSeq"].map(line).concat();
        let head = head.replace("\r\nCall-ID", ";tag=fake\r\nCall-ID");
        format!("SIP/2.0 {status}\r\n{head}{more}Content-Length: 0\r\n\r\n")
    }

    /// The same, sent at once.
    pub(crate) fn now(&self, status: &str) -> Reply {
        (Duration::ZERO, self.response(status, ""))
    }
}
