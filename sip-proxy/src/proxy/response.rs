//! Response processing (RFC 3261 §16.7).

use sip_core::{HeaderName, Response, StatusClass, StatusCode, Via};
use sip_transaction::Flow;

use crate::backend::Accounting;

use super::account::Account;
use super::best_response::Candidate;
use super::branch::Branch;
use super::context::{ResponseContext, Stage};
use super::turn::Turn;

impl ResponseContext {
    /// The steps of §16.7. The first, finding this context, is done.
    pub(crate) fn handle_response(
        &mut self,
        turn: &mut Turn<'_>,
        branch: usize,
        mut response: Response,
        flow: Flow,
    ) {
        let status = response.status();
        self.update_timer_c(turn, branch, status); // 2
        response.headers_mut().pop_front::<Via>(); // 3
        if !response.headers().contains(&HeaderName::Via) {
            // It goes no further, but its branch has had its final response.
            if status.is_final() {
                self.handle_no_response(turn, branch, StatusCode::BAD_GATEWAY);
            }
            return;
        }
        if self.forwards_at_once(branch, status) {
            self.add_what_the_dialog_needs(turn, &mut response, &flow);
            self.send_response(turn, Some(branch), response, Some(flow)); // 5
        } else if status.is_final() {
            self.add(turn, branch, response); // 4
        }
        self.proceed(turn); // 6
    }

    /// A Contact that leads to who is behind a NAT (F-82), a session timer for a caller that knows them (F-93).
    fn add_what_the_dialog_needs(&self, turn: &Turn<'_>, response: &mut Response, flow: &Flow) {
        if let Some(nat) = &self.nat
            && turn.rules.own.is_first_hop(response)
        {
            nat.fix_response(response, flow);
        }
        if let Some(timer) = self.timer.filter(|_| response.status().is_success()) {
            timer.complete(response);
        }
    }

    /// Step 5. A 2xx counts even on a branch that was given up: somebody has picked up the phone.
    fn forwards_at_once(&self, branch: usize, status: StatusCode) -> bool {
        match (self.stage, status.class()) {
            (Stage::Answered, StatusClass::Success) => self.invite,
            (_, StatusClass::Success) => true,
            (Stage::Answered, _) => false,
            (_, StatusClass::Provisional) => {
                status != StatusCode::TRYING && self.is_branch_out(branch)
            }
            _ => false,
        }
    }

    /// Step 4: keeps a final response till the best can be chosen.
    fn add(&mut self, turn: &mut Turn<'_>, branch: usize, mut response: Response) {
        let Some(Branch::Out {
            given_up, address, ..
        }) = self.branches.get(branch)
        else {
            return;
        };
        let given_up = *given_up;
        let status = response.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            turn.note_unavailable(*address, &response);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE && self.try_next_address(turn, branch) {
            return;
        }
        if status.class() == StatusClass::Redirection && !self.follow(turn, branch, &mut response) {
            return; // "SHOULD NOT add the resulting contactless response"
        }
        self.end(turn, branch);
        if self.stage == Stage::Answered {
            return;
        }
        let candidate = match status {
            // Nobody upstream has cancelled: this proxy has, since nobody answered.
            StatusCode::REQUEST_TERMINATED if given_up => {
                Candidate::Own(StatusCode::REQUEST_TIMEOUT)
            }
            _ => Candidate::Received(Box::new(response)),
        };
        self.best.add(branch, candidate);
        if status.class() == StatusClass::GlobalFailure && self.stage == Stage::Forwarding {
            self.stage = Stage::Closing;
            self.cancel_pending(turn);
        }
    }

    /// Step 9, and for a final response step 10. It is `branch`'s, or our own.
    pub(super) fn send_response(
        &mut self,
        turn: &mut Turn<'_>,
        branch: Option<usize>,
        response: Response,
        flow: Option<Flow>,
    ) {
        let is_first_final = response.status().is_final() && self.stage != Stage::Answered;
        self.connected |= self.invite && response.status().is_success();
        if let Some(branch) = branch.filter(|_| response.status().is_final()) {
            self.end(turn, branch);
        }
        if is_first_final && let Some((accounting, account)) = self.accounting(turn) {
            account.end(accounting, turn.unix_time(), branch, &response);
        }
        self.pass(turn, response, flow);
        if is_first_final {
            turn.layer.release_request(self.server);
            self.close(turn);
        }
    }

    /// Steps 6 and 7: every branch has ended, and none with a 2xx.
    pub(super) fn send_best_response(&mut self, turn: &mut Turn<'_>) {
        let (branch, best) = self.best.take();
        let response = match best {
            // What else the branches say does not matter to a caller that has cancelled (§9.2).
            best if self.stage == Stage::Cancelled && !is_terminated(&best) => {
                turn.reply(self.server, StatusCode::REQUEST_TERMINATED)
            }
            Candidate::Own(status) => turn.reply(self.server, status),
            Candidate::Overloaded => turn.refuse_for_now(self.server),
            Candidate::Received(response) => Some(*response),
        };
        match response {
            Some(response) if self.invite || response.status() != StatusCode::REQUEST_TIMEOUT => {
                if let Some(response) = self.ask_instead(turn, branch, response) {
                    self.send_response(turn, branch, response, None);
                }
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
}

fn is_terminated(best: &Candidate) -> bool {
    matches!(best, Candidate::Received(response) if response.status() == StatusCode::REQUEST_TERMINATED)
}
