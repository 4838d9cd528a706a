//! One batch, in one transaction of the local database.

use pgq_client::calls::pgq_node;
use pgq_client::consumer::BatchInfo;
use pgq_client::event::Event;
use pgq_client::id::{EventId, TickId, Txid};
use pgq_client::name::TableName;
use pgq_client::text::row::is_data;
use tokio_postgres::Client;

use super::apply::{Applier, Mode, Outlet};
use super::dispatch::{self, Action};
use super::downstream::Downstream;
use super::handling::Handling;
use super::replica::{OWN_PLANS, READ_SCRIPTS, READ_VALUES, USUAL_PLANS};
use super::role::Role;
use super::snapshots::SnapshotAges;
use super::{failure, position, replica, system};
use crate::calls;
use crate::execute::{self, Script};
use crate::job::{self, Job};
use crate::table::registry::Tables;

/// What a batch's events are applied with.
pub(super) struct BatchWork<'a> {
    pub(super) job: &'a Job,
    pub(super) role: &'a Role,
    pub(super) batch: &'a BatchInfo,
    pub(super) mode: Mode,
    pub(super) tables: &'a mut Tables,
    pub(super) applier: &'a mut Applier,
    pub(super) ages: &'a mut SnapshotAges,
    pub(super) downstream: Option<Downstream>,
    pub(super) handling: Handling,
    pub(super) done: BatchDone,
}

/// What a batch brought.
#[derive(Debug, Default)]
pub(super) struct BatchDone {
    /// Events in the batch.
    pub(super) events: u64,
    /// Data and truncate events that were not applied.
    pub(super) ignored: u64,
    /// Updates and deletes that met no row.
    pub(super) missed: u64,
    /// Whether scripts ran.
    pub(super) executed: bool,
    /// Newest watermark of the root that was seen.
    pub(super) global_watermark: Option<TickId>,
    /// Tables whose snapshot goes with this batch.
    expired: Vec<TableName>,
}

/// A script could not be run. The server's words come last, where watchers of `status` look for them.
#[derive(Debug, thiserror::Error)]
#[error("[ev_id={id},ev_txid={txid}] {name}: {problem}")]
pub(super) struct ScriptFailed {
    problem: String,
    name: String,
    id: EventId,
    txid: Txid,
    #[source]
    source: anyhow::Error,
}

impl BatchWork<'_> {
    /// Passes an event on and applies it, as the role wants. `upcoming` are those that come next, as far as they are known.
    pub(super) async fn event(
        &mut self,
        outlet: &mut Outlet<'_>,
        event: &Event,
        upcoming: &[Event],
    ) -> anyhow::Result<()> {
        self.done.events += 1;
        let kind = event.kind.as_deref().unwrap_or_default();
        tracing::trace!(
            "New event: id={} / type={kind} / extra1={}",
            event.id,
            event.extra1.as_deref().unwrap_or_default()
        );
        self.pass_on(outlet, event, kind).await?;
        if !(self.role.applies() || dispatch::is_system(kind)) {
            return Ok(());
        }
        match dispatch::action(event, &self.job.settings.queue)? {
            Action::Data => self.data(outlet, event, upcoming).await,
            Action::Truncate => self.truncate(outlet, event).await,
            Action::Execute => self.execute(outlet, event).await,
            Action::GlobalWatermark => self.global_watermark(outlet.client().await?, event).await,
            action => {
                if kind.starts_with("londiste.") {
                    self.applier.flush(outlet).await?;
                }
                let client = outlet.client().await?;
                system::act(client, self.job, self.role, action, event, self.tables).await
            }
        }
    }

    /// Gives the event to those behind this node, as far as its table's handler lets it through.
    async fn pass_on(
        &mut self,
        outlet: &mut Outlet<'_>,
        event: &Event,
        kind: &str,
    ) -> anyhow::Result<()> {
        let Some(downstream) = self.downstream.as_mut().filter(|queue| queue.wants(kind)) else {
            return Ok(());
        };
        let name = event.extra1.as_deref().unwrap_or_default();
        match self.tables.find(name).filter(|_| is_data(kind)) {
            None => downstream.event(event),
            Some(table) => {
                if let Some(event) = self.handling.passed_on(outlet, table, event).await? {
                    downstream.event(&event);
                }
            }
        }
        if downstream.is_full() {
            downstream.flush(outlet.client().await?).await?;
        }
        Ok(())
    }

    /// Everything that is left to do before the commit.
    pub(super) async fn finish(&mut self, outlet: &mut Outlet<'_>) -> anyhow::Result<()> {
        let queue = &self.job.settings.queue;
        self.applier.flush(outlet).await?;
        self.applier.verify(outlet).await?;
        self.handling.finish(outlet).await?;
        let client = outlet.client().await?;
        for name in std::mem::take(&mut self.done.expired) {
            drop_snapshot(client, self.job, self.tables, &name).await?;
        }
        if let Some(downstream) = &mut self.downstream {
            downstream.end_of_batch(client, queue, self.batch.tick.0).await?;
        }
        let consumer = &self.job.settings.consumer;
        // Both are sent before the first is answered. If the position is another one, nothing is committed.
        let (stands, reply) = tokio::try_join!(
            pgq_node::lock_consumer_position(client, queue, consumer),
            pgq_node::set_consumer_completed(client, queue, consumer, self.batch.tick),
        )?;
        position::still_at(self.batch.prev_tick, stands)?;
        job::checked(&reply, None)?;
        self.done.missed = self.applier.missed().map(|(_, u, d)| u + d).sum();
        Ok(())
    }

    async fn data(
        &mut self,
        outlet: &mut Outlet<'_>,
        event: &Event,
        upcoming: &[Event],
    ) -> anyhow::Result<()> {
        let name = event.extra1.as_deref().unwrap_or_default();
        let Some(table) = self.tables.find(name).filter(|table| table.wants(event.txid)) else {
            self.done.ignored += 1;
            return Ok(());
        };
        if table.snapshot.is_some()
            && self.ages.event(&table.name, self.batch.tick)
            && !self.done.expired.contains(&table.name)
        {
            self.done.expired.push(table.name.clone());
        }
        if table.handler.changes_dest() && self.applier.is_new(&table.dest) {
            // A batch over many tables should not ask for one after the other.
            let names = upcoming.iter().filter_map(|event| event.extra1.as_deref());
            let tables = names.filter_map(|name| self.tables.find(name));
            let dests =
                tables.filter(|table| table.handler.changes_dest()).map(|table| &table.dest);
            let new = dests.filter(|dest| self.applier.is_new(dest));
            let mut new: Vec<&TableName> = new.chain([&table.dest]).collect();
            new.sort_unstable();
            new.dedup();
            self.applier.describe(outlet, &new).await?;
        }
        Ok(self.handling.data(self.applier, outlet, self.mode, table, event).await?)
    }

    async fn truncate(&mut self, outlet: &mut Outlet<'_>, event: &Event) -> anyhow::Result<()> {
        let name = event.extra1.as_deref().unwrap_or_default();
        let Some(table) = self.tables.find(name).filter(|table| table.wants(event.txid)) else {
            self.done.ignored += 1;
            return Ok(());
        };
        if table.handler.ignore_truncate() {
            tracing::info!("ignoring truncate for {}", table.dest.quoted());
            return Ok(());
        }
        self.applier.truncate(outlet, table, event).await?;
        let client = outlet.client().await?;
        let others = calls::other_sources(client, &self.job.settings.queue, &table.dest).await?;
        if !others.is_empty() {
            let queues: Vec<&str> = others.iter().map(|other| other.queue.as_str()).collect();
            tracing::warn!(
                "{}: emptied on the source, and so here, rows of {} included; add the table with \
                 --handler=londiste --handler-arg=ignore_truncate=1 where they should stay",
                table.name,
                queues.join(", ")
            );
        }
        Ok(())
    }

    async fn execute(&mut self, outlet: &mut Outlet<'_>, event: &Event) -> anyhow::Result<()> {
        self.applier.flush(outlet).await?;
        self.applier.verify(outlet).await?;
        let client = outlet.client().await?;
        replica::set(client, READ_SCRIPTS).await?;
        replica::set(client, USUAL_PLANS).await?;
        let script = Script {
            name: event.extra1.as_deref().unwrap_or_default(),
            sql: event.data.as_deref().unwrap_or_default(),
            attrs: event.extra2.as_deref().unwrap_or_default(),
        };
        execute::replay(client, &self.job.settings.queue, script).await.map_err(|source| {
            let problem = failure::text(&source);
            ScriptFailed {
                problem,
                name: script.name.to_owned(),
                id: event.id,
                txid: event.txid,
                source,
            }
        })?;
        replica::set(client, READ_VALUES).await?;
        replica::set(client, OWN_PLANS).await?;
        self.applier.forget_structure();
        self.handling.forget();
        self.done.executed = true;
        Ok(())
    }

    async fn global_watermark(&mut self, client: &Client, event: &Event) -> anyhow::Result<()> {
        let Role::Branch { sync_watermark } = self.role else { return Ok(()) };
        let tick = TickId(system::number(event)?);
        self.done.global_watermark = Some(tick);
        if sync_watermark.is_some() {
            tracing::debug!("Half-ignoring global watermark {tick}");
        } else {
            let queue = &self.job.settings.queue;
            pgq_node::set_global_watermark(client, queue, Some(tick)).await?;
        }
        Ok(())
    }
}

/// Forgets a table's snapshot, here and in the database.
pub(super) async fn drop_snapshot(
    client: &Client,
    job: &Job,
    tables: &mut Tables,
    name: &TableName,
) -> anyhow::Result<()> {
    let Some(table) = tables.get_mut(name) else { return Ok(()) };
    table.snapshot = None;
    let state = table.state;
    tracing::info!("storing state of {name}: copy:0 new_state:{state}");
    calls::local_set_table_state(client, &job.settings.queue, name, None, state).await?;
    Ok(())
}
