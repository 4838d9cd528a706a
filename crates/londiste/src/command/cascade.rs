//! What several commands do to a node's consumer: find it, pause it, give it another provider (contract `cli.md` 5.4,
//! 5.5 and 5.7).

use std::time::Duration;

use anyhow::bail;
use pgq_client::calls::pgq_node::{self, NodeInfo};
use pgq_client::name::{ConsumerName, NodeName};

use super::Run;
use super::set::{LocalSet, Member};
use crate::job::{self, Job};

/// How often a worker's answer is looked at.
const POLL: Duration = Duration::from_millis(200);

/// A consumer and the node whose database it writes to.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) node: NodeName,
    pub(crate) consumer: ConsumerName,
}

/// This job's consumer: on the local node, else on any other.
pub(crate) async fn find(run: &Run, set: &LocalSet) -> anyhow::Result<Worker> {
    let consumer = ConsumerName::new(run.job.settings.job_name.as_str());
    let local = set.name()?.clone();
    let others = set.members.keys().filter(|node| **node != local).cloned();
    let queue = &run.job.settings.queue;
    for node in std::iter::once(local.clone()).chain(others) {
        let Some(session) = set.connect(&run.job, &node).await? else { continue };
        let consumers = pgq_node::get_consumer_info(&*session, queue).await?;
        if consumers.iter().any(|found| found.consumer == consumer) {
            return Ok(Worker { node, consumer });
        }
    }
    bail!("Consumer not found")
}

/// Tags a consumer as paused or not, and waits until it says that it has noticed.
pub(crate) async fn set_paused(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    paused: bool,
) -> anyhow::Result<()> {
    let Worker { node, consumer } = worker;
    let queue = &job.settings.queue;
    let sql =
        format!("select * from pgq_node.set_consumer_paused('{queue}', '{consumer}', {paused})");
    set.command_on(job, node, &sql, async |db| {
        pgq_node::set_consumer_paused(db, queue, consumer, paused).await
    })
    .await?;
    let Some(session) = set.connect(job, node).await? else { return Ok(()) };
    tracing::info!("Waiting for worker to accept");
    loop {
        let state = pgq_node::get_consumer_state(&*session, queue, consumer).await?;
        job::checked_quiet(&state.reply, Some(node.as_str()))?;
        if state.paused != paused {
            let word = |flag: bool| if flag { "True" } else { "False" };
            bail!("operation canceled? {} <> {}", word(state.paused), word(paused));
        }
        if state.uptodate {
            let word = if paused { "paused" } else { "resumed" };
            tracing::info!("Consumer '{consumer}' on node '{node}' {word}");
            return Ok(());
        }
        job.sleep(POLL).await?;
    }
}

/// Lets a consumer read from another node.
///
/// Departures from the original: the new provider is reached and known to hold the consumer's tick before the consumer
/// is paused, and a consumer that was paused by this is resumed when a later step fails.
pub(crate) async fn change_provider(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    new: &NodeName,
) -> anyhow::Result<()> {
    let Worker { node, consumer } = worker;
    if node == new {
        bail!(job::UsageError("cannot subscribe to itself".to_owned()));
    }
    let queue = &job.settings.queue;
    let Some(session) = set.connect(job, node).await? else {
        bail!(job::UsageError(format!("Node {node} is dead")));
    };
    let old = pgq_node::get_consumer_state(&*session, queue, consumer).await?;
    job::checked_quiet(&old.reply, Some(node.as_str()))?;
    if old.provider_node.as_ref() == Some(new) {
        tracing::info!("Consumer '{consumer}' at node '{node}' has already '{new}' as provider");
        return Ok(());
    }
    let info = pgq_node::get_node_info(&*session, queue).await?;
    check_new_provider(job, set, new).await?;
    set_paused(job, set, worker, true).await?;
    let moved = move_subscription(job, set, worker, &info, new).await;
    if moved.is_err() && !old.paused {
        tracing::warn!("Changing the provider failed, resuming the worker");
    }
    if moved.is_ok() || !old.paused {
        let resumed = set_paused(job, set, worker, false).await;
        moved?;
        resumed?;
    } else {
        moved?;
    }
    if let Some(old) = old.provider_node {
        unregister(job, set, worker, &info, &old).await;
    }
    Ok(())
}

async fn check_new_provider(job: &Job, set: &LocalSet, new: &NodeName) -> anyhow::Result<()> {
    match set.info_of(job, new).await? {
        None => bail!(job::UsageError(format!("Node {new} is dead"))),
        Some(info) if info.node_type == Some(pgq_node::NodeType::Leaf) => {
            bail!(job::UsageError(format!("Node {new} is a leaf and cannot be a provider")))
        }
        Some(_) => Ok(()),
    }
}

/// Steps 3 to 6: subscribe at the new provider where the consumer stands, then let it read there.
async fn move_subscription(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    info: &NodeInfo,
    new: &NodeName,
) -> anyhow::Result<()> {
    let Worker { node, consumer } = worker;
    let queue = &job.settings.queue;
    let is_worker = info.worker_name.as_ref() == Some(consumer);
    let Some(session) = set.connect(job, node).await? else {
        bail!(job::UsageError(format!("Node {node} is dead")));
    };
    // Read again: it stands still only since it is paused.
    let consumers = pgq_node::get_consumer_info(&*session, queue).await?;
    let Some(position) = consumers.iter().find(|found| found.consumer == *consumer) else {
        bail!("Consumer not found");
    };
    let tick = position.last_tick;
    let Some(Member::Alive(location)) = set.members.get(node) else {
        bail!(job::UsageError(format!("the location of node {node} is not known")));
    };
    let sql = format!("select * from pgq_node.register_location('{queue}', '{node}', ...)");
    set.command_on(job, new, &sql, async |db| {
        pgq_node::register_location(db, queue, node, Some(location), false).await
    })
    .await?;
    if is_worker {
        let sql = format!("select * from pgq_node.register_subscriber('{queue}', '{node}', ...)");
        set.command_on(job, new, &sql, async |db| {
            let (reply, _) =
                pgq_node::register_subscriber(db, queue, node, consumer, Some(tick)).await?;
            Ok(reply)
        })
        .await?;
    } else if let Some(session) = set.connect(job, new).await? {
        pgq_client::calls::pgq::register_consumer_at(&*session, queue, consumer, tick).await?;
    }
    let sql = format!(
        "select * from pgq_node.change_consumer_provider('{queue}', '{consumer}', '{new}')"
    );
    set.command_on(job, node, &sql, async |db| {
        pgq_node::change_consumer_provider(db, queue, consumer, new).await
    })
    .await?;
    Ok(())
}

/// The old provider need not be there any more: what fails is only told.
async fn unregister(job: &Job, set: &LocalSet, worker: &Worker, info: &NodeInfo, old: &NodeName) {
    let Worker { node, consumer } = worker;
    let queue = &job.settings.queue;
    let is_worker = info.worker_name.as_ref() == Some(consumer);
    let done = async {
        if is_worker {
            let sql = format!("select * from pgq_node.unregister_subscriber('{queue}', '{node}')");
            set.command_on(job, old, &sql, async |db| {
                pgq_node::unregister_subscriber(db, queue, node).await
            })
            .await?;
        } else if let Some(session) = set.connect(job, old).await? {
            pgq_client::calls::pgq::unregister_consumer(&*session, queue, consumer).await?;
        }
        anyhow::Ok(())
    };
    if let Err(error) = done.await {
        tracing::warn!("failed to unregister from old provider ({old}): {error}");
    }
}
