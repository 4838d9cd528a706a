//! What the three loops of a database have in common: each is a pure decision, "what was the outcome, what next?".
//! `database` asks and carries out.

use std::time::Duration;

/// One row, every column as text.
pub type Row = Vec<Option<String>>;

/// What came of the last step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is a new connection.
    Connected,
    /// The pause is over and the connection still open.
    Paused,
    /// The rest is over; there is no connection.
    Rested,
    /// The statement answered rows, maybe none.
    Rows(Vec<Row>),
    /// The statement is done and has no rows to answer (`vacuum`).
    Done,
    /// The server refused the statement; the connection is still good.
    Refused,
    /// The server refused the look; the connection is still good.
    Blind,
    /// There is no connection: none could be made, or it was lost.
    Lost,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Run a statement on the open connection.
    Query(String),
    /// Run [`look::STATEMENT`](crate::look::STATEMENT), which the server plans once for each connection.
    Look,
    /// Keep the connection and do nothing for a while; if it is old by now, the same as `Reconnect`.
    Pause(Duration),
    /// Close the connection, wait, connect.
    Reconnect(Duration),
    /// Close the connection and wait.
    Rest(Duration),
}

/// A loop.
pub trait Cycle {
    /// Name for debug lines and for the server's list of sessions: `ticker`, `maint`, `retry`.
    const NAME: &'static str;

    /// What it begins with.
    const FIRST: Step = Step::Reconnect(Duration::ZERO);

    /// Decides. Called first with the outcome of [`FIRST`](Self::FIRST).
    fn next_step(&mut self, outcome: Outcome) -> Step;
}

/// How long to wait before the next attempt to connect: soon after the first failure, so that a server's restart costs a
/// second, then ever longer.
///
/// Departure: the original always waits for the longest time.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_secs(1);

    /// Waits of 1, 2, 4 and so on to `longest` seconds.
    pub fn up_to(longest: Duration) -> Backoff {
        Backoff { next: Backoff::SHORTEST, longest }
    }

    /// The wait after one more failure.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next.min(self.longest);
        self.next = wait * 2;
        wait
    }

    /// It worked: the next failure is a first one again.
    pub fn reset(&mut self) {
        self.next = Backoff::SHORTEST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest() {
        let mut backoff = Backoff::up_to(Duration::from_secs(5));
        let mut waits = || [(); 5].map(|()| backoff.wait().as_secs());
        assert_eq!(waits(), [1, 2, 4, 5, 5]);
        assert_eq!(waits(), [5, 5, 5, 5, 5]);
        backoff.reset();
        assert_eq!(backoff.wait(), Backoff::SHORTEST);
    }
}
