//! Registrations over flows that the phone keeps open: which of them count as such (RFC 5626 §6).

use sip_core::{Contact, HeaderName, OptionTag, Path, Request, Supported, Uri, Via};

use super::refusal::Refusal;

/// How the registrar treats `reg-id` in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outbound {
    /// It means nothing.
    Ignored,
    /// It names a flow of the phone; the phone need not know the extension for that.
    Flow,
    /// The same, and the phone is told so.
    Agreed,
}

impl Outbound {
    /// Looks at the way the request came, and at what the phone says it supports.
    ///
    /// A proxy next to the phone must have said `ob` in its Path, or it will not find the flow again. The RFC calls
    /// that the first URI; proxies put theirs on top of those before them, so the one next to the phone is the last.
    pub(crate) fn of(request: &Request, contacts: &[Contact]) -> Result<Outbound, Refusal> {
        let headers = request.headers();
        if !contacts.iter().any(is_of_a_flow) {
            return Ok(Outbound::Ignored);
        }
        let mut supported = headers.all::<Supported>().flatten();
        let knows = supported.any(|Supported(tag)| is_outbound(&tag));
        let is_first_hop = headers.all::<Via>().nth(1).is_none();
        if !is_first_hop && !next_to_the_phone(request).is_some_and(|path| is_ob(&path)) {
            return match knows {
                true => Err(Refusal::FirstHopLacksOutbound),
                false => Ok(Outbound::Ignored),
            };
        }
        Ok(match knows {
            true => Outbound::Agreed,
            false => Outbound::Flow,
        })
    }
}

/// Whether a contact has both an instance and a flow; a `reg-id` alone means nothing.
fn is_of_a_flow(contact: &Contact) -> bool {
    let params = contact.params();
    params.contains("reg-id") && params.contains("+sip.instance")
}

fn next_to_the_phone(request: &Request) -> Option<Path> {
    let headers = request.headers();
    if !headers.contains(&HeaderName::Path) {
        return None;
    }
    headers.all::<Path>().last()?.ok()
}

fn is_ob(path: &Path) -> bool {
    matches!(path.uri(), Uri::Sip(uri) if uri.params().contains("ob"))
}

pub(crate) fn is_outbound(tag: &OptionTag) -> bool {
    *tag == "outbound"
}
