//! Request forwarding: what one copy of a request goes through (RFC 3261 §16.6).
//!
//! ```text
//!   1 make a copy          copy                     7 determine the next hop    next_hop; names: branch.rs
//!   2 Request-URI          set_request_uri          8 add a Via                 the transaction layer, with its branch
//!   3 Max-Forwards         count_hop                9 add a Content-Length      content_length
//!   4 Record-Route         record_route            10 forward the request       branch.rs
//!   5 additional headers   edit                    11 set Timer C               branch.rs, timer_c.rs
//!   6 routing information  rewrite_for_strict_router
//! ```

use std::net::SocketAddr;

use sip_core::{
    ContentLength, Header, HeaderName, Headers, MaxForwards, Method, ProxyAuthorization, Request,
    Route, SipUri, StatusCode, Text, Transport, Uri,
};
use sip_transaction::Target;

use crate::backend::{Edit, Edits};

use super::branch::UNUSABLE_URI;
use super::config::ProxyConfig;
use super::fork::BranchTarget;
use super::own::{Own, OwnId};
use super::turn::Rules;

/// Step 5, done once for all branches: what the router wants changed.
pub(crate) fn edit(request: &mut Request, edits: &Edits) {
    let headers = request.headers_mut();
    for edit in &edits.0 {
        match edit {
            Edit::Remove(name) => {
                headers.remove(name);
            }
            Edit::Push(name, value) => headers.push_raw(name.clone(), value),
            Edit::Set(name, value) => headers.set_raw(name.clone(), value),
            Edit::RemoveCredentials(realm) => remove_credentials(headers, realm),
        }
    }
}

/// Takes off what was meant for `realm`, and leaves what is for proxies further on (§22.3).
fn remove_credentials(headers: &mut Headers, realm: &Text) {
    let is_ours = |line: &Text| {
        let realm_of = |credentials: ProxyAuthorization| credentials.0.realm();
        ProxyAuthorization::parse(line)
            .ok()
            .and_then(realm_of)
            .as_ref()
            == Some(realm)
    };
    let name = HeaderName::ProxyAuthorization;
    let others: Vec<Text> = headers.raw(&name).filter(|line| !is_ours(line)).collect();
    headers.remove(&name);
    for line in &others {
        headers.push_raw(name.clone(), line);
    }
}

/// Steps 1 to 3, 6 and 7: the copy for one target, and where it goes.
pub(crate) fn copy(
    request: &Request,
    target: &BranchTarget,
    config: &ProxyConfig,
) -> (Request, NextHop) {
    let mut copy = request.clone(); // 1
    set_request_uri(&mut copy, &target.uri); // 2
    count_hop(&mut copy, config); // 3
    for route in target.route.iter().rev() {
        copy.headers_mut().push_front(route);
    }
    let strict = rewrite_for_strict_router(&mut copy); // 6
    let next_hop = match (target.received, strict) {
        (Some(target), _) => NextHop::Address(target),
        (None, true) => next_hop(copy.uri()),
        (None, false) => match copy.headers().optional::<Route>() {
            Ok(Some(route)) => next_hop(&route.uri()),
            // The caller's own choice of a scheme, and not the router's.
            _ if copy.uri().as_sip().is_none() && copy.uri() == request.uri() => {
                NextHop::Nowhere(StatusCode::UNSUPPORTED_URI_SCHEME)
            }
            _ => next_hop(copy.uri()),
        },
    };
    (copy, next_hop)
}

/// Step 2. What a Contact may carry and a Request-URI may not is taken off (§19.1.1, table 1).
fn set_request_uri(copy: &mut Request, target: &Uri) {
    if copy.uri().as_text() == target.as_text() {
        return;
    }
    copy.set_uri(match target {
        Uri::Sip(uri) if uri.header_part().is_some() || uri.params().contains("method") => {
            Uri::Sip(uri.without_headers().without_param("method"))
        }
        other => other.clone(),
    });
}

/// Step 3. Request validation has made sure that it can be read, and is not 0.
fn count_hop(copy: &mut Request, config: &ProxyConfig) {
    let left = match copy.headers().optional::<MaxForwards>() {
        Ok(Some(MaxForwards(hops))) => hops.saturating_sub(1).min(config.max_forwards_cap),
        _ => config.max_forwards,
    };
    copy.headers_mut().set(&MaxForwards(left));
}

/// Step 6, for a next hop of RFC 2543: it expects its own URI in the Request-URI, and the Request-URI as last Route.
/// Says whether it was done.
fn rewrite_for_strict_router(copy: &mut Request) -> bool {
    let Ok(Some(first)) = copy.headers().optional::<Route>() else {
        return false;
    };
    let uri = first.uri();
    if uri.as_sip().is_none_or(SipUri::is_loose_router) {
        return false;
    }
    let last = Route::new(copy.uri());
    copy.headers_mut().push(&last);
    copy.headers_mut().pop_front::<Route>();
    copy.set_uri(uri);
    true
}

/// Where a copy goes next.
#[derive(Debug, Clone)]
pub(crate) enum NextHop {
    /// To an address.
    Address(Target),
    /// To a name, which RFC 3263 turns into addresses.
    Name(SipUri),
    /// Its URI is none of SIP: the answer to that.
    Nowhere(StatusCode),
}

/// Step 7.
fn next_hop(uri: &Uri) -> NextHop {
    let Uri::Sip(uri) = uri else {
        return NextHop::Nowhere(UNUSABLE_URI);
    };
    match literal(uri) {
        Some(target) => NextHop::Address(target),
        None => NextHop::Name(uri.clone()),
    }
}

/// What our Via and Record-Route add to a copy, about.
const LINES_TO_COME: usize = 200;

/// A copy too large for a datagram goes by TCP first, to each address (§18.1.1): to `first`, and then to the last of
/// `rest`.
pub(crate) fn by_size(
    copy: &Request,
    first: Target,
    rest: Vec<Target>,
    rules: &Rules,
) -> (Target, Vec<Target>) {
    if copy.printed_length() + LINES_TO_COME <= rules.config.datagram_limit {
        return (first, rest);
    }
    let both = |to: Target| [Some(to), by_tcp(&to, &rules.own)].into_iter().flatten();
    let mut all: Vec<Target> = rest.into_iter().chain([first]).flat_map(both).collect();
    let next = all.pop().unwrap_or(first);
    (next, all)
}

/// The same address by TCP, where this proxy can be answered there.
fn by_tcp(to: &Target, own: &Own) -> Option<Target> {
    let Target::Address {
        transport: Transport::Udp,
        remote,
        local: None,
    } = *to
    else {
        return None;
    };
    Some(Target::address(Transport::Tcp, remote)).filter(|to| own.sending(to, None).is_some())
}

/// The address a URI names without asking anybody (RFC 3263 §4.1, §4.2).
fn literal(uri: &SipUri) -> Option<Target> {
    let host = uri.maddr().unwrap_or_else(|| uri.host());
    let (transport, port) = transport_and_port(uri);
    Some(Target::address(
        transport,
        SocketAddr::new(host.ip()?, port),
    ))
}

/// The transport and the port a URI means where it names an address, said or by default.
pub(crate) fn transport_and_port(uri: &SipUri) -> (Transport, u16) {
    let transport = match (uri.is_secure(), uri.transport()) {
        (false, None) => Transport::Udp,
        (false, Some(transport)) => transport,
        (true, Some(Transport::Ws | Transport::Wss)) => Transport::Wss,
        (true, _) => Transport::Tls,
    };
    (transport, uri.port().unwrap_or(transport.default_port()))
}

/// Step 4: one value, or two where the request leaves by another socket than it came in at. The one that faces
/// downstream stands on top. Each carries the dialog's cookie.
pub(crate) fn record_route(
    copy: &mut Request,
    own: &Own,
    receiving: Option<OwnId>,
    to: &Target,
    cookie: Option<&[u8]>,
) {
    if *copy.method() == Method::Register {
        return;
    }
    let Some(sending) = own.sending(to, receiving) else {
        return;
    };
    let receiving = receiving.unwrap_or(sending);
    let secure = copy.uri().as_sip().is_some_and(SipUri::is_secure);
    let pair = receiving != sending;
    let mut push = |id| {
        let Some(uri) = own.record_route(id, secure, pair) else {
            return;
        };
        let (avp, cookie) = cookie.map_or((&b""[..], &b""[..]), |cookie| (b";avp=", cookie));
        let parts = [b"<", uri.as_bytes(), avp, cookie, b";lr>"];
        let pushed = copy
            .headers_mut()
            .push_front_parts(HeaderName::RecordRoute, &parts);
        debug_assert!(pushed.is_ok(), "neither URI nor cookie ends a line");
    };
    push(receiving);
    if pair {
        push(sending);
    }
}

/// Step 9.
pub(crate) fn content_length(copy: &mut Request, to: &Target) {
    if to.transport().is_reliable() && !copy.headers().contains(&HeaderName::ContentLength) {
        let length = copy.body().len() as u32;
        copy.headers_mut().set(&ContentLength(length));
    }
}
