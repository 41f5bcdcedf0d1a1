//! What the four machines have in common: one step, and what can be done in it.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use sip_core::Transport;

use crate::boundary::{Event, Repetition, Transmit};
use crate::deadline::Deadlines;
use crate::timer::{Timer, Timers};

/// The state of one transaction. Its `step` is a figure of the RFC: one arm for each arrow.
pub(crate) trait Machine: Sized {
    /// What the arrows are labelled with.
    type Input: From<Fired>;
    /// What a step can reach besides timers.
    type Side<'a>;
    /// The figure's last state.
    const TERMINATED: Self;

    /// The figure's first arrow.
    fn begin(act: &mut Actions<'_, Self::Side<'_>>) -> Self;

    /// Follows the arrow for `input`, if there is one.
    fn step(self, input: Self::Input, act: &mut Actions<'_, Self::Side<'_>>) -> Self;
}

/// A timer fired, having been armed for this long.
pub(crate) struct Fired(pub(crate) Timer, pub(crate) Duration);

/// Follows the arrow for `input`, the first one without it, and then those of the timers that fire at once
/// because their value is zero.
pub(crate) fn advance<M: Machine>(
    state: &mut M,
    input: Option<M::Input>,
    act: &mut Actions<'_, M::Side<'_>>,
) {
    let Some(input) = input else {
        *state = M::begin(act);
        act.settle(true);
        return;
    };
    let mut next = Some(input);
    while let Some(input) = next.take() {
        let old = mem::replace(state, M::TERMINATED);
        let left = mem::discriminant(&old);
        *state = old.step(input, act);
        let moved = left != mem::discriminant(state);
        next = act.settle(moved).map(|timer| {
            act.fired = Some(timer);
            Fired(timer, Duration::ZERO).into()
        });
    }
}

/// What leaves the layer, in order.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) transmits: VecDeque<Transmit>,
    /// With the timer that caused it.
    pub(crate) events: VecDeque<(Event, Option<Timer>)>,
    pub(crate) repetitions: VecDeque<Repetition>,
}

/// What one step has at hand: timers here, the rest in `side`.
///
/// A state owns its timers: moving to another stops them, unless the arrow says [`keep_timers`]. What is
/// started runs in the state the step ends in.
///
/// [`keep_timers`]: Actions::keep_timers
pub(crate) struct Actions<'a, Side> {
    pub(crate) now: Instant,
    pub(crate) slot: u32,
    pub(crate) transport: Transport,
    pub(crate) timers: &'a Timers,
    pub(crate) deadlines: &'a mut Deadlines,
    pub(crate) outbox: &'a mut Outbox,
    /// The timer this step is about.
    pub(crate) fired: Option<Timer>,
    pub(crate) started: Started,
    pub(crate) side: Side,
}

/// The timers started in one step.
#[derive(Default)]
pub(crate) struct Started {
    timers: [Option<(Timer, Duration)>; 2],
    keep: bool,
}

impl<Side> Actions<'_, Side> {
    /// Starts `timer` with its first value.
    pub(crate) fn start(&mut self, timer: Timer) {
        self.start_for(timer, self.timers.first(timer, self.transport));
    }

    /// Starts `timer` unless it runs already.
    pub(crate) fn start_once(&mut self, timer: Timer) {
        if !self.deadlines.is_armed(self.slot, timer) {
            self.start(timer);
        }
    }

    /// Starts a timer that sends again, where the transport does not.
    pub(crate) fn start_unless_reliable(&mut self, timer: Timer) {
        if !self.is_reliable() {
            self.start(timer);
        }
    }

    /// Starts `timer` with the value that follows `last`.
    pub(crate) fn restart(&mut self, timer: Timer, last: Duration) {
        self.start_for(timer, self.timers.next(timer, last));
    }

    /// Starts `timer` with T2.
    pub(crate) fn restart_at_t2(&mut self, timer: Timer) {
        self.start_for(timer, self.timers.t2);
    }

    /// Starts `timer` with a value of its own.
    pub(crate) fn start_for(&mut self, timer: Timer, value: Duration) {
        self.started.timers[usize::from(timer.sends())] = Some((timer, value));
    }

    /// Stops `timer`, though the state stays.
    pub(crate) fn stop(&mut self, timer: Timer) {
        self.deadlines.stop(self.slot, timer);
    }

    /// Lets the timers run on into the next state.
    pub(crate) fn keep_timers(&mut self) {
        self.started.keep = true;
    }

    pub(crate) fn is_reliable(&self) -> bool {
        self.transport.is_reliable()
    }

    /// Arms what the step started; returns the timer whose value is zero.
    fn settle(&mut self, moved: bool) -> Option<Timer> {
        let Started { timers, keep } = mem::take(&mut self.started);
        if moved && !keep {
            self.deadlines.stop_both(self.slot);
        }
        let mut due = None;
        for (timer, value) in timers.into_iter().flatten() {
            match value.is_zero() {
                true => due = Some(timer),
                false => self.deadlines.arm(self.now, self.slot, timer, value),
            }
        }
        due
    }
}
