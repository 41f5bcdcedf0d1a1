//! What sits on top: the transaction user (RFC 3261 §5: TU), and the service that answers its questions.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use crate::boundary::{Event, Flow};
use crate::layer::TransactionLayer;

/// One question of a [`TransactionUser`], so that its answer finds the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueryId(pub u64);

/// A transaction user: a proxy core, a user agent, a registrar.
///
/// It decides without waiting. What it must ask of the world it leaves at [`poll_query`] and goes on; the
/// answer comes in as one more input.
///
/// [`poll_query`]: TransactionUser::poll_query
pub trait TransactionUser {
    /// What it asks.
    type Query;
    /// What it is told.
    type Answer;

    /// Takes one event of `layer`.
    fn handle_event(&mut self, now: Instant, event: Event, layer: &mut TransactionLayer);

    /// Takes a datagram before it is read as SIP; true if that settles it. For who expects another protocol at the
    /// same address, turns a flood away before it costs anything, or knows an answer at sight.
    fn take_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        flow: Flow,
        layer: &mut TransactionLayer,
    ) -> bool {
        let _ = (now, datagram, flow, layer);
        false
    }

    /// Takes the answer to query `id`.
    fn handle_answer(
        &mut self,
        now: Instant,
        id: QueryId,
        answer: Self::Answer,
        layer: &mut TransactionLayer,
    );

    /// Learns that the answer to query `id` takes real time: the moment to send a 100.
    fn handle_wait(&mut self, now: Instant, id: QueryId, layer: &mut TransactionLayer) {
        let _ = (now, id, layer);
    }

    /// Learns that query `id` gets no answer, since too many wait for theirs already, or the service failed: the
    /// moment to send a 503.
    fn handle_overload(&mut self, now: Instant, id: QueryId, layer: &mut TransactionLayer) {
        let _ = (now, id, layer);
    }

    /// Learns that the connection of `flow` is gone, in whatever way: who is reached by it only is out of reach
    /// (RFC 5626 §5.4). Transactions on it know already.
    fn handle_flow_end(&mut self, now: Instant, flow: Flow, layer: &mut TransactionLayer) {
        let _ = (now, flow, layer);
    }

    /// Acts on every deadline of its own up to `now`.
    fn handle_timeout(&mut self, now: Instant, layer: &mut TransactionLayer);

    /// The next question, until there is none.
    fn poll_query(&mut self) -> Option<(QueryId, Self::Query)>;

    /// When [`handle_timeout`](TransactionUser::handle_timeout) is wanted next.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// Answers the questions of a [`TransactionUser`]; shared by all workers.
pub trait Service<Q, A>: Send + Sync + 'static {
    /// Answers at once if it can, and never blocks the caller.
    fn call(&self, query: Q) -> Reply<A>;
}

/// An answer, or the promise of one.
pub enum Reply<A> {
    /// Known already: it is taken in the same turn.
    Ready(A),
    /// Takes time.
    Pending(Pin<Box<dyn Future<Output = A> + Send>>),
}

impl<A: fmt::Debug> fmt::Debug for Reply<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Ready(answer) => f.debug_tuple("Ready").field(answer).finish(),
            Reply::Pending(_) => f.write_str("Pending"),
        }
    }
}

/// The service of a user that asks nothing.
impl<A: 'static> Service<std::convert::Infallible, A> for () {
    fn call(&self, query: std::convert::Infallible) -> Reply<A> {
        match query {}
    }
}
