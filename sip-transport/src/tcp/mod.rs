//! One TCP connection (RFC 3261 §18).
//!
//! An idle connection is a line in the worker's table and a number in the kernel's queue: no task, no buffer. All
//! connections of a worker read into the same buffer, and only the rest of an incomplete message is kept.

pub(crate) mod layers;
pub(crate) mod opening;
pub(crate) mod poller;
mod reading;
mod writing;

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use sip_core::{Limits, Transport};
use sip_transaction::{ConnectionId, Flow};

use crate::counters::Counters;
use crate::directory::Directory;
use crate::settings::StreamSettings;

use layers::Layers;
pub(crate) use reading::{Framing, Progress};
use writing::Output;
pub(crate) use writing::Refused;

/// What one worker's connections share.
pub(crate) struct Context {
    /// What they read into.
    pub(crate) buffer: RefCell<Box<[u8]>>,
    /// What the last one to read used, for the next one.
    spare: Cell<Option<Box<Framing>>>,
    pub(crate) limits: Limits,
    /// What goes out through layers, and has room here on its way.
    outgoing: Cell<Vec<u8>>,
    directory: Arc<Directory>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) settings: StreamSettings,
}

impl Context {
    pub(crate) fn new(
        limits: Limits,
        directory: Arc<Directory>,
        counters: Arc<Counters>,
        settings: StreamSettings,
    ) -> Context {
        Context {
            buffer: RefCell::new(vec![0; 65_536].into_boxed_slice()),
            spare: Cell::new(None),
            outgoing: Cell::default(),
            limits,
            directory,
            counters,
            settings,
        }
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    /// TLS or WebSocket is being agreed on.
    ShakingHands {
        until: Instant,
    },
    Open,
    /// Takes what is owed to the peer, and nothing else.
    Finishing {
        until: Instant,
        peer_ended: bool,
    },
}

/// A connection, as its worker knows it.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) transport: Transport,
    pub(crate) remote: SocketAddr,
    local: Cell<SocketAddr>,
    stream: OnceCell<TcpStream>,
    /// TLS and WebSocket; nothing on plain TCP.
    layers: RefCell<Option<Box<Layers>>>,
    /// Nothing, most of the time.
    output: RefCell<Option<Box<Output>>>,
    /// The same.
    framing: RefCell<Option<Box<Framing>>>,
    phase: Cell<Phase>,
    last_used: Cell<Instant>,
    watched: Cell<Instant>,
    /// Requests that had no final response yet.
    unanswered: Cell<u32>,
    aliases: Cell<[u16; 3]>,
    borrowers: Cell<u64>,
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        now: Instant,
    ) -> Connection {
        Connection {
            id,
            transport,
            remote,
            local: Cell::new(local),
            stream: OnceCell::new(),
            layers: RefCell::default(),
            output: RefCell::default(),
            framing: RefCell::default(),
            phase: Cell::new(Phase::Connecting),
            last_used: Cell::new(now),
            watched: Cell::new(now),
            unanswered: Cell::new(0),
            aliases: Cell::new([0; 3]),
            borrowers: Cell::new(0),
        }
    }

    pub(crate) fn flow(&self) -> Flow {
        Flow {
            transport: self.transport,
            local: self.local.get(),
            remote: self.remote,
            connection: self.id,
        }
    }

    /// Takes the socket of a connection that is there, or on its way.
    pub(crate) fn attach(&self, stream: TcpStream) {
        // Small messages leave at once.
        let _ = stream.set_nodelay(true);
        let _ = self.stream.set(stream);
    }

    /// Puts TLS or WebSocket between the connection and SIP.
    pub(crate) fn wrap(&self, layers: Box<Layers>) {
        self.layers.replace(Some(layers));
    }

    pub(crate) fn is_wrapped(&self) -> bool {
        self.layers.borrow().is_some()
    }

    /// Notes whether a step of the handshake waits for its turn; whether one did before.
    pub(crate) fn wait_for_turn(&self, waits: bool) -> bool {
        let mut layers = self.layers.borrow_mut();
        let waited = layers.as_mut().map(|layers| &mut layers.waits_for_turn);
        waited.is_some_and(|waited| std::mem::replace(waited, waits))
    }

    /// The domain whose server the peer has shown to be, or is about to.
    #[cfg(feature = "tls")]
    pub(crate) fn domain(&self) -> Option<rustls::pki_types::ServerName<'static>> {
        self.layers.borrow().as_ref()?.domain().cloned()
    }

    /// The connection is there, and what is wrapped around it may take until `until`.
    pub(crate) fn open(&self, until: Instant) {
        if let Some(local) = self
            .stream
            .get()
            .and_then(|stream| stream.local_addr().ok())
        {
            self.local.set(local);
        }
        self.phase.set(match self.is_wrapped() {
            true => Phase::ShakingHands { until },
            false => Phase::Open,
        });
    }

    /// Whether a connection that was begun is there by now.
    pub(crate) fn is_connected(&self) -> io::Result<bool> {
        let stream = self.stream.get().ok_or(io::ErrorKind::NotConnected)?;
        opening::is_connected(stream)
    }

    /// Says to the peer that nothing more will come, if nothing will; whether the connection is over.
    pub(crate) fn wind_up(&self) -> bool {
        let Phase::Finishing { peer_ended, .. } = self.phase.get() else {
            return false;
        };
        if self.unanswered.get() > 0 || !self.is_drained() {
            return false;
        }
        self.part();
        if let Some(stream) = self.stream.get() {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        peer_ended
    }

    /// When to close it.
    pub(crate) fn deadline(&self, settings: &StreamSettings) -> Instant {
        let last_used = self.last_used.get();
        match self.phase.get() {
            Phase::Connecting => last_used + settings.connect_timeout,
            Phase::ShakingHands { until } | Phase::Finishing { until, .. } => until,
            Phase::Open => {
                let idle = last_used + settings.idle;
                let framing = self.framing.borrow();
                let since = framing
                    .as_ref()
                    .and_then(|framing| framing.incomplete_since);
                let layers = self.layers.borrow();
                let below = layers.as_ref().and_then(|layers| layers.incomplete_since);
                let since = since.into_iter().chain(below).min();
                since.map_or(idle, |since| idle.min(since + settings.message_deadline))
            }
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.set(phase);
    }

    pub(crate) fn watched(&self) -> Instant {
        self.watched.get()
    }

    pub(crate) fn set_watched(&self, at: Instant) {
        self.watched.set(at);
    }

    /// It is in use. That it is asked for does not give a connection more time to come about.
    pub(crate) fn touch(&self, now: Instant) {
        if self.phase.get() != Phase::Connecting {
            self.last_used.set(now);
        }
    }

    /// A request came that is owed a response.
    pub(crate) fn owe(&self) {
        self.unanswered.set(self.unanswered.get().saturating_add(1));
    }

    /// A final response went.
    pub(crate) fn settle(&self) {
        self.unanswered.set(self.unanswered.get().saturating_sub(1));
    }

    /// Whether nothing waits to be written.
    pub(crate) fn is_drained(&self) -> bool {
        let layers = self.layers.borrow();
        let nothing_waits = layers.as_ref().is_none_or(|layers| layers.early.is_empty());
        nothing_waits && self.output.borrow().is_none()
    }

    pub(crate) fn aliases(&self) -> impl Iterator<Item = u16> {
        self.aliases.get().into_iter().filter(|port| *port != 0)
    }

    pub(crate) fn has_alias(&self, port: u16) -> bool {
        self.aliases.get().contains(&port)
    }

    pub(crate) fn free_alias(&self) -> Option<usize> {
        self.aliases.get().iter().position(|port| *port == 0)
    }

    pub(crate) fn set_alias(&self, slot: usize, port: u16) {
        let mut aliases = self.aliases.get();
        aliases[slot] = port;
        self.aliases.set(aliases);
    }

    /// Another worker sends by this connection, and wants to know when it ends.
    pub(crate) fn lend(&self, worker: u16) {
        self.borrowers
            .set(self.borrowers.get() | borrower_bit(worker));
    }

    pub(crate) fn borrowers(&self) -> u64 {
        self.borrowers.get()
    }
}

/// The bit of a worker among those that borrowed a connection; the 64th and later ones share theirs.
pub(crate) fn borrower_bit(worker: u16) -> u64 {
    1 << worker.min(63)
}
