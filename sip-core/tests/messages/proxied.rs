//! All a proxy does with one message, whatever is wrong with it.

use bytes::Bytes;
use sip_core::*;

/// Reads and judges a request, and answers what is wrong; or looks at every typed value a proxy reads, edits and prints.
/// Gives how much there was of it all.
pub(crate) fn work(datagram: Bytes, limits: &Limits) -> usize {
    let Ok(message) = parse_message(datagram, limits) else {
        return 0;
    };
    let verdict = Role::proxy().validate(&message);
    let Ok(mut request) = Request::try_from(message) else {
        return 0;
    };
    if let Err(refusal) = verdict {
        let reply = refusal.reply(&request);
        return reply.map_or(0, |reply| reply.to_bytes().len());
    }
    let seen = look(request.headers());
    edit(request.headers_mut());
    seen + request.to_bytes().len()
}

fn look(headers: &Headers) -> usize {
    let single = [
        headers.require::<From>().is_ok(),
        headers.require::<To>().is_ok(),
        headers.require::<CallId>().is_ok(),
        headers.require::<CSeq>().is_ok(),
        headers.optional::<MaxForwards>().is_ok(),
        headers.optional::<Expires>().is_ok(),
    ];
    let vias = headers.all::<Via>().flatten();
    let contacts = headers.all::<Contact>().flatten();
    single.iter().filter(|read| **read).count()
        + vias.filter(|via| via.received().is_some()).count()
        + contacts.filter(|contact| contact.q().is_some()).count()
        + headers.all::<Route>().flatten().count()
        + headers.all::<RecordRoute>().flatten().count()
        + headers.all::<Require>().flatten().count()
        + headers.all::<ProxyRequire>().flatten().count()
}

/// As in §16.4 and §16.6: Routes of our own go, one by one; the top Via is stamped, another put on it.
fn edit(headers: &mut Headers) {
    while let Ok(Some(route)) = headers.optional::<Route>() {
        if route.uri().as_sip().is_none() {
            break;
        }
        headers.pop_front::<Route>();
    }
    if let Ok(Some(via)) = headers.optional::<Via>() {
        headers.replace_front(&via.with_received_rport(([192, 0, 2, 1], 5060).into()));
        headers.push_front(&via);
    }
    headers.set(&MaxForwards(69));
    headers.remove_member::<Contact>(1);
}
