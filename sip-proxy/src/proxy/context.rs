//! The response context: one for each request forwarded statefully, from its first branch to its last response
//! (RFC 3261 §16.6, §16.7, §16.8).

use std::mem;
use std::time::{Duration, Instant};

use sip_core::{HeaderName, Method, Request, Response, StatusClass, StatusCode, Via};
use sip_transaction::{ClientId, ServerId, Target};

use crate::backend::{Accounting, Incoming, Relay, Resolved};
use crate::service::Query;

use super::account::Account;
use super::best_response::{BestResponse, Candidate};
use super::fork::BranchTarget;
use super::forward::{self, NextHop};
use super::own::OwnId;
use super::targets::TargetSet;
use super::turn::{Asked, Turn};

/// 478 Unresolvable Destination, as proxies of the SER family say; RFC 3261 has no code for it.
const UNRESOLVABLE_DESTINATION: StatusCode = StatusCode::new(478).expect("three digits");

/// One request and all its branches (§16.6, §16.7).
#[derive(Debug)]
pub(crate) struct ResponseContext {
    pub(super) server: ServerId,
    pub(super) invite: bool,
    pub(super) stage: Stage,
    pub(super) branches: Vec<Branch>,
    /// What each branch is a copy of, as long as one more may be needed.
    original: Option<Box<Request>>,
    targets: TargetSet,
    best: BestResponse,
    receiving: Option<OwnId>,
    record_route: bool,
    ring_time: Option<Duration>,
    account: Option<Box<Account>>,
    mark: u32,
    /// Nobody is left to be answered: the server transaction is gone.
    orphaned: bool,
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
    /// No new branch: somebody declined for all, with a 6xx.
    Declined,
    /// The final response has gone upstream.
    Answered,
}

/// One attempt at one target.
#[derive(Debug)]
pub(super) enum Branch {
    /// The addresses of its next hop are being looked up, for this copy.
    Resolving(Box<Request>),
    /// Its request is out.
    Out {
        client: ClientId,
        /// A provisional response has come.
        proceeding: bool,
        /// When Timer C, or the router's patience, ends.
        deadline: Option<Instant>,
        /// It ended, and the CANCEL is on its way.
        given_up: bool,
        /// Further addresses of the same next hop (RFC 3263 §4.3).
        spare: Option<Box<Spare>>,
    },
    /// It has had its final response, or will have none.
    Done,
}

/// What it takes to try another address.
#[derive(Debug)]
pub(super) struct Spare {
    copy: Request,
    addresses: Vec<Target>,
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

    /// Whether nothing is left to wait for.
    pub(crate) fn is_over(&self) -> bool {
        self.orphaned && (self.stage == Stage::Answered || !self.is_out())
    }

    /// Stops every timer.
    pub(crate) fn end_all(&mut self, turn: &mut Turn<'_>) {
        for branch in 0..self.branches.len() {
            self.end(turn, branch);
        }
    }

    /// The server transaction has ended.
    pub(crate) fn orphan(&mut self) {
        self.orphaned = true;
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

    /// One branch for `target` (§16.6 steps 1 to 7).
    fn forward(&mut self, turn: &mut Turn<'_>, target: BranchTarget) {
        let Some(original) = &self.original else {
            return;
        };
        let (copy, next_hop) = forward::copy(original, &target, &turn.rules.config);
        let branch = self.branches.len();
        self.branches.push(Branch::Done);
        if let Some(account) = &mut self.account {
            account.branch(&target.uri);
        }
        match next_hop {
            NextHop::Address(to) => self.send(turn, branch, copy, to, Vec::new()),
            NextHop::Name(name) => {
                self.branches[branch] = Branch::Resolving(Box::new(copy.detached()));
                let server = self.server;
                turn.index
                    .ask(Query::Resolve(name), Asked::Addresses { server, branch });
            }
            NextHop::Nowhere => self
                .best
                .add(branch, Candidate::Own(StatusCode::UNSUPPORTED_URI_SCHEME)),
        }
    }

    /// The addresses of a next hop are known, best first (§16.6 step 7), or it has none.
    pub(crate) fn handle_addresses(
        &mut self,
        turn: &mut Turn<'_>,
        branch: usize,
        addresses: Resolved,
    ) {
        let Some(Branch::Resolving(_)) = self.branches.get(branch) else {
            return;
        };
        let Branch::Resolving(copy) = mem::replace(&mut self.branches[branch], Branch::Done) else {
            return;
        };
        let mut addresses = addresses.unwrap_or_default();
        addresses.reverse();
        match addresses.pop() {
            Some(first) => self.send(turn, branch, *copy, first, addresses),
            None => self
                .best
                .add(branch, Candidate::Own(UNRESOLVABLE_DESTINATION)),
        }
        self.proceed(turn);
    }

    /// Sends a copy to `to`, or where the router forbids that to the last of `rest` (§16.6 steps 4 and 9 to 11).
    fn send(
        &mut self,
        turn: &mut Turn<'_>,
        branch: usize,
        copy: Request,
        mut to: Target,
        mut rest: Vec<Target>,
    ) {
        while !turn.rules.router.may_send(&copy, &to) {
            match rest.pop() {
                Some(next) => to = next,
                None => {
                    return self
                        .best
                        .add(branch, Candidate::Own(StatusCode::SERVER_INTERNAL_ERROR));
                }
            }
        }
        let spare = (!rest.is_empty()).then(|| {
            let copy = copy.detached();
            Box::new(Spare {
                copy,
                addresses: rest,
            })
        });
        let mut request = copy;
        if self.record_route {
            forward::record_route(&mut request, &turn.rules.own, self.receiving, &to);
        }
        forward::content_length(&mut request, &to);
        let client = turn
            .layer
            .send_request_marked(turn.now, request, to, self.mark);
        turn.index.clients.insert(client, (self.server, branch));
        let patience = self.ring_time.unwrap_or(turn.rules.config.timer_c);
        self.branches[branch] = Branch::Out {
            client,
            proceeding: false,
            given_up: false,
            deadline: self.invite.then(|| turn.set_timer_c(client, patience)),
            spare,
        };
    }

    /// Goes on to the next address of a branch's next hop, if there is one (RFC 3263 §4.3).
    fn try_next_address(&mut self, turn: &mut Turn<'_>, branch: usize) -> bool {
        if self.stage != Stage::Forwarding {
            return false;
        }
        let Some(Branch::Out { client, spare, .. }) = self.branches.get_mut(branch) else {
            return false;
        };
        let Some(mut spare) = spare.take() else {
            return false;
        };
        let Some(next) = spare.addresses.pop() else {
            return false;
        };
        // What is still said about the address before does not concern the branch any more.
        turn.index.clients.remove(client);
        self.end(turn, branch);
        self.send(turn, branch, spare.copy, next, spare.addresses);
        true
    }

    /// Nothing more is expected of a branch.
    fn end(&mut self, turn: &mut Turn<'_>, branch: usize) {
        if let Some(branch) = self.branches.get_mut(branch)
            && let Branch::Out {
                client,
                deadline: Some(at),
                ..
            } = mem::replace(branch, Branch::Done)
        {
            turn.stop_timer_c(client, at);
        }
    }

    /// Response processing, step by step (§16.7). The first, finding this context, is done.
    pub(crate) fn handle_response(
        &mut self,
        turn: &mut Turn<'_>,
        branch: usize,
        mut response: Response,
    ) {
        let status = response.status();
        self.update_timer_c(turn, branch, status); // 2
        response.headers_mut().pop_front::<Via>(); // 3
        if !response.headers().contains(&HeaderName::Via) {
            return;
        }
        let gave_up = matches!(
            self.branches.get(branch),
            Some(Branch::Out { given_up: true, .. })
        );
        let late = !matches!(self.branches.get(branch), Some(Branch::Out { .. }));
        if status.is_final() && !late {
            if status == StatusCode::SERVICE_UNAVAILABLE && self.try_next_address(turn, branch) {
                return;
            }
            self.end(turn, branch);
        }
        if self.forwards_at_once(status) {
            self.send_response(turn, Some(branch), response); // 5, 8 to 10
        } else if status.is_final() && !late && self.stage != Stage::Answered {
            self.best.add(
                branch,
                match gave_up && status == StatusCode::REQUEST_TERMINATED {
                    true => Candidate::Own(StatusCode::REQUEST_TIMEOUT),
                    false => Candidate::Received(Box::new(response)), // 4
                },
            );
            if status.class() == StatusClass::GlobalFailure && self.stage == Stage::Forwarding {
                self.stage = Stage::Declined;
                self.cancel_pending(turn);
            }
        }
        self.proceed(turn); // 6
    }

    /// Step 2: any provisional response but 100 starts Timer C anew. The router's patience is no Timer C.
    fn update_timer_c(&mut self, turn: &mut Turn<'_>, branch: usize, status: StatusCode) {
        let Some(Branch::Out {
            client,
            proceeding,
            deadline,
            given_up: false,
            ..
        }) = self.branches.get_mut(branch)
        else {
            return;
        };
        if !status.is_provisional() {
            return;
        }
        *proceeding = true;
        if let Some(at) = *deadline
            && status != StatusCode::TRYING
            && self.ring_time.is_none()
        {
            turn.stop_timer_c(*client, at);
            *deadline = Some(turn.set_timer_c(*client, turn.rules.config.timer_c));
        }
    }

    /// Step 5.
    fn forwards_at_once(&self, status: StatusCode) -> bool {
        match (self.stage, status.class()) {
            (Stage::Answered, StatusClass::Success) => self.invite,
            (Stage::Answered, _) => false,
            (_, StatusClass::Provisional) => status != StatusCode::TRYING,
            (_, class) => class == StatusClass::Success,
        }
    }

    /// Step 9, and for a final response step 10. It is `branch`'s, or our own.
    pub(super) fn send_response(
        &mut self,
        turn: &mut Turn<'_>,
        branch: Option<usize>,
        response: Response,
    ) {
        let is_first_final = response.status().is_final() && self.stage != Stage::Answered;
        if is_first_final && let Some((accounting, account)) = self.accounting(turn) {
            account.end(accounting, turn.unix_time(), branch, &response);
        }
        // A server transaction that is gone has nobody to tell (RFC 6026 §7.3, RFC 4320 §4.2).
        let _ = turn.layer.respond(turn.now, self.server, response);
        if is_first_final {
            self.close(turn);
        }
    }

    /// Steps 6 and 7: every branch has ended, and none with a 2xx.
    fn send_best_response(&mut self, turn: &mut Turn<'_>) {
        let (branch, best) = self.best.take();
        let response = match best {
            Candidate::Own(StatusCode::REQUEST_TIMEOUT) if self.stage == Stage::Cancelled => {
                turn.reply(self.server, StatusCode::REQUEST_TERMINATED)
            }
            Candidate::Own(status) => turn.reply(self.server, status),
            Candidate::Received(response) => Some(*response),
        };
        match response {
            Some(response) if self.invite || response.status() != StatusCode::REQUEST_TIMEOUT => {
                self.send_response(turn, branch, response);
            }
            _ => self.stay_silent(turn),
        }
    }

    /// Whoever asked has given up by now, so that a 408 would only be one more packet (RFC 4320 §4.2).
    fn stay_silent(&mut self, turn: &mut Turn<'_>) {
        if let Some((accounting, account)) = self.accounting(turn) {
            account.silence(accounting, turn.unix_time());
        }
        self.close(turn);
    }

    /// The final response is out: no more branches, and an end to those there are (step 10).
    fn close(&mut self, turn: &mut Turn<'_>) {
        self.stage = Stage::Answered;
        self.targets.clear();
        self.original = None;
        self.account = None;
        self.cancel_pending(turn);
    }

    fn accounting<'a>(&'a self, turn: &'a Turn<'_>) -> Option<(&'a dyn Accounting, &'a Account)> {
        Some((turn.rules.accounting.as_deref()?, self.account.as_deref()?))
    }

    /// Timer C has fired, or the router's patience has ended (§16.8).
    pub(crate) fn handle_timer_c(&mut self, turn: &mut Turn<'_>, branch: usize) {
        let Some(Branch::Out {
            client,
            proceeding,
            deadline,
            given_up,
            ..
        }) = self.branches.get_mut(branch)
        else {
            return;
        };
        *deadline = None;
        *given_up = true;
        let _ = turn.layer.cancel(turn.now, *client);
        // With a provisional response, the CANCEL brings the final one: 487 then, taken as 408.
        if !*proceeding {
            self.handle_no_response(turn, branch, StatusCode::REQUEST_TIMEOUT);
        }
    }

    /// A branch timed out, or could not be sent: the next address, else as if `status` had come (§16.6 step 7, §16.9).
    pub(crate) fn handle_no_response(
        &mut self,
        turn: &mut Turn<'_>,
        branch: usize,
        status: StatusCode,
    ) {
        let Some(Branch::Out { given_up, .. }) = self.branches.get(branch) else {
            return;
        };
        if !given_up && self.try_next_address(turn, branch) {
            return;
        }
        self.end(turn, branch);
        if self.stage != Stage::Answered {
            self.best.add(branch, Candidate::Own(status));
        }
        self.proceed(turn);
    }
}
