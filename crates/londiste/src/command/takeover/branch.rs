//! The place of a branch, or of a leaf: between its provider and those who read from it.

use anyhow::bail;
use pgq_client::calls::pgq_node::{self, NodeInfo};
use pgq_client::name::NodeName;

use super::Takeover;
use crate::command::cascade;
use crate::command::survey::Survey;
use crate::command::tag_node;
use crate::job::UsageError;

/// The old node is there, and reads from the new one afterwards.
pub(super) async fn of_living(takeover: &Takeover<'_>, old: &NodeInfo) -> anyhow::Result<()> {
    let Takeover { job, set, old: old_name, new, all, .. } = takeover;
    let Some(provider) = old.provider_node.clone() else {
        bail!(UsageError(format!("Node {old_name} has no provider")));
    };
    let survey = if *all { Some(Survey::of_all(job, set).await?) } else { None };
    if cascade::is_fed_by(job, set, new, old_name).await? {
        let own = takeover.own_worker()?;
        cascade::change_provider(job, set, &own, &provider).await?;
    }
    if let Some(survey) = survey {
        move_children(takeover, &survey).await?;
    }
    let worker = takeover.worker(old_name, old)?;
    cascade::change_provider(job, set, &worker, new).await
}

/// The old node is gone, and those who read from it get the new one as their provider.
pub(super) async fn of_dead(takeover: &Takeover<'_>) -> anyhow::Result<()> {
    let Takeover { job, set, old, new, .. } = takeover;
    let survey = Survey::of_all(job, set).await?;
    let Some(root) = survey.root().cloned() else {
        bail!(UsageError(format!(
            "No node that answers is the root: if {old} was, use --dead-root"
        )));
    };
    let provider = provider_of_dead(takeover, &survey).await?.unwrap_or(root);
    tag_node::tag(job, set, old, true).await?;
    if provider != *new && cascade::is_fed_by(job, set, new, old).await? {
        let own = takeover.own_worker()?;
        cascade::change_provider(job, set, &own, &provider).await?;
    }
    move_children(takeover, &survey).await?;
    tracing::info!(
        "Node {old} keeps its place at {provider}: when it is back run 'tag-alive {old}', when it is gone for good \
         'drop-node {old}'"
    );
    Ok(())
}

/// Everybody who read from the old node reads from the new one.
pub(super) async fn move_children(takeover: &Takeover<'_>, survey: &Survey) -> anyhow::Result<()> {
    let Takeover { job, set, old, new, .. } = takeover;
    for child in survey.children_of(old).iter().filter(|child| *child != new) {
        let worker = takeover.worker(child, &survey.nodes[child])?;
        cascade::change_provider(job, set, &worker, new).await?;
    }
    Ok(())
}

/// The node that has the dead one as its subscriber.
async fn provider_of_dead(
    takeover: &Takeover<'_>,
    survey: &Survey,
) -> anyhow::Result<Option<NodeName>> {
    let Takeover { job, set, old, .. } = takeover;
    for name in survey.nodes.keys() {
        let Some(session) = set.connect(job, name).await? else { continue };
        let subscribers = pgq_node::get_subscriber_info(&*session, &job.settings.queue).await?;
        if subscribers.iter().any(|subscriber| subscriber.node == *old) {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}
