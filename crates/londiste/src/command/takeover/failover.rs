//! The root is gone: the local node takes its place, with everything that reached anybody.

use anyhow::bail;
use pgq_client::calls::pgq;
use pgq_client::calls::pgq_node::{self, NodeInfo, NodeType};
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, NodeName};

use super::Takeover;
use super::dead_root::{check_source, warn_if_it_lives};
use super::gaps::Gaps;
use crate::calls;
use crate::command::cascade::{self, Worker, await_newest_tick, first_line};
use crate::command::survey::Survey;
use crate::command::tag_node;
use crate::job::{Interrupted, UsageError};

/// A node that was fed by the old root, or by another that is gone with it, standing still.
#[derive(Debug, Clone)]
struct Survivor {
    worker: Worker,
    node_type: Option<NodeType>,
    was_paused: bool,
    position: TickId,
}

/// Makes the local node the root. `location` is where the old one was.
pub(super) async fn run(takeover: &Takeover<'_>, location: Option<&str>) -> anyhow::Result<()> {
    let Takeover { job, set, old, new, .. } = takeover;
    let survey = Survey::of_all(job, set).await?;
    if let Some(root) = survey.root().filter(|root| *root != new) {
        bail!(UsageError(format!(
            "Nothing was changed: node {root} is the root, not {old}; two roots would go different ways"
        )));
    }
    let mut survivors: Vec<Survivor> = Vec::new();
    let is_root = survey.root() == Some(new);
    let feeder = if is_root { None } else { check_source(takeover, &survey).await? };
    // Also of other nodes that are gone: what their subscribers have of the old root counts, and they have to follow.
    for name in survey.orphans().iter().filter(|name| *name != new) {
        survivors.push(Survivor::of(takeover, name, &survey.nodes[name])?);
    }
    let own = Survivor::of(takeover, new, &survey.nodes[new])?;
    if !is_root {
        warn_of_merging(takeover, &survey);
        warn_of_tables(takeover, &survivors).await?;
    }
    if let Some(location) = location {
        warn_if_it_lives(job, old, location).await?;
    }
    tag_node::tag(job, set, old, true).await?;
    if is_root {
        tracing::info!("{new} is the root already");
        takeover.leave_former_providers(&survey).await?;
        if own.was_paused {
            cascade::set_paused(job, set, &own.worker, false).await?;
        }
        for survivor in &survivors {
            cascade::follow_successor(job, set, &survivor.worker, new, old).await?;
        }
        return Ok(());
    }

    let promoted = async {
        stand_still(takeover, &own, &mut survivors).await?;
        let left = follow(takeover, &survivors).await?;
        promote(takeover, &own, feeder.as_ref()).await?;
        anyhow::Ok(left)
    };
    match promoted.await {
        Ok(left) if left.is_empty() => {
            for node in std::iter::once(old).chain(&feeder) {
                tracing::info!(
                    "When {node} is back keep its users away and run 'resurrect' on it; when it is gone for good 'drop-node {node}'"
                );
            }
            Ok(())
        }
        Ok(left) => bail!(UsageError(not_moved(takeover, &left))),
        Err(error) => {
            undo(takeover, &own, &survivors, error.is::<UsageError>()).await;
            Err(error)
        }
    }
}

/// Lets everybody go on as before, and says where the takeover stands. What was `refused` fails again in the same way.
async fn undo(takeover: &Takeover<'_>, own: &Survivor, survivors: &[Survivor], refused: bool) {
    let Takeover { old, new, .. } = takeover;
    let outcome = match takeover.is_root().await {
        Ok(false) => format!("Node {new} was not made the root"),
        Ok(true) => format!("Node {new} is the root"),
        Err(_) => format!("Node {new} may be the root"),
    };
    if refused {
        tracing::warn!("{outcome}");
    } else {
        tracing::warn!(
            "{outcome}, but the takeover was broken off: run 'takeover {old} --dead-root' again, it goes on where it stopped"
        );
    }
    for survivor in survivors.iter().chain([own]).filter(|survivor| !survivor.was_paused) {
        if let Err(error) = takeover.release(&survivor.worker).await {
            tracing::warn!("{} may stay paused: {}", survivor.worker.node, first_line(&error));
        }
    }
}

impl Survivor {
    fn of(takeover: &Takeover<'_>, name: &NodeName, info: &NodeInfo) -> anyhow::Result<Survivor> {
        Ok(Survivor {
            worker: takeover.worker(name, info)?,
            node_type: info.node_type,
            was_paused: info.worker_paused == Some(true),
            position: info.worker_last_tick.unwrap_or(TickId(0)),
        })
    }

    fn can_serve(&self) -> bool {
        self.node_type == Some(NodeType::Branch)
    }
}

/// The branch from which the new root gets what it does not have; `None` when nobody is ahead of it.
fn most_advanced<'a>(own: &Survivor, survivors: &'a [Survivor]) -> Option<&'a Survivor> {
    survivors
        .iter()
        .filter(|survivor| survivor.can_serve() && survivor.position > own.position)
        .max_by_key(|survivor| survivor.position)
}

/// A leaf that is ahead of every branch has changes that nobody can hand on: it cannot follow, and should not be made to.
fn refuse_if_ahead(
    takeover: &Takeover<'_>,
    own: &Survivor,
    survivors: &[Survivor],
) -> anyhow::Result<()> {
    let best = most_advanced(own, survivors).unwrap_or(own);
    let ahead: Vec<&Survivor> =
        survivors.iter().filter(|survivor| survivor.position > best.position).collect();
    if ahead.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = ahead
        .iter()
        .map(|survivor| format!("{} (tick {})", survivor.worker.node, survivor.position))
        .collect();
    // With what was left out before, so that the line can be pasted.
    let without: Vec<String> = takeover
        .left_out
        .iter()
        .chain(ahead.iter().map(|survivor| &survivor.worker.node))
        .filter(|node| **node != takeover.old)
        .map(|node| format!(" --dead {node}"))
        .collect();
    bail!(UsageError(format!(
        "Leaf {} has more of the old root than every branch ({} has tick {}): nobody can hand on what it has, so it cannot \
         follow. Take over without it (takeover {} --dead-root{}), then drop it and create it anew",
        all.join(", "),
        best.worker.node,
        best.position,
        takeover.old,
        without.concat()
    )));
}

/// Pauses everybody who has lost his provider, so that positions are final, and gives the new root all that one of them has.
async fn stand_still(
    takeover: &Takeover<'_>,
    own: &Survivor,
    survivors: &mut [Survivor],
) -> anyhow::Result<()> {
    let Takeover { job, set, old, new, .. } = takeover;
    let queue = &job.settings.queue;
    for survivor in survivors.iter_mut() {
        cascade::set_paused(job, set, &survivor.worker, true).await?;
        let node = &survivor.worker.node;
        let Some(session) = set.connect(job, node).await? else { continue };
        let state =
            pgq_node::get_consumer_state(&*session, queue, &survivor.worker.consumer).await?;
        survivor.position = state.completed_tick.unwrap_or(TickId(0));
        takeover.complete_tick(&session, node, survivor.position).await?;
    }
    cascade::set_paused(job, set, &own.worker, true).await?;
    let here = job.local("db").await?;
    let state = pgq_node::get_consumer_state(&*here, queue, &own.worker.consumer).await?;
    let own = Survivor { position: state.completed_tick.unwrap_or(TickId(0)), ..own.clone() };
    refuse_if_ahead(takeover, &own, survivors)?;
    let Some(best) = most_advanced(&own, survivors) else { return Ok(()) };
    let (source, tick) = (&best.worker.node, best.position);
    tracing::info!("Node {source} has more of the old root, up to tick {tick}");
    if !cascade::is_fed_by(job, set, new, source).await? {
        cascade::follow_successor(job, set, &own.worker, source, old).await?;
    } else {
        cascade::set_paused(job, set, &own.worker, false).await?;
    }
    await_newest_tick(job, &here, queue, new, tick).await
}

/// Gives the others the new root as their provider; ends at an interrupt. Who cannot be moved is left and told of: a set without a root is worse than
/// one without that node.
async fn follow<'a>(
    takeover: &Takeover<'_>,
    survivors: &'a [Survivor],
) -> anyhow::Result<Vec<(&'a NodeName, String)>> {
    let Takeover { job, set, old, new, .. } = takeover;
    let mut left = Vec::new();
    for Survivor { worker, .. } in survivors {
        if let Err(error) = cascade::follow_successor(job, set, worker, new, old).await {
            if error.is::<Interrupted>() {
                return Err(error);
            }
            tracing::warn!("Node {} is not moved: {}", worker.node, first_line(&error));
            left.push((&worker.node, first_line(&error)));
        }
    }
    Ok(left)
}

/// Makes the local node the root and remembers there how far the old one was followed. The same of a dead `feeder`, which may
/// have been the root, or a branch that comes back.
async fn promote(
    takeover: &Takeover<'_>,
    own: &Survivor,
    feeder: Option<&NodeName>,
) -> anyhow::Result<()> {
    let Takeover { job, set, old, new, .. } = takeover;
    let queue = &job.settings.queue;
    cascade::set_paused(job, set, &own.worker, true).await?;
    let here = job.local("db").await?;
    let state = pgq_node::get_consumer_state(&*here, queue, &own.worker.consumer).await?;
    let position = state.completed_tick.unwrap_or(TickId(0));
    takeover.complete_tick(&here, new, position).await?;
    let newest = pgq::newest_tick(&*here, queue, position).await?.map(|(tick, _)| tick);
    let Some(last) = newest else { bail!("queue {queue} has no tick on node {new}") };
    let graves: Vec<_> = std::iter::once(old)
        .chain(feeder)
        .map(|node| (node, ConsumerName::new(format!("{node}.gravestone"))))
        .collect();
    takeover.promote(&graves, last).await?;
    if let Some(provider) = state.provider_node {
        takeover.leave_provider(&provider).await;
    }
    cascade::set_paused(job, set, &own.worker, false).await
}

fn not_moved(takeover: &Takeover<'_>, left: &[(&NodeName, String)]) -> String {
    let names: Vec<&str> = left.iter().map(|(name, _)| name.as_str()).collect();
    format!(
        "Node {} is the root, but not the provider of {}: run 'change-provider --provider={}' there before that node is used",
        takeover.new,
        names.join(", "),
        takeover.new
    )
}

/// What will be missing or incomplete on the new root: told, because there is no better one to wait for.
async fn warn_of_tables(takeover: &Takeover<'_>, survivors: &[Survivor]) -> anyhow::Result<()> {
    let Takeover { job, set, new, .. } = takeover;
    let queue = &job.settings.queue;
    let here = calls::get_table_list(&*set.db, queue).await?;
    let mut others = Vec::new();
    for survivor in survivors {
        let Some(session) = set.connect(job, &survivor.worker.node).await? else { continue };
        others.extend(calls::get_table_list(&*session, queue).await?);
    }
    others.sort_by(|a, b| a.table.cmp(&b.table).then(b.local.cmp(&a.local)));
    others.dedup_by(|a, b| a.table == b.table);
    let gaps = Gaps::between(&here, &others);
    if !gaps.unfinished.is_empty() {
        tracing::warn!(
            "Tables of node {new} are not in sync, rows are missing there: {}",
            gaps.unfinished_text()
        );
    }
    gaps.warn_of_missing(new, queue);
    Ok(())
}

/// The old root is gone and does not say which queues it merged, but others of the set may merge the same ones.
fn warn_of_merging(takeover: &Takeover<'_>, survey: &Survey) {
    let new = &takeover.new;
    let own = &takeover.set.info.target_for;
    let mut missing: Vec<&str> = Vec::new();
    for queue in survey.nodes.values().flat_map(|info| &info.target_for) {
        if !own.contains(queue) && !missing.contains(&queue.as_str()) {
            missing.push(queue.as_str());
        }
    }
    if !missing.is_empty() {
        tracing::warn!(
            "Node {new} has no merge leaf for {}, and nothing of that reaches the set when it is the root: create-leaf --merge={} \
             there",
            missing.join(", "),
            takeover.job.settings.queue
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survivor(name: &str, node_type: NodeType, position: i64) -> Survivor {
        Survivor {
            worker: Worker { queue: "q".into(), node: name.into(), consumer: name.into() },
            node_type: Some(node_type),
            was_paused: false,
            position: TickId(position),
        }
    }

    #[test]
    fn the_new_root_gets_the_most_that_a_branch_has() {
        use NodeType::{Branch, Leaf};
        let own = survivor("own", Branch, 10);
        let best = |survivors: &[Survivor]| {
            most_advanced(&own, survivors).map(|best| best.worker.node.to_string())
        };
        let (low, high) = (survivor("low", Branch, 11), survivor("high", Branch, 12));
        let leaf = survivor("leaf", Leaf, 13);
        assert_eq!(best(&[low.clone(), high, leaf]).as_deref(), Some("high"));
        assert_eq!(best(&[low]).as_deref(), Some("low"));
        assert_eq!(best(&[survivor("same", Branch, 10)]), None);
        assert_eq!(best(&[]), None);
    }
}
