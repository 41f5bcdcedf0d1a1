//! Who takes part: anything with a transaction layer below it, or a puppet without one.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use sip_core::Message;

use crate::boundary::{Event, Flow, Origin, Transmit};
use crate::layer::TransactionLayer;
use crate::timer::Timer;
use crate::user::{QueryId, Reply, Service, TransactionUser};

/// One end of the simulated network.
pub(crate) trait Peer {
    fn receive(&mut self, now: Instant, message: Message, flow: Flow);
    fn handle_timeout(&mut self, now: Instant);
    fn handle_send_failure(&mut self, now: Instant, origin: Origin);
    fn handle_flow_failure(&mut self, now: Instant, flow: Flow);
    /// Handles what is pending, and tells `log` of every event. Returns whether anything was.
    fn turn(&mut self, now: Instant, log: &mut dyn FnMut(&Event, Option<Timer>)) -> bool;
    fn poll_transmit(&mut self) -> Option<Transmit>;
    fn poll_timeout(&self) -> Option<Instant>;
    fn is_idle(&self) -> bool;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// A user on its layer, and the service that answers it: what a driver's loop does, without sockets.
pub(crate) struct Driven<U: TransactionUser> {
    pub(crate) layer: TransactionLayer,
    pub(crate) user: U,
    service: Box<dyn Service<U::Query, U::Answer>>,
    waiting: Vec<(QueryId, Promise<U::Answer>)>,
}

type Promise<A> = Pin<Box<dyn Future<Output = A> + Send>>;

impl<U> Driven<U>
where
    U: TransactionUser,
    U::Query: 'static,
    U::Answer: 'static,
{
    pub(crate) fn new(
        layer: TransactionLayer,
        user: U,
        service: Box<dyn Service<U::Query, U::Answer>>,
    ) -> Driven<U> {
        Driven {
            layer,
            user,
            service,
            waiting: Vec::new(),
        }
    }

    fn ask(&mut self, now: Instant, id: QueryId, query: U::Query) {
        match self.service.call(query) {
            Reply::Ready(answer) => self.user.handle_answer(now, id, answer, &mut self.layer),
            Reply::Pending(future) => {
                self.user.handle_wait(now, id, &mut self.layer);
                self.waiting.push((id, future));
            }
        }
    }

    fn poll_waiting(&mut self, now: Instant) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let waiting = std::mem::take(&mut self.waiting);
        let before = waiting.len();
        for (id, mut future) in waiting {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(answer) => {
                    self.user.handle_answer(now, id, answer, &mut self.layer);
                }
                Poll::Pending => self.waiting.push((id, future)),
            }
        }
        self.waiting.len() < before
    }
}

impl<U> Peer for Driven<U>
where
    U: TransactionUser + 'static,
    U::Query: 'static,
    U::Answer: 'static,
{
    fn receive(&mut self, now: Instant, message: Message, flow: Flow) {
        self.layer.handle_message(now, message, flow);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.layer.handle_timeout(now);
        if self.user.poll_timeout().is_some_and(|at| at <= now) {
            self.user.handle_timeout(now, &mut self.layer);
        }
    }

    fn handle_send_failure(&mut self, now: Instant, origin: Origin) {
        self.layer.handle_send_failure(now, origin);
    }

    fn handle_flow_failure(&mut self, now: Instant, flow: Flow) {
        self.layer.handle_flow_failure(now, flow);
    }

    fn turn(&mut self, now: Instant, log: &mut dyn FnMut(&Event, Option<Timer>)) -> bool {
        let mut busy = false;
        while let Some((event, timer)) = self.layer.poll_event_and_timer() {
            log(&event, timer);
            self.user.handle_event(now, event, &mut self.layer);
            busy = true;
        }
        while let Some((id, query)) = self.user.poll_query() {
            self.ask(now, id, query);
            busy = true;
        }
        self.poll_waiting(now) || busy
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.layer.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [self.layer.poll_timeout(), self.user.poll_timeout()];
        deadlines.into_iter().flatten().min()
    }

    fn is_idle(&self) -> bool {
        self.layer.is_idle() && self.waiting.is_empty() && self.user.poll_timeout().is_none()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// An end without transactions: it does what the test says, right or wrong, and nothing else.
#[derive(Debug, Default)]
pub struct Puppet {
    pub(crate) received: Vec<(Message, Flow)>,
    pub(crate) to_send: std::collections::VecDeque<Transmit>,
}

impl Peer for Puppet {
    fn receive(&mut self, _: Instant, message: Message, flow: Flow) {
        self.received.push((message, flow));
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn handle_send_failure(&mut self, _: Instant, _: Origin) {}

    fn handle_flow_failure(&mut self, _: Instant, _: Flow) {}

    fn turn(&mut self, _: Instant, _: &mut dyn FnMut(&Event, Option<Timer>)) -> bool {
        false
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.to_send.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn is_idle(&self) -> bool {
        self.to_send.is_empty()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
