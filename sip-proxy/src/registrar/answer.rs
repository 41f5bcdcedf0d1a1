//! The answer to a REGISTER that was done: all bindings there are now (RFC 3261 §10.3 step 8).

use std::io::Write as _;
use std::time::Duration;

use sip_core::{Date, FlowTimer, HeaderName, Q, Response, StatusCode, Text};

use super::outbound::Outbound;
use super::{Binding, BindingSet, RegistrarConfig};
use crate::backend::Incoming;

/// 200 with every binding, the Path that was stored (RFC 3327 §5.3), the Service-Route (RFC 3608 §6.3), what was agreed
/// about the flow (RFC 5626 §6), and the Date.
pub(crate) fn ok(
    incoming: &Incoming,
    bindings: &BindingSet,
    outbound: Outbound,
    config: &RegistrarConfig,
) -> Response {
    let mut response = incoming.reply(StatusCode::OK);
    let headers = response.headers_mut();
    let mut contacts = Vec::with_capacity(256);
    for binding in bindings.current(incoming.unix_time) {
        if !contacts.is_empty() {
            contacts.extend_from_slice(b", ");
        }
        write_contact(binding, incoming.unix_time, &mut contacts);
    }
    if !contacts.is_empty()
        && let Ok(contacts) = Text::new(&contacts)
    {
        headers.set_raw(HeaderName::Contact, &contacts);
    }
    for path in incoming.request.headers().raw(&HeaderName::Path) {
        headers.push_raw(HeaderName::Path, &path);
    }
    for route in &config.service_route {
        headers.push(route);
    }
    if outbound == Outbound::Agreed {
        headers.set_raw(HeaderName::Require, &Text::from_static("outbound"));
        if let Some(seconds) = config.flow_timer {
            headers.set(&FlowTimer(seconds));
        }
    }
    headers.set(&Date::from_unix_seconds(incoming.unix_time.as_secs()));
    response
}

/// `<uri>;q=0.7;expires=N;received="sip:ip:port";+sip.instance="<…>";reg-id=N` (F-35).
fn write_contact(binding: &Binding, unix_time: Duration, contact: &mut Vec<u8>) {
    contact.push(b'<');
    contact.extend_from_slice(binding.contact());
    contact.push(b'>');
    // Writing into a Vec can't fail.
    if let Some(q) = binding.q().and_then(Q::from_thousandths) {
        let _ = write!(contact, ";q={q}");
    }
    let _ = write!(contact, ";expires={}", binding.expires_in(unix_time));
    if let Some(received) = binding.received() {
        let _ = write!(contact, ";received=\"{received}\"");
    }
    if let Some(instance) = binding.instance() {
        contact.extend_from_slice(b";+sip.instance=\"");
        contact.extend_from_slice(instance);
        contact.push(b'"');
    }
    if let Some(reg_id) = binding.reg_id() {
        let _ = write!(contact, ";reg-id={reg_id}");
    }
}
