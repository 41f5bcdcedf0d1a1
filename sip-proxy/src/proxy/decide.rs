//! What the router decided, carried out: an answer, a relay, or silence (RFC 3261 §16.5, §8.2.7).

use std::time::Instant;

use sip_core::{Method, Request, Response, StatusCode};
use sip_transaction::{AcceptError, Flow, ServerId, TransactionLayer};

use crate::backend::{Decision, Incoming, Relay};

use super::context::ResponseContext;
use super::turn::{Turn, Undecided};
use super::{Proxy, stateless};

impl Proxy {
    /// Carries out what the router decided about `asked`.
    pub(super) fn handle_decision(
        &mut self,
        now: Instant,
        asked: &Undecided,
        decision: Decision,
        layer: &mut TransactionLayer,
    ) {
        let incoming = &*asked.incoming;
        self.stop_waiting(incoming);
        match (decision, asked.server) {
            (Decision::Reply(response), _) => self.answer(now, asked, response, layer),
            (Decision::Relay(relay), _) if relay.plan.is_empty() => {
                let response = incoming.reply(StatusCode::TEMPORARILY_UNAVAILABLE);
                self.answer(now, asked, response, layer);
            }
            (Decision::Relay(relay), Some(server)) => {
                self.relay(now, asked, server, relay, layer);
            }
            (Decision::Relay(relay), None) if relay.stateless || is_sent_alone(incoming) => {
                let (rules, index) = (&self.rules, &mut self.index);
                stateless::forward(
                    &mut Turn {
                        now,
                        rules,
                        index,
                        layer,
                    },
                    incoming,
                    relay,
                );
            }
            (Decision::Relay(relay), None) => self.accept_and_relay(now, asked, relay, layer),
            (Decision::Drop, None) => {}
            // Its transaction can not end without a final response; this one says no more than silence would.
            (Decision::Drop, Some(_)) => {
                let response = incoming.reply(StatusCode::REQUEST_TIMEOUT);
                self.answer(now, asked, response, layer);
            }
        }
    }

    /// Makes the server transaction, if the router decided at once and there is none yet.
    fn accept_and_relay(
        &mut self,
        now: Instant,
        asked: &Undecided,
        relay: Relay,
        layer: &mut TransactionLayer,
    ) {
        let request = &asked.incoming.request;
        match layer.accept(now, request, asked.incoming.flow) {
            Ok(server) => {
                let context = ResponseContext::deciding(server, &asked.incoming);
                self.contexts.insert(server, context);
                self.relay(now, asked, server, relay, layer);
            }
            Err(AcceptError::Full) => self.answer(now, asked, self.overloaded(request), layer),
            Err(AcceptError::Malformed(_)) => {
                self.answer(now, asked, request.reply(StatusCode::BAD_REQUEST), layer);
            }
            Err(_) => {} // a retransmission that got here before the first one was decided
        }
    }

    /// Forwards within a transaction (§16.6). An INVITE is told at once that it is being worked on (§16.2).
    fn relay(
        &mut self,
        now: Instant,
        asked: &Undecided,
        server: ServerId,
        relay: Relay,
        layer: &mut TransactionLayer,
    ) {
        let incoming = &asked.incoming;
        self.with_context(now, server, layer, |context, turn| {
            if context.is_open() && *incoming.request.method() == Method::Invite {
                let trying = incoming.request.reply(StatusCode::TRYING);
                let _ = turn.layer.respond(now, server, trying);
            }
            context.start(turn, incoming, relay, asked.mark);
        });
    }

    /// Answers a request, through its transaction if it has one.
    fn answer(
        &mut self,
        now: Instant,
        asked: &Undecided,
        mut response: Response,
        layer: &mut TransactionLayer,
    ) {
        response.set_to_tag(&asked.incoming.to_tag);
        match asked.server {
            Some(server) => self.with_context(now, server, layer, |context, turn| {
                context.answer(turn, response)
            }),
            None if *asked.incoming.request.method() == Method::Ack => {}
            None => layer.reply(asked.incoming.flow, &response),
        }
    }

    /// Answers without state what is not the router's to decide.
    pub(super) fn reply(
        &self,
        request: &Request,
        mut response: Response,
        flow: Flow,
        layer: &mut TransactionLayer,
    ) {
        response.set_to_tag(&self.rules.keyed.tag_of(request));
        layer.reply(flow, &response);
    }

    /// 503: come again later.
    pub(super) fn overloaded(&self, request: &Request) -> Response {
        let response = request.reply(StatusCode::SERVICE_UNAVAILABLE);
        self.rules.retry_later(response)
    }

    /// Whether the router is at work on this request already, for an earlier copy of it.
    pub(super) fn is_waiting_already(&self, request: &Request, flow: &Flow) -> bool {
        !self.index.waiting.is_empty()
            && self
                .index
                .waiting
                .contains(&self.rules.keyed.retransmission(request, flow))
    }

    fn stop_waiting(&mut self, incoming: &Incoming) {
        if !self.index.waiting.is_empty() {
            let key = self
                .rules
                .keyed
                .retransmission(&incoming.request, &incoming.flow);
            self.index.waiting.remove(&key);
        }
    }
}

/// An ACK for a 2xx has no transaction of its own, and a CANCEL that gets here cancels nothing in this element.
fn is_sent_alone(incoming: &Incoming) -> bool {
    matches!(incoming.request.method(), Method::Ack | Method::Cancel)
}
