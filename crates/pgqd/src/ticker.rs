//! The ticker loop: is there a usable pgq, then tick, over and over on one connection (contract `pgqd.md` section 9).
//!
//! Departures: `pgq.ticker()` is called when a look says that a tick is due (`look`), and looks come more often
//! than every `ticker_period` while there are events ([`pace`]). Where a look is refused it is called every
//! `ticker_period`. The version is compared as a number, so that a version 10 would be newer than 3.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::cycle::{Backoff, Cycle, Outcome, Row, Step};
use crate::database::Database;
use crate::look::{Found, Reader};
use crate::pace;

/// After the server refused a statement.
const AFTER_REFUSAL: Duration = Duration::from_secs(10);

/// Longest wait after the connection was lost.
const AFTER_LOSS: Duration = Duration::from_secs(60);

/// Oldest major version of pgq that can be served.
const OLDEST: u32 = 3;

/// Where the beats of all databases are counted from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The loop and where it stands.
pub struct Ticker<'a> {
    db: &'a Database,
    asked: Asked,
    next: Next,
    reader: Reader,
    /// When events last got a tick.
    active: Option<Instant>,
    /// Until when there is no look, because one was refused.
    blind_until: Option<Instant>,
    /// When something was last counted.
    counted: Option<Instant>,
    backoff: Backoff,
    /// Called when pgq is usable for the first time.
    usable: Box<dyn FnMut() + Send + 'a>,
}

/// The statement whose outcome comes next.
enum Asked {
    Schema,
    Version,
    Look,
    Tick(Reason),
}

/// What follows a pause.
enum Next {
    Look,
    /// For events of which the latest look knew.
    Tick,
}

/// Why `pgq.ticker()` is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// Events wait for a tick.
    Events,
    /// A queue has been quiet for long enough, or nobody knows.
    Time,
}

impl<'a> Ticker<'a> {
    /// `usable` is called whenever the version is found good, once it is known whether there are events to retry.
    pub fn new(db: &'a Database, usable: impl FnMut() + Send + 'a) -> Self {
        Ticker {
            db,
            asked: Asked::Schema,
            next: Next::Look,
            reader: Reader::default(),
            active: None,
            blind_until: None,
            counted: None,
            backoff: Backoff::up_to(AFTER_LOSS),
            usable: Box::new(usable),
        }
    }

    fn ask(&mut self, asked: Asked) -> Step {
        let statement = match asked {
            Asked::Schema => "select 1 from pg_catalog.pg_namespace where nspname='pgq'",
            Asked::Version => "select pgq.version()",
            Asked::Look => {
                self.asked = asked;
                return Step::Look;
            }
            Asked::Tick(_) => "select pgq.ticker()",
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
                    self.look()
                } else {
                    info!("{db}: bad pgq version, ignoring");
                    debug!("{db}: bad pgq version: {version}");
                    Step::Reconnect(db.settings().check_period)
                }
            }
            Asked::Look => match self.reader.read(rows) {
                Some(found) => self.found(found),
                None => {
                    debug!("{db}: an answer that is not understood: {rows:?}");
                    self.blind()
                }
            },
            Asked::Tick(reason) => {
                match rows {
                    [_] => {
                        self.count();
                        let ticked = single(rows).and_then(|number| number.parse().ok());
                        if reason == Reason::Events && ticked.is_some_and(|ticked: i64| ticked > 0)
                        {
                            self.active = Some(Instant::now());
                        }
                    }
                    _ => debug!("calling pgq.ticker() failed"),
                }
                self.pause(None)
            }
        }
    }

    /// Looks, if it may.
    fn look(&mut self) -> Step {
        if self.blind_until.is_some_and(|until| Instant::now() < until) {
            self.ask(Asked::Tick(Reason::Time))
        } else {
            self.ask(Asked::Look)
        }
    }

    fn found(&mut self, found: Found) -> Step {
        self.blind_until = None;
        self.db.set_nothing_to_retry(!found.retry);
        (self.usable)();
        match found {
            Found { events: Some(Duration::ZERO), .. } => self.ask(Asked::Tick(Reason::Events)),
            Found { idle: true, .. } => self.ask(Asked::Tick(Reason::Time)),
            Found { events, .. } => {
                // The look was in place of a call that would have made no tick.
                let period = self.db.settings().ticker_period;
                if self.counted.is_none_or(|counted| counted.elapsed() >= period) {
                    self.count();
                }
                self.pause(events)
            }
        }
    }

    /// There will be no look for a while.
    fn blind(&mut self) -> Step {
        self.blind_until = Some(Instant::now() + self.db.settings().check_period);
        self.db.set_nothing_to_retry(false);
        (self.usable)();
        self.ask(Asked::Tick(Reason::Time))
    }

    /// Until the next look, or until the events that there are get their tick.
    fn pause(&mut self, events: Option<Duration>) -> Step {
        let period = self.db.settings().ticker_period;
        let pause = pace::pause(self.active.map(|active| active.elapsed()), period);
        match events {
            Some(wait) if wait <= pause => {
                self.next = Next::Tick;
                Step::Pause(wait)
            }
            _ => {
                self.next = Next::Look;
                let now = START.elapsed();
                Step::Pause(if pause == period { pace::to_beat(now, pause) } else { pause })
            }
        }
    }

    fn count(&mut self) {
        self.counted = Some(Instant::now());
        self.db.stats().count_tick();
    }
}

impl Cycle for Ticker<'_> {
    const NAME: &'static str = "ticker";

    fn next_step(&mut self, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Connected => self.ask(Asked::Schema),
            Outcome::Paused => {
                tracing::trace!("{}: tick timeout", self.db);
                match self.next {
                    Next::Look => self.look(),
                    Next::Tick => self.ask(Asked::Tick(Reason::Events)),
                }
            }
            Outcome::Rows(rows) => self.answered(&rows),
            Outcome::Blind => self.blind(),
            // Nothing rests here.
            Outcome::Done | Outcome::Refused | Outcome::Rested => {
                self.db.set_nothing_to_retry(false);
                Step::Reconnect(AFTER_REFUSAL)
            }
            Outcome::Lost => {
                warn!("{}: default timeout", self.db);
                self.db.set_nothing_to_retry(false);
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
    use std::sync::atomic::{AtomicBool, Ordering};

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

    /// A loop that has been told that pgq is usable, and looks.
    fn looking(db: &Database) -> Ticker<'_> {
        let mut ticker = Ticker::new(db, || ());
        assert_eq!(ticker.next_step(Outcome::Connected), query(SCHEMA));
        assert_eq!(ticker.next_step(rows(&["1"])), query(VERSION));
        assert_eq!(ticker.next_step(rows(&["3.5"])), Step::Look);
        ticker
    }

    /// What a look answers of a queue with the usual settings, tick 7 and 100 events in it.
    fn looked(last_event: &str, age: &str) -> Outcome {
        let columns = [
            "false", "1", "500", "3", "60", last_event, "7", "100", "9:9:", age, "60", "9", "9:9:",
        ];
        Outcome::Rows(vec![columns.map(|text| Some(text.to_owned())).to_vec()])
    }

    fn paused(step: &Step) -> Duration {
        match step {
            Step::Pause(pause) => *pause,
            other => panic!("{other:?}"),
        }
    }

    async fn pass(step: &Step) {
        tokio::time::advance(paused(step)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_database_gets_a_look_in_every_period() {
        let db = database("");
        let mut ticker = looking(&db);
        let mut looks = 0;
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(30) {
            let step = ticker.next_step(looked("100", "20"));
            assert!(
                paused(&step) > Duration::from_millis(874)
                    && paused(&step) <= Duration::from_secs(1)
            );
            pass(&step).await;
            assert_eq!(ticker.next_step(Outcome::Paused), Step::Look);
            looks += 1;
        }
        assert!((30..=31).contains(&looks), "{looks}");
        assert!((29..=31).contains(&db.stats().take().ticks), "each instead of a call");
    }

    #[tokio::test(start_paused = true)]
    async fn events_are_looked_for_the_more_often_the_fresher_they_are() {
        let db = database("");
        let mut ticker = looking(&db);
        assert_eq!(ticker.next_step(looked("101", "20")), query(TICK));
        let mut step = ticker.next_step(rows(&["1"]));
        assert_eq!(step, Step::Pause(Duration::from_millis(50)));
        let (started, mut looks) = (Instant::now(), 0);
        while paused(&step) < Duration::from_millis(800) {
            pass(&step).await;
            assert_eq!(ticker.next_step(Outcome::Paused), Step::Look);
            step = ticker.next_step(looked("100", "1"));
            looks += 1;
        }
        assert!(started.elapsed() <= Duration::from_secs(16));
        assert!((40..80).contains(&looks), "{looks}");
        assert!(db.stats().take().ticks <= 17, "looks count as calls of every period did");

        // An idle tick is nothing new, nor is a call that made no tick.
        for (last_event, ticked) in [("100", "1"), ("101", "0")] {
            ticker.next_step(Outcome::Paused);
            assert_eq!(ticker.next_step(looked(last_event, "120")), query(TICK));
            assert!(paused(&ticker.next_step(rows(&[ticked]))) > Duration::from_millis(700));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn events_that_have_to_wait_get_their_tick_in_time() {
        let db = database("");
        let mut ticker = looking(&db);
        let step = ticker.next_step(looked("101", "2.6"));
        assert_eq!(step, Step::Pause(Duration::from_secs_f64(3.0 - 2.6)));
        assert_eq!(ticker.next_step(Outcome::Paused), query(TICK));
        ticker.next_step(rows(&["1"]));
        let step = ticker.next_step(looked("102", "0.1"));
        assert_eq!(
            step,
            Step::Pause(Duration::from_millis(50)),
            "there may soon be enough of them"
        );
        assert_eq!(ticker.next_step(Outcome::Paused), Step::Look);
        assert_eq!(ticker.next_step(looked("600", "0.15")), query(TICK));
    }

    #[tokio::test(start_paused = true)]
    async fn where_it_may_not_look_it_calls_in_every_period() {
        let db = database("check_period = 5");
        db.set_nothing_to_retry(true);
        let mut ticker = looking(&db);
        assert_eq!(ticker.next_step(Outcome::Blind), query(TICK));
        assert!(!db.nothing_to_retry());
        let mut calls = 1;
        let started = Instant::now();
        loop {
            let step = ticker.next_step(rows(&["1"]));
            assert!(paused(&step) > Duration::from_millis(874));
            pass(&step).await;
            if ticker.next_step(Outcome::Paused) == Step::Look {
                break;
            }
            calls += 1;
        }
        assert!(started.elapsed() >= Duration::from_secs(5));
        assert_eq!(db.stats().take().ticks, calls);
        assert_eq!(ticker.next_step(rows(&["?"])), query(TICK), "not understood");
    }

    #[test]
    fn maintenance_may_start_before_the_first_call_returns() {
        let db = database("");
        let found = AtomicBool::new(false);
        let mut ticker = Ticker::new(&db, || found.store(true, Ordering::Relaxed));
        ticker.next_step(Outcome::Connected);
        ticker.next_step(rows(&["1"]));
        ticker.next_step(rows(&["3.5"]));
        assert!(!found.load(Ordering::Relaxed));
        assert_eq!(ticker.next_step(looked("101", "20")), query(TICK));
        assert!(found.load(Ordering::Relaxed));
        assert!(db.nothing_to_retry());
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
        db.set_nothing_to_retry(true);
        assert_eq!(ticker.next_step(Outcome::Lost), reconnect(1));
        assert!(!db.nothing_to_retry());
        db.set_nothing_to_retry(true);
        assert_eq!(ticker.next_step(Outcome::Refused), reconnect(10));
        assert!(!db.nothing_to_retry());
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
