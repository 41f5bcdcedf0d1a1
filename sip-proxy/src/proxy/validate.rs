//! Request validation (RFC 3261 §16.3).

use sip_core::{
    Joined, MaxForwards, Method, OptionTag, ProxyRequire, Request, Response, StatusCode,
    Unsupported, Uri,
};

use super::loop_guard;
use super::turn::Rules;

/// Why a request is not forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is answered.
    Status(StatusCode),
    /// 420: it wants extensions that are not understood.
    Unsupported(Vec<Unsupported>),
    /// No answer could find its way.
    Silence,
}

impl Refusal {
    /// The answer owed.
    pub(crate) fn reply(&self, request: &Request) -> Option<Response> {
        match self {
            Refusal::Silence => None,
            Refusal::Status(status) => Some(request.reply(*status)),
            Refusal::Unsupported(extensions) => {
                let mut response = request.reply(StatusCode::BAD_EXTENSION);
                let unsupported = Joined::of(extensions.iter().cloned());
                response.headers_mut().push(&unsupported);
                Some(response)
            }
        }
    }
}

/// The checks of §16.3, in its order; step 6, Proxy-Authorization, is the router's.
pub(crate) fn validate(request: &Request, rules: &Rules) -> Result<(), Refusal> {
    reasonable_syntax(request)?;
    uri_scheme(request)?;
    max_forwards(request)?;
    loop_guard::check(request, &rules.own, &rules.keyed)?;
    proxy_require(request, &rules.config.extensions)
}

/// 1. Reasonable syntax: of what a proxy itself reads. Any other header may be broken and is forwarded as it is.
fn reasonable_syntax(request: &Request) -> Result<(), Refusal> {
    match request.flaw() {
        None => Ok(()),
        Some(flaw) => Err(flaw.status.map_or(Refusal::Silence, Refusal::Status)),
    }
}

/// 2. URI scheme.
fn uri_scheme(request: &Request) -> Result<(), Refusal> {
    match request.uri() {
        Uri::Sip(_) | Uri::Tel(_) => Ok(()),
        _ => Err(Refusal::Status(StatusCode::UNSUPPORTED_URI_SCHEME)),
    }
}

/// 3. Max-Forwards.
fn max_forwards(request: &Request) -> Result<(), Refusal> {
    match request.headers().optional::<MaxForwards>() {
        Ok(Some(MaxForwards(0))) => Err(Refusal::Status(StatusCode::TOO_MANY_HOPS)),
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::Status(StatusCode::BAD_REQUEST)),
    }
}

/// 5. Proxy-Require. An ACK or a CANCEL has none (§8.2.2.3).
fn proxy_require(request: &Request, understood: &[OptionTag]) -> Result<(), Refusal> {
    if matches!(request.method(), Method::Ack | Method::Cancel) {
        return Ok(());
    }
    let mut unsupported = Vec::new();
    for wanted in request.headers().all::<ProxyRequire>() {
        let ProxyRequire(wanted) = wanted.map_err(|_| Refusal::Status(StatusCode::BAD_REQUEST))?;
        if !understood.contains(&wanted) {
            unsupported.push(Unsupported(wanted));
        }
    }
    match unsupported.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Unsupported(unsupported)),
    }
}
