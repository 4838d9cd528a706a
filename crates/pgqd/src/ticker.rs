//! The ticker loop: is there a usable pgq, then tick, over and over on one connection (contract `pgqd.md` section 9).
//!
//! Departure: the version is compared as a number, so that a version 10 would be newer than 3.

use std::time::Duration;

use tracing::{debug, info, warn};

use crate::cycle::{Backoff, Cycle, Outcome, Row, Step};
use crate::database::Database;

/// After the server refused a statement.
const AFTER_REFUSAL: Duration = Duration::from_secs(10);

/// Longest wait after the connection was lost.
const AFTER_LOSS: Duration = Duration::from_secs(60);

/// Oldest major version of pgq that can be served.
const OLDEST: u32 = 3;

/// The loop and where it stands.
pub struct Ticker<'a> {
    db: &'a Database,
    asked: Asked,
    backoff: Backoff,
    /// Called when pgq is usable for the first time.
    usable: Box<dyn FnMut() + Send + 'a>,
}

/// The statement whose outcome comes next.
enum Asked {
    Schema,
    Version,
    Tick,
}

impl<'a> Ticker<'a> {
    /// `usable` is called whenever the version is found good.
    pub fn new(db: &'a Database, usable: impl FnMut() + Send + 'a) -> Self {
        let backoff = Backoff::up_to(AFTER_LOSS);
        Ticker { db, asked: Asked::Schema, backoff, usable: Box::new(usable) }
    }

    fn ask(&mut self, asked: Asked) -> Step {
        let statement = match asked {
            Asked::Schema => "select 1 from pg_catalog.pg_namespace where nspname='pgq'",
            Asked::Version => "select pgq.version()",
            Asked::Tick => "select pgq.ticker()",
        };
        self.asked = asked;
        Step::Query(statement.to_owned())
    }

    fn answered(&mut self, rows: &[Row]) -> Step {
        let db = self.db;
        self.backoff.reset();
        match self.asked {
            Asked::Schema if rows.len() == 1 => self.ask(Asked::Version),
            Asked::Schema => {
                debug!("{db}: no pgq");
                Step::Reconnect(db.settings().check_period)
            }
            Asked::Version => {
                let version = single(rows).unwrap_or_default();
                if is_usable(version) {
                    info!("{db}: pgq version ok: {version}");
                    (self.usable)();
                    self.ask(Asked::Tick)
                } else {
                    info!("{db}: bad pgq version, ignoring");
                    debug!("{db}: bad pgq version: {version}");
                    Step::Reconnect(db.settings().check_period)
                }
            }
            Asked::Tick => {
                if rows.len() == 1 {
                    db.stats().count_tick();
                } else {
                    debug!("calling pgq.ticker() failed");
                }
                Step::Pause(db.settings().ticker_period)
            }
        }
    }
}

impl Cycle for Ticker<'_> {
    const NAME: &'static str = "ticker";

    fn next_step(&mut self, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Connected => self.ask(Asked::Schema),
            Outcome::Paused => {
                tracing::trace!("{}: tick timeout", self.db);
                self.ask(Asked::Tick)
            }
            Outcome::Rows(rows) => self.answered(&rows),
            Outcome::Done | Outcome::Refused => Step::Reconnect(AFTER_REFUSAL),
            Outcome::Lost => {
                warn!("{}: default timeout", self.db);
                Step::Reconnect(self.backoff.wait())
            }
        }
    }
}

/// The first column of the only row.
fn single(rows: &[Row]) -> Option<&str> {
    match rows {
        [row] => row.first()?.as_deref(),
        _ => None,
    }
}

fn is_usable(version: &str) -> bool {
    let major = version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    major.parse::<u32>().is_ok_and(|major| major >= OLDEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::tests::database;

    fn rows(texts: &[&str]) -> Outcome {
        Outcome::Rows(texts.iter().map(|text| vec![Some((*text).to_owned())]).collect())
    }

    fn query(text: &str) -> Step {
        Step::Query(text.to_owned())
    }

    fn reconnect(seconds: u64) -> Step {
        Step::Reconnect(Duration::from_secs(seconds))
    }

    const SCHEMA: &str = "select 1 from pg_catalog.pg_namespace where nspname='pgq'";
    const VERSION: &str = "select pgq.version()";
    const TICK: &str = "select pgq.ticker()";

    #[test]
    fn ticks_on_one_connection() {
        let db = database("ticker_period = 0.25");
        let mut found = 0;
        let mut ticker = Ticker::new(&db, || found += 1);
        let pause = Step::Pause(Duration::from_millis(250));
        assert_eq!(ticker.next_step(Outcome::Connected), query(SCHEMA));
        assert_eq!(ticker.next_step(rows(&["1"])), query(VERSION));
        assert_eq!(ticker.next_step(rows(&["3.5"])), query(TICK));
        assert_eq!(ticker.next_step(rows(&["2"])), pause);
        assert_eq!(ticker.next_step(Outcome::Paused), query(TICK));
        assert_eq!(ticker.next_step(rows(&["0"])), pause);
        assert_eq!(ticker.next_step(Outcome::Paused), query(TICK));
        assert_eq!(ticker.next_step(rows(&[])), pause);
        drop(ticker);
        assert_eq!(found, 1);
        assert_eq!(db.stats().take().ticks, 2);
    }

    #[test]
    fn without_pgq() {
        let db = database("check_period = 7");
        let mut ticker = Ticker::new(&db, || unreachable!("not usable"));
        ticker.next_step(Outcome::Connected);
        assert_eq!(ticker.next_step(rows(&[])), reconnect(7));
        for bad in [rows(&["2.1"]), rows(&[""]), rows(&[]), Outcome::Rows(vec![vec![None]])] {
            ticker.next_step(Outcome::Connected);
            ticker.next_step(rows(&["1"]));
            assert_eq!(ticker.next_step(bad), reconnect(7));
        }
    }

    #[test]
    fn failures() {
        let db = database("");
        let mut ticker = Ticker::new(&db, || ());
        assert_eq!(ticker.next_step(Outcome::Lost), reconnect(1));
        assert_eq!(ticker.next_step(Outcome::Lost), reconnect(2));
        assert_eq!(ticker.next_step(Outcome::Connected), query(SCHEMA));
        assert_eq!(ticker.next_step(Outcome::Lost), reconnect(4));
        ticker.next_step(Outcome::Connected);
        ticker.next_step(rows(&["1"]));
        assert_eq!(ticker.next_step(Outcome::Lost), reconnect(1));
        assert_eq!(ticker.next_step(Outcome::Refused), reconnect(10));
    }

    #[test]
    fn versions() {
        for good in ["3", "3.5", "4.0", "10.1", "3.5-rc1"] {
            assert!(is_usable(good), "{good}");
        }
        for bad in ["", "2.9", "x", "v3"] {
            assert!(!is_usable(bad), "{bad}");
        }
    }
}
