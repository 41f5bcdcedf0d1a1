//! The smallest transaction user: a closure that answers each request by itself (RFC 3261 §8.2.7).

use std::convert::Infallible;
use std::time::Instant;

use sip_core::{Method, Request, Response};
use sip_transaction::{Event, QueryId, TransactionLayer, TransactionUser};

/// A stateless user agent server around a closure.
pub(crate) struct Responder<F>(pub(crate) F);

impl<F: Fn(&Request) -> Response> TransactionUser for Responder<F> {
    type Query = Infallible;
    type Answer = Infallible;

    fn handle_event(&mut self, _: Instant, event: Event, layer: &mut TransactionLayer) {
        let Event::Request { request, flow } = event else {
            return;
        };
        // A stateless server ignores both.
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return;
        }
        let mut response = (self.0)(&request);
        // A retransmission must get the same tag.
        layer.set_stable_tag(&mut response, &request);
        layer.reply(flow, &response);
    }

    fn handle_answer(
        &mut self,
        _: Instant,
        _: QueryId,
        answer: Infallible,
        _: &mut TransactionLayer,
    ) {
        match answer {}
    }

    fn handle_timeout(&mut self, _: Instant, _: &mut TransactionLayer) {}

    fn poll_query(&mut self) -> Option<(QueryId, Infallible)> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
