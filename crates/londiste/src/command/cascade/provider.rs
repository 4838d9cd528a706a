//! Lets a consumer read from another node (contract `cli.md` 5.7).
//!
//! Departures from the original: the new provider is reached and known to be able to serve before the consumer is paused; one
//! that is behind the consumer is waited for; a consumer that was paused by this is resumed when a later step fails; what an
//! earlier attempt left at the new provider is in nobody's way; and the old one is left also when the wait for the worker is
//! broken off.

use std::collections::HashSet;

use anyhow::bail;
use pgq_client::calls::pgq_node;
use pgq_client::calls::statement::{self, Arg};
use pgq_client::calls::{Reply, Severity, pgq};
use pgq_client::conn::Session;
use pgq_client::id::TickId;
use pgq_client::name::{NodeName, QueueName};
use tokio_postgres::Transaction;

use super::gravestone::Origin;
use super::{POLL, Patience, Worker, leaving, set_paused, silent, tag_paused};
use crate::calls;
use crate::command::set::{LocalSet, Member};
use crate::command::survey;
use crate::job::{self, Job, UsageError};
use crate::table::state::TableState;

/// Lets a consumer read from another node. One that gets its events from the consumer's own node is refused: the two would wait
/// for each other for ever.
pub(crate) async fn change_provider(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    new: &NodeName,
) -> anyhow::Result<()> {
    change(job, set, worker, new, &Occasion::Planned).await
}

/// The same after the root, `old_root`, is gone. The new provider is about to be the root, and may until then read from the
/// consumer's own node.
pub(crate) async fn follow_successor(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    new: &NodeName,
    old_root: &NodeName,
) -> anyhow::Result<()> {
    change(job, set, worker, new, &Occasion::Failover { old_root }).await
}

/// Why a consumer gets another provider.
enum Occasion<'a> {
    Planned,
    Failover { old_root: &'a NodeName },
}

async fn change(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    new: &NodeName,
    occasion: &Occasion<'_>,
) -> anyhow::Result<()> {
    let Worker { queue, node, consumer } = worker;
    if node == new {
        bail!(UsageError("cannot subscribe to itself".to_owned()));
    }
    let Some(session) = set.connect(job, node).await? else {
        bail!(UsageError(format!("Node {node} is dead")));
    };
    let old = pgq_node::get_consumer_state(&*session, queue, consumer).await?;
    job::checked_quiet(&old.reply, Some(node.as_str()))?;
    let info = pgq_node::get_node_info(&*session, queue).await?;
    let is_worker = info.worker_name.as_ref() == Some(consumer);
    if old.provider_node.as_ref() == Some(new) {
        tracing::info!("Consumer '{consumer}' at node '{node}' has already '{new}' as provider");
        if old.paused {
            // By an operator, or by a command that was broken off or is not through.
            tracing::warn!(
                "It is paused: 'resume' lets it go on; after that this command ends what it may have left at other nodes"
            );
        } else if is_worker {
            leaving::leave_others(job, set, worker, new).await;
        }
        return Ok(());
    }
    check_new_provider(job, set, new).await?;
    if matches!(occasion, Occasion::Planned) {
        refuse_circle(job, set, &session, worker, &old.provider_node, new).await?;
    }
    let moved = async {
        set_paused(job, set, worker, true).await?;
        move_subscription(job, set, worker, is_worker, new, occasion).await
    };
    if let Err(error) = moved.await {
        if !old.paused {
            tracing::warn!("Changing the provider failed, resuming the worker");
            // Without waiting for it: the operator may want to leave, and a worker that runs will notice.
            tag_paused(job, set, worker, false).await?;
        }
        return Err(error);
    }
    // Whatever becomes of the wait: nobody else would do the rest.
    let resumed = set_paused(job, set, worker, false).await;
    if let Some(old) = old.provider_node {
        leaving::unregister(job, set, worker, is_worker, &old).await;
    }
    resumed
}

async fn check_new_provider(job: &Job, set: &LocalSet, new: &NodeName) -> anyhow::Result<()> {
    match set.info_of(job, new).await? {
        None => bail!(UsageError(format!("Node {new} is dead"))),
        Some(info) if info.node_type == Some(pgq_node::NodeType::Leaf) => {
            bail!(UsageError(format!("Node {new} is a leaf and cannot be a provider")))
        }
        Some(_) => Ok(()),
    }
}

/// A node that feeds its new provider would wait for it for ever, and it for the node. Who feeds nobody is in no circle, and
/// neither is whoever gets the same events as the new provider: these are not asked about nodes further up, which may be down.
async fn refuse_circle(
    job: &Job,
    set: &LocalSet,
    session: &Session,
    worker: &Worker,
    provider: &Option<NodeName>,
    new: &NodeName,
) -> anyhow::Result<()> {
    let Worker { queue, node, .. } = worker;
    if pgq_node::get_subscriber_info(&**session, queue).await?.is_empty() {
        return Ok(());
    }
    let origin = match provider {
        Some(provider) => Some(Origin::of(job, set, provider, None).await?),
        None => None,
    };
    let feeds_us = |at: &NodeName| origin.as_ref().is_some_and(|origin| origin.has(at));
    if leads_to(job, set, new, node, feeds_us).await? {
        bail!(UsageError(format!(
            "Node {new} gets its events from {node} and cannot be its provider"
        )));
    }
    Ok(())
}

/// Whether a node gets its events, directly or through others, from `source`: then `source` cannot get them from it. Ends at
/// a node that is dead or says nothing.
///
/// # Errors
/// [`UsageError`] when a node on the way cannot be asked.
pub(crate) async fn is_fed_by(
    job: &Job,
    set: &LocalSet,
    node: &NodeName,
    source: &NodeName,
) -> anyhow::Result<bool> {
    leads_to(job, set, node, source, |_| false).await
}

/// The same, and also ends, with a no, at a node for which `is_other` holds.
async fn leads_to(
    job: &Job,
    set: &LocalSet,
    node: &NodeName,
    source: &NodeName,
    is_other: impl Fn(&NodeName) -> bool,
) -> anyhow::Result<bool> {
    let mut seen = HashSet::new();
    let mut at = node.clone();
    while seen.insert(at.clone()) && !is_other(&at) {
        let info = survey::ask(job, set, &at).await.map_err(|error| {
            silent(&at, error, &format!("whether {node} gets its events from {source}"))
        })?;
        let Some(info) = info else { return Ok(false) };
        match info.provider_node {
            Some(provider) if provider == *source => return Ok(true),
            Some(provider) if provider != at => at = provider,
            _ => return Ok(false),
        }
    }
    Ok(false)
}

/// Waits until the queue on a node has this tick or a later one.
pub(crate) async fn await_newest_tick(
    job: &Job,
    session: &Session,
    queue: &QueueName,
    node: &NodeName,
    tick: TickId,
) -> anyhow::Result<()> {
    let mut patience = Patience::start();
    loop {
        let newest = pgq::newest_tick(&**session, queue, tick).await?.map(|(newest, _)| newest);
        if newest.is_some_and(|newest| newest >= tick) {
            return Ok(());
        }
        if patience.is_over() {
            tracing::warn!(
                "Node '{node}' is at tick {}, waiting until it has tick {tick}: its worker, or one between it and the \
                 root, seems not to run",
                newest.unwrap_or(TickId(0))
            );
        }
        job.sleep(POLL).await?;
    }
}

/// Steps 3 to 6: subscribe at the new provider where the consumer stands, then let it read there.
async fn move_subscription(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    is_worker: bool,
    new: &NodeName,
    occasion: &Occasion<'_>,
) -> anyhow::Result<()> {
    let Worker { queue, node, consumer } = worker;
    let Some(session) = set.connect(job, node).await? else {
        bail!(UsageError(format!("Node {node} is dead")));
    };
    // Read again: it stands still only since it is paused.
    let consumers = pgq_node::get_consumer_info(&*session, queue).await?;
    let Some(position) = consumers.iter().find(|found| found.consumer == *consumer) else {
        bail!("node {node} has no consumer {consumer} any more");
    };
    let tick = position.last_tick;
    let Some(Member::Alive(location)) = set.members.get(node) else {
        bail!(UsageError(format!("the location of node {node} is not known")));
    };
    let old_root = match occasion {
        Occasion::Planned => None,
        Occasion::Failover { old_root } => Some(*old_root),
    };
    let origin = Origin::of(job, set, &position.provider_node, old_root).await?;
    origin.refuse_if_beyond_gravestone(job, set, worker, new, tick).await?;
    if let Some(provider) = set.connect(job, new).await? {
        await_newest_tick(job, &provider, queue, new, tick).await?;
    }
    let sql = statement::render(
        "select * from pgq_node.register_location($1, $2, $3, $4)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(node.as_str()),
            Arg::Location(Some(location)),
            Arg::Bool(false),
        ],
    );
    set.command_on(job, new, &sql, async |db| {
        pgq_node::register_location(db, queue, node, Some(location), false).await
    })
    .await?;
    if is_worker {
        let sql = statement::render(
            "select * from pgq_node.register_subscriber($1, $2, $3, $4)",
            &[
                Arg::Text(queue.as_str()),
                Arg::Text(node.as_str()),
                Arg::Text(consumer.as_str()),
                Arg::Number(tick.0),
            ],
        );
        set.command_on(job, new, &sql, async |db| {
            // What an attempt that was broken off left there stands at another tick.
            let subscribers = pgq_node::get_subscriber_info(db, queue).await?;
            if subscribers.iter().any(|subscriber| subscriber.node == *node) {
                let reply = pgq_node::unregister_subscriber(db, queue, node).await?;
                if reply.severity() == Severity::Failed {
                    return Ok(reply);
                }
            }
            let (reply, _) =
                pgq_node::register_subscriber(db, queue, node, consumer, Some(tick)).await?;
            Ok(reply)
        })
        .await?;
    } else if let Some(session) = set.connect(job, new).await? {
        pgq::register_consumer_at(&*session, queue, consumer, tick).await?;
    }
    let sql = format!(
        "select * from pgq_node.change_consumer_provider('{queue}', '{consumer}', '{new}')"
    );
    set.command_on(job, node, &sql, async |db| {
        if is_worker && let Some(refused) = forget_snapshots(db, queue).await? {
            return Ok(refused);
        }
        pgq_node::change_consumer_provider(db, queue, consumer, new).await
    })
    .await?;
    Ok(())
}

/// Tables that a copy of the original's has brought in sync keep its snapshot for some batches: events that the copied rows
/// contain are left out by it. It is made of transaction numbers of one server, and would hide other events of another one. By now
/// the worker is past what it was needed for; if it is not, the next batch says that a row is there already, and nothing is lost.
/// The answer is a refusal, if there is one.
async fn forget_snapshots(
    db: &Transaction<'_>,
    queue: &QueueName,
) -> pgq_client::Result<Option<Reply>> {
    for row in calls::get_table_list(db, queue).await? {
        if row.local && row.custom_snapshot.is_some() && row.state() == Ok(TableState::Ok) {
            tracing::info!("{}: forgetting the snapshot of its copy", row.table);
            let (table, state) = (&row.table, TableState::Ok);
            let reply = calls::local_set_table_state(db, queue, table, None, state).await?;
            if reply.severity() == Severity::Failed {
                return Ok(Some(reply));
            }
        }
    }
    Ok(None)
}
