//! Session timers as a proxy asks for them (RFC 4028 §8; F-90 to F-94).

use sip_core::{
    Header, HeaderName, Headers, Method, MinSe, Refresher, Request, Response, SessionExpires,
    StatusCode, Supported, Text,
};

use crate::backend::{Incoming, Relay};

/// The shortest session anybody may insist on (RFC 4028 §4).
const SHORTEST: u32 = 90;

/// What a proxy wants of the sessions it forwards. Cheap to make, so that a router can make one of its configuration
/// for each request (F-94).
///
/// ```
/// # use sip_proxy::{Decision, Incoming, Relay, SessionTimers};
/// fn bounded(incoming: &Incoming, relay: Relay) -> Decision {
///     match SessionTimers::new(1800, 90).apply(incoming, relay) {
///         Ok(relay) => relay.into(),
///         Err(too_small) => too_small.into(),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimers {
    default: u32,
    min: u32,
}

impl SessionTimers {
    /// Sessions shall be refreshed every `default` seconds where nobody asks for a timer, 0 for: as the parties like;
    /// and none more often than every `min` seconds, which is 90 at least.
    #[must_use]
    pub const fn new(default: u32, min: u32) -> SessionTimers {
        let min = if min < SHORTEST { SHORTEST } else { min };
        SessionTimers { default, min }
    }

    /// Adds to `relay` what `incoming` needs, and remembers what its responses will need; nothing unless it is an
    /// INVITE or an UPDATE, and forwarded statefully (§8).
    ///
    /// # Errors
    /// 422, when the caller knows session timers and wants too short a session.
    #[expect(
        clippy::result_large_err,
        reason = "an answer is the usual outcome, and no rare mishap"
    )]
    pub fn apply(&self, incoming: &Incoming, mut relay: Relay) -> Result<Relay, Response> {
        let request = &incoming.request;
        if !matches!(request.method(), Method::Invite | Method::Update) || relay.stateless {
            return Ok(relay);
        }
        match self.judge(request) {
            Wanted::TooSmall => {
                let mut response = incoming.reply(StatusCode::SESSION_INTERVAL_TOO_SMALL);
                response.headers_mut().push(&MinSe::of(self.min));
                return Err(response);
            }
            Wanted::Nothing => {}
            Wanted::Timer {
                timer,
                expires,
                min,
            } => {
                if let Some(expires) = expires {
                    relay = relay.set_header(HeaderName::SessionExpires, expires.as_text());
                }
                if let Some(min) = min {
                    relay = relay.set_header(HeaderName::MinSe, min.as_text());
                }
                relay.timer = Some(timer);
            }
        }
        Ok(relay)
    }

    /// §8.1.
    fn judge(&self, request: &Request) -> Wanted {
        let headers = request.headers();
        let known_by_caller = understands_timer(headers);
        let wanted: Option<SessionExpires> = match headers.optional() {
            Ok(wanted) => wanted,
            Err(_) => return Wanted::Nothing, // for whoever it is meant to refuse
        };
        let floor = match headers.optional::<MinSe>() {
            Ok(min) => min.map_or(SHORTEST, |min| min.seconds()),
            Err(_) => return Wanted::Nothing,
        };
        let asked = wanted.as_ref().map(SessionExpires::seconds);
        match asked {
            Some(seconds) if seconds < self.min && known_by_caller => return Wanted::TooSmall,
            None if self.default == 0 => return Wanted::Nothing,
            _ => {}
        }
        // Who knows timers has named its own minimum, and nobody may raise that on the way (§11).
        let raised =
            self.min > floor && !known_by_caller && asked.is_none_or(|seconds| seconds < self.min);
        let floor = if raised { self.min } else { floor };
        let seconds = asked.unwrap_or(self.default).max(floor);
        let refresher = wanted.and_then(|wanted| wanted.refresher());
        Wanted::Timer {
            timer: Timer {
                seconds,
                known_by_caller,
            },
            expires: (asked != Some(seconds)).then(|| SessionExpires::of(seconds, refresher)),
            min: raised.then(|| MinSe::of(floor)),
        }
    }
}

/// What §8.1 makes of a request.
enum Wanted {
    /// It is refused with 422.
    TooSmall,
    /// It passes as it is.
    Nothing,
    /// It asks for a timer, perhaps after these changes.
    Timer {
        timer: Timer,
        expires: Option<SessionExpires>,
        min: Option<MinSe>,
    },
}

/// What is remembered of a request for the duration of its transaction (§8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    seconds: u32,
    known_by_caller: bool,
}

impl Timer {
    /// §8.2: where the callee does not know session timers and the caller does, the caller alone refreshes.
    pub(crate) fn complete(self, response: &mut Response) {
        let headers = response.headers_mut();
        if !self.known_by_caller || headers.contains(&HeaderName::SessionExpires) {
            return;
        }
        headers.push(&SessionExpires::of(self.seconds, Some(Refresher::Uac)));
        headers.push_raw(HeaderName::Require, &Text::from_static(TIMER));
    }
}

const TIMER: &str = "timer";

fn understands_timer(headers: &Headers) -> bool {
    let is_timer = |tag: &[u8]| tag.eq_ignore_ascii_case(TIMER.as_bytes());
    let mut supported = headers.all::<Supported>().flatten();
    supported.any(|Supported(tag)| is_timer(&tag))
}
