//! The worker's loop: refresh, next batch, apply, finish - again and again, whatever happens (contract `worker.md` 1-9).

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq_node::{self, ConsumerState, NodeInfo};
use pgq_client::calls::{Severity, pgq};
use pgq_client::consumer::BatchInfo;
use pgq_client::id::TickId;
use pgq_client::name::NodeName;
use tokio::sync::{Notify, watch};

use super::apply::{ApplyError, Mode, Outlet};
use super::batch::{self, BatchDone, BatchWork};
use super::downstream::Downstream;
use super::failure;
use super::links::{Links, Local};
use super::next_batch::NextBatch;
use super::position::{self, Position};
use super::read_ahead::ReadAhead;
use super::reader::{BatchReader, Source};
use super::role::Role;
use super::snapshots::SnapshotAges;
use super::statistics::{IdleClock, Statistics};
use super::table_sync::TableSync;
use super::wake::Wake;
use super::watermarks::{self, Periodic};
use crate::copy::CopyTasks;
use crate::crash_point::crash_point;
use crate::fkeys;
use crate::job::{self, Job};
use crate::quiet::Failures;
use crate::table::registry::Tables;

/// How long a stop waits for the batch that is being applied. After that it is rolled back: nothing is lost, the next
/// worker begins with it.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// How long the servers may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// A root looks after watermark and sequences every so many rounds of `loop_delay`.
const ROOT_ROUNDS: u32 = 10;

/// Events that are decoded before somebody looks whether the other server waits for something.
const EVENTS_AT_A_TIME: usize = 64;

/// What a cycle came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// There may be more.
    More,
    /// Nothing to do now.
    Idle,
    /// It failed.
    Failed,
}

/// One node's worker.
pub(super) struct Worker {
    job: Job,
    wake: Wake,
    links: Links,
    sync: TableSync,
    ages: SnapshotAges,
    statistics: Statistics,
    idle: IdleClock,
    /// What the latest cycle came to.
    work: Work,
    failures: Failures,
    next: NextBatch,
    ahead: ReadAhead,
    /// Whether this node's data came through a combined queue until now.
    follows: bool,
    /// Newest watermark of the root, for nodes that agree on one among themselves.
    seen_watermark: Option<TickId>,
    /// What was looked at once.
    checked_maintenance: bool,
    checked_merge: bool,
    resumed_copies: bool,
    global_watermark: Periodic,
    local_watermark: Periodic,
    root_duty: Periodic,
}

/// What the database says about this worker and its node.
struct Node {
    state: ConsumerState,
    info: NodeInfo,
    role: Role,
    name: NodeName,
}

impl Worker {
    pub(super) fn new(job: Job, reload: watch::Receiver<u64>) -> Self {
        let news = Arc::new(Notify::new());
        let copies = CopyTasks::new(job.clone(), Arc::clone(&news));
        Self {
            wake: Wake { shutdown: job.shutdown.clone(), reload, copies: news },
            job,
            links: Links::default(),
            sync: TableSync::new(copies),
            ages: SnapshotAges::default(),
            statistics: Statistics::default(),
            idle: IdleClock::start(Instant::now()),
            work: Work::More,
            failures: Failures::default(),
            next: NextBatch::default(),
            ahead: ReadAhead::default(),
            follows: false,
            seen_watermark: None,
            checked_maintenance: false,
            checked_merge: false,
            resumed_copies: false,
            global_watermark: Periodic::default(),
            local_watermark: Periodic::default(),
            root_duty: Periodic::default(),
        }
    }

    /// Works until a stop is requested, or until `loop_delay` says that enough is done.
    pub(super) async fn run(&mut self) -> anyhow::Result<()> {
        let result = self.rounds().await;
        self.sync.copies.stop_all().await;
        // A server that does not take our leave learns of it when the process ends.
        let _ = tokio::time::timeout(FAREWELL, self.links.close()).await;
        result
    }

    async fn rounds(&mut self) -> anyhow::Result<()> {
        while !self.wake.shutdown.is_cancelled() {
            if self.wake.take_reload() {
                self.reload();
            }
            let result = self.cycle_or_stop().await;
            self.log_statistics();
            match result {
                Ok(work) => {
                    if work == Work::Idle {
                        self.ahead.stop().await;
                    }
                    self.work = work;
                    self.failures.succeeded(&self.job.settings.quiet, Instant::now());
                }
                Err(error) => {
                    self.work = Work::Failed;
                    self.fail(error).await?;
                }
            }
            if self.links.recycle(self.job.settings.connection_lifetime).await {
                // Under the same address there may be another server by now.
                self.ahead = ReadAhead::default();
            }
            match self.job.settings.loop_delay {
                None => break,
                Some(delay) if self.work == Work::Idle => {
                    if delay.is_zero() {
                        break;
                    }
                    self.wait_for_work(delay).await;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// A cycle, broken off when it does not end in time after a stop was requested.
    async fn cycle_or_stop(&mut self) -> anyhow::Result<Work> {
        let shutdown = self.wake.shutdown.clone();
        let out_of_time = async {
            shutdown.cancelled().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        tokio::select! {
            work = Box::pin(self.cycle()) => return work,
            () = out_of_time => {}
        }
        tracing::warn!("the current batch is not finished and will be repeated");
        self.links.drop_all();
        Ok(Work::Idle)
    }

    async fn wait_for_work(&mut self, delay: Duration) {
        let queue = &self.job.settings.queue;
        let ticks = self.links.provider_if_any().map(|session| (session, queue));
        self.wake.wait(delay, ticks).await;
    }

    /// One work cycle (contract `worker.md` section 3).
    async fn cycle(&mut self) -> anyhow::Result<Work> {
        let Some(node) = self.refresh().await? else { return Ok(Work::Idle) };
        if node.role == Role::Root {
            return self.stand_by().await;
        }
        let location = node.state.provider_location.as_deref();
        self.links.attach(&self.job, location.context("provider_connstr not set")?).await?;
        let applies = node.role.applies();
        if applies && !self.resumed_copies {
            let client = self.links.client(&self.job).await?;
            self.sync.resume(&self.job, client).await?;
            self.resumed_copies = true;
        }
        let started = Instant::now();
        let Some(batch) = self.next_batch(&node).await? else {
            if let Some(done) = node.state.completed_tick.filter(|_| applies) {
                self.sync.while_idle(&self.job, &mut self.links, done).await?;
            }
            let keepalive = self.job.settings.keepalive_stats;
            self.idle.nothing_to_do(&mut self.statistics, keepalive, Instant::now());
            return Ok(Work::Idle);
        };
        let done = node.state.completed_tick;
        if matches!(node.role, Role::WaitBehind { .. }) {
            self.follows = true;
            self.checked_merge = false;
            if done.is_none_or(|done| batch.tick > done) {
                tracing::debug!(
                    "Wait behind: tick_id={} completed={}",
                    batch.tick,
                    done.map_or_else(|| "None".to_owned(), |done| done.to_string())
                );
                return Ok(Work::Idle);
            }
            let events = self.follow(&node, &batch).await?;
            return self.finished(&batch, events, started).await;
        }
        match position::compare(batch.prev_tick, batch.tick, done, self.follows)? {
            Position::Applied => {
                if matches!(node.role, Role::Branch { .. }) {
                    self.repair_branch_tick(&batch).await?;
                }
                self.finished(&batch, 0, started).await
            }
            Position::Next => {
                self.follows = false;
                let Some(brought) = self.process(&node, &batch).await? else {
                    return Ok(Work::Idle);
                };
                if brought.ignored > 0 {
                    self.statistics.add("ignored_events", brought.ignored);
                }
                self.finished(&batch, brought.events, started).await
            }
        }
    }

    /// Reads what the database says about us, and confirms that we have read it. `None` while paused.
    async fn refresh(&mut self) -> anyhow::Result<Option<Node>> {
        let (queue, consumer) = (&self.job.settings.queue, &self.job.settings.consumer);
        let client = self.links.client(&self.job).await?;
        // Both are sent before the first is answered.
        let (state, info) = tokio::try_join!(
            pgq_node::get_consumer_state(client, queue, consumer),
            pgq_node::get_node_info(client, queue),
        )?;
        job::checked(&state.reply, None)?;
        if !state.uptodate {
            // Read between batches, so from here on nothing runs under the old state.
            let reply = pgq_node::set_consumer_uptodate(client, queue, consumer, true).await?;
            job::checked(&reply, None)?;
        }
        if state.cur_error.is_some() && self.work != Work::Failed {
            let reply = pgq_node::set_consumer_error(client, queue, consumer, None).await?;
            job::checked(&reply, None)?;
        }
        if state.paused {
            return Ok(None);
        }
        job::checked(&info.reply, None)?;
        let role = Role::of(&info)?;
        let name = info.node_name.clone().context("the node has no name")?;
        Ok(Some(Node { state, info, role, name }))
    }

    async fn next_batch(&mut self, node: &Node) -> anyhow::Result<Option<BatchInfo>> {
        let settings = &self.job.settings;
        let configured =
            settings.batch.min_count.is_some() || settings.batch.min_interval.is_some();
        let merging = self.sync.merging(configured, node.role == Role::Leaf);
        let provider = self.links.provider()?;
        let (queue, consumer) = (&settings.queue, &settings.consumer);
        let done = node.state.completed_tick;
        Ok(self.next.take(provider, done, queue, consumer, &settings.batch, merging).await?)
    }

    /// The root has nothing to replay; it looks after watermark and sequences.
    async fn stand_by(&mut self) -> anyhow::Result<Work> {
        let settings = Arc::clone(&self.job.settings);
        let now = Instant::now();
        if !self.root_duty.due(settings.loop_delay.unwrap_or_default() * ROOT_ROUNDS, now) {
            return Ok(Work::Idle);
        }
        self.statistics.add("standby", 1);
        let client = self.links.client(&self.job).await?;
        if self.global_watermark.due(settings.global_wm_publish_period, now) {
            pgq_node::set_global_watermark(client, &settings.queue, None).await?;
        }
        let reply = crate::calls::root_check_seqs(client, &settings.queue).await?;
        job::checked(&reply, None)?;
        Ok(Work::Idle)
    }

    /// Applies a batch and moves our position with it. `None` when a stop was requested before it began.
    async fn process(
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
    async fn follow(&mut self, node: &Node, batch: &BatchInfo) -> anyhow::Result<u64> {
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
        self.links.return_provider(Some(provider));
        self.publish_watermarks(node, batch).await?;
        Ok(events)
    }

    /// Tells the provider that the batch is done, and counts it.
    async fn finished(
        &mut self,
        batch: &BatchInfo,
        events: u64,
        started: Instant,
    ) -> anyhow::Result<Work> {
        pgq::finish_batch(self.links.provider()?, batch.batch).await?;
        crash_point("batch-finished");
        let now = Instant::now();
        self.statistics.add("count", events);
        self.statistics.set_seconds("duration", now.saturating_duration_since(started));
        let keepalive = self.job.settings.keepalive_stats;
        self.idle.batch_done(&mut self.statistics, events, keepalive, now);
        Ok(Work::More)
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
    async fn repair_branch_tick(&mut self, batch: &BatchInfo) -> anyhow::Result<()> {
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

    fn log_statistics(&mut self) {
        if let Some(line) = self.statistics.take_line() {
            tracing::info!("{line}");
        }
    }

    /// After a failed cycle: nothing is known of the connections, everybody may know of the error, and then a pause.
    async fn fail(&mut self, error: anyhow::Error) -> anyhow::Result<()> {
        self.links.drop_all();
        self.ahead = ReadAhead::default();
        if let Err(problem) = self.store_error(&error).await {
            tracing::warn!("Failure to call pgq_node.set_consumer_error()");
            tracing::debug!("{}", failure::text(&problem));
        }
        let looping = self.job.settings.loop_delay.is_some_and(|delay| !delay.is_zero());
        if !looping {
            return Err(error);
        }
        let quiet = self.failures.failed(&self.job.settings.quiet, &error, Instant::now());
        failure::log(&self.job.settings.job_name, &error, quiet);
        self.wake.rest(self.job.settings.exception_sleep).await;
        Ok(())
    }

    async fn store_error(&self, error: &anyhow::Error) -> anyhow::Result<()> {
        let (queue, consumer) = (&self.job.settings.queue, &self.job.settings.consumer);
        let text = failure::text(error);
        // Not as a replica: that may be the very thing that failed.
        let store = async {
            let session = self.job.local("db").await?;
            let reply =
                pgq_node::set_consumer_error(&*session, queue, consumer, Some(&text)).await?;
            session.close().await;
            if reply.severity() == Severity::Failed {
                bail!("{}", reply.note);
            }
            Ok(())
        };
        tokio::select! {
            result = store => result,
            () = self.wake.shutdown.cancelled() => Ok(()),
        }
    }

    /// Reads the ini file again. Who we are stays: a worker cannot become another one's.
    fn reload(&mut self) {
        let old = &self.job.settings;
        let mut new = match old.reload() {
            Ok(new) => new,
            Err(error) => {
                tracing::error!("{error}; going on with the configuration read before");
                return;
            }
        };
        new.queue = old.queue.clone();
        new.consumer = old.consumer.clone();
        new.job_name.clone_from(&old.job_name);
        new.pidfile.clone_from(&old.pidfile);
        if new.db != old.db || new.remote_extra_connstr != old.remote_extra_connstr {
            self.links.drop_all();
            self.ahead = ReadAhead::default();
        }
        self.job.settings = Arc::new(new);
        self.sync.copies.reload(self.job.clone());
        tracing::info!("Config reloaded");
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
    use crate::table::registry::Table;

    #[test]
    fn a_local_node_fetches_its_tables_and_what_concerns_everybody() {
        let row = TableRow {
            table: pgq_client::name::TableName::new("public.it's"),
            local: true,
            merge_state: None,
            custom_snapshot: None,
            attrs: None,
            dropped_ddl: None,
            copy_role: None,
            copy_pos: 0,
            dest_table: None,
        };
        let tables: Tables = [Table::from_row(row).unwrap()].into_iter().collect();
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
