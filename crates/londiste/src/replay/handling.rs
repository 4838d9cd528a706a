//! What becomes of a table's events, as its handler wants it: applied, changed, sent elsewhere or left out (contract
//! `handlers.md` section 3).
//!
//! Departures: rows that a handler changes or collects go through the same engine as all others, in event order, so that a
//! truncate or a script in the middle of a batch finds what came before it.

use std::borrow::Cow;

use pgq_client::consumer::BatchInfo;
use pgq_client::event::Event;
use pgq_client::id::TickId;
use pgq_client::name::QueueName;
use pgq_client::text::row::RowEvent;

use super::apply::{Applier, ApplyError, EventError, Mode, Outlet};
use super::event_copy::EventCopy;
use crate::handler::shard::{Part, Shard, ShardError};
use crate::handler::{Handler, RowChange};
use crate::table::registry::Table;

/// What handlers need to know and keep during one batch.
#[derive(Debug)]
pub(crate) struct Handling {
    /// The batch's.
    tick: TickId,
    /// Which part of all rows this database has, once somebody has asked.
    part: Option<Part>,
    /// Events for other queues.
    elsewhere: Vec<EventCopy>,
}

impl Handling {
    /// For a batch.
    pub(crate) fn new(batch: &BatchInfo) -> Self {
        Self { tick: batch.tick, part: None, elsewhere: Vec::new() }
    }

    /// Does what a data event asks for.
    ///
    /// # Errors
    /// The event cannot be used, or what is pending was refused.
    pub(crate) async fn data(
        &mut self,
        applier: &mut Applier,
        outlet: &mut Outlet<'_>,
        mode: Mode,
        table: &Table,
        event: &Event,
    ) -> Result<(), ApplyError> {
        match &table.handler {
            Handler::Londiste(_) => applier.data(outlet, mode, table, event).await,
            Handler::QTable | Handler::VTable => Ok(()),
            Handler::QSplitter(split) => self.send(outlet, &split.queue, event).await,
            Handler::ApplyFn(function) | Handler::MultiMaster(function) => {
                let sql = function.call(self.tick, event);
                applier.call(outlet, &table.name, event.into(), sql).await
            }
            Handler::Shard(shard) if shard.disable_replay => Ok(()),
            Handler::Shard(shard) => {
                if self.is_ours(outlet, shard, event).await? {
                    applier.data(outlet, mode, table, event).await?;
                }
                Ok(())
            }
            Handler::Bulk(bulk) => {
                let changes = bulk.changes(keyed_change(applier, table, event)?);
                // Row by row it would not forgive.
                apply(applier, outlet, Mode::Net, table, event, changes).await
            }
        }
    }

    /// The data event that those behind this node get; `None` when they get none.
    ///
    /// # Errors
    /// The event cannot be used, or the handler's settings.
    pub(crate) async fn passed_on<'e>(
        &mut self,
        outlet: &mut Outlet<'_>,
        table: &Table,
        event: &'e Event,
    ) -> Result<Option<Cow<'e, Event>>, ApplyError> {
        match &table.handler {
            Handler::Shard(shard) => {
                Ok(self.is_ours(outlet, shard, event).await?.then_some(Cow::Borrowed(event)))
            }
            _ => Ok(Some(Cow::Borrowed(event))),
        }
    }

    /// Sends what was collected; the batch's transaction is about to end.
    ///
    /// # Errors
    /// The server's.
    pub(crate) async fn finish(&mut self, outlet: &mut Outlet<'_>) -> Result<(), ApplyError> {
        for events in &mut self.elsewhere {
            events.flush(outlet.client().await?).await?;
        }
        Ok(())
    }

    async fn send(
        &mut self,
        outlet: &mut Outlet<'_>,
        queue: &QueueName,
        event: &Event,
    ) -> Result<(), ApplyError> {
        let known = self.elsewhere.iter().position(|events| events.target() == queue);
        let place = known.unwrap_or_else(|| {
            self.elsewhere.push(EventCopy::new(queue.clone(), false));
            self.elsewhere.len() - 1
        });
        let events = &mut self.elsewhere[place];
        events.push(event, event.data.as_deref());
        if events.is_full() {
            events.flush(outlet.client().await?).await?;
        }
        Ok(())
    }

    async fn is_ours(
        &mut self,
        outlet: &mut Outlet<'_>,
        shard: &Shard,
        event: &Event,
    ) -> Result<bool, ApplyError> {
        let unusable = |error| match error {
            ShardError::Sql(error) => ApplyError::Sql(error),
            other => EventError::unusable(event.into(), other.to_string()).into(),
        };
        let part = match self.part {
            Some(part) => part,
            None => {
                let part = shard.part(outlet.client().await?).await.map_err(unusable)?;
                *self.part.insert(part)
            }
        };
        part.has_event(event).map_err(unusable)
    }
}

/// The event's change for handlers that work with whole rows and their keys.
fn keyed_change<'e>(
    applier: &Applier,
    table: &Table,
    event: &'e Event,
) -> Result<RowChange<'e>, EventError> {
    let kind = event.kind.as_deref().unwrap_or_default();
    match applier.decode(&table.name, event)? {
        RowEvent::Row { op, key, columns } => {
            let change = RowChange { op, key, columns };
            if change.has_key() {
                Ok(change)
            } else {
                let problem = format!("non-pk tables not supported: {}", table.name);
                Err(EventError::unusable(event.into(), problem))
            }
        }
        RowEvent::Fragment { .. } => {
            let problem = format!("Unsupported event type: {kind}/extra1={}", table.name);
            Err(EventError::unusable(event.into(), problem))
        }
    }
}

/// Makes the changes of one event to the destination table.
async fn apply(
    applier: &mut Applier,
    outlet: &mut Outlet<'_>,
    mode: Mode,
    table: &Table,
    event: &Event,
    changes: Vec<RowChange<'_>>,
) -> Result<(), ApplyError> {
    let bytes = event.data.as_ref().map_or(0, String::len);
    for RowChange { op, key, columns } in changes {
        let change = RowEvent::Row { op, key, columns };
        applier.change(outlet, mode, &table.dest, (event.into(), bytes), &change).await?;
    }
    Ok(())
}
