//! `drop-node`: removes a node from the set, also one that is gone already (contract `cli.md` 6.10).
//!
//! Departure: a node that cannot be asked is refused as well when others read from it; the original removed it from the root and
//! then met the first of them.

use anyhow::bail;
use pgq_client::calls::pgq_node;
use pgq_client::name::NodeName;

use super::Run;
use super::set::{LocalSet, Member};
use super::survey::Survey;
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
