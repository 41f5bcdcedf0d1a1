//! Registrations and their refreshes: REGISTER 401 REGISTER 200 (RFC 3261 §10.2, §22.2).

use std::time::{Duration, Instant};

use sip_core::{
    CallId, Expires, From, HeaderName, Method, Request, Response, StatusClass, StatusCode, Tag,
    Text, To,
};
use sip_transaction::Flow;

use super::{Context, Outcome, Owner, Serials, Work};
use crate::mark::Mark;
use crate::measure::tally::{KindId, Operation, Prepared};
use crate::pace::Pace;
use crate::phone::digest::Session;
use crate::site::Site;
use crate::slots::Slots;

/// Refusals of all who ask, until nobody believes any more that the passwords are right.
const ENOUGH_REFUSED: u64 = 100;

/// Registrations of the phones of one worker, one phone after the other.
#[derive(Debug)]
pub(crate) struct Register {
    letter: u8,
    kind: KindId,
    pace: Pace,
    expires: u32,
    /// A phone answers its last challenge before it hears another.
    reuse_nonce: bool,
    pending: Slots<Pending>,
    serials: Serials,
    next_phone: u32,
    so_far: Prepared,
}

#[derive(Debug)]
struct Pending {
    serial: u32,
    phone: u32,
    challenged: bool,
    operation: Operation,
}

impl Register {
    pub(crate) fn new(
        letter: u8,
        kind: KindId,
        pace: Pace,
        expires: Duration,
        reuse_nonce: bool,
    ) -> Register {
        Register {
            letter,
            kind,
            pace,
            expires: u32::try_from(expires.as_secs()).unwrap_or(u32::MAX),
            reuse_nonce,
            pending: Slots::new(),
            serials: Serials::new(),
            next_phone: 0,
            so_far: Prepared::default(),
        }
    }

    fn send(
        &self,
        owner: Owner,
        phone: u32,
        credentials: Option<(HeaderName, Text)>,
        cx: &mut Context<'_>,
    ) {
        let request = self.request(owner, phone, credentials, cx.site);
        let to = cx.site.target(phone);
        cx.send(owner, request, to);
    }

    /// The answer to `fresh`, or else to the challenge the phone answered last.
    fn answer(
        &self,
        phone: u32,
        fresh: Option<Session>,
        cx: &mut Context<'_>,
    ) -> Option<(HeaderName, Text)> {
        let known = cx.site.sessions.remove(&phone);
        let mut session = fresh.or(known)?;
        let (cnonce, uri) = (cx.layer.random_u64(), cx.site.domain_uri());
        let answer = cx.site.with_secret(phone, |secret| {
            session.answer(secret, &Method::Register, uri.as_text(), cnonce)
        });
        if self.reuse_nonce {
            cx.site.sessions.insert(phone, session.detached());
        }
        answer
    }

    /// §10.2: the same Call-ID for all of a phone, and CSeq one higher each time.
    fn request(
        &self,
        owner: Owner,
        phone: u32,
        credentials: Option<(HeaderName, Text)>,
        site: &mut Site,
    ) -> Request {
        let cseq = &mut site.phones[phone as usize].cseq;
        *cseq += 1;
        let cseq = *cseq;
        let aor = site.aor(phone);
        let mark = Mark {
            work: self.letter,
            slot: owner.slot,
            serial: owner.serial,
            run: site.run,
        };
        let tag = Tag::new(mark.print()).expect("letters and digits");
        let call_id = format!("r{:08x}{:08x}", site.first + phone, site.run);
        let mut request = Request::builder(
            Method::Register,
            site.domain_uri(),
            &From::new(&aor, Some(&tag)),
            &To::new(&aor, None),
            &CallId::new(call_id).expect("letters and digits"),
            cseq,
        )
        .header(&site.registered_contact(phone))
        .header(&Expires(self.expires))
        .build();
        if let Some((name, credentials)) = credentials {
            request.headers_mut().push_raw(name, &credentials);
        }
        request
    }

    fn end(&mut self, slot: u32, outcome: Outcome, cx: &mut Context<'_>) {
        let Some(pending) = self.pending.remove(slot) else {
            return;
        };
        match outcome {
            Outcome::Succeeded(_) => self.so_far.succeeded += 1,
            Outcome::Lost => self.so_far.lost += 1,
            Outcome::Refused(status) => {
                let before = self.so_far.refused.map_or(0, |(count, _)| count);
                self.so_far.refused = Some((before + 1, status));
            }
        }
        self.pace.end();
        cx.site.phones[pending.phone as usize].registering = false;
        outcome.count(self.kind, pending.operation, cx);
    }
}

impl Work for Register {
    fn letter(&self) -> u8 {
        self.letter
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
        let free =
            |site: &Site, phone| !site.phones[phone as usize].registering && site.can_send(phone);
        let Some(phone) = cx.site.choose(&mut self.next_phone, free) else {
            return false;
        };
        cx.site.phones[phone as usize].registering = true;
        let serial = self.serials.next();
        let operation = cx.tally.begin(self.kind, due, cx.now);
        let slot = self.pending.insert(Pending {
            serial,
            phone,
            challenged: false,
            operation,
        });
        let owner = Owner {
            letter: self.letter,
            slot,
            serial,
            measured: operation.measured,
        };
        let credentials = self.answer(phone, None, cx);
        self.send(owner, phone, credentials, cx);
        true
    }

    fn handle_response(
        &mut self,
        owner: Owner,
        response: &Response,
        flow: Flow,
        cx: &mut Context<'_>,
    ) {
        let pending = self.pending.get_mut(owner.slot);
        let Some(pending) = pending.filter(|pending| pending.serial == owner.serial) else {
            return;
        };
        let phone = pending.phone;
        cx.site.note_flow(phone, flow);
        let status = response.status();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
                if !pending.challenged =>
            {
                pending.challenged = true;
                let answer = self.answer(phone, Session::of(response), cx);
                match answer {
                    None => self.end(owner.slot, Outcome::Refused(status.as_u16()), cx),
                    answer => self.send(owner, phone, answer, cx),
                }
            }
            _ if status.class() == StatusClass::Provisional => {}
            _ if status.is_success() => {
                self.end(owner.slot, Outcome::Succeeded(Duration::ZERO), cx)
            }
            _ => self.end(owner.slot, Outcome::Refused(status.as_u16()), cx),
        }
    }

    fn handle_failure(&mut self, owner: Owner, cx: &mut Context<'_>) {
        let pending = self.pending.get(owner.slot);
        if let Some(pending) = pending.filter(|pending| pending.serial == owner.serial) {
            cx.site.forget_flow(pending.phone);
            self.serials.lose(owner.serial);
            self.end(owner.slot, Outcome::Lost, cx);
        }
    }

    fn handle_stray(&mut self, mark: Mark, response: &Response, _: Flow, cx: &mut Context<'_>) {
        if response.status().is_final() {
            self.serials.count_stray(mark.serial, self.kind, cx);
        }
    }

    fn finish(&mut self, cx: &mut Context<'_>) {
        for pending in self.pending.values() {
            cx.tally.leave_unfinished(self.kind, pending.operation);
        }
    }

    fn prepared(&self) -> Option<Prepared> {
        let over = self.pace.is_exhausted() && self.pace.pending() == 0;
        over.then_some(self.so_far)
    }

    fn registrations(&self) -> u64 {
        self.so_far.succeeded
    }

    fn complaint(&self) -> Option<String> {
        let (refused, status) = self.so_far.refused?;
        let enough = self
            .pace
            .limit()
            .map_or(ENOUGH_REFUSED, |limit| limit.min(ENOUGH_REFUSED));
        (self.so_far.succeeded == 0 && refused >= enough).then(|| {
            format!(
                "the server refuses every registration with {status}{}",
                hint(status)
            )
        })
    }
}

/// What a refusal most likely means.
pub(crate) fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 | 407 => "; are --password and --domain what it expects?",
        404 | 484 | 604 => "; does it know these users and this domain (--user, --domain)?",
        _ => "",
    }
}
