//! How subscribers behave, and what so many of them ask of a server.

use std::time::Duration;

use serde::Serialize;

/// What each subscriber does on average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Behaviour {
    /// Between two keep-alives.
    pub(crate) keepalive: Duration,
    /// Between two registrations.
    pub(crate) refresh: Duration,
    /// Calls a second that begin among 100,000 subscribers.
    pub(crate) calls_per_100k: f64,
    pub(crate) ring: Duration,
    pub(crate) talk: Duration,
}

impl Behaviour {
    /// As the capacity report of 2010 had it.
    pub(crate) const REPORT_2010: Behaviour = Behaviour {
        keepalive: Duration::from_secs(15),
        refresh: Duration::from_secs(3000),
        calls_per_100k: 20.0,
        ring: Duration::from_secs(4),
        talk: Duration::ZERO,
    };

    /// Operations of each kind in a second; zero of what takes for ever to come again.
    pub(crate) fn rates(&self, subscribers: f64) -> [(&'static str, f64); 3] {
        let every = |pause: Duration| match pause.is_zero() {
            true => 0.0,
            false => subscribers / pause.as_secs_f64(),
        };
        [
            ("keepalive", every(self.keepalive)),
            ("register", every(self.refresh)),
            ("call", self.calls(subscribers)),
        ]
    }

    fn calls(&self, subscribers: f64) -> f64 {
        subscribers * self.calls_per_100k / 100_000.0
    }

    /// Calls that ring or are talked on, at any moment.
    pub(crate) fn pending_calls(&self, subscribers: f64) -> f64 {
        self.calls(subscribers) * (self.ring + self.talk).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_subscribers_make_the_load_of_the_report() {
        let [keepalive, register, call] = Behaviour::REPORT_2010
            .rates(1e6)
            .map(|(_, rate)| rate.floor());
        assert_eq!((keepalive, register, call), (66_666.0, 333.0, 200.0));
        assert_eq!(Behaviour::REPORT_2010.pending_calls(1e6), 800.0);
    }

    #[test]
    fn who_sends_no_keep_alives_has_a_pause_of_zero() {
        let silent = Behaviour {
            keepalive: Duration::ZERO,
            ..Behaviour::REPORT_2010
        };
        assert_eq!(silent.rates(1e6)[0], ("keepalive", 0.0));
    }
}
