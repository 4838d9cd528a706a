//! `wait-root`, `wait-provider`: waits until this node has what another one has now (contract `cli.md` 6.8).

use std::time::Duration;

use anyhow::{Context as _, bail};
use pgq_client::calls::Severity;
use pgq_client::calls::pgq_node::{self, NodeType};
use pgq_client::name::NodeName;

use super::Run;
use super::liveness::Doubts;
use super::set::LocalSet;
use crate::job::UsageError;

/// How often the local position is looked at.
const POLL: Duration = Duration::from_millis(500);

/// `wait-root`
pub(crate) async fn root(run: &Run) -> anyhow::Result<()> {
    let set = LocalSet::load(run).await?;
    if is_root(&set)? {
        return Ok(());
    }
    tracing::info!("Finding root node");
    let root = set.find_root(&run.job).await?;
    tracing::info!("Root is {root}");
    wait(run, &set, &root).await
}

/// `wait-provider`
pub(crate) async fn provider(run: &Run) -> anyhow::Result<()> {
    let set = LocalSet::load(run).await?;
    if is_root(&set)? {
        return Ok(());
    }
    let provider = set.info.provider_node.clone().context("this node has no provider")?;
    tracing::info!("Provider is {provider}");
    wait(run, &set, &provider).await
}

fn is_root(set: &LocalSet) -> Result<bool, UsageError> {
    let is_root = set.node_type()? == NodeType::Root;
    if is_root {
        tracing::info!("Current node is root, no need to wait");
    }
    Ok(is_root)
}

async fn wait(run: &Run, set: &LocalSet, node: &NodeName) -> anyhow::Result<()> {
    tracing::info!("Fetching last tick for {node}");
    let Some(info) = set.info_of(&run.job, node).await? else {
        bail!(UsageError(format!("Node {node} is dead")));
    };
    let tick = info.worker_last_tick.with_context(|| format!("node {node} has no position"))?;
    tracing::info!("Waiting for tick > {tick}");
    let mut doubts = Doubts::begin(&run.job);
    loop {
        let here = pgq_node::get_node_info(&*set.db, &run.job.settings.queue).await?;
        if matches!(here.reply.severity(), Severity::Warning | Severity::Failed) {
            tracing::warn!("Problem: [{}] {}", here.reply.code, here.reply.note);
            return Ok(());
        }
        if let Some(reached) = here.worker_last_tick.filter(|reached| *reached > tick) {
            tracing::info!("Got tick {reached}, exiting");
            return Ok(());
        }
        doubts.look(&run.job, &*set.db).await;
        run.job.sleep(POLL).await?;
    }
}
