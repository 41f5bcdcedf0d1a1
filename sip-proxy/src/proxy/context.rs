//! The response context: one for each request forwarded statefully, from its first branch to its last response
//! (RFC 3261 §16.6, §16.7).

use std::sync::Arc;
use std::time::Duration;

use sip_core::{Method, Request, Response, StatusCode};
use sip_transaction::ServerId;

use crate::backend::{Incoming, Relay};
use crate::nat::NatTraversal;
use crate::session_timer::Timer;

use super::account::Account;
use super::best_response::{BestResponse, Candidate};
use super::branch::Branch;
use super::breadth;
use super::fork::BranchTarget;
use super::forward;
use super::own::OwnId;
use super::supervise::Supervision;
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
    /// Incoming Max-Breadth (RFC 5393 §5.3.2).
    pub(super) breadth: u8,
    pub(super) follows_redirects: bool,
    pub(super) nat: Option<NatTraversal>,
    pub(super) timer: Option<Timer>,
    /// What the router wants to be asked about.
    pub(super) supervision: Option<Box<Supervision>>,
    /// A 2xx to an INVITE went upstream; more of them may follow it.
    pub(super) connected: bool,
    /// Nobody is left to be answered: the server transaction is gone.
    pub(super) orphaned: bool,
}

/// How far a context is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The router has not decided yet, or not yet again.
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
            breadth: 0,
            follows_redirects: false,
            nat: None,
            timer: None,
            supervision: None,
            connected: false,
            orphaned: false,
        }
    }

    /// Begins to forward as the router decided (§16.6).
    pub(crate) fn start(
        &mut self,
        turn: &mut Turn<'_>,
        incoming: &Arc<Incoming>,
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
        self.breadth = breadth::incoming(&incoming.request, turn.rules.config.max_breadth);
        self.follows_redirects = relay.follows_redirects;
        self.nat = relay.nat;
        self.timer = relay.timer;
        self.supervise(incoming, &relay);
        if relay.accounted
            && self.account.is_none()
            && let Some(accounting) = &turn.rules.accounting
        {
            let account = Account::new(incoming, relay.admission.identity());
            account.start(&**accounting);
            self.account = Some(Box::new(account));
        }
        let mut original = incoming.request.clone();
        forward::edit(&mut original, &relay.edits); // §16.6 step 5, the same for all branches
        if let Some(nat) = &self.nat {
            nat.fix_request(&mut original, &incoming.flow);
        }
        // What is kept while phones ring lets go of the buffer it came in.
        let serial = relay.plan.groups.len() > 1 || self.follows_redirects;
        self.original = Some(Box::new(if serial {
            original.detached()
        } else {
            original
        }));
        let left = turn
            .rules
            .config
            .max_branches
            .saturating_sub(self.branches.len());
        let targets = TargetSet::new(relay.plan, left);
        if targets.is_empty() {
            // F-12: there were branches before, and there may be no more.
            self.best
                .add(0, Candidate::Own(StatusCode::SERVER_INTERNAL_ERROR));
            self.ask_no_more();
        }
        self.targets = match self.follows_redirects {
            true => targets,
            false => targets.closed(),
        };
        self.proceed(turn);
    }

    /// Whether the router's decision is still wanted.
    pub(crate) fn is_open(&self) -> bool {
        self.stage == Stage::Deciding
    }

    /// Answers as the router decided, after it had to wait.
    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, response: Response) {
        if self.stage == Stage::Deciding {
            self.send_response(turn, None, response, None);
        }
    }

    /// Whether nothing is left to wait for. Further 2xx to an INVITE go upstream as long as somebody is there (§16.7
    /// step 5); whatever else comes after the final response concerns nobody.
    pub(crate) fn is_over(&self) -> bool {
        match self.stage {
            Stage::Answered if self.has_responses_waiting() => false,
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
            self.fork(turn, group, self.breadth);
        }
        if self.stage != Stage::Answered && self.stage != Stage::Deciding && !self.is_out() {
            self.send_best_response(turn);
        }
        let more_may_come = !self.targets.is_empty() || self.follows_redirects && self.is_out();
        if self.stage != Stage::Forwarding || !more_may_come {
            self.original = None;
        }
    }

    /// One branch for each of `group`, all at once, which share `breadth` (RFC 5393 §5.3.3).
    pub(super) fn fork(&mut self, turn: &mut Turn<'_>, group: Vec<BranchTarget>, breadth: u8) {
        let Some(shares) = breadth::shares(breadth, group.len()) else {
            let exceeded = Candidate::Own(StatusCode::MAX_BREADTH_EXCEEDED);
            self.ask_no_more();
            return self.best.add(self.branches.len(), exceeded);
        };
        self.branches.reserve_exact(group.len());
        for (target, share) in group.into_iter().zip(shares) {
            self.forward(turn, target, share);
        }
    }
}
