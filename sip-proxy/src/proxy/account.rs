//! What accounting is told about a forwarded request: how it began, and how it ended.

use std::time::Duration;

use sip_core::{AddressOfRecord, Method, Request, Response, StatusClass, StatusCode, Uri};
use sip_transaction::Flow;

use crate::backend::{Accounting, AccountingEvent, Incoming, Record};

/// One request that is accounted for.
#[derive(Debug)]
pub(crate) struct Account {
    request: Request,
    flow: Flow,
    in_dialog: bool,
    requested: Duration,
    identity: Option<AddressOfRecord>,
    /// The target of each branch.
    targets: Vec<Uri>,
}

impl Account {
    pub(crate) fn new(incoming: &Incoming, identity: Option<&AddressOfRecord>) -> Account {
        Account {
            request: incoming.request.detached(),
            flow: incoming.flow,
            in_dialog: incoming.dialog.proved().is_some(),
            requested: incoming.unix_time,
            identity: identity.cloned(),
            targets: Vec::new(),
        }
    }

    /// Notes where the next branch goes.
    pub(crate) fn branch(&mut self, target: &Uri) {
        self.targets.push(target.detached());
    }

    /// The request is about to be forwarded.
    pub(crate) fn start(&self, accounting: &dyn Accounting) {
        if *self.request.method() == Method::Invite && !self.in_dialog {
            accounting.record(self.record(AccountingEvent::Start, self.requested));
        }
    }

    /// The final response, of `branch` unless it is our own, leaves.
    pub(crate) fn end(
        &self,
        accounting: &dyn Accounting,
        unix_time: Duration,
        branch: Option<usize>,
        response: &Response,
    ) {
        accounting.record(Record {
            target: branch.and_then(|branch| self.targets.get(branch)).cloned(),
            to_tag: response.to_tag(),
            ..self.outcome(unix_time, response.status())
        });
    }

    /// There is no final response.
    pub(crate) fn silence(&self, accounting: &dyn Accounting, unix_time: Duration) {
        accounting.record(self.outcome(unix_time, StatusCode::REQUEST_TIMEOUT));
    }

    fn outcome(&self, unix_time: Duration, status: StatusCode) -> Record {
        let event = match (self.request.method(), self.in_dialog, status.class()) {
            (Method::Invite, false, StatusClass::Success) => AccountingEvent::Answer,
            (Method::Bye, _, StatusClass::Success) => AccountingEvent::End,
            (_, _, StatusClass::Success) => AccountingEvent::Success,
            _ => AccountingEvent::Failure,
        };
        Record {
            status: Some(status),
            ..self.record(event, unix_time)
        }
    }

    fn record(&self, event: AccountingEvent, unix_time: Duration) -> Record {
        Record {
            event,
            unix_time,
            requested: self.requested,
            request: self.request.clone(),
            flow: self.flow,
            identity: self.identity.clone(),
            target: None,
            status: None,
            to_tag: None,
        }
    }
}
