//! Non-INVITE client transaction (RFC 3261 §17.1.2).

use sip_core::StatusClass;

use crate::client::{Client, Input};
use crate::machine::{Actions, Machine};
use crate::timer::Timer;

/// Where a request we sent stands.
///
/// ```text
///                               │ request from TU
///                               │ request sent
///                         ┌─────▼──────┐ Timer F or Transport Err.: inform TU
///   Timer E: request sent │            ├────────────────────────────────────┐
///               ┌─────────┤   Trying   │                                    │
///               └─────────►            │                                    │
///       ┌─────────────────┤            │                                    │
///       │ 200-699         └─────┬──────┘                                    │
///       │ resp. to TU       1xx │                                           │
///       │           resp. to TU │                                           │
///       │                 ┌─────▼──────┐ Timer F or Transport Err.: inform TU
///       │ Timer E:        │            ├───────────────────────────────────►│
///       │ sent ┌──────────┤ Proceeding ├──┐ 1xx                             │
///       │ again└──────────►            ◄──┘ resp. to TU                     │
///       │                 └─────┬──────┘                                    │
///       │               200-699 │                                           │
///       │           resp. to TU │                                           │
///       │                 ┌─────▼──────┐                                    │
///       └─────────────────► Completed  │                                    │
///                         └─────┬──────┘                                    │
///                       Timer K │                                           │
///                             - │                                           │
///                         ┌─────▼──────┐                                    │
///                         │ Terminated ◄────────────────────────────────────┘
///                         └────────────┘
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Sent, and nothing came back yet. Timers E (not over reliable transports) and F.
    Trying,
    /// A provisional response came, which does not stop timers E and F.
    Proceeding,
    /// A final response came. Timer K.
    Completed,
    /// Nothing is left to do.
    Terminated,
}

impl Machine for State {
    type Input = Input;
    type Side<'a> = Client<'a>;
    const TERMINATED: State = State::Terminated;

    fn begin(act: &mut Actions<'_, Client<'_>>) -> State {
        act.send_request();
        act.start_unless_reliable(Timer::E);
        act.start(Timer::F);
        State::Trying
    }

    fn step(self, input: Input, act: &mut Actions<'_, Client<'_>>) -> State {
        use Input::{Fires, Receives, TransportError};
        use State::{Completed, Proceeding, Terminated, Trying};
        use StatusClass::Provisional;
        match (self, input) {
            (Trying, Fires(Timer::E, last)) => {
                act.send_request();
                act.restart(Timer::E, last);
                Trying
            }
            (Proceeding, Fires(Timer::E, _)) => {
                act.send_request();
                act.restart_at_t2(Timer::E);
                Proceeding
            }
            (Trying | Proceeding, Fires(Timer::F, _)) => {
                act.timeout();
                Terminated
            }
            (Trying | Proceeding, TransportError) => {
                act.transport_failure();
                Terminated
            }
            (Trying | Proceeding, Receives(Provisional)) => {
                act.pass_up();
                act.keep_timers();
                Proceeding
            }
            (Trying | Proceeding, Receives(_final)) => {
                act.pass_up();
                act.start(Timer::K);
                Completed
            }
            (Completed, Receives(class)) if class != Provisional => {
                act.repeated();
                Completed
            }
            (Completed, Fires(Timer::K, _)) => Terminated,
            (unmoved, _) => unmoved, // the figure draws no other arrow
        }
    }
}
