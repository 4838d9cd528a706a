//! The statistics line of a cycle (contract `worker.md` 1.4). Pure.

use std::fmt;
use std::time::{Duration, Instant};

/// Counts of one cycle in the order they were first set; renders as `{count: 7, duration: 0.0075}`.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    values: Vec<(&'static str, Value)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Count(u64),
    Seconds(Duration),
}

impl Statistics {
    /// Adds to a counter.
    pub(super) fn add(&mut self, key: &'static str, count: u64) {
        match self.values.iter_mut().find(|(known, _)| *known == key) {
            Some((_, Value::Count(sum))) => *sum += count,
            Some((_, value)) => *value = Value::Count(count),
            None => self.values.push((key, Value::Count(count))),
        }
    }

    /// Sets a duration.
    pub(super) fn set_seconds(&mut self, key: &'static str, time: Duration) {
        self.values.retain(|(known, _)| *known != key);
        self.values.push((key, Value::Seconds(time)));
    }

    /// The line to log, if there is anything to say; starts over.
    pub(super) fn take_line(&mut self) -> Option<String> {
        let line = (!self.values.is_empty()).then(|| self.to_string());
        self.values.clear();
        line
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (nr, (key, value)) in self.values.iter().enumerate() {
            let separator = if nr == 0 { "" } else { ", " };
            match value {
                Value::Count(count) => write!(f, "{separator}{key}: {count}")?,
                Value::Seconds(time) => write!(f, "{separator}{key}: {}", seconds(*time))?,
            }
        }
        f.write_str("}")
    }
}

/// Four decimals, shortest form, but always a decimal: `0.0075`, `4.0`.
fn seconds(time: Duration) -> String {
    let text = format!("{:.4}", time.as_secs_f64());
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

/// Since when nothing was to be done.
#[derive(Debug)]
pub(super) struct IdleClock {
    last_work: Instant,
}

impl IdleClock {
    /// Starts now.
    pub(super) fn start(now: Instant) -> Self {
        Self { last_work: now }
    }

    /// Notes the end of a batch: the idle time goes into the line when the batch held events, or alone after
    /// `keepalive`.
    pub(super) fn batch_done(
        &mut self,
        statistics: &mut Statistics,
        events: u64,
        keepalive: Duration,
        now: Instant,
    ) {
        let idle = now.saturating_duration_since(self.last_work);
        if events > 0 || (!keepalive.is_zero() && idle > keepalive) {
            statistics.set_seconds("idle", idle);
            self.last_work = now;
        }
    }

    /// Notes a cycle without a batch.
    pub(super) fn nothing_to_do(
        &mut self,
        statistics: &mut Statistics,
        keepalive: Duration,
        now: Instant,
    ) {
        self.batch_done(statistics, 0, keepalive, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_original_shape() {
        let mut statistics = Statistics::default();
        assert_eq!(statistics.take_line(), None);
        statistics.add("ignored_events", 1);
        statistics.add("count", 7);
        statistics.set_seconds("duration", Duration::from_micros(7_500));
        statistics.set_seconds("idle", Duration::from_micros(4_073_499));
        assert_eq!(
            statistics.take_line().unwrap(),
            "{ignored_events: 1, count: 7, duration: 0.0075, idle: 4.0735}"
        );
        assert_eq!(statistics.take_line(), None);
        statistics.add("count", 0);
        statistics.set_seconds("duration", Duration::from_millis(3));
        assert_eq!(statistics.take_line().unwrap(), "{count: 0, duration: 0.003}");
        statistics.set_seconds("idle", Duration::from_secs(301));
        assert_eq!(statistics.take_line().unwrap(), "{idle: 301.0}");
    }

    #[test]
    fn idle_time_is_told_with_work_or_as_a_sign_of_life() {
        let start = Instant::now();
        let keepalive = Duration::from_secs(300);
        let mut clock = IdleClock::start(start);
        let mut statistics = Statistics::default();
        clock.nothing_to_do(&mut statistics, keepalive, start + Duration::from_secs(200));
        assert_eq!(statistics.take_line(), None);
        clock.nothing_to_do(&mut statistics, keepalive, start + Duration::from_secs(301));
        assert_eq!(statistics.take_line().unwrap(), "{idle: 301.0}");
        clock.batch_done(&mut statistics, 5, keepalive, start + Duration::from_secs(303));
        assert_eq!(statistics.take_line().unwrap(), "{idle: 2.0}");
    }
}
