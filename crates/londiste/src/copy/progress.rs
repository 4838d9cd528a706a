//! How far a copy is, for the log and for whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::calls::CopyProgress;

/// How often the log hears of a running copy.
const INTERVAL: Duration = Duration::from_secs(5);

/// What a copy does at the moment.
#[derive(Debug, Clone, Copy)]
struct Phase {
    name: &'static str,
    started: Instant,
    /// Rows of the source as its planner believes.
    expected: Option<f64>,
}

/// Counts what went through and says so now and then. Several connections may share it.
#[derive(Debug)]
pub(super) struct Progress {
    table: String,
    phase: Mutex<Option<Phase>>,
    reported: Mutex<Instant>,
    bytes: AtomicU64,
    rows: AtomicU64,
    backends: Mutex<Vec<i32>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    /// Nothing has begun yet.
    pub(super) fn new(table: String) -> Self {
        Self {
            table,
            phase: Mutex::new(None),
            reported: Mutex::new(Instant::now()),
            bytes: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            backends: Mutex::default(),
        }
    }

    /// Rows begin to come.
    pub(super) fn rows_begin(&self, expected: Option<f64>) {
        let now = Instant::now();
        *locked(&self.phase) = Some(Phase { name: "rows", started: now, expected });
        *locked(&self.reported) = now;
    }

    /// All rows are there, the structure comes back.
    pub(super) fn indexes_begin(&self) {
        let phase = Phase { name: "indexes", started: Instant::now(), expected: None };
        *locked(&self.phase) = Some(phase);
    }

    /// A server process of the destination works for the copy.
    pub(super) fn add_backend(&self, pid: i32) {
        locked(&self.backends).push(pid);
    }

    /// Server processes of the destination that work for the copy, or did so.
    pub(super) fn backends(&self) -> Vec<i32> {
        locked(&self.backends).clone()
    }

    /// For others to read; `None` before anything began.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an estimate; a float becomes the nearest number there is"
    )]
    pub(super) fn stored(&self) -> Option<CopyProgress> {
        let Phase { name, started, expected } = (*locked(&self.phase))?;
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Some(CopyProgress {
            phase: name,
            bytes: number(self.bytes()),
            rows: number(self.rows()),
            expected: expected.filter(|&rows| rows >= 1.0).map(|rows| rows as i64),
            elapsed: i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX),
        })
    }

    /// Data copied, in bytes on the way.
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
            let Some(phase) = *locked(&self.phase) else { return };
            tracing::info!("{}", self.line(phase.expected, now.duration_since(phase.started)));
        }
    }

    /// `public.t: 41% copied, 123456789 bytes, 500000 rows, 24.7 MB/s, 0:07 left`
    #[expect(clippy::cast_precision_loss, reason = "nobody reads more than three digits of it")]
    fn line(&self, expected: Option<f64>, elapsed: Duration) -> String {
        let (bytes, rows) = (self.bytes(), self.rows());
        let seconds = elapsed.as_secs_f64().max(0.001);
        let rate = bytes as f64 / seconds / 1e6;
        let counts = format!("{bytes} bytes, {rows} rows, {rate:.1} MB/s");
        match expected.filter(|&expected| expected >= 1.0) {
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
pub(crate) fn clock(seconds: f64) -> String {
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
        let progress = Progress::new("public.t".to_owned());
        assert!(progress.stored().is_none());
        progress.rows_begin(expected);
        progress.add(bytes, rows);
        progress.line(expected, Duration::from_secs(seconds))
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

    #[test]
    fn others_read_the_phase_and_what_has_come() {
        let progress = Progress::new("public.t".to_owned());
        progress.rows_begin(Some(-1.0));
        progress.add(100, 2);
        let seen = progress.stored().unwrap();
        assert_eq!((seen.phase, seen.bytes, seen.rows, seen.expected), ("rows", 100, 2, None));
        progress.rows_begin(Some(50.0));
        assert_eq!(progress.stored().unwrap().expected, Some(50));
        progress.indexes_begin();
        assert_eq!(progress.stored().unwrap().phase, "indexes");
    }
}
