//! When a worker sleeps on purpose before it looks for datagrams again: to find several instead of one.
//!
//! To wake a sleeping core costs more than to handle a message. While datagrams come fast enough that a short sleep
//! makes a batch of them, it is worth it; while they come one by one it would only add to their delay.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rustix::thread::set_current_timer_slack;

/// Decides after each turn, from what the last moments brought.
pub(crate) struct Pause {
    longest: Duration,
    window: Instant,
    /// Datagrams in this window so far, and in the one before.
    count: usize,
    before: usize,
}

/// The rate is measured over so long: long enough for a batch to be no accident, short enough to be of now.
const WINDOW: Duration = Duration::from_millis(4);

/// Fewer are not worth a delay.
const WORTHWHILE: usize = 3;

/// As many in one go already cost hardly less each if they were more.
const ENOUGH: usize = 32;

impl Pause {
    /// Pauses of `longest` at most; none if that is zero.
    pub(crate) fn new(longest: Duration, now: Instant) -> Pause {
        Pause {
            longest,
            window: now,
            count: 0,
            before: 0,
        }
    }

    /// Has the current thread wake when it wants to. The kernel takes 50 µs more if nobody asks.
    pub(crate) fn prepare(&self) {
        if !self.longest.is_zero() {
            // Where it is refused, pauses are longer.
            let _ = set_current_timer_slack(NonZeroU64::new(1));
        }
    }

    /// How long to sleep after a turn at `now` that took `received` datagrams and left none; `None` if not at all.
    pub(crate) fn after(&mut self, now: Instant, received: usize) -> Option<Duration> {
        if self.longest.is_zero() || received == 0 {
            return None;
        }
        self.count(now, received);
        let expected = |sleep: Duration| self.before as f64 * sleep.div_duration_f64(WINDOW);
        if received >= ENOUGH || expected(self.longest) < WORTHWHILE as f64 {
            return None;
        }
        let until_enough = WINDOW.mul_f64(ENOUGH as f64 / self.before as f64);
        Some(self.longest.min(until_enough))
    }

    fn count(&mut self, now: Instant, received: usize) {
        let passed = now.saturating_duration_since(self.window);
        if passed >= WINDOW {
            // A window that lasted longer, since nothing came to end it, had fewer in each part of it.
            self.before = (self.count as f64 / passed.div_duration_f64(WINDOW)) as usize;
            self.count = 0;
            self.window = now;
        }
        self.count += received;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_micros(250);

    /// The pauses of `turns` turns, with datagrams `apart` from each other and taken one by one, or as many as came
    /// during a pause.
    fn pauses(apart: Duration, turns: u32) -> Vec<Option<Duration>> {
        let mut now = Instant::now();
        let mut pause = Pause::new(LONGEST, now);
        let mut slept = Duration::ZERO;
        let mut turn = || {
            now += slept.max(apart);
            let arrived = slept.div_duration_f64(apart) as usize;
            let sleep = pause.after(now, arrived.max(1));
            slept = sleep.unwrap_or_default();
            sleep
        };
        (0..turns).map(|_| turn()).collect()
    }

    #[test]
    fn what_comes_one_by_one_is_taken_at_once() {
        for rate in [1, 100, 1000, 5000, 10_000] {
            let apart = Duration::from_secs(1) / rate;
            assert!(pauses(apart, 2000).iter().all(Option::is_none), "{rate}/s");
        }
    }

    #[test]
    fn what_comes_fast_is_waited_for_and_never_longer_than_asked() {
        for rate in [20_000, 66_000, 120_000] {
            let seen = pauses(Duration::from_secs(1) / rate, 2000);
            // The first window is there to learn from.
            let learnt = seen.iter().position(Option::is_some).unwrap();
            assert!(seen[learnt..].iter().all(|pause| *pause == Some(LONGEST)));
        }
    }

    #[test]
    fn a_batch_is_enough_and_no_pause_is_longer_than_one_takes() {
        let now = Instant::now();
        let mut pause = Pause::new(LONGEST, now);
        assert_eq!(pause.after(now, 1280), None);
        let now = now + WINDOW;
        // 320,000 a second make 32 in a tenth of a millisecond.
        assert_eq!(pause.after(now, 1), Some(Duration::from_micros(100)));
        assert_eq!(pause.after(now, ENOUGH), None);
    }

    #[test]
    fn after_a_silence_nobody_waits() {
        let now = Instant::now();
        let mut pause = Pause::new(LONGEST, now);
        pause.after(now, 100);
        assert!(pause.after(now + WINDOW, 1).is_some());
        assert_eq!(pause.after(now + Duration::from_secs(1), 1), None);
    }

    #[test]
    fn zero_switches_it_off() {
        let now = Instant::now();
        let mut pause = Pause::new(Duration::ZERO, now);
        pause.after(now, 1000);
        assert_eq!(pause.after(now + WINDOW, 1), None);
    }
}
