//! `takeover`: the local node takes the place of another one (contract `cli.md` 6.9).
//!
//! [`switchover`] changes the root while everybody is there, with [`demotion`] as the old one's part in it; [`failover`] when the
//! root is gone, which [`dead_root`] makes sure of; [`branch`] puts the local node into the place of a branch or leaf. [`promotion`]
//! is common to the first two, [`merging`] is what a root with merged queues needs besides, [`gaps`] what the new root does not
//! replicate.
//!
//! Departures from the original: everything that can be checked is checked before the first change. A switchover that fails
//! before the new root is one leaves the old one as it was; one that is broken off later is finished by the same command. Writing
//! stops only when the new root has nearly caught up. After a failure the nodes that were fed by the old root stand still first,
//! then the new root gets what the most advanced of them has, and only then they follow it.

mod branch;
mod dead_root;
mod demotion;
mod failover;
mod gaps;
mod merging;
mod promotion;
mod switchover;

use anyhow::bail;
use pgq_client::calls::pgq_node::{NodeInfo, NodeType};
use pgq_client::name::NodeName;

use super::Run;
use super::cascade::{Worker, first_line};
use super::set::{LocalSet, Member};
use crate::job::{Job, UsageError};

/// Who takes whose place.
pub(super) struct Takeover<'a> {
    job: &'a Job,
    set: LocalSet,
    old: NodeName,
    /// The local node.
    new: NodeName,
    /// Everybody who reads from the old node moves, too.
    all: bool,
    /// Nodes that the operator said are dead.
    left_out: Vec<NodeName>,
}

/// Takes the place of the node that the argument names.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let job = &run.job;
    let options = &run.options;
    let old = NodeName::new(run.args[0].as_str());
    tracing::info!("old: {old}");
    let mut set = LocalSet::load(run).await?;
    let new = set.name()?.clone();
    check_job(job, &set)?;
    if !set.members.contains_key(&old) {
        bail!(UsageError(format!("Unknown node: {old}")));
    }
    if old == new {
        tracing::info!("same node?");
        return Ok(());
    }
    if set.node_type()? == NodeType::Leaf {
        bail!(UsageError(format!(
            "Node {new} is a leaf and cannot take over: it keeps no queue that others could read"
        )));
    }
    let left_out = options.dead.iter().map(|name| NodeName::new(name.as_str())).collect();
    if options.dead_root || options.dead_branch {
        let location = match set.members.get(&old) {
            Some(Member::Alive(location)) => Some(location.clone()),
            _ => None,
        };
        set.assume_dead(&old);
        let takeover = Takeover { job, set, old, new, all: true, left_out };
        return if options.dead_root {
            failover::run(&takeover, location.as_deref()).await
        } else {
            branch::of_dead(&takeover).await
        };
    }
    if set.members.get(&old) == Some(&Member::Dead) {
        bail!(UsageError(format!(
            "Node {old} is dead: use --dead-root or --dead-branch, whatever it was"
        )));
    }
    let info = match set.info_of(job, &old).await {
        Ok(Some(info)) => info,
        Ok(None) => bail!(UsageError(format!("Unknown node: {old}"))),
        Err(error) if error.is::<UsageError>() => return Err(error),
        Err(error) => bail!(UsageError(format!(
            "Node {old} does not answer: {}; if it is gone for good, use --dead-root or --dead-branch, whatever it was",
            first_line(&error)
        ))),
    };
    let takeover = Takeover { job, set, old, new, all: options.all, left_out };
    match info.node_type {
        Some(NodeType::Root) => switchover::run(&takeover, &info).await,
        _ => branch::of_living(&takeover, &info).await,
    }
}

/// The ini file has to be that of the node's worker: it is paused and resumed by that name.
fn check_job(job: &Job, set: &LocalSet) -> anyhow::Result<()> {
    let worker = set.info.worker_name.as_ref().map_or("", |name| name.as_str());
    if worker != job.settings.job_name {
        bail!(UsageError(format!(
            "old node not given: the worker of this node is {worker}, and job_name in this ini file is {}",
            job.settings.job_name
        )));
    }
    Ok(())
}

impl Takeover<'_> {
    /// A node's worker, from what the node says.
    fn worker(&self, node: &NodeName, info: &NodeInfo) -> anyhow::Result<Worker> {
        let Some(consumer) = info.worker_name.clone() else {
            bail!(UsageError(format!("Node {node} has no worker")));
        };
        Ok(Worker { queue: self.job.settings.queue.clone(), node: node.clone(), consumer })
    }

    /// The local node's worker.
    fn own_worker(&self) -> anyhow::Result<Worker> {
        self.worker(&self.new, &self.set.info)
    }
}
