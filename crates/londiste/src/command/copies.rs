//! What operators are told of a copy that runs. Pure.

use crate::calls::RunningCopy;
use crate::copy::clock;

/// Without name and share: `123.4 MB, 500000 rows, 24.7 MB/s, 0:07 left`.
pub(super) fn facts(copy: &RunningCopy) -> String {
    let megabytes = |bytes: i64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    let mut text = format!("{}, {} rows", megabytes(copy.bytes), copy.rows);
    if copy.phase == "rows" {
        text.push_str(&format!(", {}/s", megabytes(copy.rate)));
        if let Some(left) = copy.left {
            text.push_str(&format!(", {} left", clock(left)));
        }
    } else {
        text.push_str(&format!(", {}", copy.phase));
    }
    text
}

/// Of the rows, as far as anybody knows how many there are.
pub(super) fn percent(copy: &RunningCopy) -> Option<u64> {
    copy.percent.filter(|_| copy.phase == "rows").and_then(|percent| u64::try_from(percent).ok())
}

/// `public.t: 41%, 123.4 MB, ...`
pub(super) fn line(copy: &RunningCopy) -> String {
    match percent(copy) {
        Some(percent) => format!("{}: {percent}%, {}", copy.table, facts(copy)),
        None => format!("{}: {}", copy.table, facts(copy)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use pgq_client::name::TableName;

    pub(in crate::command) fn copy() -> RunningCopy {
        RunningCopy {
            table: TableName::new("public.t"),
            phase: "rows".to_owned(),
            bytes: 123_456_789,
            rows: 500_000,
            expected: Some(1_200_000),
            percent: Some(41),
            rate: 24_700_000,
            left: Some(7.2),
        }
    }

    #[test]
    fn rows_have_a_rate_and_an_end() {
        assert_eq!(line(&copy()), "public.t: 41%, 123.4 MB, 500000 rows, 24.7 MB/s, 0:07 left");
        let unknown = RunningCopy { percent: None, left: None, ..copy() };
        assert_eq!(line(&unknown), "public.t: 123.4 MB, 500000 rows, 24.7 MB/s");
    }

    #[test]
    fn indexes_have_neither() {
        let indexes = RunningCopy { phase: "indexes".to_owned(), ..copy() };
        assert_eq!(line(&indexes), "public.t: 123.4 MB, 500000 rows, indexes");
    }
}
