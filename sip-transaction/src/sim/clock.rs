//! The run's clock in the hands of a service, so that a backend can answer late.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// What the clock of a [`Sim`](super::Sim) shows, for whoever answers queries in it.
///
/// ```
/// use std::future::Future;
/// use std::pin::pin;
/// use std::task::{Context, Waker};
/// use std::time::Duration;
///
/// use sip_transaction::sim::{Link, Sim};
///
/// let mut sim = Sim::new(Link::udp());
/// let clock = sim.clock();
/// let mut answer = pin!(async move {
///     clock.sleep(Duration::from_secs(3)).await;
///     "late"
/// });
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(answer.as_mut().poll(&mut context).is_pending());
/// sim.run();
/// assert_eq!(sim.elapsed(), Duration::from_secs(3));
/// assert!(answer.as_mut().poll(&mut context).is_ready());
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Face>>);

#[derive(Debug)]
struct Face {
    now: Instant,
    /// When somebody wants to be polled again.
    wakes: BTreeSet<Instant>,
}

impl Clock {
    pub(crate) fn new(now: Instant) -> Clock {
        Clock(Arc::new(Mutex::new(Face {
            now,
            wakes: BTreeSet::new(),
        })))
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.face().now
    }

    /// Is over when `time` has passed since it was polled first. The run goes on till then.
    pub async fn sleep(&self, time: Duration) {
        let mut until = None;
        poll_fn(|_| {
            let mut face = self.face();
            let now = face.now;
            let until = *until.get_or_insert_with(|| {
                face.wakes.insert(now + time);
                now + time
            });
            match now >= until {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.face().wakes.first().copied()
    }

    /// Shows `now`. Returns whether somebody has waited for that.
    pub(crate) fn advance(&self, now: Instant) -> bool {
        let mut face = self.face();
        face.now = now;
        let before = face.wakes.len();
        while face.wakes.first().is_some_and(|at| *at <= now) {
            face.wakes.pop_first();
        }
        face.wakes.len() < before
    }

    fn face(&self) -> MutexGuard<'_, Face> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
