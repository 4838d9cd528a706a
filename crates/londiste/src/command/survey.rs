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
const PATIENCE: Duration = Duration::from_secs(15);

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
            let answer = tokio::time::timeout(PATIENCE, set.info_of(job, name)).await;
            let answer = match answer {
                Ok(Ok(Some(info))) => Ok(info),
                Ok(Ok(None)) => Err("it is dead".to_owned()),
                Ok(Err(error)) => Err(first_line(&error)),
                Err(_) => Err(format!("no answer within {} seconds", PATIENCE.as_secs())),
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

    /// The root, when it is among those that answered.
    pub(crate) fn root(&self) -> Option<&NodeName> {
        self.nodes
            .iter()
            .find(|(_, info)| info.node_type == Some(NodeType::Root))
            .map(|(name, _)| name)
    }
}
