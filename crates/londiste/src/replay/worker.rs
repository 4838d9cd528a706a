//! The worker's loop: refresh, next batch, apply, finish - again and again, whatever happens (contract `worker.md` 1-9).
//! What happens to one batch is in [`batches`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq_node::{self, ConsumerState, NodeInfo};
use pgq_client::calls::{Severity, pgq};
use pgq_client::consumer::BatchInfo;
use pgq_client::id::TickId;
use pgq_client::name::NodeName;
use tokio::sync::{Notify, watch};

use super::failure;
use super::links::Links;
use super::next_batch::{Merging, NextBatch};
use super::position::{self, Position};
use super::read_ahead::ReadAhead;
use super::role::Role;
use super::snapshots::SnapshotAges;
use super::statistics::{IdleClock, Statistics};
use super::table_sync::TableSync;
use super::wake::Wake;
use super::watermarks::Periodic;
use crate::copy::CopyTasks;
use crate::crash_point::crash_point;
use crate::job::{self, Job};
use crate::quiet::Failures;

mod batches;

/// How long a stop waits for the batch that is being applied. After that it is rolled back: nothing is lost, the next
/// worker begins with it.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// How long the servers may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// A root looks after watermark and sequences every so many rounds of `loop_delay`.
const ROOT_ROUNDS: u32 = 10;

/// What a cycle came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// There may be more.
    More,
    /// Nothing to do now.
    Idle,
    /// Nothing may be done: the node is paused.
    Paused,
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
    /// Whether the latest cycle failed that was not one of a pause: a paused node keeps showing its error.
    failed: bool,
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
            failed: false,
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
            self.work = match result {
                Ok(work) => {
                    if work != Work::More {
                        self.ahead.stop().await;
                    }
                    if work != Work::Paused {
                        self.failed = false;
                        self.failures.succeeded(&self.job.settings.quiet, Instant::now());
                    }
                    work
                }
                Err(error) => {
                    self.failed = true;
                    self.fail(error).await?;
                    Work::More
                }
            };
            if self.links.recycle(self.job.settings.connection_lifetime).await {
                // Under the same address there may be another server by now.
                self.ahead = ReadAhead::default();
            }
            match self.job.settings.loop_delay {
                None => break,
                Some(delay) if self.work != Work::More => {
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
        let Some(node) = self.refresh().await? else { return Ok(Work::Paused) };
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
        if state.cur_error.is_some() && !self.failed {
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
        // A combined queue moves us from tick to tick: of a batch that holds several, a part could be what it has brought already.
        let merging = if self.follows || matches!(node.role, Role::WaitBehind { .. }) {
            Merging::Off
        } else {
            self.sync.merging(configured, node.role == Role::Leaf)
        };
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
                let text = error.to_string();
                let (problem, hint) = text.split_at(text.find('\n').unwrap_or(text.len()));
                tracing::error!("{problem}; going on with the configuration read before{hint}");
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
        for unheeded in new.unheeded.iter().filter(|new| !old.unheeded.contains(new)) {
            tracing::warn!("{unheeded}");
        }
        self.links.forget_tables();
        self.job.settings = Arc::new(new);
        self.sync.copies.reload(self.job.clone());
        tracing::info!("Config reloaded");
    }
}
