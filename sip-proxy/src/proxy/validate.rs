//! Request validation (RFC 3261 §16.3).

use sip_core::{MaxBreadth, Request, Response, StatusCode, Uri};

use super::loop_guard;
use super::turn::Rules;

/// Why a request is not forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It breaks a rule of its own.
    Unfit(sip_core::Refusal),
    /// It is answered with this: 416 when nobody here knows where its Request-URI leads.
    Status(StatusCode),
    /// 482: it has been here before.
    Looped,
}

impl Refusal {
    /// The answer owed; `None` if no answer could find its way.
    pub(crate) fn reply(&self, request: &Request) -> Option<Response> {
        match self {
            Refusal::Unfit(refusal) => refusal.reply(request),
            Refusal::Status(status) => Some(request.reply(*status)),
            Refusal::Looped => Some(request.reply(StatusCode::LOOP_DETECTED)),
        }
    }
}

/// The checks of §16.3; step 6, Proxy-Authorization, is the router's.
///
/// That the mandatory headers can be read is seen to below, where sip-transport screens every message; what is asked
/// of them once more here costs next to nothing. Any header a proxy does not read may be broken, and is forwarded.
pub(crate) fn validate(request: &Request, rules: &Rules) -> Result<(), Refusal> {
    if let Some(flaw) = request.flaw() {
        return Err(Refusal::Unfit((*flaw).into())); // step 1
    }
    if matches!(request.uri(), Uri::Other(_)) {
        return Err(Refusal::Status(StatusCode::UNSUPPORTED_URI_SCHEME)); // 2
    }
    rules.role.check(request).map_err(Refusal::Unfit)?; // 1, 3, 5
    max_breadth(request)?;
    loop_guard::check(request, &rules.own, &rules.keyed) // 4
}

/// Max-Breadth (RFC 5393 §5.3.3): with 0 no branch may be made at all.
fn max_breadth(request: &Request) -> Result<(), Refusal> {
    match request.headers().optional::<MaxBreadth>() {
        Ok(Some(MaxBreadth(0))) => Err(Refusal::Status(StatusCode::MAX_BREADTH_EXCEEDED)),
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::Status(StatusCode::BAD_REQUEST)),
    }
}
