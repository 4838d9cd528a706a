//! What a worker does with one batch: everything before it, the batch itself, and what its commit makes true.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use pgq_client::calls::{pgq, pgq_node};
use pgq_client::consumer::BatchInfo;
use pgq_client::id::TickId;

use super::super::apply::{ApplyError, Mode, Outlet};
use super::super::batch::{self, BatchDone, BatchWork};
use super::super::downstream::Downstream;
use super::super::handling::Handling;
use super::super::links::Local;
use super::super::reader::{BatchReader, Source};
use super::super::role::Role;
use super::super::{failure, position, watermarks};
use super::{Node, Work, Worker};
use crate::crash_point::crash_point;
use crate::fkeys;
use crate::job;
use crate::table::registry::Tables;

/// Events that are decoded before somebody looks whether the other server waits for something.
const EVENTS_AT_A_TIME: usize = 64;

impl Worker {
    /// Applies a batch and moves our position with it. `None` when a stop was requested before it began.
    pub(super) async fn process(
        &mut self,
        node: &Node,
        batch: &BatchInfo,
    ) -> anyhow::Result<Option<BatchDone>> {
        self.check_maintenance().await?;
        self.check_merge(&node.role).await?;
        let tables = if node.role.applies() {
            let (links, wake) = (&mut self.links, &mut self.wake);
            let merged = self.next.is_merged(batch.batch);
            let ticks = (batch.prev_tick, batch.tick);
            self.sync.before_batch(&self.job, links, wake, ticks, merged).await?
        } else {
            Some(Tables::default())
        };
        let Some(mut tables) = tables else { return Ok(None) };
        self.drop_expired_snapshots(&mut tables, batch).await?;
        let Local { session, set, .. } = self.links.local(&self.job).await?;
        if node.role.applies() && set.pending_fkeys() {
            fkeys::restore_pending(session, &self.job.settings.queue).await?;
        }
        let done = match self.apply(node, batch, &mut tables, Mode::Sets).await {
            Err(error) if wants_rows(&error) => {
                tracing::debug!("{}, repeating the batch row by row", failure::text(&error));
                self.links.local(&self.job).await?.applier.forget_structure();
                let mut tables = self.links.tables(&self.job).await?;
                self.apply(node, batch, &mut tables, Mode::Rows).await?
            }
            result => result?,
        };
        crash_point("batch-committed");
        if done.global_watermark.is_some() {
            self.seen_watermark = done.global_watermark;
        }
        self.log_missed().await?;
        if done.missed > 0 {
            self.statistics.add("missed_rows", done.missed);
        }
        if done.executed {
            self.links.renew_local().await;
        }
        if matches!(node.role, Role::Branch { .. }) {
            self.branch_tick(batch).await?;
            crash_point("branch-ticked");
        }
        self.publish_watermarks(node, batch).await?;
        Ok(Some(done))
    }

    /// One try at a batch: reads it, applies it, commits.
    async fn apply(
        &mut self,
        node: &Node,
        batch: &BatchInfo,
        tables: &mut Tables,
        mode: Mode,
    ) -> anyhow::Result<BatchDone> {
        let settings = Arc::clone(&self.job.settings);
        let filter =
            settings.local_only.then(|| local_filter(tables, settings.local_only_drop_execute));
        self.links.local(&self.job).await?;
        let encoding = self.links.provider_encoding()?.to_owned();
        let location = node.state.provider_location.as_deref().unwrap_or_default();
        let after = self.next.after().filter(|_| filter.is_none()).cloned();
        let ahead = self.ahead.take(location, batch).await.filter(|_| filter.is_none());
        let was_ahead = ahead.is_some();
        let mut reader = match ahead {
            Some(reader) => reader,
            None => {
                let provider = self.links.lend_provider()?;
                BatchReader::start(provider, Source::Batch(batch.batch, filter))
            }
        };
        let Local { session, applier, .. } = self.links.local(&self.job).await?;
        let transaction = job::begin(session).await?;
        applier.begin_batch(&encoding);
        let mut work = BatchWork {
            job: &self.job,
            role: &node.role,
            batch,
            mode,
            tables,
            applier,
            ages: &mut self.ages,
            downstream: Downstream::new(
                &node.role,
                &settings.queue,
                node.info.global_watermark.map(|tick| tick.0),
            ),
            handling: Handling::new(batch),
            done: BatchDone::default(),
        };
        let mut outlet = Outlet::new(transaction.client());
        let applied = apply_events(&mut work, &mut outlet, &mut reader).await;
        let read = reader.finish().await.map(|session| {
            if was_ahead {
                self.ahead.give_back(session);
                return None;
            }
            Some(session)
        });
        let applied = match applied {
            // What was read may end too early: nothing is committed.
            Ok(()) if read.is_ok() => {
                if let Some(options) = after {
                    self.ahead.start(&self.job, location, batch.batch, options);
                }
                work.finish(&mut outlet).await
            }
            applied => applied,
        };
        // Nothing is on its way any more when the transaction ends.
        drop(outlet);
        if let Err(error) = applied {
            drop(work);
            // The batch may be tried again on the same connections.
            transaction.rollback().await.map_err(pgq_client::Error::from)?;
            self.links.return_provider(read.ok().flatten());
            return Err(error);
        }
        let lent = read.context("reading events from the provider")?;
        let done = work.done;
        crash_point("batch-applied");
        job::commit(transaction).await?;
        self.links.return_provider(lent);
        Ok(done)
    }

    /// On a node whose data comes through a combined queue: only what concerns the cascade and the set.
    pub(super) async fn follow(&mut self, node: &Node, batch: &BatchInfo) -> anyhow::Result<u64> {
        let provider = self.links.lend_provider()?;
        let encoding = provider.server_encoding().to_owned();
        let mut reader = BatchReader::start(provider, Source::Batch(batch.batch, None));
        let Local { session, applier, .. } = self.links.local(&self.job).await?;
        let transaction = job::begin(session).await?;
        applier.begin_batch(&encoding);
        let mut tables = Tables::default();
        let mut work = BatchWork {
            job: &self.job,
            role: &node.role,
            batch,
            mode: Mode::Sets,
            tables: &mut tables,
            applier,
            ages: &mut self.ages,
            downstream: None,
            handling: Handling::new(batch),
            done: BatchDone::default(),
        };
        let mut outlet = Outlet::new(transaction.client());
        apply_events(&mut work, &mut outlet, &mut reader).await?;
        work.applier.flush(&mut outlet).await?;
        drop(outlet);
        let events = work.done.events;
        let provider = reader.finish().await?;
        // The position is the combined queue's to move. Committed before the provider forgets the batch: the original
        // commits later and can lose what it did here.
        job::commit(transaction).await?;
        crash_point("follow-committed");
        self.links.return_provider(Some(provider));
        self.publish_watermarks(node, batch).await?;
        Ok(events)
    }

    async fn drop_expired_snapshots(
        &mut self,
        tables: &mut Tables,
        batch: &BatchInfo,
    ) -> anyhow::Result<()> {
        let drained = self.work == Work::Idle;
        let expired = self.ages.expired(tables, drained, batch.prev_tick, batch.tick);
        let client = self.links.client(&self.job).await?;
        for name in expired {
            batch::drop_snapshot(client, &self.job, tables, &name).await?;
        }
        Ok(())
    }

    async fn log_missed(&mut self) -> anyhow::Result<()> {
        for (table, updates, deletes) in self.links.local(&self.job).await?.applier.missed() {
            tracing::warn!("Table {table}: {updates} updates and {deletes} deletes met no row");
        }
        Ok(())
    }

    /// The tick that says that this batch is complete here. It is made after the commit on purpose: its snapshot has to
    /// contain the batch's transaction.
    async fn branch_tick(&mut self, batch: &BatchInfo) -> anyhow::Result<()> {
        let client = self.links.client(&self.job).await?;
        let queue = &self.job.settings.queue;
        let BatchInfo { tick, tick_time, event_seq, .. } = batch;
        Ok(pgq::external_tick(client, queue, *tick, tick_time, *event_seq).await?)
    }

    /// After a crash between commit and tick.
    pub(super) async fn repair_branch_tick(&mut self, batch: &BatchInfo) -> anyhow::Result<()> {
        let queue = &self.job.settings.queue;
        let client = self.links.client(&self.job).await?;
        let own = pgq::get_queue_info(client, queue).await?;
        let last = own.and_then(|info| info.last_tick).unwrap_or(TickId(0));
        if position::branch_tick_missing(batch.prev_tick, batch.tick, last)? {
            self.branch_tick(batch).await?;
        }
        Ok(())
    }

    async fn publish_watermarks(&mut self, node: &Node, batch: &BatchInfo) -> anyhow::Result<()> {
        let settings = Arc::clone(&self.job.settings);
        if !self.local_watermark.due(settings.local_wm_publish_period, Instant::now()) {
            return Ok(());
        }
        let group = match &node.role {
            Role::Branch { sync_watermark } => sync_watermark.as_ref(),
            _ => None,
        };
        let client = self.links.client(&self.job).await?;
        let info = pgq_node::get_node_info(client, &settings.queue).await?;
        let (prev, tick) = (batch.prev_tick, batch.tick);
        if let Some(low) = watermarks::local_watermark(&info, group.is_some(), prev, tick) {
            let provider = self.links.provider()?;
            watermarks::publish(provider, &self.job, &node.name, low).await?;
        }
        if let (Some(group), Some(seen)) = (group, self.seen_watermark) {
            let client = self.links.client(&self.job).await?;
            watermarks::join_group(client, &self.job, &info, group, seen).await?;
        }
        Ok(())
    }

    /// Says once whether queues of this database can be maintained.
    async fn check_maintenance(&mut self) -> anyhow::Result<()> {
        if self.checked_maintenance {
            return Ok(());
        }
        let client = self.links.client(&self.job).await?;
        let sql = "select 1 from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
                   where n.nspname = 'pgq' and p.proname = 'maint_operations'";
        let found = client.query_typed(sql, &[]).await;
        if !found.map_err(|e| pgq_client::Error::sql(e, sql))?.is_empty() {
            tracing::info!("pgq.maint_operations is installed");
        }
        self.checked_maintenance = true;
        Ok(())
    }

    /// Says once what a queue that feeds a combined one passes on without applying it. As long as it followed that queue nobody
    /// missed it; after a takeover the table would stand still, and its rows would not.
    async fn check_merge(&mut self, role: &Role) -> anyhow::Result<()> {
        let Role::MergeLeaf { combined } = role else {
            self.checked_merge = false;
            return Ok(());
        };
        if self.checked_merge {
            return Ok(());
        }
        let queue = self.job.settings.queue.clone();
        let client = self.links.client(&self.job).await?;
        if let Some(tables) = crate::calls::tables_passed_by(client, &queue, combined).await? {
            tracing::warn!(
                "Changes of {tables} are passed on to queue {combined} and not applied here: attached to it, but not to \
                 queue {queue}. add-table and resync here if they should be"
            );
        }
        self.checked_merge = true;
        Ok(())
    }
}

/// Feeds a batch's events to its work.
async fn apply_events(
    work: &mut BatchWork<'_>,
    outlet: &mut Outlet<'_>,
    reader: &mut BatchReader,
) -> anyhow::Result<()> {
    loop {
        let events = tokio::select! {
            events = reader.next() => events,
            () = outlet.progress() => continue,
        };
        let Some(events) = events else { break };
        let mut upcoming = &events[..];
        while let [event, rest @ ..] = upcoming {
            upcoming = rest;
            work.event(outlet, event, upcoming).await?;
            if upcoming.len() % EVENTS_AT_A_TIME == 0 {
                // A copy under way wants its next rows.
                outlet.poke().await;
            }
        }
    }
    Ok(())
}

/// Whether a batch may succeed row by row where it failed by set.
fn wants_rows(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ApplyError>().is_some_and(ApplyError::wants_rows)
}

/// `local_only`: what this node needs of a batch (contract `worker.md` 7.3).
fn local_filter(tables: &Tables, drop_execute: bool) -> String {
    use pgq_client::text::quoting::quote_literal;
    let mut terms = vec!["ev_type like 'pgq.%'".to_owned(), "ev_type like 'londiste.%'".to_owned()];
    if !drop_execute {
        terms.push("ev_type = 'EXECUTE'".to_owned());
    }
    let names: Vec<String> =
        tables.iter().map(|table| quote_literal(Some(table.name.as_str()))).collect();
    if !names.is_empty() {
        terms.push(format!("ev_extra1 in ({})", names.join(", ")));
    }
    format!("({})", terms.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::TableRow;
    use crate::handler::Handlers;
    use crate::table::registry::Table;

    #[test]
    fn a_local_node_fetches_its_tables_and_what_concerns_everybody() {
        let row = TableRow::attached(pgq_client::name::TableName::new("public.it's"));
        let tables: Tables =
            [Table::from_row(row, &Handlers::default()).unwrap()].into_iter().collect();
        assert_eq!(
            local_filter(&tables, false),
            "(ev_type like 'pgq.%' or ev_type like 'londiste.%' or ev_type = 'EXECUTE' \
             or ev_extra1 in ('public.it''s'))"
        );
        assert_eq!(
            local_filter(&Tables::default(), true),
            "(ev_type like 'pgq.%' or ev_type like 'londiste.%')"
        );
    }
}
