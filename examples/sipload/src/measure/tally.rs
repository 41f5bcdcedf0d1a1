//! What one worker counts, and how the rest of the program gets to see it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::counts::Counts;
use super::latency::Latencies;

/// One of the kinds of operations of a [`Tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KindId(pub(crate) usize);

/// An operation under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// When it was due, whenever it began.
    pub(crate) due: Instant,
    /// Whether it counts: what was due during warm-up does not.
    pub(crate) measured: bool,
}

/// The counts and latencies of one kind of operation.
#[derive(Debug, Clone)]
pub(crate) struct KindTally {
    pub(crate) counts: Counts,
    /// The final statuses of those refused.
    pub(crate) refusals: BTreeMap<u16, u64>,
    /// From due to answered.
    pub(crate) latencies: Latencies,
    /// From due to sent.
    pub(crate) lags: Latencies,
}

impl KindTally {
    pub(crate) fn new() -> KindTally {
        KindTally {
            counts: Counts::default(),
            refusals: BTreeMap::new(),
            latencies: Latencies::new(),
            lags: Latencies::new(),
        }
    }

    /// Adds what `other` counted, and takes it away there.
    pub(crate) fn take(&mut self, other: &mut KindTally) {
        self.counts += std::mem::take(&mut other.counts);
        for (status, count) in std::mem::take(&mut other.refusals) {
            *self.refusals.entry(status).or_default() += count;
        }
        for (mine, theirs) in [
            (&mut self.latencies, &mut other.latencies),
            (&mut self.lags, &mut other.lags),
        ] {
            if !theirs.is_empty() {
                mine.add(theirs);
                theirs.clear();
            }
        }
    }
}

/// What one worker counts. It tells the rest a few times a second, so that counting takes no lock.
#[derive(Debug)]
pub(crate) struct Tally {
    measured_from: Option<Instant>,
    kinds: Vec<KindTally>,
    share: Arc<Share>,
}

/// Where a worker leaves what it counted since it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Share(Mutex<Shared>);

#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) kinds: Vec<KindTally>,
    /// How the preparation went, once it is over.
    pub(crate) prepared: Option<Prepared>,
    /// Operations under way.
    pub(crate) unfinished: u64,
    /// Phones that have registered since the generator started.
    pub(crate) contacts: u64,
    /// All operations that were asked for have begun.
    pub(crate) exhausted: bool,
    /// Why going on makes no sense, if it does not.
    pub(crate) hopeless: Option<String>,
    /// Everything is counted, and nothing more will be.
    pub(crate) finished: bool,
}

/// How the preparation went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub(crate) succeeded: u64,
    pub(crate) lost: u64,
    /// With the status of one of them.
    pub(crate) refused: Option<(u64, u16)>,
}

impl Share {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    pub(crate) fn new(kinds: usize, share: Arc<Share>) -> Tally {
        let kinds = vec![KindTally::new(); kinds];
        share.lock().kinds.clone_from(&kinds);
        Tally {
            measured_from: None,
            kinds,
            share,
        }
    }

    /// Counts what is due from then on.
    pub(crate) fn measure_from(&mut self, from: Instant) {
        self.measured_from = Some(from);
    }

    /// Whether what happens now counts.
    fn is_measuring(&self, now: Instant) -> bool {
        self.measured_from.is_some_and(|from| now >= from)
    }

    pub(crate) fn begin(&mut self, kind: KindId, due: Instant, now: Instant) -> Operation {
        let measured = self.is_measuring(due);
        if measured {
            let kind = &mut self.kinds[kind.0];
            kind.counts.due += 1;
            kind.counts.begun += 1;
            kind.lags.record(now.saturating_duration_since(due));
        }
        Operation { due, measured }
    }

    /// Operations that were due and never begun.
    pub(crate) fn owe(&mut self, kind: KindId, count: u64) {
        self.kinds[kind.0].counts.due += count;
    }

    pub(crate) fn succeed(&mut self, kind: KindId, operation: Operation, latency: Duration) {
        if operation.measured {
            self.kinds[kind.0].counts.succeeded += 1;
            self.kinds[kind.0].latencies.record(latency);
        }
    }

    pub(crate) fn refuse(&mut self, kind: KindId, operation: Operation, status: u16) {
        if operation.measured {
            self.kinds[kind.0].counts.refused += 1;
            *self.kinds[kind.0].refusals.entry(status).or_default() += 1;
        }
    }

    pub(crate) fn lose(&mut self, kind: KindId, operation: Operation) {
        self.kinds[kind.0].counts.lost += u64::from(operation.measured);
    }

    pub(crate) fn leave_unfinished(&mut self, kind: KindId, operation: Operation) {
        self.kinds[kind.0].counts.unfinished += u64::from(operation.measured);
    }

    pub(crate) fn retransmit(&mut self, kind: KindId, measured: bool) {
        self.kinds[kind.0].counts.retransmissions += u64::from(measured);
    }

    pub(crate) fn duplicate(&mut self, kind: KindId, now: Instant) {
        self.kinds[kind.0].counts.duplicates += u64::from(self.is_measuring(now));
    }

    pub(crate) fn late(&mut self, kind: KindId, now: Instant) {
        self.kinds[kind.0].counts.late += u64::from(self.is_measuring(now));
    }

    pub(crate) fn stray(&mut self, kind: KindId, now: Instant) {
        self.kinds[kind.0].counts.stray += u64::from(self.is_measuring(now));
    }

    /// Lets the rest of the program see what was counted since last time.
    pub(crate) fn publish(&mut self, also: impl FnOnce(&mut Shared)) {
        let mut shared = self.share.lock();
        for (shared, kind) in shared.kinds.iter_mut().zip(&mut self.kinds) {
            shared.take(kind);
        }
        also(&mut shared);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_during_warm_up_counts_nowhere() {
        let share = Arc::new(Share::default());
        let mut tally = Tally::new(1, share.clone());
        let (kind, start) = (KindId(0), Instant::now());
        tally.measure_from(start + Duration::from_secs(1));
        let early = tally.begin(kind, start, start + Duration::from_secs(2));
        tally.succeed(kind, early, Duration::from_secs(1));
        tally.retransmit(kind, early.measured);
        let counted = tally.begin(
            kind,
            start + Duration::from_secs(1),
            start + Duration::from_secs(2),
        );
        tally.refuse(kind, counted, 500);
        tally.publish(|_| {});
        let shared = share.lock();
        let expected = Counts {
            due: 1,
            begun: 1,
            refused: 1,
            ..Counts::default()
        };
        assert_eq!(shared.kinds[0].counts, expected);
        assert_eq!(shared.kinds[0].refusals, BTreeMap::from([(500, 1)]));
        assert_eq!(shared.kinds[0].lags.percentiles().p50, 1_000_447);
    }
}
