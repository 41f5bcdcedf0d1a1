//! INVITE server transaction (RFC 3261 §17.2.1, as RFC 6026 §7.1 redraws it).

use bytes::Bytes;
use sip_core::StatusClass;

use crate::machine::{Actions, Machine};
use crate::server::{Input, Server};
use crate::timer::Timer;

/// Where an INVITE we received stands.
///
/// ```text
///                               │ INVITE
///                               │ pass INVITE to TU
///                         ┌─────▼──────┐
///    INVITE: send response│            │101-199 from TU: send response
///                      ┌──┤            ├──┐
///                      └──►            ◄──┘
///          200 ms without │ Proceeding │
///     a response: send 100│            │Transport Err.: inform TU
///                      ┌──┤            ├──┐
///                      └──►            ◄──┘
///                         └──┬──────┬──┘
///            300-699 from TU │      │ 2xx from TU
///              send response │      │ send response
///                            │      └────────────────┐
///                      ┌─────▼──────┐          ┌─────▼──────┐
/// INVITE: send response│            │          │            │INVITE: -
///                   ┌──┤            │          │            ├──┐
///                   └──►            │          │            ◄──┘
///   Timer G: send resp.│ Completed  │          │            │ACK: to TU
///                   ┌──┤            │          │  Accepted  ├──┐
///                   └──►            │          │            ◄──┘
///       Transport Err.:│            │          │            │2xx from TU: send response
///            inform TU │            │          │            ├──┐
///                   ┌──┤            │          │            ◄──┘
///                   └──►            │          │            │Transport Err.: inform TU
///                      └──┬──────┬──┘          │            ├──┐
///                     ACK │      │ Timer H     │            ◄──┘
///                       - │      │ inform TU   └─────┬──────┘
///                  ┌──────▼────┐ │                   │
///                  │ Confirmed │ │                   │ Timer L
///                  └──────┬────┘ │                   │ -
///                 Timer I │      │                   │
///                       - │      │                   │
///                      ┌──▼──────▼───────────────────▼──┐
///                      │           Terminated           │
///                      └────────────────────────────────┘
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing final was sent. Timer Trying until the first provisional response.
    Proceeding {
        /// The provisional response sent last; answers repetitions of the INVITE.
        last: Option<Bytes>,
    },
    /// A failure was sent. Timers G (not over reliable transports) and H.
    Completed {
        /// The failure; answers repetitions of the INVITE.
        response: Bytes,
    },
    /// The failure was acknowledged; further ACKs are absorbed. Timer I.
    Confirmed,
    /// A 2xx was sent; repeating it is the user's task. Timer L.
    Accepted,
    /// Nothing is left to do.
    Terminated,
}

impl Machine for State {
    type Input = Input;
    type Side<'a> = Server<'a>;
    const TERMINATED: State = State::Terminated;

    fn begin(act: &mut Actions<'_, Server<'_>>) -> State {
        act.start(Timer::Trying);
        State::Proceeding { last: None }
    }

    fn step(self, input: Input, act: &mut Actions<'_, Server<'_>>) -> State {
        use Input::{Acknowledged, Fires, Repeated, Responds, TransportError};
        use State::{Accepted, Completed, Confirmed, Proceeding, Terminated};
        use StatusClass::{Provisional, Success};
        match (self, input) {
            (Proceeding { last }, Repeated) => {
                last.iter().for_each(|response| act.send(response));
                Proceeding { last }
            }
            (Proceeding { .. }, Fires(Timer::Trying, _)) => {
                let trying = act.trying();
                act.send(&trying);
                Proceeding { last: Some(trying) }
            }
            (Proceeding { .. }, Responds(Provisional, response)) => {
                act.send(&response);
                act.stop(Timer::Trying);
                Proceeding {
                    last: Some(response),
                }
            }
            (Proceeding { .. } | Accepted, Responds(Success, response)) => {
                act.send(&response);
                act.start_once(Timer::L);
                Accepted
            }
            (Proceeding { .. }, Responds(_failure, response)) => {
                act.send(&response);
                act.start_unless_reliable(Timer::G);
                act.start(Timer::H);
                Completed { response }
            }
            (Completed { response }, Repeated) => {
                act.send(&response);
                Completed { response }
            }
            (Completed { response }, Fires(Timer::G, last)) => {
                act.send(&response);
                act.restart(Timer::G, last);
                Completed { response }
            }
            (Completed { .. }, Acknowledged) => {
                act.start(Timer::I);
                Confirmed
            }
            (Completed { .. }, Fires(Timer::H, _)) => {
                act.failed();
                Terminated
            }
            (Confirmed, Fires(Timer::I, _)) => Terminated,
            (Accepted, Acknowledged) => {
                act.pass_up();
                Accepted
            }
            (Accepted, Fires(Timer::L, _)) => Terminated,
            (state @ (Proceeding { .. } | Completed { .. } | Accepted), TransportError) => {
                act.failed();
                state
            }
            (unmoved, _) => unmoved, // the figure draws no other arrow
        }
    }
}

impl State {
    /// Whether the figure has an arrow for a response of `class` from the user.
    pub(crate) fn takes(&self, class: StatusClass) -> bool {
        match self {
            State::Proceeding { .. } => true,
            State::Accepted => class == StatusClass::Success,
            State::Completed { .. } | State::Confirmed | State::Terminated => false,
        }
    }
}
