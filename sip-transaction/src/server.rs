//! Server transactions: accepting requests, answering them, and knowing them again (RFC 3261 §17.2).

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_core::{HeaderError, Method, Request, Response, StatusClass, StatusCode, Tag, To};

use crate::boundary::{Event, Flow, Origin, ServerId, Target, Transmit};
use crate::kept;
use crate::key::TransactionKey;
use crate::layer::TransactionLayer;
use crate::machine::{self, Actions, Fired, Started};
use crate::table::SlotId;
use crate::timer::Timer;
use crate::{server_invite, server_non_invite};

/// A request we answer, and the way back.
pub(crate) struct ServerTransaction {
    pub(crate) machine: Machine,
    pub(crate) key: TransactionKey,
    pub(crate) request: Bytes,
    pub(crate) flow: Flow,
    /// A CANCEL came for it.
    pub(crate) cancelled: bool,
    /// By what the same request is known when it comes by another way; for who refuses that.
    merged_key: Option<Box<TransactionKey>>,
}

pub(crate) enum Machine {
    Invite(server_invite::State),
    NonInvite(server_non_invite::State),
    /// A CANCEL the layer answers itself (§9.2); the user hears nothing of it.
    Cancel(server_non_invite::State),
}

impl Machine {
    /// Before the first arrow.
    fn new(method: &Method) -> Machine {
        match method {
            Method::Invite => Machine::Invite(server_invite::State::Terminated),
            _ => Machine::NonInvite(server_non_invite::State::Terminated),
        }
    }

    fn is_terminated(&self) -> bool {
        match self {
            Machine::Invite(state) => *state == server_invite::State::Terminated,
            Machine::NonInvite(state) | Machine::Cancel(state) => {
                *state == server_non_invite::State::Terminated
            }
        }
    }

    /// Whether a final response is still to be sent.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.takes(StatusClass::Provisional)
    }

    fn takes(&self, class: StatusClass) -> bool {
        match self {
            Machine::Invite(state) => state.takes(class),
            Machine::NonInvite(state) | Machine::Cancel(state) => state.takes(),
        }
    }

    /// The response sent last, while it is kept.
    fn response(&self) -> Option<&Bytes> {
        match self {
            Machine::Invite(server_invite::State::Proceeding { last }) => last.as_ref(),
            Machine::Invite(server_invite::State::Completed { response }) => Some(response),
            Machine::NonInvite(server_non_invite::State::Completed { response }) => Some(response),
            _ => None,
        }
    }
}

impl ServerTransaction {
    /// The To tag of the response sent last.
    pub(crate) fn to_tag(&self) -> Option<Tag> {
        kept::response(self.machine.response()?)?.to_tag()
    }
}

/// What the arrows of figures 7 and 8 are labelled with.
pub(crate) enum Input {
    /// The request came once more.
    Repeated,
    /// An ACK came.
    Acknowledged,
    /// The user responds.
    Responds(StatusClass, Bytes),
    /// A timer fired, having been armed for this long.
    Fires(Timer, Duration),
    /// A response could not be sent.
    TransportError,
}

impl From<Fired> for Input {
    fn from(Fired(timer, after): Fired) -> Input {
        Input::Fires(timer, after)
    }
}

/// What a step of a server transaction can reach.
pub(crate) struct Server<'a> {
    id: ServerId,
    internal: bool,
    request: &'a Bytes,
    flow: Flow,
    received: Option<(Request, Flow)>,
}

impl Actions<'_, Server<'_>> {
    /// Sends a response to where the request came from.
    pub(crate) fn send(&mut self, payload: &Bytes) {
        self.outbox.transmits.push_back(Transmit {
            payload: payload.clone(),
            to: Target::Flow(self.side.flow),
            origin: Some(Origin::Server(self.side.id)),
            timer: self.fired,
        });
    }

    /// The 100 the layer sends by itself.
    pub(crate) fn trying(&self) -> Bytes {
        let request = kept::request(self.side.request);
        let trying = request.map(|request| request.reply(StatusCode::TRYING).to_bytes());
        trying.unwrap_or_default() // what was accepted is a request
    }

    /// Passes the received request to the user.
    pub(crate) fn pass_up(&mut self) {
        if let Some((request, flow)) = self.side.received.take() {
            self.tell(Event::Request { request, flow });
        }
    }

    /// Tells the user that the response did not get through.
    pub(crate) fn failed(&mut self) {
        self.tell(Event::ServerFailed { id: self.side.id });
    }

    fn tell(&mut self, event: Event) {
        if !self.side.internal {
            self.outbox.events.push_back((event, self.fired));
        }
    }
}

/// Why a request gets no server transaction. The caller erred, except for [`Full`](AcceptError::Full) and
/// [`Malformed`](AcceptError::Malformed).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// It has one already; or it is RFC 2543's and differs from one that has in nothing but the To tag.
    #[error("the request has a transaction already")]
    Duplicate,
    /// The same request came by another way, and has one (§8.2.2.2). A 482 sent by
    /// [`reply`](TransactionLayer::reply) is due. Only with [`Config::refuse_merged`](crate::Config::refuse_merged).
    #[error("the request came by another way already")]
    Merged,
    /// An ACK is never answered, and has none (§17.2).
    #[error("an ACK has no transaction of its own")]
    Ack,
    /// There are [`Config::max_transactions`](crate::Config::max_transactions) that are not over yet. A 503 sent by
    /// [`reply`](TransactionLayer::reply) is due.
    #[error("no room for another transaction")]
    Full,
    /// The headers that identify it cannot be read. A 400 sent by [`reply`](TransactionLayer::reply) is due.
    #[error("the request cannot be identified")]
    Malformed(#[source] HeaderError),
}

/// Why a response is not sent. The caller erred, or was too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RespondError {
    /// The transaction has ended.
    #[error("no such server transaction")]
    Unknown,
    /// The final response was sent.
    #[error("the request is answered already")]
    Answered,
    /// Never an answer to anything but INVITE: 408, and provisional responses but 100 (RFC 4320 §4).
    #[error("{0} is no answer to a request other than INVITE")]
    Forbidden(StatusCode),
}

/// The server side.
impl TransactionLayer {
    /// Creates the server transaction of `request`, which came on `flow` (§17.2). It keeps bytes of its own, so
    /// the receive buffer is free.
    ///
    /// # Errors
    /// See [`AcceptError`].
    pub fn accept(
        &mut self,
        now: Instant,
        request: &Request,
        flow: Flow,
    ) -> Result<ServerId, AcceptError> {
        if *request.method() == Method::Ack {
            return Err(AcceptError::Ack);
        }
        let now = self.advance_clock(now);
        if !self.make_room(now) {
            return Err(AcceptError::Full);
        }
        let machine = Machine::new(request.method());
        self.insert_server(now, request, flow, machine)
            .map(ServerId)
    }

    pub(crate) fn insert_server(
        &mut self,
        now: Instant,
        request: &Request,
        flow: Flow,
        machine: Machine,
    ) -> Result<SlotId, AcceptError> {
        let now = self.advance_clock(now);
        let key = self.secret.key(request).map_err(AcceptError::Malformed)?;
        if self.by_key.contains_key(&key) {
            return Err(AcceptError::Duplicate);
        }
        let merged_key = match self.config.refuse_merged {
            true => self.secret.merged_key(request),
            false => None,
        };
        if let Some(merged_key) = merged_key
            && !self.requests.insert(merged_key)
        {
            return Err(AcceptError::Merged);
        }
        let id = self.servers.insert(|_| ServerTransaction {
            machine,
            key,
            request: request.to_bytes(),
            flow,
            cancelled: false,
            merged_key: merged_key.map(Box::new),
        });
        self.by_key.insert(key, id);
        self.step_server(now, id, None, None);
        Ok(id)
    }

    /// Sends `response` to the request of `id`, to where the request came from (§17.2.1, §17.2.2).
    ///
    /// The final response is repeated, as long as that is due, without further ado; only a 2xx to INVITE is
    /// the user's to repeat, by passing it again (RFC 6026 §7.1). Over datagrams a 100 to anything but INVITE
    /// is held back until it is due (RFC 4320 §4.1).
    ///
    /// # Errors
    /// See [`RespondError`].
    pub fn respond(
        &mut self,
        now: Instant,
        id: ServerId,
        response: Response,
    ) -> Result<(), RespondError> {
        let now = self.advance_clock(now);
        let transaction = self.servers.get(id.0).ok_or(RespondError::Unknown)?;
        let status = response.status();
        if !transaction.machine.takes(status.class()) {
            return Err(RespondError::Answered);
        }
        if !matches!(transaction.machine, Machine::Invite(_)) && is_forbidden(status) {
            return Err(RespondError::Forbidden(status));
        }
        let input = Input::Responds(status.class(), response.to_bytes());
        self.step_server(now, id.0, Some(input), None);
        Ok(())
    }

    /// The request that created `id`, read again from the bytes that were kept; `None` once it was
    /// [released](TransactionLayer::release_request).
    #[must_use]
    pub fn request(&self, id: ServerId) -> Option<Request> {
        kept::request(&self.servers.get(id.0)?.request)
    }

    /// Lets go of the bytes of the request of `id`, if its final response was sent. For half a minute after that the
    /// transaction meets repetitions, which it knows by its key; a user who will not ask for the request again need
    /// not let it take room so long.
    pub fn release_request(&mut self, id: ServerId) {
        if let Some(transaction) = self.servers.get_mut(id.0)
            && !transaction.machine.is_unfinished()
            && !transaction.key.is_rfc2543()
        {
            transaction.request = Bytes::new();
        }
    }

    /// The flow the request of `id` came on.
    #[must_use]
    pub fn server_flow(&self, id: ServerId) -> Option<Flow> {
        self.servers.get(id.0).map(|transaction| transaction.flow)
    }

    /// Answers a request without a transaction (§8.2.7): nothing is kept, and a repetition is a new request.
    ///
    /// The response goes back on `flow`, whatever Via says (§18.2.2, RFC 3581 §4): so it reaches a peer behind
    /// a NAT, and cannot be aimed at a third.
    pub fn reply(&mut self, flow: Flow, response: &Response) {
        let payload = self.print(flow.transport, |text| response.write_to(text));
        self.push_transmit(payload, Target::Flow(flow));
    }

    /// Matches a request to its server transaction (§17.2.3).
    pub(crate) fn handle_request(&mut self, now: Instant, request: Request, flow: Flow) {
        match (self.find_server(&request), request.method()) {
            (Some(id), Method::Ack) => {
                self.step_server(now, id, Some(Input::Acknowledged), Some((request, flow)));
            }
            (Some(id), _) => self.step_server(now, id, Some(Input::Repeated), None),
            (None, Method::Cancel) => self.handle_cancel(now, request, flow),
            (None, _) => self.push_event(Event::Request { request, flow }, None),
        }
    }

    fn find_server(&self, request: &Request) -> Option<SlotId> {
        let key = self.secret.key(request).ok()?;
        let id = *self.by_key.get(&key)?;
        (!key.is_rfc2543() || self.has_same_to_tag(id, request)).then_some(id)
    }

    /// What RFC 2543 needs beyond the key: an ACK has the To tag of the response, the rest that of the request.
    fn has_same_to_tag(&self, id: SlotId, request: &Request) -> bool {
        let Some(known) = self.servers.get(id) else {
            return false;
        };
        let to_tag = |request: &Request| request.headers().require::<To>().ok()?.tag();
        match request.method() {
            Method::Ack => known.machine.response().is_none() || known.to_tag() == to_tag(request),
            _ => kept::request(&known.request).and_then(|known| to_tag(&known)) == to_tag(request),
        }
    }

    /// One step of a server transaction; its first one without an input.
    pub(crate) fn step_server(
        &mut self,
        now: Instant,
        id: SlotId,
        input: Option<Input>,
        received: Option<(Request, Flow)>,
    ) {
        let Some(transaction) = self.servers.get_mut(id) else {
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
            transport: transaction.flow.transport,
            timers: &self.config.timers,
            deadlines: &mut self.server_deadlines,
            outbox: &mut self.outbox,
            fired,
            started: Started::default(),
            side: Server {
                id: ServerId(id),
                internal: matches!(machine, Machine::Cancel(_)),
                request: &transaction.request,
                flow: transaction.flow,
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
            self.forget_server(id, fired);
        }
    }

    /// Terminated: destroyed at once (§17.2.1, §17.2.2).
    fn forget_server(&mut self, id: SlotId, fired: Option<Timer>) {
        let Some(transaction) = self.servers.remove(id) else {
            return;
        };
        self.server_deadlines.stop_both(id.slot);
        self.by_key.remove(&transaction.key);
        if let Some(merged_key) = &transaction.merged_key {
            self.requests.remove(&**merged_key);
        }
        self.shrink_when_empty();
        if !matches!(transaction.machine, Machine::Cancel(_)) {
            self.push_event(Event::Ended { id: ServerId(id) }, fired);
        }
    }
}

/// RFC 4320 §4.1, §4.2: such a response would come when nobody waits any more, or slow the client down.
fn is_forbidden(status: StatusCode) -> bool {
    let needless = status.is_provisional() && status != StatusCode::TRYING;
    needless || status == StatusCode::REQUEST_TIMEOUT
}
