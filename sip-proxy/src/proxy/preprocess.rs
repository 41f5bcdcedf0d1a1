//! Route information preprocessing (RFC 3261 §16.4).

use std::net::SocketAddr;

use sip_core::{HostPort, Method, Request, Route, SipUri, To, Transport, Uri};
use sip_transaction::Flow;

use crate::backend::{InDialog, Router};

use super::own::Own;

/// What the routing of a request said before it was taken off.
#[derive(Debug)]
pub(crate) struct Preprocessed {
    pub(crate) dialog: InDialog,
    /// Our address that the last of our Routes named.
    pub(crate) way_out: Option<(Transport, SocketAddr)>,
}

/// Takes off the Routes that led here, and whatever else in the routing says no more than that.
pub(crate) fn preprocess(
    request: &mut Request,
    own: &Own,
    router: &dyn Router,
    flow: &Flow,
) -> Preprocessed {
    let restored = undo_strict_routing(request, own);
    strip_own_maddr(request, own, flow);
    let popped = pop_own_routes(request, own, router, flow);
    let dialog = match (restored || popped.is_some()) && may_be_in_dialog(request) {
        true => InDialog::Yes,
        false => InDialog::No,
    };
    Preprocessed {
        dialog,
        way_out: popped.and_then(|last| own.named_by(&last)),
    }
}

/// Whether it has a To tag, and is of a kind that dialogs know: a REGISTER never is (§10.2).
fn may_be_in_dialog(request: &Request) -> bool {
    let to_tag = || matches!(request.headers().require::<To>(), Ok(to) if to.tag().is_some());
    *request.method() != Method::Register && to_tag()
}

/// The sender is a strict router: it put our Record-Route into the Request-URI, and the Request-URI at the end of the
/// Route.
fn undo_strict_routing(request: &mut Request, own: &Own) -> bool {
    let Uri::Sip(uri) = request.uri() else {
        return false;
    };
    if !own.record_routed(uri) {
        return false;
    }
    let Some((index, Ok(last))) = request.headers().all::<Route>().enumerate().last() else {
        return false;
    };
    request.set_uri(last.uri());
    request.headers_mut().remove_member::<Route>(index);
    true
}

/// A `maddr` that names the address the request came in at has done its work, and so have port and transport.
fn strip_own_maddr(request: &mut Request, own: &Own, flow: &Flow) {
    let Uri::Sip(uri) = request.uri() else { return };
    if uri.maddr().is_none() || !own.is(uri) || !came_as_indicated(uri, flow) {
        return;
    }
    let host = HostPort {
        host: uri.host(),
        port: None,
    };
    let plain = uri
        .without_param("maddr")
        .without_param("transport")
        .with_host_port(host);
    request.set_uri(Uri::Sip(plain));
}

fn came_as_indicated(uri: &SipUri, flow: &Flow) -> bool {
    let (transport, port) = super::forward::transport_and_port(uri);
    transport == flow.transport && port == flow.local.port()
}

/// Whether `uri` is the address the request came to: with a socket on all addresses, not all are known before.
fn came_to(uri: &SipUri, flow: &Flow) -> bool {
    let (_, port) = super::forward::transport_and_port(uri);
    let host = uri.maddr().unwrap_or_else(|| uri.host());
    host.ip() == Some(flow.local.ip()) && port == flow.local.port()
}

/// Takes off every Route on top that means this proxy: two for a pair of ours (`r2=on`), and however many somebody
/// else put there, since the request would only come back to us. Gives back the last of them.
fn pop_own_routes(
    request: &mut Request,
    own: &Own,
    router: &dyn Router,
    flow: &Flow,
) -> Option<SipUri> {
    let is_ours = |uri: &SipUri| {
        own.is(uri) || own.is_named(uri, |name| router.is_own_name(name)) || came_to(uri, flow)
    };
    let mut popped = None;
    while let Ok(Some(route)) = request.headers().optional::<Route>() {
        match route.uri() {
            Uri::Sip(uri) if is_ours(&uri) => {
                request.headers_mut().pop_front::<Route>();
                popped = Some(uri);
            }
            _ => break,
        }
    }
    popped
}
