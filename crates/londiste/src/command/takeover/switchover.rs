//! The planned change of the root: the old one stops taking writes, the new one gets the last of them, and then they change
//! places.

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq_node::{self, NodeInfo, NodeType};
use pgq_client::calls::{pgq, statement};
use pgq_client::conn::Session;
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, QueueName};

use super::Takeover;
use super::branch::move_children;
use super::gaps::Gaps;
use super::merging::Merging;
use super::promotion::CommitUnknown;
use crate::calls;
use crate::command::cascade::{self, Worker, await_newest_tick, first_line};
use crate::command::survey::Survey;
use crate::job::UsageError;

/// Makes the local node the root in place of the old one, which becomes a branch.
pub(super) async fn run(takeover: &Takeover<'_>, old: &NodeInfo) -> anyhow::Result<()> {
    let Takeover { job, set, old: old_name, new, all, .. } = takeover;
    let queue = &job.settings.queue;
    let old_db = set.connect(job, old_name).await?.context("the old node is alive")?;
    let merging = Merging::find(takeover, old, &set.info).await?;
    let old_worker = takeover.worker(old_name, old)?;
    let own_worker = takeover.own_worker()?;
    let changing = Changing { takeover, old_db, old_worker, own_worker, merging };
    if set.node_type()? == NodeType::Root {
        return changing.finish_interrupted().await;
    }
    if !cascade::is_fed_by(job, set, new, old_name).await? {
        bail!(UsageError(format!(
            "Node {new} does not get its events from {old_name}: change-provider it first"
        )));
    }
    check_tables(takeover, &changing.old_db).await?;
    let survey = if *all { Some(Survey::of_all(job, set).await?) } else { None };

    if set.info.worker_paused == Some(true) {
        tracing::info!("new node seems paused, resuming");
        cascade::set_paused(job, set, &changing.own_worker, false).await?;
    }
    // While the new node catches up with the bulk of it, users can still write.
    let here = job.local("db").await?;
    if let Some((tick, _)) = pgq::newest_tick(&*changing.old_db, queue, TickId(0)).await? {
        await_newest_tick(job, &here, queue, new, tick).await?;
    }
    let mut provider = set.info.provider_node.as_ref().unwrap_or(old_name);
    if let Some(survey) = survey {
        // Whoever is between the two would read from the new node while that still reads from him.
        if provider != old_name {
            cascade::change_provider(job, set, &changing.own_worker, old_name).await?;
            provider = old_name;
        }
        move_children(takeover, &survey).await?;
    }
    match changing.change_places(&here).await {
        Ok(()) => {}
        Err(error) => {
            changing.undo(old, error.is::<CommitUnknown>()).await;
            return Err(error);
        }
    }
    takeover.leave_provider(provider).await;
    changing.finish().await
}

pub(super) struct Changing<'a> {
    pub(super) takeover: &'a Takeover<'a>,
    pub(super) old_db: Session,
    pub(super) old_worker: Worker,
    pub(super) own_worker: Worker,
    pub(super) merging: Merging,
}

impl Changing<'_> {
    /// Everything up to the moment in which there is a new root. Until then it can be undone.
    async fn change_places(&self, here: &Session) -> anyhow::Result<()> {
        let Takeover { job, set, old, .. } = self.takeover;
        self.merging.pause(self.takeover).await?;
        cascade::set_paused(job, set, &self.old_worker, true).await?;
        self.demote(1).await?;
        let last = self.hand_on_everything(here).await?;
        self.takeover.promote(&[(old, self.old_worker.consumer.clone())], last).await
    }

    /// The place of the old root as a branch, and everybody goes on.
    async fn finish(&self) -> anyhow::Result<()> {
        let Takeover { job, set, old, new, .. } = self.takeover;
        let demoted = async {
            cascade::set_paused(job, set, &self.own_worker, false).await?;
            self.become_branch().await
        };
        demoted.await.inspect_err(|_| {
            tracing::warn!(
                "Node {new} is the root now, but {old} is not its branch yet: run 'takeover {old}' again"
            );
        })?;
        // What is left is to wait for their word.
        cascade::await_word(job, set, &self.old_worker, false).await?;
        self.merging.await_resumed(self.takeover).await
    }

    /// For a takeover that was broken off when there was a new root already.
    async fn finish_interrupted(&self) -> anyhow::Result<()> {
        let Takeover { job, set, old, new, .. } = self.takeover;
        let queue = &job.settings.queue;
        let here = job.local("db").await?;
        let subscribed =
            pgq_node::get_subscriber_info(&*here, queue).await?.iter().any(|subscriber| {
                subscriber.node == *old && subscriber.worker == self.old_worker.consumer
            });
        let closed = pgq::is_closed(&*self.old_db, queue).await? == Some(true);
        if !subscribed || !closed {
            bail!(UsageError(format!(
                "Nodes {old} and {new} are both roots: if {new} took over while {old} was dead, run 'resurrect' on {old}"
            )));
        }
        tracing::info!("{new} is the root already, finishing");
        let survey = Survey::take(job, set).await;
        self.takeover.leave_former_providers(&survey).await?;
        self.finish().await
    }

    /// Puts the old root back into its place, as far as that is possible, and says what is left to do.
    /// With `unknown` there may be a new root, or be one in a moment, whatever its database says now: two nodes that take writes
    /// would be worse than none.
    async fn undo(&self, old: &NodeInfo, unknown: bool) {
        let Takeover { job, old: old_name, new, .. } = self.takeover;
        let queue = &job.settings.queue;
        match self.takeover.is_root().await {
            Ok(false) if !unknown => {}
            Ok(_) | Err(_) => {
                tracing::warn!(
                    "The takeover was broken off when node {new} was made the root or right before it, and {old_name} takes no \
                     writes: run 'takeover {old_name}' on {new} again, it goes on where it stopped; 'node-info' there says \
                     whether {new} is the root"
                );
                return;
            }
        }
        tracing::warn!("The takeover failed, node {old_name} stays the root");
        let undone = async {
            pgq::open_queue(&*self.old_db, queue).await?;
            if old.worker_paused != Some(true) {
                self.takeover.release(&self.old_worker).await?;
            }
            self.takeover.release(&self.own_worker).await?;
            self.merging.undo(self.takeover).await
        };
        if let Err(error) = undone.await {
            tracing::error!("{}", first_line(&error));
            tracing::error!("{}", by_hand(old_name.as_str(), queue, &self.old_worker.consumer));
        }
    }
}

/// What is left to do for an operator when the undoing failed as well.
fn by_hand(old: &str, queue: &QueueName, worker: &ConsumerName) -> String {
    let undo = |text: &str, args: &[statement::Arg<'_>]| statement::render(text, args);
    let (queue, worker) =
        (statement::Arg::Text(queue.as_str()), statement::Arg::Text(worker.as_str()));
    format!(
        "Node {old} may refuse writes. Repeat the takeover, or run in the database of {old}: {}; {}",
        undo(
            "update pgq.queue set queue_disable_insert = false, queue_external_ticker = false where queue_name = $1",
            &[queue],
        ),
        undo("select * from pgq_node.set_consumer_paused($1, $2, false)", &[queue, worker]),
    )
}

/// The new root has to have all rows of its tables, and it should have all tables, also those of the queues that are merged here.
async fn check_tables(takeover: &Takeover<'_>, old_db: &Session) -> anyhow::Result<()> {
    let Takeover { job, old, new, set, .. } = takeover;
    for queue in std::iter::once(&job.settings.queue).chain(&set.info.target_for) {
        let here = calls::get_table_list(&*set.db, queue).await?;
        let there = calls::get_table_list(&**old_db, queue).await?;
        let gaps = Gaps::between(&here, &there);
        if !gaps.unfinished.is_empty() {
            bail!(UsageError(format!(
                "Tables of node {new} are not in sync yet in queue {queue}: {}; run 'wait-sync' first, or remove them there, or \
                 do it when {old} is dead",
                gaps.unfinished_text()
            )));
        }
        gaps.warn_of_missing(new, queue);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_to_do_can_be_pasted() {
        let text = by_hand("n1", &QueueName::new("q'x"), &ConsumerName::new("w"));
        assert!(text.contains(
            "update pgq.queue set queue_disable_insert = false, queue_external_ticker = false where queue_name = 'q''x'; \
             select * from pgq_node.set_consumer_paused('q''x', 'w', false)"
        ), "{text}");
    }
}
