//! What becomes of a table's events, as its handler wants it: applied, changed, sent elsewhere or left out (contract
//! `handlers.md` section 3).
//!
//! Departures: rows that a handler changes or collects go through the same engine as all others, in event order, so that a
//! truncate or a script in the middle of a batch finds what came before it.

mod partitions;

use std::borrow::Cow;

use jiff::Zoned;
use jiff::civil::DateTime;
use pgq_client::consumer::BatchInfo;
use pgq_client::event::Event;
use pgq_client::id::TickId;
use pgq_client::name::{QueueName, TableName};
use pgq_client::text::row::{Columns, Op, RowEvent};

use super::apply::{Applier, ApplyError, EventError, Mode, Outlet};
use super::event_copy::EventCopy;
use crate::handler::dispatch::{self, Dispatch, LoadMode, Partition, Times};
use crate::handler::shard::{Part, Shard, ShardError};
use crate::handler::{Handler, RowChange};
use crate::table::registry::Table;
use partitions::{Fate, Partitions};

/// What handlers need to know and keep during one batch.
#[derive(Debug)]
pub(crate) struct Handling {
    /// The batch's.
    tick: TickId,
    /// Which part of all rows this database has, once somebody has asked.
    part: Option<Part>,
    /// Events for other queues.
    elsewhere: Vec<EventCopy>,
    /// When the batch ends, as the provider prints it.
    batch_end: String,
    /// One look at the clock for all that belongs together.
    now: DateTime,
    partitions: Partitions,
}

impl Handling {
    /// For a batch.
    pub(crate) fn new(batch: &BatchInfo) -> Self {
        Self {
            tick: batch.tick,
            part: None,
            elsewhere: Vec::new(),
            batch_end: batch.tick_time.clone(),
            now: Zoned::now().datetime(),
            partitions: Partitions::default(),
        }
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
        if let Handler::Londiste(_) = table.handler {
            return applier.data(outlet, mode, table, event).await;
        }
        // Most tables have the default handler: what the others need does not make its way longer.
        Box::pin(self.handled(applier, outlet, mode, table, event)).await
    }

    async fn handled(
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
                forgiving(applier, outlet, mode, &table.dest, event, changes).await
            }
            Handler::Dispatch { dispatch, shard } => {
                if let Some(shard) = shard
                    && !self.is_ours(outlet, shard, event).await?
                {
                    return Ok(());
                }
                self.dispatch(applier, outlet, mode, table, event, dispatch).await
            }
            Handler::Obfuscate(rules) => {
                let (kind, data) = texts(event);
                let row = applier.decode(&table.name, event)?;
                let row = rules
                    .table(&table.name)
                    .and_then(|rules| rules.row(kind, data, row))
                    .map_err(|error| EventError::unusable(event.into(), error.to_string()))?;
                applier.change(outlet, mode, &table.dest, event, (&row, true)).await
            }
        }
    }

    /// Makes a change to the table or the partition that it belongs to.
    async fn dispatch(
        &mut self,
        applier: &mut Applier,
        outlet: &mut Outlet<'_>,
        mode: Mode,
        table: &Table,
        event: &Event,
        dispatch: &Dispatch,
    ) -> Result<(), ApplyError> {
        let unusable =
            |error: dispatch::EventError| EventError::unusable(event.into(), error.to_string());
        let (op, key, columns) = row(applier, table, event)?;
        if !dispatch.wants(op) {
            return Ok(());
        }
        let times = Times { batch_end: &self.batch_end, event: &event.time, now: self.now };
        let partition = dispatch.partition(&table.dest, &times, &columns).map_err(unusable)?;
        let dest = partition.as_ref().map_or(&table.dest, |partition| &partition.name);
        let changes = dispatch.changes(dest, op, key, columns).map_err(unusable)?;
        let Some(first) = changes.first() else { return Ok(()) };
        if let Some(partition) = &partition {
            let fate = match self.partitions.fate(&partition.name) {
                Some(fate) => fate,
                None => self.meet(applier, outlet, partition, &first.key).await?,
            };
            if fate == Fate::Ignored {
                return Ok(());
            }
        }
        match dispatch.load_mode() {
            LoadMode::Bulk => forgiving(applier, outlet, mode, dest, event, changes).await,
            LoadMode::Direct => apply(applier, outlet, mode, dest, event, changes).await,
        }
    }

    /// Finds out about a partition, and makes it if it is not there.
    async fn meet(
        &mut self,
        applier: &mut Applier,
        outlet: &mut Outlet<'_>,
        partition: &Partition<'_>,
        key: &[Cow<'_, str>],
    ) -> Result<Fate, ApplyError> {
        let creation = partition.creation(key);
        let name = &partition.name;
        if let Some(fate) = self.partitions.look(outlet.client().await?, name, &creation).await? {
            return Ok(fate);
        }
        // Functions and templates may look at any table, and change it.
        applier.flush(outlet).await?;
        applier.verify(outlet).await?;
        self.partitions.make(outlet.client().await?, name, &creation).await?;
        applier.forget_structure();
        Ok(Fate::There)
    }

    /// A script has run, which may have changed everything that was found out.
    pub(crate) fn forget(&mut self) {
        self.part = None;
        self.partitions = Partitions::default();
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
            Handler::Shard(shard) | Handler::Dispatch { shard: Some(shard), .. } => {
                Ok(self.is_ours(outlet, shard, event).await?.then_some(Cow::Borrowed(event)))
            }
            Handler::Obfuscate(rules) => {
                let (kind, data) = texts(event);
                let data = rules
                    .table(&table.name)
                    .and_then(|rules| rules.event(kind, data))
                    .map_err(|error| EventError::unusable(event.into(), error.to_string()))?;
                // There the trigger may have put the row as it was.
                let hidden = Event { data: Some(data), extra2: None, ..event.clone() };
                Ok(Some(Cow::Owned(hidden)))
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
    let (op, key, columns) = row(applier, table, event)?;
    let change = RowChange { op, key, columns, expected: true };
    if change.has_key() {
        Ok(change)
    } else {
        let problem = format!("non-pk tables not supported: {}", table.name);
        Err(EventError::unusable(event.into(), problem))
    }
}

/// The row of an event, for handlers that can do nothing with SQL.
fn row<'e>(
    applier: &Applier,
    table: &Table,
    event: &'e Event,
) -> Result<(Op, Vec<Cow<'e, str>>, Columns<'e>), EventError> {
    match applier.decode(&table.name, event)? {
        RowEvent::Row { op, key, columns } => Ok((op, key, columns)),
        RowEvent::Fragment { .. } => {
            let problem =
                format!("Unsupported event type: {}/extra1={}", texts(event).0, table.name);
            Err(EventError::unusable(event.into(), problem))
        }
    }
}

/// Type and data.
fn texts(event: &Event) -> (&str, &str) {
    (event.kind.as_deref().unwrap_or_default(), event.data.as_deref().unwrap_or_default())
}

/// Makes the changes of one event to a table.
async fn apply(
    applier: &mut Applier,
    outlet: &mut Outlet<'_>,
    mode: Mode,
    dest: &TableName,
    event: &Event,
    changes: Vec<RowChange<'_>>,
) -> Result<(), ApplyError> {
    for RowChange { op, key, columns, expected } in changes {
        let change = RowEvent::Row { op, key, columns };
        applier.change(outlet, mode, dest, event, (&change, expected)).await?;
    }
    Ok(())
}

/// As [`apply`], and a row that comes again within the batch replaces the one before. By set as far as that goes; when the batch is
/// repeated row by row, it is deleted before it is inserted.
async fn forgiving(
    applier: &mut Applier,
    outlet: &mut Outlet<'_>,
    mode: Mode,
    dest: &TableName,
    event: &Event,
    changes: Vec<RowChange<'_>>,
) -> Result<(), ApplyError> {
    if mode != Mode::Rows {
        return apply(applier, outlet, Mode::Net, dest, event, changes).await;
    }
    let mut steps = Vec::with_capacity(changes.len() + 1);
    for change in changes {
        if change.op == Op::Insert {
            steps.push(change.deletion(false));
        }
        steps.push(change);
    }
    apply(applier, outlet, mode, dest, event, steps).await
}
