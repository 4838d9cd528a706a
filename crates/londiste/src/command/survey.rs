//! All nodes of the set that are not dead, asked at the same time.

use std::time::Duration;

use anyhow::bail;
use futures_util::future::join_all;
use indexmap::IndexMap;
use pgq_client::calls::pgq_node::{NodeInfo, NodeType};
use pgq_client::name::NodeName;

use super::cascade::first_line;
use super::set::{LocalSet, Member};
use crate::job::{Job, UsageError};

/// A host that is gone answers nothing at all; the system would wait for minutes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Asks one node; `None` when it is dead.
///
/// # Errors
/// Whatever [`LocalSet::info_of`] says, and when there is no answer in time.
pub(crate) async fn ask(
    job: &Job,
    set: &LocalSet,
    node: &NodeName,
) -> anyhow::Result<Option<NodeInfo>> {
    match tokio::time::timeout(PATIENCE, set.info_of(job, node)).await {
        Ok(answer) => answer,
        Err(_) => bail!("no answer within {} seconds", PATIENCE.as_secs()),
    }
}

/// What the nodes said of themselves.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Those that answered, in the order of the members.
    pub(crate) nodes: IndexMap<NodeName, NodeInfo>,
    /// Those that did not, with the reason.
    silent: Vec<(NodeName, String)>,
}

impl Survey {
    /// Asks everybody who is not dead.
    pub(crate) async fn take(job: &Job, set: &LocalSet) -> Survey {
        let alive = set
            .members
            .iter()
            .filter(|(name, member)| **member != Member::Dead || set.is_local(name));
        let asked = alive.map(async |(name, _)| {
            let answer = match ask(job, set, name).await {
                Ok(Some(info)) => Ok(info),
                Ok(None) => Err("it is dead".to_owned()),
                Err(error) => Err(first_line(&error)),
            };
            (name.clone(), answer)
        });
        let mut survey = Survey { nodes: IndexMap::new(), silent: Vec::new() };
        for (name, answer) in join_all(asked).await {
            match answer {
                Ok(info) => {
                    survey.nodes.insert(name, info);
                }
                Err(why) => survey.silent.push((name, why)),
            }
        }
        survey
    }

    /// The same, and everybody has to answer.
    ///
    /// # Errors
    /// [`UsageError`] with the nodes that did not.
    pub(crate) async fn of_all(job: &Job, set: &LocalSet) -> anyhow::Result<Survey> {
        let survey = Survey::take(job, set).await;
        if survey.silent.is_empty() {
            return Ok(survey);
        }
        let (first, _) = &survey.silent[0];
        let all: Vec<String> =
            survey.silent.iter().map(|(name, why)| format!("node {name} ({why})")).collect();
        bail!(UsageError(format!(
            "Nothing was changed, not every node answers: {}; to go on without one, tag it as dead or add --dead {first}",
            all.join(", ")
        )));
    }

    /// Nodes that read from this one, by name.
    pub(crate) fn children_of(&self, node: &NodeName) -> Vec<NodeName> {
        let mut children: Vec<NodeName> = self
            .nodes
            .iter()
            .filter(|(name, info)| *name != node && info.provider_node.as_ref() == Some(node))
            .map(|(name, _)| name.clone())
            .collect();
        children.sort();
        children
    }

    /// Nodes whose provider is not among those that answered, by name.
    pub(crate) fn orphans(&self) -> Vec<NodeName> {
        let is_orphan = |info: &NodeInfo| {
            info.provider_node.as_ref().is_some_and(|from| !self.nodes.contains_key(from))
        };
        let mut orphans: Vec<NodeName> = self
            .nodes
            .iter()
            .filter(|(_, info)| is_orphan(info))
            .map(|(name, _)| name.clone())
            .collect();
        orphans.sort();
        orphans
    }

    /// Where a node's events come from: walks up to the root or to a node that did not answer. `None` for nodes that read from
    /// each other in a circle.
    pub(crate) fn source_of(&self, node: &NodeName) -> Option<NodeName> {
        let mut seen: Vec<&NodeName> = Vec::new();
        let mut at = node;
        while !seen.contains(&at) {
            seen.push(at);
            match self.nodes.get(at).map(|info| info.provider_node.as_ref()) {
                Some(Some(provider)) if provider != at => at = provider,
                _ => return Some(at.clone()),
            }
        }
        None
    }

    /// The root, when it is among those that answered.
    pub(crate) fn root(&self) -> Option<&NodeName> {
        self.nodes
            .iter()
            .find(|(_, info)| info.node_type == Some(NodeType::Root))
            .map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use pgq_client::calls::Reply;

    use super::*;

    fn survey(providers: &[(&str, &str)]) -> Survey {
        let info = |provider: &str| NodeInfo {
            reply: Reply { code: 100, note: String::new(), query: None },
            node_type: None,
            node_name: None,
            global_watermark: None,
            local_watermark: None,
            provider_node: Some(provider.into()),
            provider_location: None,
            combined_queue: None,
            combined_type: None,
            worker_name: None,
            worker_paused: None,
            worker_uptodate: None,
            worker_last_tick: None,
            node_attrs: None,
            target_for: Vec::new(),
        };
        let nodes = providers.iter().map(|(name, from)| ((*name).into(), info(from))).collect();
        Survey { nodes, silent: Vec::new() }
    }

    #[test]
    fn orphans_read_from_somebody_who_did_not_answer() {
        let survey = survey(&[("n5", "n2"), ("n3", "n1"), ("n4", "n3"), ("n6", "n6")]);
        assert_eq!(survey.orphans(), ["n3".into(), "n5".into()] as [NodeName; 2]);
    }

    #[test]
    fn a_source_is_a_root_or_dead() {
        let survey = survey(&[
            ("n3", "n1"),
            ("n4", "n3"),
            ("n6", "n6"),
            ("n7", "n6"),
            ("a", "b"),
            ("b", "a"),
        ]);
        let source = |node: &str| survey.source_of(&node.into()).map(|name| name.to_string());
        assert_eq!(source("n4").as_deref(), Some("n1"));
        assert_eq!(source("n7").as_deref(), Some("n6"));
        assert_eq!(source("a"), None);
    }
}
