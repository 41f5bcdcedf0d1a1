//! The loop of one worker: take what has arrived, let the machines decide, send, sleep until something happens.
//!
//! The contract of the transaction layer is *one input, drain both queues, sleep until `poll_timeout`*. A turn takes
//! every source once, so that none starves another, and what it sends leaves together at its end.

mod inputs;
mod outputs;
mod streams;
mod wrapped;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use sip_core::{Message, parse_message};
use sip_transaction::{Flow, Origin, QueryId, Service, TransactionLayer, TransactionUser};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};

use crate::alarm::Alarm;
use crate::counters::Counters;
use crate::flows::Flows;
use crate::keepalive;
use crate::mmsg::{BATCH, ReceiveBatch, ReturnedQueue, SendBatch};
use crate::overload::Overload;
use crate::pause::Pause;
use crate::settings::Settings;
use crate::shutdown::ShutdownSignal;
use crate::tcp::poller::Happening;
use crate::tcp::{self, Connection};
use crate::udp::DatagramSocket;
use crate::worker::{Handover, Workers};

/// Where datagrams are copied to; it is used again once nobody holds a piece of it.
const SLAB: usize = 64 * 1024;

/// Inputs of one kind that one turn takes, at most.
const INPUTS: usize = 64;

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
    pub(crate) flows: Flows,
    pub(crate) context: Rc<tcp::Context>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::TlsConfig>,
    pub(crate) workers: Workers,
    pub(crate) inbox: mpsc::Receiver<Handover>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) alarm: Alarm,
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
    /// Datagrams this turn took.
    received: usize,
    pause: Pause,
    /// The longest wait of a datagram this turn took, if it is known.
    waited: Option<Duration>,
    overload: Overload,
    slab: BytesMut,
    send: SendBatch,
    returned: ReturnedQueue,
    unsent: Vec<Origin>,

    flows: Flows,
    accepting: Vec<SocketAddr>,
    context: Rc<tcp::Context>,
    /// Connections with something to read that belongs to a handshake.
    handshakes: VecDeque<(Rc<Connection>, Happening)>,
    /// For connections we open.
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::TlsConfig>,

    workers: Workers,
    inbox: mpsc::Receiver<Handover>,
    inbox_batch: Vec<Handover>,

    alarm: Alarm,
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
        let pause = Pause::new(parts.settings.udp.pause, now);
        let overload = Overload::new(parts.settings.udp.longest_wait, now);
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
            received: 0,
            pause,
            waited: None,
            overload,
            slab: BytesMut::with_capacity(SLAB),
            send: SendBatch::new(),
            returned: ReturnedQueue::new(),
            unsent: Vec::new(),
            accepting: parts.flows.listen_addrs().collect(),
            flows: parts.flows,
            context: parts.context,
            handshakes: VecDeque::new(),
            #[cfg(feature = "tls")]
            tls: parts.tls,
            workers: parts.workers,
            inbox: parts.inbox,
            inbox_batch: Vec::with_capacity(INPUTS),
            alarm: parts.alarm,
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
        self.pause.prepare();
        while !self.has_stopped() {
            poll_fn(|cx| self.poll_turn(cx)).await;
            let has_more = std::mem::take(&mut self.has_more);
            self.note_turn(has_more);
            if has_more || self.pause() {
                // Lets the runtime look at the other sockets first.
                yield_now().await;
            }
        }
    }

    /// Sleeps, if what came lately says that a batch will be there afterwards; whether it did. A timer that is due earlier ends it.
    fn pause(&mut self) -> bool {
        let received = std::mem::take(&mut self.received);
        let Some(pause) = self.pause.after(self.now, received) else {
            return false;
        };
        let deadline = self.next_deadline();
        let left = deadline.map_or(pause, |at| at.saturating_duration_since(self.now));
        thread::sleep(pause.min(left));
        true
    }

    /// Notes how far behind the worker is, and asks the kernel for what is needed to know.
    fn note_turn(&mut self, has_more: bool) {
        let watched = self.overload.is_watching();
        let waited = self.waited.take();
        self.overload.note_turn(self.now, has_more, waited);
        let watching = self.overload.is_watching();
        if watching != watched {
            for socket in &self.sockets {
                socket.report_arrival(watching);
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
        worked |= self.poll_connections(cx).is_ready();
        worked |= self.shake_hands();
        worked |= self.poll_answers(cx).is_ready();
        worked |= self.poll_alarm(cx).is_ready();
        if !worked {
            return Poll::Pending;
        }
        self.flush_all();
        Poll::Ready(())
    }
    fn poll_datagrams(&mut self, i: usize, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(error) = ready!(self.sockets[i].poll_receive(cx, &mut self.receive)) {
            tracing::error!(%error, "cannot receive datagrams");
            return Poll::Pending;
        }
        self.has_more |= self.receive.len() == BATCH;
        self.received += self.receive.len();
        if self.overload.is_watching() {
            self.waited = self.waited.max(self.receive.waited());
        }
        for at in 0..self.receive.len() {
            let Some(datagram) = self.receive.datagram(at) else {
                continue;
            };
            self.counters.datagrams_received.add(1);
            self.counters.octets_received.add(datagram.bytes.len());
            if keepalive::is_filler(datagram.bytes) {
                self.counters.keepalives.add(1);
                continue;
            }
            let local = self.sockets[i].local(datagram.local);
            let flow = Flow::udp(local, datagram.source);
            let (now, layer) = (self.now, &mut self.layer);
            if self.user.take_datagram(now, datagram.bytes, flow, layer) {
                self.settle();
                continue;
            }
            let bytes = keep(&mut self.slab, datagram.bytes);
            match parse_message(bytes, &self.settings.limits) {
                Ok(message) => self.handle_message(message, flow, None),
                Err(_) => self.counters.garbage.add(1),
            }
        }
        Poll::Ready(())
    }

    /// Takes datagrams that came back to a socket (§18.4), and leaves the rest to the next turn.
    fn take_returned(&mut self, i: usize) {
        for _ in 0..INPUTS {
            let socket = self.sockets.get(i);
            let Some(returned) = socket.and_then(|socket| socket.returned(&mut self.returned))
            else {
                return;
            };
            self.counters.datagrams_returned.add(1);
            if !returned.is_final {
                continue;
            }
            tracing::debug!(remote = %returned.remote, "a datagram came back");
            let bytes = Bytes::copy_from_slice(returned.bytes);
            // Only a request of ours says by its branch whose it is.
            let Ok(Message::Request(request)) = parse_message(bytes, &self.settings.limits) else {
                continue;
            };
            match self.workers.owner(request.headers()) {
                Some(worker) if worker == self.worker => {
                    self.layer.handle_returned(self.now, &request);
                }
                Some(worker) => self.hand_over(worker, Handover::Returned(request)),
                None => {}
            }
        }
        self.flows.returned_again(i);
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

    /// Answers gather as commits and batches of the backends do, so as many are taken as inputs of other kinds.
    fn poll_answers(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut worked = Poll::Pending;
        for _ in 0..INPUTS {
            let Poll::Ready(Some(answered)) = self.answers.poll_join_next(cx) else {
                break;
            };
            let (now, layer) = (self.now, &mut self.layer);
            match answered {
                Ok((id, Some(answer))) => self.user.handle_answer(now, id, answer, layer),
                Ok((id, None)) => self.user.handle_overload(now, id, layer),
                // Nobody aborts these tasks, and their panics are caught.
                Err(error) => tracing::error!(%error, "lost a query"),
            }
            self.settle();
            worked = Poll::Ready(());
        }
        worked
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.next_deadline() else {
            return Poll::Pending;
        };
        if deadline <= self.now {
            self.handle_timeout();
            return Poll::Ready(());
        }
        self.alarm.poll(self.now, deadline, cx)
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

/// Copies a datagram out of the batch's buffer, without allocating as long as earlier ones were let go.
fn keep(slab: &mut BytesMut, datagram: &[u8]) -> Bytes {
    if slab.capacity() < datagram.len() && !slab.try_reclaim(SLAB.max(datagram.len())) {
        *slab = BytesMut::with_capacity(SLAB.max(datagram.len()));
    }
    slab.extend_from_slice(datagram);
    slab.split().freeze()
}
