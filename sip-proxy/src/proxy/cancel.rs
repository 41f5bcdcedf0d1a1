//! CANCEL (RFC 3261 §9.2, §16.10), and ending the branches that have lost (§16.7 step 10).

use sip_core::StatusCode;

use super::branch::Branch;
use super::context::{ResponseContext, Stage};
use super::turn::Turn;

impl ResponseContext {
    /// A CANCEL matched the request; the transaction layer has answered it with 200.
    pub(crate) fn handle_cancel(&mut self, turn: &mut Turn<'_>) {
        match self.stage {
            Stage::Answered | Stage::Cancelled => return,
            // Nothing was forwarded: the INVITE is answered here (§9.2).
            Stage::Deciding => {
                if let Some(response) = turn.reply(self.server, StatusCode::REQUEST_TERMINATED) {
                    self.send_response(turn, None, response, None);
                }
                return;
            }
            Stage::Forwarding | Stage::Closing => self.stage = Stage::Cancelled,
        }
        self.cancel_pending(turn);
        self.proceed(turn);
    }

    /// Cancels every branch without a final response. A CANCEL may only follow a provisional response, and the
    /// transaction layer waits for that (§9.1). Other methods than INVITE are let run: they answer at once anyway.
    pub(super) fn cancel_pending(&mut self, turn: &mut Turn<'_>) {
        for branch in &mut self.branches {
            match branch {
                Branch::Resolving(..) => *branch = Branch::Done,
                Branch::Out { client, spare, .. } => {
                    *spare = None;
                    if self.invite {
                        let _ = turn.layer.cancel(turn.now, *client);
                    }
                }
                Branch::Done => {}
            }
        }
    }
}
