//! What a REGISTER asks for: its contacts, each for how long (RFC 3261 §10.3 steps 6, 7).

use std::net::IpAddr;
use std::time::Duration;

use sip_core::{
    Allow, CSeq, CallId, Contact, Expires, Header, HeaderName, Headers, Joined, Params, Path,
    SipUri, Text,
};
use sip_transaction::Flow;

use super::binding::{Binding, BindingRecord, whole_seconds};
use super::expiry::TooBrief;
use super::outbound::Outbound;
use super::refusal::Refusal;
use super::{BindingChange, ExpiryPolicy, MethodSet, RegistrarConfig, WhenFull};
use crate::backend::Incoming;

/// The change that `incoming` asks for; `None` if it only asks what is bound.
pub(crate) fn change(
    incoming: &Incoming,
    config: &RegistrarConfig,
) -> Result<Option<(BindingChange, Outbound)>, Refusal> {
    let headers = incoming.request.headers();
    let call_id: CallId = headers.require()?;
    let cseq = headers.require::<CSeq>()?.number();
    let unix_time = incoming.unix_time;
    let contacts = contacts(headers, 2 * config.max_contacts)?;
    if contacts.is_empty() {
        return Ok(None);
    }
    if contacts.iter().any(Contact::is_star) {
        check_star(headers, &contacts)?;
        let change = BindingChange::remove_all(call_id.as_bytes(), cseq, unix_time);
        return Ok(Some((change, Outbound::Ignored)));
    }
    let outbound = Outbound::of(&incoming.request, &contacts)?;
    let shared = Shared {
        outbound,
        expires: expires(headers),
        user_agent: headers.raw(&HeaderName::UserAgent).next(),
        path: path(headers)?,
        methods: methods(headers),
        call_id,
        cseq,
        incoming,
    };
    let binding = |contact| shared.binding(contact, &config.expiry);
    let bindings: Vec<Binding> = contacts.iter().map(binding).collect::<Result<_, _>>()?;
    check_flows(&bindings, unix_time)?;
    let change = BindingChange::update(
        shared.call_id.as_bytes(),
        cseq,
        unix_time,
        bindings,
        config.max_contacts,
    );
    let change = match config.when_full {
        WhenFull::Refuse => change,
        WhenFull::ReplaceOldest => change.replacing_oldest(),
    };
    Ok(Some((change, outbound)))
}

/// One flow can be registered at a time, and no other contact with it (RFC 5626 §6).
fn check_flows(bindings: &[Binding], unix_time: Duration) -> Result<(), Refusal> {
    let added = || {
        bindings
            .iter()
            .filter(|binding| binding.is_current(unix_time))
    };
    match added().nth(1).is_some() && added().any(|binding| binding.reg_id().is_some()) {
        true => Err(Refusal::SeveralFlows),
        false => Ok(()),
    }
}

/// All contacts, if they are no more than `limit`: the work grows with their square.
fn contacts(headers: &Headers, limit: usize) -> Result<Vec<Contact>, Refusal> {
    let mut contacts = Vec::new();
    for contact in headers.all::<Contact>() {
        if contacts.len() == limit {
            return Err(Refusal::TooManyContacts);
        }
        contacts.push(contact?);
    }
    Ok(contacts)
}

/// `*` stands alone, and only with `Expires: 0` (F-36).
fn check_star(headers: &Headers, contacts: &[Contact]) -> Result<(), Refusal> {
    if expires(headers) != Some(Some(0)) {
        return Err(Refusal::StarWithExpiry);
    }
    if contacts.len() > 1 {
        return Err(Refusal::StarAmongOthers);
    }
    Ok(())
}

/// Expires, if there is one; `Some(None)` if it can't be read.
fn expires(headers: &Headers) -> Option<Option<u32>> {
    match headers.optional() {
        Ok(expires) => expires.map(|Expires(seconds)| Some(seconds)),
        Err(_) => Some(None),
    }
}

/// The members of Path, on one line; empty if there are none.
fn path(headers: &Headers) -> Result<Text, Refusal> {
    let members = headers.all::<Path>().collect::<Result<Vec<_>, _>>()?;
    Ok(Joined::of(members).as_text())
}

/// The methods of Allow; all of them if there is none.
fn methods(headers: &Headers) -> MethodSet {
    if !headers.contains(&HeaderName::Allow) {
        return MethodSet::ALL;
    }
    let allowed = headers.all::<Allow>().flatten();
    allowed.fold(MethodSet::NONE, |set, Allow(method)| set.with(&method))
}

/// What all contacts of one request share.
struct Shared<'a> {
    outbound: Outbound,
    incoming: &'a Incoming,
    call_id: CallId,
    cseq: u32,
    expires: Option<Option<u32>>,
    user_agent: Option<Text>,
    path: Text,
    methods: MethodSet,
}

impl Shared<'_> {
    fn binding(&self, contact: &Contact, policy: &ExpiryPolicy) -> Result<Binding, Refusal> {
        let uri = contact.uri().ok_or(Refusal::NotCallable)?;
        let sip = uri.as_sip().filter(|uri| uri.port() != Some(0));
        let sip = sip.ok_or(Refusal::NotCallable)?;
        let q = contact.q().transpose().map_err(|_| Refusal::InvalidQ)?;
        let seconds = policy.granted(contact.expires().map(Result::ok), self.expires);
        let seconds = seconds.map_err(|TooBrief| Refusal::TooBrief { min: policy.min })?;
        let params = contact.params();
        let flow = self.incoming.flow;
        Ok(Binding::new(&BindingRecord {
            contact: uri.as_text(),
            call_id: self.call_id.as_bytes(),
            cseq: self.cseq,
            expires_at: whole_seconds(self.incoming.unix_time).saturating_add(seconds),
            q: q.map(|q| q.thousandths()),
            instance: instance(&params),
            reg_id: reg_id(&params).filter(|_| self.outbound != Outbound::Ignored),
            user_agent: self.user_agent.as_deref().unwrap_or_default(),
            path: &self.path,
            methods: self.methods,
            flow: Some(flow),
            behind_nat: self.path.is_empty() && !is_where_it_says(sip, &flow),
        })?)
    }
}

/// `+sip.instance`, its quotes taken off and nothing else.
fn instance<'a>(params: &Params<'a>) -> Option<&'a [u8]> {
    let quoted = params.value("+sip.instance")?;
    let instance = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Some(instance).filter(|instance| !instance.is_empty())
}

/// `reg-id`, from 1, and only of an instance (RFC 5626 §6).
fn reg_id(params: &Params<'_>) -> Option<u32> {
    instance(params)?;
    let digits = std::str::from_utf8(params.value("reg-id")?).ok()?;
    digits.parse().ok().filter(|id| *id > 0)
}

/// Whether the request came from the very address its contact names. A connection is made from any port (F-81).
fn is_where_it_says(contact: &SipUri, flow: &Flow) -> bool {
    let transport = contact.transport().unwrap_or(flow.transport);
    let port = contact.port().unwrap_or(transport.default_port());
    contact.host().ip().map(|ip| IpAddr::to_canonical(&ip)) == Some(flow.remote.ip().to_canonical())
        && (port == flow.remote.port() || flow.transport.is_reliable())
        && contact.maddr().is_none()
}
