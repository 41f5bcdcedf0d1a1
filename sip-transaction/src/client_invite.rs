//! INVITE client transaction (RFC 3261 §17.1.1, with Accepted from RFC 6026 §7.2).

use bytes::Bytes;
use sip_core::StatusClass;

use crate::client::{Client, Input};
use crate::machine::{Actions, Machine};
use crate::timer::Timer;

/// Where an INVITE we sent stands.
///
/// ```text
///                               │ INVITE from TU
///                               │ INVITE sent
///                         ┌─────▼──────┐ Timer B or Transport Err.: inform TU
///    Timer A: INVITE sent │            ├────────────────────────────────────┐
///               ┌─────────┤  Calling   │                                    │
///               └─────────►            ├──────────────┐ 2xx                 │
///       ┌─────────────────┤            │              │ 2xx to TU           │
///       │ 300-699         └─────┬──────┘              │                     │
///       │ ACK sent          1xx │                     │                     │
///       │ resp. to TU 1xx to TU │                     │                     │
///       │                 ┌─────▼──────┐ 64·T1 after a CANCEL (§9.1): inform TU
///       │ 1xx   ┌─────────┤            ├ ─ ─ ─ ─ ─ ─ ─│─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ►│
///       │ to TU └─────────► Proceeding │              │                     │
///       │                 │            ├──────────┐ 2xx                     │
///       │                 └─────┬──────┘          │ 2xx to TU               │
///       │               300-699 │                 │   │                     │
///       │ ACK sent, resp. to TU │                 │   │                     │
///       │                 ┌─────▼──────┐       ┌──▼───▼─────┐               │
///       └─────────────────►            │       │            ├──┐ 2xx        │
///      300-699  ┌─────────┤ Completed  │       │  Accepted  │  │ 2xx to TU  │
///      ACK sent └─────────►            │       │            ◄──┘            │
///                         └──┬──────┬──┘       └─────┬──────┘               │
///                    Timer D │      │ Transport Err. │ Timer M              │
///                          - │      │ inform TU      │ -                    │
///                         ┌──▼──────▼────────────────▼──┐                   │
///                         │         Terminated          ◄───────────────────┘
///                         └─────────────────────────────┘
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Sent, and nothing came back yet. Timers A (not over reliable transports) and B.
    Calling,
    /// A provisional response came. Timer B again, once it is cancelled.
    Proceeding,
    /// A 2xx came; its repetitions and those of other branches go up. Timer M.
    Accepted,
    /// A failure came and was acknowledged. Timer D.
    Completed {
        /// What every repetition of the failure is answered with.
        ack: Bytes,
    },
    /// Nothing is left to do.
    Terminated,
}

impl Machine for State {
    type Input = Input;
    type Side<'a> = Client<'a>;
    const TERMINATED: State = State::Terminated;

    fn begin(act: &mut Actions<'_, Client<'_>>) -> State {
        act.send_request();
        act.start_unless_reliable(Timer::A);
        act.start(Timer::B);
        State::Calling
    }

    fn step(self, input: Input, act: &mut Actions<'_, Client<'_>>) -> State {
        use Input::{Fires, Receives, TransportError};
        use State::{Accepted, Calling, Completed, Proceeding, Terminated};
        use StatusClass::{Provisional, Success};
        match (self, input) {
            (Calling, Fires(Timer::A, last)) => {
                act.send_request();
                act.restart(Timer::A, last);
                Calling
            }
            (Calling | Proceeding, Fires(Timer::B, _)) => {
                act.timeout();
                Terminated
            }
            (Calling, TransportError) => {
                act.transport_failure();
                Terminated
            }
            (Calling | Proceeding, Receives(Provisional)) => {
                act.pass_up();
                Proceeding
            }
            (Calling | Proceeding | Accepted, Receives(Success)) => {
                act.pass_up();
                act.start_once(Timer::M);
                Accepted
            }
            (Accepted, Fires(Timer::M, _)) => Terminated,
            (Calling | Proceeding, Receives(_failure)) => {
                let ack = act.acknowledge();
                act.pass_up();
                act.start(Timer::D);
                Completed { ack }
            }
            (Completed { ack }, Receives(class)) if !matches!(class, Provisional | Success) => {
                act.send(&ack);
                act.repeated();
                Completed { ack }
            }
            (Completed { .. }, Fires(Timer::D, _)) => Terminated,
            (Completed { .. }, TransportError) => {
                act.transport_failure();
                Terminated
            }
            (unmoved, _) => unmoved, // the figure draws no other arrow
        }
    }
}
