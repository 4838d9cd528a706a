//! Who followed a root that is gone further than its successor did.
//!
//! After a root's place was taken, its ticks and those of its successor may have the same numbers (the original's takeover
//! goes on counting) and mean different things. A consumer that followed the old one further has changes that nobody else
//! has: it would be given a place in the new order of events where it misses some, and nobody would notice. The successor
//! remembers how far it followed, with the consumer `NODE.gravestone`.

use std::collections::HashSet;

use anyhow::bail;
use pgq_client::calls::{pgq, pgq_node};
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, NodeName};

use super::{Worker, silent};
use crate::command::set::{LocalSet, Member};
use crate::command::survey;
use crate::job::{Job, UsageError};

/// What a successor's consumer is called, behind the old root's name.
const GRAVESTONE: &str = ".gravestone";

/// Whose events a consumer got until now: its provider, that one's provider and so on.
#[derive(Debug)]
pub(super) struct Origin {
    nodes: Vec<NodeName>,
    /// The last of them is dead, and nobody knows from whom it got its events.
    unknown: bool,
}

impl Origin {
    /// Walks up from a consumer's provider. Where a node is dead, another one may have it as subscriber.
    pub(super) async fn of(
        job: &Job,
        set: &LocalSet,
        provider: &NodeName,
        old_root: Option<&NodeName>,
    ) -> anyhow::Result<Origin> {
        let mut nodes: Vec<NodeName> = Vec::new();
        let mut at = provider.clone();
        while !nodes.contains(&at) {
            nodes.push(at.clone());
            if old_root == Some(&at) {
                break;
            }
            let next = match set.members.get(&at) {
                Some(Member::Alive(_)) => match provider_of_living(job, set, &at).await {
                    Some(provider) => Some(provider),
                    None => provider_of_dead(job, set, &at).await,
                },
                _ => provider_of_dead(job, set, &at).await,
            };
            let Some(next) = next else { return Ok(Origin { nodes, unknown: true }) };
            at = next;
        }
        Ok(Origin { nodes, unknown: false })
    }

    /// Whether a gravestone may be that of the root whose events the consumer got; the second answer is certain.
    fn is_meant(&self, consumer: &str) -> (bool, bool) {
        let Some(root) = consumer.strip_suffix(GRAVESTONE) else { return (false, false) };
        let certain = self.nodes.iter().any(|node| node.as_str() == root);
        (certain || self.unknown, certain)
    }

    /// Whether the consumer gets its events, directly or through others, from this node.
    pub(super) fn has(&self, node: &NodeName) -> bool {
        self.nodes.contains(node)
    }

    /// Looks at the new provider, and at everybody from whom that gets its events, up to one that feeds the consumer as well:
    /// behind that one both have the same.
    ///
    /// # Errors
    /// [`UsageError`] when the consumer is beyond a gravestone.
    pub(super) async fn refuse_if_beyond_gravestone(
        &self,
        job: &Job,
        set: &LocalSet,
        worker: &Worker,
        new: &NodeName,
        position: TickId,
    ) -> anyhow::Result<()> {
        let (node, mut seen, mut at) = (&worker.node, HashSet::new(), new.clone());
        let mut doubt = None;
        while seen.insert(at.clone()) && !self.has(&at) {
            let session = set.connect(job, &at).await;
            let session = session.map_err(|error| {
                silent(
                    &at,
                    error,
                    &format!("whether {node} has more than {new}'s source had when it took over"),
                )
            })?;
            let Some(session) = session else { break };
            for info in pgq::get_consumer_info(&*session, &worker.queue).await? {
                let (meant, certain) = self.is_meant(info.consumer.as_str());
                let Some(tick) = info.last_tick.filter(|_| meant) else { continue };
                let stone = info.consumer.as_str();
                let root = stone.strip_suffix(GRAVESTONE).unwrap_or(stone);
                if certain && tick >= position {
                    return Ok(());
                }
                if certain {
                    bail!(UsageError(format!(
                        "Node {node} has more of {root} (tick {position}) than {at} had when it took over (tick {tick}), and \
                         cannot follow: drop it and create it anew"
                    )));
                }
                if tick < position {
                    doubt = Some(format!(
                        "Node {node} may have more of {root} (tick {position}) than {at} had when it took over (tick {tick}), \
                         nobody knows because {} is dead: drop it and create it anew; or drop node {root} first, if it is \
                         certain that {node} has followed {at} since",
                        self.nodes.last().unwrap_or(new)
                    ));
                }
            }
            let info = pgq_node::get_node_info(&*session, &worker.queue).await?;
            match info.provider_node {
                Some(provider) if set.members.contains_key(&provider) => at = provider,
                _ => break,
            }
        }
        doubt.map_or(Ok(()), |doubt| bail!(UsageError(doubt)))
    }
}

async fn provider_of_living(job: &Job, set: &LocalSet, node: &NodeName) -> Option<NodeName> {
    survey::ask(job, set, node).await.ok()??.provider_node
}

/// Whether a subscriber's worker is not one, but the mark of a root whose place was taken.
pub(crate) fn is_gravestone(worker: &ConsumerName) -> bool {
    worker.as_str().ends_with(GRAVESTONE)
}

/// The living node that has a dead one as its subscriber, and not as the root that it followed.
async fn provider_of_dead(job: &Job, set: &LocalSet, node: &NodeName) -> Option<NodeName> {
    for name in set.members.keys() {
        let asked = async {
            let session = set.connect(job, name).await.ok()??;
            pgq_node::get_subscriber_info(&*session, &job.settings.queue).await.ok()
        };
        let Ok(Some(subscribers)) = tokio::time::timeout(survey::PATIENCE, asked).await else {
            continue;
        };
        let is_below = subscribers
            .iter()
            .any(|subscriber| subscriber.node == *node && !is_gravestone(&subscriber.worker));
        if is_below {
            return Some(name.clone());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gravestone_is_meant_by_name_or_when_nobody_knows() {
        let origin = |unknown| Origin { nodes: vec!["n2".into(), "n1".into()], unknown };
        for (unknown, consumer, expected) in [
            (false, "n1.gravestone", (true, true)),
            (false, "n9.gravestone", (false, false)),
            (true, "n1.gravestone", (true, true)),
            (true, "n9.gravestone", (true, false)),
            (true, "n9", (false, false)),
        ] {
            assert_eq!(origin(unknown).is_meant(consumer), expected, "{consumer} {unknown}");
        }
    }
}
