//! The response context: one for each request forwarded statefully, from its first branch to its last response
//! (RFC 3261 §16.6, §16.7).

use std::time::Duration;

use sip_core::{Method, Request, Response};
use sip_transaction::ServerId;

use crate::backend::{Incoming, Relay};

use super::account::Account;
use super::best_response::BestResponse;
use super::branch::Branch;
use super::forward;
use super::own::OwnId;
use super::targets::TargetSet;
use super::turn::Turn;

/// One request and all its branches (§16.6, §16.7).
#[derive(Debug)]
pub(crate) struct ResponseContext {
    pub(super) server: ServerId,
    pub(super) invite: bool,
    pub(super) stage: Stage,
    pub(super) branches: Vec<Branch>,
    /// What each branch is a copy of, as long as one more may be needed.
    pub(super) original: Option<Box<Request>>,
    pub(super) targets: TargetSet,
    pub(super) best: BestResponse,
    pub(super) receiving: Option<OwnId>,
    pub(super) record_route: bool,
    pub(super) ring_time: Option<Duration>,
    pub(super) account: Option<Box<Account>>,
    pub(super) mark: u32,
    /// A 2xx to an INVITE went upstream; more of them may follow it.
    pub(super) connected: bool,
    /// Nobody is left to be answered: the server transaction is gone.
    pub(super) orphaned: bool,
}

/// How far a context is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The router has not decided yet.
    Deciding,
    /// Branches are made as targets are left.
    Forwarding,
    /// No new branch: the caller has cancelled. The branches that are out have the last word.
    Cancelled,
    /// No new branch: somebody declined for all with a 6xx, or nobody is left to be answered.
    Closing,
    /// The final response has gone upstream.
    Answered,
}

impl ResponseContext {
    /// A context without branches, for a request whose router still waits.
    pub(crate) fn deciding(server: ServerId, incoming: &Incoming) -> ResponseContext {
        ResponseContext {
            server,
            invite: *incoming.request.method() == Method::Invite,
            stage: Stage::Deciding,
            branches: Vec::new(),
            original: None,
            targets: TargetSet::default(),
            best: BestResponse::default(),
            receiving: None,
            record_route: false,
            ring_time: None,
            account: None,
            mark: 0,
            connected: false,
            orphaned: false,
        }
    }

    /// Begins to forward as the router decided (§16.6).
    pub(crate) fn start(
        &mut self,
        turn: &mut Turn<'_>,
        incoming: &Incoming,
        relay: Relay,
        mark: u32,
    ) {
        if self.stage != Stage::Deciding {
            return;
        }
        self.stage = Stage::Forwarding;
        self.receiving = turn.rules.own.receiving(&incoming.flow);
        self.record_route = relay.record_route.unwrap_or(turn.rules.config.record_route);
        self.ring_time = relay.ring_time;
        self.mark = mark;
        if relay.accounted
            && let Some(accounting) = &turn.rules.accounting
        {
            let account = Account::new(incoming, relay.admission.identity());
            account.start(&**accounting);
            self.account = Some(Box::new(account));
        }
        let mut original = incoming.request.clone();
        forward::edit(&mut original, &relay.edits);
        // What is kept while phones ring lets go of the buffer it came in.
        let serial = relay.plan.groups.len() > 1;
        self.original = Some(Box::new(if serial {
            original.detached()
        } else {
            original
        }));
        self.targets = TargetSet::new(relay.plan, turn.rules.config.max_branches);
        self.proceed(turn);
    }

    /// Whether the router's decision is still wanted.
    pub(crate) fn is_open(&self) -> bool {
        self.stage == Stage::Deciding
    }

    /// Answers as the router decided, after it had to wait.
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, response: Response) {
        if self.stage == Stage::Deciding {
            self.send_response(turn, None, response);
        }
    }

    /// Whether nothing is left to wait for. Further 2xx to an INVITE go upstream as long as somebody is there (§16.7
    /// step 5); whatever else comes after the final response concerns nobody.
    pub(crate) fn is_over(&self) -> bool {
        match self.stage {
            Stage::Answered => self.orphaned || !self.connected && !self.is_out(),
            _ => self.orphaned && !self.is_out(),
        }
    }

    /// Stops every timer.
    pub(crate) fn end_all(&mut self, turn: &mut Turn<'_>) {
        for branch in 0..self.branches.len() {
            self.end(turn, branch);
        }
    }

    /// The server transaction has ended. Branches that are out stay (§16.9).
    pub(crate) fn orphan(&mut self) {
        self.orphaned = true;
        if self.stage == Stage::Forwarding {
            self.stage = Stage::Closing;
        }
    }

    pub(super) fn is_branch_out(&self, branch: usize) -> bool {
        matches!(self.branches.get(branch), Some(Branch::Out { .. }))
    }

    fn is_out(&self) -> bool {
        self.branches
            .iter()
            .any(|branch| !matches!(branch, Branch::Done))
    }

    /// Goes on to the next group of targets whenever no branch is out; after the last one, chooses the best response.
    pub(super) fn proceed(&mut self, turn: &mut Turn<'_>) {
        while self.stage == Stage::Forwarding && !self.is_out() {
            let Some(group) = self.targets.next_group() else {
                break;
            };
            self.branches.reserve_exact(group.len());
            for target in group {
                self.forward(turn, target);
            }
        }
        if self.stage != Stage::Answered && self.stage != Stage::Deciding && !self.is_out() {
            self.send_best_response(turn);
        }
        if self.stage != Stage::Forwarding || self.targets.is_empty() {
            self.original = None;
        }
    }
}
