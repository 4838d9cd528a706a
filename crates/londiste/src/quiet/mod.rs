//! `exception_quiet`, `exception_grace` and `exception_reset`: which failures are logged as a WARNING because they are
//! expected to pass (contract `cli.md` 2.6). Pure but for the clock that callers hand in.
//!
//! The names are those of Python's and psycopg2's exception classes. A name also stands for what is derived from it
//! (`OperationalError` for every lost or refused connection), as in an `except` clause; the original compared the
//! last name only.

use std::io;
use std::time::{Duration, Instant};

/// Classes of the server's errors: `23505 UniqueViolation`.
const BY_SQLSTATE: &str = include_str!("names.txt");

/// The classes that psycopg2's others are derived from.
const BASES: [&str; 10] = [
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Exception",
];

/// More names that stand for errors of ours.
const OTHERS: [&str; 7] = [
    "ALL",
    "FileNotFoundError",
    "IOError",
    "OSError",
    "PermissionError",
    "QueryCanceledError",
    "TransactionRollbackError",
];

/// What is expected to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietErrors {
    /// `exception_quiet`: class names, or `ALL`.
    pub names: Vec<String>,
    /// `exception_grace`: how long after the first failure.
    pub grace: Duration,
    /// `exception_reset`: a success later than this after the first failure makes the next failure a first one.
    pub reset: Duration,
}

impl QuietErrors {
    /// Listed names that no error has.
    pub fn unknown_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| {
            !BASES.contains(name)
                && !OTHERS.contains(name)
                && !by_sqlstate().any(|(_, class)| class == *name)
        })
    }

    fn lists(&self, error: &anyhow::Error) -> bool {
        !self.names.is_empty()
            && (self.names.iter().any(|name| name == "ALL")
                || classes(error).iter().any(|class| self.names.iter().any(|name| name == class)))
    }
}

/// When the present row of failures began.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failures {
    first: Option<Instant>,
}

impl Failures {
    /// Takes note of a failure. Whether it is to be a WARNING.
    pub fn failed(&mut self, quiet: &QuietErrors, error: &anyhow::Error, now: Instant) -> bool {
        let first = *self.first.get_or_insert(now);
        quiet.lists(error) && now.saturating_duration_since(first) < quiet.grace
    }

    /// Takes note of a success.
    pub fn succeeded(&mut self, quiet: &QuietErrors, now: Instant) {
        if self.first.is_some_and(|first| now.saturating_duration_since(first) > quiet.reset) {
            self.first = None;
        }
    }
}

fn by_sqlstate() -> impl Iterator<Item = (&'static str, &'static str)> {
    BY_SQLSTATE.lines().filter_map(|line| line.split_once(' '))
}

/// The class that the original's error would have, and those it is derived from.
fn classes(error: &anyhow::Error) -> Vec<&'static str> {
    let mut classes = Vec::new();
    if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref::<pgq_client::Error>()) {
        match error.sqlstate() {
            Some(state) => classes.extend(of_server(state.code(), error.is_connect())),
            None if error.is_closed() => classes.extend(["OperationalError", "InterfaceError"]),
            None => classes.push("InterfaceError"),
        }
        classes.extend(["DatabaseError", "Error"]);
    } else if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>()) {
        classes.extend(["OSError", "IOError"]);
        match error.kind() {
            io::ErrorKind::NotFound => classes.push("FileNotFoundError"),
            io::ErrorKind::PermissionDenied => classes.push("PermissionError"),
            _ => {}
        }
    }
    classes.push("Exception");
    classes
}

/// Of an error with this SQLSTATE. A refused connection has no finer class than `OperationalError`.
fn of_server(sqlstate: &str, connecting: bool) -> Vec<&'static str> {
    if connecting {
        return vec!["OperationalError"];
    }
    let mut classes: Vec<&'static str> =
        by_sqlstate().filter(|(code, _)| *code == sqlstate).map(|(_, class)| class).collect();
    classes.extend(match sqlstate.get(..2).unwrap_or_default() {
        "0A" => &["NotSupportedError"][..],
        "20" | "21" | "3D" | "3F" | "42" | "44" => &["ProgrammingError"],
        "22" => &["DataError"],
        "23" => &["IntegrityError"],
        "24" | "25" | "2B" | "2D" | "2F" | "38" | "39" | "3B" | "F0" | "P0" | "XX" => {
            &["InternalError"]
        }
        "40" => &["TransactionRollbackError", "OperationalError"],
        "57" if sqlstate == "57014" => &["QueryCanceledError", "OperationalError"],
        "08" | "26" | "27" | "28" | "34" | "53" | "54" | "55" | "57" | "58" | "HV" => {
            &["OperationalError"]
        }
        _ => &[],
    });
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn quiet(names: &[&str]) -> QuietErrors {
        QuietErrors {
            names: names.iter().map(ToString::to_string).collect(),
            grace: MINUTE * 5,
            reset: MINUTE * 15,
        }
    }

    fn refused() -> anyhow::Error {
        anyhow::Error::from(pgq_client::Error::connect("refused", None)).context("connecting")
    }

    #[test]
    fn classes_as_psycopg2_has_them() {
        assert_eq!(of_server("23505", false), ["UniqueViolation", "IntegrityError"]);
        assert_eq!(of_server("57P01", false), ["AdminShutdown", "OperationalError"]);
        assert_eq!(
            of_server("40P01", false),
            ["DeadlockDetected", "TransactionRollbackError", "OperationalError"]
        );
        assert_eq!(of_server("XX000", false), ["InternalError_", "InternalError"]);
        assert_eq!(of_server("28P01", true), ["OperationalError"]);
        assert_eq!(of_server("ZZ999", false), [""; 0]);
        assert_eq!(by_sqlstate().count(), BY_SQLSTATE.lines().count());
    }

    #[test]
    fn classes_of_other_errors() {
        assert!(classes(&refused()).contains(&"OperationalError"));
        let missing =
            anyhow::Error::from(io::Error::from(io::ErrorKind::NotFound)).context("x.sql");
        assert_eq!(classes(&missing), ["OSError", "IOError", "FileNotFoundError", "Exception"]);
        assert_eq!(classes(&anyhow::anyhow!("what")), ["Exception"]);
    }

    #[test]
    fn listed_failures_are_quiet_for_a_while() {
        let start = Instant::now();
        let mut failures = Failures::default();
        let quiet = quiet(&["OperationalError"]);
        assert!(failures.failed(&quiet, &refused(), start));
        assert!(!failures.failed(&quiet, &anyhow::anyhow!("other"), start));
        assert!(failures.failed(&quiet, &refused(), start + MINUTE * 4));
        assert!(!failures.failed(&quiet, &refused(), start + MINUTE * 5));
        // A success soon after does not begin a new row, one later does.
        failures.succeeded(&quiet, start + MINUTE * 15);
        assert!(!failures.failed(&quiet, &refused(), start + MINUTE * 16));
        failures.succeeded(&quiet, start + MINUTE * 17);
        assert!(failures.failed(&quiet, &refused(), start + MINUTE * 18));
    }

    #[test]
    fn all_and_nothing() {
        let now = Instant::now();
        let other = anyhow::anyhow!("other");
        for name in ["ALL", "Exception"] {
            assert!(Failures::default().failed(&quiet(&[name]), &other, now), "{name}");
        }
        assert!(!Failures::default().failed(&quiet(&[]), &refused(), now));
        let none = QuietErrors { grace: Duration::ZERO, ..quiet(&["ALL"]) };
        assert!(!Failures::default().failed(&none, &other, now));
    }

    #[test]
    fn names_nobody_has() {
        let quiet = quiet(&["ALL", "UniqueViolation", "OperationalErr", "Error"]);
        assert_eq!(quiet.unknown_names().collect::<Vec<_>>(), ["OperationalErr"]);
    }
}
