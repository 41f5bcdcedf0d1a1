//! How fast operations begin: at a rate, come what may, or as fast as others end.

use std::time::{Duration, Instant};

use crate::schedule::Schedule;

/// Operations of one work that may be under way at a time: what a dead server cannot make us exceed.
const MOST_PENDING: u64 = 500_000;

/// What decides when the next operation begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// Each when it is due, however many are still under way.
    Open(Schedule),
    /// The next one when one of so many ended.
    Closed(u64),
}

/// When the run begins, counts and ends; the same for all workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) start: Instant,
    pub(crate) measured_from: Instant,
    pub(crate) until: Instant,
}

/// The pace of one work.
#[derive(Debug)]
pub(crate) struct Pace {
    mode: Mode,
    /// How many operations, at most.
    limit: Option<u64>,
    term: Option<Term>,
    begun: u64,
    ended: u64,
    /// No phone is free.
    blocked: bool,
    stopped: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(mode: Mode, limit: Option<u64>) -> Pace {
        Pace {
            mode,
            limit,
            term: None,
            begun: 0,
            ended: 0,
            blocked: false,
            stopped: None,
        }
    }

    pub(crate) fn start(&mut self, term: Term) {
        self.term = Some(term);
    }

    /// No further operations.
    pub(crate) fn stop(&mut self, now: Instant) {
        self.stopped.get_or_insert(now);
    }

    /// Ends by itself when its time is over.
    pub(crate) fn look_at(&mut self, now: Instant) {
        if let Some(term) = self.term.filter(|term| now >= term.until) {
            self.stop(term.until);
        }
    }

    /// When the next operation is due; in the past if it should have begun by now.
    pub(crate) fn next(&self) -> Option<Instant> {
        let term = self.term?;
        if self.blocked || self.stopped.is_some() || self.is_exhausted() {
            return None;
        }
        match self.mode {
            Mode::Open(schedule) if self.pending() < MOST_PENDING => {
                Some(term.start + schedule.due(self.begun)).filter(|due| *due < term.until)
            }
            Mode::Closed(window) if self.pending() < window => Some(term.start),
            _ => None,
        }
    }

    /// When the next operation is due, if that is by `now`. One that waits for another is due the moment it may begin.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.next().filter(|due| *due <= now)?;
        Some(match self.mode {
            Mode::Open(_) => due,
            Mode::Closed(_) => now,
        })
    }

    pub(crate) fn begin(&mut self) {
        self.begun += 1;
    }

    pub(crate) fn end(&mut self) {
        self.ended += 1;
        self.blocked = false;
    }

    /// Nobody was free to begin after all: waits for the next end.
    pub(crate) fn unbegin(&mut self) {
        self.begun -= 1;
        self.blocked = true;
    }

    pub(crate) fn pending(&self) -> u64 {
        self.begun - self.ended
    }

    /// How many operations there are to be, at most.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Whether all that was asked for has begun.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.limit.is_some_and(|limit| self.begun >= limit)
    }

    /// How many operations that count were due and never begun.
    pub(crate) fn owed(&self) -> u64 {
        let (Mode::Open(schedule), Some(term), Some(stopped)) =
            (self.mode, self.term, self.stopped)
        else {
            return 0;
        };
        let since_start = |at: Instant| at.saturating_duration_since(term.start);
        let uncounted = schedule.due_before(since_start(term.measured_from));
        let due = schedule.due_before(since_start(stopped.min(term.until)));
        let due = self.limit.map_or(due, |limit| due.min(limit));
        due.saturating_sub(self.begun.max(uncounted))
    }
}

/// The pauses between one request and the next of the same (§17.1.2.2: timer E), the last of them until it is given
/// up (timer F).
pub(crate) fn pauses(t1: Duration, t2: Duration) -> Vec<Duration> {
    let mut left = 64 * t1;
    let mut pause = t1;
    let mut pauses = Vec::new();
    while left > pause {
        pauses.push(pause);
        left -= pause;
        pause = (2 * pause).min(t2.max(t1));
    }
    pauses.push(left);
    pauses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(seconds: u64) -> Term {
        let start = Instant::now();
        Term {
            start,
            measured_from: start,
            until: start + Duration::from_secs(seconds),
        }
    }

    #[test]
    fn the_pauses_are_those_of_timers_e_and_f() {
        let ms = |pauses: Vec<Duration>| pauses.iter().map(Duration::as_millis).collect::<Vec<_>>();
        let pauses = ms(pauses(Duration::from_millis(500), Duration::from_secs(4)));
        assert_eq!(
            pauses,
            [
                500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 500
            ]
        );
    }

    #[test]
    fn at_a_rate_nobody_waits_for_answers() {
        let term = term(10);
        let mut pace = Pace::new(Mode::Open(Schedule::new(10.0, Duration::ZERO, 0, 1)), None);
        assert_eq!(pace.next(), None);
        pace.start(term);
        let late = term.start + Duration::from_millis(250);
        let mut begun = Vec::new();
        while let Some(due) = pace.due(late) {
            begun.push((due - term.start).as_millis());
            pace.begin();
        }
        assert_eq!(begun, [0, 100, 200]);
        assert_eq!(pace.next(), Some(term.start + Duration::from_millis(300)));
        pace.look_at(term.until + Duration::from_secs(1));
        assert_eq!((pace.next(), pace.owed()), (None, 97));
    }

    #[test]
    fn a_window_opens_when_something_ends() {
        let term = term(10);
        let mut pace = Pace::new(Mode::Closed(2), Some(3));
        pace.start(term);
        let now = term.start + Duration::from_secs(1);
        for _ in 0..2 {
            assert_eq!(pace.due(now), Some(now));
            pace.begin();
        }
        assert_eq!(pace.due(now), None);
        pace.end();
        assert_eq!(pace.due(now), Some(now));
        pace.begin();
        pace.end();
        assert_eq!(
            (pace.due(now), pace.is_exhausted(), pace.pending()),
            (None, true, 1)
        );
    }
}
