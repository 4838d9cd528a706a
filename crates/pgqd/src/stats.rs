//! What was done since the last statistics line, over all databases.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters shared by all loops.
#[derive(Debug, Default)]
pub struct Stats {
    ticks: AtomicU64,
    maint: AtomicU64,
    retry: AtomicU64,
}

impl Stats {
    /// A call of the ticker was answered, whether or not it made a tick.
    pub fn count_tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    /// A maintenance run came to its end.
    pub fn count_maint(&self) {
        self.maint.fetch_add(1, Ordering::Relaxed);
    }

    /// Events were moved from the retry queue back to their queues.
    pub fn count_retry(&self, events: u64) {
        self.retry.fetch_add(events, Ordering::Relaxed);
    }

    /// The counts so far; counting starts again at zero.
    pub fn take(&self) -> Counts {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Counts { ticks: take(&self.ticks), maint: take(&self.maint), retry: take(&self.retry) }
    }
}

/// One statistics line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Answered calls of the ticker.
    pub ticks: u64,
    /// Completed maintenance runs.
    pub maint: u64,
    /// Events moved back.
    pub retry: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { ticks, maint, retry } = self;
        write!(f, "{{ticks: {ticks}, maint: {maint}, retry: {retry}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_once() {
        let stats = Stats::default();
        stats.count_tick();
        stats.count_tick();
        stats.count_maint();
        stats.count_retry(7);
        assert_eq!(stats.take().to_string(), "{ticks: 2, maint: 1, retry: 7}");
        assert_eq!(stats.take(), Counts::default());
    }
}
