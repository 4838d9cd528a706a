//! When a copy that never finds the queue empty has caught up all the same.
//!
//! Under load, ticks may come faster than a copy can take them. Each time it arrives at the newest tick there was, more have
//! come. The hand-over has to begin nevertheless, and the worker then waits for the ticks that are left: few, if the last
//! arrival was quick.

use std::time::Duration;

/// Arrivals in a row after which the worker may wait, if the last was quick.
const FEW: u32 = 2;

/// What is quick. The worker waits for no more than the ticks of that time.
const QUICKLY: Duration = Duration::from_secs(2);

/// Arrivals in a row after which none will be quicker.
const MANY: u32 = 10;

/// Batches in a row, each of which ended at the newest tick there was when it was taken.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    in_a_row: u32,
    last_took: Duration,
}

impl Arrivals {
    /// Takes note of a batch that was replayed in this time.
    pub(super) fn replayed(&mut self, was_last: bool, took: Duration) {
        self.in_a_row = if was_last { self.in_a_row + 1 } else { 0 };
        self.last_took = took;
    }

    /// After anything that let the worker go on alone: where the copy was says nothing about where it is.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether it comes no closer.
    pub(super) fn are_enough(&self) -> bool {
        (self.in_a_row >= FEW && self.last_took < QUICKLY) || self.in_a_row >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(batches: &[(bool, u64)]) -> bool {
        let mut arrivals = Arrivals::default();
        for &(was_last, seconds) in batches {
            arrivals.replayed(was_last, Duration::from_secs(seconds));
        }
        arrivals.are_enough()
    }

    #[test]
    fn the_second_quick_one_is_enough() {
        assert!(!after(&[]));
        assert!(!after(&[(true, 0)]));
        assert!(after(&[(true, 60), (true, 1)]));
        assert!(!after(&[(true, 0), (true, 2)]));
        assert!(after(&[(true, 60), (true, 60), (true, 1)]));
    }

    #[test]
    fn a_batch_with_more_behind_it_begins_anew() {
        assert!(!after(&[(true, 0), (false, 0), (true, 0)]));
        assert!(!after(&[(true, 0), (true, 0), (false, 0)]));
    }

    #[test]
    fn slow_ones_count_when_there_are_many() {
        assert!(!after(&[(true, 60); 9]));
        assert!(after(&[(true, 60); 10]));
    }

    #[test]
    fn what_was_forgotten_does_not_count() {
        let mut arrivals = Arrivals::default();
        arrivals.replayed(true, Duration::ZERO);
        arrivals.forget();
        arrivals.replayed(true, Duration::ZERO);
        assert!(!arrivals.are_enough());
    }
}
