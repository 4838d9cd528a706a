//! Both sides at the same point of the queue (contract `compare-repair-execute.md` section 2).
//!
//! On a root the table is locked against writers while two ticks pass and this node replays up to them; on a branch its
//! worker is paused instead. Then both sides take a snapshot and the source is set free again: what follows reads the
//! snapshots while everybody works on.
//!
//! Departures from the original: this node catches up before the lock is taken, so that a lagging node is noticed without
//! stopping anybody; waiting for ticks and for a paused worker is limited by `lock_timeout` too, and where that is 0 nothing
//! is limited as long as no writer has to wait (in the original this node then had no time at all); a branch is in sync when its newest tick is reached (the
//! original waited for it to be exceeded, for ever).

use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use pgq_client::Error;
use pgq_client::calls::pgq_node::NodeType;
use pgq_client::calls::{pgq, pgq_node};
use pgq_client::conn::Session;
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, QueueName, TableName};
use tokio::time::{Instant, sleep};

use crate::command::cascade::Patience;
use crate::job::{self, Job, UsageError};
use crate::table::source::Source;

/// How often a position or tick is looked at; cheap look-ups on local indexes.
const POLL: Duration = Duration::from_millis(50);

/// How long writers wait at most for a locked table where `lock_timeout` does not say it.
const HELD: Duration = Duration::from_secs(10);

/// What to freeze.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Name of the table at the source.
    pub source_table: &'a TableName,
    /// Name of the table here.
    pub dest_table: &'a TableName,
    /// Wait for this node as long as it takes.
    pub force: bool,
}

/// Takes a snapshot of both sides in which the table is equal if replication is right.
///
/// `source.session` and `db` are left inside repeatable-read transactions with their snapshots taken; the caller ends
/// them. Nothing is locked or paused any more when this returns, also when it fails.
///
/// # Errors
/// [`UsageError`] `Consumer lagging too much, exiting` when this node does not get there within `lock_timeout`; the
/// server's error when the lock is not granted in that time.
pub async fn freeze(
    job: &Job,
    source: &Source,
    db: &Session,
    subject: Subject<'_>,
) -> anyhow::Result<()> {
    match source.node_type {
        NodeType::Root => freeze_root(job, source, db, subject).await,
        NodeType::Branch => freeze_branch(job, source, db, subject).await,
        NodeType::Leaf => {
            Err(UsageError(format!("Node {} is a leaf and no provider", source.node)).into())
        }
    }
}

async fn freeze_root(
    job: &Job,
    source: &Source,
    db: &Session,
    subject: Subject<'_>,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    let setup = job.remote("setup_db", &source.location).await?;
    let limit = Limit::start(job, subject.force);
    if let Some(newest) = pgq::get_queue_info(&*setup, queue).await?.and_then(|info| info.last_tick)
    {
        wait_for_position(job, db, limit, |position| position >= newest).await?;
    }

    tracing::info!("Locking {}", subject.source_table);
    let lock = job.remote("lock_db", &source.location).await?;
    run(&lock, "begin").await?;
    // 0 also takes back what the role may have.
    let timeout = job.settings.lock_timeout.as_millis();
    run(&lock, &format!("set local statement_timeout = {timeout}")).await?;
    let limit = Limit::start(job, subject.force);
    let sql = format!("lock table {} in share mode", subject.source_table.quoted());
    job.cancellable(&lock.canceller(), run(&lock, &sql)).await?;
    let limit = limit.with_writers_waiting(subject.force);
    tracing::info!("Syncing {}", subject.dest_table);
    let synced = async {
        // The first tick's snapshot may be older than the lock, the second one's is not.
        let first = forced_tick(job, &setup, queue).await?;
        forced_tick(job, &setup, queue).await?;
        wait_for_position(job, db, limit, |position| position > first).await?;
        take_snapshots(source, db).await
    };
    let outcome = synced.await;
    // Writers go on, whatever came of it. Should this fail, closing the connection frees the lock.
    let released = run(&lock, "rollback").await;
    lock.close().await;
    outcome.and(released)
}

async fn freeze_branch(
    job: &Job,
    source: &Source,
    db: &Session,
    subject: Subject<'_>,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    let setup = job.remote("setup_db", &source.location).await?;
    let info = pgq_node::get_node_info(&*setup, queue).await?;
    let worker = info.worker_name.context("the source node has no worker")?;
    let was_paused = pgq_node::get_consumer_state(&*setup, queue, &worker).await?.paused;
    tracing::info!("Pausing upstream worker: {worker}");
    let synced = async {
        set_paused(job, &setup, queue, &worker, true).await?;
        tracing::info!("Syncing {}", subject.dest_table);
        let limit = Limit::start(job, subject.force);
        let newest = pgq::get_queue_info(&*setup, queue).await?.and_then(|info| info.last_tick);
        let newest = newest.context("the source node's queue has no ticks")?;
        wait_for_position(job, db, limit, |position| position >= newest).await?;
        take_snapshots(source, db).await
    };
    let outcome = synced.await;
    let resumed = if was_paused {
        Ok(())
    } else {
        tracing::info!("Resuming upstream worker: {worker}");
        set_paused(job, &setup, queue, &worker, false).await
    };
    outcome.and(resumed)
}

/// Until when somebody may be waited for.
#[derive(Debug, Clone, Copy)]
struct Limit(Option<Instant>);

impl Limit {
    /// `lock_timeout` from now on; none with `--force`, and none where it is 0.
    fn start(job: &Job, force: bool) -> Limit {
        let timeout = job.settings.lock_timeout;
        let limited = !force && !timeout.is_zero();
        Limit(limited.then(|| Instant::now().checked_add(timeout)).flatten())
    }

    /// Whatever `lock_timeout` is, nobody is to keep writers waiting for ever but who asks for it with `--force`.
    fn with_writers_waiting(self, force: bool) -> Limit {
        if force { self } else { Limit(self.0.or_else(|| Instant::now().checked_add(HELD))) }
    }

    fn is_over(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}

/// Waits until this node's worker stands where `reached` wants it.
async fn wait_for_position(
    job: &Job,
    db: &Session,
    limit: Limit,
    reached: impl Fn(TickId) -> bool,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    let over = || "Consumer lagging too much, exiting".to_owned();
    let missed = "this node's worker to come up: is it running?";
    poll(job, limit, over, missed, || async {
        let info = pgq_node::get_node_info(&**db, queue).await?;
        Ok(info.worker_last_tick.is_some_and(&reached).then_some(()))
    })
    .await
}

/// Makes the root tick and waits for it; the new tick.
async fn forced_tick(job: &Job, setup: &Session, queue: &QueueName) -> anyhow::Result<TickId> {
    let before = pgq::force_tick(&**setup, queue).await?;
    // A ticker that does not run must not keep the table locked, not even with --force.
    let limit = Limit::start(job, false).with_writers_waiting(false);
    let timeout = job.settings.lock_timeout;
    let span = if timeout.is_zero() {
        format!("{} s, for which writers have waited", HELD.as_secs())
    } else {
        format!("lock_timeout ({} s)", timeout.as_secs_f64())
    };
    let over =
        || format!("no tick on queue {queue} within {span}: is pgqd running for this database?");
    let missed = format!("a tick on queue {queue}: is pgqd running for the provider's database?");
    poll(job, limit, over, &missed, || async {
        let newest = pgq::get_queue_info(&**setup, queue).await?.and_then(|info| info.last_tick);
        Ok(newest.filter(|_| newest > before))
    })
    .await
}

/// Changes the paused flag of a branch's worker and waits until it has read it.
async fn set_paused(
    job: &Job,
    setup: &Session,
    queue: &QueueName,
    worker: &ConsumerName,
    paused: bool,
) -> anyhow::Result<()> {
    job::checked(&pgq_node::set_consumer_paused(&**setup, queue, worker, paused).await?, None)?;
    let limit = Limit::start(job, false);
    let over = || {
        format!(
            "worker {worker} did not answer within lock_timeout ({} s): is it running?",
            job.settings.lock_timeout.as_secs_f64()
        )
    };
    let missed = format!("worker {worker} to answer: is it running?");
    poll(job, limit, over, &missed, || async {
        let state = pgq_node::get_consumer_state(&**setup, queue, worker).await?;
        Ok(state.uptodate.then_some(()))
    })
    .await
}

/// Both sides begin to read, each in one snapshot.
async fn take_snapshots(source: &Source, db: &Session) -> anyhow::Result<()> {
    for session in [&source.session, db] {
        run(session, "begin isolation level repeatable read read only").await?;
        run(session, "select 1").await?;
    }
    Ok(())
}

/// Asks until there is an answer, the limit is `over` or the operator stops. A wait without limit tells once what is `missed`:
/// others may be waiting for its end.
async fn poll<T, F>(
    job: &Job,
    limit: Limit,
    over: impl Fn() -> String,
    missed: &str,
    mut ask: impl FnMut() -> F,
) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<Option<T>>>,
{
    let mut patience = Patience::start();
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        if limit.is_over() {
            return Err(UsageError(over()).into());
        }
        if limit.0.is_none() && patience.is_over() {
            tracing::warn!("Still waiting, for as long as it takes, for {missed}");
        }
        tokio::select! {
            () = sleep(POLL) => {}
            () = job.shutdown.cancelled() => return Err(UsageError("stopped by operator".to_owned()).into()),
        }
    }
}

async fn run(session: &Session, sql: &str) -> anyhow::Result<()> {
    Ok(session.batch_execute(sql).await.map_err(|error| Error::sql(error, sql))?)
}
