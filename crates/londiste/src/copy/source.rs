//! Where a copy takes rows and events from, and its registration there (contract `worker.md` 18.2).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq_node::{self, ConsumerState};
use pgq_client::calls::{Severity, pgq};
use pgq_client::conn::Session;
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, NodeName, QueueName, TableName};
use tokio_postgres::Client;

use super::queue;
use crate::calls;
use crate::config::Settings;
use crate::job::{self, Job};
use crate::replay::apply::Applier;
use crate::replay::replica::connect_replica;
use crate::table::attrs::{CopyNode, Renewal};
use crate::table::registry::Table;
use crate::table::source;
use crate::table::state::TableState;
use crate::table::sync_copy::Others;

/// How long the worker waits for another node. Its batches wait with it.
const ANSWER: Duration = Duration::from_secs(10);

/// What a copy's consumer name has between the worker's and the table's.
const COPY: &str = ".copy.";

/// Consumer name of a table's copy.
pub fn copy_consumer(worker: &ConsumerName, table: &TableName) -> ConsumerName {
    ConsumerName::new(format!("{worker}{COPY}{table}"))
}

/// Whether a consumer is one of this worker's copies.
pub fn is_copy_of(consumer: &ConsumerName, worker: &ConsumerName) -> bool {
    consumer.as_str().strip_prefix(worker.as_str()).is_some_and(|rest| rest.starts_with(COPY))
}

/// Tables for which a copy of this worker is still registered on this node, whatever their state: when the worker
/// starts, a copy task for each finishes the work or clears up.
///
/// # Errors
/// The server's.
pub async fn leftovers(
    dst: &Client,
    queue: &QueueName,
    worker: &ConsumerName,
) -> pgq_client::Result<Vec<TableName>> {
    let prefix = format!("{worker}{COPY}");
    let consumers = pgq_node::get_consumer_info(dst, queue).await?;
    Ok(consumers
        .iter()
        .filter_map(|consumer| consumer.consumer.as_str().strip_prefix(&prefix))
        .map(TableName::new)
        .collect())
}

/// The two databases of a copy.
pub(super) struct Link {
    /// The local one, as a replica.
    pub(super) dst: Arc<Session>,
    /// Where rows and events come from.
    pub(super) src: Arc<Session>,
    /// Connection string of the latter.
    pub(super) location: String,
    /// What the replay knows of the table; belongs to the local session.
    pub(super) applier: Applier,
}

impl Link {
    fn new(dst: Session, src: Session, source: Source) -> Self {
        let (dst, src) = (Arc::new(dst), Arc::new(src));
        Self { dst, src, location: source.location, applier: Applier::default() }
    }
}

/// A copy's consumer, and where this node says that it stands.
pub(super) struct Registration<'a> {
    pub(super) consumer: &'a ConsumerName,
    pub(super) completed: Option<TickId>,
}

/// A node to copy from.
struct Source {
    node: NodeName,
    location: String,
}

/// Connects both sides and registers the copy where that is still to be done. `None` when there is nothing to do: the
/// table is not being copied and nothing is registered.
pub(super) async fn attach(
    job: &Job,
    table_name: &TableName,
    consumer: &ConsumerName,
) -> anyhow::Result<Option<Link>> {
    let queue = &job.settings.queue;
    let connection = format!("copy.{table_name}");
    let dst = connect_replica(job, &connection).await?;
    let table = find(&dst, &job.settings, table_name).await?;
    let own = pgq_node::get_consumer_state(&*dst, queue, consumer).await?;
    let registered = own.reply.severity() != Severity::Failed;
    let in_copy = table.as_ref().filter(|table| table.state == TableState::InCopy);
    if table.as_ref().is_some_and(waits_for_worker) {
        // A registration that is there is the worker's, which is about to leave the table.
        return Ok(None);
    }
    if let Some(table) = in_copy {
        let worker = pgq_node::get_consumer_state(&*dst, queue, &job.settings.consumer).await?;
        job::checked(&worker.reply, None)?;
        let source = choose(job, &dst, table, provider(&worker)?).await?;
        if registered && own.provider_node.as_ref() != Some(&source.node) {
            forget_elsewhere(job, consumer, &own).await;
        }
        let src = open(job, &connection, &source).await?;
        match table.attrs.renewal() {
            None => register(job, &dst, &src, consumer, &source.node).await?,
            Some(Renewal::Since(tick)) => {
                register_since(job, &dst, &src, table, (consumer, &source.node), tick).await?;
            }
            Some(Renewal::Wanted) => bail!(
                "table {}: it is not known where the worker left it; `resync --force {}` copies from where the worker \
                 is, and rows that the source has deleted before stay",
                table.name,
                table.name
            ),
        }
        return Ok(Some(Link::new(dst, src, source)));
    }
    if !registered {
        let busy = table.filter(|t| !matches!(t.state, TableState::Missing | TableState::Ok));
        if let Some(table) = busy {
            bail!(
                "table {}: consumer {consumer} has lost its position; run `resync {}` to copy again",
                table.name,
                table.name
            );
        }
        return Ok(None);
    }
    let source = provider(&own)?;
    let src = open(job, &connection, &source).await?;
    let completed = own.completed_tick.context("dst_tick NULL?")?;
    let known = pgq::get_consumer_info(&*src, queue).await?;
    let leaving = table.is_none_or(|t| matches!(t.state, TableState::Missing | TableState::Ok));
    if !leaving && !known.iter().any(|info| info.consumer == *consumer) {
        tracing::info!("Registering consumer on source queue");
        pgq::register_consumer_at(&*src, queue, consumer, completed).await?;
    }
    Ok(Some(Link::new(dst, src, source)))
}

/// Whether the worker has yet to leave a table whose rows are to be renewed. Until then the copy's registration is its.
pub(super) fn waits_for_worker(table: &Table) -> bool {
    table.state == TableState::Missing && table.attrs.renew()
}

/// The table as this node has it; `None` when it is not attached.
pub(super) async fn find(
    dst: &Client,
    settings: &Settings,
    table: &TableName,
) -> anyhow::Result<Option<Table>> {
    let row = calls::get_local_table(dst, &settings.queue, table).await?;
    Ok(row.map(|row| Table::from_row(row, &settings.handlers)).transpose()?)
}

/// Other queues that fill the same table, as they are now.
pub(super) async fn others(
    dst: &Session,
    queue: &QueueName,
    table: &Table,
) -> anyhow::Result<Others> {
    let sources = calls::other_sources(&**dst, queue, &table.dest).await?;
    Ok(Others {
        any: !sources.is_empty(),
        rows: sources.iter().any(|other| other.has_rows || !other.same_group),
        stripped: sources.iter().any(|other| other.holds_structure && other.same_group),
    })
}

fn provider(state: &ConsumerState) -> anyhow::Result<Source> {
    match (&state.provider_node, &state.provider_location) {
        (Some(node), Some(location)) => {
            Ok(Source { node: node.clone(), location: location.clone() })
        }
        _ => bail!("provider_connstr not set"),
    }
}

/// The provider, unless attribute `copy_node` says otherwise.
async fn choose(
    job: &Job,
    dst: &Client,
    table: &Table,
    provider: Source,
) -> anyhow::Result<Source> {
    let source = match table.attrs.copy_node() {
        None => provider,
        Some(CopyNode::Search) => {
            let wanted = std::slice::from_ref(&table.name);
            let found = source::find(job, &provider.location, wanted).await?;
            found.session.close().await;
            Source { node: found.node, location: found.location }
        }
        Some(CopyNode::Node(node)) => {
            let locations = pgq_node::get_queue_locations(dst, &job.settings.queue).await?;
            let Some(found) = locations.into_iter().find(|location| location.node == node) else {
                bail!("table {}: attribute copy_node: no node {node} in the set", table.name);
            };
            Source { node, location: found.connstr }
        }
    };
    tracing::info!("Using '{}' as source node", source.node);
    Ok(source)
}

async fn open(job: &Job, connection: &str, source: &Source) -> anyhow::Result<Session> {
    let src = job.remote(connection, &source.location).await?;
    let info = pgq_node::get_node_info(&*src, &job.settings.queue).await?;
    job::checked(&info.reply, None)?;
    if info.node_name.is_none() {
        bail!("parent node not initialized?");
    }
    Ok(src)
}

/// Registers at the newest tick. Positions left by an earlier copy are worthless: its rows are not there.
async fn register(
    job: &Job,
    dst: &Client,
    src: &Client,
    consumer: &ConsumerName,
    node: &NodeName,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    tracing::info!("Registering consumer on source queue");
    if !pgq::register_consumer(src, queue, consumer).await? {
        pgq::unregister_consumer(src, queue, consumer).await?;
        pgq::register_consumer(src, queue, consumer).await?;
    }
    let consumers = pgq::get_consumer_info(src, queue).await?;
    let own = consumers.into_iter().find(|info| info.consumer == *consumer);
    let Some(tick) = own.and_then(|info| info.last_tick) else { bail!("registration failed?") };
    let reply = pgq_node::register_consumer(dst, queue, consumer, node, tick).await?;
    job::checked(&reply, None)?;
    Ok(())
}

/// Registers at the tick where the worker left a table whose rows are to be renewed, unless that is so already. Later is too
/// late: nobody else repeats the deletes from there on.
async fn register_since(
    job: &Job,
    dst: &Client,
    src: &Client,
    table: &Table,
    (consumer, node): (&ConsumerName, &NodeName),
    tick: TickId,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    let there = pgq::get_consumer_info(src, queue).await?;
    if !there.iter().any(|info| info.consumer == *consumer && info.last_tick == Some(tick)) {
        if !queue::has_tick(src, queue, tick).await? {
            bail!(tick_gone(table, tick));
        }
        tracing::info!("Registering consumer on source queue");
        pgq::register_consumer_at(src, queue, consumer, tick).await?;
    }
    let reply = pgq_node::register_consumer(dst, queue, consumer, node, tick).await?;
    Ok(job::checked_quiet(&reply, None)?)
}

/// What is to be said when the source has forgotten where the worker left the table.
pub(super) fn tick_gone(table: &Table, tick: TickId) -> String {
    let name = &table.name;
    format!(
        "table {name}: tick {tick} is not on the source any more, so that it is not known what was deleted meanwhile; \
         `resync --force {name}` copies from where the worker is, and those rows stay"
    )
}

/// Before a table whose rows are to be renewed goes to its copy: the copy's position is where the worker leaves the table,
/// so that its source keeps all events from there on, and the copy knows what the worker has applied.
///
/// # Errors
/// The source cannot be reached within some seconds, or does not have the tick.
pub(crate) async fn hold(
    job: &Job,
    dst: &Client,
    table: &Table,
    tick: TickId,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    let consumer = copy_consumer(&job.settings.consumer, &table.name);
    let worker = pgq_node::get_consumer_state(dst, queue, &job.settings.consumer).await?;
    job::checked(&worker.reply, None)?;
    let own = pgq_node::get_consumer_state(dst, queue, &consumer).await?;
    let registered = own.reply.severity() != Severity::Failed;
    let there = async {
        let source = choose(job, dst, table, provider(&worker)?).await?;
        let src = open(job, &format!("copy.{}", table.name), &source).await?;
        tracing::info!("Registering consumer on source queue");
        pgq::register_consumer_at(&*src, queue, &consumer, tick).await?;
        src.close().await;
        anyhow::Ok(source)
    };
    let source = tokio::time::timeout(ANSWER, there)
        .await
        .with_context(|| format!("the source does not answer within {} s", ANSWER.as_secs()))??;
    let reply = pgq_node::register_consumer(dst, queue, &consumer, &source.node, tick).await?;
    job::checked(&reply, None)?;
    if registered
        && own.provider_node.as_ref() != Some(&source.node)
        && tokio::time::timeout(ANSWER, forget_elsewhere(job, &consumer, &own)).await.is_err()
    {
        let node = own.provider_node.as_ref().map_or("?", NodeName::as_str);
        tracing::warn!("Consumer {consumer} cannot be unregistered on node {node}: no answer");
    }
    Ok(())
}

/// Clears up at a node that an earlier copy used. It may be gone for good, so failure is no reason to stop.
async fn forget_elsewhere(job: &Job, consumer: &ConsumerName, own: &ConsumerState) {
    let Some(location) = &own.provider_location else { return };
    let attempt = async {
        let old = job.remote("_source_db", location).await?;
        pgq::unregister_consumer(&*old, &job.settings.queue, consumer).await?;
        old.close().await;
        anyhow::Ok(())
    };
    if let Err(error) = attempt.await {
        let node = own.provider_node.as_ref().map_or("?", NodeName::as_str);
        tracing::warn!("Consumer {consumer} cannot be unregistered on node {node}: {error:#}");
    }
}

/// The copy's work is done: clears up on both sides.
pub(super) async fn detach(job: &Job, link: &Link, consumer: &ConsumerName) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    tracing::info!("Unregistering consumer from source queue");
    pgq::unregister_consumer(&**link.src, queue, consumer).await?;
    let reply = pgq_node::unregister_consumer(&**link.dst, queue, consumer).await?;
    job::checked(&reply, None)?;
    Ok(())
}
