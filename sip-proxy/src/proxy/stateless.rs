//! Forwarding without state (RFC 3261 §16.11): ACKs for 2xx always, other requests where the router wants it so.

use std::net::SocketAddr;
use std::time::Instant;

use sip_core::{
    Branch, Headers, HostPort, MaxBreadth, Message, Method, Request, Response, StatusCode, Text,
    Via,
};
use sip_transaction::{Flow, Target, TransactionLayer};

use crate::backend::{Incoming, Relay, ResolveError, Resolved};
use crate::service::Query;

use super::branch::UNRESOLVABLE_DESTINATION;
use super::breadth;
use super::dialog_cookie;
use super::forward::{self, NextHop};
use super::keyed::Keyed;
use super::turn::{Asked, Rules, Turn};

/// A copy of a request that nobody will remember.
#[derive(Debug)]
pub(crate) struct Passing {
    copy: Request,
    flow: Flow,
    record_route: bool,
    cookie: Option<Text>,
}

/// Forwards to the first target of the plan, by the steps of §16.6. A retransmission takes the same way.
pub(crate) fn forward(turn: &mut Turn<'_>, incoming: &Incoming, relay: Relay) {
    let Some(target) = relay.plan.groups.first().and_then(|group| group.first()) else {
        return;
    };
    let mut original = incoming.request.clone();
    forward::edit(&mut original, &relay.edits);
    if let Some(nat) = &relay.nat {
        nat.fix_request(&mut original, &incoming.flow);
    }
    let (mut copy, next_hop) = forward::copy(&original, target, &turn.rules.config);
    if *copy.method() != Method::Cancel {
        let breadth = breadth::incoming(&original, turn.rules.config.max_breadth);
        copy.headers_mut().set(&MaxBreadth(breadth.into()));
    }
    let mut passing = Passing {
        copy,
        flow: incoming.flow,
        record_route: relay.record_route.unwrap_or(turn.rules.config.record_route),
        cookie: None,
    };
    if passing.record_route {
        passing.cookie = dialog_cookie::cookie(&turn.rules.config.dialogs, incoming, &relay);
    }
    match next_hop {
        NextHop::Address(to) => {
            passing.handle_addresses(turn.now, turn.rules, Ok(vec![to]), turn.layer)
        }
        NextHop::Name(uri) => {
            passing.copy = passing.copy.detached();
            let mut sum = turn.rules.keyed.sum("next hop");
            sum.mix_transaction(passing.copy.headers());
            let seed = sum.finish();
            let asked = Asked::PassingAddresses(Box::new(passing));
            turn.index.ask(Query::Resolve { uri, seed }, asked);
        }
        NextHop::Nowhere(status) => passing.refuse(turn.rules, status, turn.layer),
    }
}

impl Passing {
    /// The addresses of the next hop are known. Only the first can be the same for each retransmission, and what is
    /// blocked stays so for longer than a request is sent again.
    pub(crate) fn handle_addresses(
        self,
        now: Instant,
        rules: &Rules,
        addresses: Resolved,
        layer: &mut TransactionLayer,
    ) {
        let addresses = match addresses {
            Ok(addresses) if !addresses.is_empty() => addresses,
            Err(ResolveError::Overloaded) => {
                return self.refuse(rules, StatusCode::SERVICE_UNAVAILABLE, layer);
            }
            _ => return self.refuse(rules, UNRESOLVABLE_DESTINATION, layer),
        };
        let is_open = |to: &&Target| !rules.is_blocked(now, &self.copy, to);
        match addresses.iter().find(is_open).copied() {
            Some(to) => self.send(rules, to, layer),
            None => self.refuse(rules, StatusCode::SERVER_INTERNAL_ERROR, layer),
        }
    }

    /// The last steps of §16.6, with a branch that is the same for each retransmission.
    fn send(self, rules: &Rules, to: Target, layer: &mut TransactionLayer) {
        if !rules.router.may_send(&self.copy, &to) {
            return self.refuse(rules, StatusCode::SERVER_INTERNAL_ERROR, layer);
        }
        let mut copy = self.copy;
        if self.record_route {
            let (receiving, cookie) = (rules.own.receiving(&self.flow), self.cookie.as_deref());
            forward::record_route(&mut copy, &rules.own, receiving, &to, cookie);
        }
        let branch = branch(copy.headers(), &rules.keyed);
        copy.headers_mut().push_front(&layer.via(to, &branch));
        forward::content_length(&mut copy, &to);
        layer.transmit(&Message::Request(copy), to);
    }

    /// Answers in place of the next hop. An ACK has no answer, and a CANCEL that failed has nobody to tell.
    fn refuse(self, rules: &Rules, status: StatusCode, layer: &mut TransactionLayer) {
        if !matches!(self.copy.method(), Method::Ack | Method::Cancel) {
            let mut response = self.copy.reply(status);
            if status == StatusCode::SERVICE_UNAVAILABLE {
                response = rules.retry_later(response);
            }
            response.set_to_tag(&rules.keyed.tag_of(&self.copy));
            layer.reply(self.flow, &response);
        }
    }
}

/// Forwards a response to a request that was forwarded here, as its branch proves. All others are strays, and dropped
/// (RFC 6026 §7.3).
pub(crate) fn handle_response(rules: &Rules, mut response: Response, layer: &mut TransactionLayer) {
    let Some(Ok(own)) = response.headers_mut().pop_front::<Via>() else {
        return;
    };
    if !rules.own.sent(&own) || own.branch() != Some(branch(response.headers(), &rules.keyed)) {
        return;
    }
    if let Some(to) = response_target(response.headers()) {
        layer.transmit(&Message::Response(response), to);
    }
}

/// A branch made of what names the transaction and of where its responses go, so that none of it can be changed on the
/// way back.
fn branch(headers: &Headers, keyed: &Keyed) -> Branch {
    let mut sum = keyed.sum("branch");
    sum.mix_transaction(headers);
    if let Some(to) = response_target(headers) {
        sum.mix_address(to.remote());
    }
    sum.to_branch()
}

/// Where the topmost Via sends a response (§18.2.2, RFC 3581 §4).
fn response_target(headers: &Headers) -> Option<Target> {
    let via: Via = headers.require().ok()?;
    let transport = via.transport()?;
    let HostPort { host, port } = via.sent_by();
    let ip = via.received().or_else(|| host.ip())?;
    let port = via
        .rport()
        .flatten()
        .or(port)
        .unwrap_or(transport.default_port());
    Some(Target::address(transport, SocketAddr::new(ip, port)))
}
