//! The proxy core: RFC 3261 §16 from top to bottom, one call per step.
//!
//! ```text
//!   request ─▶ validate ─▶ screen ─▶ preprocess ─▶ Router ─▶ Reply: no state, or through its transaction
//!               §16.3                  §16.4       §16.5 └▶ Relay: a ResponseContext
//!                                                            forward §16.6 ─▶ branch, branch …
//!                                                            responses §16.7 ◀─┘    Timer C §16.8, CANCEL §16.10
//!                                                            redirect §16.7 step 4, supervise: asked again
//! ```

mod account;
mod best_response;
mod branch;
mod breadth;
mod cancel;
mod config;
mod context;
mod decide;
mod dialog_cookie;
mod fork;
mod forward;
mod keyed;
mod loop_guard;
mod own;
mod preprocess;
mod redirect;
mod response;
mod stateless;
mod supervise;
mod targets;
mod timer_c;
mod turn;
mod validate;

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;
use sip_core::{Method, Request, Response, Role, StatusCode};
use sip_transaction::{
    AcceptError, ClientId, Event, Flow, QueryId, ServerId, TransactionLayer, TransactionUser,
};

pub use config::{Epoch, OwnAddress, ProxyConfig, Secret};
pub use fork::{BranchTarget, ForkPlan};

use crate::backend::{Accounting, Decision, Incoming, ResolveError, Router};
use crate::blocklist::Blocklist;
use crate::service::{Answer, Query};

use branch::SENDING_FAILED;
use context::ResponseContext;
use keyed::Keyed;
use own::Own;
use preprocess::Preprocessed;
use turn::{Asked, Deadline, Index, Rules, Turn, Undecided};

/// A proxy core (RFC 3261 §16), to stand on one [`TransactionLayer`].
///
/// It keeps a response context for each request it forwards, and nothing for those it answers. Where requests go it
/// asks a [`Router`], through [`Query`] and [`Answer`].
pub struct Proxy {
    rules: Rules,
    contexts: HashMap<ServerId, ResponseContext>,
    index: Index,
}

impl Proxy {
    /// A proxy with these settings. Of `router` it calls all but [`Router::route`] itself; that is
    /// left to whoever answers its queries.
    #[must_use]
    pub fn new(config: ProxyConfig, router: Arc<dyn Router>) -> Proxy {
        Proxy {
            rules: Rules {
                own: Own::new(&config),
                role: Role::proxy().supporting(config.extensions.iter().cloned()),
                keyed: Keyed::new(config.secret),
                router,
                accounting: None,
                blocklist: None,
                config,
            },
            contexts: HashMap::new(),
            index: Index::default(),
        }
    }

    /// Tells `accounting` what becomes of requests that are [`accounted`](crate::Relay::accounted) for.
    #[must_use]
    pub fn with_accounting(mut self, accounting: Arc<dyn Accounting>) -> Proxy {
        self.rules.accounting = Some(accounting);
        self
    }

    /// Passes over the addresses in `blocklist`, and adds those that fail.
    #[must_use]
    pub fn with_blocklist(mut self, blocklist: Arc<Blocklist>) -> Proxy {
        self.rules.blocklist = Some(blocklist);
        self
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.contexts.is_empty() && self.index.is_empty()
    }

    /// Requests that are being forwarded, or were and may see another 2xx.
    #[must_use]
    pub fn response_contexts(&self) -> usize {
        self.contexts.len()
    }

    /// §16.3 to §16.5, for a request that belongs to no transaction.
    fn handle_request(
        &mut self,
        now: Instant,
        mut request: Request,
        flow: Flow,
        layer: &mut TransactionLayer,
    ) {
        if let Some(blocklist) = &self.rules.blocklist {
            blocklist.heard(flow.transport, flow.remote);
        }
        match self.settle(&request, &flow) {
            Some(Settled::Answer(response)) => return self.reply(&request, response, flow, layer),
            Some(Settled::Silence) => return,
            None => {}
        }
        let mark = loop_guard::mark(&request, &self.rules.keyed);
        let to_tag = self.rules.keyed.tag_of(&request);
        let Rules { own, router, .. } = &self.rules;
        let unix_time = self.rules.config.epoch.unix_time(now);
        let Preprocessed { route, way_out } =
            preprocess::preprocess(&mut request, own, &**router, &flow);
        let dialog = route.dialog(&request, &self.rules.config.dialogs, unix_time);
        let incoming = Arc::new(Incoming {
            request,
            flow,
            dialog,
            unix_time,
            entropy: layer.random_u64(),
            to_tag,
            way_out,
        });
        let query = Query::Route(Arc::clone(&incoming));
        let server = None;
        self.index.ask(
            query,
            Asked::Decision(Undecided {
                incoming,
                mark,
                server,
            }),
        );
    }

    /// Settles what needs no decision. Nothing is ever said to an ACK.
    fn settle(&self, request: &Request, flow: &Flow) -> Option<Settled> {
        let Rules {
            config,
            keyed,
            router,
            ..
        } = &self.rules;
        if *request.method() == Method::Ack {
            // Either the end of an INVITE that was answered without state, or for somebody further on.
            let absorbed =
                keyed.acknowledged_by(request) || validate::validate(request, &self.rules).is_err();
            let dropped = absorbed || self.index.is_full(config.max_queries);
            return dropped.then_some(Settled::Silence);
        }
        if let Err(refusal) = validate::validate(request, &self.rules) {
            return Some(
                refusal
                    .reply(request)
                    .map_or(Settled::Silence, Settled::Answer),
            );
        }
        if let Some(response) = router.screen(request, flow) {
            return Some(Settled::Answer(response));
        }
        if *request.method() == Method::Cancel && !config.forward_unmatched_cancel {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return Some(Settled::Answer(request.reply(status)));
        }
        if self.is_waiting_already(request, flow) {
            return Some(Settled::Silence);
        }
        let full = self.index.is_full(config.max_queries);
        full.then(|| Settled::Answer(self.overloaded(request)))
    }

    /// A query took too long, or got an answer to another question. That is an outage: 503.
    fn give_up(
        &mut self,
        now: Instant,
        asked: Asked,
        why: ResolveError,
        layer: &mut TransactionLayer,
    ) {
        match asked {
            Asked::Decision(asked) => {
                let decision = Decision::Reply(self.overloaded(&asked.incoming.request));
                self.handle_decision(now, &asked, decision, layer);
            }
            Asked::Addresses { server, branch } => {
                self.with_context(now, server, layer, |context, turn| {
                    context.handle_addresses(turn, branch, Err(why));
                })
            }
            Asked::PassingAddresses(passing) => {
                passing.handle_addresses(now, &self.rules, Err(why), layer);
            }
            // The caller hears what it would have heard without a router.
            Asked::Instead(failure) => {
                self.with_context(now, failure.server, layer, |context, turn| {
                    context.handle_instead(turn, *failure, None);
                });
            }
            Asked::Passing { server, response } => {
                self.with_context(now, server, layer, |context, turn| {
                    context.handle_passed(turn, *response);
                });
            }
        }
    }

    fn with_context(
        &mut self,
        now: Instant,
        server: ServerId,
        layer: &mut TransactionLayer,
        act: impl FnOnce(&mut ResponseContext, &mut Turn<'_>),
    ) {
        let Some(context) = self.contexts.get_mut(&server) else {
            return;
        };
        let mut turn = Turn {
            now,
            rules: &self.rules,
            index: &mut self.index,
            layer,
        };
        act(context, &mut turn);
        if context.is_over() {
            context.end_all(&mut turn);
            self.contexts.remove(&server);
            give_back_when_empty(&mut self.contexts);
        }
    }

    fn with_branch(
        &mut self,
        now: Instant,
        client: ClientId,
        layer: &mut TransactionLayer,
        act: impl FnOnce(&mut ResponseContext, &mut Turn<'_>, usize),
    ) {
        if let Some(&(server, branch)) = self.index.clients.get(&client) {
            self.with_context(now, server, layer, |context, turn| {
                act(context, turn, branch)
            });
        }
    }
}

/// After a busy time the memory goes back. (A table's capacity says little: entries that are gone take part of it.)
fn give_back_when_empty<K: Eq + Hash, V>(table: &mut HashMap<K, V>) {
    const ROOM_KEPT: usize = 2048;
    if table.is_empty() && table.allocation_size() > ROOM_KEPT * size_of::<(K, V)>() {
        *table = HashMap::new();
    }
}

/// What is settled without the router.
#[expect(
    clippy::large_enum_variant,
    reason = "an answer to a keep-alive costs no allocation"
)]
enum Settled {
    /// This is answered, and no state kept.
    Answer(Response),
    /// Nothing is.
    Silence,
}

impl TransactionUser for Proxy {
    type Query = Query;
    type Answer = Answer;

    fn handle_event(&mut self, now: Instant, event: Event, layer: &mut TransactionLayer) {
        match event {
            Event::Request { request, flow } => self.handle_request(now, request, flow, layer),
            Event::Cancelled { id, .. } => {
                self.with_context(now, id, layer, |context, turn| context.handle_cancel(turn));
            }
            Event::Response { id, response, flow } => {
                self.with_branch(now, id, layer, |context, turn, branch| {
                    context.handle_response(turn, branch, response, flow);
                })
            }
            Event::StrayResponse { response, .. } => {
                stateless::handle_response(&self.rules, response, layer);
            }
            Event::Timeout { id } => self.with_branch(now, id, layer, |context, turn, branch| {
                context.handle_no_response(turn, branch, StatusCode::REQUEST_TIMEOUT);
            }),
            Event::TransportFailure { id } => {
                self.with_branch(now, id, layer, |context, turn, branch| {
                    context.handle_no_response(turn, branch, SENDING_FAILED);
                })
            }
            // "the protocol requires no remedial action from the proxy" (§16.7 step 9); Ended follows.
            Event::ServerFailed { .. } => {}
            Event::Ended { id } => self.with_context(now, id, layer, |context, _| context.orphan()),
            Event::ClientEnded { id } => {
                self.index.clients.remove(&id);
                give_back_when_empty(&mut self.index.clients);
            }
        }
    }

    fn handle_answer(
        &mut self,
        now: Instant,
        id: QueryId,
        answer: Answer,
        layer: &mut TransactionLayer,
    ) {
        let Some(asked) = self.index.answered(id) else {
            return;
        }; // given up already
        match (asked, answer) {
            (Asked::Decision(asked), Answer::Decision(decision)) => {
                self.handle_decision(now, &asked, decision, layer);
            }
            (Asked::Addresses { server, branch }, Answer::Addresses(addresses)) => {
                self.with_context(now, server, layer, |context, turn| {
                    context.handle_addresses(turn, branch, addresses);
                });
            }
            (Asked::PassingAddresses(passing), Answer::Addresses(addresses)) => {
                passing.handle_addresses(now, &self.rules, addresses, layer);
            }
            (Asked::Instead(failure), Answer::Instead(decision)) => {
                self.with_context(now, failure.server, layer, |context, turn| {
                    context.handle_instead(turn, *failure, decision);
                });
            }
            (Asked::Passing { server, .. }, Answer::Response(response)) => {
                self.with_context(now, server, layer, |context, turn| {
                    context.handle_passed(turn, response);
                });
            }
            (asked, _) => self.give_up(now, asked, ResolveError::Unavailable, layer),
        }
    }

    /// An INVITE gets its transaction now, which absorbs retransmissions and sends 100 when it is due (§17.2.1).
    /// Retransmissions of any other request are dropped until it is decided.
    fn handle_wait(&mut self, now: Instant, id: QueryId, layer: &mut TransactionLayer) {
        let until = now + self.rules.config.answer_time;
        let Some(Asked::Decision(asked)) = self.index.waits(id, until) else {
            return; // its transaction is there already
        };
        let incoming = &asked.incoming;
        if *incoming.request.method() != Method::Invite {
            let key = self
                .rules
                .keyed
                .retransmission(&incoming.request, &incoming.flow);
            self.index.waiting.insert(key);
            return;
        }
        match layer.accept(now, &incoming.request, incoming.flow) {
            Ok(accepted) => {
                let context = ResponseContext::deciding(accepted, incoming);
                asked.server = Some(accepted);
                self.contexts.insert(accepted, context);
            }
            Err(AcceptError::Full) => {
                if let Some(asked) = self.index.answered(id) {
                    self.give_up(now, asked, ResolveError::Unavailable, layer);
                }
            }
            Err(_) => {
                self.index.answered(id);
            }
        }
    }

    fn handle_overload(&mut self, now: Instant, id: QueryId, layer: &mut TransactionLayer) {
        if let Some(asked) = self.index.answered(id) {
            self.give_up(now, asked, ResolveError::Overloaded, layer);
        }
    }

    fn handle_timeout(&mut self, now: Instant, layer: &mut TransactionLayer) {
        while let Some(deadline) = self.index.due(now) {
            match deadline {
                Deadline::TimerC(client) => {
                    self.with_branch(now, client, layer, |context, turn, branch| {
                        context.handle_timer_c(turn, branch);
                    })
                }
                Deadline::Answer(id) => {
                    if let Some(asked) = self.index.answered(id) {
                        self.give_up(now, asked, ResolveError::Unavailable, layer);
                    }
                }
            }
        }
    }

    fn poll_query(&mut self) -> Option<(QueryId, Query)> {
        self.index.queries.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.index.next_deadline()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("config", &self.rules.config)
            .field("contexts", &self.contexts)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries that are gone take part of a table's capacity, until it is made anew.
    #[test]
    fn a_table_through_which_many_went_is_given_back_when_it_is_empty() {
        let mut table = HashMap::new();
        for number in 0..200_000_u64 {
            table.insert(number, [number; 8]);
            if let Some(old) = number.checked_sub(3000) {
                table.remove(&old);
            }
        }
        table.retain(|_, _| false);
        give_back_when_empty(&mut table);
        assert_eq!(table.allocation_size(), 0);
    }
}
