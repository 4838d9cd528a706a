//! Tables on their way into the set, from the worker's side: copies are launched, hand-overs waited for. What to do is
//! decided by [`crate::table::sync`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pgq_client::id::TickId;
use pgq_client::name::TableName;
use tokio_postgres::Client;

use super::failure;
use super::links::Links;
use super::next_batch::Merging;
use super::wake::Wake;
use crate::calls;
use crate::copy::{self, CopyTasks};
use crate::crash_point::crash_point;
use crate::fkeys;
use crate::job::{self, Job};
use crate::table::attrs::Renewal;
use crate::table::registry::{Table, Tables};
use crate::table::state::TableState;
use crate::table::sync::{self, Cut, Readiness, SyncStep};

/// How often a hand-over is looked at when no copy task wakes us: the copy may be another process.
const HAND_OVER_POLL: Duration = Duration::from_secs(1);

/// Pause between two attempts to reach the source of a table that other queues fill as well: its changes are applied meanwhile,
/// and all tables would wait for every attempt.
const HOLD_PAUSE: Duration = Duration::from_secs(60);

/// How many tables are looked at first for each copy that may begin, and how many times as many then.
const FIRST_LOOK: usize = 4;

/// The worker's side of all copies.
#[derive(Debug)]
pub(super) struct TableSync {
    pub(super) copies: CopyTasks,
    cut: Cut,
    /// Whether tables were on their way when they were last looked at.
    under_way: bool,
    /// When the sources of tables are asked again that did not let them be copied.
    put_off: HashMap<TableName, Instant>,
}

impl TableSync {
    pub(super) fn new(copies: CopyTasks) -> Self {
        Self { copies, cut: Cut::default(), under_way: true, put_off: HashMap::new() }
    }

    /// Whether the next batch may hold several ticks, where `merges` says that this is configured.
    fn may_merge(&mut self, merges: bool) -> bool {
        self.cut = self.cut.configured(merges);
        self.cut.merges()
    }

    /// How the next batch may be taken on a leaf, or elsewhere.
    pub(super) fn merging(&mut self, configured: bool, leaf: bool) -> Merging {
        match (self.may_merge(configured), configured) {
            (true, _) => Merging::Configured,
            (false, false) if leaf && !self.under_way => Merging::Automatic,
            (false, _) => Merging::Off,
        }
    }

    /// When the worker starts: copies that were under way go on, and those that died behind their last step clear up.
    pub(super) async fn resume(&mut self, job: &Job, client: &Client) -> anyhow::Result<()> {
        let tables = Tables::load(client, &job.settings.queue, &job.settings.handlers).await?;
        for table in tables.iter().filter(|table| sync::is_copying(table)) {
            self.launch(&table.name);
        }
        let (queue, consumer) = (&job.settings.queue, &job.settings.consumer);
        for table in copy::leftovers(client, queue, consumer).await? {
            // Not worth a line in the log: what is left of it is its registration.
            self.copies.launch(&table);
        }
        Ok(())
    }

    /// Before the batch from `position` to `tick`, `merged` from several ticks or not: launches copies and waits for hand-overs, as long as there are any. Returns
    /// the tables as they are then, or `None` when a stop was requested meanwhile.
    pub(super) async fn before_batch(
        &mut self,
        job: &Job,
        links: &mut Links,
        wake: &mut Wake,
        (position, tick): (TickId, TickId),
        merged: bool,
    ) -> anyhow::Result<Option<Tables>> {
        // Copies may wait for this very tick.
        self.copies.nudge();
        loop {
            let mut tables = links.tables(job).await?;
            for table in tables.iter().filter(|table| sync::is_copying(table)) {
                self.launch(&table.name);
            }
            let cut = self.cut.of_batch(tick, merged);
            match sync::next_step(&tables, tick, job.settings.parallel_copies, &cut) {
                SyncStep::Process { missing, slots } => {
                    self.under_way = tables.iter().any(|table| table.state != TableState::Ok);
                    self.start_missing(job, links, &mut tables, (&missing, slots), position)
                        .await?;
                    self.cut = self.cut.after(&tables, tick);
                    return Ok(Some(tables));
                }
                SyncStep::HandOver(due) => {
                    let client = links.client(job).await?;
                    for name in &due {
                        let state = TableState::DoSync { tick };
                        store_state(client, job, &mut tables, name, state).await?;
                    }
                    self.copies.nudge();
                }
                SyncStep::Wait => {
                    if wake.shutdown.is_cancelled() {
                        return Ok(None);
                    }
                    wake.wait_for_copies(HAND_OVER_POLL).await;
                }
            }
        }
    }

    /// Without a batch: tables added while nothing happens need not wait for something to happen.
    pub(super) async fn while_idle(
        &mut self,
        job: &Job,
        links: &mut Links,
        position: TickId,
    ) -> anyhow::Result<()> {
        let mut tables = links.tables(job).await?;
        for table in tables.iter().filter(|table| sync::is_copying(table)) {
            self.launch(&table.name);
        }
        // No batch ends here, so that no hand-over is due.
        let nowhere = TickId(0);
        let step = sync::next_step(&tables, nowhere, job.settings.parallel_copies, &self.cut);
        if let SyncStep::Process { missing, slots } = step {
            self.start_missing(job, links, &mut tables, (&missing, slots), position).await?;
        }
        Ok(())
    }

    /// Starts as many copies as there are slots, of tables that the provider has. The worker stands at `position`.
    async fn start_missing(
        &mut self,
        job: &Job,
        links: &mut Links,
        tables: &mut Tables,
        (missing, slots): (&[TableName], usize),
        position: TickId,
    ) -> anyhow::Result<()> {
        let (mut slots, mut rest) = (slots, missing);
        // Of thousands most have to wait, and the provider needs time to say what it has of them.
        let mut at_once = slots * FIRST_LOOK;
        while slots > 0 && !rest.is_empty() {
            let (looked_at, later) = rest.split_at(at_once.min(rest.len()));
            rest = later;
            at_once *= FIRST_LOOK;
            let names: Vec<String> = looked_at.iter().map(TableName::to_string).collect();
            let there = calls::get_tables(links.provider()?, &job.settings.queue, &names).await?;
            for name in looked_at {
                let Some(table) = tables.get(name) else { continue };
                let row = there.iter().find(|row| row.table == *name);
                match sync::readiness(table, row) {
                    Readiness::NotAvailable => {
                        tracing::warn!("Table {name} not available on provider");
                    }
                    Readiness::NotInSync => {
                        tracing::info!("Table {name} not OK on provider, waiting");
                    }
                    Readiness::Ready if slots == 0 => return Ok(()),
                    Readiness::Ready => {
                        if self.start(job, links, tables, name, position).await? {
                            slots -= 1;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Begins the copy of one table; false when it cannot begin now.
    async fn start(
        &mut self,
        job: &Job,
        links: &mut Links,
        tables: &mut Tables,
        name: &TableName,
        position: TickId,
    ) -> anyhow::Result<bool> {
        let Some(table) = tables.get(name) else { return Ok(false) };
        let dest = table.dest.clone();
        let renewed = table.attrs.renew().then(|| table.clone());
        let client = links.client(job).await?;
        if let Some(table) = &renewed {
            if self.put_off.get(name).is_some_and(|until| Instant::now() < *until) {
                return Ok(false);
            }
            if let Err(error) = copy::hold(job, client, table, position).await {
                tracing::warn!("Table {name} cannot be copied yet: {}", failure::text(&error));
                self.put_off.insert(name.clone(), Instant::now() + HOLD_PAUSE);
                return Ok(false);
            }
            self.put_off.remove(name);
            crash_point("copy-held");
        }
        fkeys::drop_for_copy(client, &dest).await?;
        if renewed.is_none() {
            store_state(client, job, tables, name, TableState::InCopy).await?;
        } else if !leave_at(links, job, tables, name, position).await? {
            return Ok(false);
        }
        crash_point("in-copy");
        self.launch(name);
        Ok(true)
    }

    fn launch(&mut self, table: &TableName) {
        if !self.copies.running(table) {
            tracing::info!("Launching copy process");
            self.copies.launch(table);
        }
    }
}

/// Leaves a table whose rows are to be renewed at `position`: from the commit on the worker applies nothing of it, and where
/// that began is stored with it. False when somebody else has decided about the table meanwhile.
async fn leave_at(
    links: &mut Links,
    job: &Job,
    tables: &mut Tables,
    name: &TableName,
    position: TickId,
) -> anyhow::Result<bool> {
    let queue = &job.settings.queue;
    let transaction = job::begin(&mut links.local(job).await?.session).await?;
    calls::lock_table(&transaction, queue, name).await?;
    let now = Tables::load(&transaction, queue, &job.settings.handlers).await?;
    let wanted = |table: &&Table| {
        table.state == TableState::Missing && table.attrs.renewal() == Some(Renewal::Wanted)
    };
    let Some(table) = now.get(name).filter(wanted) else { return Ok(false) };
    let mut attrs = table.attrs.clone();
    attrs.set_renewal(Some(Renewal::Since(position)));
    let state = TableState::InCopy;
    tracing::info!("storing state of {name}: copy:0 new_state:{state}");
    let stored = attrs.to_stored();
    let reply = calls::local_set_table_attrs(&transaction, queue, name, stored.as_deref()).await?;
    job::checked_quiet(&reply, None)?;
    let reply = calls::local_set_table_state(&transaction, queue, name, None, state).await?;
    job::checked_quiet(&reply, None)?;
    job::commit(transaction).await?;
    if let Some(table) = tables.get_mut(name) {
        table.state = state;
        table.attrs = attrs;
    }
    tracing::info!("Table {name} status changed to '{state}'");
    Ok(true)
}

/// Stores a table's state in a transaction of its own.
async fn store_state(
    client: &Client,
    job: &Job,
    tables: &mut Tables,
    name: &TableName,
    state: TableState,
) -> anyhow::Result<()> {
    let snapshot = tables.get(name).and_then(|table: &Table| table.snapshot.as_ref());
    let snapshot = snapshot.map(ToString::to_string);
    tracing::info!("storing state of {name}: copy:0 new_state:{state}");
    let queue = &job.settings.queue;
    let reply =
        calls::local_set_table_state(client, queue, name, snapshot.as_deref(), state).await?;
    job::checked_quiet(&reply, None)?;
    if let Some(table) = tables.get_mut(name) {
        table.state = state;
    }
    tracing::info!("Table {name} status changed to '{state}'");
    Ok(())
}
