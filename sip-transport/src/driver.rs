//! The loop of one worker: take what has arrived, let the machines decide, send, sleep until something happens.
//!
//! The contract of the transaction layer is *one input, drain both queues, sleep until `poll_timeout`*. A turn takes
//! every source once, so that none starves another, and what it sends leaves together at its end.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use sip_core::{
    FrameError, HeaderName, Limits, Message, Method, Request, Response, StatusCode, Text, To,
    Transport, Via, parse_message,
};
use sip_transaction::{
    Event, Flow, Origin, QueryId, Reply, Service, Target, TransactionLayer, TransactionUser,
    Transmit,
};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Sleep, sleep_until};

use crate::counters::Counters;
use crate::flows::{Closed, Flows};
use crate::keepalive;
use crate::mmsg::{BATCH, ReceiveBatch, SendBatch};
use crate::screen::{Verdict, screen};
use crate::settings::Settings;
use crate::shutdown::ShutdownSignal;
use crate::tcp::{self, Connection, End, Input, Refused};
use crate::udp::{DatagramSocket, Parcel};
use crate::via;
use crate::worker::{Handover, Owner, Workers};

/// Where datagrams are copied to; it is used again once nobody holds a piece of it.
const SLAB: usize = 64 * 1024;

/// Inputs of one kind that one turn takes, at most.
const INPUTS: usize = 64;

/// How long a peer that sent nonsense has to read what that is answered with.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often a worker that is stopping looks whether the others are done.
const STOPPING: Duration = Duration::from_millis(10);

/// What a driver is made of.
pub(crate) struct Parts<U, S> {
    pub(crate) worker: u16,
    pub(crate) settings: Arc<Settings>,
    pub(crate) layer: TransactionLayer,
    pub(crate) user: U,
    pub(crate) service: Arc<S>,
    pub(crate) sockets: Vec<DatagramSocket>,
    /// Where connections are accepted.
    pub(crate) accepting: Vec<SocketAddr>,
    pub(crate) inputs: mpsc::Receiver<Input>,
    pub(crate) context: Rc<tcp::Context>,
    pub(crate) workers: Workers,
    pub(crate) inbox: mpsc::Receiver<Handover>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) shutdown: ShutdownSignal,
}

/// One worker at work.
pub(crate) struct Driver<U: TransactionUser, S> {
    worker: u16,
    settings: Arc<Settings>,
    now: Instant,
    layer: TransactionLayer,
    user: U,
    service: Arc<S>,
    /// The answers that take time; `None` in place of one whose task panicked.
    answers: JoinSet<(QueryId, Option<U::Answer>)>,

    sockets: Vec<DatagramSocket>,
    receive: ReceiveBatch,
    /// A batch was full: there may be more where it came from.
    has_more: bool,
    slab: BytesMut,
    send: SendBatch,
    unsent: Vec<Origin>,

    flows: Flows,
    accepting: Vec<SocketAddr>,
    context: Rc<tcp::Context>,
    inputs: mpsc::Receiver<Input>,
    input_batch: Vec<Input>,

    workers: Workers,
    inbox: mpsc::Receiver<Handover>,
    inbox_batch: Vec<Handover>,

    alarm: Pin<Box<Sleep>>,
    alarm_at: Instant,
    shutdown: Pin<Box<dyn Future<Output = ()>>>,
    stopping: Option<Stopping>,
    counters: Arc<Counters>,
}

/// A worker that was told to stop.
struct Stopping {
    deadline: Instant,
    look_again: Instant,
    drained: bool,
}

impl<U, S> Driver<U, S>
where
    U: TransactionUser,
    U::Answer: 'static,
    S: Service<U::Query, U::Answer>,
{
    /// A driver in the current runtime.
    pub(crate) fn new(parts: Parts<U, S>) -> Driver<U, S> {
        let now = Instant::now();
        let flows = Flows::new(
            parts.worker,
            parts.workers.directory.clone(),
            parts.context.clone(),
            parts.counters.clone(),
        );
        Driver {
            worker: parts.worker,
            settings: parts.settings,
            now,
            layer: parts.layer,
            user: parts.user,
            service: parts.service,
            answers: JoinSet::new(),
            sockets: parts.sockets,
            receive: ReceiveBatch::new(),
            has_more: false,
            slab: BytesMut::with_capacity(SLAB),
            send: SendBatch::new(),
            unsent: Vec::new(),
            flows,
            accepting: parts.accepting,
            context: parts.context,
            inputs: parts.inputs,
            input_batch: Vec::with_capacity(INPUTS),
            workers: parts.workers,
            inbox: parts.inbox,
            inbox_batch: Vec::with_capacity(INPUTS),
            alarm: Box::pin(sleep_until(now.into())),
            alarm_at: now,
            shutdown: Box::pin(parts.shutdown.begun()),
            stopping: None,
            counters: parts.counters,
        }
    }

    /// Works until told to stop, and what is under way is finished.
    pub(crate) async fn run(mut self) {
        // The user may have something to say before anything arrives.
        self.settle();
        self.flush_all();
        while !self.has_stopped() {
            poll_fn(|cx| self.poll_turn(cx)).await;
            if std::mem::take(&mut self.has_more) {
                // Lets the runtime look at the other sockets first, and connections read.
                yield_now().await;
            }
        }
    }

    /// One turn: whatever is ready now, of every source.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.now = Instant::now();
        let mut worked = self.poll_shutdown(cx).is_ready();
        for i in 0..self.sockets.len() {
            worked |= self.poll_datagrams(i, cx).is_ready();
            worked |= self.sockets[i].poll_unblocked(cx).is_ready();
        }
        worked |= self.poll_inbox(cx).is_ready();
        worked |= self.poll_inputs(cx).is_ready();
        worked |= self.poll_answers(cx).is_ready();
        worked |= self.poll_alarm(cx).is_ready();
        if !worked {
            return Poll::Pending;
        }
        self.flush_all();
        Poll::Ready(())
    }

    // ── Sources ─────────────────────────────────────────────────────────────────────────────────────────────────

    fn poll_datagrams(&mut self, i: usize, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(error) = ready!(self.sockets[i].poll_receive(cx, &mut self.receive)) {
            tracing::error!(%error, "cannot receive datagrams");
            return Poll::Pending;
        }
        self.has_more |= self.receive.len() == BATCH;
        for at in 0..self.receive.len() {
            let Some(datagram) = self.receive.datagram(at) else {
                continue;
            };
            self.counters.datagrams_received.add(1);
            if keepalive::is_filler(datagram.bytes) {
                self.counters.keepalives.add(1);
                continue;
            }
            let local = self.sockets[i].local(datagram.local);
            let flow = Flow::udp(local, datagram.source);
            let bytes = keep(&mut self.slab, datagram.bytes);
            match parse_message(bytes, &self.settings.limits) {
                Ok(message) => self.handle_message(message, flow, None),
                Err(_) => self.counters.garbage.add(1),
            }
        }
        Poll::Ready(())
    }

    fn poll_inbox(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut batch = std::mem::take(&mut self.inbox_batch);
        let count = self.inbox.poll_recv_many(cx, &mut batch, INPUTS);
        for handover in batch.drain(..) {
            self.handle_handover(handover);
        }
        self.inbox_batch = batch;
        count.map(drop)
    }

    fn poll_inputs(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut batch = std::mem::take(&mut self.input_batch);
        let count = self.inputs.poll_recv_many(cx, &mut batch, INPUTS);
        for input in batch.drain(..) {
            self.handle_input(input);
        }
        self.input_batch = batch;
        count.map(drop)
    }

    fn poll_answers(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(answered) = ready!(self.answers.poll_join_next(cx)) else {
            return Poll::Pending;
        };
        let (now, layer) = (self.now, &mut self.layer);
        match answered {
            Ok((id, Some(answer))) => self.user.handle_answer(now, id, answer, layer),
            Ok((id, None)) => self.user.handle_overload(now, id, layer),
            // Nobody aborts these tasks, and their panics are caught.
            Err(error) => tracing::error!(%error, "lost a query"),
        }
        self.settle();
        Poll::Ready(())
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.next_deadline() else {
            return Poll::Pending;
        };
        if deadline <= self.now {
            self.handle_timeout();
            return Poll::Ready(());
        }
        // A deadline that moved into the future does not move the alarm, which then wakes us for nothing: that is
        // rarer than deadlines that move.
        if self.alarm.is_elapsed() || deadline < self.alarm_at {
            self.alarm_at = deadline;
            self.alarm.as_mut().reset(deadline.into());
        }
        self.alarm.as_mut().poll(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.stopping.is_some() {
            return Poll::Pending;
        }
        ready!(self.shutdown.as_mut().poll(cx));
        self.stopping = Some(Stopping {
            deadline: self.now + self.settings.drain,
            look_again: self.now,
            drained: false,
        });
        Poll::Ready(())
    }

    // ── Inputs ──────────────────────────────────────────────────────────────────────────────────────────────────

    fn handle_message(
        &mut self,
        mut message: Message,
        flow: Flow,
        connection: Option<&Rc<Connection>>,
    ) {
        // Before any edit, while reading a header costs nothing.
        let verdict = screen(&message);
        if let Message::Request(request) = &mut message {
            let via = via::stamped(request, flow.remote);
            if let Some(connection) = connection {
                self.note_request(connection, request, via);
            }
        }
        match (verdict, message) {
            (Verdict::Answer(status), Message::Request(request)) => {
                self.counters.flawed_answered.add(1);
                self.refuse(&request, request.reply(status), flow);
            }
            (Verdict::Pass, message) => match self.foreign_owner(&message) {
                Some(worker) => self.hand_over(worker, Handover::Message(message, flow)),
                None => self.layer.handle_message(self.now, message, flow),
            },
            _ => self.counters.flawed_dropped.add(1),
        }
        self.settle();
    }

    /// The other worker whose request `message` answers.
    fn foreign_owner(&self, message: &Message) -> Option<u16> {
        match message {
            Message::Response(response) if self.workers.count() > 1 => self
                .workers
                .owner(response)
                .filter(|worker| *worker != self.worker),
            _ => None,
        }
    }

    /// A request on a connection is owed a response, and shows where its sender listens (RFC 5923 §3).
    fn note_request(&self, connection: &Rc<Connection>, request: &Request, via: Option<Via>) {
        if *request.method() != Method::Ack {
            connection.owe();
        }
        if let Some(via) = via {
            let default = connection.transport.default_port();
            let port = via.sent_by().port.unwrap_or(default);
            self.flows.note_alias(connection, port);
        }
    }

    /// Answers without a transaction (§8.2.7).
    fn refuse(&mut self, request: &Request, mut response: Response, flow: Flow) {
        response.set_to_tag(&self.layer.stable_tag(request));
        self.layer.reply(flow, &response);
    }

    fn handle_input(&mut self, input: Input) {
        match input {
            Input::Accepted(stream, remote) if self.stopping.is_none() => {
                self.flows.accept(self.now, stream, remote);
            }
            Input::Accepted(..) => self.counters.connections_refused.add(1),
            Input::Connected(connection) => self.flows.connected(&connection),
            // We closed it ourselves: what was still in the queue is not worth a new connection for its answer.
            Input::Message(connection, _) if self.flows.find(connection.id).is_none() => {}
            Input::Message(connection, message) => {
                self.counters.stream_messages.add(1);
                self.handle_message(message, connection.flow(), Some(&connection));
            }
            Input::Ping(connection) => {
                self.counters.keepalives.add(1);
                self.send_on(&connection, keepalive::PONG, None);
            }
            Input::Incomplete(connection) => self.flows.watch_message(&connection),
            Input::Broken(connection, error) => self.handle_broken(&connection, *error),
            Input::Written(connection) => self.wind_up(&connection),
            Input::Ended(connection, End::Finished) => self.handle_end(&connection),
            Input::Ended(connection, End::Lost) => self.close(&connection),
        }
        self.settle();
    }

    /// Answers what can be answered, and closes: where the next message would begin is anybody's guess (§18.3).
    fn handle_broken(&mut self, connection: &Rc<Connection>, error: FrameError) {
        let flow = connection.flow();
        self.flows.finish(self.now, connection, false, LAST_WORDS);
        match (error.message, error.flaw.status) {
            (Some(Message::Request(mut request)), Some(status))
                if *request.method() != Method::Ack =>
            {
                self.counters.flawed_answered.add(1);
                connection.owe();
                via::stamp(&mut request, flow.remote);
                self.refuse(&request, request.reply(status), flow);
                self.settle();
            }
            (Some(_), _) => self.counters.flawed_dropped.add(1),
            (None, _) => self.counters.garbage.add(1),
        }
        self.wind_up(connection);
    }

    /// The peer sends no more. What it asked before is still answered: it may have closed one direction only.
    fn handle_end(&mut self, connection: &Rc<Connection>) {
        let patience = self.settings.timers.patience();
        self.flows.finish(self.now, connection, true, patience);
        self.wind_up(connection);
    }

    fn handle_handover(&mut self, handover: Handover) {
        match handover {
            Handover::Message(message, flow) => self.layer.handle_message(self.now, message, flow),
            Handover::SendFailed(origin) => self.layer.handle_send_failure(self.now, origin),
            Handover::FlowFailed(flow) => self.layer.handle_flow_failure(self.now, flow),
            Handover::Transmit {
                connection,
                payload,
                to,
                owner,
            } => match self.flows.find(connection).cloned() {
                Some(connection) => {
                    owner.iter().for_each(|owner| connection.lend(owner.worker));
                    self.send_on(&connection, payload, owner);
                }
                None => self.send_elsewhere(payload, to, owner),
            },
        }
        self.settle();
    }

    fn handle_timeout(&mut self) {
        self.layer.handle_timeout(self.now);
        self.user.handle_timeout(self.now, &mut self.layer);
        self.settle();
        while let Some(id) = self.flows.expire(self.now) {
            if let Some(connection) = self.flows.find(id).cloned() {
                self.close(&connection);
            }
        }
        self.settle();
        if let Some(stopping) = &mut self.stopping {
            stopping.look_again = self.now + STOPPING;
        }
    }

    // ── Between input and output ────────────────────────────────────────────────────────────────────────────────

    /// Lets the layer and its user talk until neither has anything to say.
    fn settle(&mut self) {
        loop {
            if let Some(event) = self.layer.poll_event() {
                self.handle_event(event);
            } else if let Some((id, query)) = self.user.poll_query() {
                self.ask(id, query);
            } else if let Some(transmit) = self.layer.poll_transmit() {
                self.transmit(transmit);
            } else {
                break;
            }
        }
    }

    fn handle_event(&mut self, event: Event) {
        if let Event::Request { request, flow } = &event
            && self.stopping.is_some()
            && opens_something(request)
        {
            self.counters.refused_stopping.add(1);
            let mut response = request.reply(StatusCode::SERVICE_UNAVAILABLE);
            let headers = response.headers_mut();
            headers.push_raw(HeaderName::RetryAfter, &Text::from_static("10"));
            return self.refuse(request, response, *flow);
        }
        self.user.handle_event(self.now, event, &mut self.layer);
    }

    /// Has a question of the user answered: at once, or by a task while the worker goes on.
    fn ask(&mut self, id: QueryId, query: U::Query) {
        let (now, layer) = (self.now, &mut self.layer);
        match self.service.call(query) {
            Reply::Ready(answer) => self.user.handle_answer(now, id, answer, layer),
            Reply::Pending(_) if self.answers.len() >= self.settings.waiting_queries => {
                self.counters.queries_refused.add(1);
                self.user.handle_overload(now, id, layer);
            }
            Reply::Pending(answer) => {
                self.counters.queries_waited.add(1);
                self.user.handle_wait(now, id, layer);
                self.answers
                    .spawn_local(async move { (id, unless_it_panics(answer).await) });
            }
        }
    }

    // ── Outputs ─────────────────────────────────────────────────────────────────────────────────────────────────

    fn transmit(&mut self, transmit: Transmit) {
        let Transmit {
            payload,
            to,
            origin,
            ..
        } = transmit;
        if to.transport() == Transport::Udp {
            return self.send_datagram(payload, to, origin);
        }
        let owner = origin.map(|origin| Owner {
            worker: self.worker,
            origin,
        });
        match to {
            Target::Flow(flow) => self.send_by(flow.connection, payload, to, owner),
            Target::Address {
                transport, remote, ..
            } => match self.workers.directory.find(transport, remote) {
                Some(connection) => self.send_by(connection, payload, to, owner),
                None => self.send_by_new(payload, to, owner),
            },
        }
    }

    fn send_datagram(&mut self, payload: Bytes, to: Target, origin: Option<Origin>) {
        let (local, remote) = (to.local(), to.remote());
        let serves = |socket: &DatagramSocket| socket.serves(local, remote);
        let Some(i) = self.sockets.iter().position(serves) else {
            return self.fail(origin.map(|origin| Owner {
                worker: self.worker,
                origin,
            }));
        };
        self.sockets[i].enqueue(Parcel {
            payload,
            remote,
            local: local.map(|local| local.ip()),
            origin,
        });
        if self.sockets[i].is_batch_full() {
            self.flush(i);
        }
    }

    /// Ends a turn: sends what waits, and what the failures among it lead to.
    fn flush_all(&mut self) {
        while self.sockets.iter().any(DatagramSocket::can_send) {
            (0..self.sockets.len()).for_each(|i| self.flush(i));
            self.settle();
        }
    }

    /// Sends what waits at one socket.
    fn flush(&mut self, i: usize) {
        let mut unsent = std::mem::take(&mut self.unsent);
        let bound = self.settings.udp.send_queue;
        self.sockets[i].flush(&mut self.send, bound, &self.counters, |origin| {
            unsent.push(origin);
        });
        for origin in unsent.drain(..) {
            self.counters.send_failures.add(1);
            self.layer.handle_send_failure(self.now, origin);
        }
        self.unsent = unsent;
    }

    /// Sends by a connection, whoever owns it.
    fn send_by(
        &mut self,
        connection: sip_transaction::ConnectionId,
        payload: Bytes,
        to: Target,
        owner: Option<Owner>,
    ) {
        if connection.worker() != self.worker && !connection.is_none() {
            return self.hand_over(
                connection.worker(),
                Handover::Transmit {
                    connection,
                    payload,
                    to,
                    owner,
                },
            );
        }
        match self.flows.find(connection).cloned() {
            Some(connection) => self.send_on(&connection, payload, owner),
            None => self.send_elsewhere(payload, to, owner),
        }
    }

    fn send_on(&mut self, connection: &Rc<Connection>, payload: Bytes, owner: Option<Owner>) {
        match connection.send(&payload, owner, &self.context) {
            Ok(()) => {
                connection.touch(self.now);
                if is_final_response(&payload) {
                    connection.settle();
                    self.wind_up(connection);
                }
            }
            Err(Refused::Gone) => {
                self.close(connection);
                self.send_elsewhere(payload, Target::Flow(connection.flow()), owner);
            }
            Err(Refused::Slow) => {
                self.counters.slow_readers.add(1);
                self.close(connection);
                self.fail(owner);
            }
        }
    }

    /// The connection is gone. A response may take another one (§18.2.2); a request for this flow has failed.
    fn send_elsewhere(&mut self, payload: Bytes, to: Target, owner: Option<Owner>) {
        let Target::Flow(_) = to else {
            return self.send_by_new(payload, to, owner);
        };
        match parse_message(payload.clone(), &Limits::default()) {
            Ok(Message::Response(response)) => match via::response_target(&response) {
                Some(to) if to.transport() != Transport::Udp => {
                    let known = self
                        .workers
                        .directory
                        .find(to.transport(), to.remote())
                        .and_then(|id| self.flows.find(id).cloned());
                    match known {
                        Some(connection) => self.send_on(&connection, payload, owner),
                        None => self.send_by_new(payload, to, owner),
                    }
                }
                _ => self.fail(owner),
            },
            _ => self.fail(owner),
        }
    }

    /// Opens a connection; the message waits on it.
    fn send_by_new(&mut self, payload: Bytes, to: Target, owner: Option<Owner>) {
        if to.transport() != Transport::Tcp {
            return self.fail(owner);
        }
        let from = to.local().or_else(|| self.home(to.remote()));
        let from = from.map(|local| local.ip());
        match self
            .flows
            .connect(self.now, to.transport(), from, to.remote())
        {
            Ok(connection) => self.send_on(&connection, payload, owner),
            Err(_full) => {
                self.counters.connections_refused.add(1);
                self.fail(owner);
            }
        }
    }

    /// The address to connect from: peers know us by the one we listen on.
    fn home(&self, remote: SocketAddr) -> Option<SocketAddr> {
        let same_kind = |addr: &&SocketAddr| addr.is_ipv6() == remote.is_ipv6();
        self.accepting.iter().find(same_kind).copied()
    }

    fn hand_over(&mut self, worker: u16, handover: Handover) {
        let owner = match &handover {
            Handover::Transmit { owner, .. } => *owner,
            _ => None,
        };
        if self.workers.hand_over(worker, handover) {
            self.counters.handed_over.add(1);
        } else {
            self.counters.handover_lost.add(1);
            self.fail(owner.filter(|owner| owner.worker == self.worker));
        }
    }

    /// Tells the owner of a message that it did not leave.
    fn fail(&mut self, owner: Option<Owner>) {
        self.counters.send_failures.add(1);
        match owner {
            Some(Owner { worker, origin }) if worker == self.worker => {
                self.layer.handle_send_failure(self.now, origin);
            }
            Some(Owner { worker, origin }) => {
                self.hand_over(worker, Handover::SendFailed(origin));
            }
            None => {}
        }
    }

    fn wind_up(&mut self, connection: &Rc<Connection>) {
        if connection.wind_up() {
            self.close(connection);
        }
    }

    fn close(&mut self, connection: &Rc<Connection>) {
        let Some(closed) = self.flows.close(connection.id) else {
            return;
        };
        let Closed {
            flow,
            unsent,
            borrowers,
        } = closed;
        unsent.into_iter().for_each(|owner| self.fail(Some(owner)));
        self.layer.handle_flow_failure(self.now, flow);
        for worker in 0..self.workers.count() {
            if worker != self.worker && borrowers & tcp::borrower_bit(worker) != 0 {
                self.hand_over(worker, Handover::FlowFailed(flow));
            }
        }
    }

    // ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────

    fn next_deadline(&self) -> Option<Instant> {
        let stopping = self.stopping.as_ref();
        [
            self.layer.poll_timeout(),
            self.user.poll_timeout(),
            self.flows.poll_timeout(),
            stopping.map(|stopping| stopping.look_again.min(stopping.deadline)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether the worker may end: all of them are done, or the time for it is over.
    fn has_stopped(&mut self) -> bool {
        let Some(stopping) = &mut self.stopping else {
            return false;
        };
        let is_idle = || {
            self.layer.unfinished() == 0
                && self.answers.is_empty()
                && self.flows.is_drained()
                && self.sockets.iter().all(DatagramSocket::is_drained)
        };
        if !stopping.drained && is_idle() {
            stopping.drained = true;
            self.workers.note_drained();
        }
        self.workers.are_drained() || stopping.deadline <= self.now
    }
}

/// What `answer` comes to, or `None` if it panics: the user learns of either.
async fn unless_it_panics<A>(mut answer: Pin<Box<dyn Future<Output = A> + Send>>) -> Option<A> {
    poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| answer.as_mut().poll(cx));
        match catch_unwind(poll) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// Copies a datagram out of the batch's buffer, without allocating as long as earlier ones were let go.
fn keep(slab: &mut BytesMut, datagram: &[u8]) -> Bytes {
    if slab.capacity() < datagram.len() && !slab.try_reclaim(SLAB.max(datagram.len())) {
        *slab = BytesMut::with_capacity(SLAB.max(datagram.len()));
    }
    slab.extend_from_slice(datagram);
    slab.split().freeze()
}

/// Whether a server that is stopping refuses `request`: neither part of something under way nor in a dialog.
fn opens_something(request: &Request) -> bool {
    let in_dialog = || {
        let to = request.headers().require::<To>();
        to.is_ok_and(|to| to.tag().is_some())
    };
    !matches!(request.method(), Method::Ack | Method::Cancel) && !in_dialog()
}

fn is_final_response(payload: &[u8]) -> bool {
    let class = payload.strip_prefix(b"SIP/2.0 ").and_then(<[u8]>::first);
    class.is_some_and(|digit| (b'2'..=b'6').contains(digit))
}
