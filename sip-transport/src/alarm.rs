//! When a worker wakes by itself: on the microsecond, where the runtime's own timers know milliseconds.
//!
//! SIP's timers would not mind. Who sends at given moments, and measures from them, does.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A timer of the kernel's.
pub(crate) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    /// When it goes off, if it has not.
    at: Option<Instant>,
}

impl Alarm {
    /// An alarm in the current runtime.
    pub(crate) fn new() -> io::Result<Alarm> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // What came after it is unsafe, for types that may change their descriptor; an OwnedFd keeps the one it has.
        #[allow(deprecated)]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Alarm { timer, at: None })
    }

    /// Ready at `deadline`, or earlier for nothing: a deadline that moved into the future does not move the alarm,
    /// since that is rarer than deadlines that move.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        deadline: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if self.at.is_none_or(|at| deadline < at) {
            if let Err(error) = self.set(deadline.saturating_duration_since(now)) {
                tracing::error!(%error, "cannot set the alarm");
                return Poll::Pending;
            }
            self.at = Some(deadline);
        }
        match ready!(self.timer.poll_read_ready(cx)) {
            // Setting it again takes back that it went off, so nothing has to be read.
            Ok(mut gone_off) => gone_off.clear_ready(),
            Err(error) => tracing::error!(%error, "cannot wait for the alarm"),
        }
        self.at = None;
        Poll::Ready(())
    }

    fn set(&self, wait: Duration) -> io::Result<()> {
        // Zero would switch it off.
        let wait = wait.max(Duration::from_nanos(1));
        let once = Itimerspec {
            it_interval: timespec(Duration::ZERO),
            it_value: timespec(wait),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn wait_for(alarm: &mut Alarm, deadline: Instant) -> impl Future<Output = ()> {
        poll_fn(move |cx| match deadline <= Instant::now() {
            true => Poll::Ready(()),
            false => alarm.poll(Instant::now(), deadline, cx),
        })
    }

    #[tokio::test]
    async fn it_goes_off_when_it_is_set_again_and_when_it_is_moved_forward() {
        let mut alarm = Alarm::new().unwrap();
        for _ in 0..3 {
            let deadline = Instant::now() + Duration::from_millis(2);
            while Instant::now() < deadline {
                wait_for(&mut alarm, deadline).await;
            }
        }
        let far = Instant::now() + Duration::from_secs(3600);
        // It may go off once more, for the deadline that was met without it.
        let poll = |alarm: &mut Alarm, cx: &mut Context<'_>| {
            alarm.poll(Instant::now(), far, cx).is_ready()
        };
        let twice = poll_fn(|cx| Poll::Ready(poll(&mut alarm, cx) && poll(&mut alarm, cx))).await;
        assert!(!twice);
        wait_for(&mut alarm, Instant::now() + Duration::from_millis(2)).await;
    }

    #[tokio::test]
    async fn what_is_over_already_goes_off_at_once() {
        let mut alarm = Alarm::new().unwrap();
        let now = Instant::now();
        poll_fn(|cx| alarm.poll(now, now, cx)).await;
    }
}
