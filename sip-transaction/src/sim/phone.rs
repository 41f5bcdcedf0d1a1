//! A phone for tests: a user agent that does what the test tells it (RFC 3261 §12, §13, §15).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_core::{
    CSeq, Contact, Header, HeaderName, Headers, Limits, Message, Method, RecordRoute, Request,
    Response, StatusCode, Text, Transport, Uri, parse_message,
};

use super::hand::Hand;
use super::{panic_about, seconds};
use crate::boundary::{ClientId, Event, ServerId, Target};
use crate::layer::TransactionLayer;
use crate::server::RespondError;
use crate::timer::Timers;
use crate::user::{QueryId, TransactionUser};

/// A user agent. It answers by a script, acknowledges what it is answered, and repeats its 2xx until they are
/// acknowledged; it remembers what it heard.
#[derive(Debug)]
pub struct Phone {
    name: String,
    address: SocketAddr,
    transport: Transport,
    proxy: Option<SocketAddr>,
    /// What is sent to an INVITE, and to anything else, and when.
    answers: [Vec<(Duration, StatusCode)>; 2],
    timers: Timers,
    heard: Vec<String>,
    accepted: Vec<ServerId>,
    planned: Vec<Planned>,
    calls: Vec<Call>,
    dialogs: Vec<Dialog>,
    requests: u32,
    challenges: Challenges,
}

/// What a phone does about a 401 or a 407, if it knows how, and the requests that may still get one.
#[derive(Default)]
struct Challenges {
    answer: Option<Box<AnswerChallenge>>,
    open: Vec<Call>,
}

/// Adds credentials to a request for the challenge it got; says whether there were any to add.
type AnswerChallenge = dyn Fn(&mut Request, &Response) -> bool;

impl std::fmt::Debug for Challenges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.open).finish()
    }
}

#[derive(Debug)]
struct Planned {
    at: Instant,
    id: ServerId,
    response: Response,
    /// The pause before it is sent again; a 2xx to INVITE until its ACK (§13.3.1.4).
    again: Option<Duration>,
}

/// An INVITE sent, and not yet answered; of challenges, any request.
#[derive(Debug)]
struct Call {
    id: ClientId,
    invite: Request,
    to: Target,
}

/// What an answered INVITE leaves behind (§12.1.2).
#[derive(Debug)]
struct Dialog {
    call_id: Text,
    from: Text,
    to: Text,
    remote: String,
    routes: Vec<Text>,
    next_hop: Target,
    cseq: u32,
    /// Every 2xx gets one (§13.2.2.4).
    ack: Option<Request>,
}

impl Phone {
    pub(crate) fn new(
        name: &str,
        address: SocketAddr,
        transport: Transport,
        timers: Timers,
    ) -> Phone {
        Phone {
            name: name.to_owned(),
            address,
            transport,
            proxy: None,
            answers: [Vec::new(), vec![(Duration::ZERO, StatusCode::OK)]],
            timers,
            heard: Vec::new(),
            accepted: Vec::new(),
            planned: Vec::new(),
            calls: Vec::new(),
            dialogs: Vec::new(),
            requests: 0,
            challenges: Challenges::default(),
        }
    }

    fn contact(&self) -> String {
        let (name, address) = (&self.name, self.address);
        format!(
            "<sip:{name}@{address};transport={}>",
            self.transport.uri_param()
        )
    }

    /// A request outside any dialog (§8.1.1), its Via still missing.
    fn new_request(&mut self, method: &Method, uri: &str) -> Request {
        self.requests += 1;
        let (name, n, contact) = (&self.name, self.requests, self.contact());
        request(&format!(
            "{method} {uri} SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:{name}@example.com>;tag={name}-{n}\r\n\
             To: <{uri}>\r\nCall-ID: {name}-call-{n}\r\nCSeq: {n} {method}\r\nContact: {contact}\r\n\
             Content-Length: 0\r\n\r\n"
        ))
    }

    fn hear(&mut self, what: impl Into<String>) {
        self.heard.push(what.into());
    }

    // ── called ──────────────────────────────────────────────────────────────────────────────────────────────

    fn take_request(
        &mut self,
        now: Instant,
        request: Request,
        to: Target,
        layer: &mut TransactionLayer,
    ) {
        let Target::Flow(flow) = to else { return };
        self.hear(request.method().to_string());
        if *request.method() == Method::Ack {
            let acknowledged = call_id(&request);
            let repeated = |planned: &Planned| planned.again.is_some();
            self.planned.retain(|planned| {
                !(repeated(planned)
                    && raw(planned.response.headers(), &HeaderName::CallId) == acknowledged)
            });
            return;
        }
        let Ok(id) = layer.accept(now, &request, flow) else {
            return layer.reply(flow, &request.reply(StatusCode::SERVICE_UNAVAILABLE));
        };
        self.accepted.push(id);
        let script = match request.method() {
            Method::Invite => self.answers[0].clone(),
            Method::Cancel => vec![(
                Duration::ZERO,
                StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
            )],
            _ => self.answers[1].clone(),
        };
        for (after, status) in script {
            let response = self.answer(&request, status, layer);
            let answered = *request.method() == Method::Invite && status.is_success();
            if answered {
                self.dialogs
                    .push(Dialog::of_callee(&request, &response, to));
            }
            self.planned.push(Planned {
                at: now + after,
                id,
                response,
                again: answered.then_some(self.timers.t1),
            });
        }
    }

    fn answer(&self, request: &Request, status: StatusCode, layer: &TransactionLayer) -> Response {
        let mut response = request.reply(status);
        if status == StatusCode::TRYING {
            return response;
        }
        response.set_to_tag(&layer.stable_tag(request));
        if *request.method() == Method::Invite && (status.is_provisional() || status.is_success()) {
            for route in request.headers().raw(&HeaderName::RecordRoute) {
                response
                    .headers_mut()
                    .push_raw(HeaderName::RecordRoute, &route);
            }
            response
                .headers_mut()
                .push_raw(HeaderName::Contact, &text(&self.contact()));
        }
        response
    }

    fn send_planned(&mut self, now: Instant, layer: &mut TransactionLayer) {
        let mut due: Vec<Planned> = self
            .planned
            .extract_if(.., |planned| planned.at <= now)
            .collect();
        due.sort_by_key(|planned| planned.at);
        for planned in due {
            // Too late when it was cancelled, or the transaction has ended.
            let sent = layer.respond(now, planned.id, planned.response.clone());
            if let (Ok(()), Some(pause)) = (sent, planned.again) {
                self.planned.push(Planned {
                    at: now + pause,
                    again: Some((pause * 2).min(self.timers.t2)),
                    ..planned
                });
            }
        }
    }

    // ── calling ─────────────────────────────────────────────────────────────────────────────────────────────

    fn take_response(
        &mut self,
        now: Instant,
        id: ClientId,
        response: &Response,
        layer: &mut TransactionLayer,
    ) {
        self.hear(super::ladder::name_of(&Message::Response(response.clone())));
        if self.answers_challenge(now, id, response, layer) {
            return;
        }
        let Some(call) = self.calls.iter().position(|call| call.id == id) else {
            return;
        };
        if response.status().is_provisional() {
            return;
        }
        if !response.status().is_success() {
            self.calls.remove(call);
            return;
        }
        let to = raw(response.headers(), &HeaderName::To);
        let known = self.dialogs.iter().position(|dialog| dialog.to == to);
        let dialog = known.unwrap_or_else(|| {
            self.dialogs
                .push(Dialog::of_caller(&self.calls[call], response));
            self.dialogs.len() - 1
        });
        self.dialogs[dialog].acknowledge(layer);
    }
}

impl Phone {
    /// Sends a request again, with credentials (§22.2: the next CSeq, and all else as it was).
    fn answers_challenge(
        &mut self,
        now: Instant,
        id: ClientId,
        response: &Response,
        layer: &mut TransactionLayer,
    ) -> bool {
        if response.status().is_provisional() {
            return false;
        }
        let open = &mut self.challenges.open;
        let Some(at) = open.iter().position(|asked| asked.id == id) else {
            return false;
        };
        let Call { mut invite, to, .. } = open.swap_remove(at);
        let challenged = matches!(response.status().as_u16(), 401 | 407);
        let answer = self.challenges.answer.as_ref().filter(|_| challenged);
        if !answer.is_some_and(|answer| answer(&mut invite, response)) {
            return false;
        }
        let method = invite.method().clone();
        let next = CSeq::new(cseq(&invite) + 1, method.clone());
        invite.headers_mut().set(&next);
        let again = layer.send_request(now, invite.clone(), to);
        self.calls.retain(|call| call.id != id);
        if method == Method::Invite {
            self.calls.push(Call {
                id: again,
                invite,
                to,
            });
        }
        true
    }
}

impl TransactionUser for Phone {
    type Query = std::convert::Infallible;
    type Answer = std::convert::Infallible;

    fn handle_event(&mut self, now: Instant, event: Event, layer: &mut TransactionLayer) {
        match event {
            Event::Request { request, flow } => {
                self.take_request(now, request, Target::Flow(flow), layer);
            }
            Event::Cancelled { id, .. } => {
                self.hear("CANCEL");
                self.planned.retain(|planned| planned.id != id);
                let Some(request) = layer.request(id) else {
                    return;
                };
                let terminated = self.answer(&request, StatusCode::REQUEST_TERMINATED, layer);
                let _ = layer.respond(now, id, terminated);
            }
            Event::Response { id, response, .. } => self.take_response(now, id, &response, layer),
            Event::StrayResponse { response, .. } => {
                let what = super::ladder::name_of(&Message::Response(response));
                self.hear(format!("stray {what}"));
            }
            Event::Timeout { .. } => self.hear("timeout"),
            Event::TransportFailure { .. } => self.hear("transport failure"),
            Event::ServerFailed { .. } => self.hear("failed"),
            Event::Ended { id } => {
                self.planned.retain(|planned| planned.id != id);
            }
            Event::ClientEnded { id } => {
                self.calls.retain(|call| call.id != id);
                self.challenges.open.retain(|asked| asked.id != id);
            }
        }
    }

    fn handle_answer(
        &mut self,
        _: Instant,
        _: QueryId,
        answer: Self::Answer,
        _: &mut TransactionLayer,
    ) {
        match answer {}
    }

    fn handle_timeout(&mut self, now: Instant, layer: &mut TransactionLayer) {
        self.send_planned(now, layer);
    }

    fn poll_query(&mut self) -> Option<(QueryId, Self::Query)> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.planned.iter().map(|planned| planned.at).min()
    }
}

impl Dialog {
    fn of_caller(call: &Call, ok: &Response) -> Dialog {
        let mut routes: Vec<Text> = routes_of(ok.headers());
        routes.reverse();
        Dialog::new(
            (
                call_id(&call.invite),
                raw(call.invite.headers(), &HeaderName::From),
            ),
            raw(ok.headers(), &HeaderName::To),
            ok.headers()
                .require::<Contact>()
                .ok()
                .and_then(|contact| contact.uri()),
            (routes, call.to),
            cseq(&call.invite),
        )
    }

    fn of_callee(invite: &Request, ok: &Response, back: Target) -> Dialog {
        Dialog::new(
            (call_id(invite), raw(ok.headers(), &HeaderName::To)),
            raw(invite.headers(), &HeaderName::From),
            invite
                .headers()
                .require::<Contact>()
                .ok()
                .and_then(|contact| contact.uri()),
            (routes_of(invite.headers()), back),
            cseq(invite),
        )
    }

    fn new(
        (call_id, from): (Text, Text),
        to: Text,
        remote: Option<Uri>,
        (routes, fallback): (Vec<Text>, Target),
        cseq: u32,
    ) -> Dialog {
        let remote = remote.map_or_else(|| text("sip:nobody.invalid"), |uri| uri.as_text().clone());
        let first = routes
            .first()
            .and_then(|route| RecordRoute::parse(route).ok());
        let next = first.map_or_else(|| Uri::parse(&remote).ok(), |route| Some(route.uri()));
        let address = next.as_ref().and_then(address_of);
        let next_hop = address.map_or(fallback, |to| Target::address(fallback.transport(), to));
        let mut dialog = Dialog {
            call_id,
            from,
            to,
            remote: remote.to_string(),
            routes,
            next_hop,
            cseq,
            ack: None,
        };
        dialog.ack = Some(dialog.request(&Method::Ack));
        dialog
    }

    /// A request within the dialog (§12.2.1.1), its Via still missing.
    fn request(&self, method: &Method) -> Request {
        let Dialog {
            call_id,
            from,
            to,
            remote,
            cseq,
            ..
        } = self;
        let routes: String = self
            .routes
            .iter()
            .map(|route| format!("Route: {route}\r\n"))
            .collect();
        request(&format!(
            "{method} {remote} SIP/2.0\r\nMax-Forwards: 70\r\n{routes}From: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
        ))
    }

    fn acknowledge(&self, layer: &mut TransactionLayer) {
        let Some(mut ack) = self.ack.clone() else {
            return;
        };
        let branch = layer.new_branch();
        let via = layer.via(self.next_hop, &branch);
        ack.headers_mut().push_front(&via);
        layer.transmit(&Message::Request(ack), self.next_hop);
    }
}

fn address_of(uri: &Uri) -> Option<SocketAddr> {
    let uri = uri.as_sip()?;
    Some(SocketAddr::new(
        uri.host().ip()?,
        uri.port().unwrap_or(5060),
    ))
}

fn routes_of(headers: &Headers) -> Vec<Text> {
    let routes = headers.all::<RecordRoute>().filter_map(Result::ok);
    routes.map(|route| route.as_text()).collect()
}

fn raw(headers: &Headers, name: &HeaderName) -> Text {
    headers.raw(name).next().unwrap_or_default()
}

fn call_id(request: &Request) -> Text {
    raw(request.headers(), &HeaderName::CallId)
}

fn cseq(request: &Request) -> u32 {
    request
        .headers()
        .require::<CSeq>()
        .map_or(1, |cseq| cseq.number())
}

fn text(value: &str) -> Text {
    Text::new(value).unwrap_or_default()
}

fn request(text: &str) -> Request {
    match parse_message(Bytes::copy_from_slice(text.as_bytes()), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        _ => panic_about(format_args!("no request: {text}")),
    }
}

/// What a test has a phone do.
impl Hand<'_, Phone> {
    /// Answers every INVITE from now on with these statuses, each so many seconds after the INVITE.
    ///
    /// # Panics
    /// If there is no such status.
    pub fn answers(&mut self, script: &[(f64, u16)]) {
        let script = script_of(script);
        self.act(|_, phone, _| phone.answers[0] = script);
    }

    /// The same for all other requests, which it otherwise answers with 200 at once.
    ///
    /// # Panics
    /// If there is no such status.
    pub fn answers_others(&mut self, script: &[(f64, u16)]) {
        let script = script_of(script);
        self.act(|_, phone, _| phone.answers[1] = script);
    }

    /// Sends every request outside a dialog to the peer of that name.
    pub fn through(&mut self, proxy: &str) {
        let proxy = self.sim.address_of(proxy);
        self.act(|_, phone, _| phone.proxy = proxy);
    }

    /// Answers a 401 or a 407 once, with the credentials `answer` adds to the request for that challenge; it says
    /// whether it had any.
    pub fn answers_challenges(
        &mut self,
        answer: impl Fn(&mut Request, &Response) -> bool + 'static,
    ) {
        self.act(|_, phone, _| phone.challenges.answer = Some(Box::new(answer)));
    }

    /// Calls `uri`. Without a proxy the call goes to the peer its user part names, or the address it holds.
    ///
    /// # Panics
    /// If no peer can be found behind `uri`.
    pub fn invite(&mut self, uri: &str) -> ClientId {
        self.request(Method::Invite, uri)
    }

    /// Sends a request outside a dialog.
    ///
    /// # Panics
    /// As [`invite`](Hand::invite).
    pub fn request(&mut self, method: Method, uri: &str) -> ClientId {
        let parsed = Uri::parse(&text(uri)).ok();
        let named = parsed.as_ref().and_then(|uri| {
            let user = uri.as_sip()?.user()?;
            self.sim.address_of(std::str::from_utf8(user).ok()?)
        });
        let direct = named.or_else(|| parsed.as_ref().and_then(address_of));
        self.act(|now, phone, layer| {
            let Some(remote) = phone.proxy.or(direct) else {
                panic_about(format_args!("nobody is known behind {uri}"))
            };
            let request = phone.new_request(&method, uri);
            let to = Target::address(phone.transport, remote);
            let id = layer.send_request(now, request.clone(), to);
            if phone.challenges.answer.is_some() {
                phone.challenges.open.push(Call {
                    id,
                    invite: request.clone(),
                    to,
                });
            }
            if method == Method::Invite {
                phone.calls.push(Call {
                    id,
                    invite: request,
                    to,
                });
            }
            id
        })
    }

    /// Cancels the last call that is not answered.
    pub fn cancel(&mut self) {
        self.act(|now, phone, layer| {
            if let Some(call) = phone.calls.last() {
                let _ = layer.cancel(now, call.id);
            }
        });
    }

    /// Answers the request that came last, now.
    ///
    /// # Errors
    /// As [`TransactionLayer::respond`]; [`RespondError::Unknown`] as well if none came.
    ///
    /// # Panics
    /// If there is no such status.
    pub fn respond(&mut self, status: u16) -> Result<(), RespondError> {
        let status = status_of(status);
        self.act(|now, phone, layer| {
            let id = *phone.accepted.last().ok_or(RespondError::Unknown)?;
            let request = layer.request(id).ok_or(RespondError::Unknown)?;
            let response = phone.answer(&request, status, layer);
            layer.respond(now, id, response)
        })
    }

    /// Ends the last call that was answered.
    pub fn bye(&mut self) {
        self.act(|now, phone, layer| {
            if let Some(mut dialog) = phone.dialogs.pop() {
                dialog.cseq += 1;
                let bye = dialog.request(&Method::Bye);
                layer.send_request(now, bye, dialog.next_hop);
            }
        });
    }

    /// What its user was told, in order: `INVITE`, `180 INVITE`, `timeout`.
    #[must_use]
    pub fn heard(&self) -> &[String] {
        &self.user().heard
    }
}

fn script_of(script: &[(f64, u16)]) -> Vec<(Duration, StatusCode)> {
    let entry = |(after, status): &(f64, u16)| (seconds(*after), status_of(*status));
    script.iter().map(entry).collect()
}

fn status_of(status: u16) -> StatusCode {
    let known = StatusCode::new(status);
    known.unwrap_or_else(|| panic_about(format_args!("no status {status}")))
}
