//! One attempt at one target: from its copy of the request to its client transaction (RFC 3261 §16.6).

use std::mem;
use std::net::SocketAddr;
use std::time::Instant;

use sip_core::{MaxBreadth, Request, StatusCode, Transport};
use sip_transaction::{ClientId, Target};

use crate::backend::{ResolveError, Resolved};
use crate::service::Query;

use super::best_response::Candidate;
use super::context::{ResponseContext, Stage};
use super::fork::BranchTarget;
use super::forward::{self, NextHop};
use super::turn::{Asked, Turn};

/// 477: nothing can be sent to the next hop. 478: its name has no address. 479: its URI is none a request can be sent
/// to. Proxies of the SER family say so (F-12); RFC 3261 has no codes for them. As outcomes of a branch they are what
/// §16.9 wants them to be, as bad as a 503.
pub(super) const SENDING_FAILED: StatusCode = StatusCode::new(477).expect("three digits");
pub(super) const UNRESOLVABLE_DESTINATION: StatusCode = StatusCode::new(478).expect("three digits");
pub(super) const UNUSABLE_URI: StatusCode = StatusCode::new(479).expect("three digits");

/// One attempt at one target.
#[derive(Debug)]
pub(super) enum Branch {
    /// The addresses of its next hop are being looked up, for this copy.
    Resolving(Box<Request>, u8),
    /// Its request is out.
    Out {
        client: ClientId,
        /// The address it went to, if that was not an open flow.
        address: Option<(Transport, SocketAddr)>,
        /// A provisional response has come.
        proceeding: bool,
        /// When Timer C, or the router's patience, ends.
        deadline: Option<Instant>,
        /// It ended, and the CANCEL is on its way.
        given_up: bool,
        /// Its Max-Breadth (RFC 5393 §5.3.3).
        share: u8,
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

/// §16.6 for one target.
impl ResponseContext {
    /// One branch for `target`, that may itself have `share` branches further on (§16.6 steps 1 to 7).
    pub(super) fn forward(&mut self, turn: &mut Turn<'_>, target: BranchTarget, share: u8) {
        let Some(original) = &self.original else {
            return;
        };
        let (mut copy, next_hop) = forward::copy(original, &target, &turn.rules.config);
        copy.headers_mut().set(&MaxBreadth(share.into()));
        let branch = self.branches.len();
        self.branches.push(Branch::Done);
        if let Some(account) = &mut self.account {
            account.branch(&target.uri);
        }
        match next_hop {
            // Where a phone was last heard from is no choice of ours.
            NextHop::Address(to) if target.received.is_some() => {
                self.send(turn, branch, copy, share, to, Vec::new());
            }
            NextHop::Address(to) => {
                let (to, rest) = forward::by_size(&copy, to, Vec::new(), turn.rules);
                self.send(turn, branch, copy, share, to, rest);
            }
            NextHop::Name(uri) => {
                self.branches[branch] = Branch::Resolving(Box::new(copy.detached()), share);
                let server = self.server;
                let seed = turn.layer.random_u64();
                let query = Query::Resolve { uri, seed };
                turn.index.ask(query, Asked::Addresses { server, branch });
            }
            NextHop::Nowhere(status) => self.best.add(branch, Candidate::Own(status)),
        }
    }

    /// The addresses of a next hop are known, best first (§16.6 step 7), or it has none.
    pub(crate) fn handle_addresses(
        &mut self,
        turn: &mut Turn<'_>,
        branch: usize,
        addresses: Resolved,
    ) {
        let Some(Branch::Resolving(..)) = self.branches.get(branch) else {
            return;
        };
        let Branch::Resolving(copy, share) = mem::replace(&mut self.branches[branch], Branch::Done)
        else {
            return;
        };
        let is_overload = matches!(addresses, Err(ResolveError::Overloaded));
        let mut addresses = addresses.unwrap_or_default();
        addresses.reverse();
        match addresses.pop() {
            Some(first) => {
                let (to, rest) = forward::by_size(&copy, first, addresses, turn.rules);
                self.send(turn, branch, *copy, share, to, rest);
            }
            None if is_overload => self.best.add(branch, Candidate::Overloaded),
            None => self
                .best
                .add(branch, Candidate::Own(UNRESOLVABLE_DESTINATION)),
        }
        self.proceed(turn);
    }

    /// Sends a copy to `to`, or where that may not be to the last of `rest` (§16.6 steps 4 and 9 to 11).
    fn send(
        &mut self,
        turn: &mut Turn<'_>,
        branch: usize,
        copy: Request,
        share: u8,
        mut to: Target,
        mut rest: Vec<Target>,
    ) {
        let may_send = |to: &Target| {
            turn.rules.router.may_send(&copy, to) && !turn.rules.is_blocked(turn.now, &copy, to)
        };
        while !may_send(&to) {
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
        // 4, which has to know by which socket it leaves.
        if self.record_route {
            let cookie = self.cookie.as_deref();
            forward::record_route(&mut request, &turn.rules.own, self.receiving, &to, cookie);
        }
        forward::content_length(&mut request, &to); // 9
        // 8 and 10: the Via names the transaction, so that it is the transaction layer's to add.
        let client = turn
            .layer
            .send_request_marked(turn.now, request, to, self.mark);
        turn.index.clients.insert(client, (self.server, branch));
        let address = match to {
            Target::Flow(_) => None,
            _ => Some((to.transport(), to.remote())),
        };
        // 11
        let patience = self.ring_time.unwrap_or(turn.rules.config.timer_c);
        self.branches[branch] = Branch::Out {
            client,
            address,
            proceeding: false,
            given_up: false,
            share,
            deadline: self.invite.then(|| turn.set_timer_c(client, patience)),
            spare,
        };
    }

    /// Goes on to the next address of a branch's next hop, if there is one (RFC 3263 §4.3).
    pub(super) fn try_next_address(&mut self, turn: &mut Turn<'_>, branch: usize) -> bool {
        if self.stage != Stage::Forwarding {
            return false;
        }
        let Some(Branch::Out {
            client,
            spare,
            share,
            ..
        }) = self.branches.get_mut(branch)
        else {
            return false;
        };
        let Some(mut spare) = spare.take() else {
            return false;
        };
        let Some(next) = spare.addresses.pop() else {
            return false;
        };
        let share = *share;
        // What is still said about the address before does not concern the branch any more.
        turn.index.clients.remove(client);
        self.end(turn, branch);
        self.send(turn, branch, spare.copy, share, next, spare.addresses);
        true
    }

    /// Nothing more is expected of a branch.
    pub(super) fn end(&mut self, turn: &mut Turn<'_>, branch: usize) {
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
}
