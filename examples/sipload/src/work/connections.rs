//! Connections that are opened, asked one thing, and held.

use std::time::{Duration, Instant};

use sip_core::{CallId, From, Method, Request, Response, StatusClass, Tag, To};
use sip_transaction::Flow;

use super::{Context, Outcome, Owner, Serials, Work};
use crate::mark::Mark;
use crate::measure::tally::{KindId, Operation};
use crate::pace::Pace;
use crate::site::Site;
use crate::slots::Slots;

/// One connection for each phone of a worker.
#[derive(Debug)]
pub(crate) struct Connections {
    kind: KindId,
    pace: Pace,
    pending: Slots<Pending>,
    serials: Serials,
    next_phone: u32,
}

#[derive(Debug)]
struct Pending {
    serial: u32,
    phone: u32,
    operation: Operation,
}

impl Connections {
    const LETTER: u8 = b'o';

    /// `pace` has a limit: the number of phones.
    pub(crate) fn new(kind: KindId, pace: Pace) -> Connections {
        Connections {
            kind,
            pace,
            pending: Slots::new(),
            serials: Serials::new(),
            next_phone: 0,
        }
    }

    fn find(&self, owner: Owner) -> Option<&Pending> {
        let pending = self.pending.get(owner.slot);
        pending.filter(|pending| pending.serial == owner.serial)
    }

    fn end(&mut self, slot: u32, outcome: Outcome, cx: &mut Context<'_>) {
        if let Some(pending) = self.pending.remove(slot) {
            self.pace.end();
            outcome.count(self.kind, pending.operation, cx);
        }
    }
}

impl Work for Connections {
    fn letter(&self) -> u8 {
        Connections::LETTER
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
        let Some(phone) = cx.site.choose(&mut self.next_phone, Site::can_send) else {
            return false;
        };
        let serial = self.serials.next();
        let operation = cx.tally.begin(self.kind, due, cx.now);
        let slot = self.pending.insert(Pending {
            serial,
            phone,
            operation,
        });
        let owner = Owner {
            letter: Connections::LETTER,
            slot,
            serial,
            measured: operation.measured,
        };
        let request = options(owner, phone, cx.site);
        let to = cx.site.target(phone);
        cx.send(owner, request, to);
        true
    }

    fn handle_response(
        &mut self,
        owner: Owner,
        response: &Response,
        flow: Flow,
        cx: &mut Context<'_>,
    ) {
        if response.status().class() == StatusClass::Provisional {
            return;
        }
        if let Some(pending) = self.find(owner) {
            cx.site.note_flow(pending.phone, flow);
            // Whatever it says, it says it by the connection.
            self.end(owner.slot, Outcome::Succeeded(Duration::ZERO), cx);
        }
    }

    fn handle_failure(&mut self, owner: Owner, cx: &mut Context<'_>) {
        if let Some(pending) = self.find(owner) {
            cx.site.forget_flow(pending.phone);
            self.serials.lose(owner.serial);
            self.end(owner.slot, Outcome::Lost, cx);
        }
    }

    fn handle_stray(&mut self, mark: Mark, _: &Response, _: Flow, cx: &mut Context<'_>) {
        self.serials.count_stray(mark.serial, self.kind, cx);
    }

    fn finish(&mut self, cx: &mut Context<'_>) {
        for pending in self.pending.values() {
            cx.tally.leave_unfinished(self.kind, pending.operation);
        }
    }
}

fn options(owner: Owner, phone: u32, site: &Site) -> Request {
    let mark = Mark {
        work: Connections::LETTER,
        slot: owner.slot,
        serial: owner.serial,
        run: site.run,
    };
    let tag = Tag::new(mark.print()).expect("letters and digits");
    let server = site.domain_uri();
    Request::builder(
        Method::Options,
        server.clone(),
        &From::new(&site.aor(phone), Some(&tag)),
        &To::new(&server, None),
        &CallId::new(mark.print()).expect("letters and digits"),
        1,
    )
    .build()
}
