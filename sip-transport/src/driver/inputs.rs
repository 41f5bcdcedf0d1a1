//! What comes in: messages, ends of connections, time; and what the layer and its user make of it.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use sip_core::{Message, Method, Request, Response, RetryAfter, StatusCode, To};
use sip_transaction::{Event, Flow, QueryId, Reply, Service, TransactionUser};

use super::{Driver, STOPPING};
use crate::overload::{is_new_work, may_refuse};
use crate::screen::{Verdict, screen};
use crate::tcp::Connection;
use crate::via;
use crate::worker::Handover;

impl<U, S> Driver<U, S>
where
    U: TransactionUser,
    U::Answer: 'static,
    S: Service<U::Query, U::Answer>,
{
    pub(super) fn handle_message(
        &mut self,
        mut message: Message,
        flow: Flow,
        connection: Option<&Rc<Connection>>,
    ) {
        // Before any edit, while reading a header costs nothing.
        let verdict = screen(&message);
        if let Message::Request(request) = &mut message {
            via::stamp(request, flow.remote);
            if let Some(connection) = connection {
                self.note_request(connection, request);
            }
        }
        match (verdict, message) {
            (Verdict::Answer(status), Message::Request(request)) => {
                self.counters.flawed_answered.add(1);
                self.refuse(&request, request.reply(status), flow);
            }
            (Verdict::Pass, message) => match self.foreign_owner(&message) {
                Some(worker) => self.hand_over(worker, Handover::Message(message, flow)),
                None => self.layer.handle_message(self.now, message, flow),
            },
            _ => self.counters.flawed_dropped.add(1),
        }
        self.settle();
    }

    /// The other worker whose request `message` answers.
    fn foreign_owner(&self, message: &Message) -> Option<u16> {
        match message {
            Message::Response(response) if self.workers.count() > 1 => self
                .workers
                .owner(response.headers())
                .filter(|worker| *worker != self.worker),
            _ => None,
        }
    }

    /// A request on a connection is owed a response, and shows where its sender listens (RFC 5923 §3).
    fn note_request(&self, connection: &Rc<Connection>, request: &Request) {
        if *request.method() != Method::Ack {
            connection.owe();
        }
        // Behind TLS or WebSocket a peer's word for where it listens is not enough (RFC 5923 §8).
        if let Ok(via) = request.headers().top_via()
            && !connection.is_wrapped()
        {
            let default = connection.transport.default_port();
            let port = via.port().unwrap_or(default);
            self.flows.note_alias(connection, port);
        }
    }

    /// Whether `request` is the ACK for an INVITE that was refused below the user.
    fn acknowledges_refusal(&self, request: &Request) -> bool {
        let to_tag = || request.headers().require::<To>().ok()?.tag();
        *request.method() == Method::Ack && to_tag() == Some(self.layer.stable_tag(request))
    }

    /// Answers without a transaction (§8.2.7).
    pub(super) fn refuse(&mut self, request: &Request, mut response: Response, flow: Flow) {
        self.layer.set_stable_tag(&mut response, request);
        self.layer.reply(flow, &response);
    }

    pub(super) fn handle_handover(&mut self, handover: Handover) {
        match handover {
            Handover::Message(message, flow) => self.layer.handle_message(self.now, message, flow),
            Handover::Returned(request) => self.layer.handle_returned(self.now, &request),
            Handover::SendFailed(origin) => self.layer.handle_send_failure(self.now, origin),
            Handover::FlowFailed(flow) => self.layer.handle_flow_failure(self.now, flow),
            Handover::Transmit {
                connection,
                payload,
                to,
                owner,
            } => match self.flows.find(connection).cloned() {
                Some(connection) => {
                    owner.iter().for_each(|owner| connection.lend(owner.worker));
                    self.send_on(&connection, payload, owner);
                }
                None => self.send_elsewhere(payload, to, owner),
            },
        }
        self.settle();
    }

    pub(super) fn handle_timeout(&mut self) {
        self.layer.handle_timeout(self.now);
        self.user.handle_timeout(self.now, &mut self.layer);
        self.settle();
        while let Some(id) = self.flows.expire(self.now) {
            if let Some(connection) = self.flows.find(id).cloned() {
                self.close(&connection);
            }
        }
        self.settle();
        if let Some(stopping) = &mut self.stopping {
            stopping.look_again = self.now + STOPPING;
        }
    }

    /// Lets the layer and its user talk until neither has anything to say.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(event) = self.layer.poll_event() {
                self.handle_event(event);
            } else if let Some((id, query)) = self.user.poll_query() {
                self.ask(id, query);
            } else if let Some(transmit) = self.layer.poll_transmit() {
                self.transmit(transmit);
            } else {
                break;
            }
        }
    }

    fn handle_event(&mut self, event: Event) {
        if let Event::Request { request, .. } = &event
            && self.acknowledges_refusal(request)
        {
            return; // and is for nobody further on
        }
        if let Event::Request { request, flow } = &event
            && self.refuses(request)
        {
            let mut response = request.reply(StatusCode::SERVICE_UNAVAILABLE);
            // Not all of them are to come back in the same second.
            let seconds = 5 + self.layer.random_u64() % 10;
            let after = RetryAfter::new(seconds as u32);
            response.headers_mut().push(&after);
            return self.refuse(request, response, *flow);
        }
        self.user.handle_event(self.now, event, &mut self.layer);
    }

    /// Whether `request` begins something while the server stops, or while this worker is behind.
    fn refuses(&mut self, request: &Request) -> bool {
        if self.stopping.is_some() && is_new_work(request) {
            self.counters.refused_stopping.add(1);
            return true;
        }
        let refused =
            self.overload.is_watching() && may_refuse(request) && self.overload.refuses(self.now);
        self.counters.refused_overload.add(refused.into());
        refused
    }

    /// Has a question of the user answered: at once, or by a task while the worker goes on.
    fn ask(&mut self, id: QueryId, query: U::Query) {
        let (now, layer) = (self.now, &mut self.layer);
        match self.service.call(query) {
            Reply::Ready(answer) => self.user.handle_answer(now, id, answer, layer),
            Reply::Pending(_) if self.answers.len() >= self.settings.waiting_queries => {
                self.counters.queries_refused.add(1);
                self.user.handle_overload(now, id, layer);
            }
            Reply::Pending(answer) => {
                self.counters.queries_waited.add(1);
                self.user.handle_wait(now, id, layer);
                self.answers
                    .spawn_local(async move { (id, unless_it_panics(answer).await) });
            }
        }
    }
}

/// What `answer` comes to, or `None` if it panics: the user learns of either.
async fn unless_it_panics<A>(mut answer: Pin<Box<dyn Future<Output = A> + Send>>) -> Option<A> {
    poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| answer.as_mut().poll(cx));
        match catch_unwind(poll) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
