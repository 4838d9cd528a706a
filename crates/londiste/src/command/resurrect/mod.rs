//! `resurrect`: a former root, whose place was taken while it was dead, comes back as a paused branch (contract `cli.md` 6.13).
//!
//! What it has and nobody else ever got, its lost events, goes into a file and out of its queue. The rows of its tables stay as
//! they are: the operator decides what becomes of them.
//!
//! Departures from the original: everything that can be checked is checked before the node is demoted, so that a command that
//! cannot end does not begin. One that is broken off is finished by the same command; the file is written under another name
//! until it is whole. Consumers of the queue are dropped (the original's statement for that is wrong), and truncates are counted.

mod dump;
mod gravestone;
mod lost;

use std::path::Path;

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq_node::{self, NodeType, WorkerState};
use pgq_client::calls::{Severity, pgq, statement};
use pgq_client::conn::Session;
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, NodeName};

use super::Run;
use super::set::LocalSet;
use crate::crash_point::crash_point;
use crate::job::{self, Job, UsageError};
use dump::DumpFile;
use gravestone::Gravestone;

/// Where the lost events go, in the current directory.
const FILE: &str = "resurrect-lost-events.json";

/// The node that comes back.
struct Returning<'a> {
    job: &'a Job,
    set: LocalSet,
    name: NodeName,
    worker: ConsumerName,
    grave: Gravestone,
}

/// Makes the local node a branch of the one that took its place.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let job = &run.job;
    let set = LocalSet::load(run).await?;
    let name = set.name()?.clone();
    if set.node_type()? == NodeType::Leaf {
        tracing::info!("Current node is leaf, nothing to do");
        return Ok(());
    }
    if Path::new(FILE).exists() {
        bail!(UsageError(format!(
            "Dump file exists, cannot perform resurrection: {FILE} (it may be the only copy of lost events: move it away and \
             keep it)"
        )));
    }
    tracing::info!("** Searching for gravestone **");
    let grave = gravestone::find(job, &set, &name).await?;
    let state = pgq_node::get_worker_state(&*set.db, &job.settings.queue).await?;
    job::checked(&state.consumer.reply, None)?;
    let worker = state.worker_name.clone().context("the node has no worker")?;
    let returning = Returning { job, set, name, worker, grave };
    returning.check().await?;
    let file = DumpFile::begin(FILE)?;

    let mut db = job.local("db").await?;
    tracing::info!("** Demote & pause local node **");
    returning.step_down(&mut db, &state).await?;
    crash_point("resurrect-demoted");
    tracing::info!("** Dropping old subscribers and consumers **");
    returning.drop_consumers(&mut db).await?;
    tracing::info!("** Dump & delete lost events **");
    let statistics = lost::dump_and_delete(&returning, &mut db, file).await?;
    let (node, root) = (&returning.name, &returning.grave.root);
    tracing::info!("** Subscribing {node} to {root} **");
    returning.subscribe(&mut db).await?;
    crash_point("resurrect-subscribed");
    if let Some(statistics) = statistics {
        tracing::info!("** Statistics **");
        for line in statistics.lines() {
            tracing::info!("  {line}");
        }
    }
    tracing::info!("** Resurrection done, worker paused **");
    Ok(())
}

impl Returning<'_> {
    /// What would stop the command half-way.
    async fn check(&self) -> anyhow::Result<()> {
        let Returning { job, set, name, grave, .. } = self;
        let queue = &job.settings.queue;
        if lost::snapshot(&*set.db, queue, grave.tick).await?.is_none() {
            bail!(UsageError(format!(
                "Node {name} does not have tick {}, up to which {} followed it: it is older than that, or its queue was \
                 emptied. Drop it and create it anew",
                grave.tick, grave.node
            )));
        }
        let there = set.connect(job, &grave.root).await?;
        let there = there.with_context(|| format!("node {} is dead", grave.root))?;
        if lost::snapshot(&*there, queue, grave.tick).await?.is_none() {
            bail!(UsageError(format!(
                "The root, {}, does not have tick {} any more, up to which {} followed {name}, and cannot go on from there. Drop \
                 {name} and create it anew",
                grave.root, grave.tick, grave.node
            )));
        }
        let sql = "select format('grant delete on %s to %I', queue_data_pfx, current_user) from pgq.queue \
                   where queue_name = $1 and not has_table_privilege(queue_data_pfx, 'delete')";
        let missing: Option<String> =
            statement::value(&*set.db, sql, &[statement::Arg::Text(queue.as_str())]).await?;
        let sql = "select format('grant delete on pgq.tick to %I', current_user) \
                   where not has_table_privilege('pgq.tick', 'delete')";
        let missing = match missing {
            None => statement::value(&*set.db, sql, &[]).await?,
            missing => missing,
        };
        if let Some(grant) = missing {
            bail!(UsageError(format!("The role may not delete lost events; run: {grant}")));
        }
        Ok(())
    }

    /// The node takes no writes any more, and its worker stands still from its next look at the database on.
    async fn step_down(&self, db: &mut Session, state: &WorkerState) -> anyhow::Result<()> {
        let Returning { job, name, worker, grave, .. } = self;
        let (queue, root) = (&job.settings.queue, &grave.root);
        if state.consumer.node_type == Some(NodeType::Root) {
            tracing::info!("Node {name} is root, demoting");
            let canceller = db.canceller();
            for step in 1..=2 {
                let demoted = job::commit_checked(db, None, async |db| {
                    Ok(pgq_node::demote_root(db, queue, step, root).await?.0)
                });
                // The second waits for transactions that are writing.
                job.cancellable(&canceller, demoted).await?;
            }
            crash_point("resurrect-closed");
            let transaction = job::begin(db).await?;
            let (reply, _) = pgq_node::demote_root(&transaction, queue, 3, root).await?;
            job::checked(&reply, None)?;
            let reply = pgq_node::set_consumer_paused(&transaction, queue, worker, true).await?;
            job::checked(&reply, None)?;
            return Ok(job::commit(transaction).await?);
        }
        if state.consumer.paused {
            tracing::info!("Node {name} is branch and worker is paused");
        } else {
            tracing::info!("Node {name} is branch, pausing worker: {worker}");
            job::commit_checked(db, None, async |db| {
                pgq_node::set_consumer_paused(db, queue, worker, true).await
            })
            .await?;
        }
        Ok(())
    }

    /// Nobody may go on reading what is to be deleted.
    async fn drop_consumers(&self, db: &mut Session) -> anyhow::Result<()> {
        let queue = &self.job.settings.queue;
        let transaction = job::begin(db).await?;
        for subscriber in pgq_node::get_subscriber_info(&transaction, queue).await? {
            tracing::info!("Dropping old subscriber node: {}", subscriber.node);
            let reply =
                pgq_node::unregister_subscriber(&transaction, queue, &subscriber.node).await?;
            job::checked_quiet(&reply, None)?;
        }
        for info in pgq::get_consumer_info(&transaction, queue).await? {
            let consumer = &info.consumer;
            if consumer.as_str().starts_with('.') {
                tracing::info!("Keeping consumer: {consumer}");
            } else {
                tracing::info!("Dropping old consumer: {consumer}");
                pgq::unregister_consumer(&transaction, queue, consumer).await?;
            }
        }
        Ok(job::commit(transaction).await?)
    }

    /// From the gravestone on the node follows the new root.
    async fn subscribe(&self, db: &mut Session) -> anyhow::Result<()> {
        let Returning { job, set, name, worker, grave } = self;
        let (queue, root, tick) = (&job.settings.queue, &grave.root, grave.tick);
        let transaction = job::begin(db).await?;
        tracing::info!("Reset local completed pos");
        let reply = pgq_node::set_consumer_completed(&transaction, queue, worker, tick).await?;
        job::checked(&reply, None)?;
        let state = pgq_node::get_consumer_state(&transaction, queue, worker).await?;
        if state.provider_node.as_ref() != Some(root) {
            let reply =
                pgq_node::change_consumer_provider(&transaction, queue, worker, root).await?;
            job::checked(&reply, None)?;
        }
        job::commit(transaction).await?;
        crash_point("resurrect-position-set");

        tracing::info!("Rename gravestone to worker: {worker}");
        let there = set.connect(job, root).await?;
        let mut there = there.with_context(|| format!("node {root} is dead"))?;
        let transaction = job::begin(&mut there).await?;
        let reply = pgq_node::unregister_subscriber(&transaction, queue, name).await?;
        job::checked_quiet(&reply, Some(root.as_str()))?;
        let (reply, watermark) =
            pgq_node::register_subscriber(&transaction, queue, name, worker, Some(tick)).await?;
        job::checked_quiet(&reply, Some(root.as_str()))?;
        job::commit(transaction).await?;
        crash_point("resurrect-stone-renamed");

        tracing::info!("Reset global watermark");
        // Its own may be at a tick that is not there any more; where the new root's is not here, it stays at the gravestone.
        for watermark in [Some(tick), watermark.filter(|watermark| *watermark < tick)] {
            let Some(watermark) = watermark else { continue };
            self.reset_watermark(db, watermark).await?;
        }
        self.remove_stone().await
    }

    /// Where another node has become the root since, the stone is left behind on the first one. It would keep all events there,
    /// and stand for a position that is no longer true.
    async fn remove_stone(&self) -> anyhow::Result<()> {
        let Returning { job, set, name, grave, .. } = self;
        if grave.node == grave.root {
            return Ok(());
        }
        let queue = &job.settings.queue;
        let sql = format!("select * from pgq_node.unregister_subscriber('{queue}', '{name}')");
        let removed = set.command_on(job, &grave.node, &sql, async |db| {
            pgq_node::unregister_subscriber(db, queue, name).await
        });
        removed.await.with_context(|| {
            format!(
                "The gravestone on {} is still there: before this node is resumed, run in the database of {}: {sql}",
                grave.node, grave.node
            )
        })?;
        Ok(())
    }

    async fn reset_watermark(&self, db: &mut Session, watermark: TickId) -> anyhow::Result<()> {
        let queue = &self.job.settings.queue;
        let transaction = job::begin(db).await?;
        let reply = pgq_node::set_global_watermark(&transaction, queue, Some(watermark)).await?;
        job::checked_quiet(&reply, None)?;
        if reply.severity() == Severity::Failed {
            bail!("the global watermark is not set");
        }
        Ok(job::commit(transaction).await?)
    }
}
