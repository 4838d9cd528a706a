//! The retry loop: puts events back into their queues when their time has come (contract `pgqd.md` section 11).
//!
//! Departure: it does not connect while the ticker sees that there is nothing to do. A connection costs the server more than
//! all looks of the ticker in the meantime.

use std::time::Duration;

use tracing::{debug, warn};

use crate::cycle::{Backoff, Cycle, Outcome, Step};
use crate::database::Database;

/// After the server refused the statement.
const AFTER_REFUSAL: Duration = Duration::from_secs(20);

/// Longest wait after the connection was lost.
const AFTER_LOSS: Duration = Duration::from_secs(30);

/// The loop. It has no state but its failures: every answer says whether there may be more.
pub struct Retry<'a> {
    db: &'a Database,
    backoff: Backoff,
}

impl<'a> Retry<'a> {
    /// For one database.
    pub fn new(db: &'a Database) -> Self {
        Retry { db, backoff: Backoff::up_to(AFTER_LOSS) }
    }

    fn rest(&self) -> Step {
        Step::Rest(self.db.settings().retry_period)
    }
}

impl Cycle for Retry<'_> {
    const NAME: &'static str = "retry";
    const FIRST: Step = Step::Rest(Duration::ZERO);

    fn next_step(&mut self, outcome: Outcome) -> Step {
        let again = || Step::Query("select * from pgq.maint_retry_events()".to_owned());
        match outcome {
            Outcome::Connected => {
                debug!("{}: starting retry event processing", self.db);
                again()
            }
            Outcome::Rows(rows) => {
                self.backoff.reset();
                let moved = match &rows[..] {
                    [row] => row.first().and_then(Option::as_deref).and_then(|n| n.parse().ok()),
                    _ => None,
                };
                match moved {
                    Some(moved) if moved != 0 => {
                        self.db.stats().count_retry(moved);
                        again()
                    }
                    _ => self.rest(),
                }
            }
            Outcome::Rested if self.db.nothing_to_retry() => self.rest(),
            Outcome::Rested => Step::Reconnect(Duration::ZERO),
            // Nothing pauses or looks here.
            Outcome::Done | Outcome::Refused | Outcome::Paused | Outcome::Blind => {
                Step::Reconnect(AFTER_REFUSAL)
            }
            Outcome::Lost => {
                warn!("{}: default reconnect", self.db);
                Step::Reconnect(self.backoff.wait())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::tests::database;

    #[test]
    fn until_nothing_is_left() {
        let db = database("retry_period = 9");
        let mut retry = Retry::new(&db);
        let query = Step::Query("select * from pgq.maint_retry_events()".to_owned());
        let rows = |n: &str| Outcome::Rows(vec![vec![Some(n.to_owned())]]);
        let pause = Step::Rest(Duration::from_secs(9));
        assert_eq!(retry.next_step(Outcome::Connected), query);
        assert_eq!(retry.next_step(rows("10")), query);
        assert_eq!(retry.next_step(rows("3")), query);
        assert_eq!(retry.next_step(rows("0")), pause);
        assert_eq!(retry.next_step(Outcome::Rows(vec![])), pause);
        assert_eq!(db.stats().take().retry, 13);
    }

    #[test]
    fn connects_unless_there_is_nothing_to_do() {
        let db = database("retry_period = 9");
        let mut retry = Retry::new(&db);
        assert_eq!(Retry::FIRST, Step::Rest(Duration::ZERO));
        let connect = Step::Reconnect(Duration::ZERO);
        assert_eq!(retry.next_step(Outcome::Rested), connect, "nobody has looked");
        db.set_nothing_to_retry(true);
        assert_eq!(retry.next_step(Outcome::Rested), Step::Rest(Duration::from_secs(9)));
        db.set_nothing_to_retry(false);
        assert_eq!(retry.next_step(Outcome::Rested), connect);
    }

    #[test]
    fn failures() {
        let db = database("");
        let mut retry = Retry::new(&db);
        let reconnect = |seconds| Step::Reconnect(Duration::from_secs(seconds));
        assert_eq!(retry.next_step(Outcome::Refused), reconnect(20));
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(retry.next_step(Outcome::Lost), reconnect(seconds));
        }
    }
}
