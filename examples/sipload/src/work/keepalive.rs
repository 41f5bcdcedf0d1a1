//! Keep-alives: one small request, one answer, as many a second as one core can send.
//!
//! They leave as prepared text with a few numbers in it, and have no transaction: what a transaction would do for them
//! (RFC 3261 §17.1.2) is the little that is here.

use std::time::{Duration, Instant};

use sip_core::{Branch, HeaderName, Request, Response, Via};
use sip_transaction::Flow;

use super::{Context, Outcome, Owner, Serials, Work};
use crate::mark::Mark;
use crate::measure::tally::{KindId, Operation};
use crate::pace::Pace;
use crate::site::{Local, Site};
use crate::slots::Slots;
use crate::waits::Waits;

/// What keep-alives are like.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    pub(crate) method: Method,
    /// Final statuses that are as good as 2xx.
    pub(crate) also_good: Vec<u16>,
    /// Whether our own request may come back for an answer, as from an echo.
    pub(crate) echo: bool,
}

/// What servers are kept awake with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Method {
    Notify,
    Options,
}

/// Keep-alives of the phones of one worker, one phone after the other.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    kind: KindId,
    pace: Pace,
    style: Style,
    texts: Vec<Template>,
    pauses: Vec<Duration>,
    pending: Slots<Pending>,
    waits: Waits<(u32, u32)>,
    serials: Serials,
    next_phone: u32,
}

/// A keep-alive without its answer.
#[derive(Debug)]
struct Pending {
    serial: u32,
    phone: u32,
    sent: u8,
    operation: Operation,
}

impl KeepAlive {
    const LETTER: u8 = b'k';

    /// `pauses`: see [`pauses`](crate::pace::pauses).
    pub(crate) fn new(
        kind: KindId,
        pace: Pace,
        style: Style,
        pauses: Vec<Duration>,
        site: &Site,
    ) -> KeepAlive {
        let texts = site.locals.iter();
        KeepAlive {
            kind,
            pace,
            texts: texts
                .map(|local| Template::new(style.method, local, site))
                .collect(),
            style,
            pauses,
            pending: Slots::new(),
            waits: Waits::new(),
            serials: Serials::new(),
            next_phone: 0,
        }
    }

    fn send(&self, slot: u32, serial: u32, phone: u32, cx: &mut Context<'_>) {
        let to = cx.site.target(phone);
        let site = &*cx.site;
        let text = &self.texts[phone as usize % self.texts.len()];
        let mark = Mark {
            work: KeepAlive::LETTER,
            slot,
            serial,
            run: site.run,
        };
        cx.layer
            .transmit_printed(to, |out| text.write(site, phone, mark, out));
    }

    /// Waits for the answer for as long as is due after so many sendings.
    fn wait(&mut self, slot: u32, serial: u32, sent: u8, cx: &Context<'_>) {
        let pause = match cx.site.transport.is_reliable() {
            true => self.pauses.iter().sum(),
            false => self.pauses[usize::from(sent) - 1],
        };
        self.waits.push(cx.now, pause, (slot, serial));
    }

    fn end(&mut self, slot: u32, outcome: Outcome, cx: &mut Context<'_>) {
        let Some(pending) = self.pending.remove(slot) else {
            return;
        };
        self.pace.end();
        outcome.count(self.kind, pending.operation, cx);
    }

    /// No answer so far.
    fn handle_silence(&mut self, slot: u32, serial: u32, cx: &mut Context<'_>) {
        let reliable = cx.site.transport.is_reliable();
        let pauses = self.pauses.len();
        let Some(pending) = self.pending.get_mut(slot).filter(|p| p.serial == serial) else {
            return; // answered
        };
        if reliable || usize::from(pending.sent) == pauses {
            cx.site.forget_flow(pending.phone);
            self.serials.lose(serial);
            return self.end(slot, Outcome::Lost, cx);
        }
        pending.sent += 1;
        let Pending {
            phone,
            sent,
            operation,
            ..
        } = *pending;
        cx.tally.retransmit(self.kind, operation.measured);
        self.send(slot, serial, phone, cx);
        self.wait(slot, serial, sent, cx);
    }

    fn finish_one(&mut self, mark: Mark, status: Option<u16>, flow: Flow, cx: &mut Context<'_>) {
        let pending = self.pending.get(mark.slot);
        let Some(pending) = pending.filter(|pending| pending.serial == mark.serial) else {
            return self.serials.count_stray(mark.serial, self.kind, cx);
        };
        cx.site.note_flow(pending.phone, flow);
        let outcome = match status {
            None => Outcome::Succeeded(Duration::ZERO),
            Some(200..300) => Outcome::Succeeded(Duration::ZERO),
            Some(status) if self.style.also_good.contains(&status) => {
                Outcome::Succeeded(Duration::ZERO)
            }
            Some(status) => Outcome::Refused(status),
        };
        self.end(mark.slot, outcome, cx);
    }
}

impl Work for KeepAlive {
    fn letter(&self) -> u8 {
        KeepAlive::LETTER
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
        let Some(phone) = cx
            .site
            .choose(&mut self.next_phone, |site, phone| site.can_send(phone))
        else {
            return false;
        };
        let serial = self.serials.next();
        let operation = cx.tally.begin(self.kind, due, cx.now);
        let slot = self.pending.insert(Pending {
            serial,
            phone,
            sent: 1,
            operation,
        });
        self.send(slot, serial, phone, cx);
        self.wait(slot, serial, 1, cx);
        true
    }

    fn next_wait(&self) -> Option<Instant> {
        self.waits.next()
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        while let Some((slot, serial)) = self.waits.pop(cx.now) {
            self.handle_silence(slot, serial, cx);
        }
    }

    fn handle_response(&mut self, _: Owner, _: &Response, _: Flow, _: &mut Context<'_>) {}

    fn handle_failure(&mut self, _: Owner, _: &mut Context<'_>) {}

    fn handle_stray(&mut self, mark: Mark, response: &Response, flow: Flow, cx: &mut Context<'_>) {
        self.handle_answer(mark, response.status().as_u16(), flow, cx);
    }

    fn handle_answer(&mut self, mark: Mark, status: u16, flow: Flow, cx: &mut Context<'_>) -> bool {
        if status >= 200 {
            self.finish_one(mark, Some(status), flow, cx);
        }
        true
    }

    fn handle_request(
        &mut self,
        mark: Mark,
        _: &Request,
        flow: Flow,
        cx: &mut Context<'_>,
    ) -> bool {
        if self.style.echo {
            self.finish_one(mark, None, flow, cx);
        }
        self.style.echo
    }

    fn finish(&mut self, cx: &mut Context<'_>) {
        for pending in self.pending.values() {
            cx.tally.leave_unfinished(self.kind, pending.operation);
        }
    }
}

/// A keep-alive but for what differs from one to the next.
#[derive(Debug)]
struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(Vec<u8>),
    Name,
    Mark,
}

impl Template {
    fn new(method: Method, local: &Local, site: &Site) -> Template {
        use Piece::{Mark, Name};
        let (domain, transport) = (&site.domain, site.transport.as_str());
        let Local { shown, .. } = local;
        let (method, event) = match method {
            Method::Notify => ("NOTIFY", "Event: keep-alive\r\n"),
            Method::Options => ("OPTIONS", "Accept: application/sdp\r\n"),
        };
        let cookie = Branch::MAGIC_COOKIE;
        let text = |text: String| Piece::Text(text.into_bytes());
        Template(vec![
            text(format!(
                "{method} sip:{domain} SIP/2.0\r\n{via}: SIP/2.0/{transport} {shown};rport;branch={cookie}",
                via = HeaderName::Via,
            )),
            Mark,
            text("\r\nMax-Forwards: 70\r\nFrom: <sip:".to_owned()),
            Name,
            text(format!("@{domain}>;tag=t")),
            Mark,
            text(format!("\r\nTo: <sip:{domain}>\r\nCall-ID: ")),
            Mark,
            text(format!("\r\nCSeq: 1 {method}\r\nContact: <sip:")),
            Name,
            text(format!("@{shown}>\r\n{event}Content-Length: 0\r\n\r\n")),
        ])
    }

    fn write(&self, site: &Site, phone: u32, mark: Mark, out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Name => site.users.write_name(site.first + phone, out),
                Piece::Mark => out.extend_from_slice(&mark.print()),
            }
        }
    }
}

/// The mark in the branch on top of `via`, if it is one of ours.
pub(crate) fn mark_of(via: &Via, run: u32) -> Option<Mark> {
    let branch = via.branch()?;
    let mark = branch
        .as_bytes()
        .strip_prefix(Branch::MAGIC_COOKIE.as_bytes())?;
    Mark::read(mark).filter(|mark| mark.run == run)
}
