//! Which worker owns a message or a connection, and the bounded queues between workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use sip_core::{Headers, Message, Request, Via};
use sip_transaction::{ConnectionId, Flow, Origin, Target, worker_of};
use tokio::sync::mpsc;

use crate::directory::Directory;

/// What one worker leaves to another.
pub(crate) enum Handover {
    /// A response whose transaction lives there.
    Message(Message, Flow),
    /// A message for a connection of theirs.
    Transmit {
        connection: ConnectionId,
        payload: Bytes,
        to: Target,
        owner: Option<Owner>,
    },
    /// A message they left to us could not be sent.
    SendFailed(Origin),
    /// A request of theirs that came back (§18.4), its end perhaps cut off.
    Returned(Request),
    /// A connection they sent by is gone.
    FlowFailed(Flow),
}

/// Whom to tell if a message cannot be sent: a transaction, and the worker it lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) worker: u16,
    pub(crate) origin: Origin,
}

/// All workers of a server, as one of them sees them.
#[derive(Clone)]
pub(crate) struct Workers {
    queues: Arc<[mpsc::Sender<Handover>]>,
    pub(crate) directory: Arc<Directory>,
    /// How many have nothing left to do, and are stopping.
    drained: Arc<AtomicUsize>,
}

impl Workers {
    /// The workers, and the other end of the queue of each.
    pub(crate) fn new(
        count: u16,
        queue: usize,
        directory: Arc<Directory>,
    ) -> (Workers, Vec<mpsc::Receiver<Handover>>) {
        let (queues, ends): (Vec<_>, Vec<_>) =
            (0..count).map(|_| mpsc::channel(queue.max(1))).unzip();
        let workers = Workers {
            queues: queues.into(),
            directory,
            drained: Arc::default(),
        };
        (workers, ends)
    }

    pub(crate) fn count(&self) -> u16 {
        self.queues.len() as u16
    }

    /// Leaves `handover` to `worker`. False if there is no such worker, or its queue is full.
    pub(crate) fn hand_over(&self, worker: u16, handover: Handover) -> bool {
        let queue = self.queues.get(usize::from(worker));
        queue.is_some_and(|queue| queue.try_send(handover).is_ok())
    }

    /// The worker that sent a request, by the branch of the top Via in it or in a response to it. `None`: nobody here
    /// made it.
    pub(crate) fn owner(&self, headers: &Headers) -> Option<u16> {
        let via = headers.require::<Via>().ok()?;
        worker_of(&via.branch()?).filter(|worker| *worker < self.count())
    }

    /// Says that one worker has nothing left to do.
    pub(crate) fn note_drained(&self) {
        self.drained.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether none has. Until then each passes on what arrives at its sockets for another.
    pub(crate) fn are_drained(&self) -> bool {
        self.drained.load(Ordering::Relaxed) >= self.queues.len()
    }
}
