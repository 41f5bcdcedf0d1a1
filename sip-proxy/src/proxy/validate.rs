//! Request validation (RFC 3261 §16.3).

use sip_core::{Request, Response, StatusCode};

use super::loop_guard;
use super::turn::Rules;

/// Why a request is not forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It breaks a rule of its own.
    Unfit(sip_core::Refusal),
    /// 482: it has been here before.
    Looped,
}

impl Refusal {
    /// The answer owed; `None` if no answer could find its way.
    pub(crate) fn reply(&self, request: &Request) -> Option<Response> {
        match self {
            Refusal::Unfit(refusal) => refusal.reply(request),
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
    rules.role.check(request).map_err(Refusal::Unfit)?; // 1, 2, 3, 5
    loop_guard::check(request, &rules.own, &rules.keyed) // 4
}
