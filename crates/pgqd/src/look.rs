//! The look: a statement that only reads and says whether a call of `pgq.ticker()` would make a tick. A call costs a
//! transaction id and a record in the server's log even when it makes none, so it is kept for when it does.
//!
//! Here is what the ticker of pgq goes by (contract `pgq.md`, F); the functions of its schema decide.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use pgq_client::id::Txid;
use pgq_client::snapshot::Snapshot;

use crate::cycle::Row;

/// The look. Only what the contract names; whoever may call `pgq.ticker()` may read it. On one line, since each connection keeps
/// room for it.
pub static STATEMENT: LazyLock<String> = LazyLock::new(|| {
    include_str!("look.sql").split_ascii_whitespace().collect::<Vec<_>>().join(" ")
});

/// So many transactions that a snapshot does not list are considered, as `pgq.ticker()` does. Where a dump has brought ticks from
/// another server their number is anything.
const UNLISTED: i64 = 1_000;

/// What a look says. No time at all is "now".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// How long until events get their tick. `None`: all have one.
    pub events: Option<Duration>,
    /// Whether a queue without events gets a tick, because it got none for long enough.
    pub idle: bool,
    /// Whether the time of an event in the retry queue has come.
    pub retry: bool,
}

/// Reads what looks answer. Remembers which call of `pgq.ticker()` was only a try, so that it is made once.
#[derive(Debug, Default)]
pub struct Reader {
    /// By queue: its newest tick, and how many of the transactions that were running then had ended.
    tried: BTreeMap<i32, (i64, usize)>,
}

impl Reader {
    /// `None` when the answer is not understood.
    pub fn read(&mut self, rows: &[Row]) -> Option<Found> {
        let mut found = Found::default();
        for row in rows {
            let (retry, queue) = read(row)?;
            found.retry = retry;
            match queue.map(|queue| self.next_tick(&queue)) {
                Some(Due::Events(wait)) => {
                    found.events = Some(found.events.map_or(wait, |other| other.min(wait)));
                }
                Some(Due::Idle(due)) => found.idle |= due,
                None => {}
            }
        }
        Some(found)
    }

    fn next_tick(&mut self, queue: &Queue) -> Due {
        let Some(tick) = &queue.tick else { return Due::Idle(true) };
        let until_old = duration(queue.max_lag - tick.age);
        if tick.new_events >= queue.max_count {
            return Due::Events(Duration::ZERO);
        }
        if tick.new_events > 0 {
            return Due::Events(until_old);
        }
        let state = (tick.id, tick.ended);
        if tick.ended > 0 && self.tried.get(&queue.id) != Some(&state) {
            if until_old.is_zero() {
                self.tried.insert(queue.id, state);
            }
            return Due::Events(until_old);
        }
        let due = |gap: f64| (gap * 2.0).min(queue.idle_period).max(queue.max_lag / 2.0);
        Due::Idle(tick.gap.is_none_or(|gap| tick.age >= due(gap)))
    }
}

/// Why a queue gets its next tick.
enum Due {
    /// There are events, that have to wait for so long.
    Events(Duration),
    /// None was made for long. Whether it is long enough.
    Idle(bool),
}

/// A queue that has an internal, active ticker. Times are in seconds.
struct Queue {
    id: i32,
    max_count: i64,
    max_lag: f64,
    idle_period: f64,
    /// The newest one.
    tick: Option<Tick>,
}

struct Tick {
    id: i64,
    /// How many events were given a number since.
    new_events: i64,
    /// How many of the transactions that were running have ended since; events that they left have their numbers already.
    ended: usize,
    age: f64,
    /// Since the tick before it, if there is one.
    gap: Option<f64>,
}

/// Whether the retry queue has work, and the queue, if there is one.
fn read(row: &Row) -> Option<(bool, Option<Queue>)> {
    let [retry, id, max_count, max_lag, idle_period, last_event, tick @ ..] = row.as_slice() else {
        return None;
    };
    let retry = retry.as_deref()? == "true";
    if id.is_none() {
        return Some((retry, None));
    }
    let queue = Queue {
        id: value(id)?,
        max_count: value(max_count)?,
        max_lag: value(max_lag)?,
        idle_period: value(idle_period)?,
        tick: read_tick(tick, value(last_event))?,
    };
    Some((retry, Some(queue)))
}

/// `Some(None)`: there is none.
#[expect(clippy::option_option, reason = "not understood, or not there")]
fn read_tick(columns: &[Option<String>], last_event: Option<i64>) -> Option<Option<Tick>> {
    let [id, event, snapshot, age, gap, txid, now] = columns else { return None };
    if id.is_none() {
        return Some(None);
    }
    // A sequence that was never used has no last value.
    let new_events = match last_event {
        Some(last) => last.saturating_sub(value(event)?),
        None => 0,
    };
    let ended = ended(&value(snapshot)?, value(txid)?, &value(now)?);
    Some(Some(Tick { id: value(id)?, new_events, ended, age: value(age)?, gap: value(gap) }))
}

/// How many of the transactions that were running at a tick have ended by now. `txid` is the lower half of the id of the
/// tick's own transaction, which began after them.
fn ended(then: &Snapshot, txid: i64, now: &Snapshot) -> usize {
    // A snapshot lists transactions up to the last one that had ended.
    let Txid(first) = then.xmax();
    let unlisted = (first..first + UNLISTED.min((txid - first) & 0xffff_ffff)).map(Txid);
    then.in_progress().iter().copied().chain(unlisted).filter(|txid| now.contains(*txid)).count()
}

fn value<T: FromStr>(column: &Option<String>) -> Option<T> {
    column.as_deref()?.parse().ok()
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_LAG: &str = "3";

    /// A queue with the usual settings, whose newest tick is number 7 with 100 events.
    fn row(last_event: &str, age: &str, gap: &str, transactions: [&str; 3]) -> Row {
        [
            "false",
            "1",
            "500",
            MAX_LAG,
            "60",
            last_event,
            "7",
            "100",
            transactions[0],
            age,
            gap,
            transactions[1],
            transactions[2],
        ]
        .map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()))
        .to_vec()
    }

    fn queue(last_event: &str, age: &str, gap: &str) -> Row {
        row(last_event, age, gap, ["10:10:", "10", "20:20:"])
    }

    fn found(rows: &[Row]) -> Found {
        Reader::default().read(rows).expect("understood")
    }

    fn seconds(seconds: f64) -> Option<Duration> {
        Some(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn events_wait_until_they_are_many_or_old() {
        for (last_event, age, wait) in [
            ("101", "1", 2.0),
            ("599", "2.75", 0.25),
            ("101", "3", 0.0),
            ("101", "100", 0.0),
            ("600", "0", 0.0),
            // A clock that was set back.
            ("101", "-5", 8.0),
        ] {
            let expected = Found { events: seconds(wait), ..Found::default() };
            assert_eq!(found(&[queue(last_event, age, "1")]), expected, "{last_event} {age}");
        }
    }

    #[test]
    fn idle_ticks_come_ever_more_rarely() {
        for (age, gap, due) in [
            // Half of the longest lag, twice the gap, the idle period.
            ("1.4", "0.5", false),
            ("1.5", "0.5", true),
            ("19", "10", false),
            ("20", "10", true),
            ("59", "31", false),
            ("60", "60", true),
            // There is one tick only.
            ("1", "", true),
        ] {
            for last_event in ["100", "99", ""] {
                let expected = Found { idle: due, ..Found::default() };
                assert_eq!(found(&[queue(last_event, age, gap)]), expected, "{age} {gap}");
            }
        }
    }

    #[test]
    fn transactions_that_outlived_a_tick_are_worth_one_call() {
        let mut reader = Reader::default();
        let mut events = |age: &str, now: &str| {
            let row = row("100", age, "60", ["10:20:10,15", "22", now]);
            reader.read(&[row]).expect("understood").events
        };
        assert_eq!(events("5", "10:20:10,15"), None, "all run");
        assert_eq!(events("1", "15:25:15,20,21"), seconds(2.0), "as for other events");
        assert_eq!(events("2", "15:25:15,20,21"), seconds(1.0));
        assert_eq!(events("3", "15:25:15,20,21"), seconds(0.0), "number 10");
        assert_eq!(events("4", "15:30:15,20,21"), None, "tried");
        assert_eq!(events("5", "15:31:15,20"), seconds(0.0), "number 21, which is in no list");
        assert_eq!(events("6", "15:32:15,20"), None, "tried");
        assert_eq!(events("7", "40:40:"), seconds(0.0), "the rest");
        assert_eq!(events("8", "50:50:"), None, "tried");
    }

    #[test]
    fn the_transaction_of_a_tick_is_known_by_its_lower_half() {
        let ended = |then: &str, txid, now: &str| {
            super::ended(&then.parse().expect("one"), txid, &now.parse().expect("one"))
        };
        let round = 1_i64 << 32;
        let (then, now) = (format!("{0}:{0}:", round - 2), format!("{0}:{0}:", round + 9));
        assert_eq!(ended(&then, 3, &now), 5);
        assert_eq!(ended(&then, round - 2, &now), 0);
        assert_eq!(
            ended(&format!("{0}:{0}:", 7 * round + 5), 8, &format!("{0}:{0}:", 8 * round)),
            3
        );
        assert_eq!(ended("10:10:", 9, "99999:99999:"), 1_000, "a tick of another server");
    }

    #[test]
    fn the_first_of_several_queues_counts() {
        let rows = [queue("100", "1", "20"), queue("101", "1", ""), queue("105", "2", "")];
        assert_eq!(found(&rows), Found { events: seconds(1.0), ..Found::default() });
        let rows = [queue("100", "1", "20"), queue("100", "40", "20"), queue("100", "1", "20")];
        assert_eq!(found(&rows), Found { idle: true, ..Found::default() });
    }

    #[test]
    fn a_queue_without_ticks_gets_one() {
        let mut row = queue("", "", "");
        row[6] = None;
        assert_eq!(found(&[row]), Found { idle: true, ..Found::default() });
    }

    #[test]
    fn without_queues_there_is_nothing_to_wait_for() {
        let mut row = vec![None; 13];
        row[0] = Some("true".to_owned());
        assert_eq!(found(&[row]), Found { retry: true, ..Found::default() });
    }

    #[test]
    fn what_is_not_understood_says_nothing() {
        for (column, text) in [(0, None), (2, Some("x")), (3, None), (8, Some("1")), (9, None)] {
            let mut row = queue("101", "1", "1");
            row[column] = text.map(str::to_owned);
            assert_eq!(Reader::default().read(&[row]), None, "{column}");
        }
        assert_eq!(Reader::default().read(&[vec![]]), None);
        let endless = queue("101", "-1e300", "1");
        assert_eq!(found(&[endless]).events, Some(Duration::MAX));
    }
}
