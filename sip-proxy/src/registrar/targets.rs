//! From bindings to the target set of a request (RFC 3261 §16.5; RFC 3327 §5.4; F-39).

use std::net::SocketAddr;
use std::time::Duration;

use sip_core::{Header, Joined, Route, SipUri, Text, Uri};
use sip_transaction::{Flow, Target};

use super::{Binding, BindingSet};
use crate::proxy::BranchTarget;

impl BindingSet {
    /// What a request for the address-of-record may be forwarded to at `unix_time`, in no order: a
    /// [`ForkPlan`](crate::ForkPlan) sorts by q. Of a phone with several flows it is the latest (RFC 5626 §5.3).
    pub fn targets(&self, unix_time: Duration) -> impl Iterator<Item = BranchTarget> {
        let latest = move |binding: &&Binding| {
            let mut flows = self
                .current(unix_time)
                .filter(|other| same_instance(other, binding));
            flows.all(|other| freshness(other, unix_time) <= freshness(binding, unix_time))
        };
        self.current(unix_time).filter(latest).map(Binding::target)
    }
}

fn same_instance(one: &Binding, another: &Binding) -> bool {
    let instances = one.instance().zip(another.instance());
    instances.is_some_and(|(one, another)| one.eq_ignore_ascii_case(another))
}

/// What was refreshed last is over last.
fn freshness(binding: &Binding, unix_time: Duration) -> (u32, Option<u32>) {
    (binding.expires_in(unix_time), binding.reg_id())
}

impl Binding {
    /// The contact, along its Path if it has one, else to where its REGISTER came from: never to an address it
    /// merely names.
    #[must_use]
    pub fn target(&self) -> BranchTarget {
        let uri = match self.uri() {
            Uri::Sip(sip) => Uri::Sip(sip.without_headers()),
            other => other,
        };
        let target = BranchTarget::new(uri)
            .q(self.q().unwrap_or(1000))
            .route(self.route());
        match self.source() {
            Some(source) => target.received(source),
            None => target,
        }
    }

    fn source(&self) -> Option<Target> {
        let flow = self.flow().filter(|_| self.path().is_empty())?;
        let by_connection = flow.transport.is_reliable();
        match (by_connection, self.is_behind_nat()) {
            (true, true) if !flow.connection.is_none() => Some(Target::Flow(flow)),
            (true, false) => Some(self.where_it_listens(&flow)),
            // A connection went with a former life of the server, and there is nothing better to try.
            _ => Some(Target::Address {
                transport: flow.transport,
                remote: flow.remote,
                local: Some(flow.local),
            }),
        }
    }

    /// The address a phone without a NAT named: the transport finds its connection by that, or makes a new one when
    /// the phone has closed it. A phone that registered over a connection and names no transport means that one.
    fn where_it_listens(&self, flow: &Flow) -> Target {
        let uri = self.uri();
        let contact = uri.as_sip();
        let transport = contact
            .and_then(SipUri::transport)
            .unwrap_or(flow.transport);
        let port = contact
            .and_then(SipUri::port)
            .unwrap_or(transport.default_port());
        let remote = SocketAddr::new(flow.remote.ip(), port);
        Target::Address {
            transport,
            remote,
            local: (transport == flow.transport).then_some(flow.local),
        }
    }

    fn route(&self) -> Vec<Route> {
        let path = Text::new(self.path()).unwrap_or(Text::EMPTY);
        let routes = Joined::<Route>::parse(&path);
        routes.map_or(Vec::new(), |routes| routes.members().flatten().collect())
    }
}
