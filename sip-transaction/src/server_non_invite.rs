//! Non-INVITE server transaction (RFC 3261 §17.2.2, with the 100 of RFC 4320 §4.1).

use bytes::Bytes;
use sip_core::StatusClass;

use crate::machine::{Actions, Machine};
use crate::server::{Input, Server};
use crate::timer::Timer;

/// Where a request we received stands.
///
/// ```text
///                               │ request
///                               │ pass to TU
///                         ┌─────▼──────┐ 200-699 from TU
///               request: -│            │ send response
///                      ┌──┤   Trying   ├───────────────────┐
///                      └──►            │                   │
///                         └─────┬──────┘                   │
///         100 from TU, or when  │                          │
///      timer E is at T2 (4320 §4.1): send 100              │
///                         ┌─────▼──────┐                   │
///   request: send response│            │100 from TU: send response
///                      ┌──┤ Proceeding ├──┐                │
///                      └──►            ◄──┘                │
///                         └──┬──────┬──┘                   │
///             Transport Err. │      │ 200-699 from TU      │
///                  inform TU │      │ send response        │
///                            │   ┌──▼─────────┐            │
///                            │   │            ◄────────────┘
///                            │   │ Completed  ├──┐
///                            │   │            ◄──┘ request: send response
///                            │   └──┬──────┬──┘
///                            │      │      │ Transport Err.
///                            │      │      │ inform TU
///                            │      │ Timer J
///                            │      │ -    │
///                         ┌──▼──────▼──────▼──┐
///                         │    Terminated     │
///                         └───────────────────┘
/// ```
///
/// A user that does not answer before the client's timer F need not answer any more (RFC 4320 §4.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing was sent. Timers Trying and F.
    Trying,
    /// A 100 was sent. Timer F.
    Proceeding {
        /// The 100; answers repetitions of the request.
        last: Bytes,
    },
    /// The final response was sent. Timer J.
    Completed {
        /// The final response; answers repetitions of the request.
        response: Bytes,
    },
    /// Nothing is left to do.
    Terminated,
}

impl Machine for State {
    type Input = Input;
    type Side<'a> = Server<'a>;
    const TERMINATED: State = State::Terminated;

    fn begin(act: &mut Actions<'_, Server<'_>>) -> State {
        act.start_for(Timer::Trying, act.timers.trying_non_invite());
        act.start(Timer::F);
        State::Trying
    }

    fn step(self, input: Input, act: &mut Actions<'_, Server<'_>>) -> State {
        use Input::{Fires, Repeated, Responds, TransportError};
        use State::{Completed, Proceeding, Terminated, Trying};
        use StatusClass::Provisional;
        match (self, input) {
            (Trying, Fires(Timer::Trying, _)) => {
                let last = act.trying();
                act.send(&last);
                act.keep_timers();
                Proceeding { last }
            }
            // Over datagrams it waits for the arm above: sent now, it would slow the client's timer E down.
            (Trying, Responds(Provisional, _)) if !act.is_reliable() => Trying,
            (Trying | Proceeding { .. }, Responds(Provisional, response)) => {
                act.send(&response);
                act.stop(Timer::Trying);
                act.keep_timers();
                Proceeding { last: response }
            }
            (Trying | Proceeding { .. }, Responds(_final, response)) => {
                act.send(&response);
                act.start(Timer::J);
                Completed { response }
            }
            (Proceeding { last }, Repeated) => {
                act.send(&last);
                Proceeding { last }
            }
            (Completed { response }, Repeated) => {
                act.send(&response);
                Completed { response }
            }
            (Completed { .. }, Fires(Timer::J, _)) => Terminated,
            (Trying | Proceeding { .. }, Fires(Timer::F, _)) => Terminated,
            (Proceeding { .. } | Completed { .. }, TransportError) => {
                act.failed();
                Terminated
            }
            (unmoved, _) => unmoved, // the figure draws no other arrow
        }
    }
}

impl State {
    /// Whether the figure has an arrow for a response from the user.
    pub(crate) fn takes(&self) -> bool {
        matches!(self, State::Trying | State::Proceeding { .. })
    }
}
