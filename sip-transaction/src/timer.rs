//! The timers by their RFC names, and their values (RFC 3261 §17, table 4; RFC 6026 §8; RFC 4320 §4.1).

use std::fmt;
use std::time::Duration;

use sip_core::Transport;

/// A timer of the four machines. C is the proxy's own (§16.6 step 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// Sends an INVITE again.
    A,
    /// Gives an INVITE up.
    B,
    /// Keeps the ACK of a failure response ready.
    D,
    /// Sends a request other than INVITE again.
    E,
    /// Gives a request other than INVITE up, at either end.
    F,
    /// Sends the failure response to an INVITE again.
    G,
    /// Gives up waiting for the ACK.
    H,
    /// Absorbs further ACKs.
    I,
    /// Keeps the final response to a request other than INVITE ready.
    J,
    /// Absorbs further final responses to a request other than INVITE.
    K,
    /// Absorbs further INVITEs after a 2xx.
    L,
    /// Waits for further 2xx.
    M,
    /// Has no letter: a server sends 100 (Trying) by itself (§17.2.1, RFC 4320 §4.1).
    Trying,
}

impl Timer {
    /// Whether it makes something leave, and leaves the state as it is. A transaction runs at most one timer
    /// of this kind and one of the other.
    pub(crate) const fn sends(self) -> bool {
        matches!(self, Timer::A | Timer::E | Timer::G | Timer::Trying)
    }

    /// Whether it ends a state that only meets repetitions of what is done.
    pub(crate) const fn lingers(self) -> bool {
        use Timer::{D, I, J, K, L, M};
        matches!(self, D | I | J | K | L | M)
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timer {self:?}")
    }
}

/// What all timers are derived from (§17.1.1.1, §17.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// The round trip time to expect.
    pub t1: Duration,
    /// The longest pause between two sendings of a request other than INVITE, or of a response to INVITE.
    pub t2: Duration,
    /// The longest a message stays in the network.
    pub t4: Duration,
    /// The longest D, I, J, K, L and M wait, whatever the rest says. Those who pass thousands of transactions a
    /// second over a network they know need not keep each for half a minute; by default nothing is cut short.
    pub linger: Duration,
}

impl Default for Timers {
    /// 500 ms, 4 s and 5 s; lingering is as long as the RFC has it.
    fn default() -> Timers {
        Timers {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            linger: Duration::MAX,
        }
    }
}

impl Timers {
    /// Timer D's least value: the client cannot know the server's T1 (§17.1.1.2).
    const LEAST_D: Duration = Duration::from_secs(32);

    /// How long a server waits for its user before it sends a 100 to an INVITE (§17.2.1).
    const TRYING_INVITE: Duration = Duration::from_millis(200);

    /// The nearest values that make sense: without a pause a message would be sent for ever.
    pub(crate) fn bounded(self) -> Timers {
        let (least, most) = (Duration::from_millis(1), Duration::from_secs(3600));
        Timers {
            t1: self.t1.clamp(least, most),
            t2: self.t2.clamp(least, most),
            t4: self.t4.min(most),
            linger: self.linger,
        }
    }

    /// 64·T1: how long a transaction waits for the other side.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.t1 * 64
    }

    /// The value `timer` starts with; zero means at once, and is what table 4 gives the lingering states over
    /// reliable transports.
    #[must_use]
    pub fn first(&self, timer: Timer, transport: Transport) -> Duration {
        let unless_reliable = |value: Duration| match transport.is_reliable() {
            true => Duration::ZERO,
            false => value.min(self.linger),
        };
        match timer {
            Timer::A | Timer::E | Timer::G => self.t1,
            Timer::B | Timer::F | Timer::H => self.patience(),
            Timer::L | Timer::M => self.patience().min(self.linger),
            Timer::D => unless_reliable(self.patience().max(Timers::LEAST_D)),
            Timer::J => unless_reliable(self.patience()),
            Timer::I | Timer::K => unless_reliable(self.t4),
            Timer::Trying => Timers::TRYING_INVITE,
        }
    }

    /// The pause after a pause of `last`: A doubles, E and G double up to T2.
    #[must_use]
    pub fn next(&self, timer: Timer, last: Duration) -> Duration {
        match timer {
            Timer::A => last * 2,
            _ => (last * 2).min(self.t2),
        }
    }

    /// How long a client's timer E takes to be reset to T2: until then a 100 to anything but INVITE would
    /// only slow its retransmissions down (RFC 4320 §4.1).
    #[must_use]
    pub fn trying_non_invite(&self) -> Duration {
        let (mut elapsed, mut interval) = (Duration::ZERO, self.t1);
        loop {
            elapsed += interval;
            interval = self.next(Timer::E, interval);
            if interval >= self.t2 {
                return elapsed;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_4_of_rfc_3261() {
        let timers = Timers::default();
        let udp = |timer| timers.first(timer, Transport::Udp);
        let tcp = |timer| timers.first(timer, Transport::Tcp);
        assert_eq!(udp(Timer::A), Duration::from_millis(500));
        assert_eq!(udp(Timer::B), Duration::from_secs(32));
        assert_eq!(
            (udp(Timer::D), tcp(Timer::D)),
            (Duration::from_secs(32), Duration::ZERO)
        );
        assert_eq!(
            (udp(Timer::I), tcp(Timer::I)),
            (Duration::from_secs(5), Duration::ZERO)
        );
        assert_eq!(
            (udp(Timer::J), tcp(Timer::J)),
            (Duration::from_secs(32), Duration::ZERO)
        );
        assert_eq!(
            (udp(Timer::K), tcp(Timer::K)),
            (Duration::from_secs(5), Duration::ZERO)
        );
        assert_eq!(
            (udp(Timer::H), tcp(Timer::H)),
            (Duration::from_secs(32), Duration::from_secs(32))
        );
    }

    #[test]
    fn what_only_waits_for_repetitions_can_be_cut_short() {
        let linger = Duration::from_secs(1);
        let timers = Timers {
            linger,
            ..Timers::default()
        };
        for timer in [Timer::D, Timer::I, Timer::J, Timer::K, Timer::L, Timer::M] {
            assert_eq!(timers.first(timer, Transport::Udp), linger, "{timer}");
        }
        for timer in [Timer::B, Timer::F, Timer::H] {
            assert_eq!(timers.first(timer, Transport::Udp), timers.patience());
        }
    }

    #[test]
    fn timer_e_reaches_t2_after_three_and_a_half_seconds() {
        assert_eq!(
            Timers::default().trying_non_invite(),
            Duration::from_millis(3500)
        );
    }

    #[test]
    fn a_small_t1_does_not_shorten_timer_d() {
        let timers = Timers {
            t1: Duration::from_millis(10),
            ..Timers::default()
        };
        assert_eq!(
            timers.first(Timer::D, Transport::Udp),
            Duration::from_secs(32)
        );
    }
}
