//! The root of a combined queue changes: the workers that merge others into it stand still meanwhile, and continue at exactly
//! that position on the new root.

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq_node::{self, NodeInfo};
use pgq_client::id::TickId;
use pgq_client::name::QueueName;

use super::Takeover;
use crate::command::cascade::{self, POLL, Patience, Worker};
use crate::job::UsageError;

/// The merge workers of the old root.
pub(super) struct Merging {
    workers: Vec<Worker>,
    /// Those that were not paused before: their number in `workers`.
    running: Vec<usize>,
}

impl Merging {
    /// Looks for them. Both nodes have to be the target of the same queues.
    ///
    /// # Errors
    /// They are not; the server's.
    pub(super) async fn find(
        takeover: &Takeover<'_>,
        old: &NodeInfo,
        new: &NodeInfo,
    ) -> anyhow::Result<Merging> {
        if old.target_for != new.target_for {
            bail!(UsageError(format!(
                "Inconsistent targets: old-node={} new-node={}; create the missing merge leaves first",
                list(&old.target_for),
                list(&new.target_for)
            )));
        }
        let mut merging = Merging { workers: Vec::new(), running: Vec::new() };
        if old.target_for.is_empty() {
            return Ok(merging);
        }
        let session = takeover.set.connect(takeover.job, &takeover.old).await?;
        let session = session.context("the old node is alive")?;
        for queue in &old.target_for {
            let leaf = pgq_node::get_node_info(&*session, queue).await?;
            let Some(consumer) = leaf.worker_name else {
                bail!("queue {queue} has no worker on node {}", takeover.old);
            };
            if leaf.worker_paused != Some(true) {
                merging.running.push(merging.workers.len());
            }
            let node = takeover.old.clone();
            merging.workers.push(Worker { queue: queue.clone(), node, consumer });
        }
        Ok(merging)
    }

    /// Pauses them, and waits until the new root has all that they merged. Needs the queue to go on meanwhile.
    pub(super) async fn pause(&self, takeover: &Takeover<'_>) -> anyhow::Result<()> {
        if self.workers.is_empty() {
            return Ok(());
        }
        let (job, set) = (takeover.job, &takeover.set);
        tracing::info!("{}: pausing merge workers", takeover.old);
        for worker in &self.workers {
            cascade::set_paused(job, set, worker, true).await?;
        }
        let old = set.connect(job, &takeover.old).await?.context("the old node is alive")?;
        let new = job.local("db").await?;
        tracing::info!("{}: waiting for merge position to catch up", takeover.new);
        for worker in &self.workers {
            let queue = &worker.queue;
            let there = pgq_node::get_node_info(&*old, queue).await?.worker_last_tick;
            let mut patience = Patience::start();
            loop {
                let here = pgq_node::get_node_info(&*new, queue).await?.worker_last_tick;
                if here >= there {
                    break;
                }
                if patience.is_over() {
                    let text = |tick: Option<TickId>| tick.unwrap_or(TickId(0));
                    tracing::warn!(
                        "Queue {queue} is merged up to tick {} on '{}' and up to {} on '{}': the worker of {} seems not to run",
                        text(there),
                        takeover.old,
                        text(here),
                        takeover.new,
                        takeover.new
                    );
                }
                job.sleep(POLL).await?;
            }
        }
        Ok(())
    }

    /// Lets those go on that were not paused before, without waiting for their word: when the takeover failed.
    pub(super) async fn undo(&self, takeover: &Takeover<'_>) -> anyhow::Result<()> {
        for &at in &self.running {
            takeover.release(&self.workers[at]).await?;
        }
        Ok(())
    }

    /// All of them; they are in the old root's database.
    pub(super) fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.workers.iter()
    }

    /// Waits for the word of all, who are tagged as resumed already.
    pub(super) async fn await_resumed(&self, takeover: &Takeover<'_>) -> anyhow::Result<()> {
        if self.workers.is_empty() {
            return Ok(());
        }
        for worker in &self.workers {
            cascade::await_word(takeover.job, &takeover.set, worker, false).await?;
        }
        tracing::info!("{}: merge workers resumed", takeover.old);
        Ok(())
    }
}

fn list(queues: &[QueueName]) -> String {
    let all: Vec<&str> = queues.iter().map(QueueName::as_str).collect();
    format!("[{}]", all.join(", "))
}
