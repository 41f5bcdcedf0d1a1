//! Calls with both ends here (RFC 3261 §13, §15): INVITE 407 INVITE 100 180 200 ACK BYE 200.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_core::{
    CSeq, CallId, Contact, ContentType, From, HeaderName, Method, Request, Response, StatusClass,
    StatusCode, Tag, Text, To, Uri,
};
use sip_transaction::{Flow, ServerId, Target};

use super::{Context, Outcome, Owner, Serials, Work};
use crate::mark::Mark;
use crate::measure::tally::{KindId, Operation};
use crate::pace::Pace;
use crate::phone::dialog::{Dialog, copy_record_routes};
use crate::phone::{digest, sdp};
use crate::site::Site;
use crate::slots::Slots;
use crate::waits::Waits;

/// What calls are like.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// How long the callee lets it ring.
    pub(crate) ring: Duration,
    /// How long they talk.
    pub(crate) talk: Duration,
    /// Who hangs up.
    pub(crate) bye: End,
    /// Whom to call, if not each other: somebody the server itself answers for.
    pub(crate) callee: Option<Uri>,
}

/// One end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum End {
    Caller,
    Callee,
}

/// Calls among the phones of one worker: each calls the next.
#[derive(Debug)]
pub(crate) struct Calls {
    kind: KindId,
    pace: Pace,
    style: Style,
    /// Between one 2xx and the next until the ACK (§13.3.1.4).
    pauses: Vec<Duration>,
    calls: Slots<Call>,
    waits: Waits<(u32, u32, Due)>,
    serials: Serials,
    next_phone: u32,
}

/// What a call waits for.
#[derive(Debug, Clone, Copy)]
enum Due {
    PickUp,
    HangUp,
    /// The 2xx was sent so many times, and no ACK came.
    SendAgain(usize),
}

#[derive(Debug)]
struct Call {
    serial: u32,
    caller: u32,
    operation: Operation,
    cseq: u32,
    /// The INVITE, until it is challenged or answered.
    unchallenged: Option<Box<Request>>,
    credentials: Option<(HeaderName, Text)>,
    /// The caller's side once the call is answered.
    answered: Option<Box<Answered>>,
    /// The callee's side once the INVITE came.
    incoming: Option<Incoming>,
}

#[derive(Debug)]
struct Answered {
    dialog: Dialog,
    ack: Bytes,
    ack_to: Target,
    /// What it took, pauses aside.
    latency: Duration,
}

#[derive(Debug)]
struct Incoming {
    id: ServerId,
    acknowledged: bool,
    /// If it is the callee who hangs up.
    dialog: Option<Box<Dialog>>,
}

impl Call {
    fn phone(&self, end: End, site: &Site) -> u32 {
        match end {
            End::Caller => self.caller,
            End::Callee => called_by(self.caller, site),
        }
    }
}

impl Calls {
    const LETTER: u8 = b'c';

    pub(crate) fn new(kind: KindId, pace: Pace, style: Style, pauses: Vec<Duration>) -> Calls {
        Calls {
            kind,
            pace,
            style,
            pauses,
            calls: Slots::new(),
            waits: Waits::new(),
            serials: Serials::new(),
            next_phone: 0,
        }
    }

    fn find(&mut self, slot: u32, serial: u32) -> Option<&mut Call> {
        self.calls
            .get_mut(slot)
            .filter(|call| call.serial == serial)
    }

    fn end(&mut self, slot: u32, outcome: Outcome, cx: &mut Context<'_>) {
        if let Some(call) = self.calls.remove(slot) {
            self.pace.end();
            outcome.count(self.kind, call.operation, cx);
        }
    }

    // ── The caller ──────────────────────────────────────────────────────────────────────────────────────────────

    fn invite(&mut self, owner: Owner, cx: &mut Context<'_>) {
        let callee = self.style.callee.clone();
        let Some(call) = self.find(owner.slot, owner.serial) else {
            return;
        };
        let caller = call.caller;
        let callee = callee.unwrap_or_else(|| cx.site.aor(called_by(caller, cx.site)));
        let mark = mark(owner, cx.site);
        let request = Request::builder(
            Method::Invite,
            callee.clone(),
            &local(&mark, caller, cx.site),
            &To::new(&callee, None),
            &call_id(&mark),
            call.cseq,
        )
        .header(&Contact::new(&cx.site.contact(caller)))
        .body(&ContentType::SDP, session(caller, cx.site))
        .build();
        call.unchallenged = Some(Box::new(request.clone()));
        let to = cx.site.target(caller);
        cx.send(owner, request, to);
    }

    /// The INVITE once more, with an answer to the challenge it met (§22.1): as it was, but for CSeq. True if that could
    /// be done.
    fn invite_again(&mut self, owner: Owner, challenge: &Response, cx: &mut Context<'_>) -> bool {
        let Some(call) = self.find(owner.slot, owner.serial) else {
            return false;
        };
        let Some(mut request) = call.unchallenged.take() else {
            return false;
        };
        let (caller, cnonce) = (call.caller, cx.layer.random_u64());
        let answer = cx.site.with_secret(caller, |secret| {
            digest::answer(
                challenge,
                secret,
                &Method::Invite,
                request.uri().as_text(),
                cnonce,
            )
        });
        let Some((name, credentials)) = answer else {
            return false;
        };
        call.cseq += 1;
        let headers = request.headers_mut();
        headers.set(&CSeq::new(call.cseq, Method::Invite));
        headers.push_raw(name.clone(), &credentials);
        call.credentials = Some((name, credentials));
        let to = cx.site.target(caller);
        cx.send(owner, *request, to);
        true
    }

    fn handle_invite_response(&mut self, owner: Owner, response: &Response, cx: &mut Context<'_>) {
        let status = response.status();
        match status {
            _ if status.class() == StatusClass::Provisional => {}
            _ if status.is_success() => self.handle_answer(owner, response, cx),
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
                if self.invite_again(owner, response, cx) => {}
            _ => self.end(owner.slot, Outcome::Refused(status.as_u16()), cx),
        }
    }

    /// A 2xx: acknowledges it, each time it comes (§13.2.2.4).
    fn handle_answer(&mut self, owner: Owner, response: &Response, cx: &mut Context<'_>) {
        let kind = self.kind;
        // How long the server lets it ring by itself is the server's affair.
        let ring = match self.style.callee {
            None => self.style.ring,
            Some(_) => Duration::ZERO,
        };
        let Some(call) = self.find(owner.slot, owner.serial) else {
            return;
        };
        if let Some(answered) = &call.answered {
            cx.tally.duplicate(kind, cx.now);
            return cx
                .layer
                .transmit_printed(answered.ack_to, |out| out.extend_from_slice(&answered.ack));
        }
        let mark = mark(owner, cx.site);
        let from = local(&mark, call.caller, cx.site);
        let Some(dialog) = Dialog::of(response, &call_id(&mark), &from, call.cseq) else {
            let status = response.status().as_u16();
            return self.end(owner.slot, Outcome::Refused(status), cx);
        };
        let mut ack = dialog.ack();
        if let Some((name, credentials)) = &call.credentials {
            ack.headers_mut().push_raw(name.clone(), credentials);
        }
        let to = cx.site.target_in_dialog(call.caller, dialog.next_hop());
        let branch = cx.layer.new_branch();
        ack.headers_mut().push_front(&cx.layer.via(to, &branch));
        let ack = ack.to_bytes();
        cx.layer
            .transmit_printed(to, |out| out.extend_from_slice(&ack));
        call.unchallenged = None;
        let took = cx.now.saturating_duration_since(call.operation.due);
        call.answered = Some(Box::new(Answered {
            dialog,
            ack,
            ack_to: to,
            latency: took.saturating_sub(ring),
        }));
        if self.style.bye == End::Caller {
            self.talk(owner.slot, owner.serial, cx);
        }
    }

    // ── Either of them ──────────────────────────────────────────────────────────────────────────────────────────

    fn talk(&mut self, slot: u32, serial: u32, cx: &mut Context<'_>) {
        let talk = self.style.talk;
        if talk.is_zero() {
            self.hang_up(slot, serial, cx);
        } else {
            self.waits.push(cx.now, talk, (slot, serial, Due::HangUp));
        }
    }

    fn hang_up(&mut self, slot: u32, serial: u32, cx: &mut Context<'_>) {
        let bye = self.style.bye;
        let Some(call) = self.find(slot, serial) else {
            return;
        };
        let measured = call.operation.measured;
        let phone = call.phone(bye, cx.site);
        let dialog = match bye {
            End::Caller => call.answered.as_mut().map(|answered| &mut answered.dialog),
            End::Callee => call
                .incoming
                .as_mut()
                .and_then(|it| it.dialog.as_deref_mut()),
        };
        if let Some(dialog) = dialog {
            let bye = dialog.bye();
            let to = cx.site.target_in_dialog(phone, dialog.next_hop());
            let owner = Owner {
                letter: Calls::LETTER,
                slot,
                serial,
                measured,
            };
            cx.send(owner, bye, to);
        }
    }

    fn handle_bye_response(&mut self, owner: Owner, response: &Response, cx: &mut Context<'_>) {
        let status = response.status();
        let Some(call) = self.find(owner.slot, owner.serial) else {
            return;
        };
        if status.class() == StatusClass::Provisional {
            return;
        }
        let (operation, latency) = (
            call.operation,
            call.answered.as_ref().map(|answered| answered.latency),
        );
        match latency {
            Some(latency) if status.is_success() => {
                self.calls.remove(owner.slot);
                self.pace.end();
                cx.tally.succeed(self.kind, operation, latency);
            }
            _ => self.end(owner.slot, Outcome::Refused(status.as_u16()), cx),
        }
    }

    // ── The callee ──────────────────────────────────────────────────────────────────────────────────────────────

    fn ring(&mut self, mark: Mark, request: &Request, flow: Flow, cx: &mut Context<'_>) {
        let Style { ring, bye, .. } = self.style;
        let Some(call) = self.find(mark.slot, mark.serial) else {
            return;
        };
        let Ok(id) = cx.layer.accept(cx.now, request, flow) else {
            return;
        };
        if call.incoming.is_some() {
            // The same call by another way (§8.2.2.2).
            return respond(id, request.reply(StatusCode::LOOP_DETECTED), request, cx);
        }
        let dialog = (bye == End::Callee)
            .then(|| Dialog::of_callee(request, &cx.layer.stable_tag(request)))
            .flatten();
        call.incoming = Some(Incoming {
            id,
            acknowledged: false,
            dialog: dialog.map(Box::new),
        });
        let mut ringing = request.reply(StatusCode::RINGING);
        copy_record_routes(request, &mut ringing);
        let callee = called_by(call.caller, cx.site);
        ringing
            .headers_mut()
            .push(&Contact::new(&cx.site.contact(callee)));
        respond(id, ringing, request, cx);
        if ring.is_zero() {
            self.pick_up(mark.slot, mark.serial, cx);
        } else {
            self.waits
                .push(cx.now, ring, (mark.slot, mark.serial, Due::PickUp));
        }
    }

    fn pick_up(&mut self, slot: u32, serial: u32, cx: &mut Context<'_>) {
        self.send_ok(slot, serial, cx);
        self.waits
            .push(cx.now, self.pauses[0], (slot, serial, Due::SendAgain(1)));
    }

    /// Repeats the 2xx until the ACK comes, or nobody waits any more (§13.3.1.4).
    fn send_again(&mut self, slot: u32, serial: u32, sent: usize, cx: &mut Context<'_>) {
        let acknowledged = |call: &mut Call| {
            call.incoming
                .as_ref()
                .is_none_or(|incoming| incoming.acknowledged)
        };
        if self.find(slot, serial).is_none_or(acknowledged) {
            return;
        }
        if let Some(pause) = self.pauses.get(sent).copied() {
            self.send_ok(slot, serial, cx);
            self.waits
                .push(cx.now, pause, (slot, serial, Due::SendAgain(sent + 1)));
        }
    }

    fn send_ok(&mut self, slot: u32, serial: u32, cx: &mut Context<'_>) {
        let Some(call) = self.find(slot, serial) else {
            return;
        };
        let Some(id) = call.incoming.as_ref().map(|incoming| incoming.id) else {
            return;
        };
        let Some(request) = cx.layer.request(id) else {
            return;
        };
        let callee = called_by(call.caller, cx.site);
        let mut ok = request.reply(StatusCode::OK);
        copy_record_routes(&request, &mut ok);
        ok.headers_mut()
            .push(&Contact::new(&cx.site.contact(callee)));
        ok.set_body(&ContentType::SDP, session(callee, cx.site));
        respond(id, ok, &request, cx);
    }
}

impl Work for Calls {
    fn letter(&self) -> u8 {
        Calls::LETTER
    }

    fn kind(&self) -> KindId {
        self.kind
    }

    fn pace(&self) -> &Pace {
        &self.pace
    }

    fn pace_mut(&mut self) -> &mut Pace {
        &mut self.pace
    }

    fn begin(&mut self, due: Instant, cx: &mut Context<'_>) -> bool {
        let Some(caller) = cx.site.choose(&mut self.next_phone, Site::can_send) else {
            return false;
        };
        let serial = self.serials.next();
        let operation = cx.tally.begin(self.kind, due, cx.now);
        let slot = self.calls.insert(Call {
            serial,
            caller,
            operation,
            cseq: 1,
            unchallenged: None,
            credentials: None,
            answered: None,
            incoming: None,
        });
        let owner = Owner {
            letter: Calls::LETTER,
            slot,
            serial,
            measured: operation.measured,
        };
        self.invite(owner, cx);
        true
    }

    fn next_wait(&self) -> Option<Instant> {
        self.waits.next()
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        while let Some((slot, serial, due)) = self.waits.pop(cx.now) {
            match due {
                Due::PickUp => self.pick_up(slot, serial, cx),
                Due::HangUp => self.hang_up(slot, serial, cx),
                Due::SendAgain(sent) => self.send_again(slot, serial, sent, cx),
            }
        }
    }

    fn handle_response(
        &mut self,
        owner: Owner,
        response: &Response,
        flow: Flow,
        cx: &mut Context<'_>,
    ) {
        let bye = self.style.bye;
        let Some(call) = self.find(owner.slot, owner.serial) else {
            return;
        };
        let cseq = response.headers().require::<CSeq>();
        let is_invite = cseq.is_ok_and(|cseq| cseq.method() == Method::Invite);
        let end = if is_invite { End::Caller } else { bye };
        if flow.remote == cx.site.server {
            cx.site.note_flow(call.phone(end, cx.site), flow);
        }
        match is_invite {
            true => self.handle_invite_response(owner, response, cx),
            false => self.handle_bye_response(owner, response, cx),
        }
    }

    fn handle_failure(&mut self, owner: Owner, cx: &mut Context<'_>) {
        if let Some(call) = self.find(owner.slot, owner.serial) {
            cx.site.forget_flow(call.caller);
            self.serials.lose(owner.serial);
            self.end(owner.slot, Outcome::Lost, cx);
        }
    }

    fn handle_stray(&mut self, mark: Mark, response: &Response, _: Flow, cx: &mut Context<'_>) {
        if response.status().is_final() {
            self.serials.count_stray(mark.serial, self.kind, cx);
        }
    }

    fn handle_request(
        &mut self,
        mark: Mark,
        request: &Request,
        flow: Flow,
        cx: &mut Context<'_>,
    ) -> bool {
        let method = request.method();
        if *method == Method::Bye {
            // A call that ended here already is ended all the same.
            if let Ok(id) = cx.layer.accept(cx.now, request, flow) {
                respond(id, request.reply(StatusCode::OK), request, cx);
            }
            return true;
        }
        let bye = self.style.bye;
        let Some(call) = self.find(mark.slot, mark.serial) else {
            return false;
        };
        match (method, &mut call.incoming) {
            (Method::Invite, _) => self.ring(mark, request, flow, cx),
            (Method::Ack, Some(incoming)) => {
                let again = std::mem::replace(&mut incoming.acknowledged, true);
                if bye == End::Callee && !again {
                    self.talk(mark.slot, mark.serial, cx);
                }
            }
            _ => return false,
        }
        true
    }

    fn finish(&mut self, cx: &mut Context<'_>) {
        for call in self.calls.values() {
            cx.tally.leave_unfinished(self.kind, call.operation);
        }
    }
}

/// Each phone calls the next.
fn called_by(caller: u32, site: &Site) -> u32 {
    (caller + 1) % site.len()
}

fn mark(owner: Owner, site: &Site) -> Mark {
    Mark {
        work: Calls::LETTER,
        slot: owner.slot,
        serial: owner.serial,
        run: site.run,
    }
}

fn local(mark: &Mark, caller: u32, site: &Site) -> From {
    let tag = Tag::new(mark.print()).expect("letters and digits");
    From::new(&site.aor(caller), Some(&tag))
}

fn call_id(mark: &Mark) -> CallId {
    CallId::new(mark.print()).expect("letters and digits")
}

/// What a phone sends and expects to hear.
fn session(phone: u32, site: &Site) -> Bytes {
    let local = site.local(phone);
    let ip = local.shown.host.ip().unwrap_or(local.addr.ip());
    let port = 16_384 + 2 * (phone % 20_000) as u16;
    sdp::audio(ip, port, site.first + phone)
}

fn respond(id: ServerId, mut response: Response, request: &Request, cx: &mut Context<'_>) {
    response.set_to_tag(&cx.layer.stable_tag(request));
    // One that is refused came too late: the call is cancelled.
    let _ = cx.layer.respond(cx.now, id, response);
}
