//! When each timer fires: exact, and O(1) to arm, to cancel and to find the next.
//!
//! All timers of a layer last one of about a dozen durations (T1, 2·T1 … 64·T1, T2, T4, …). Timers of one
//! duration fire in the order they were armed, so each duration is a queue: arming appends, cancelling
//! unlinks, and the next deadline is the earliest of a dozen heads. It is a timing wheel whose slots are
//! durations: nothing is rounded to a tick, and nothing cascades.

use std::time::{Duration, Instant};

use crate::table::ROOM_KEPT;
use crate::timer::Timer;

/// A timer that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// The transaction's slot.
    pub(crate) slot: u32,
    pub(crate) timer: Timer,
    /// How long it was armed for.
    pub(crate) after: Duration,
}

/// Two timers for each slot of a [`Table`](crate::table::Table): one that sends, one that ends the state.
pub(crate) struct Deadlines {
    nodes: Vec<Node>,
    queues: Vec<Queue>,
    armed: usize,
}

#[derive(Clone, Copy)]
struct Node {
    at: Option<Instant>,
    earlier: u32,
    later: u32,
    queue: u16,
    timer: Timer,
}

/// The timers of one duration, earliest first; those that only wait for repetitions are apart from the others.
struct Queue {
    duration: Duration,
    lingers: bool,
    first: u32,
    last: u32,
}

const NO_NODE: u32 = u32::MAX;

const UNARMED: Node = Node {
    at: None,
    earlier: NO_NODE,
    later: NO_NODE,
    queue: 0,
    timer: Timer::Trying,
};

const fn node_of(slot: u32, timer: Timer) -> u32 {
    slot * 2 + timer.sends() as u32
}

impl Deadlines {
    pub(crate) const fn new() -> Deadlines {
        Deadlines {
            nodes: Vec::new(),
            queues: Vec::new(),
            armed: 0,
        }
    }

    /// Arms `timer` of `slot`, in place of the one of its kind that may be running. `now` never goes back.
    pub(crate) fn arm(&mut self, now: Instant, slot: u32, timer: Timer, duration: Duration) {
        let node = node_of(slot, timer);
        if self.nodes.len() <= node as usize {
            self.nodes.resize(slot as usize * 2 + 2, UNARMED);
        }
        self.unlink(node);
        let queue = self.queue(duration, timer.lingers());
        let Queue { last, .. } = self.queues[queue];
        self.nodes[node as usize] = Node {
            at: Some(now + duration),
            earlier: last,
            later: NO_NODE,
            queue: queue as u16,
            timer,
        };
        match self.nodes.get_mut(last as usize) {
            Some(before) => before.later = node,
            None => self.queues[queue].first = node,
        }
        self.queues[queue].last = node;
        self.armed += 1;
    }

    /// Stops `timer` of `slot`, or the other of its kind.
    pub(crate) fn stop(&mut self, slot: u32, timer: Timer) {
        self.unlink(node_of(slot, timer));
    }

    /// Stops both timers of `slot`.
    pub(crate) fn stop_both(&mut self, slot: u32) {
        self.unlink(slot * 2);
        self.unlink(slot * 2 + 1);
        if self.armed == 0 && self.nodes.capacity() > 2 * ROOM_KEPT {
            self.nodes = Vec::new();
        }
    }

    pub(crate) fn is_armed(&self, slot: u32, timer: Timer) -> bool {
        let node = self.nodes.get(node_of(slot, timer) as usize);
        node.is_some_and(|node| node.at.is_some() && node.timer == timer)
    }

    /// The earliest deadline of all.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.earliest().map(|(at, _)| at)
    }

    /// Takes the earliest timer, if it is due at `now`.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Due> {
        let (_, node) = self.earliest().filter(|(at, _)| *at <= now)?;
        self.take(node)
    }

    /// When the first of those is due that only wait for repetitions.
    pub(crate) fn next_lingering(&self) -> Option<Instant> {
        self.earliest_lingering().map(|(at, _)| at)
    }

    /// Takes that one, due or not.
    pub(crate) fn hasten(&mut self) -> Option<Due> {
        let (_, node) = self.earliest_lingering()?;
        self.take(node)
    }

    fn take(&mut self, node: u32) -> Option<Due> {
        let Node { queue, timer, .. } = self.nodes[node as usize];
        let after = self.queues[queue as usize].duration;
        self.unlink(node);
        Some(Due {
            slot: node / 2,
            timer,
            after,
        })
    }

    fn earliest(&self) -> Option<(Instant, u32)> {
        self.earliest_of(self.queues.iter())
    }

    fn earliest_lingering(&self) -> Option<(Instant, u32)> {
        self.earliest_of(self.queues.iter().filter(|queue| queue.lingers))
    }

    fn earliest_of<'a>(&self, queues: impl Iterator<Item = &'a Queue>) -> Option<(Instant, u32)> {
        let heads = queues.filter_map(|queue| {
            let at = self.nodes.get(queue.first as usize)?.at?;
            Some((at, queue.first))
        });
        heads.min_by_key(|(at, _)| *at)
    }

    fn queue(&mut self, duration: Duration, lingers: bool) -> usize {
        let found = self
            .queues
            .iter()
            .position(|queue| queue.duration == duration && queue.lingers == lingers);
        found.unwrap_or_else(|| {
            self.queues.push(Queue {
                duration,
                lingers,
                first: NO_NODE,
                last: NO_NODE,
            });
            self.queues.len() - 1
        })
    }

    fn unlink(&mut self, node: u32) {
        let Some(Node {
            at: Some(_),
            earlier,
            later,
            queue,
            ..
        }) = self.nodes.get(node as usize).copied()
        else {
            return;
        };
        match self.nodes.get_mut(earlier as usize) {
            Some(before) => before.later = later,
            None => self.queues[queue as usize].first = later,
        }
        match self.nodes.get_mut(later as usize) {
            Some(after) => after.earlier = earlier,
            None => self.queues[queue as usize].last = earlier,
        }
        self.nodes[node as usize] = UNARMED;
        self.armed -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::epoch;

    const T1: Duration = Duration::from_millis(500);

    #[test]
    fn timers_of_any_duration_fire_in_order_of_their_deadlines() {
        let (mut deadlines, start) = (Deadlines::new(), epoch());
        deadlines.arm(start, 0, Timer::B, 64 * T1);
        deadlines.arm(start, 0, Timer::A, T1);
        deadlines.arm(start + T1 / 2, 1, Timer::A, T1);
        deadlines.arm(start + T1 / 2, 2, Timer::Trying, T1 / 4);
        let mut fired = Vec::new();
        while let Some(next) = deadlines.next() {
            assert_eq!(deadlines.expire(next - Duration::from_nanos(1)), None);
            let due = deadlines.expire(next).unwrap();
            fired.push((next - start, due.slot, due.timer));
        }
        assert_eq!(
            fired,
            [
                (T1 * 3 / 4, 2, Timer::Trying),
                (T1, 0, Timer::A),
                (T1 * 3 / 2, 1, Timer::A),
                (T1 * 64, 0, Timer::B),
            ]
        );
    }

    #[test]
    fn a_stopped_timer_does_not_fire_and_leaves_its_neighbours_alone() {
        let (mut deadlines, start) = (Deadlines::new(), epoch());
        for slot in 0..3 {
            deadlines.arm(start, slot, Timer::A, T1);
        }
        deadlines.stop(1, Timer::A);
        let fired = [deadlines.expire(start + T1), deadlines.expire(start + T1)];
        assert_eq!(fired.map(|due| due.unwrap().slot), [0, 2]);
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn arming_again_replaces_the_timer() {
        let (mut deadlines, start) = (Deadlines::new(), epoch());
        deadlines.arm(start, 7, Timer::A, T1);
        deadlines.arm(start, 7, Timer::A, 2 * T1);
        assert_eq!(deadlines.next(), Some(start + 2 * T1));
        deadlines.stop_both(7);
        assert_eq!(deadlines.next(), None);
    }
}
