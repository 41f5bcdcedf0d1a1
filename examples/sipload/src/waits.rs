//! Things to do later, in the order they come due: a queue for each length of wait, since those are few.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What waits, each for one of a handful of lengths. Who no longer cares lets it come due and looks away.
#[derive(Debug)]
pub(crate) struct Waits<T> {
    queues: Vec<(Duration, VecDeque<(Instant, T)>)>,
}

impl<T> Waits<T> {
    pub(crate) const fn new() -> Waits<T> {
        Waits { queues: Vec::new() }
    }

    /// Lets `what` wait. `now` never goes back.
    pub(crate) fn push(&mut self, now: Instant, length: Duration, what: T) {
        let queue = self.queues.iter_mut().find(|(of, _)| *of == length);
        match queue {
            Some((_, queue)) => queue.push_back((now + length, what)),
            None => self
                .queues
                .push((length, VecDeque::from([(now + length, what)]))),
        }
    }

    /// When the first comes due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let heads = self.queues.iter().filter_map(|(_, queue)| queue.front());
        heads.map(|(at, _)| *at).min()
    }

    /// Takes the first, if it is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<T> {
        let queues = self.queues.iter_mut().map(|(_, queue)| queue);
        let due = queues.filter(|queue| queue.front().is_some_and(|(at, _)| *at <= now));
        let first = due.min_by_key(|queue| queue.front().map(|(at, _)| *at))?;
        first.pop_front().map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_comes_in_the_order_of_its_moments() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut waits = Waits::new();
        waits.push(start, ms(30), 'c');
        waits.push(start, ms(10), 'a');
        waits.push(start + ms(5), ms(10), 'b');
        assert_eq!(waits.next(), Some(start + ms(10)));
        assert_eq!(waits.pop(start + ms(9)), None);
        let order: Vec<char> = std::iter::from_fn(|| waits.pop(start + ms(30))).collect();
        assert_eq!(order, ['a', 'b', 'c']);
        assert_eq!(waits.next(), None);
    }
}
