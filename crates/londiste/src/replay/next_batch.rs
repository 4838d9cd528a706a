//! Which batch comes next, and how many ticks it may hold.
//!
//! Every batch has a price of its own, whatever it holds. So a leaf that has fallen behind takes several ticks at once, as
//! `pgq_batch_collect_events` would make it, until it has caught up; so does a copy that catches up. A branch does not, because
//! its own queue needs every tick; nor does a leaf while a table is being copied, because the copy has to meet it at a tick.

use pgq_client::Result;
use pgq_client::calls::pgq;
use pgq_client::consumer::{BatchInfo, BatchOptions};
use pgq_client::id::{BatchId, TickId};
use pgq_client::name::{ConsumerName, QueueName};
use tokio_postgres::Client;

/// Events from which on ticks are not put together any more: by then a batch's own price does not matter, and nobody should
/// wait longer for its commit.
const ENOUGH_EVENTS: i64 = 50_000;

/// A multiple of these is much: when one lot of events is taken from it, more than two are left, of which the server gives
/// one, whatever ticks come (`pgq.find_tick_helper`).
const MUCH: i64 = 4;

/// [`ENOUGH_EVENTS`], unless a test wants a few rows to be many: for debug builds alone it stands in
/// `LONDISTE_ENOUGH_EVENTS`.
fn enough_events() -> i64 {
    #[cfg(debug_assertions)]
    if let Some(number) = std::env::var("LONDISTE_ENOUGH_EVENTS").ok().and_then(|n| n.parse().ok())
    {
        return number;
    }
    ENOUGH_EVENTS
}

/// Takes batches of one consumer.
#[derive(Debug, Default)]
pub(crate) struct NextBatch {
    /// Whether nothing was there when last looked for: the next tick will most likely be the only one.
    drained: bool,
    /// The newest batch that holds, or may hold, several ticks.
    merged: Option<BatchId>,
    /// What to ask for after the newest batch, if it is known already that this will give as many events as are taken at most.
    after: Option<BatchOptions>,
    /// Whether a batch was taken. One that was open before may have been taken by anybody.
    begun: bool,
    /// The newest tick there was when the newest batch was asked for, if that was looked for.
    newest: Option<TickId>,
}

/// Whether and how ticks may be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merging {
    /// Tick by tick.
    Off,
    /// As the operator has configured it.
    Configured,
    /// When there is more than one to take.
    Automatic,
}

/// What to ask for.
#[derive(Debug, PartialEq, Eq)]
enum Ask {
    Nothing,
    OneTick,
    Events(i32),
}

impl NextBatch {
    /// The open batch, or the next one; `None` when there is no tick to go to. `done` is the tick where this node stands.
    ///
    /// # Errors
    /// The server's.
    pub(crate) async fn take(
        &mut self,
        provider: &Client,
        done: Option<TickId>,
        queue: &QueueName,
        consumer: &ConsumerName,
        configured: &BatchOptions,
        merging: Merging,
    ) -> Result<Option<BatchInfo>> {
        let one_tick =
            BatchOptions { min_lag: configured.min_lag.clone(), ..BatchOptions::default() };
        let ask = async |options: &BatchOptions| {
            pgq::next_batch_custom(provider, queue, consumer, options).await
        };
        self.after = None;
        self.newest = None;
        let mut merged = merging == Merging::Configured;
        let batch = match (merging, done.filter(|_| !self.drained)) {
            (Merging::Configured, _) => ask(configured).await?,
            (Merging::Off, _) | (Merging::Automatic, None) => ask(&one_tick).await?,
            (Merging::Automatic, Some(done)) => {
                let newest = pgq::newest_tick(provider, queue, done).await?;
                self.newest = newest.map(|(tick, _)| tick);
                match ahead(done, newest, enough_events()) {
                    Ask::Nothing => {
                        self.drained = true;
                        return Ok(None);
                    }
                    Ask::OneTick => ask(&one_tick).await?,
                    Ask::Events(count) => {
                        let several = BatchOptions { min_count: Some(count), ..one_tick.clone() };
                        merged = true;
                        if newest.and_then(|(_, events)| events) > Some(enough_events() * MUCH) {
                            self.after = Some(several.clone());
                        }
                        match ask(&several).await? {
                            // The newest tick is too young for `pgq_keep_lag`; the next need not be.
                            None => ask(&one_tick).await?,
                            batch => batch,
                        }
                    }
                }
            }
        };
        self.drained = batch.is_none();
        if let Some(batch) = &batch {
            let unknown = !self.begun && batch.tick.0 > batch.prev_tick.0 + 1;
            if merged || unknown {
                self.merged = Some(batch.batch);
            }
            self.begun = true;
        }
        Ok(batch)
    }

    /// What will be asked for next, where the answer is known to be the same whatever ticks come until then.
    pub(super) fn after(&self) -> Option<&BatchOptions> {
        self.after.as_ref()
    }

    /// Whether nothing was behind the newest batch when it was asked for.
    pub(crate) fn was_last(&self, batch: &BatchInfo) -> bool {
        self.newest.is_some_and(|newest| batch.tick >= newest)
    }

    /// Whether a batch may hold several ticks.
    pub(super) fn is_merged(&self, batch: BatchId) -> bool {
        self.merged == Some(batch)
    }
}

/// What lies between where we stand and the newest tick.
fn ahead(done: TickId, newest: Option<(TickId, Option<i64>)>, enough: i64) -> Ask {
    let Some((newest, events)) = newest else { return Ask::OneTick };
    if newest <= done {
        // Behind us, if somebody has reset the queue: the server has a word for that.
        return if newest == done { Ask::Nothing } else { Ask::OneTick };
    }
    if newest.0 == done.0 + 1 {
        return Ask::OneTick;
    }
    // As many as there are: then the server takes the newest tick, else the first that is enough.
    match events.map(|events| events.min(enough)).map(i32::try_from) {
        Some(Ok(count)) if count >= 0 => Ask::Events(count),
        _ => Ask::OneTick,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(newest: Option<(i64, Option<i64>)>, expected: &Ask) {
        let newest = newest.map(|(tick, events)| (TickId(tick), events));
        assert_eq!(ahead(TickId(10), newest, 50_000), *expected);
    }

    #[test]
    fn all_ticks_that_are_there_up_to_enough_events() {
        check(Some((10, Some(0))), &Ask::Nothing);
        check(Some((11, Some(500))), &Ask::OneTick);
        check(Some((15, Some(500))), &Ask::Events(500));
        check(Some((15, Some(0))), &Ask::Events(0));
        check(Some((15, Some(10_000_000_000))), &Ask::Events(50_000));
    }

    #[test]
    fn what_makes_no_sense_is_taken_tick_by_tick() {
        check(None, &Ask::OneTick);
        check(Some((15, None)), &Ask::OneTick);
        check(Some((15, Some(-3))), &Ask::OneTick);
        check(Some((9, Some(-3))), &Ask::OneTick);
    }
}
