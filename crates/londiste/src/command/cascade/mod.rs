//! What several commands do to a node's consumer: find it, pause it, give it another provider (contract `cli.md` 5.4,
//! 5.5 and 5.7).

mod flag;
mod gravestone;
mod leaving;
mod patience;
mod provider;

use anyhow::bail;
use pgq_client::calls::pgq_node;
use pgq_client::name::{ConsumerName, NodeName, QueueName};

use super::Run;
use super::set::LocalSet;
use crate::job::{Interrupted, UsageError};

pub(crate) use flag::{await_word, set_paused, tag_paused};
pub(crate) use gravestone::is_gravestone;
pub(crate) use patience::{POLL, Patience};
pub(crate) use provider::{await_newest_tick, change_provider, follow_successor, is_fed_by};

/// A consumer and the node whose database it writes to.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    /// Usually the configured one; a merged one where a queue is the target of others.
    pub(crate) queue: QueueName,
    pub(crate) node: NodeName,
    pub(crate) consumer: ConsumerName,
}

/// This job's consumer: on the local node, else on any other that answers.
pub(crate) async fn find(run: &Run, set: &LocalSet) -> anyhow::Result<Worker> {
    let queue = run.job.settings.queue.clone();
    let consumer = ConsumerName::new(run.job.settings.job_name.as_str());
    let local = set.name()?.clone();
    let others = set.members.keys().filter(|node| **node != local).cloned();
    for node in std::iter::once(local.clone()).chain(others) {
        let asked = async {
            let Some(session) = set.connect(&run.job, &node).await? else { return Ok(Vec::new()) };
            anyhow::Ok(pgq_node::get_consumer_info(&*session, &queue).await?)
        };
        let consumers = match asked.await {
            Err(error) if node != local => {
                tracing::warn!("Node {node} failure: {}", first_line(&error));
                continue;
            }
            consumers => consumers?,
        };
        if consumers.iter().any(|found| found.consumer == consumer) {
            return Ok(Worker { queue, node, consumer });
        }
    }
    bail!("Consumer not found")
}

/// A node that has to be asked cannot be; `unknown` is what is not known without it. To take it as dead is no remedy: then it
/// would not be asked, and what it knows would still be true. An interrupt stays one.
fn silent(node: &NodeName, error: anyhow::Error, unknown: &str) -> anyhow::Error {
    if error.is::<Interrupted>() {
        return error;
    }
    let reason = first_line(&error);
    let text = format!(
        "node {node} cannot be asked ({reason}), and it is not known {unknown}\n\
         HINT:  Let {node} answer again, or choose a provider that does not get its events through it."
    );
    UsageError(text).into()
}

/// An error where it is only told and the command goes on.
pub(crate) fn first_line(error: &anyhow::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
