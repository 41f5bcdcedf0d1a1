//! The works: what phones do over and over, and what they need to share one worker.

pub(crate) mod call;
pub(crate) mod connections;
pub(crate) mod keepalive;
pub(crate) mod register;

use std::collections::HashSet;
use std::time::Instant;

use hashbrown::HashMap;
use sip_core::{Request, Response};
use sip_transaction::{ClientId, Flow, Target, TransactionLayer};

use crate::mark::Mark;
use crate::measure::tally::{KindId, Operation, Prepared, Tally};
use crate::pace::Pace;
use crate::site::Site;

/// One thing phones do over and over.
pub(crate) trait Work {
    /// What its marks begin with; no two works of a run have the same.
    fn letter(&self) -> u8;

    fn kind(&self) -> KindId;

    fn pace(&self) -> &Pace;

    fn pace_mut(&mut self) -> &mut Pace;

    /// Begins the operation that was due at `due`; false when no phone is free.
    fn begin(&mut self, due: Instant, cx: &mut Context<'_>) -> bool;

    /// When anything but the next operation is due.
    fn next_wait(&self) -> Option<Instant> {
        None
    }

    /// Does what is due by now, except beginning operations.
    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let _ = cx;
    }

    /// Takes a response to a request of `owner`.
    fn handle_response(
        &mut self,
        owner: Owner,
        response: &Response,
        flow: Flow,
        cx: &mut Context<'_>,
    );

    /// Learns that nobody will answer a request of `owner`.
    fn handle_failure(&mut self, owner: Owner, cx: &mut Context<'_>);

    /// Takes a response that belongs to no transaction and bears a mark of this work.
    fn handle_stray(&mut self, mark: Mark, response: &Response, flow: Flow, cx: &mut Context<'_>);

    /// Takes an answer known at sight to a request without a transaction; false if it wants to see all of it.
    fn handle_answer(&mut self, mark: Mark, status: u16, flow: Flow, cx: &mut Context<'_>) -> bool {
        let _ = (mark, status, flow, cx);
        false
    }

    /// Takes a request that bears a mark of this work; false if it knows nothing of it.
    fn handle_request(
        &mut self,
        mark: Mark,
        request: &Request,
        flow: Flow,
        cx: &mut Context<'_>,
    ) -> bool {
        let _ = (mark, request, flow, cx);
        false
    }

    /// The run is over: what is under way stays unfinished.
    fn finish(&mut self, cx: &mut Context<'_>);

    /// How it went, once all its operations have ended.
    fn prepared(&self) -> Option<Prepared> {
        None
    }

    /// Registrations that succeeded, whether they count or not.
    fn registrations(&self) -> u64 {
        0
    }

    /// Why going on makes no sense, if it does not.
    fn complaint(&self) -> Option<String> {
        None
    }
}

/// What a work has at hand.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) layer: &'a mut TransactionLayer,
    pub(crate) site: &'a mut Site,
    pub(crate) owners: &'a mut HashMap<ClientId, Owner>,
    pub(crate) tally: &'a mut Tally,
}

/// The operation a client transaction is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) letter: u8,
    pub(crate) slot: u32,
    pub(crate) serial: u32,
    pub(crate) measured: bool,
}

impl Context<'_> {
    /// Sends `request` in a transaction of `owner`.
    pub(crate) fn send(&mut self, owner: Owner, request: Request, to: Target) -> ClientId {
        let id = self.layer.send_request(self.now, request, to);
        self.owners.insert(id, owner);
        id
    }
}

/// The operations of one work by number: which of them were given up, so that an answer can be told late.
#[derive(Debug)]
pub(crate) struct Serials {
    next: u32,
    lost: HashSet<u32>,
}

/// Lost operations that are remembered; more hardly matter.
const MOST_LOST: usize = 1 << 20;

impl Serials {
    pub(crate) fn new() -> Serials {
        Serials {
            next: 0,
            lost: HashSet::new(),
        }
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.next = self.next.wrapping_add(1);
        self.next
    }

    pub(crate) fn lose(&mut self, serial: u32) {
        if self.lost.len() < MOST_LOST {
            self.lost.insert(serial);
        }
    }

    /// Counts an answer to an operation that is over: the first to one that was given up is late, all others are
    /// duplicates.
    pub(crate) fn count_stray(&mut self, serial: u32, kind: KindId, cx: &mut Context<'_>) {
        if self.lost.remove(&serial) {
            cx.tally.late(kind, cx.now);
        } else if serial <= self.next {
            cx.tally.duplicate(kind, cx.now);
        } else {
            cx.tally.stray(kind, cx.now);
        }
    }
}

/// How an operation that is over ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As it should; the pauses in it that are no one's fault are not part of its latency.
    Succeeded(std::time::Duration),
    /// With this status.
    Refused(u16),
    /// In silence.
    Lost,
}

impl Outcome {
    /// Counts it.
    pub(crate) fn count(self, kind: KindId, operation: Operation, cx: &mut Context<'_>) {
        match self {
            Outcome::Succeeded(pauses) => {
                let latency = cx.now.saturating_duration_since(operation.due);
                cx.tally
                    .succeed(kind, operation, latency.saturating_sub(pauses));
            }
            Outcome::Refused(status) => cx.tally.refuse(kind, operation, status),
            Outcome::Lost => cx.tally.lose(kind, operation),
        }
    }
}
