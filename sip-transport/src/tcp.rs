//! One TCP connection: connecting, reading, and what waits to be written (RFC 3261 §18.2, §18.3).
//!
//! An idle connection is one small task that waits until there is something to read. It holds no buffer: all
//! connections of a worker read into the same one, and only the rest of an incomplete message is kept.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::{Buf, Bytes};
use sip_core::{Frame, FrameError, Limits, Message, StreamFramer, Transport};
use sip_transaction::{ConnectionId, Flow};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
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

    /// Waits for something to read. False if that can never be.
    async fn is_readable(&self) -> bool {
        let readable = poll_fn(|cx| match self.stream.get() {
            Some(stream) => stream.poll_read_ready(cx),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        });
        readable.await.is_ok()
    }

    /// Shows `take` what has arrived, in the buffer that all connections share.
    fn read_some(&self, context: &Context, take: impl FnOnce(&[u8])) -> io::Result<usize> {
        let stream = self.stream.get().ok_or(io::ErrorKind::NotConnected)?;
        let mut buffer = context.buffer.borrow_mut();
        let count = stream.try_read(&mut buffer)?;
        take(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Sends `payload`, or lets it wait for a peer that does not read fast enough.
    pub(crate) fn send(
        self: &Rc<Self>,
        payload: &Bytes,
        owner: Option<Owner>,
        context: &Rc<Context>,
    ) -> Result<(), Refused> {
        let mut written = 0;
        if self.is_drained()
            && let Some(stream) = self.stream.get()
        {
            match stream.try_write(payload) {
                Ok(count) => written = count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Refused::Gone),
            }
        }
        if written < payload.len() {
            let payload = payload.slice(written..);
            self.enqueue(Waiting { payload, owner }, context)?;
            self.flush(context);
        }
        Ok(())
    }

    fn enqueue(&self, waiting: Waiting, context: &Context) -> Result<(), Refused> {
        let mut output = self.output.borrow_mut();
        let (octets, before) = (
            waiting.payload.len(),
            output.as_ref().map_or(0, |output| output.octets),
        );
        // One message always has room, be it larger than the queue.
        let fits = before == 0 || before + octets <= context.settings.write_queue;
        if !fits || !context.directory.reserve(octets) {
            return Err(Refused::Slow);
        }
        let output = output.get_or_insert_default();
        output.octets += octets;
        output.waiting.push_back(waiting);
        Ok(())
    }

    /// Writes what waits, in a task of its own that ends when all is written.
    pub(crate) fn flush(self: &Rc<Self>, context: &Rc<Context>) {
        if self.stream.get().is_some()
            && let Some(output) = &mut *self.output.borrow_mut()
            && !output.writing
        {
            output.writing = true;
            spawn_local(write(self.clone(), context.clone()));
        }
    }

    /// Writes what the peer takes now; whether that was all.
    fn write_some(&self, stream: &TcpStream, context: &Context) -> io::Result<bool> {
        let mut output = self.output.borrow_mut();
        if let Some(output) = &mut *output {
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
        }
        *output = None;
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
        let Some(output) = self.output.take() else {
            return Vec::new();
        };
        context.directory.release(output.octets);
        let left = output.waiting.into_iter();
        left.filter_map(|left| left.owner).collect()
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

    /// Takes down since when a message is incomplete; whether one has just begun.
    fn note_incomplete(&self, framing: Option<&Framing>) -> bool {
        let began = match framing {
            Some(framing) if !framing.framer.is_idle() => {
                let last_began = self.incomplete_since.get();
                last_began.filter(|_| !framing.progress)
            }
            _ => {
                self.incomplete_since.set(None);
                return false;
            }
        };
        self.incomplete_since
            .set(began.or(Some(self.last_used.get())));
        began.is_none()
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

/// Opens the connection.
pub(crate) async fn connect(connection: Rc<Connection>, context: Rc<Context>) {
    let opening = open(connection.local.get(), connection.remote);
    let opened = timeout(context.settings.connect_timeout, opening).await;
    if let Ok(Ok(stream)) = opened {
        connection.attach(stream);
        context.tell(|| Input::Connected(connection)).await;
    } else {
        let ended = || Input::Ended(connection, End::Lost);
        context.tell(ended).await;
    }
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
    let end = match read_messages(&connection, &context).await {
        Ok(end) => end,
        Err(error) => {
            context
                .tell(|| Input::Broken(connection.clone(), error))
                .await;
            discard(&connection, &context).await
        }
    };
    context.tell(|| Input::Ended(connection, end)).await;
}

async fn read_messages(
    connection: &Rc<Connection>,
    context: &Context,
) -> Result<End, Box<FrameError>> {
    let mut framing: Option<Box<Framing>> = None;
    while connection.is_readable().await {
        let push = |received: &[u8]| {
            let framing = framing.get_or_insert_with(|| Box::new(Framing::new(context)));
            framing.push(received);
        };
        match connection.read_some(context, push) {
            Ok(0) => return Ok(End::Finished),
            Ok(_) => connection.touch(Instant::now()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => break,
        }
        while let Some(under_way) = &mut framing
            && !under_way.pass_on(connection, context)?
        {
            context.room().await;
        }
        framing = framing.filter(|framing| framing.is_under_way());
        if connection.note_incomplete(framing.as_deref()) {
            context.tell(|| Input::Incomplete(connection.clone())).await;
        }
    }
    Ok(End::Lost)
}

/// What is under way on a connection; an idle one has none.
struct Framing {
    framer: StreamFramer,
    /// Something was complete since the last octets came.
    progress: bool,
    half_ping: bool,
}

impl Framing {
    fn new(context: &Context) -> Framing {
        Framing {
            framer: StreamFramer::new(context.limits.clone()),
            progress: false,
            half_ping: false,
        }
    }

    fn push(&mut self, received: &[u8]) {
        self.progress = false;
        self.framer.push(received);
    }

    /// Passes on what has arrived completely. False if the driver has no room for all of it yet.
    fn pass_on(
        &mut self,
        connection: &Rc<Connection>,
        context: &Context,
    ) -> Result<bool, Box<FrameError>> {
        loop {
            let place = match context.inputs.try_reserve() {
                Ok(place) => place,
                Err(TrySendError::Full(())) => return Ok(false),
                Err(TrySendError::Closed(())) => return Ok(true),
            };
            let frame = self.framer.next().map_err(Box::new)?;
            self.half_ping = match &frame {
                None => self.half_ping,
                Some(frame) => matches!(frame, Frame::Pong),
            };
            match frame {
                None => return Ok(true),
                Some(Frame::Pong) => {}
                Some(Frame::Ping) => place.send(Input::Ping(connection.clone())),
                Some(Frame::Message(message)) => {
                    place.send(Input::Message(connection.clone(), message));
                }
            }
            self.progress = true;
        }
    }

    fn is_under_way(&self) -> bool {
        !self.framer.is_idle() || self.half_ping
    }
}

/// Reads on without looking, so that the peer gets to read our last words before the connection is reset.
async fn discard(connection: &Connection, context: &Context) -> End {
    while connection.is_readable().await {
        match connection.read_some(context, |_| {}) {
            Ok(0) => return End::Finished,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    End::Lost
}

/// Writes what waits, as fast as the peer reads.
async fn write(connection: Rc<Connection>, context: Rc<Context>) {
    let Some(stream) = connection.stream.get() else {
        return;
    };
    while poll_fn(|cx| stream.poll_write_ready(cx)).await.is_ok() {
        match connection.write_some(stream, &context) {
            Ok(true) => break,
            Ok(false) => {}
            // The reading task meets the end as well, and tells.
            Err(_) => return,
        }
    }
    if matches!(connection.phase(), Phase::Finishing { .. }) {
        context.tell(|| Input::Written(connection)).await;
    }
}
