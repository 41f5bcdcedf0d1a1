//! What a worker that is behind refuses, so that it can finish what it has taken (RFC 3261 §21.5.4): new work first,
//! in a dialog nothing, emergency calls never.

use std::time::{Duration, Instant};

use sip_core::{HeaderName, Method, Request, To, Uri};

/// Decides what share of new work to refuse, from how long datagrams wait in the kernel until they are taken.
///
/// Not all or nothing: the share grows while they wait too long and shrinks when they do not, so that the worker is
/// kept busy with as much as it can do.
pub(crate) struct Overload {
    longest_wait: Duration,
    /// Since when every turn left something for the next.
    busy_since: Option<Instant>,
    /// Since when nothing was left.
    idle_since: Option<Instant>,
    /// When it was last seen busy for long enough to be suspicious.
    suspected: Option<Instant>,
    next_look: Instant,
    worst: Duration,
    /// Of [`WHOLE`].
    share: u32,
    carried: u32,
}

const WHOLE: u32 = 1024;

/// A worker that has had something to do for so long may be behind, and looks how long datagrams wait.
const SUSPICIOUS: Duration = Duration::from_millis(20);

/// How long it goes on looking.
const CALM: Duration = Duration::from_secs(1);

/// How often the share changes.
const LOOK: Duration = Duration::from_millis(10);

/// By how much it grows while they wait too long, and shrinks while they wait less than half as long: from nothing to
/// all in a quarter of a second, and back in one and a half.
const GROWTH: u32 = WHOLE / 25;
const SHRINKAGE: u32 = WHOLE / 150;

impl Overload {
    /// Refuses nothing until datagrams wait longer than `longest_wait`; never if that is zero.
    pub(crate) fn new(longest_wait: Duration, now: Instant) -> Overload {
        Overload {
            longest_wait,
            busy_since: None,
            idle_since: None,
            suspected: None,
            next_look: now,
            worst: Duration::ZERO,
            share: 0,
            carried: 0,
        }
    }

    /// Whether it wants to be told how long datagrams wait.
    pub(crate) fn is_watching(&self) -> bool {
        self.suspected.is_some()
    }

    /// Learns of a turn that began at `now`: whether it left something for the next, and how long what it took had
    /// waited, if that is known.
    pub(crate) fn note_turn(&mut self, now: Instant, has_more: bool, waited: Option<Duration>) {
        if self.longest_wait.is_zero() {
            return;
        }
        self.rest(now);
        match has_more {
            false => {
                self.busy_since = None;
                self.idle_since = Some(now);
            }
            true => {
                self.idle_since = None;
                let since = *self.busy_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= SUSPICIOUS {
                    self.suspected = Some(now);
                }
            }
        }
        let Some(suspected) = self.suspected else {
            return;
        };
        self.worst = self.worst.max(waited.unwrap_or_default());
        if now >= self.next_look {
            self.next_look = now + LOOK;
            self.look();
        }
        if self.share == 0 && now.saturating_duration_since(suspected) > CALM {
            self.suspected = None;
        }
    }

    fn look(&mut self) {
        let worst = std::mem::take(&mut self.worst);
        if worst > self.longest_wait {
            self.share = WHOLE.min(self.share + GROWTH);
        } else if worst < self.longest_wait / 2 {
            self.share = self.share.saturating_sub(SHRINKAGE);
        }
    }

    /// Makes up for the looks that a worker with nothing to do did not take.
    fn rest(&mut self, now: Instant) {
        if let Some(since) = self.idle_since {
            let looks = now.saturating_duration_since(since).div_duration_f64(LOOK) as u32;
            let missed = looks.saturating_sub(1);
            if missed > 0 {
                self.share = self.share.saturating_sub(SHRINKAGE.saturating_mul(missed));
                self.idle_since = Some(now);
            }
        }
    }

    /// Whether to refuse one more piece of new work, at `now`.
    pub(crate) fn refuses(&mut self, now: Instant) -> bool {
        self.rest(now);
        self.carried += self.share;
        let refused = self.carried >= WHOLE;
        if refused {
            self.carried -= WHOLE;
        }
        refused
    }
}

/// Whether `request` begins something: it is neither part of what is under way, nor in a dialog.
pub(crate) fn is_new_work(request: &Request) -> bool {
    let in_dialog = || {
        let to = request.headers().require::<To>();
        to.is_ok_and(|to| to.tag().is_some())
    };
    !matches!(request.method(), Method::Ack | Method::Cancel) && !in_dialog()
}

/// Whether a worker that is behind may refuse `request`.
///
/// Calls for help are not to be refused (RFC 5031, RFC 3261 §20.26). And keep-alives are answered as fast as refused.
pub(crate) fn may_refuse(request: &Request) -> bool {
    let keeps_alive = matches!(request.method(), Method::Options | Method::Notify);
    !keeps_alive && is_new_work(request) && !is_emergency(request)
}

fn is_emergency(request: &Request) -> bool {
    const SOS: &[u8] = b"urn:service:sos";
    let is_sos = |uri: &[u8]| match uri.split_at_checked(SOS.len()) {
        // It may have parts, as in urn:service:sos.fire.
        Some((start, rest)) => {
            start.eq_ignore_ascii_case(SOS) && matches!(rest.first(), None | Some(b'.'))
        }
        None => false,
    };
    if let Uri::Other(uri) = request.uri()
        && is_sos(uri)
    {
        return true;
    }
    let mut priority = request.headers().raw(&HeaderName::Priority);
    priority.any(|value| value.eq_ignore_ascii_case(b"emergency"))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use sip_core::{Limits, Message, parse_message};

    use super::*;

    const LONGEST: Duration = Duration::from_millis(20);
    const SERVED: Duration = Duration::from_micros(100);
    const REFUSED: Duration = Duration::from_micros(10);

    /// A worker with a queue of the kernel's before it, in virtual time. Every fifth datagram belongs to a call.
    struct Worker {
        overload: Overload,
        now: Instant,
        next: Instant,
        arrived: usize,
        queue: VecDeque<(Instant, bool)>,
        served: usize,
        refused: usize,
        lost_in_calls: usize,
        in_calls: usize,
    }

    impl Worker {
        fn new() -> Worker {
            let now = Instant::now();
            Worker {
                overload: Overload::new(LONGEST, now),
                now,
                next: now,
                arrived: 0,
                queue: VecDeque::new(),
                served: 0,
                refused: 0,
                lost_in_calls: 0,
                in_calls: 0,
            }
        }

        /// Works for so long while datagrams come `apart`.
        fn work(&mut self, time: Duration, apart: Duration) {
            let end = self.now + time;
            (self.served, self.refused) = (0, 0);
            (self.lost_in_calls, self.in_calls) = (0, 0);
            self.next = self.now;
            while self.now < end {
                while self.next <= self.now {
                    self.arrive();
                    self.next += apart;
                }
                self.turn();
                if self.queue.is_empty() {
                    self.now = self.now.max(self.next);
                }
            }
        }

        fn arrive(&mut self) {
            self.arrived += 1;
            let in_call = self.arrived.is_multiple_of(5);
            self.in_calls += usize::from(in_call);
            // As much as the kernel's buffer holds.
            if self.queue.len() < 5000 {
                self.queue.push_back((self.next, in_call));
            } else {
                self.lost_in_calls += usize::from(in_call);
            }
        }

        fn turn(&mut self) {
            let began = self.now;
            let taken = self.queue.len().min(64);
            let waited = self.queue.front().map(|(came, _)| began - *came);
            for (_, in_call) in self.queue.drain(..taken) {
                let refused = !in_call && self.overload.refuses(began);
                self.now += if refused { REFUSED } else { SERVED };
                self.served += usize::from(!refused);
                self.refused += usize::from(refused);
            }
            let waited = waited.filter(|_| self.overload.is_watching());
            self.overload.note_turn(began, taken == 64, waited);
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_worker_that_keeps_up_refuses_nothing() {
        let mut worker = Worker::new();
        worker.work(10 * SECOND, SERVED.mul_f64(1.02));
        assert_eq!(worker.refused, 0);
    }

    #[test]
    fn a_burst_that_is_worked_off_in_time_refuses_nothing() {
        let mut worker = Worker::new();
        for _ in 0..100 {
            worker.work(Duration::from_millis(1), Duration::from_micros(10));
            worker.work(Duration::from_millis(30), SECOND);
            assert_eq!(worker.refused, 0);
        }
    }

    #[test]
    fn at_three_times_what_it_can_do_it_does_all_it_can_and_loses_no_call() {
        let mut worker = Worker::new();
        worker.work(SECOND, SERVED / 3);
        worker.work(60 * SECOND, SERVED / 3);
        // Time that refusing does not take is spent on serving.
        let refusing = REFUSED * worker.refused as u32;
        let possible = (60 * SECOND - refusing).div_duration_f64(SERVED);
        assert!(worker.served as f64 > 0.95 * possible, "{}", worker.served);
        assert!(worker.lost_in_calls * 1000 < worker.in_calls);
    }

    #[test]
    fn afterwards_it_refuses_nothing_within_two_seconds_and_looks_no_more() {
        let mut worker = Worker::new();
        worker.work(5 * SECOND, SERVED / 3);
        assert!(worker.refused > 0);
        worker.work(2 * SECOND, SERVED * 2);
        worker.work(3 * SECOND, SERVED * 2);
        assert_eq!(worker.refused, 0);
        assert!(!worker.overload.is_watching());
    }

    #[test]
    fn after_a_silence_it_refuses_nothing() {
        let mut worker = Worker::new();
        worker.work(5 * SECOND, SERVED / 3);
        let now = worker.now;
        assert!((0..WHOLE).any(|_| worker.overload.refuses(now)));
        let now = now + 2 * SECOND;
        worker.overload.note_turn(now, false, None);
        worker.overload.carried = 0;
        assert!((0..WHOLE).all(|_| !worker.overload.refuses(now + 2 * SECOND)));
    }

    #[test]
    fn zero_switches_it_off() {
        let mut worker = Worker::new();
        worker.overload = Overload::new(Duration::ZERO, worker.now);
        worker.work(SECOND, SERVED / 3);
        assert_eq!(worker.refused, 0);
        assert!(!worker.overload.is_watching());
    }

    fn request(start: &str, more: &str) -> Request {
        let method = start.split(' ').next().unwrap();
        let text = format!(
            "{start} SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\n\
             {more}\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        );
        match parse_message(text.into(), &Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?} is no request"),
        }
    }

    #[test]
    fn what_is_under_way_and_calls_for_help_are_not_refused() {
        const NEW: &str = "To: <sip:b@b.example>";
        for (start, more, refused) in [
            ("INVITE sip:b@b.example", NEW, true),
            ("REGISTER sip:b.example", NEW, true),
            (
                "INVITE sip:b@b.example",
                "To: <sip:b@b.example>;tag=2",
                false,
            ),
            ("BYE sip:b@b.example", "To: <sip:b@b.example>;tag=2", false),
            ("ACK sip:b@b.example", NEW, false),
            ("CANCEL sip:b@b.example", NEW, false),
            ("OPTIONS sip:b.example", NEW, false),
            ("INVITE urn:service:sos", NEW, false),
            ("INVITE URN:service:SOS.fire", NEW, false),
            ("INVITE urn:service:sosumi", NEW, true),
            ("INVITE urn:service", NEW, true),
            (
                "INVITE sip:b@b.example",
                "Priority: Emergency\r\nTo: <sip:b@b.example>",
                false,
            ),
            (
                "INVITE sip:b@b.example",
                "Priority: urgent\r\nTo: <sip:b@b.example>",
                true,
            ),
        ] {
            assert_eq!(may_refuse(&request(start, more)), refused, "{start} {more}");
        }
    }
}
