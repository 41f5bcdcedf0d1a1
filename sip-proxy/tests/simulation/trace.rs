//! A run as its messages, read again: who sent what on which branch, and when its copies arrived.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sip_core::{CSeq, CallId, Limits, Message, Method, To, Via, parse_message};
use sip_transaction::sim::Sim;

/// One message.
pub(crate) struct Sent {
    pub(crate) at: Duration,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) arrivals: Vec<Duration>,
    pub(crate) payload: Bytes,
    pub(crate) kind: Kind,
    /// The method in CSeq.
    pub(crate) method: Method,
    /// The branch of the topmost Via, and of the one below it.
    pub(crate) branch: String,
    pub(crate) below: Option<String>,
    pub(crate) call_id: String,
    pub(crate) to_tag: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Request,
    Response(u16),
}

impl Sent {
    /// As a ladder calls it.
    pub(crate) fn name(&self) -> String {
        match self.kind {
            Kind::Request => self.method.to_string(),
            Kind::Response(status) => format!("{status} {}", self.method),
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self.kind {
            Kind::Request => None,
            Kind::Response(status) => Some(status),
        }
    }

    pub(crate) fn is(&self, method: &Method) -> bool {
        self.kind == Kind::Request && self.method == *method
    }
}

/// All that were sent; those without a CSeq or a branch concern no transaction.
pub(crate) fn read(sim: &Sim) -> Vec<Sent> {
    let packets = sim.sent().iter();
    let read = packets.filter_map(|packet| {
        let message = parse_message(packet.payload.clone(), &Limits::default()).ok()?;
        let headers = message.headers();
        let mut branches = headers
            .all::<Via>()
            .map(|via| Some(via.ok()?.branch()?.to_string()));
        let (kind, method) = match &message {
            Message::Request(request) => (Kind::Request, request.method().clone()),
            Message::Response(response) => (
                Kind::Response(response.status().as_u16()),
                headers.require::<CSeq>().ok()?.method(),
            ),
        };
        let to_tag = headers.require::<To>().ok().and_then(|to| to.tag());
        Some(Sent {
            at: packet.at,
            from: packet.from,
            to: packet.to,
            arrivals: packet.arrivals.clone(),
            payload: packet.payload.clone(),
            kind,
            method,
            branch: branches.next()??,
            below: branches.next().flatten(),
            call_id: headers.require::<CallId>().ok()?.to_string(),
            to_tag: to_tag.map(|tag| tag.to_string()),
        })
    });
    read.collect()
}
