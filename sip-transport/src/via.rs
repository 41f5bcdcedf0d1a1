//! What the transport layer does with a Via: `received` and `rport` (RFC 3261 §18.2.1, RFC 3581), and where a
//! response goes (§18.2.2). Pure functions.

use std::net::{IpAddr, SocketAddr};

use sip_core::{Request, Response, Transport, Via};
use sip_transaction::Target;

/// Notes in the top Via where `request` came from, in `received` and `rport`.
///
/// Always both, asked for or not: what stood there before is only the sender's word, and whoever sits behind a NAT
/// without knowing it is served as well. A request without a readable Via stays as it is.
pub fn stamp(request: &mut Request, source: SocketAddr) {
    stamped(request, source);
}

/// [`stamp`], and the top Via as it came.
pub(crate) fn stamped(request: &mut Request, source: SocketAddr) -> Option<Via> {
    let via = request.headers().require::<Via>().ok()?;
    let headers = request.headers_mut();
    headers.replace_front(&via.with_received_rport(source));
    Some(via)
}

/// Where `response` goes if the flow its request came on is gone (§18.2.2): to the address in `received`, else the
/// one in sent-by, at the port of sent-by. `None` when the top Via does not say, or names a host to look up.
#[must_use]
pub fn response_target(response: &Response) -> Option<Target> {
    let via = response.headers().require::<Via>().ok()?;
    let transport = via.transport()?;
    let sent_by = via.sent_by();
    let ip: IpAddr = via.received().or_else(|| sent_by.host.ip())?;
    let port = sent_by.port.unwrap_or(transport.default_port());
    let port = match (transport, via.rport()) {
        (Transport::Udp, Some(Some(rport))) => rport,
        _ => port,
    };
    Some(Target::address(transport, SocketAddr::new(ip, port)))
}
