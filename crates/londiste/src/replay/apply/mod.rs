//! Data events applied to the destination tables.
//!
//! By set where that is safe: changes are folded to their net effect ([`super::fold`]) and applied per table as deletes,
//! then updates, then inserts, each by one statement ([`set`]). Everything else goes row by row in event order
//! ([`row_queue`]), and so does a whole batch when a set was refused, because then the server names the event at fault.
//!
//! Tables are described once, and at the end of a batch, when it holds locks on what it has changed, the descriptions are
//! compared with what is there now: if one is wrong the batch is repeated.

mod ahead;
mod outlet;
mod relation;
mod row_queue;
mod set;
mod statement;
mod target;
mod values;

pub(crate) use outlet::Outlet;

use std::collections::HashMap;

use crate::table::registry::Table;
use foldhash::fast::RandomState;
use pgq_client::event::Event;
use pgq_client::id::{EventId, Txid};
use pgq_client::name::TableName;
use pgq_client::text::row::{self, RowError, RowEvent};
use relation::Catalog;
use row_queue::RowQueue;
use target::{Change, Target};

/// Prepared statements of all tables together. The server keeps some 20 kB for each.
const MOST_STATEMENTS: usize = 3_000;

/// How much event data waits in folds, in bytes. Many tables may have more, because each has statements of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// From how much on it is sent on its way when the server has nothing to do.
    pub(crate) early: usize,
    /// How much may wait. While this much is applied the other server may be idle; larger sets gain little.
    pub(crate) full: usize,
    /// How much may wait for each table that has something waiting, if that is more.
    pub(crate) table: usize,
    /// How much may wait at all. Bounds the memory of a batch of any size.
    pub(crate) most: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { early: 256 << 10, full: 2 << 20, table: 8 << 10, most: 4 << 20 }
    }
}

impl Limits {
    /// For so many tables with something waiting.
    fn reached(&self, bytes: usize, tables: usize, idle: bool) -> bool {
        let limit = if idle { self.early } else { self.full };
        bytes > limit.max(tables * self.table).min(self.most)
    }
}

/// Whether sets are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Where the table allows it.
    Sets,
    /// Not at all: every event by a statement of its own, in order.
    Rows,
    /// As `Sets`, and a row that is inserted over one that came just before replaces it. Where that does not work the batch is
    /// repeated as with `Sets`, and the caller deletes before it inserts.
    Net,
}

/// Why a change could not be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// A set was refused or cannot be built; the batch may succeed row by row, or say which event is at fault.
    #[error("table {table}: changes cannot be applied as a set")]
    Set {
        table: TableName,
        #[source]
        source: Option<pgq_client::Error>,
    },
    /// Somebody changed a table's structure after it was described; the batch has to be repeated.
    #[error(
        "table {0}: its structure was changed while the batch was applied, the batch is repeated"
    )]
    Structure(TableName),
    /// This event is at fault.
    #[error(transparent)]
    Event(#[from] EventError),
    /// No event is at fault, but the connection or the server.
    #[error(transparent)]
    Sql(#[from] pgq_client::Error),
}

impl ApplyError {
    /// Whether the batch may succeed when it is repeated row by row, or say then which event is at fault.
    pub(crate) fn wants_rows(&self) -> bool {
        matches!(self, ApplyError::Set { .. } | ApplyError::Structure(_))
    }
}

/// An event that cannot be applied. Never holds row values.
#[derive(Debug, thiserror::Error)]
#[error("[ev_id={id},ev_txid={txid}] {problem}")]
pub(crate) struct EventError {
    id: EventId,
    txid: Txid,
    problem: String,
    #[source]
    source: Option<pgq_client::Error>,
}

impl EventError {
    /// The server refused it.
    pub(crate) fn refused(event: EventRef, table: &TableName, source: pgq_client::Error) -> Self {
        let message = source.to_string();
        let message = message.lines().next().unwrap_or_default();
        let state =
            source.sqlstate().map_or_else(String::new, |s| format!(", SQLSTATE {}", s.code()));
        Self {
            id: event.id,
            txid: event.txid,
            problem: format!("{message} (table {table}{state})"),
            source: Some(source),
        }
    }

    /// We cannot make anything of it.
    pub(crate) fn unusable(event: EventRef, problem: impl Into<String>) -> Self {
        Self { id: event.id, txid: event.txid, problem: problem.into(), source: None }
    }
}

/// Which event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventRef {
    id: EventId,
    txid: Txid,
}

impl From<&Event> for EventRef {
    fn from(event: &Event) -> Self {
        Self { id: event.id, txid: event.txid }
    }
}

/// The destination tables met so far on one connection, with their prepared statements and pending changes.
#[derive(Debug, Default)]
pub(crate) struct Applier {
    catalog: Option<Catalog>,
    targets: Vec<Target>,
    places: HashMap<TableName, usize, RandomState>,
    rows: RowQueue,
    /// Targets with folded changes, in the order they were first touched.
    touched: Vec<usize>,
    folded_bytes: usize,
    pub(crate) limits: Limits,
    /// Encoding of the database that the events come from.
    encoding: String,
}

impl Applier {
    /// Before a batch from a database of this encoding: nothing is pending.
    pub(crate) fn begin_batch(&mut self, encoding: &str) {
        encoding.clone_into(&mut self.encoding);
        self.rows.clear();
        self.touched.clear();
        self.folded_bytes = 0;
        for target in &mut self.targets {
            target.begin_batch();
        }
    }

    /// Structure may have changed: descriptions are looked at again. Nothing may be pending.
    pub(crate) fn forget_structure(&mut self) {
        for target in &mut self.targets {
            (target.stale, target.used) = (true, false);
        }
    }

    /// Compares the descriptions by which tables were changed with what is there now. The changes hold locks, so it stays
    /// true until the transaction ends. Nothing may be pending.
    ///
    /// # Errors
    /// [`ApplyError::Structure`] when somebody has changed a table's structure: to repeat the batch reads it again.
    pub(crate) async fn verify(&mut self, outlet: &mut Outlet<'_>) -> Result<(), ApplyError> {
        let used: Vec<usize> =
            (0..self.targets.len()).filter(|place| self.targets[*place].used).collect();
        let Some(catalog) = self.catalog.as_ref().filter(|_| !used.is_empty()) else {
            return Ok(());
        };
        let tables = used.iter().map(|place| &self.targets[*place].dest);
        let now = catalog.fingerprints(outlet.client().await?, tables).await?;
        let changed =
            used.iter().zip(&now).find(|(place, now)| self.targets[**place].fingerprint != **now);
        match changed {
            None => Ok(()),
            Some((place, _)) => {
                let table = self.targets[*place].dest.clone();
                self.forget_structure();
                Err(ApplyError::Structure(table))
            }
        }
    }

    /// What a data event of a table says.
    ///
    /// # Errors
    /// It does not follow its format.
    pub(crate) fn decode<'e>(
        &self,
        table: &TableName,
        event: &'e Event,
    ) -> Result<RowEvent<'e>, EventError> {
        let kind = event.kind.as_deref().unwrap_or_default();
        let data = event.data.as_deref().unwrap_or_default();
        row::decode(kind, data).map_err(|e| {
            let problem = match e {
                RowError::NotUtf8 => format!(
                    "a value that cannot be converted to UTF8 (encoding of the provider's database: {})",
                    self.encoding
                ),
                RowError::Format(problem) => problem,
            };
            EventError::unusable(event.into(), format!("{problem} (table {table})"))
        })
    }

    /// Takes a data event as it is; applies pending changes when there are enough of them.
    pub(crate) async fn data(
        &mut self,
        outlet: &mut Outlet<'_>,
        mode: Mode,
        table: &Table,
        event: &Event,
    ) -> Result<(), ApplyError> {
        let change = self.decode(&table.name, event)?;
        self.change(outlet, mode, &table.dest, event, (&change, true)).await
    }

    /// Takes a change of a destination table that an event comes to; applies pending changes when there are enough of them. Unless
    /// it is `expected`, the row of a delete need not be there.
    ///
    /// # Errors
    /// The change fits no table here, or what was pending was refused.
    pub(crate) async fn change(
        &mut self,
        outlet: &mut Outlet<'_>,
        mode: Mode,
        dest: &TableName,
        event: &Event,
        (change, expected): (&RowEvent<'_>, bool),
    ) -> Result<(), ApplyError> {
        let bytes = event.data.as_ref().map_or(0, String::len);
        let event = EventRef::from(event);
        let place = self.target(outlet, dest, event).await?;
        let change = match change {
            RowEvent::Fragment { op, sql } => Some(self.targets[place].fragment(*op, sql)),
            RowEvent::Row { op, key, columns } => {
                if self.targets[place].folds_by_other(key) {
                    self.flush(outlet).await?;
                }
                self.targets[place].change(event, *op, key, columns)?
            }
        };
        let Some(change) = change else { return Ok(()) };
        let key = match mode {
            Mode::Sets | Mode::Net => self.targets[place].fold_key(&change),
            Mode::Rows => None,
        };
        match key {
            Some(key) => self.set(outlet, place, (mode, &key), (&change, expected), bytes).await,
            None => self.row(outlet, place, event, (change, expected)).await,
        }
    }

    /// Folds a change into what is pending for its table.
    async fn set(
        &mut self,
        outlet: &mut Outlet<'_>,
        place: usize,
        (mode, key): (Mode, &str),
        (change, expected): (&Change<'_>, bool),
        bytes: usize,
    ) -> Result<(), ApplyError> {
        if self.rows.runs_code() {
            self.flush(outlet).await?;
        }
        let target = &mut self.targets[place];
        if target.fold.is_empty() {
            self.touched.push(place);
        }
        target
            .fold_in(mode, key, change, expected)
            .map_err(|_| ApplyError::Set { table: target.dest.clone(), source: None })?;
        // The constant stands for what a row takes besides its text.
        self.folded_bytes += bytes + 64;
        if self.limits.reached(self.folded_bytes, self.touched.len(), outlet.is_idle()) {
            self.launch(outlet).await
        } else {
            Ok(())
        }
    }

    /// Queues a change to be made by a statement of its own.
    async fn row(
        &mut self,
        outlet: &mut Outlet<'_>,
        place: usize,
        event: EventRef,
        (change, expected): (Change<'_>, bool),
    ) -> Result<(), ApplyError> {
        // Folded changes of the same table come first; where code runs, it must also see the other tables as they were.
        let target = &self.targets[place];
        if !target.fold.is_empty() || (target.relation.runs_code && !self.touched.is_empty()) {
            self.flush(outlet).await?;
        }
        let target = &mut self.targets[place];
        self.rows.push(outlet, target, (place, expected), event, change).await?;
        if self.rows.is_full() { self.flush(outlet).await } else { Ok(()) }
    }

    /// Queues a statement that runs a function of the application's for an event of a table, after everything before.
    ///
    /// # Errors
    /// What was pending is refused.
    pub(crate) async fn call(
        &mut self,
        outlet: &mut Outlet<'_>,
        table: &TableName,
        event: EventRef,
        sql: String,
    ) -> Result<(), ApplyError> {
        // The function may look at any table.
        if !self.touched.is_empty() {
            self.flush(outlet).await?;
        }
        self.rows.call(table, event, sql);
        if self.rows.is_full() { self.flush(outlet).await } else { Ok(()) }
    }

    /// Applies everything pending.
    pub(crate) async fn flush(&mut self, outlet: &mut Outlet<'_>) -> Result<(), ApplyError> {
        self.launch(outlet).await?;
        outlet.client().await?;
        self.note_missed(outlet);
        Ok(())
    }

    /// Sends everything pending on its way. Single rows go first: folds of the same table hold only what came after them.
    async fn launch(&mut self, outlet: &mut Outlet<'_>) -> Result<(), ApplyError> {
        if !self.rows.is_empty() {
            let client = outlet.client().await?;
            for (place, op) in self.rows.run(client, &self.targets).await? {
                self.targets[place].miss(op, 1);
            }
        }
        self.folded_bytes = 0;
        if self.touched.is_empty() {
            return Ok(());
        }
        let client = outlet.client().await?;
        self.note_missed(outlet);
        if self.targets.iter().map(Target::prepared).sum::<usize>() > MOST_STATEMENTS {
            self.targets.iter_mut().for_each(Target::forget_statements);
        }
        let sets = set::take(client, &mut self.targets, std::mem::take(&mut self.touched)).await?;
        outlet.launch(|client| set::apply(client, sets)).await
    }

    fn note_missed(&mut self, outlet: &mut Outlet<'_>) {
        for missed in outlet.take_missed() {
            self.targets[missed.place].miss(missed.op, missed.rows);
        }
    }

    /// `R`: empties the table, after what came before.
    pub(crate) async fn truncate(
        &mut self,
        outlet: &mut Outlet<'_>,
        table: &Table,
        event: &Event,
    ) -> Result<(), ApplyError> {
        self.flush(outlet).await?;
        let place = self.target(outlet, &table.dest, event.into()).await?;
        // What inherits from it has truncate events of its own, unless it was made here.
        let only =
            if table.handler.has_partitions() { "" } else { self.targets[place].relation.only() };
        let sql = format!("TRUNCATE {only}{} CASCADE;", table.dest.quoted());
        outlet.client().await?.batch_execute(&sql).await.map_err(|e| {
            let error = pgq_client::Error::sql(e, sql);
            EventError::refused(event.into(), &table.dest, error).into()
        })
    }

    /// Tables where updates or deletes met no row in this batch: table, updates, deletes.
    pub(crate) fn missed(&self) -> impl Iterator<Item = (&TableName, u64, u64)> {
        self.targets
            .iter()
            .map(|target| (&target.dest, target.missed_updates, target.missed_deletes))
            .filter(|(_, updates, deletes)| updates + deletes > 0)
    }

    /// Whether the table has to be described before it is changed.
    pub(crate) fn is_new(&self, dest: &TableName) -> bool {
        self.places.get(dest).is_none_or(|place| self.targets[*place].stale)
    }

    /// Reads the descriptions of tables that are new. One that does not exist is no error before it is to be changed.
    ///
    /// # Errors
    /// The server's.
    pub(crate) async fn describe(
        &mut self,
        outlet: &mut Outlet<'_>,
        tables: &[&TableName],
    ) -> Result<(), ApplyError> {
        // Nothing is pending under an old description: those are dropped between batches and after a flush only.
        let client = outlet.client().await?;
        let catalog = match &self.catalog {
            Some(catalog) => catalog,
            None => self.catalog.insert(Catalog::prepare(client).await?),
        };
        for (table, described) in tables.iter().zip(catalog.load(client, tables).await?) {
            let Some(described) = described else { continue };
            match self.places.get(*table) {
                Some(place) => self.targets[*place].refresh(described),
                None => {
                    self.places.insert((*table).clone(), self.targets.len());
                    self.targets.push(Target::new((*table).clone(), described));
                }
            }
        }
        Ok(())
    }

    /// Where the table's target is; its description is read when it may have changed.
    async fn target(
        &mut self,
        outlet: &mut Outlet<'_>,
        dest: &TableName,
        event: EventRef,
    ) -> Result<usize, ApplyError> {
        if self.is_new(dest) {
            self.describe(outlet, &[dest]).await?;
        }
        let known = self.places.get(dest).copied();
        let place = known.filter(|place| !self.targets[*place].stale).ok_or_else(|| {
            let problem = format!("table {dest} does not exist on this node");
            EventError::unusable(event, problem)
        })?;
        self.targets[place].used = true;
        Ok(place)
    }
}
