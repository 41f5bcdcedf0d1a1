//! One TCP connection: connecting, reading, and what waits to be written (RFC 3261 §18.2, §18.3).
//!
//! An idle connection is one small task that waits until there is something to read. It holds no buffer: all
//! connections of a worker read into the same one, and only the rest of an incomplete message is kept.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes};
use sip_core::{Frame, FrameError, Limits, Message, StreamFramer, Transport};
use sip_transaction::{ConnectionId, Flow};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;

use crate::directory::Directory;
use crate::settings::StreamSettings;
use crate::worker::Owner;

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
    /// Connecting failed, or nothing more will arrive.
    Ended(Rc<Connection>),
}

/// What the tasks of one worker's connections share.
pub(crate) struct Context {
    inputs: mpsc::Sender<Input>,
    buffer: RefCell<Box<[u8]>>,
    limits: Limits,
    directory: Arc<Directory>,
    pub(crate) settings: StreamSettings,
}

impl Context {
    pub(crate) fn new(
        inputs: mpsc::Sender<Input>,
        limits: Limits,
        directory: Arc<Directory>,
        settings: StreamSettings,
    ) -> Context {
        Context {
            inputs,
            buffer: RefCell::new(vec![0; 65_536].into_boxed_slice()),
            limits,
            directory,
            settings,
        }
    }

    /// Waits while the driver has plenty to do.
    pub(crate) async fn tell(&self, input: Input) {
        // The driver lives as long as the tasks do.
        let _ = self.inputs.send(input).await;
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
    output: RefCell<Output>,
    phase: Cell<Phase>,
    last_used: Cell<Instant>,
    /// Since when a message is incomplete.
    incomplete_since: Cell<Option<Instant>>,
    watched: Cell<Instant>,
    /// Requests that had no final response yet.
    unanswered: Cell<u32>,
    aliases: Cell<[u16; 3]>,
    borrowers: Cell<u64>,
    task: RefCell<Option<AbortHandle>>,
}

/// What waits until the peer reads.
#[derive(Default)]
struct Output {
    waiting: VecDeque<Waiting>,
    octets: usize,
    writing: bool,
}

struct Waiting {
    payload: Bytes,
    owner: Option<Owner>,
}

/// Why a message does not leave by a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The connection is gone.
    Gone,
    /// The peer reads too slowly.
    Slow,
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
            task: RefCell::new(None),
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
        self.task.replace(Some(handle));
    }

    /// Sends `payload`, or lets it wait for a peer that does not read fast enough.
    pub(crate) fn send(
        self: &Rc<Self>,
        mut payload: Bytes,
        owner: Option<Owner>,
        context: &Rc<Context>,
    ) -> Result<(), Refused> {
        if self.is_drained()
            && let Some(stream) = self.stream.get()
        {
            match stream.try_write(&payload) {
                Ok(written) => payload.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Refused::Gone),
            }
        }
        if !payload.is_empty() {
            self.enqueue(Waiting { payload, owner }, context)?;
            self.flush(context);
        }
        Ok(())
    }

    fn enqueue(&self, waiting: Waiting, context: &Context) -> Result<(), Refused> {
        let mut output = self.output.borrow_mut();
        let octets = waiting.payload.len();
        // One message always has room, be it larger than the queue.
        let fits = output.octets == 0 || output.octets + octets <= context.settings.write_queue;
        if !fits || !context.directory.reserve(octets) {
            return Err(Refused::Slow);
        }
        output.octets += octets;
        output.waiting.push_back(waiting);
        Ok(())
    }

    /// Writes what waits, in a task of its own that ends when all is written.
    pub(crate) fn flush(self: &Rc<Self>, context: &Rc<Context>) {
        let mut output = self.output.borrow_mut();
        if self.stream.get().is_some() && !output.writing && !output.waiting.is_empty() {
            output.writing = true;
            spawn_local(write(self.clone(), context.clone()));
        }
    }

    /// One write; whether that was all.
    fn write_some(&self, stream: &TcpStream, context: &Context) -> io::Result<bool> {
        let mut output = self.output.borrow_mut();
        while let Some(first) = output.waiting.front_mut() {
            let written = match stream.try_write(&first.payload) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            first.payload.advance(written);
            if first.payload.is_empty() {
                output.waiting.pop_front();
            }
            output.octets -= written;
            context.directory.release(written);
        }
        // An idle connection keeps no queue.
        output.waiting = VecDeque::new();
        output.writing = false;
        Ok(true)
    }

    /// Ends the tasks and the stream; those whose messages did not leave come back.
    pub(crate) fn end(&self, context: &Context) -> Vec<Owner> {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        if let Some(stream) = self.stream.get() {
            // The writing task may hold the connection a little longer.
            let _ = SockRef::from(stream).shutdown(std::net::Shutdown::Both);
        }
        let mut output = self.output.borrow_mut();
        context.directory.release(output.octets);
        output.octets = 0;
        let waiting = std::mem::take(&mut output.waiting);
        waiting.into_iter().filter_map(|left| left.owner).collect()
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
        self.output.borrow().waiting.is_empty()
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

/// Opens the connection.
pub(crate) async fn connect(connection: Rc<Connection>, context: Rc<Context>) {
    let opening = open(connection.local.get(), connection.remote);
    let opened = timeout(context.settings.connect_timeout, opening).await;
    let input = match opened {
        Ok(Ok(stream)) => {
            connection.attach(stream);
            Input::Connected(connection)
        }
        Ok(Err(_)) | Err(_) => Input::Ended(connection),
    };
    context.tell(input).await;
}

async fn open(local: SocketAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = match remote {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if !local.ip().is_unspecified() {
        socket.bind(local)?;
    }
    socket.connect(remote).await
}

/// Reads messages until the peer ends or makes no sense any more.
pub(crate) async fn read(connection: Rc<Connection>, context: Rc<Context>) {
    if let Some(stream) = connection.stream.get() {
        match read_messages(stream, &connection, &context).await {
            Ok(()) => {}
            Err(error) => {
                let broken = Input::Broken(connection.clone(), error);
                context.tell(broken).await;
                discard(stream, &context).await;
            }
        }
    }
    context.tell(Input::Ended(connection)).await;
}

async fn read_messages(
    stream: &TcpStream,
    connection: &Rc<Connection>,
    context: &Context,
) -> Result<(), Box<FrameError>> {
    let mut framer = StreamFramer::new(context.limits.clone());
    while stream.readable().await.is_ok() {
        match read_some(stream, context, |received| framer.push(received)) {
            Ok(0) => break,
            Ok(_) => connection.touch(Instant::now()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => break,
        }
        if pass_on(&mut framer, connection, context).await? || framer.is_idle() {
            connection.incomplete_since.set(None);
        }
        if !framer.is_idle() && connection.incomplete_since.get().is_none() {
            connection
                .incomplete_since
                .set(Some(connection.last_used.get()));
            context.tell(Input::Incomplete(connection.clone())).await;
        }
    }
    Ok(())
}

/// Passes on what has arrived completely; whether there was anything.
async fn pass_on(
    framer: &mut StreamFramer,
    connection: &Rc<Connection>,
    context: &Context,
) -> Result<bool, Box<FrameError>> {
    let mut any = false;
    loop {
        // The place in the queue comes first, so that no message is held while waiting for one.
        let Ok(place) = context.inputs.reserve().await else {
            return Ok(any);
        };
        match framer.next().map_err(Box::new)? {
            Some(Frame::Message(message)) => {
                place.send(Input::Message(connection.clone(), message));
            }
            Some(Frame::Ping) => place.send(Input::Ping(connection.clone())),
            Some(Frame::Pong) => {}
            None => return Ok(any),
        }
        any = true;
    }
}

/// Reads on without looking, so that the peer gets to read our last words before the connection is reset.
async fn discard(stream: &TcpStream, context: &Context) {
    while stream.readable().await.is_ok() {
        match read_some(stream, context, |_| {}) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
}

fn read_some(stream: &TcpStream, context: &Context, take: impl FnOnce(&[u8])) -> io::Result<usize> {
    let mut buffer = context.buffer.borrow_mut();
    let count = stream.try_read(&mut buffer)?;
    take(buffer.get(..count).unwrap_or_default());
    Ok(count)
}

/// Writes what waits, as fast as the peer reads.
async fn write(connection: Rc<Connection>, context: Rc<Context>) {
    let Some(stream) = connection.stream.get() else {
        return;
    };
    while stream.writable().await.is_ok() {
        match connection.write_some(stream, &context) {
            Ok(true) => break,
            Ok(false) => {}
            // The reading task meets the end as well, and tells.
            Err(_) => return,
        }
    }
    if matches!(connection.phase(), Phase::Finishing { .. }) {
        context.tell(Input::Written(connection)).await;
    }
}
