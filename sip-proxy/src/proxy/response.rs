//! Response processing (RFC 3261 §16.7).

use sip_core::{HeaderName, Response, StatusClass, StatusCode, Via};

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
    ) {
        let status = response.status();
        self.update_timer_c(turn, branch, status); // 2
        response.headers_mut().pop_front::<Via>(); // 3
        if !response.headers().contains(&HeaderName::Via) {
            return;
        }
        if self.forwards_at_once(branch, status) {
            self.send_response(turn, Some(branch), response); // 5
        } else if status.is_final() {
            self.add(turn, branch, response); // 4
        }
        self.proceed(turn); // 6
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
    fn add(&mut self, turn: &mut Turn<'_>, branch: usize, response: Response) {
        let Some(Branch::Out { given_up, to, .. }) = self.branches.get(branch) else {
            return;
        };
        let given_up = *given_up;
        let status = response.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            turn.note_unavailable(to, &response);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE && self.try_next_address(turn, branch) {
            return;
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
    ) {
        let is_first_final = response.status().is_final() && self.stage != Stage::Answered;
        self.connected |= self.invite && response.status().is_success();
        if let Some(branch) = branch.filter(|_| response.status().is_final()) {
            self.end(turn, branch);
        }
        if is_first_final && let Some((accounting, account)) = self.accounting(turn) {
            account.end(accounting, turn.unix_time(), branch, &response);
        }
        // A server transaction that is gone has nobody to tell (RFC 6026 §7.3, RFC 4320 §4.2).
        let _ = turn.layer.respond(turn.now, self.server, response);
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
}

fn is_terminated(best: &Candidate) -> bool {
    matches!(best, Candidate::Received(response) if response.status() == StatusCode::REQUEST_TERMINATED)
}
