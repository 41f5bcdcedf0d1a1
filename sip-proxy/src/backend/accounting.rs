//! Accounting: what became of the requests that count.

use std::time::Duration;

use sip_core::{AddressOfRecord, Request, StatusCode, Tag, Uri};
use sip_transaction::Flow;

/// Takes what is to be recorded. One [`Relay`](crate::Relay) asks for it with [`accounted`](crate::Relay::accounted).
pub trait Accounting: Send + Sync + 'static {
    /// Records `record`. It is called in the middle of signalling, so it must not wait: put it into a bounded queue.
    fn record(&self, record: Record);
}

/// One event in the life of a call, or of another request.
#[derive(Debug, Clone)]
pub struct Record {
    /// What happened.
    pub event: AccountingEvent,
    /// When, since the Unix epoch.
    pub unix_time: Duration,
    /// When the request came, since the Unix epoch.
    pub requested: Duration,
    /// The request as the router saw it, with bytes of its own.
    pub request: Request,
    /// Where it came from.
    pub flow: Flow,
    /// Who sent it, if that was proved.
    pub identity: Option<AddressOfRecord>,
    /// The Request-URI it was forwarded with, of the branch that won.
    pub target: Option<Uri>,
    /// The final response; `None` for a start.
    pub status: Option<StatusCode>,
    /// The To tag of the final response.
    pub to_tag: Option<Tag>,
}

/// What a [`Record`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountingEvent {
    /// An INVITE outside a dialog is being forwarded.
    Start,
    /// It was answered with a 2xx.
    Answer,
    /// A BYE was answered.
    End,
    /// The request failed: its final response is 300 or above.
    Failure,
    /// Any other request was answered with a 2xx.
    Success,
}
