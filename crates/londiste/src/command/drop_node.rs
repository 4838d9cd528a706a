//! `drop-node`: removes a node from the set, also one that is gone already (contract `cli.md` 6.10).
//!
//! Departures: a node that cannot be asked is refused as well when others read from it; the original removed it from the root and
//! then met the first of them. Copies that the node has not ended leave their providers with it, and nobody keeps events for it
//! any more.

use anyhow::bail;
use pgq_client::calls::{pgq, pgq_node};
use pgq_client::name::{ConsumerName, NodeName};
use pgq_client::text::quoting::quote_literal;
use tokio_postgres::Transaction;

use super::Run;
use super::cascade::is_gravestone;
use super::group;
use super::set::{LocalSet, Member};
use super::survey::Survey;
use crate::copy;
use crate::job::{self, CallFailed, UsageError};

/// Removes the node that the argument names.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let job = &run.job;
    let queue = &job.settings.queue;
    let set = LocalSet::load(run).await?;
    let node = NodeName::new(run.args[0].as_str());
    if !set.members.contains_key(&node) && !set.is_local(&node) {
        bail!(UsageError(format!("get_node_database: cannot resolve {node}")));
    }
    let survey = Survey::take(job, &set).await;
    let mut subscribers = subscribers_it_knows(run, &set, &node).await;
    // Who says that it reads elsewhere has only left its old subscription behind.
    subscribers.retain(|name| {
        survey.nodes.get(name).is_none_or(|info| info.provider_node.as_ref() == Some(&node))
    });
    subscribers.extend(survey.children_of(&node));
    subscribers.sort();
    subscribers.dedup();
    if !subscribers.is_empty() {
        let names: Vec<&str> = subscribers.iter().map(NodeName::as_str).collect();
        bail!(UsageError(format!(
            "node still has subscribers\nHINT:  Give {} another provider first (change-provider), or drop what is \
             not needed.",
            names.join(", ")
        )));
    }
    let worker = worker_of(run, &set, &survey, &node).await;
    match set.find_root(job).await {
        Ok(root) if root == node => {}
        Ok(root) => {
            if let Err(error) = unregister(run, &set, &root, &node).await {
                tell(error, "Unregister from root failed")?;
            }
        }
        Err(error) => tell(error, "Unregister from root failed")?,
    }
    if let Err(error) = drop_locally(run, &set, &node).await {
        tell(error, "Local drop failure")?;
    }
    for member in set.members.keys() {
        let sql = format!("select * from pgq_node.drop_node('{queue}', '{node}')");
        let dropped = set
            .command_on(job, member, &sql, async |db| pgq_node::drop_node(db, queue, &node).await)
            .await;
        if let Err(error) = dropped {
            tell(error, &format!("Failed to remove from '{member}'"))?;
        }
    }
    leave_nothing(run, &set, &survey, &node, worker).await
}

/// The worker's name, as the node itself or its provider knows it.
async fn worker_of(
    run: &Run,
    set: &LocalSet,
    survey: &Survey,
    node: &NodeName,
) -> Option<ConsumerName> {
    if let Some(info) = survey.nodes.get(node) {
        return info.worker_name.clone();
    }
    for member in survey.nodes.keys() {
        let Ok(Some(session)) = set.connect(&run.job, member).await else { continue };
        let subscribers = pgq_node::get_subscriber_info(&*session, &run.job.settings.queue).await;
        let found = subscribers
            .unwrap_or_default()
            .into_iter()
            .find(|known| known.node == *node && !is_gravestone(&known.worker));
        if found.is_some() {
            return found.map(|known| known.worker);
        }
    }
    None
}

/// What the others keep of a node besides its registration: its name in their lists, and copies that it never ended.
async fn leave_nothing(
    run: &Run,
    set: &LocalSet,
    survey: &Survey,
    node: &NodeName,
    worker: Option<ConsumerName>,
) -> anyhow::Result<()> {
    let others = || survey.nodes.iter().filter(|(member, _)| *member != node);
    for (member, info) in others() {
        let stored = match group::replaced(info.node_attrs.as_deref(), node, None) {
            Ok(None) => continue,
            Ok(Some(attrs)) => store_attrs(run, set, member, &attrs).await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            tell(error, &format!("Failed to take the node out of the list of '{member}'"))?;
        }
    }
    // Two nodes may give their workers the same name, and then nobody knows whose copies these are.
    let silent = |member: &NodeName| member != node && !survey.nodes.contains_key(member);
    let is_shared = |worker: &ConsumerName| {
        others().any(|(_, info)| info.worker_name.as_ref() == Some(worker))
            || set.members.keys().any(silent)
    };
    let Some(worker) = worker.filter(|worker| !is_shared(worker)) else { return Ok(()) };
    for (member, _) in others() {
        if let Err(error) = forget_copies(run, set, member, &worker).await {
            tell(error, &format!("Failed to remove the node's copies from '{member}'"))?;
        }
    }
    Ok(())
}

async fn store_attrs(
    run: &Run,
    set: &LocalSet,
    member: &NodeName,
    attrs: &str,
) -> anyhow::Result<()> {
    let queue = &run.job.settings.queue;
    let stored = Some(attrs).filter(|attrs| !attrs.is_empty());
    let literal = quote_literal(stored);
    let sql = format!("select * from pgq_node.set_node_attrs('{queue}', {literal})");
    let call = async |db: &Transaction<'_>| pgq_node::set_node_attrs(db, queue, stored).await;
    set.command_on(&run.job, member, &sql, call).await?;
    Ok(())
}

/// A copy that never ended is a consumer at the node it copied from, and would hold back the watermark there for ever.
async fn forget_copies(
    run: &Run,
    set: &LocalSet,
    member: &NodeName,
    worker: &ConsumerName,
) -> anyhow::Result<()> {
    let queue = &run.job.settings.queue;
    let Some(session) = set.connect(&run.job, member).await? else { return Ok(()) };
    for info in pgq::get_consumer_info(&*session, queue).await? {
        if copy::is_copy_of(&info.consumer, worker) {
            pgq::unregister_consumer(&*session, queue, &info.consumer).await?;
            tracing::info!("[{member}] Consumer unregistered: {}", info.consumer);
        }
    }
    Ok(())
}

/// A node that cannot be asked knows none, and neither does a database where it is not any more.
async fn subscribers_it_knows(run: &Run, set: &LocalSet, node: &NodeName) -> Vec<NodeName> {
    let asked = async {
        if set.members.get(node) == Some(&Member::Dead) {
            tracing::warn!("load_node_info({node}): ignoring dead node");
            return anyhow::Ok(Vec::new());
        }
        let Some(session) = set.connect(&run.job, node).await? else { return Ok(Vec::new()) };
        let queue = &run.job.settings.queue;
        let subscribers = pgq_node::get_subscriber_info(&*session, queue).await?;
        Ok(subscribers.into_iter().map(|subscriber| subscriber.node).collect())
    };
    asked.await.unwrap_or_default()
}

async fn unregister(
    run: &Run,
    set: &LocalSet,
    root: &NodeName,
    node: &NodeName,
) -> anyhow::Result<()> {
    let queue = &run.job.settings.queue;
    let Some(mut session) = set.connect(&run.job, root).await? else { return Ok(()) };
    job::commit_checked(&mut session, None, async |db| {
        pgq_node::unregister_location(db, queue, node).await
    })
    .await?;
    Ok(())
}

async fn drop_locally(run: &Run, set: &LocalSet, node: &NodeName) -> anyhow::Result<()> {
    let queue = &run.job.settings.queue;
    let Some(mut session) = set.connect(&run.job, node).await? else {
        tracing::warn!(
            "ignoring cmd for dead node '{node}': select * from pgq_node.drop_node('{queue}', '{node}')"
        );
        return Ok(());
    };
    job::commit_checked(&mut session, None, async |db| pgq_node::drop_node(db, queue, node).await)
        .await?;
    Ok(())
}

/// A refusal ends the command; a database that is not there or an SQL error does not, because the rest should be cleaned
/// up all the same.
fn tell(error: anyhow::Error, what: &str) -> anyhow::Result<()> {
    if error.is::<CallFailed>() {
        return Err(error);
    }
    let text = error.to_string();
    tracing::warn!("{what}: {}", text.trim_end());
    Ok(())
}
