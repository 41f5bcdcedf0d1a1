//! Client transactions: sending requests, and finding the one a response belongs to (RFC 3261 §17.1).

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_core::{Branch, CSeq, Headers, Method, Request, Response, StatusClass, Via};

use crate::boundary::{ClientId, Event, Flow, Origin, Repetition, Target, Transmit};
use crate::cancel::Cancellation;
use crate::key::BranchParts;
use crate::layer::TransactionLayer;
use crate::machine::{self, Actions, Fired, Started};
use crate::table::SlotId;
use crate::timer::Timer;
use crate::{client_invite, client_non_invite, same_branch};

/// A request on its way.
pub(crate) struct ClientTransaction {
    pub(crate) machine: Machine,
    /// The method of what was sent; a CANCEL has the transaction of its own.
    pub(crate) method: Method,
    /// As printed, until the final response is here: afterwards nothing is made of it any more.
    pub(crate) request: Bytes,
    pub(crate) to: Target,
    /// The part of the branch nobody can guess.
    pub(crate) random: u64,
    pub(crate) cancellation: Cancellation,
}

pub(crate) enum Machine {
    Invite(client_invite::State),
    NonInvite(client_non_invite::State),
    /// A CANCEL of ours (§9.1); the user hears nothing of it.
    Cancel(client_non_invite::State),
}

impl Machine {
    /// Before the first arrow.
    fn new(method: &Method) -> Machine {
        match method {
            Method::Invite => Machine::Invite(client_invite::State::Terminated),
            _ => Machine::NonInvite(client_non_invite::State::Terminated),
        }
    }

    /// Whether a final response is still to come.
    pub(crate) fn is_unfinished(&self) -> bool {
        use client_invite::State as Invite;
        use client_non_invite::State as NonInvite;
        match self {
            Machine::Invite(state) => matches!(state, Invite::Calling | Invite::Proceeding),
            Machine::NonInvite(state) | Machine::Cancel(state) => {
                matches!(state, NonInvite::Trying | NonInvite::Proceeding)
            }
        }
    }

    fn is_terminated(&self) -> bool {
        match self {
            Machine::Invite(state) => *state == client_invite::State::Terminated,
            Machine::NonInvite(state) | Machine::Cancel(state) => {
                *state == client_non_invite::State::Terminated
            }
        }
    }
}

/// What the arrows of figures 5 and 6 are labelled with.
pub(crate) enum Input {
    /// A response arrived.
    Receives(StatusClass),
    /// A timer fired, having been armed for this long.
    Fires(Timer, Duration),
    /// The request or the ACK could not be sent.
    TransportError,
}

impl From<Fired> for Input {
    fn from(Fired(timer, after): Fired) -> Input {
        Input::Fires(timer, after)
    }
}

/// What a step of a client transaction can reach.
pub(crate) struct Client<'a> {
    id: ClientId,
    internal: bool,
    tell_repetitions: bool,
    request: &'a Bytes,
    to: Target,
    received: Option<(Response, Flow)>,
}

impl Actions<'_, Client<'_>> {
    /// Sends the request, for the first time or again.
    pub(crate) fn send_request(&mut self) {
        let request = self.side.request.clone();
        self.send(&request);
        if self.fired.is_some() {
            self.note(Repetition::Request);
        }
    }

    /// Notes that the final response came again.
    pub(crate) fn repeated(&mut self) {
        self.note(Repetition::Response);
    }

    fn note(&mut self, what: impl FnOnce(ClientId) -> Repetition) {
        if self.side.tell_repetitions && !self.side.internal {
            self.outbox.repetitions.push_back(what(self.side.id));
        }
    }

    /// Sends to where the request was sent.
    pub(crate) fn send(&mut self, payload: &Bytes) {
        self.outbox.transmits.push_back(Transmit {
            payload: payload.clone(),
            to: self.side.to,
            origin: Some(Origin::Client(self.side.id)),
            timer: self.fired,
        });
    }

    /// Passes the response to the user.
    pub(crate) fn pass_up(&mut self) {
        if let Some((response, flow)) = self.side.received.take() {
            let id = self.side.id;
            self.tell(Event::Response { id, response, flow });
        }
    }

    /// Sends the ACK for the response at hand (§17.1.1.3), and returns it.
    pub(crate) fn acknowledge(&mut self) -> Bytes {
        let Some((response, _)) = &self.side.received else {
            return Bytes::new(); // only a response leads here
        };
        let ack = same_branch::ack(self.side.request, response);
        self.send(&ack);
        ack
    }

    /// Tells the user that nobody answered.
    pub(crate) fn timeout(&mut self) {
        self.tell(Event::Timeout { id: self.side.id });
    }

    /// Tells the user that sending failed.
    pub(crate) fn transport_failure(&mut self) {
        self.tell(Event::TransportFailure { id: self.side.id });
    }

    fn tell(&mut self, event: Event) {
        if !self.side.internal {
            self.outbox.events.push_back((event, self.fired));
        }
    }
}

/// The client side.
impl TransactionLayer {
    /// Sends `request` in a new client transaction (§17.1.1.2, §17.1.2.2), our Via with a fresh branch on top
    /// of it. A response, a timeout or a transport failure comes as an [`Event`] with the returned number.
    ///
    /// An ACK has no transaction (§17.1): it is sent, and its number ends at once.
    pub fn send_request(&mut self, now: Instant, request: Request, to: Target) -> ClientId {
        self.send_request_as(now, request, to, BranchParts::print)
    }

    /// The same, with a branch that ends in `.` and `mark` in eight hexadecimal digits: by it a proxy knows the
    /// request again when it has gone round in a circle (RFC 5393 §4.2.1).
    pub fn send_request_marked(
        &mut self,
        now: Instant,
        request: Request,
        to: Target,
        mark: u32,
    ) -> ClientId {
        self.send_request_as(now, request, to, |branch| branch.print_marked(mark))
    }

    fn send_request_as(
        &mut self,
        now: Instant,
        mut request: Request,
        to: Target,
        print: impl FnOnce(BranchParts) -> Branch,
    ) -> ClientId {
        let now = self.advance_clock(now);
        let method = request.method().clone();
        let random = self.random_u64();
        let (config, clients) = (&self.config, &mut self.clients);
        let id = clients.insert(|SlotId { slot, .. }| {
            let worker = config.worker;
            let branch = print(BranchParts {
                worker,
                slot,
                random,
            });
            request.headers_mut().push_front(&config.via(to, &branch));
            ClientTransaction {
                machine: Machine::new(&method),
                method: method.detached(),
                request: request.to_bytes(),
                to,
                random,
                cancellation: Cancellation::NotWanted,
            }
        });
        self.note_connection(to.connection(), ClientId(id));
        match method {
            Method::Ack => self.send_without_transaction(id),
            _ => self.step_client(now, id, None, None),
        }
        ClientId(id)
    }

    pub(crate) fn insert_client(&mut self, transaction: ClientTransaction) -> SlotId {
        let connection = transaction.to.connection();
        let id = self.clients.insert(|_| transaction);
        self.note_connection(connection, ClientId(id));
        id
    }

    fn send_without_transaction(&mut self, id: SlotId) {
        if let Some(ack) = self.clients.get(id) {
            let (payload, to) = (ack.request.clone(), ack.to);
            self.push_transmit(payload, to);
        }
        self.forget_client(id, None);
    }

    /// Matches a response to its client transaction: same branch, same method in CSeq (§17.1.3).
    pub(crate) fn handle_response(&mut self, now: Instant, response: Response, flow: Flow) {
        match self.find_client(&response) {
            Some(id) => {
                let input = Input::Receives(response.status().class());
                self.step_client(now, id, Some(input), Some((response, flow)));
                self.send_wanted_cancel(now, id);
            }
            None => self.push_event(Event::StrayResponse { response, flow }, None),
        }
    }

    /// Learns that `request` reached nobody: a router sent it back (§18.4), perhaps without its end. If it is that of a
    /// client transaction, that has failed.
    pub fn handle_returned(&mut self, now: Instant, request: &Request) {
        if let Some(id) = self.find_sent(request.headers(), request.method()) {
            self.handle_send_failure(now, Origin::Client(ClientId(id)));
        }
    }

    fn find_client(&self, response: &Response) -> Option<SlotId> {
        let cseq: CSeq = response.headers().require().ok()?;
        self.find_sent(response.headers(), &cseq.method())
    }

    /// The transaction whose request of this method has the branch of the top Via.
    fn find_sent(&self, headers: &Headers, method: &Method) -> Option<SlotId> {
        let via: Via = headers.require().ok()?;
        let branch = BranchParts::read(&via.branch()?)?;
        let (id, sent) = self.clients.tenant(branch.slot)?;
        if branch.worker != self.config.worker || branch.random != sent.random {
            return None;
        }
        match (method, sent.cancellation) {
            (method, _) if *method == sent.method => Some(id),
            (Method::Cancel, Cancellation::Sent(cancel)) => Some(cancel),
            _ => None,
        }
    }

    /// One step of a client transaction; its first one without an input.
    pub(crate) fn step_client(
        &mut self,
        now: Instant,
        id: SlotId,
        input: Option<Input>,
        received: Option<(Response, Flow)>,
    ) {
        let Some(transaction) = self.clients.get_mut(id) else {
            return;
        };
        let fired = match input {
            Some(Input::Fires(timer, _)) => Some(timer),
            _ => None,
        };
        let machine = &mut transaction.machine;
        let mut act = Actions {
            now,
            slot: id.slot,
            transport: transaction.to.transport(),
            timers: &self.config.timers,
            deadlines: &mut self.client_deadlines,
            outbox: &mut self.outbox,
            fired,
            started: Started::default(),
            side: Client {
                id: ClientId(id),
                internal: matches!(machine, Machine::Cancel(_)),
                tell_repetitions: self.config.tell_repetitions,
                request: &transaction.request,
                to: transaction.to,
                received,
            },
        };
        match machine {
            Machine::Invite(state) => machine::advance(state, input, &mut act),
            Machine::NonInvite(state) | Machine::Cancel(state) => {
                machine::advance(state, input, &mut act);
            }
        }
        let fired = act.fired;
        if machine.is_terminated() {
            self.forget_client(id, fired);
        } else if !machine.is_unfinished() {
            transaction.request = Bytes::new();
        }
    }

    /// Terminated: destroyed at once (§17.1.1.2, §17.1.2.2).
    pub(crate) fn forget_client(&mut self, id: SlotId, fired: Option<Timer>) {
        let Some(transaction) = self.clients.remove(id) else {
            return;
        };
        self.client_deadlines.stop_both(id.slot);
        let connection = transaction.to.connection();
        self.forget_connection(connection, ClientId(id));
        // The branch finds the INVITE no longer, so no response would find the CANCEL.
        if let Cancellation::Sent(cancel) = transaction.cancellation {
            self.forget_client(cancel, None);
        }
        if !matches!(transaction.machine, Machine::Cancel(_)) {
            self.push_event(Event::ClientEnded { id: ClientId(id) }, fired);
        }
    }
}
