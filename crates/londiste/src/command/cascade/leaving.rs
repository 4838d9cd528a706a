//! The end of a subscription at a provider that is none any more. It would hold back the watermark there, and every event with it.

use pgq_client::calls::{pgq, pgq_node};
use pgq_client::name::NodeName;

use super::{Worker, first_line};
use crate::command::set::{LocalSet, Member};
use crate::job::Job;

/// The old provider need not be there any more: what fails is only told.
pub(super) async fn unregister(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    is_worker: bool,
    old: &NodeName,
) {
    let Worker { queue, node, consumer } = worker;
    let done = async {
        if is_worker {
            let sql = format!("select * from pgq_node.unregister_subscriber('{queue}', '{node}')");
            set.command_on(job, old, &sql, async |db| {
                pgq_node::unregister_subscriber(db, queue, node).await
            })
            .await?;
        } else if let Some(session) = set.connect(job, old).await? {
            pgq::unregister_consumer(&*session, queue, consumer).await?;
        }
        anyhow::Ok(())
    };
    if let Err(error) = done.await {
        tracing::warn!("failed to unregister from old provider ({old}): {error}");
    }
}

/// Ends the subscriptions of a node's worker everywhere but at its provider: a command that died may have left one.
pub(super) async fn leave_others(job: &Job, set: &LocalSet, worker: &Worker, provider: &NodeName) {
    let others = set.members.iter().filter(|(name, member)| {
        **member != Member::Dead && *name != provider && **name != worker.node
    });
    for (name, _) in others {
        let subscribed = async {
            let Some(session) = set.connect(job, name).await? else { return Ok(false) };
            let subscribers = pgq_node::get_subscriber_info(&*session, &worker.queue).await?;
            // A gravestone is a subscription as well, and stays.
            anyhow::Ok(subscribers.iter().any(|subscriber| {
                subscriber.node == worker.node && subscriber.worker == worker.consumer
            }))
        };
        match subscribed.await {
            Ok(false) => {}
            Ok(true) => unregister(job, set, worker, true, name).await,
            Err(error) => tracing::warn!(
                "whether {} is still subscribed at {name} is not known: {}",
                worker.node,
                first_line(&error)
            ),
        }
    }
}
