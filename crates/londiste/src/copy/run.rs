//! The life of one copy: looks, decides, does, waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq_node::ConsumerState;
use pgq_client::calls::{Severity, pgq, pgq_node};
use pgq_client::conn::Session;
use pgq_client::consumer::{BatchInfo, BatchOptions};
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, TableName};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::arrivals::Arrivals;
use super::progress::Progress;
use super::source::{self, Link, Registration};
use super::watch::{Watch, backend};
use super::{parallel, queue, replay, rows, structure};
use crate::calls;
use crate::crash_point::crash_point;
use crate::job::{self, Job};
use crate::quiet::Failures;
use crate::replay::failure;
use crate::replay::next_batch::{Merging, NextBatch};
use crate::replay::position::{self, Position};
use crate::replay::replica::connect_replica;
use crate::table::registry::Table;
use crate::table::state::TableState;
use crate::table::sync_copy::{
    CopyMode, CopyStep, CopyView, Others, QueueView, WaitingFor, next_step,
};

/// How a copy and its worker wake each other.
pub(super) struct Signals {
    /// Changes when the worker has news.
    pub(super) nudged: watch::Receiver<()>,
    /// Notified when the copy has news.
    pub(super) wake: Arc<Notify>,
}

/// Pause between two looks at the database when nobody wakes us: the worker may be another process.
const POLL: Duration = Duration::from_secs(1);

/// Pause while another node, or another copy of the same table, has to do something first.
const LONG_POLL: Duration = Duration::from_secs(10);

/// How long a server that may be out of reach is asked to stop.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// Copies of one table that may run at the same time, unless `max_parallel_copy` says otherwise.
const MAX_PARALLEL_COPY: i32 = 8;

/// Some accounts have limits, which are meant for applications.
const NO_TIMEOUTS: &str = "set statement_timeout = 0; set lock_timeout = 0";

/// What comes after a cycle.
#[derive(PartialEq, Eq)]
enum Next {
    /// The next cycle, at once.
    Again,
    /// The next cycle when somebody wakes us, or after this time.
    Wait(Duration),
    /// The next cycle after this time: nobody here can tell us about another node.
    Pause(Duration),
    /// A look whether it is still paused. It keeps showing its error until then.
    Paused,
    /// The next cycle with new connections: an operator waits for what these hold.
    GiveWay,
    /// Nothing: the table is somebody else's.
    Done,
}

/// Runs the copy until the table is in sync, or is no longer to be copied, or shutdown is requested.
pub(super) async fn run(job: &Job, table: &TableName, mut signals: Signals) -> anyhow::Result<()> {
    let mut copy = Copy {
        job,
        table,
        consumer: source::copy_consumer(&job.settings.consumer, table),
        wake: Arc::clone(&signals.wake),
        link: None,
        sessions: None,
        analysis: JoinSet::new(),
        waiting_for: None,
        next: NextBatch::default(),
        arrivals: Arrivals::default(),
        failed: false,
        failures: Failures::default(),
    };
    loop {
        signals.nudged.borrow_and_update();
        let next = tokio::select! {
            biased;
            () = job.shutdown.cancelled() => {
                copy.break_off().await;
                return Ok(());
            }
            next = Box::pin(copy.cycle_or_failure()) => next,
        };
        let mut may_wake = true;
        let pause = match next {
            Ok(Next::Again) => continue,
            Ok(Next::Done) => return Ok(()),
            Ok(Next::Wait(pause)) => pause,
            Ok(Next::Paused) => POLL,
            Ok(Next::Pause(pause)) => {
                may_wake = false;
                pause
            }
            Ok(Next::GiveWay) => {
                tracing::warn!(
                    "{table}: somebody is changing its registration, breaking the copy off"
                );
                copy.break_off().await;
                POLL
            }
            Err(error) => {
                may_wake = false;
                copy.note_failure(&error).await;
                if job.settings.loop_delay.is_none_or(|delay| delay.is_zero()) {
                    return Err(error);
                }
                job.settings.exception_sleep
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // A worker that ended cannot wake us any more; the error then just means to wait on.
            Ok(()) = signals.nudged.changed(), if may_wake => {}
            () = job.shutdown.cancelled() => {}
        }
    }
}

struct Copy<'a> {
    job: &'a Job,
    table: &'a TableName,
    consumer: ConsumerName,
    wake: Arc<Notify>,
    /// Out on loan during a cycle; one that failed does not bring it back.
    link: Option<Link>,
    /// The same connections, to break off what they are doing.
    sessions: Option<[Arc<Session>; 2]>,
    /// Statistics being gathered; given up with the copy.
    analysis: JoinSet<()>,
    /// What the log last said we wait for.
    waiting_for: Option<WaitingFor>,
    next: NextBatch,
    arrivals: Arrivals,
    /// Whether the last cycle failed.
    failed: bool,
    failures: Failures,
}

impl Copy<'_> {
    async fn cycle_or_failure(&mut self) -> anyhow::Result<Next> {
        self.recycle();
        let mut link = match self.link.take() {
            Some(link) => link,
            None => {
                let Some(link) = source::attach(self.job, self.table, &self.consumer).await? else {
                    return Ok(Next::Done);
                };
                self.sessions = Some([Arc::clone(&link.dst), Arc::clone(&link.src)]);
                link
            }
        };
        let next = self.cycle(&mut link).await?;
        self.link = Some(link);
        if next != Next::Paused {
            self.failed = false;
            self.failures.succeeded(&self.job.settings.quiet, Instant::now());
        }
        Ok(next)
    }

    /// One look, one decision, one deed.
    async fn cycle(&mut self, link: &mut Link) -> anyhow::Result<Next> {
        let (job, name) = (self.job, self.table);
        let Some(table) = source::find(&link.dst, &job.settings, name).await? else {
            tracing::error!("copy_sync: lost table: {name}");
            return self.leave(link).await;
        };
        if source::waits_for_worker(&table) {
            return Ok(Next::Done);
        }
        let Some(state) = self.refresh(link).await? else {
            self.arrivals.forget();
            return Ok(Next::Paused);
        };

        let mut view = view(&table);
        if table.state == TableState::InCopy {
            view.others = source::others(&link.dst, &job.settings.queue, &table).await?;
            if table.copy_role.is_none() && !view.others.any {
                let Some(source) = self.source_table(link).await? else {
                    return Ok(Next::Pause(LONG_POLL));
                };
                let (src, dst) = (&link.src, &link.dst);
                view.parallel = parallel::is_wanted(job, src, &source, dst, &table).await?;
            }
        }
        let mut batch = None;
        let mut step = next_step(&view);
        if step == CopyStep::LookAtQueue {
            let completed = state.completed_tick.context("dst_tick NULL?")?;
            if !self.is_close(link, &table, completed).await? {
                batch = self.next_batch(link, &table, completed).await?;
            }
            view.queue = Some(self.look_at_queue(link, &table, completed, batch.as_ref()).await?);
            step = next_step(&view);
        }
        if !matches!(step, CopyStep::Wait(_)) {
            self.waiting_for = None;
        }
        match step {
            CopyStep::LookAtQueue => bail!("the queue was looked at and still nothing is decided"),
            CopyStep::Leave => self.leave(link).await,
            CopyStep::Wait(what) => {
                let pause = self.wait(what);
                if self.waiting_for.replace(what) != Some(what)
                    && matches!(what, WaitingFor::Tick | WaitingFor::Worker)
                {
                    // A tick after the copied rows for us, one to stand at for the worker. It may not come by itself
                    // for a minute when the queue is idle.
                    queue::ask_for_tick(&link.src, &job.settings.queue).await?;
                    self.wake.notify_one();
                    return Ok(Next::Again);
                }
                Ok(Next::Wait(pause))
            }
            CopyStep::Copy(mode) => {
                let Some(source) = self.source_table(link).await? else {
                    return Ok(Next::Pause(LONG_POLL));
                };
                let progress = Arc::new(Progress::new(name.to_string()));
                let own =
                    Registration { consumer: &self.consumer, completed: state.completed_tick };
                let copy = rows::copy(job, link, &own, &table, &source, mode, &progress);
                let next = self.watched(link, &progress, copy).await?;
                if mode == CopyMode::Atomic && matches!(next, Next::Again) {
                    self.analyse(&table);
                }
                self.wake.notify_one();
                Ok(next)
            }
            CopyStep::RestoreStructure => {
                let progress = Arc::new(Progress::new(name.to_string()));
                let connections = parallel::connections(job);
                let restore = structure::restore(job, &link.dst, &table, connections, &progress);
                let next = self.watched(link, &progress, restore).await?;
                if matches!(next, Next::Again) {
                    self.analyse(&table);
                }
                Ok(next)
            }
            CopyStep::Replay => {
                let batch = batch.context("a batch to replay")?;
                let started = Instant::now();
                replay::replay(job, link, &self.consumer, &table, &batch).await?;
                self.arrivals.replayed(self.next.was_last(&batch), started.elapsed());
                Ok(Next::Again)
            }
            CopyStep::Store(state) => {
                self.store(link, &table, state).await?;
                self.wake.notify_one();
                Ok(Next::Again)
            }
            CopyStep::StepBack { current, sync } => {
                tracing::error!("copy_sync: cur_tick={current} sync_tick={sync}");
                self.arrivals.forget();
                self.store(link, &table, TableState::CatchingUp).await?;
                self.wake.notify_one();
                Ok(Next::Again)
            }
        }
    }

    /// Gathers the planner's statistics beside the hand-over, which need not wait for them.
    fn analyse(&mut self, table: &Table) {
        if !table.handler.needs_table() {
            return;
        }
        let (job, dest) = (self.job.clone(), table.dest.clone());
        let name = format!("copy.{}.analyze", self.table);
        self.analysis.spawn(async move {
            let done = async {
                let dst = connect_replica(&job, &name).await?;
                rows::run(&dst, NO_TIMEOUTS).await?;
                rows::run(&dst, &format!("analyze {}", dest.quoted())).await?;
                dst.close().await;
                anyhow::Ok(())
            };
            if let Err(error) = done.await {
                tracing::warn!("{name}: {error:#}");
            }
        });
    }

    /// What takes long: others can see how far it is, and an operator who wants the table gets it.
    async fn watched(
        &self,
        link: &Link,
        progress: &Progress,
        work: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<Next> {
        progress.add_backend(backend(&link.dst).await?);
        let mut watch = Watch::new(self.job, self.table, progress);
        let done = tokio::select! {
            done = work => done.map(|()| Next::Again),
            () = watch.claimed() => Ok(Next::GiveWay),
        };
        watch.end().await;
        done
    }

    /// Closes connections that have become old.
    fn recycle(&mut self) {
        let lifetime = self.job.settings.connection_lifetime;
        let old = |link: &Link| {
            link.src.opened().elapsed() > lifetime || link.dst.opened().elapsed() > lifetime
        };
        if !lifetime.is_zero() && self.link.as_ref().is_some_and(old) {
            self.link = None;
            self.sessions = None;
        }
    }

    /// Our row among the node's consumers (contract `worker.md` section 4); `None` while paused.
    async fn refresh(&self, link: &Link) -> anyhow::Result<Option<ConsumerState>> {
        let (queue, consumer) = (&self.job.settings.queue, &self.consumer);
        let state = pgq_node::get_consumer_state(&**link.dst, queue, consumer).await?;
        job::checked(&state.reply, None)?;
        if !state.uptodate {
            let reply = pgq_node::set_consumer_uptodate(&**link.dst, queue, consumer, true).await?;
            job::checked(&reply, None)?;
        }
        if state.cur_error.is_some() && !self.failed {
            let reply = pgq_node::set_consumer_error(&**link.dst, queue, consumer, None).await?;
            job::checked(&reply, None)?;
        }
        Ok((!state.paused).then_some(state))
    }

    /// Whether the worker may be asked to wait, although there may be more to replay: see [`Arrivals`].
    async fn is_close(
        &self,
        link: &Link,
        table: &Table,
        completed: TickId,
    ) -> anyhow::Result<bool> {
        Ok(table.state == TableState::CatchingUp
            && self.arrivals.are_enough()
            && self.is_past_snapshot(link, table, completed).await?)
    }

    /// The batch after our position. One that was applied before a crash is finished on the way.
    async fn next_batch(
        &mut self,
        link: &Link,
        table: &Table,
        completed: TickId,
    ) -> anyhow::Result<Option<BatchInfo>> {
        let merging = match table.state {
            TableState::CatchingUp => Merging::Automatic,
            // The hand-over needs the worker's cuts.
            _ => Merging::Off,
        };
        let (queue, options) = (&self.job.settings.queue, BatchOptions::default());
        loop {
            let batch = self.next.take(
                &link.src,
                Some(completed),
                queue,
                &self.consumer,
                &options,
                merging,
            );
            let Some(batch) = batch.await? else { return Ok(None) };
            match position::compare(batch.prev_tick, batch.tick, Some(completed), false)? {
                Position::Next => return Ok(Some(batch)),
                Position::Applied => {
                    pgq::finish_batch(&**link.src, batch.batch).await?;
                }
            }
        }
    }

    async fn is_past_snapshot(
        &self,
        link: &Link,
        table: &Table,
        completed: TickId,
    ) -> anyhow::Result<bool> {
        let Some(snapshot) = &table.snapshot else { return Ok(true) };
        let (queue, snapshot) = (&self.job.settings.queue, snapshot.to_string());
        Ok(queue::tick_is_past(&link.src, queue, completed, &snapshot).await?)
    }

    async fn look_at_queue(
        &self,
        link: &Link,
        table: &Table,
        completed: TickId,
        batch: Option<&BatchInfo>,
    ) -> anyhow::Result<QueueView> {
        let queue = &self.job.settings.queue;
        // Only asked once there is nothing left to replay.
        let past_snapshot =
            batch.is_none() && self.is_past_snapshot(link, table, completed).await?;
        let worker = match table.state {
            TableState::DoSync { .. } => {
                let worker = &self.job.settings.consumer;
                pgq_node::get_consumer_state(&**link.dst, queue, worker).await?.completed_tick
            }
            _ => None,
        };
        Ok(QueueView { completed, batch: batch.map(|b| b.tick), past_snapshot, worker })
    }

    /// The table's name on the source; `None` while its rows are not there yet.
    async fn source_table(&self, link: &Link) -> anyhow::Result<Option<TableName>> {
        let queue = &self.job.settings.queue;
        let name = self.table;
        let Some(row) = calls::get_local_table(&**link.src, queue, name).await? else {
            bail!("table {name} not available on provider");
        };
        if row.state()? != TableState::Ok {
            tracing::warn!("table {name} not in sync yet on provider, waiting");
            return Ok(None);
        }
        // The root of a combined queue is in sync from the start, its rows come by the queues that are merged into it.
        if let Some(parts) = calls::unfinished_parts(&**link.src, queue, row.dest()).await? {
            tracing::warn!(
                "table {name} not in sync yet on provider (copied there from {parts}), waiting"
            );
            return Ok(None);
        }
        Ok(Some(row.dest().clone()))
    }

    /// Stores a state in a transaction of its own and tells the worker.
    async fn store(&self, link: &Link, table: &Table, state: TableState) -> anyhow::Result<()> {
        let (queue, name) = (&self.job.settings.queue, &table.name);
        // The hand-over is past the snapshot (see `past_snapshot`), so nobody needs it any more.
        let kept = if state == TableState::Ok { None } else { table.snapshot.as_ref() };
        let snapshot = kept.map(ToString::to_string);
        tracing::info!("storing state of {name}: copy:1 new_state:{state}");
        let reply =
            calls::local_set_table_state(&**link.dst, queue, name, snapshot.as_deref(), state)
                .await?;
        job::checked_quiet(&reply, None)?;
        tracing::info!("Table {name} status changed to '{state}'");
        crash_point(match state {
            TableState::Ok => "copy-ok",
            TableState::WannaSync { .. } => "copy-wanna-sync",
            _ => "copy-stepped-back",
        });
        Ok(())
    }

    /// Says once what we wait for; returns the pause until the next look.
    fn wait(&self, what: WaitingFor) -> Duration {
        if self.waiting_for != Some(what) {
            match what {
                WaitingFor::FirstPartition => {
                    tracing::info!("waiting for first partition to initialize copy");
                }
                WaitingFor::ParallelLimit(limit) => {
                    tracing::info!("number of max parallel copies ({limit}) reached");
                }
                WaitingFor::OtherPartitions => {
                    tracing::info!("waiting for other partitions to finish copy");
                }
                WaitingFor::Tick | WaitingFor::Worker | WaitingFor::Batch => {
                    tracing::debug!("{}: waiting for {what:?}", self.table);
                }
            }
        }
        match self.job.settings.loop_delay {
            Some(delay) if !delay.is_zero() => delay.min(POLL),
            _ => POLL,
        }
    }

    async fn leave(&mut self, link: &Link) -> anyhow::Result<Next> {
        source::detach(self.job, link, &self.consumer).await?;
        while self.analysis.join_next().await.is_some() {}
        Ok(Next::Done)
    }

    /// Logs and stores an error; the connections are not to be trusted any more.
    async fn note_failure(&mut self, error: &anyhow::Error) {
        self.sessions = None;
        self.arrivals.forget();
        self.failed = true;
        if let Err(problem) = self.store_error(error).await {
            tracing::warn!("Failure to call pgq_node.set_consumer_error()");
            tracing::debug!("{problem:#}");
        }
        let quiet = self.failures.failed(&self.job.settings.quiet, error, Instant::now());
        failure::log(&self.job.settings.job_name, error, quiet);
    }

    async fn store_error(&self, error: &anyhow::Error) -> anyhow::Result<()> {
        let (queue, consumer) = (&self.job.settings.queue, &self.consumer);
        let dst = self.job.local("db").await?;
        let known = pgq_node::get_consumer_state(&*dst, queue, consumer).await?;
        if known.reply.severity() == Severity::Failed {
            // Not registered yet: there is no place to store it.
            return Ok(());
        }
        let text = failure::text(error);
        let reply = pgq_node::set_consumer_error(&*dst, queue, consumer, Some(&text)).await?;
        job::checked_quiet(&reply, None)?;
        dst.close().await;
        Ok(())
    }

    /// Ends what the servers are doing for us; open transactions are rolled back when the connections go.
    async fn break_off(&mut self) {
        self.link = None;
        for session in self.sessions.take().into_iter().flatten() {
            match tokio::time::timeout(CANCEL_TIMEOUT, session.cancel()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("cancel: {error}"),
                Err(_) => tracing::debug!("cancel: no answer"),
            }
        }
    }
}

/// What is known of the table before the queue is looked at.
fn view(table: &Table) -> CopyView {
    let limit = table.attrs.max_parallel_copy().and_then(|limit| i32::try_from(limit).ok());
    CopyView {
        state: table.state,
        role: table.copy_role,
        position_in_group: table.copy_pos,
        parallel_limit: limit.unwrap_or(MAX_PARALLEL_COPY).max(1),
        parallel: false,
        others: Others::default(),
        renew: table.attrs.renew(),
        structure_stored: table.dropped_ddl.is_some(),
        queue: None,
    }
}
