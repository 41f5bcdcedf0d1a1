//! One worker's phones as a transaction user: passes on what is due and what arrives to the work it belongs to.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use sip_core::{From, HeaderName, Method, Request, Response, StatusCode, Via};
use sip_transaction::{
    ClientId, Event, Flow, QueryId, Repetition, ServerId, TransactionLayer, TransactionUser,
};

use crate::mark::Mark;
use crate::measure::tally::{KindId, Prepared, Tally};
use crate::pace::Term;
use crate::sight;
use crate::site::Site;
use crate::work::keepalive::mark_of;
use crate::work::{Context, Owner, Work};

/// How often a worker looks up from its work.
const LOOK: Duration = Duration::from_millis(20);

/// Operations begun in one go; what arrived meanwhile comes first then.
const BURST: usize = 64;

/// What the rest of the program tells the workers.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// When the run begins and ends, once that is known.
    pub(crate) term: OnceLock<Term>,
    /// No further operations.
    pub(crate) stop: AtomicBool,
    /// It is over: what is under way stays unfinished.
    pub(crate) finish: AtomicBool,
}

/// The phones of one worker.
pub(crate) struct Engine {
    site: Site,
    /// The first is the preparation, if there is one.
    works: Vec<Box<dyn Work>>,
    preparing: bool,
    owners: HashMap<ClientId, Owner>,
    tally: Tally,
    control: Arc<Control>,
    started: bool,
    finished: bool,
    next_look: Instant,
}

impl Engine {
    /// Does `works` from when `control` says so; `preparation`, which has begun by then, comes before them.
    pub(crate) fn new(
        site: Site,
        preparation: Option<Box<dyn Work>>,
        works: Vec<Box<dyn Work>>,
        tally: Tally,
        control: Arc<Control>,
    ) -> Engine {
        Engine {
            site,
            preparing: preparation.is_some(),
            works: preparation.into_iter().chain(works).collect(),
            owners: HashMap::new(),
            tally,
            control,
            started: false,
            finished: false,
            next_look: Instant::now(),
        }
    }

    /// The works of the run itself.
    fn works(&self) -> &[Box<dyn Work>] {
        &self.works[usize::from(self.preparing)..]
    }

    /// Lets one work act, and begin what is due after that.
    fn with<T>(
        &mut self,
        at: usize,
        now: Instant,
        layer: &mut TransactionLayer,
        act: impl FnOnce(&mut dyn Work, &mut Context<'_>) -> T,
    ) -> T {
        let work = self.works[at].as_mut();
        let mut cx = Context {
            now,
            layer,
            site: &mut self.site,
            owners: &mut self.owners,
            tally: &mut self.tally,
        };
        let outcome = act(work, &mut cx);
        begin_due(work, &mut cx);
        outcome
    }

    /// Lets the work with this letter act; `None` if there is none.
    fn with_work<T>(
        &mut self,
        letter: u8,
        now: Instant,
        layer: &mut TransactionLayer,
        act: impl FnOnce(&mut dyn Work, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let at = self.works.iter().position(|work| work.letter() == letter)?;
        Some(self.with(at, now, layer, act))
    }

    fn handle_stray(
        &mut self,
        now: Instant,
        response: &Response,
        flow: Flow,
        layer: &mut TransactionLayer,
    ) {
        let mark = self.mark_of_response(response);
        let taken = mark.and_then(|mark| {
            self.with_work(mark.work, now, layer, |work, cx| {
                work.handle_stray(mark, response, flow, cx)
            })
        });
        if taken.is_none() {
            self.tally.stray(KindId(0), now);
        }
    }

    /// Requests without a transaction are known by their branch, others by the tag of the phone that sent them.
    fn mark_of_response(&self, response: &Response) -> Option<Mark> {
        let via: Via = response.headers().require().ok()?;
        mark_of(&via, self.site.run).or_else(|| {
            let from: From = response.headers().require().ok()?;
            Mark::read(from.tag()?.as_bytes()).filter(|mark| mark.run == self.site.run)
        })
    }

    fn handle_request(
        &mut self,
        now: Instant,
        request: &Request,
        flow: Flow,
        layer: &mut TransactionLayer,
    ) {
        let mark = self.mark_of_request(request);
        let taken = mark.and_then(|mark| {
            self.with_work(mark.work, now, layer, |work, cx| {
                work.handle_request(mark, request, flow, cx)
            })
        });
        if taken == Some(true) {
            return;
        }
        let status = match request.method() {
            Method::Ack => return,
            // A server may look whether we are still there.
            Method::Options | Method::Notify => StatusCode::OK,
            _ => StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
        };
        if status != StatusCode::OK {
            self.tally.stray(KindId(0), now);
        }
        let mut response = request.reply(status);
        response.set_to_tag(&layer.stable_tag(request));
        layer.reply(flow, &response);
    }

    fn mark_of_request(&self, request: &Request) -> Option<Mark> {
        let call_id = request.headers().raw(&HeaderName::CallId).next()?;
        Mark::read(&call_id).filter(|mark| mark.run == self.site.run)
    }

    /// §9.2: the caller gave up.
    fn handle_cancel(now: Instant, id: ServerId, layer: &mut TransactionLayer) {
        if let Some(request) = layer.request(id) {
            let mut response = request.reply(StatusCode::REQUEST_TERMINATED);
            response.set_to_tag(&layer.stable_tag(&request));
            // It may be answered already.
            let _ = layer.respond(now, id, response);
        }
    }

    fn count_repetitions(&mut self, now: Instant, layer: &mut TransactionLayer) {
        while let Some(repetition) = layer.poll_repetition() {
            let (Repetition::Request(id) | Repetition::Response(id)) = repetition;
            let Some(owner) = self.owners.get(&id).copied() else {
                continue;
            };
            let mut works = self.works.iter();
            let Some(work) = works.find(|work| work.letter() == owner.letter) else {
                continue;
            };
            match repetition {
                Repetition::Request(_) => self.tally.retransmit(work.kind(), owner.measured),
                Repetition::Response(_) => self.tally.duplicate(work.kind(), now),
            }
        }
    }

    /// Looks what the others want, and lets them see how far it is.
    fn look(&mut self, now: Instant, layer: &mut TransactionLayer) {
        self.next_look = now + LOOK;
        if let (false, Some(term)) = (self.started, self.control.term.get()) {
            self.started = true;
            self.tally.measure_from(term.measured_from);
            let works = self.works.iter_mut().skip(usize::from(self.preparing));
            works.for_each(|work| work.pace_mut().start(*term));
        }
        let stop = self.control.stop.load(Ordering::Relaxed);
        for work in &mut self.works {
            work.pace_mut().look_at(now);
            if stop {
                work.pace_mut().stop(now);
            }
        }
        if self.control.finish.load(Ordering::Relaxed) && !self.finished {
            self.finished = true;
            for at in usize::from(self.preparing)..self.works.len() {
                self.with(at, now, layer, |work, cx| {
                    work.finish(cx);
                    cx.tally.owe(work.kind(), work.pace().owed());
                });
            }
        }
        self.publish();
    }

    fn publish(&mut self) {
        let prepared = match self.preparing {
            false => Some(Prepared::default()),
            true => self.works[0].prepared(),
        };
        let unfinished = self.works().iter().map(|work| work.pace().pending()).sum();
        let exhausted = self.works().iter().all(|work| work.pace().is_exhausted());
        let contacts = self.works.iter().map(|work| work.registrations()).max();
        // Some phones have registered more than once.
        let contacts = contacts.unwrap_or(0).min(self.site.len().into());
        let hopeless = self.works.iter().find_map(|work| work.complaint());
        let finished = self.finished;
        self.tally.publish(|shared| {
            shared.prepared = prepared;
            shared.unfinished = unfinished;
            shared.contacts = contacts;
            shared.exhausted = exhausted;
            shared.hopeless = hopeless;
            shared.finished = finished;
        });
    }
}

/// Begins operations that are due, but not so many that arrivals would have to wait for long.
fn begin_due(work: &mut dyn Work, cx: &mut Context<'_>) {
    for _ in 0..BURST {
        let Some(due) = work.pace().due(cx.now) else {
            return;
        };
        work.pace_mut().begin();
        if !work.begin(due, cx) {
            work.pace_mut().unbegin();
            return;
        }
    }
}

impl TransactionUser for Engine {
    type Query = Infallible;
    type Answer = Infallible;

    fn handle_event(&mut self, now: Instant, event: Event, layer: &mut TransactionLayer) {
        match event {
            Event::StrayResponse { response, flow } => {
                self.handle_stray(now, &response, flow, layer)
            }
            Event::Response { id, response, flow } => {
                if let Some(owner) = self.owners.get(&id).copied() {
                    self.with_work(owner.letter, now, layer, |work, cx| {
                        work.handle_response(owner, &response, flow, cx);
                    });
                }
            }
            Event::Timeout { id } | Event::TransportFailure { id } => {
                if let Some(owner) = self.owners.get(&id).copied() {
                    self.with_work(owner.letter, now, layer, |work, cx| {
                        work.handle_failure(owner, cx)
                    });
                }
            }
            Event::ClientEnded { id } => {
                self.count_repetitions(now, layer);
                self.owners.remove(&id);
            }
            Event::Request { request, flow } => self.handle_request(now, &request, flow, layer),
            Event::Cancelled { id, .. } => Engine::handle_cancel(now, id, layer),
            Event::ServerFailed { .. } | Event::Ended { .. } => {}
        }
    }

    fn take_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        flow: Flow,
        layer: &mut TransactionLayer,
    ) -> bool {
        let Some((mark, status)) = sight::answer(datagram) else {
            return false;
        };
        let ours = mark.run == self.site.run;
        let taken = ours.then(|| {
            self.with_work(mark.work, now, layer, |work, cx| {
                work.handle_answer(mark, status, flow, cx)
            })
        });
        taken.flatten().unwrap_or(false)
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

    fn handle_timeout(&mut self, now: Instant, layer: &mut TransactionLayer) {
        self.count_repetitions(now, layer);
        for at in 0..self.works.len() {
            self.with(at, now, layer, |work, cx| work.handle_timeout(cx));
        }
        if now >= self.next_look {
            self.look(now, layer);
        }
    }

    fn poll_query(&mut self) -> Option<(QueryId, Infallible)> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let works = self.works.iter();
        let due = works
            .flat_map(|work| [work.pace().next(), work.next_wait()])
            .flatten();
        due.chain([self.next_look]).min()
    }
}
