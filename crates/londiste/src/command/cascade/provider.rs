//! Lets a consumer read from another node (contract `cli.md` 5.7).
//!
//! Departures from the original: the new provider is reached and known to be able to serve before the consumer is paused; one
//! that is behind the consumer is waited for; a consumer that was paused by this is resumed when a later step fails; and what
//! an earlier attempt left at the new provider is in nobody's way.

use std::collections::HashSet;

use anyhow::bail;
use pgq_client::calls::pgq_node::{self, NodeInfo};
use pgq_client::calls::{Severity, pgq};
use pgq_client::conn::Session;
use pgq_client::id::TickId;
use pgq_client::name::{NodeName, QueueName};

use super::{POLL, Patience, Worker, set_paused, tag_paused};
use crate::command::set::{LocalSet, Member};
use crate::job::{self, Job, UsageError};

/// Lets a consumer read from another node.
pub(crate) async fn change_provider(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    new: &NodeName,
) -> anyhow::Result<()> {
    let Worker { queue, node, consumer } = worker;
    if node == new {
        bail!(UsageError("cannot subscribe to itself".to_owned()));
    }
    let Some(session) = set.connect(job, node).await? else {
        bail!(UsageError(format!("Node {node} is dead")));
    };
    let old = pgq_node::get_consumer_state(&*session, queue, consumer).await?;
    job::checked_quiet(&old.reply, Some(node.as_str()))?;
    if old.provider_node.as_ref() == Some(new) {
        tracing::info!("Consumer '{consumer}' at node '{node}' has already '{new}' as provider");
        return Ok(());
    }
    let info = pgq_node::get_node_info(&*session, queue).await?;
    check_new_provider(job, set, new).await?;
    let moved = async {
        set_paused(job, set, worker, true).await?;
        move_subscription(job, set, worker, &info, new).await
    };
    if let Err(error) = moved.await {
        if !old.paused {
            tracing::warn!("Changing the provider failed, resuming the worker");
            // Without waiting for it: the operator may want to leave, and a worker that runs will notice.
            tag_paused(job, set, worker, false).await?;
        }
        return Err(error);
    }
    set_paused(job, set, worker, false).await?;
    if let Some(old) = old.provider_node {
        unregister(job, set, worker, &info, &old).await;
    }
    Ok(())
}

async fn check_new_provider(job: &Job, set: &LocalSet, new: &NodeName) -> anyhow::Result<()> {
    match set.info_of(job, new).await? {
        None => bail!(UsageError(format!("Node {new} is dead"))),
        Some(info) if info.node_type == Some(pgq_node::NodeType::Leaf) => {
            bail!(UsageError(format!("Node {new} is a leaf and cannot be a provider")))
        }
        Some(_) => Ok(()),
    }
}

/// Whether a node gets its events, directly or through others, from `source`: then `source` cannot get them from it. Ends at
/// a node that is dead or says nothing.
pub(crate) async fn is_fed_by(
    job: &Job,
    set: &LocalSet,
    node: &NodeName,
    source: &NodeName,
) -> anyhow::Result<bool> {
    let mut seen = HashSet::new();
    let mut at = node.clone();
    while seen.insert(at.clone()) {
        let Some(info) = set.info_of(job, &at).await? else { return Ok(false) };
        match info.provider_node {
            Some(provider) if provider == *source => return Ok(true),
            Some(provider) if provider != at => at = provider,
            _ => return Ok(false),
        }
    }
    Ok(false)
}

/// After the old provider's place was taken, its ticks and those of its successor have the same numbers and mean different
/// things. A consumer that followed the old one further than the successor did has changes that nobody else has: it would be
/// given a place in the new order of events where it misses some, and nobody would notice.
async fn refuse_if_beyond_gravestone(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    old: &NodeName,
    new: &NodeName,
    position: TickId,
) -> anyhow::Result<()> {
    let gravestone = format!("{old}.gravestone");
    let mut seen = HashSet::new();
    let mut at = new.clone();
    while seen.insert(at.clone()) {
        let Some(session) = set.connect(job, &at).await? else { return Ok(()) };
        let consumers = pgq::get_consumer_info(&*session, &worker.queue).await?;
        let stone = consumers.iter().find(|info| info.consumer.as_str() == gravestone);
        if let Some(tick) = stone.and_then(|info| info.last_tick).filter(|tick| *tick < position) {
            bail!(UsageError(format!(
                "Node {} has more of {old} (tick {position}) than {at} had when it took over (tick {tick}), and cannot follow: \
                 drop it and create it anew",
                worker.node
            )));
        }
        let info = pgq_node::get_node_info(&*session, &worker.queue).await?;
        match info.provider_node {
            Some(provider) if set.members.contains_key(&provider) => at = provider,
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Waits until the queue on a node has this tick or a later one.
pub(crate) async fn await_newest_tick(
    job: &Job,
    session: &Session,
    queue: &QueueName,
    node: &NodeName,
    tick: TickId,
) -> anyhow::Result<()> {
    let mut patience = Patience::start();
    loop {
        let newest = pgq::newest_tick(&**session, queue, tick).await?.map(|(newest, _)| newest);
        if newest.is_some_and(|newest| newest >= tick) {
            return Ok(());
        }
        if patience.is_over() {
            tracing::warn!(
                "Node '{node}' is at tick {}, waiting until it has tick {tick}: its worker, or one between it and the \
                 root, seems not to run",
                newest.unwrap_or(TickId(0))
            );
        }
        job.sleep(POLL).await?;
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
    let Worker { queue, node, consumer } = worker;
    let is_worker = info.worker_name.as_ref() == Some(consumer);
    let Some(session) = set.connect(job, node).await? else {
        bail!(UsageError(format!("Node {node} is dead")));
    };
    // Read again: it stands still only since it is paused.
    let consumers = pgq_node::get_consumer_info(&*session, queue).await?;
    let Some(position) = consumers.iter().find(|found| found.consumer == *consumer) else {
        bail!("Consumer not found");
    };
    let tick = position.last_tick;
    let Some(Member::Alive(location)) = set.members.get(node) else {
        bail!(UsageError(format!("the location of node {node} is not known")));
    };
    refuse_if_beyond_gravestone(job, set, worker, &position.provider_node, new, tick).await?;
    if let Some(provider) = set.connect(job, new).await? {
        await_newest_tick(job, &provider, queue, new, tick).await?;
    }
    let sql = format!("select * from pgq_node.register_location('{queue}', '{node}', ...)");
    set.command_on(job, new, &sql, async |db| {
        pgq_node::register_location(db, queue, node, Some(location), false).await
    })
    .await?;
    if is_worker {
        let sql = format!("select * from pgq_node.register_subscriber('{queue}', '{node}', ...)");
        set.command_on(job, new, &sql, async |db| {
            // What an attempt that was broken off left there stands at another tick.
            let subscribers = pgq_node::get_subscriber_info(db, queue).await?;
            if subscribers.iter().any(|subscriber| subscriber.node == *node) {
                let reply = pgq_node::unregister_subscriber(db, queue, node).await?;
                if reply.severity() == Severity::Failed {
                    return Ok(reply);
                }
            }
            let (reply, _) =
                pgq_node::register_subscriber(db, queue, node, consumer, Some(tick)).await?;
            Ok(reply)
        })
        .await?;
    } else if let Some(session) = set.connect(job, new).await? {
        pgq::register_consumer_at(&*session, queue, consumer, tick).await?;
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
    let Worker { queue, node, consumer } = worker;
    let is_worker = info.worker_name.as_ref() == Some(consumer);
    let done = async {
        if is_worker {
            let sql = format!("select * from pgq_node.unregister_subscriber('{queue}', '{node}')");
            set.command_on(job, old, &sql, async |db| {
                pgq_node::unregister_subscriber(db, queue, node).await
            })
            .await?;
        } else if let Some(session) = set.connect(job, old).await? {
            pgq::unregister_consumer(&*session, queue, consumer).await?;
        }
        anyhow::Ok(())
    };
    if let Err(error) = done.await {
        tracing::warn!("failed to unregister from old provider ({old}): {error}");
    }
}
