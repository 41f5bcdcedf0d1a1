//! Forwarding without state (RFC 3261 §16.11): ACKs for 2xx always, other requests where the router wants it so.

use std::net::SocketAddr;

use sip_core::{Branch, Headers, Message, Request, Response, Via};
use sip_transaction::{Flow, Target, TransactionLayer};

use crate::backend::{Incoming, Relay};
use crate::service::Query;

use super::forward::{self, NextHop};
use super::keyed::Keyed;
use super::turn::{Asked, Rules, Turn};

/// Forwards to the first target of the plan, by the steps of §16.6. A retransmission takes the same way.
pub(crate) fn forward(turn: &mut Turn<'_>, incoming: &Incoming, relay: Relay) {
    let Some(target) = relay.plan.groups.first().and_then(|group| group.first()) else {
        return;
    };
    let record_route = relay.record_route.unwrap_or(turn.rules.config.record_route);
    let mut original = incoming.request.clone();
    forward::edit(&mut original, &relay.edits);
    let (copy, next_hop) = forward::copy(&original, target, &turn.rules.config);
    match next_hop {
        NextHop::Address(to) => send(
            turn.rules,
            copy,
            &incoming.flow,
            record_route,
            to,
            turn.layer,
        ),
        NextHop::Name(name) => {
            let copy = Box::new(copy.detached());
            let flow = incoming.flow;
            turn.index.ask(
                Query::Resolve(name),
                Asked::StatelessAddresses {
                    copy,
                    flow,
                    record_route,
                },
            );
        }
        NextHop::Nowhere => {}
    }
}

/// The last steps of §16.6, with a branch that is the same for each retransmission.
pub(crate) fn send(
    rules: &Rules,
    mut copy: Request,
    flow: &Flow,
    record_route: bool,
    to: Target,
    layer: &mut TransactionLayer,
) {
    let receiving = rules.own.receiving(flow);
    if !rules.router.may_send(&copy, &to) {
        return;
    }
    if record_route {
        forward::record_route(&mut copy, &rules.own, receiving, &to);
    }
    let branch = branch(copy.headers(), &rules.keyed);
    copy.headers_mut().push_front(&layer.via(to, &branch));
    forward::content_length(&mut copy, &to);
    layer.transmit(&Message::Request(copy), to);
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
    if let Some(to) = response
        .headers()
        .require::<Via>()
        .ok()
        .and_then(|via| response_target(&via))
    {
        layer.transmit(&Message::Response(response), to);
    }
}

/// A branch made of what names the transaction and of where its responses go, so that none of it can be changed on the
/// way back.
fn branch(headers: &Headers, keyed: &Keyed) -> Branch {
    let mut sum = keyed.sum("branch");
    sum.mix_transaction(headers);
    if let Some(to) = headers
        .require::<Via>()
        .ok()
        .and_then(|via| response_target(&via))
    {
        sum.mix_address(to.remote());
    }
    sum.to_branch()
}

/// Where §18.2.2 and RFC 3581 §4 send a response whose topmost Via is `via`.
fn response_target(via: &Via) -> Option<Target> {
    let transport = via.transport()?;
    let sent_by = via.sent_by();
    let ip = via.received().or_else(|| sent_by.host.ip())?;
    let port = via
        .rport()
        .flatten()
        .or(sent_by.port)
        .unwrap_or(transport.default_port());
    Some(Target::address(transport, SocketAddr::new(ip, port)))
}
