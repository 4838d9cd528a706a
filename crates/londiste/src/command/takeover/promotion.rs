//! The moment in which a branch becomes the root, and what belongs to it in both kinds of takeover.

use anyhow::bail;
use pgq_client::calls::pgq_node::{self, NodeType};
use pgq_client::calls::{Severity, pgq};
use pgq_client::conn::Session;
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, NodeName};
use tokio_postgres::GenericClient;

use super::Takeover;
use crate::command::cascade::{self, Worker};
use crate::command::survey::Survey;
use crate::crash_point::crash_point;
use crate::job;

/// The first tick of a new root has a number that is so much higher than the last of the old one. That may have made ticks that nobody
/// followed, or goes on making them where nobody can stop it: with the same number as one of the new root's it would be taken for
/// that, and whoever stands there would miss what the new root has before it. As it is, nobody can be given a place at such
/// a tick: no server makes as many in years.
const GAP: i64 = 1_000_000_000;

/// The connection was lost during the commit, which may have happened, or happen still.
#[derive(Debug, thiserror::Error)]
#[error("whether node {0} was made the root is not known, its database did not answer")]
pub(super) struct CommitUnknown(NodeName);

impl Takeover<'_> {
    /// Makes the local node the root, and others, the old root first of all, its subscribers from a tick on, in one transaction:
    /// either every node knows its place or none. The local worker has to be paused.
    pub(super) async fn promote(
        &self,
        subscribers: &[(&NodeName, ConsumerName)],
        tick: TickId,
    ) -> anyhow::Result<()> {
        let queue = &self.job.settings.queue;
        let on = Some(self.new.as_str());
        let mut session = self.job.local("db").await?;
        let db = job::begin(&mut session).await?;
        self.begin_new_ticks(&db).await?;
        let reply = pgq_node::promote_branch(&db, queue).await?;
        job::checked(&reply, on)?;
        if reply.severity() != Severity::Done {
            bail!("node {} was not made the root", self.new);
        }
        let known = pgq_node::get_subscriber_info(&db, queue).await?;
        for (node, worker) in subscribers {
            if known.iter().any(|subscriber| subscriber.node == **node) {
                // It read from here before and does not any more.
                let reply = pgq_node::unregister_subscriber(&db, queue, node).await?;
                job::checked_quiet(&reply, on)?;
            }
            let (reply, _) =
                pgq_node::register_subscriber(&db, queue, node, worker, Some(tick)).await?;
            job::checked(&reply, on)?;
        }
        job::commit(db).await.map_err(|error| {
            let lost = error.is_closed();
            let error = anyhow::Error::from(error);
            if lost { error.context(CommitUnknown(self.new.clone())) } else { error }
        })?;
        crash_point("takeover-promoted");
        Ok(())
    }

    /// The new root's first tick, without events. It is made as one of the old root's, because that raises the sequence without a right
    /// on it.
    async fn begin_new_ticks(&self, db: &impl GenericClient) -> anyhow::Result<()> {
        let queue = &self.job.settings.queue;
        let Some((newest, _)) = pgq::newest_tick(db, queue, TickId(0)).await? else {
            bail!("queue {queue} has no tick on node {}", self.new);
        };
        let events = pgq::event_seq(db, queue).await?.unwrap_or_default();
        Ok(pgq::external_tick(db, queue, TickId(newest.0 + GAP), "now", events).await?)
    }

    /// Whether the local node is the root, as its database says now: a commit whose answer is lost may have happened.
    pub(super) async fn is_root(&self) -> anyhow::Result<bool> {
        let session = self.job.local("db").await?;
        let info = pgq_node::get_node_info(&*session, &self.job.settings.queue).await?;
        Ok(info.node_type == Some(NodeType::Root))
    }

    /// Lets a consumer go on that is paused, without waiting for its word: after something failed.
    pub(super) async fn release(&self, worker: &Worker) -> anyhow::Result<()> {
        let Some(session) = self.set.connect(self.job, &worker.node).await? else { return Ok(()) };
        let state =
            pgq_node::get_consumer_state(&*session, &worker.queue, &worker.consumer).await?;
        if state.paused {
            cascade::tag_paused(self.job, &self.set, worker, false).await?;
        }
        Ok(())
    }

    /// Ends the subscription that the local node had as a branch. It is only told when that fails: the new root does not need
    /// it, it merely keeps events there.
    pub(super) async fn leave_provider(&self, provider: &NodeName) {
        let (queue, new) = (&self.job.settings.queue, &self.new);
        let sql = format!("select * from pgq_node.unregister_subscriber('{queue}', '{new}')");
        let left = self.set.command_on(self.job, provider, &sql, async |db| {
            pgq_node::unregister_subscriber(db, queue, new).await
        });
        if let Err(error) = left.await {
            tracing::warn!("failed to unregister from old provider ({provider}): {error}");
        }
    }

    /// Ends every subscription that is left of the local node's time as a branch, for a takeover that was broken off.
    pub(super) async fn leave_former_providers(&self, survey: &Survey) -> anyhow::Result<()> {
        for node in survey.nodes.keys().filter(|node| **node != self.new) {
            let Some(session) = self.set.connect(self.job, node).await? else { continue };
            let queue = &self.job.settings.queue;
            let subscribers = pgq_node::get_subscriber_info(&*session, queue).await?;
            if subscribers.iter().any(|subscriber| subscriber.node == self.new) {
                self.leave_provider(node).await;
            }
        }
        Ok(())
    }

    /// Makes the tick that a branch's worker did not get to: it commits a batch and then writes the batch's tick, and when it
    /// ends in between and the provider is gone, nobody makes it any more. The worker has to be paused.
    pub(super) async fn complete_tick(
        &self,
        session: &Session,
        node: &NodeName,
        position: TickId,
    ) -> anyhow::Result<()> {
        let queue = &self.job.settings.queue;
        let info = pgq_node::get_node_info(&**session, queue).await?;
        let newest = pgq::newest_tick(&**session, queue, position).await?.map(|(tick, _)| tick);
        let complete = newest.is_some_and(|newest| newest >= position);
        if info.node_type != Some(NodeType::Branch) || complete {
            return Ok(());
        }
        let events = pgq::event_seq(&**session, queue).await?.unwrap_or_default();
        pgq::external_tick(&**session, queue, position, "now", events).await?;
        tracing::info!("Node {node} has the events up to tick {position}, made the tick");
        Ok(())
    }
}
