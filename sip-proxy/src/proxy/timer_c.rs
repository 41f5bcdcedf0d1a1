//! Branches that take too long, or can't be sent: Timer C and transport errors (RFC 3261 §16.8, §16.9).

use sip_core::StatusCode;

use super::best_response::Candidate;
use super::branch::Branch;
use super::context::{ResponseContext, Stage};
use super::turn::Turn;

impl ResponseContext {
    /// §16.7 step 2: any provisional response but 100 starts Timer C anew. The router's patience is no Timer C.
    pub(super) fn update_timer_c(
        &mut self,
        turn: &mut Turn<'_>,
        branch: usize,
        status: StatusCode,
    ) {
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
        let Some(Branch::Out {
            address,
            given_up,
            proceeding,
            ..
        }) = self.branches.get(branch)
        else {
            return;
        };
        let unsent = status == StatusCode::SERVICE_UNAVAILABLE;
        if unsent || self.invite && !*proceeding && !*given_up {
            turn.note_failed(*address);
        }
        // Whoever waits for another answer than to an INVITE has given up when a branch times out.
        let in_time = self.invite || status != StatusCode::REQUEST_TIMEOUT;
        if *given_up || !in_time || !self.try_next_address(turn, branch) {
            self.end(turn, branch);
            if self.stage != Stage::Answered {
                self.best.add(branch, Candidate::Own(status));
            }
        }
        self.proceed(turn);
    }
}
