//! Whether the node that is said to be the dead root was the root. It cannot be asked, so others are.

use std::time::Duration;

use anyhow::bail;
use pgq_client::calls::pgq_node::{self, NodeType};
use pgq_client::name::NodeName;

use super::Takeover;
use crate::command::set::Member;
use crate::command::survey::Survey;
use crate::job::{Job, UsageError};

/// How long a node that is said to be dead may take to contradict.
const CONTRADICTION: Duration = Duration::from_secs(3);

/// The name may be the wrong one: the gravestone would bear it, and nobody would know how far the real root was followed. It has
/// to be where the local node's events came from, or a takeover that was broken off has let that read from one of its own
/// subscribers. Where another node is gone besides, from which they came, that may have been below the root or be the root itself;
/// it is the answer.
pub(super) async fn check_source(
    takeover: &Takeover<'_>,
    survey: &Survey,
) -> anyhow::Result<Option<NodeName>> {
    let Takeover { job, set, old, new, .. } = takeover;
    let Some(source) = survey.source_of(new) else { return Ok(None) };
    if source != *old && survey.nodes.contains_key(&source) {
        bail!(UsageError(format!(
            "Node {new} gets its events from {source}, which has no provider"
        )));
    }
    let mut fed: Vec<NodeName> = Vec::new();
    for name in survey.nodes.keys() {
        let Some(session) = set.connect(job, name).await? else { continue };
        let subscribers = pgq_node::get_subscriber_info(&*session, &job.settings.queue).await?;
        if source != *old && subscribers.iter().any(|subscriber| subscriber.node == *old) {
            bail!(UsageError(format!(
                "Nothing was changed: node {old} was not the root but a subscriber of {name}; the events of {new} came from {source}"
            )));
        }
        fed.extend(subscribers.into_iter().map(|subscriber| subscriber.node));
    }
    if source != *old {
        tracing::warn!(
            "Node {source}, which fed {new}, is dead as well, and nobody who answers knows whether {old} or {source} was the \
             root: {new} remembers how far it followed for both"
        );
        return Ok(set.members.contains_key(&source).then_some(source));
    }
    let dead = |member: &Member| *member == Member::Dead;
    for (name, _) in set.members.iter().filter(|(name, member)| dead(member) && *name != old) {
        if !fed.contains(name) {
            tracing::warn!(
                "Nobody who answers knows what node {name} was, which is dead as well: if it was the root and {old} its branch, it \
                 cannot come back after this, but has to be created anew"
            );
        }
    }
    Ok(None)
}

/// The operator may be wrong, or only one of the networks be broken.
///
/// # Errors
/// [`UsageError`] when it says that it is no root.
pub(super) async fn warn_if_it_lives(
    job: &Job,
    old: &NodeName,
    location: &str,
) -> anyhow::Result<()> {
    let asked = async {
        let session = job.remote(&format!("node.{old}"), location).await?;
        let info = pgq_node::get_node_info(&*session, &job.settings.queue).await?;
        anyhow::Ok(info.node_type.filter(|_| info.node_name.as_ref() == Some(old)))
    };
    match tokio::time::timeout(CONTRADICTION, asked).await {
        Ok(Ok(Some(NodeType::Root))) => tracing::warn!(
            "Node {old} answers: what is written there from now on is lost to the others, keep its users away"
        ),
        Ok(Ok(Some(_))) => bail!(UsageError(format!(
            "Nothing was changed: node {old} answers and is not the root; name the root that is dead"
        ))),
        _ => {}
    }
    Ok(())
}
