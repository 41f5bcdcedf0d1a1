//! What a REGISTER asks for: its contacts, each for how long (RFC 3261 §10.3 steps 6, 7).

use std::net::IpAddr;

use sip_core::{
    CSeq, CallId, Contact, Expires, HeaderName, ListHeader, Method, Path, Request, SipUri, Text,
};
use sip_transaction::Flow;

use super::binding::{Binding, BindingRecord, whole_seconds};
use super::expiry::TooBrief;
use super::refusal::Refusal;
use super::{BindingChange, MethodSet, RegistrarConfig};
use crate::backend::Incoming;

/// The change that `incoming` asks for; `None` if it only asks what is bound.
pub(crate) fn change(
    incoming: &Incoming,
    config: &RegistrarConfig,
) -> Result<Option<BindingChange>, Refusal> {
    let request = &incoming.request;
    let call_id: CallId = request.headers().require()?;
    let cseq: CSeq = request.headers().require()?;
    let contacts = contacts(request, 2 * config.max_contacts)?;
    if contacts.is_empty() {
        return Ok(None);
    }
    if contacts.iter().any(Contact::is_star) {
        check_star(request, &contacts)?;
        return Ok(Some(BindingChange::remove_all(
            call_id.as_bytes(),
            cseq.number(),
            incoming.unix_time,
        )));
    }
    let common = Common::read(incoming, &call_id, &cseq)?;
    let bindings = contacts
        .iter()
        .map(|contact| common.binding(contact, config))
        .collect::<Result<_, _>>()?;
    Ok(Some(BindingChange::update(
        call_id.as_bytes(),
        cseq.number(),
        incoming.unix_time,
        bindings,
        config.max_contacts,
    )))
}

/// All contacts, if they are no more than `limit`: the work grows with their square.
fn contacts(request: &Request, limit: usize) -> Result<Vec<Contact>, Refusal> {
    let mut contacts = Vec::new();
    for contact in request.headers().all::<Contact>() {
        if contacts.len() == limit {
            return Err(Refusal::TooManyContacts);
        }
        contacts.push(contact?);
    }
    Ok(contacts)
}

/// `*` stands alone, and only with `Expires: 0` (F-36).
fn check_star(request: &Request, contacts: &[Contact]) -> Result<(), Refusal> {
    let expires: Option<Expires> = request.headers().optional().ok().flatten();
    if expires.is_none_or(|expires| expires.0 != 0) {
        return Err(Refusal::StarWithExpiry);
    }
    if contacts.len() > 1 {
        return Err(Refusal::StarAmongOthers);
    }
    Ok(())
}

/// What all contacts of one request share.
struct Common<'a> {
    incoming: &'a Incoming,
    call_id: &'a CallId,
    cseq: u32,
    expires: Option<Option<u32>>,
    user_agent: Text,
    path: Vec<u8>,
    methods: MethodSet,
}

impl<'a> Common<'a> {
    fn read(
        incoming: &'a Incoming,
        call_id: &'a CallId,
        cseq: &CSeq,
    ) -> Result<Common<'a>, Refusal> {
        let headers = incoming.request.headers();
        let expires = match headers.optional::<Expires>() {
            Ok(expires) => expires.map(|Expires(seconds)| Some(seconds)),
            Err(_) => Some(None),
        };
        Ok(Common {
            incoming,
            call_id,
            cseq: cseq.number(),
            expires,
            user_agent: headers
                .raw(&HeaderName::UserAgent)
                .next()
                .unwrap_or(Text::EMPTY),
            path: joined::<Path>(&incoming.request)?,
            methods: allowed(&incoming.request),
        })
    }

    fn binding(&self, contact: &Contact, config: &RegistrarConfig) -> Result<Binding, Refusal> {
        let uri = contact.uri().ok_or(Refusal::NotCallable)?;
        let sip = uri
            .as_sip()
            .filter(|uri| is_callable(uri))
            .ok_or(Refusal::NotCallable)?;
        let q = contact.q().transpose().map_err(|_| Refusal::InvalidQ)?;
        let expires = contact.expires().map(Result::ok);
        let seconds = config
            .expiry
            .granted(expires, self.expires)
            .map_err(|TooBrief| Refusal::TooBrief {
                min: config.expiry.min,
            })?;
        let params = contact.params();
        let instance = params
            .value("+sip.instance")
            .map(unquoted)
            .filter(|instance| !instance.is_empty());
        let reg_id = params
            .value("reg-id")
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let flow = self.incoming.flow;
        Ok(Binding::new(&BindingRecord {
            contact: uri.as_text(),
            call_id: self.call_id.as_bytes(),
            cseq: self.cseq,
            expires_at: whole_seconds(self.incoming.unix_time).saturating_add(seconds),
            q: q.map(|q| q.thousandths()),
            instance,
            reg_id: reg_id.filter(|id| *id > 0 && instance.is_some()),
            user_agent: &self.user_agent,
            path: &self.path,
            methods: self.methods,
            flow: Some(flow),
            behind_nat: self.path.is_empty() && !is_where_it_says(sip, &flow),
        })?)
    }
}

/// A contact requests can be sent to at all.
fn is_callable(uri: &SipUri) -> bool {
    uri.port() != Some(0)
}

/// Whether the request came from the very address its contact names. A connection is made from any port (F-81).
fn is_where_it_says(contact: &SipUri, flow: &Flow) -> bool {
    let transport = contact.transport().unwrap_or(flow.transport);
    let port = contact.port().unwrap_or(transport.default_port());
    contact.host().ip().map(|ip| IpAddr::to_canonical(&ip)) == Some(flow.remote.ip().to_canonical())
        && (port == flow.remote.port() || flow.transport.is_reliable())
        && contact.maddr().is_none()
}

/// The members of a list header, separated by commas.
fn joined<H: ListHeader>(request: &Request) -> Result<Vec<u8>, Refusal> {
    let mut members = Vec::new();
    for member in request.headers().all::<H>() {
        if !members.is_empty() {
            members.push(b',');
        }
        members.extend_from_slice(&member?.as_text());
    }
    Ok(members)
}

fn unquoted(value: &[u8]) -> &[u8] {
    value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""))
        .unwrap_or(value)
}

/// The methods of Allow; all of them if there is none.
fn allowed(request: &Request) -> MethodSet {
    let mut lines = request.headers().raw(&HeaderName::Allow).peekable();
    if lines.peek().is_none() {
        return MethodSet::ALL;
    }
    let mut set = MethodSet::NONE;
    for line in lines {
        for method in line.split(|octet| *octet == b',') {
            if let Some(method) = Text::new(method.trim_ascii())
                .ok()
                .and_then(|token| Method::from_token(&token))
            {
                set = set.with(&method);
            }
        }
    }
    set
}
