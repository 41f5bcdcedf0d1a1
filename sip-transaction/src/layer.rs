//! The transaction layer: finds the machine for each input, and keeps what leaves until it is polled (RFC 3261 §17).

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sip_core::{Branch, Message, Request, Response, Tag, Transport, Via};

use crate::boundary::{
    ClientId, ConnectionId, Event, Flow, Origin, Repetition, ServerId, Target, Transmit,
};
use crate::client::{self, ClientTransaction};
use crate::config::Config;
use crate::deadline::{Deadlines, Due};
use crate::key::{BranchParts, KeySet, KeyTable, Secret, TransactionKey, print_tag};
use crate::machine::Outbox;
use crate::print::Printer;
use crate::server::{self, ServerTransaction};
use crate::table::{ROOM_KEPT, SlotId, Table};
use crate::timer::Timer;

/// All client and server transactions of one worker.
///
/// Time and messages come in by `handle_*` and by the user's calls; messages, events and the next deadline go
/// out by `poll_*`. After each input drain both queues, then sleep until [`poll_timeout`]. Times must not go
/// back; one that does is taken for the latest seen.
///
/// [`poll_timeout`]: TransactionLayer::poll_timeout
pub struct TransactionLayer {
    pub(crate) config: Config,
    pub(crate) secret: Secret,
    pub(crate) clients: Table<ClientTransaction>,
    pub(crate) client_deadlines: Deadlines,
    pub(crate) servers: Table<ServerTransaction>,
    pub(crate) server_deadlines: Deadlines,
    pub(crate) by_key: KeyTable<SlotId>,
    /// The requests of server transactions, however they came; empty unless [`Config::refuse_merged`].
    pub(crate) requests: KeySet,
    pub(crate) outbox: Outbox,
    /// The client transactions that end with a connection.
    by_connection: BTreeSet<(ConnectionId, ClientId)>,
    random: StdRng,
    printer: Printer,
    latest: Option<Instant>,
}

impl TransactionLayer {
    /// An empty layer. Branches, tags and keys all come from `seed`: take it from the system's entropy, or
    /// from a test that wants the same run again.
    #[must_use]
    pub fn new(mut config: Config, seed: u64) -> TransactionLayer {
        config.timers = config.timers.bounded();
        let mut random = StdRng::seed_from_u64(seed);
        TransactionLayer {
            config,
            secret: Secret::new(|| random.next_u64()),
            clients: Table::new(),
            client_deadlines: Deadlines::new(),
            servers: Table::new(),
            server_deadlines: Deadlines::new(),
            by_key: KeyTable::default(),
            requests: KeySet::default(),
            outbox: Outbox::default(),
            by_connection: BTreeSet::new(),
            random,
            printer: Printer::default(),
            latest: None,
        }
    }

    /// Takes a message that arrived on `flow`.
    ///
    /// It need not be valid. A response that cannot be matched comes back as [`Event::StrayResponse`], a
    /// request as [`Event::Request`].
    pub fn handle_message(&mut self, now: Instant, message: Message, flow: Flow) {
        let now = self.advance_clock(now);
        match message {
            Message::Request(request) => self.handle_request(now, request, flow),
            Message::Response(response) => self.handle_response(now, response, flow),
        }
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance_clock(now);
        while let Some(next) = self.poll_timeout().filter(|next| *next <= now) {
            if let Some(due) = self.client_deadlines.expire(next) {
                self.fire_client(now, due);
            } else if let Some(due) = self.server_deadlines.expire(next) {
                self.fire_server(now, due);
            }
        }
    }

    fn fire_client(&mut self, now: Instant, Due { slot, timer, after }: Due) {
        if let Some((id, _)) = self.clients.tenant(slot) {
            self.step_client(now, id, Some(client::Input::Fires(timer, after)), None);
        }
    }

    fn fire_server(&mut self, now: Instant, Due { slot, timer, after }: Due) {
        if let Some((id, _)) = self.servers.tenant(slot) {
            self.step_server(now, id, Some(server::Input::Fires(timer, after)), None);
        }
    }

    /// Whether there is room for another transaction. If need be those make room that only meet repetitions, the ones
    /// that would end next first: a retransmission may then be taken for a new request, but nobody new is turned away.
    pub(crate) fn make_room(&mut self, now: Instant) -> bool {
        while self.transactions() >= self.config.max_transactions {
            let clients = self.client_deadlines.next_lingering();
            let servers = self.server_deadlines.next_lingering();
            let client_first = match (clients, servers) {
                (None, None) => return false,
                (Some(client), Some(server)) => client < server,
                (client, None) => client.is_some(),
                (None, Some(_)) => false,
            };
            if client_first && let Some(due) = self.client_deadlines.hasten() {
                self.fire_client(now, due);
            } else if let Some(due) = self.server_deadlines.hasten() {
                self.fire_server(now, due);
            }
        }
        true
    }

    /// Learns that a connection is gone: requests sent on it get no response (§17.1.4). Those that came on it are
    /// answered by another connection (§18.2.2), so nothing has failed for them yet.
    pub fn handle_flow_failure(&mut self, now: Instant, flow: Flow) {
        let first = (flow.connection, ClientId(SlotId::FIRST));
        let on_it = self.by_connection.range(first..);
        let ended: Vec<ClientId> = on_it
            .take_while(|(connection, _)| *connection == flow.connection)
            .map(|(_, id)| *id)
            .collect();
        for id in ended {
            self.handle_send_failure(now, Origin::Client(id));
        }
    }

    /// Learns that a [`Transmit`] of `origin` could not be sent (§17.1.4, §17.2.4).
    pub fn handle_send_failure(&mut self, now: Instant, origin: Origin) {
        let now = self.advance_clock(now);
        match origin {
            Origin::Client(ClientId(id)) => {
                self.step_client(now, id, Some(client::Input::TransportError), None);
            }
            Origin::Server(ServerId(id)) => {
                self.step_server(now, id, Some(server::Input::TransportError), None);
            }
        }
    }

    /// Sends a message outside any transaction: an ACK for a 2xx, a statelessly forwarded request or response.
    /// A request carries the Via its sender has pushed, see [`via`](TransactionLayer::via).
    pub fn transmit(&mut self, message: &Message, to: Target) {
        let payload = self.print(to.transport(), |text| message.write_to(text));
        self.push_transmit(payload, to);
    }

    /// [`transmit`](TransactionLayer::transmit) for who prints the message himself: whoever sends the same one a
    /// hundred thousand times need not compose it each time. `write` appends the whole message.
    pub fn transmit_printed(&mut self, to: Target, write: impl FnOnce(&mut Vec<u8>)) {
        let payload = self.print(to.transport(), write);
        self.push_transmit(payload, to);
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.transmits.pop_front()
    }

    /// The next event for the user.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.poll_event_and_timer().map(|(event, _)| event)
    }

    /// The next event, with the timer that caused it.
    pub(crate) fn poll_event_and_timer(&mut self) -> Option<(Event, Option<Timer>)> {
        self.outbox.events.pop_front()
    }

    /// The next thing a transaction did by itself, if [`Config::tell_repetitions`] asks for it. Take them all with
    /// the events, as nobody else does.
    pub fn poll_repetition(&mut self) -> Option<Repetition> {
        self.outbox.repetitions.pop_front()
    }

    /// When [`handle_timeout`](TransactionLayer::handle_timeout) is wanted next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [self.client_deadlines.next(), self.server_deadlines.next()];
        deadlines.into_iter().flatten().min()
    }

    /// A Via of ours for a message to `to`, to push before [`transmit`](TransactionLayer::transmit).
    #[must_use]
    pub fn via(&self, to: Target, branch: &Branch) -> Via {
        self.config.via(to, branch)
    }

    /// A branch nobody had before. Responses to it find this worker, and no transaction.
    pub fn new_branch(&mut self) -> Branch {
        BranchParts {
            worker: self.config.worker,
            slot: BranchParts::NO_SLOT,
            random: self.random_u64(),
        }
        .print()
    }

    /// A tag nobody had before (§19.3).
    pub fn new_tag(&mut self) -> Tag {
        print_tag(self.random_u64())
    }

    /// A To tag for `request` that comes out the same whenever it is asked for: for retransmissions answered
    /// without a transaction (§8.2.7), and for a CANCEL and the INVITE it belongs to (§9.2).
    #[must_use]
    pub fn stable_tag(&self, request: &Request) -> Tag {
        Tag::new(self.secret.tag(request)).expect("digits")
    }

    /// Gives `response` the [`stable_tag`](TransactionLayer::stable_tag) of `request`, unless it has a To tag. It
    /// allocates nothing.
    pub fn set_stable_tag(&self, response: &mut Response, request: &Request) {
        let set = response.set_to_tag_octets(&self.secret.tag(request));
        debug_assert_eq!(set, Ok(()), "digits are a token");
    }

    /// 64 bits of chance, out of the seed.
    pub fn random_u64(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// How many transactions exist, lingering ones and CANCELs included.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// How many transactions have no final response yet. Who wants to stop waits for these, and not for those that
    /// linger to meet retransmissions. Looks at each of them.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        let clients = self
            .clients
            .tenants()
            .filter(|client| client.machine.is_unfinished());
        let servers = self
            .servers
            .tenants()
            .filter(|server| server.machine.is_unfinished());
        clients.count() + servers.count()
    }

    /// Whether nothing is left: no transaction, no timer, nothing to poll.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.transactions() == 0
            && self.by_key.is_empty()
            && self.requests.is_empty()
            && self.by_connection.is_empty()
            && self.poll_timeout().is_none()
            && self.outbox.transmits.is_empty()
            && self.outbox.events.is_empty()
    }

    pub(crate) fn advance_clock(&mut self, now: Instant) -> Instant {
        let latest = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(latest);
        latest
    }

    pub(crate) fn push_event(&mut self, event: Event, timer: Option<Timer>) {
        self.outbox.events.push_back((event, timer));
    }

    pub(crate) fn push_transmit(&mut self, payload: Bytes, to: Target) {
        self.outbox.transmits.push_back(Transmit {
            payload,
            to,
            origin: None,
            timer: None,
        });
    }

    /// Prints what nobody keeps. What goes by a connection may wait there for long, so it shares no slab.
    pub(crate) fn print(&mut self, by: Transport, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        if by.is_reliable() {
            let mut text = Vec::new();
            write(&mut text);
            return Bytes::from(text);
        }
        self.printer.print(write)
    }

    pub(crate) fn note_connection(&mut self, connection: ConnectionId, id: ClientId) {
        if !connection.is_none() {
            self.by_connection.insert((connection, id));
        }
    }

    pub(crate) fn forget_connection(&mut self, connection: ConnectionId, id: ClientId) {
        if !connection.is_none() {
            self.by_connection.remove(&(connection, id));
        }
    }

    /// After a busy time the memory goes back. (A table's capacity says little: entries that are gone take part of it.)
    pub(crate) fn shrink_when_empty(&mut self) {
        const MOST: usize = 2 * ROOM_KEPT * size_of::<(TransactionKey, SlotId)>();
        if self.by_key.is_empty() && self.by_key.allocation_size() > MOST {
            self.by_key = KeyTable::default();
            self.requests = KeySet::default();
        }
    }
}

impl std::fmt::Debug for TransactionLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransactionLayer")
            .field("worker", &self.config.worker)
            .field("clients", &self.clients.len())
            .field("servers", &self.servers.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip_core::{Limits, StatusCode, parse_message};

    use super::*;
    use crate::server::AcceptError;
    use crate::sim::epoch;

    fn request(method: &str, branch: u32) -> Request {
        let text = format!(
            "{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{branch}\r\n\
             From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: {branch}\r\n\
             CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        );
        let message = parse_message(text.into(), &Limits::default()).unwrap();
        Request::try_from(message).unwrap()
    }

    fn flow() -> Flow {
        let address = |text: &str| text.parse().unwrap();
        Flow::udp(address("192.0.2.2:5060"), address("192.0.2.1:5060"))
    }

    #[test]
    fn a_full_layer_accepts_nothing_and_is_free_again_later() {
        let config = Config {
            max_transactions: 2,
            ..Config::default()
        };
        let (mut layer, now) = (TransactionLayer::new(config, 1), epoch());
        let first = layer.accept(now, &request("OPTIONS", 1), flow()).unwrap();
        layer.send_request(now, request("OPTIONS", 2), Target::Flow(flow()));
        let refused = layer.accept(now, &request("OPTIONS", 3), flow());
        assert_eq!(refused, Err(AcceptError::Full));
        // A CANCEL makes room, so it is answered all the same.
        let ok = request("OPTIONS", 1).reply(StatusCode::OK);
        layer.handle_message(now, Message::Request(request("CANCEL", 1)), flow());
        let answer = std::iter::from_fn(|| layer.poll_transmit()).last().unwrap();
        assert!(answer.payload.starts_with(b"SIP/2.0 200 OK\r\n"));
        layer.respond(now, first, ok).unwrap();
        layer.handle_timeout(now + Duration::from_secs(33));
        assert!(layer.accept(now, &request("OPTIONS", 3), flow()).is_ok());
    }

    #[test]
    fn what_only_meets_repetitions_makes_room_for_what_is_new() {
        let config = Config {
            max_transactions: 3,
            ..Config::default()
        };
        let (mut layer, start) = (TransactionLayer::new(config, 1), epoch());
        let second = Duration::from_secs(1);
        let mut ended = Vec::new();
        for number in 1..10 {
            let now = start + second * number;
            let options = request("OPTIONS", number);
            let id = layer.accept(now, &options, flow()).unwrap();
            layer
                .respond(now, id, options.reply(StatusCode::OK))
                .unwrap();
            while let Some(event) = layer.poll_event() {
                ended.push(matches!(event, Event::Ended { .. }));
            }
            assert!(layer.transactions() <= 3);
        }
        assert_eq!(ended, [true; 6]);
        // Those that still wait for an answer stay.
        for number in 11..14 {
            let options = request("OPTIONS", number);
            layer.accept(start + second * 10, &options, flow()).unwrap();
        }
        let more = layer.accept(start + second * 11, &request("OPTIONS", 15), flow());
        assert_eq!(more, Err(AcceptError::Full));
    }

    #[test]
    fn what_cannot_be_accepted_says_why() {
        let (mut layer, now) = (TransactionLayer::new(Config::default(), 1), epoch());
        let mut accept = |request: &Request| layer.accept(now, request, flow());
        assert!(accept(&request("INVITE", 1)).is_ok());
        assert_eq!(accept(&request("INVITE", 1)), Err(AcceptError::Duplicate));
        assert_eq!(accept(&request("ACK", 2)), Err(AcceptError::Ack));
        let mut blank = request("INVITE", 3);
        blank.headers_mut().remove(&sip_core::HeaderName::Via);
        assert!(matches!(accept(&blank), Err(AcceptError::Malformed(_))));
    }

    #[test]
    fn time_that_goes_back_stands_still() {
        let (mut layer, start) = (TransactionLayer::new(Config::default(), 1), epoch());
        let second = Duration::from_secs(1);
        layer.handle_timeout(start + second);
        layer.send_request(start, request("OPTIONS", 1), Target::Flow(flow()));
        assert_eq!(layer.poll_timeout(), Some(start + second * 3 / 2));
    }

    #[test]
    fn the_same_seed_makes_the_same_branches_and_tags() {
        let mut made = [1, 1, 2].map(|seed| {
            let mut layer = TransactionLayer::new(Config::default(), seed);
            layer.send_request(epoch(), request("OPTIONS", 1), Target::Flow(flow()));
            let sent = layer.poll_transmit().unwrap().payload;
            let stable = layer.stable_tag(&request("OPTIONS", 1));
            (sent, layer.new_tag(), layer.new_branch(), stable)
        });
        assert_eq!(made[0], made[1]);
        assert_ne!(made[0].0, made[2].0);
        made.sort();
        assert_ne!(made[0].3, made[2].3);
    }

    #[test]
    fn a_stable_tag_is_the_same_for_invite_ack_and_cancel_and_no_other_call() {
        let layer = TransactionLayer::new(Config::default(), 1);
        let tag = |method, branch| layer.stable_tag(&request(method, branch));
        assert_eq!(tag("INVITE", 1), tag("INVITE", 1));
        assert_eq!(tag("INVITE", 1), tag("ACK", 1));
        assert_eq!(tag("INVITE", 1), tag("CANCEL", 1));
        assert_ne!(tag("INVITE", 1), tag("INVITE", 2));
    }
}
