//! The cookie that goes into the Record-Route of a forwarded request (RFC 3261 §16.6 step 4; F-11, F-23).

use sip_core::{Method, Text};

use crate::backend::{Incoming, Relay};
use crate::dialog::{Dialog, DialogCookies};

/// What `incoming` takes along when it is forwarded as `relay` says: for a new dialog a new cookie, along a dialog
/// the one it came with, unless the router wants something else remembered.
pub(crate) fn cookie(cookies: &DialogCookies, incoming: &Incoming, relay: &Relay) -> Option<Text> {
    let (request, unix_time) = (&incoming.request, incoming.unix_time);
    match (incoming.dialog.proved(), &relay.dialog_values) {
        (Some(dialog), Some(values)) if values != dialog.values() => {
            cookies.renew(request, dialog.sender(), values, unix_time)
        }
        (Some(dialog), _) => Text::new(dialog.cookie()).ok(),
        (None, values) if may_begin_a_dialog(request.method()) => {
            let mut values = values.clone().unwrap_or_default();
            values.accounted |= relay.accounted;
            cookies.issue(request, &values, unix_time)
        }
        (None, _) => None,
    }
}

/// Whether the outcome is reported: the router wants it, or did when the dialog began (F-22).
pub(crate) fn is_accounted(incoming: &Incoming, relay: &Relay) -> bool {
    let of_dialog = |dialog: &Dialog| dialog.values().accounted;
    relay.accounted || incoming.dialog.proved().is_some_and(of_dialog)
}

/// INVITE, SUBSCRIBE, REFER and NOTIFY do (§12.1, RFC 6665 §4.4.1); what a method we do not know does, we do not know.
fn may_begin_a_dialog(method: &Method) -> bool {
    matches!(
        method,
        Method::Invite | Method::Subscribe | Method::Refer | Method::Notify | Method::Other(_)
    )
}
