//! The old root's part in a planned change: it stops taking writes, comes to an end that the new root has, and gets the place of a
//! branch.
//!
//! With the original's schemas its end is not one: whoever looked whether the queue takes events or ticks before it was closed may
//! write behind the last tick. Before there is a new root such a tick or event is handed on with another last tick; what comes later
//! nobody else can get any more, and it is told. Our schemas let nothing through.

use std::time::Duration;

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq;
use pgq_client::calls::pgq_node;
use pgq_client::conn::Session;
use pgq_client::id::TickId;

use super::Takeover;
use super::switchover::Changing;
use crate::command::cascade::{self, Patience, Worker, await_newest_tick};
use crate::job::{self, Interrupted, UsageError};

/// How often somebody looks whether a long statement is still waited for.
const LOOK: Duration = Duration::from_millis(200);

/// So many last ticks are made at most. Each takes what was late for the one before.
const LAST_TICKS: usize = 5;

impl Changing<'_> {
    /// Ends the old root's queue with a tick, and lets the new root stand still there. Nothing is behind that tick.
    pub(super) async fn hand_on_everything(&self, here: &Session) -> anyhow::Result<TickId> {
        let Takeover { job, set, old, new, .. } = self.takeover;
        let queue = &job.settings.queue;
        for _ in 0..LAST_TICKS {
            let last = self.last_tick().await?;
            self.await_writers().await?;
            let newest = pgq::newest_tick(&**here, queue, last).await?;
            if newest.is_some_and(|(newest, _)| newest >= last) {
                tracing::info!("tick already exists");
            } else {
                await_newest_tick(job, here, queue, new, last).await?;
            }
            cascade::set_paused(job, set, &self.own_worker, true).await?;
            let newest = pgq::newest_tick(&*self.old_db, queue, last).await?;
            let is_last = newest.is_some_and(|(newest, _)| newest == last);
            if is_last && pgq::events_behind(&*self.old_db, queue, last).await?.is_empty() {
                return Ok(last);
            }
            tracing::info!(
                "[{old}] Events or a tick came behind tick {last}, making another last tick"
            );
            cascade::set_paused(job, set, &self.own_worker, false).await?;
        }
        bail!(UsageError(format!(
            "Node {old} does not come to an end: something makes ticks or events of queue {queue} there, although it is closed"
        )));
    }

    /// A step of the demotion that has nothing to say but that it is done.
    pub(super) async fn demote(&self, step: i32) -> anyhow::Result<()> {
        let Takeover { job, set, old, new, .. } = self.takeover;
        let queue = &job.settings.queue;
        let sql = format!("select * from pgq_node.demote_root('{queue}', {step}, '{new}')");
        set.command_on(job, old, &sql, async |db| {
            let (reply, _) = pgq_node::demote_root(db, queue, step, new).await?;
            Ok(reply)
        })
        .await?;
        Ok(())
    }

    /// Step 2: the tick behind everything that was written. It waits for transactions that are writing.
    async fn last_tick(&self) -> anyhow::Result<TickId> {
        let Takeover { job, set, old, new, .. } = self.takeover;
        let queue = &job.settings.queue;
        let mut session = set.connect(job, old).await?.context("the old node is alive")?;
        let canceller = session.canceller();
        let mut last = None;
        let demoted = job::commit_checked(&mut session, Some(old), async |db| {
            let (reply, tick) = pgq_node::demote_root(db, queue, 2, new).await?;
            last = tick;
            Ok(reply)
        });
        let waiting = async {
            let mut patience = Patience::start();
            while job.sleep(LOOK).await.is_ok() {
                if patience.is_over() {
                    tracing::warn!(
                        "Transactions that write on node '{old}' are still open; the last tick waits for them"
                    );
                }
            }
        };
        tokio::select! {
            demoted = demoted => demoted?,
            () = waiting => {
                // Left alone it would go on waiting in front of everybody who wants to write.
                canceller.cancel().await?;
                return Err(Interrupted.into());
            }
        };
        last.context("demote_root gave no tick")
    }

    /// Waits for transactions that waited while the last tick was made, and are writing now: what they write has to be seen.
    async fn await_writers(&self) -> anyhow::Result<()> {
        let Takeover { job, old, .. } = self.takeover;
        let queue = &job.settings.queue;
        let mut late = pgq::writers(&*self.old_db, queue).await?;
        let mut patience = Patience::start();
        while !late.is_empty() {
            if patience.is_over() {
                tracing::warn!(
                    "Transactions that write on node '{old}' are still open; waiting for them"
                );
            }
            job.sleep(LOOK).await?;
            let now = pgq::writers(&*self.old_db, queue).await?;
            late.retain(|writer| now.contains(writer));
        }
        Ok(())
    }

    /// The last step of the demotion, and nobody stays paused: all at once, because the old root is one of many branches
    /// afterwards, and nothing shows that a takeover was not through.
    ///
    /// The demotion puts it at its newest tick. If that was made behind the last one, the new root does not have it, and the old
    /// one has to go on where the new one knows it to be.
    pub(super) async fn become_branch(&self) -> anyhow::Result<()> {
        let Takeover { job, set, old, new, .. } = self.takeover;
        let queue = &job.settings.queue;
        let on = Some(old.as_str());
        let position = self.registered_position().await?;
        let mut session = set.connect(job, old).await?.context("the old node is alive")?;
        let db = job::begin(&mut session).await?;
        let (reply, tick) = pgq_node::demote_root(&db, queue, 3, new).await?;
        job::checked(&reply, on)?;
        if tick != Some(position) {
            let newest = tick.unwrap_or(TickId(0));
            if newest < position {
                bail!(
                    "node {old} does not have tick {position}, at which it is registered on {new}; its newest is {newest}"
                );
            }
            tracing::info!("[{old}] Has tick {newest} of its own, goes on from {position}");
            let consumer = &self.old_worker.consumer;
            let reply = pgq_node::set_consumer_completed(&db, queue, consumer, position).await?;
            job::checked_quiet(&reply, on)?;
        }
        let late = pgq::events_behind(&db, queue, position).await?;
        for worker in std::iter::once(&self.old_worker).chain(self.merging.workers()) {
            let Worker { queue, consumer, .. } = worker;
            let reply = pgq_node::set_consumer_paused(&db, queue, consumer, false).await?;
            job::checked(&reply, on)?;
        }
        job::commit(db).await?;
        for (table, events) in late {
            tracing::warn!(
                "Node {old} and those who read from it have {events} events of {} that {new} does not get, written when it was about \
                 to be the root: note what they changed, 'resync' that table there, and do it again on {new}",
                table.as_deref().unwrap_or("no table")
            );
        }
        Ok(())
    }

    /// Where the new root has its subscriber, the old one.
    async fn registered_position(&self) -> anyhow::Result<TickId> {
        let Takeover { job, old, new, .. } = self.takeover;
        let here = job.local("db").await?;
        let consumers = pgq::get_consumer_info(&*here, &job.settings.queue).await?;
        let consumer = consumers.iter().find(|info| info.consumer == self.old_worker.consumer);
        consumer
            .and_then(|info| info.last_tick)
            .with_context(|| format!("node {old} is not registered on {new}"))
    }
}
