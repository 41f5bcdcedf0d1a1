//! One TCP connection, shared by the driver and the connection's tasks (RFC 3261 §18).
//!
//! An idle connection is one small task that waits until there is something to read. It holds no buffer: all
//! connections of a worker read into the same one, and only the rest of an incomplete message is kept.

mod reading;
mod writing;

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use sip_core::{FrameError, Limits, Message, Transport};
use sip_transaction::{ConnectionId, Flow};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_local};

use crate::counters::Counters;
use crate::directory::Directory;
use crate::settings::StreamSettings;

pub(crate) use reading::{connect, read};
use writing::Output;
pub(crate) use writing::Refused;

/// What the tasks of connections tell the driver.
#[expect(
    clippy::large_enum_variant,
    reason = "a message is moved, which costs less than to allocate it"
)]
pub(crate) enum Input {
    /// A peer opened a connection.
    Accepted(TcpStream, SocketAddr),
    /// We did.
    Connected(Rc<Connection>),
    /// A message arrived.
    Message(Rc<Connection>, Message),
    /// A peer wants to see that we live.
    Ping(Rc<Connection>),
    /// A message has begun, and not ended yet.
    Incomplete(Rc<Connection>),
    /// What arrived makes no sense, so nothing after it can.
    Broken(Rc<Connection>, Box<FrameError>),
    /// All that waited is written, and the connection is about to close.
    Written(Rc<Connection>),
    /// Nothing more will arrive.
    Ended(Rc<Connection>, End),
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer sends no more; it may still read.
    Finished,
    /// There is no connection any more, or there never was.
    Lost,
}

/// What the tasks of one worker's connections share.
pub(crate) struct Context {
    inputs: mpsc::Sender<Input>,
    buffer: RefCell<Box<[u8]>>,
    limits: Limits,
    directory: Arc<Directory>,
    counters: Arc<Counters>,
    pub(crate) settings: StreamSettings,
}

impl Context {
    pub(crate) fn new(
        inputs: mpsc::Sender<Input>,
        limits: Limits,
        directory: Arc<Directory>,
        counters: Arc<Counters>,
        settings: StreamSettings,
    ) -> Context {
        Context {
            inputs,
            buffer: RefCell::new(vec![0; 65_536].into_boxed_slice()),
            limits,
            directory,
            counters,
            settings,
        }
    }

    /// Tells the driver something, after waiting while it has plenty to do. What is told is made after that: a task
    /// holds room for all it may ever wait with.
    pub(crate) async fn tell(&self, input: impl FnOnce() -> Input) {
        // The driver lives as long as the tasks do.
        if let Ok(place) = Box::pin(self.inputs.reserve()).await {
            place.send(input());
        }
    }

    /// Waits for room in the driver's queue.
    async fn room(&self) {
        // In a box, since it is rare.
        drop(Box::pin(self.inputs.reserve()).await);
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    Open,
    /// Takes what is owed to the peer, and nothing else.
    Finishing {
        until: Instant,
        peer_ended: bool,
    },
}

/// A connection, shared by the driver and the connection's task.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) transport: Transport,
    pub(crate) remote: SocketAddr,
    local: Cell<SocketAddr>,
    stream: OnceCell<TcpStream>,
    /// Nothing, most of the time.
    output: RefCell<Option<Box<Output>>>,
    phase: Cell<Phase>,
    last_used: Cell<Instant>,
    /// Since when a message is incomplete.
    incomplete_since: Cell<Option<Instant>>,
    watched: Cell<Instant>,
    /// Requests that had no final response yet.
    unanswered: Cell<u32>,
    aliases: Cell<[u16; 3]>,
    borrowers: Cell<u64>,
    task: Cell<Option<AbortHandle>>,
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
            output: RefCell::default(),
            phase: Cell::new(Phase::Connecting),
            last_used: Cell::new(now),
            incomplete_since: Cell::new(None),
            watched: Cell::new(now),
            unanswered: Cell::new(0),
            aliases: Cell::new([0; 3]),
            borrowers: Cell::new(0),
            task: Cell::new(None),
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

    /// The connection is open.
    pub(crate) fn attach(&self, stream: TcpStream) {
        // Small messages leave at once.
        let _ = stream.set_nodelay(true);
        if let Ok(local) = stream.local_addr() {
            self.local.set(local);
        }
        let _ = self.stream.set(stream);
        self.phase.set(Phase::Open);
    }

    /// Has its input read by `task`, which ends with the connection.
    pub(crate) fn read_by(&self, task: impl Future<Output = ()> + 'static) {
        let handle = spawn_local(task).abort_handle();
        self.task.set(Some(handle));
    }

    /// Says to the peer that nothing more will come, if nothing will; whether the connection is over.
    pub(crate) fn wind_up(&self) -> bool {
        let Phase::Finishing { peer_ended, .. } = self.phase.get() else {
            return false;
        };
        if self.unanswered.get() > 0 || !self.is_drained() {
            return false;
        }
        if let Some(stream) = self.stream.get() {
            let _ = SockRef::from(stream).shutdown(std::net::Shutdown::Write);
        }
        peer_ended
    }

    /// When to close it.
    pub(crate) fn deadline(&self, settings: &StreamSettings) -> Instant {
        let idle = self.last_used.get() + settings.idle;
        match (self.phase.get(), self.incomplete_since.get()) {
            (Phase::Finishing { until, .. }, _) => until,
            (_, Some(since)) => idle.min(since + settings.message_deadline),
            (_, None) => idle,
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

    pub(crate) fn touch(&self, now: Instant) {
        self.last_used.set(now);
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
        self.output.borrow().is_none()
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
