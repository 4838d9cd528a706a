//! Where a dead node's successor remembers how far it followed: the consumer `NODE.gravestone` on the new root.

use anyhow::bail;
use pgq_client::calls::pgq;
use pgq_client::calls::pgq_node::{self, NodeType};
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, NodeName};

use crate::command::cascade::first_line;
use crate::command::set::{LocalSet, Member};
use crate::job::{Job, UsageError};

/// The new root, and the last tick of the old one that it has.
#[derive(Debug, Clone)]
pub(super) struct Gravestone {
    pub(super) root: NodeName,
    /// Where the stone is. Another node may have become the root since.
    pub(super) node: NodeName,
    pub(super) tick: TickId,
}

/// Looks on the node's own subscribers first, then on everybody else. A resurrection that was broken off when the stone was no stone
/// any more finds its place again.
pub(super) async fn find(
    job: &Job,
    set: &LocalSet,
    local: &NodeName,
) -> anyhow::Result<Gravestone> {
    let queue = &job.settings.queue;
    let consumer = ConsumerName::new(format!("{local}.gravestone"));
    let subscribers = pgq_node::get_subscriber_info(&*set.db, queue).await?;
    let mut candidates: Vec<NodeName> =
        subscribers.into_iter().map(|subscriber| subscriber.node).collect();
    candidates.extend(set.members.keys().cloned());
    let mut seen: Vec<NodeName> = vec![local.clone()];
    let (mut stone, mut root): (Option<(NodeName, TickId)>, Option<NodeName>) = (None, None);
    for node in candidates {
        if stone.is_some() && root.is_some() {
            break;
        }
        if seen.contains(&node) {
            continue;
        }
        seen.push(node.clone());
        if set.members.get(&node) == Some(&Member::Dead) {
            tracing::info!("Node {node} is dead, skipping");
            continue;
        }
        tracing::info!("Looking on node {node}");
        let (found, is_root) = match look(job, set, &node, &consumer).await {
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!("failed to check node {node}: {}", first_line(&error));
                continue;
            }
        };
        if let Some(tick) = found {
            tracing::info!("Found gravestone on node: {node}");
            if let Some((other, _)) = &stone {
                bail!(
                    "Unexpected situation: there are two gravestones - on nodes {other} and {node}"
                );
            }
            stone = Some((node.clone(), tick));
        }
        if is_root {
            tracing::info!("Found new root node: {node}");
            root = Some(node);
        }
    }
    let Some(root) = root else { bail!(UsageError("Cannot find new root node".to_owned())) };
    if let Some((node, tick)) = stone {
        return Ok(Gravestone { root, node, tick });
    }
    if let Some(tick) = renamed(job, set, local, &root).await? {
        tracing::info!("Node {root} has {local} as its subscriber already, finishing");
        return Ok(Gravestone { node: root.clone(), root, tick });
    }
    bail!(UsageError(format!("Cannot find failover position ({consumer})")))
}

/// Where a resurrection that was broken off at its end has put the gravestone: the subscription of the node's worker, at its own
/// position. `None` when the node has done anything since, or somebody reads from it: the steps must not be repeated then.
async fn renamed(
    job: &Job,
    set: &LocalSet,
    local: &NodeName,
    root: &NodeName,
) -> anyhow::Result<Option<TickId>> {
    let (queue, info) = (&job.settings.queue, &set.info);
    let stands = info.node_type == Some(NodeType::Branch) && info.worker_paused == Some(true);
    if !stands || info.provider_node.as_ref() != Some(root) {
        return Ok(None);
    }
    let consumers = pgq::get_consumer_info(&*set.db, queue).await?;
    let is_read = consumers.iter().any(|info| !info.consumer.as_str().starts_with('.'));
    if is_read || !pgq_node::get_subscriber_info(&*set.db, queue).await?.is_empty() {
        return Ok(None);
    }
    let (Some(worker), Some(there)) = (&info.worker_name, set.connect(job, root).await?) else {
        return Ok(None);
    };
    let subscribers = pgq_node::get_subscriber_info(&*there, queue).await?;
    if !subscribers.iter().any(|found| found.node == *local && found.worker == *worker) {
        return Ok(None);
    }
    let consumers = pgq::get_consumer_info(&*there, queue).await?;
    let position = consumers.iter().find(|info| info.consumer == *worker);
    Ok(position.and_then(|info| info.last_tick).filter(|tick| info.worker_last_tick == Some(*tick)))
}

async fn look(
    job: &Job,
    set: &LocalSet,
    node: &NodeName,
    gravestone: &ConsumerName,
) -> anyhow::Result<(Option<TickId>, bool)> {
    let Some(session) = set.connect(job, node).await? else { return Ok((None, false)) };
    let queue = &job.settings.queue;
    let info = pgq_node::get_node_info(&*session, queue).await?;
    // A leaf has no queue that one could ask for its consumers.
    if info.node_type == Some(NodeType::Leaf) || info.node_type.is_none() {
        return Ok((None, false));
    }
    let consumers = pgq::get_consumer_info(&*session, queue).await?;
    let stone = consumers.iter().find(|info| info.consumer == *gravestone);
    Ok((stone.and_then(|info| info.last_tick), info.node_type == Some(NodeType::Root)))
}
