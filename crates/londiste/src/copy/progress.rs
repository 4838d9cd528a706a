//! How far a copy is, for the log.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the log hears of a running copy.
const INTERVAL: Duration = Duration::from_secs(5);

/// Counts what went through and says so now and then. Several connections may share it.
#[derive(Debug)]
pub(super) struct Progress {
    table: String,
    /// Rows of the source as its planner believes.
    expected: Option<f64>,
    started: Instant,
    reported: Mutex<Instant>,
    bytes: AtomicU64,
    rows: AtomicU64,
}

impl Progress {
    pub(super) fn start(table: String, expected: Option<f64>, now: Instant) -> Self {
        Self {
            table,
            expected,
            started: now,
            reported: Mutex::new(now),
            bytes: AtomicU64::new(0),
            rows: AtomicU64::new(0),
        }
    }

    /// Data copied, in bytes of the COPY text format.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Rows copied.
    pub(super) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Takes note of data sent; logs a line when it is time to.
    pub(super) fn add(&self, bytes: u64, rows: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        // When somebody else is at it, there is nothing to add.
        let Ok(mut reported) = self.reported.try_lock() else { return };
        let now = Instant::now();
        if now.duration_since(*reported) >= INTERVAL {
            *reported = now;
            tracing::info!("{}", self.line(now.duration_since(self.started)));
        }
    }

    /// `public.t: 41% copied, 123456789 bytes, 500000 rows, 24.7 MB/s, 0:07 left`
    #[expect(clippy::cast_precision_loss, reason = "nobody reads more than three digits of it")]
    fn line(&self, elapsed: Duration) -> String {
        let (bytes, rows) = (self.bytes(), self.rows());
        let seconds = elapsed.as_secs_f64().max(0.001);
        let rate = bytes as f64 / seconds / 1e6;
        let counts = format!("{bytes} bytes, {rows} rows, {rate:.1} MB/s");
        match self.expected.filter(|&expected| expected >= 1.0) {
            // An estimate that is passed says no more than that it will not be long.
            Some(expected) if rows > 0 => {
                let done = (rows as f64 / expected).min(0.99);
                let left = seconds / done * (1.0 - done);
                format!(
                    "{}: {:.0}% copied, {counts}, {} left",
                    self.table,
                    done * 100.0,
                    clock(left)
                )
            }
            _ => format!("{}: copied {counts}", self.table),
        }
    }
}

/// `0:07`, `12:05`, `3:07:09`
fn clock(seconds: f64) -> String {
    let all = Duration::try_from_secs_f64(seconds).map_or(0, |duration| duration.as_secs());
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(expected: Option<f64>, bytes: u64, rows: u64, seconds: u64) -> String {
        let progress = Progress::start("public.t".to_owned(), expected, Instant::now());
        progress.add(bytes, rows);
        progress.line(Duration::from_secs(seconds))
    }

    #[test]
    fn share_and_rest_come_from_the_estimate() {
        assert_eq!(
            line(Some(1_000_000.0), 250_000_000, 250_000, 10),
            "public.t: 25% copied, 250000000 bytes, 250000 rows, 25.0 MB/s, 0:30 left"
        );
        assert_eq!(
            line(Some(1_000_000.0), 1_000_000, 1_000, 10),
            "public.t: 0% copied, 1000000 bytes, 1000 rows, 0.1 MB/s, 2:46:30 left"
        );
    }

    #[test]
    fn a_table_that_outgrew_its_estimate_is_nearly_done() {
        assert_eq!(
            line(Some(100.0), 1_000, 500, 99),
            "public.t: 99% copied, 1000 bytes, 500 rows, 0.0 MB/s, 0:01 left"
        );
    }

    #[test]
    fn without_an_estimate_there_are_only_facts() {
        for expected in [None, Some(-1.0), Some(0.0)] {
            assert_eq!(
                line(expected, 2_000_000, 10, 2),
                "public.t: copied 2000000 bytes, 10 rows, 1.0 MB/s"
            );
        }
    }
}
