//! What a router may add to §16.7: another way when every target has failed, and a word on each response that passes.

use std::collections::VecDeque;
use std::sync::Arc;

use sip_core::Response;
use sip_transaction::{Flow, ServerId};

use crate::backend::{Admission, Decision, Failed, Incoming, Passing, Relay};
use crate::service::Query;

use super::context::{ResponseContext, Stage};
use super::turn::{Asked, Turn};

/// What the router wants to be asked about, and what it takes to ask.
#[derive(Debug)]
pub(super) struct Supervision {
    incoming: Arc<Incoming>,
    admission: Admission,
    on_failure: bool,
    on_response: bool,
    /// Responses in the order they leave; the router has the first of them.
    waiting: VecDeque<(Response, Option<Flow>)>,
}

/// Provisional responses of one request that wait for the router; more are dropped. Final ones have as much room again.
const MOST_WAITING: usize = 16;

impl Supervision {
    fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// A request that every target has failed, and what is said upstream if the router has nothing to say.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(super) server: ServerId,
    branch: Option<usize>,
    failed: Arc<Failed>,
}

impl ResponseContext {
    /// Notes what `relay` has the router asked about.
    pub(super) fn supervise(&mut self, incoming: &Arc<Incoming>, relay: &Relay) {
        let wanted = relay.asks_on_failure || relay.asks_on_response;
        // Responses that wait for the router go on waiting, whatever it wants now.
        let waiting = self.supervision.take().map(|before| before.waiting);
        let waiting = waiting.unwrap_or_default();
        self.supervision = (wanted || !waiting.is_empty()).then(|| {
            Box::new(Supervision {
                incoming: Arc::clone(incoming),
                admission: relay.admission.clone(),
                on_failure: relay.asks_on_failure,
                on_response: relay.asks_on_response,
                waiting,
            })
        });
    }

    /// There is no room for further branches, so that another way would lead nowhere.
    pub(super) fn ask_no_more(&mut self) {
        if let Some(supervision) = &mut self.supervision {
            supervision.on_failure = false;
        }
    }

    // ── another way ─────────────────────────────────────────────────────────────────────────────────────────

    /// Asks the router before `response`, of `branch`, is said upstream. Gives it back if there is nothing to ask: the
    /// caller has cancelled or is gone, or the router does not want to know.
    pub(super) fn ask_instead(
        &mut self,
        turn: &mut Turn<'_>,
        branch: Option<usize>,
        response: Response,
    ) -> Option<Response> {
        let supervision = self.supervision.as_ref().filter(|asked| asked.on_failure);
        let (Some(supervision), false, false) =
            (supervision, self.stage == Stage::Cancelled, self.orphaned)
        else {
            return Some(response);
        };
        let failed = Arc::new(Failed {
            incoming: Arc::clone(&supervision.incoming),
            admission: supervision.admission.clone(),
            response,
        });
        self.stage = Stage::Deciding;
        let query = Query::Failed(Arc::clone(&failed));
        let server = self.server;
        turn.index.ask(
            query,
            Asked::Instead(Box::new(Failure {
                server,
                branch,
                failed,
            })),
        );
        None
    }

    /// The router has decided: an answer of its own, other targets, or the response as it is.
    pub(crate) fn handle_instead(
        &mut self,
        turn: &mut Turn<'_>,
        failure: Failure,
        decision: Option<Decision>,
    ) {
        if self.stage != Stage::Deciding {
            return; // cancelled meanwhile, and answered
        }
        let Failure { branch, failed, .. } = failure;
        match decision {
            Some(Decision::Relay(relay)) if !relay.plan.is_empty() => {
                self.start(turn, &failed.incoming, relay, self.mark);
            }
            Some(Decision::Reply(mut response)) => {
                response.set_to_tag(&failed.incoming.to_tag);
                self.send_response(turn, None, response, None);
            }
            _ => self.send_response(turn, branch, failed.response.clone(), None),
        }
    }

    // ── a word on responses ─────────────────────────────────────────────────────────────────────────────────

    /// Sends upstream what came on `flow`, after the router has seen it if it wants to, and in the order it came.
    pub(super) fn pass(&mut self, turn: &mut Turn<'_>, response: Response, flow: Option<Flow>) {
        let supervised = |asked: &&mut Box<Supervision>| asked.on_response || asked.is_waiting();
        let Some(supervision) = self.supervision.as_mut().filter(supervised) else {
            // A server transaction that is gone has nobody to tell (RFC 6026 §7.3, RFC 4320 §4.2).
            let _ = turn.layer.respond(turn.now, self.server, response);
            return;
        };
        let most = match response.status().is_final() {
            true => 2 * MOST_WAITING,
            false => MOST_WAITING,
        };
        if supervision.waiting.len() >= most {
            return; // a phone that talks faster than its 2xx need repeating
        }
        supervision.waiting.push_back((response, flow));
        if supervision.waiting.len() == 1 {
            self.ask_about_next(turn);
        }
    }

    /// The router has seen the first of the responses that wait.
    pub(crate) fn handle_passed(&mut self, turn: &mut Turn<'_>, response: Response) {
        if let Some(supervision) = &mut self.supervision {
            supervision.waiting.pop_front();
        }
        let _ = turn.layer.respond(turn.now, self.server, response);
        self.ask_about_next(turn);
    }

    pub(super) fn has_responses_waiting(&self) -> bool {
        let supervision = self.supervision.as_ref();
        supervision.is_some_and(|asked| asked.is_waiting())
    }

    fn ask_about_next(&mut self, turn: &mut Turn<'_>) {
        let Some(supervision) = &self.supervision else {
            return;
        };
        let Some((response, flow)) = supervision.waiting.front() else {
            return;
        };
        let query = Query::Passing(Box::new(Passing {
            incoming: Arc::clone(&supervision.incoming),
            flow: *flow,
            response: response.clone(),
        }));
        let (server, response) = (self.server, Box::new(response.clone()));
        turn.index.ask(query, Asked::Passing { server, response });
    }
}
