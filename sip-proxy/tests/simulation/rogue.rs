//! A phone that breaks the rules: silent, late, saying two things at once, or things nobody asked for.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use sip_core::{
    Branch, CSeq, Contact, From, Header, HeaderName, Limits, Message, Method, Request, Response,
    StatusCode, Tag, Text, Via, parse_message,
};
use sip_transaction::{Event, Flow, QueryId, ServerId, Target, TransactionLayer, TransactionUser};

pub(crate) struct Rogue {
    pub(crate) name: &'static str,
    pub(crate) contact: String,
    pub(crate) manner: Manner,
    pub(crate) chance: StdRng,
    pub(crate) planned: VecDeque<(Instant, Act)>,
}

/// How it takes a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// As if it were not there.
    Deaf,
    /// Nothing but the 100 of its transaction layer; CANCEL changes nothing.
    Mute,
    /// 180, and nothing more; CANCEL changes nothing.
    RingsForEver,
    /// The final response comes when everybody has given up.
    Late,
    /// 200 to the INVITE that was cancelled.
    PicksUpWhenCancelled,
    /// Two final responses, with two tags.
    SaysTwoThings,
    /// Anything, with any tag, on any branch.
    Babbles,
}

impl Manner {
    pub(crate) const ALL: [Manner; 7] = [
        Manner::Deaf,
        Manner::Mute,
        Manner::RingsForEver,
        Manner::Late,
        Manner::PicksUpWhenCancelled,
        Manner::SaysTwoThings,
        Manner::Babbles,
    ];
}

pub(crate) enum Act {
    /// Responds through its server transaction.
    Respond(ServerId, Response),
    /// Sends past all transactions.
    Send(Message, Target),
}

const FINAL: [u16; 9] = [200, 200, 202, 302, 404, 486, 487, 503, 603];
const ANY: [u16; 14] = [
    100, 180, 183, 199, 200, 200, 202, 302, 401, 404, 486, 487, 503, 603,
];

impl Rogue {
    fn later(&mut self, now: Instant, most: u64) -> Instant {
        now + Duration::from_millis(self.chance.random_range(1..most))
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.chance.random_range(0..among.len())]
    }

    fn plan(&mut self, at: Instant, act: Act) {
        let place = self.planned.partition_point(|(other, _)| *other <= at);
        self.planned.insert(place, (at, act));
    }

    // ── called ──────────────────────────────────────────────────────────────────────────────────────────────

    fn take_request(
        &mut self,
        now: Instant,
        request: &Request,
        flow: Flow,
        layer: &mut TransactionLayer,
    ) {
        match (request.method(), self.manner) {
            (Method::Ack, _) | (_, Manner::Deaf) => {}
            (_, Manner::Babbles) => self.babble(now, request, flow),
            (Method::Invite, _) => self.take_invite(now, request, flow, layer),
            (Method::Cancel, _) => {
                let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                layer.reply(flow, &request.reply(status));
            }
            _ => layer.reply(flow, &request.reply(StatusCode::OK)),
        }
    }

    fn take_invite(
        &mut self,
        now: Instant,
        invite: &Request,
        flow: Flow,
        layer: &mut TransactionLayer,
    ) {
        let Ok(id) = layer.accept(now, invite, flow) else {
            return;
        };
        let ringing = self.answer(invite, 180, 0);
        match self.manner {
            Manner::RingsForEver | Manner::PicksUpWhenCancelled => {
                self.plan(now, Act::Respond(id, ringing));
            }
            Manner::Late => {
                let (at, status) = (self.later(now, 260_000), self.pick(&FINAL));
                let answer = self.answer(invite, status, 0);
                if self.chance.random_bool(0.5) {
                    self.plan(now, Act::Respond(id, ringing));
                }
                self.plan(at, Act::Respond(id, answer));
            }
            Manner::SaysTwoThings => {
                let (at, first, second) =
                    (self.later(now, 3000), self.pick(&FINAL), self.pick(&FINAL));
                let then = self.later(at, 3000);
                let (one, other) = (
                    self.answer(invite, first, 0),
                    self.answer(invite, second, 1),
                );
                self.plan(at, Act::Respond(id, one));
                self.plan(
                    then,
                    Act::Send(Message::Response(other), Target::Flow(flow)),
                );
            }
            _ => {}
        }
    }

    /// Up to five responses, some of them to something else.
    fn babble(&mut self, now: Instant, request: &Request, flow: Flow) {
        for number in 0..self.chance.random_range(1..6) {
            let (at, status) = (self.later(now, 8000), self.pick(&ANY));
            let mut response = self.answer(request, status, number);
            self.distort(&mut response);
            self.plan(
                at,
                Act::Send(Message::Response(response), Target::Flow(flow)),
            );
        }
    }

    fn distort(&mut self, response: &mut Response) {
        let tag = Tag::new(format!("wrong{}", self.chance.random_range(0..9))).expect("a tag");
        let headers = response.headers_mut();
        match self.chance.random_range(0..9) {
            0 => response.set_to_tag(&tag),
            1 => {
                headers.remove(&HeaderName::To);
            }
            2 => {
                if let Ok(from) = headers.require::<From>() {
                    headers.set(&from.with_tag(&tag));
                }
            }
            3 => headers.set(&CSeq::new(77, Method::Invite)),
            4 => headers.set(&CSeq::new(1, Method::Bye)),
            5 => {
                headers.remove(&HeaderName::CSeq);
            }
            6 => {
                if let Ok(via) = headers.require::<Via>() {
                    let branch =
                        Branch::new("z9hG4bK00000000000000000000000000ff").expect("a branch");
                    let transport = via.transport().unwrap_or(sip_core::Transport::Udp);
                    headers.replace_front(&Via::new(transport, via.sent_by(), &branch));
                }
            }
            7 => {
                while headers.count(&HeaderName::Via) > 1 {
                    headers.remove_member::<Via>(1);
                }
            }
            _ => {}
        }
    }

    fn answer(&self, request: &Request, status: u16, tag: usize) -> Response {
        let mut response = request.reply(StatusCode::new(status).expect("a status"));
        if status == 100 {
            return response;
        }
        response.set_to_tag(&Tag::new(format!("{}{tag}", self.name)).expect("a tag"));
        let headers = response.headers_mut();
        for route in request.headers().raw(&HeaderName::RecordRoute) {
            headers.push_raw(HeaderName::RecordRoute, &route);
        }
        let contact = Contact::parse(&Text::new(self.contact.as_str()).expect("a text"));
        headers.push(&contact.expect("a contact"));
        response
    }

    // ── calling ─────────────────────────────────────────────────────────────────────────────────────────────

    /// A call that is sent as often as it likes, changed in between, cancelled before or after, and acknowledged
    /// whether it was answered or not. All copies are of one transaction.
    pub(crate) fn call(
        &mut self,
        now: Instant,
        number: u32,
        to: Target,
        layer: &mut TransactionLayer,
    ) {
        let branch = layer.new_branch();
        let via = layer.via(to, &branch);
        for _ in 0..self.chance.random_range(1..4) {
            let at = self.later(now, 4000);
            let mut invite = self.request("INVITE", number);
            match self.chance.random_range(0..5) {
                0 => invite.headers_mut().set(&CSeq::new(5, Method::Invite)),
                1 => {
                    let from = invite.headers().require::<From>().expect("it has one");
                    let changed = from.with_tag(&Tag::new("changed").expect("a tag"));
                    invite.headers_mut().set(&changed);
                }
                2 => invite.set_uri("sip:group@elsewhere.example.com".parse().expect("a URI")),
                _ => {}
            }
            self.plan_sending(at, invite, &via, to);
        }
        for method in ["CANCEL", "CANCEL", "ACK", "ACK"] {
            if self.chance.random_bool(0.3) {
                let at = self.later(now, 6000);
                let request = self.request(method, number);
                self.plan_sending(at, request, &via, to);
            }
        }
    }

    fn plan_sending(&mut self, at: Instant, mut request: Request, via: &Via, to: Target) {
        request.headers_mut().push_front(via);
        self.plan(at, Act::Send(Message::Request(request), to));
    }

    fn request(&self, method: &str, number: u32) -> Request {
        let (name, contact) = (self.name, &self.contact);
        let text = format!(
            "{method} sip:group@example.com SIP/2.0\r\nMax-Forwards: 70\r\n\
             From: <sip:{name}@example.com>;tag={name}\r\nTo: <sip:group@example.com>\r\n\
             Call-ID: rogue-{name}-{number}\r\nCSeq: 1 {method}\r\nContact: {contact}\r\nContent-Length: 0\r\n\r\n"
        );
        match parse_message(text.into(), &Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => unreachable!("{other:?}"),
        }
    }
}

impl TransactionUser for Rogue {
    type Query = Infallible;
    type Answer = Infallible;

    fn handle_event(&mut self, now: Instant, event: Event, layer: &mut TransactionLayer) {
        match event {
            Event::Request { request, flow } => self.take_request(now, &request, flow, layer),
            Event::Cancelled { id, .. } if matches!(self.manner, Manner::PicksUpWhenCancelled) => {
                if let Some(invite) = layer.request(id) {
                    let ok = self.answer(&invite, 200, 0);
                    let _ = layer.respond(now, id, ok);
                }
            }
            _ => {}
        }
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
        while self.planned.front().is_some_and(|(at, _)| *at <= now) {
            match self.planned.pop_front() {
                Some((_, Act::Respond(id, response))) => {
                    let _ = layer.respond(now, id, response);
                }
                Some((_, Act::Send(message, to))) => layer.transmit(&message, to),
                None => {}
            }
        }
    }

    fn poll_query(&mut self) -> Option<(QueryId, Infallible)> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.planned.front().map(|(at, _)| *at)
    }
}
