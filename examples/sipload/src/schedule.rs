//! When each operation is due: known before the run begins, so that a slow server cannot slow the load down.

use std::time::Duration;

/// Operations at a steady rate, after a ramp that climbs to it evenly.
///
/// With several workers each has its share: worker 1 of 3 takes operations 1, 4, 7 …
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Schedule {
    per_second: f64,
    ramp: f64,
    worker: u64,
    workers: u64,
}

impl Schedule {
    pub(crate) fn new(per_second: f64, ramp: Duration, worker: u16, workers: u16) -> Schedule {
        Schedule {
            per_second,
            ramp: ramp.as_secs_f64(),
            worker: worker.into(),
            workers: workers.into(),
        }
    }

    /// When the `k`-th operation of this worker is due, from the beginning.
    pub(crate) fn due(&self, k: u64) -> Duration {
        let n = (k * self.workers + self.worker) as f64;
        let while_ramping = self.per_second * self.ramp / 2.0;
        let seconds = match n < while_ramping {
            true => (2.0 * self.ramp * n / self.per_second).sqrt(),
            false => self.ramp + (n - while_ramping) / self.per_second,
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// How many operations of this worker are due before `end`.
    pub(crate) fn due_before(&self, end: Duration) -> u64 {
        let end = end.as_secs_f64();
        let n = match end < self.ramp {
            true => self.per_second * end * end / (2.0 * self.ramp),
            false => self.per_second * (end - self.ramp / 2.0),
        };
        let share = (n - self.worker as f64) / self.workers as f64;
        // What the divisions above round wrongly is set right by looking.
        let mut k = share.max(0.0) as u64;
        while k > 0 && self.due(k - 1).as_secs_f64() >= end {
            k -= 1;
        }
        while self.due(k).as_secs_f64() < end {
            k += 1;
        }
        k
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_has_even_gaps() {
        let schedule = Schedule::new(1000.0, Duration::ZERO, 0, 1);
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(2500), Duration::from_millis(2500));
        assert_eq!(schedule.due_before(Duration::from_secs(3)), 3000);
        assert_eq!(schedule.due_before(Duration::ZERO), 0);
    }

    #[test]
    fn a_ramp_brings_half_as_many() {
        let schedule = Schedule::new(1000.0, Duration::from_secs(2), 0, 1);
        assert_eq!(schedule.due_before(Duration::from_secs(1)), 250);
        assert_eq!(schedule.due_before(Duration::from_secs(2)), 1000);
        assert_eq!(schedule.due_before(Duration::from_secs(3)), 2000);
        let mut last = Duration::ZERO;
        for k in 1..2000 {
            assert!(schedule.due(k) > last, "{k}");
            last = schedule.due(k);
        }
    }

    #[test]
    fn workers_share_the_operations() {
        let end = Duration::from_millis(10_007);
        let all = Schedule::new(997.0, Duration::from_secs(1), 0, 1).due_before(end);
        let shared: u64 = (0..3)
            .map(|worker| Schedule::new(997.0, Duration::from_secs(1), worker, 3).due_before(end))
            .sum();
        assert_eq!(shared, all);
    }
}
