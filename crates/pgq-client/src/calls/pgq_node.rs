//! Schema `pgq_node` (contract `pgq_node.md`).

use std::fmt;
use std::str::FromStr;

use tokio_postgres::{GenericClient, Row};

use super::Reply;
use super::statement::{Arg, one_cmd_row, one_row, query, reply, reply_of, value};
use crate::id::TickId;
use crate::name::{ConsumerName, NodeName, QueueName};
use crate::{Error, Result};

/// `node_type` of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeType {
    /// Events are made here.
    Root,
    /// Events are passed on.
    Branch,
    /// Events end here.
    Leaf,
}

impl NodeType {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeType::Root => "root",
            NodeType::Branch => "branch",
            NodeType::Leaf => "leaf",
        }
    }
}

impl fmt::Display for NodeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NodeType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [NodeType::Root, NodeType::Branch, NodeType::Leaf]
            .into_iter()
            .find(|node_type| node_type.as_str() == text)
            .ok_or_else(|| Error::protocol(format!("unknown node type: {text}")))
    }
}

/// `pgq_node.get_node_info`; everything is `None` when the queue is unknown (code 404).
#[derive(Debug, Clone)]
pub struct NodeInfo {
    /// Code and note.
    pub reply: Reply,
    /// `node_type`
    pub node_type: Option<NodeType>,
    /// `node_name`
    pub node_name: Option<NodeName>,
    /// `global_watermark`
    pub global_watermark: Option<TickId>,
    /// `local_watermark`
    pub local_watermark: Option<TickId>,
    /// `provider_node`
    pub provider_node: Option<NodeName>,
    /// `provider_location`
    pub provider_location: Option<String>,
    /// `combined_queue`
    pub combined_queue: Option<QueueName>,
    /// `combined_type`
    pub combined_type: Option<NodeType>,
    /// `worker_name`
    pub worker_name: Option<ConsumerName>,
    /// `worker_paused`
    pub worker_paused: Option<bool>,
    /// `worker_uptodate`
    pub worker_uptodate: Option<bool>,
    /// `worker_last_tick`
    pub worker_last_tick: Option<TickId>,
    /// `node_attrs`, url-encoded.
    pub node_attrs: Option<String>,
    /// `target_for`
    pub target_for: Vec<QueueName>,
}

/// `pgq_node.get_consumer_state`.
#[derive(Debug, Clone)]
pub struct ConsumerState {
    /// Code and note.
    pub reply: Reply,
    /// `node_type`
    pub node_type: Option<NodeType>,
    /// `node_name`
    pub node_name: Option<NodeName>,
    /// `completed_tick`
    pub completed_tick: Option<TickId>,
    /// `provider_node`
    pub provider_node: Option<NodeName>,
    /// `provider_location`
    pub provider_location: Option<String>,
    /// `paused`
    pub paused: bool,
    /// `uptodate`
    pub uptodate: bool,
    /// `cur_error`
    pub cur_error: Option<String>,
}

/// A row of `pgq_node.get_queue_locations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// `node_name`
    pub node: NodeName,
    /// `node_location`: a connection string.
    pub connstr: String,
    /// `dead`
    pub dead: bool,
}

/// A row of `pgq_node.get_consumer_info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CascadedConsumer {
    /// `consumer_name`
    pub consumer: ConsumerName,
    /// `provider_node`
    pub provider_node: NodeName,
    /// `last_tick_id`
    pub last_tick: TickId,
    /// `paused`
    pub paused: bool,
    /// `uptodate`
    pub uptodate: bool,
    /// `cur_error`
    pub cur_error: Option<String>,
}

/// `pgq_node.get_node_info`.
pub async fn get_node_info(client: &impl GenericClient, queue: &QueueName) -> Result<NodeInfo> {
    let row =
        one_row(client, "select * from pgq_node.get_node_info($1)", &[Arg::Text(queue.as_str())])
            .await?;
    Ok(NodeInfo {
        reply: reply_of(&row)?,
        node_type: node_type(&row, "node_type")?,
        node_name: text(&row, "node_name")?.map(NodeName::new),
        global_watermark: tick(&row, "global_watermark")?,
        local_watermark: tick(&row, "local_watermark")?,
        provider_node: text(&row, "provider_node")?.map(NodeName::new),
        provider_location: text(&row, "provider_location")?,
        combined_queue: text(&row, "combined_queue")?.map(QueueName::new),
        combined_type: node_type(&row, "combined_type")?,
        worker_name: text(&row, "worker_name")?.map(ConsumerName::new),
        worker_paused: row.try_get("worker_paused")?,
        worker_uptodate: row.try_get("worker_uptodate")?,
        worker_last_tick: tick(&row, "worker_last_tick")?,
        node_attrs: text(&row, "node_attrs")?,
        target_for: row
            .try_get::<_, Option<Vec<String>>>("target_for")?
            .unwrap_or_default()
            .into_iter()
            .map(QueueName::new)
            .collect(),
    })
}

/// `pgq_node.get_consumer_state`.
pub async fn get_consumer_state(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<ConsumerState> {
    let row = one_row(
        client,
        "select * from pgq_node.get_consumer_state($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str())],
    )
    .await?;
    consumer_state(&row)
}

/// `pgq_node.get_queue_locations`.
pub async fn get_queue_locations(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<Location>> {
    let rows = query(
        client,
        "select * from pgq_node.get_queue_locations($1)",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Location {
                node: NodeName::new(row.try_get::<_, String>("node_name")?),
                connstr: row.try_get("node_location")?,
                dead: row.try_get("dead")?,
            })
        })
        .collect()
}

/// `pgq_node.get_consumer_info`.
pub async fn get_consumer_info(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<CascadedConsumer>> {
    let rows =
        query(client, "select * from pgq_node.get_consumer_info($1)", &[Arg::Text(queue.as_str())])
            .await?;
    rows.iter()
        .map(|row| {
            Ok(CascadedConsumer {
                consumer: ConsumerName::new(row.try_get::<_, String>("consumer_name")?),
                provider_node: NodeName::new(row.try_get::<_, String>("provider_node")?),
                last_tick: TickId(row.try_get("last_tick_id")?),
                paused: row.try_get("paused")?,
                uptodate: row.try_get("uptodate")?,
                cur_error: row.try_get("cur_error")?,
            })
        })
        .collect()
}

/// `pgq_node.register_location`; a `None` location keeps the stored one.
pub async fn register_location(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
    location: Option<&str>,
    dead: bool,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.register_location($1, $2, $3, $4)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(node.as_str()),
            Arg::Location(location),
            Arg::Bool(dead),
        ],
    )
    .await
}

/// `pgq_node.unregister_location`.
pub async fn unregister_location(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.unregister_location($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(node.as_str())],
    )
    .await
}

/// Arguments of [`create_node`].
#[derive(Debug, Clone)]
pub struct NewNode<'a> {
    /// Type.
    pub node_type: NodeType,
    /// Name.
    pub node: &'a NodeName,
    /// Consumer name of the node's worker.
    pub worker: &'a ConsumerName,
    /// Provider, for branch and leaf.
    pub provider: Option<&'a NodeName>,
    /// Where to start, for branch and leaf.
    pub global_watermark: Option<TickId>,
    /// Queue to merge into, for a leaf.
    pub combined_queue: Option<&'a QueueName>,
}

/// `pgq_node.create_node`.
pub async fn create_node(
    client: &impl GenericClient,
    queue: &QueueName,
    new: &NewNode<'_>,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.create_node($1, $2, $3, $4, $5, $6, $7)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(new.node_type.as_str()),
            Arg::Text(new.node.as_str()),
            Arg::Text(new.worker.as_str()),
            Arg::OptText(new.provider.map(NodeName::as_str)),
            Arg::OptNumber(new.global_watermark.map(|tick| tick.0)),
            Arg::OptText(new.combined_queue.map(QueueName::as_str)),
        ],
    )
    .await
}

/// `pgq_node.drop_node`.
pub async fn drop_node(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.drop_node($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(node.as_str())],
    )
    .await
}

/// `pgq_node.register_subscriber`; the second value is the provider's global watermark.
pub async fn register_subscriber(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
    worker: &ConsumerName,
    at: Option<TickId>,
) -> Result<(Reply, Option<TickId>)> {
    let row = one_cmd_row(
        client,
        "select * from pgq_node.register_subscriber($1, $2, $3, $4)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(node.as_str()),
            Arg::Text(worker.as_str()),
            Arg::OptNumber(at.map(|tick| tick.0)),
        ],
    )
    .await?;
    Ok((reply_of(&row)?, tick(&row, "global_watermark")?))
}

/// `pgq_node.unregister_subscriber`.
pub async fn unregister_subscriber(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.unregister_subscriber($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(node.as_str())],
    )
    .await
}

/// `pgq_node.register_consumer`.
pub async fn register_consumer(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    provider: &NodeName,
    tick: TickId,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.register_consumer($1, $2, $3, $4)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(consumer.as_str()),
            Arg::Text(provider.as_str()),
            Arg::Number(tick.0),
        ],
    )
    .await
}

/// `pgq_node.unregister_consumer`.
pub async fn unregister_consumer(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.unregister_consumer($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str())],
    )
    .await
}

/// `pgq_node.change_consumer_provider`: where the consumer reads from now on; it must notice before it is up to date
/// again.
pub async fn change_consumer_provider(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    new_provider: &NodeName,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.change_consumer_provider($1, $2, $3)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(consumer.as_str()),
            Arg::Text(new_provider.as_str()),
        ],
    )
    .await
}

/// `pgq_node.set_consumer_paused`.
pub async fn set_consumer_paused(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    paused: bool,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.set_consumer_paused($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str()), Arg::Bool(paused)],
    )
    .await
}

/// `pgq_node.set_consumer_uptodate`.
pub async fn set_consumer_uptodate(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    uptodate: bool,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.set_consumer_uptodate($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str()), Arg::Bool(uptodate)],
    )
    .await
}

/// `pgq_node.set_consumer_completed`: the position, written in the transaction that holds the batch's data.
pub async fn set_consumer_completed(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    tick: TickId,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.set_consumer_completed($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str()), Arg::Number(tick.0)],
    )
    .await
}

/// `pgq_node.set_consumer_error`; `None` clears it.
pub async fn set_consumer_error(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    error: Option<&str>,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.set_consumer_error($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str()), Arg::OptText(error)],
    )
    .await
}

/// `pgq_node.set_global_watermark`; `None` on a root means its local watermark.
pub async fn set_global_watermark(
    client: &impl GenericClient,
    queue: &QueueName,
    tick: Option<TickId>,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.set_global_watermark($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::OptNumber(tick.map(|tick| tick.0))],
    )
    .await
}

/// `pgq_node.set_subscriber_watermark`.
pub async fn set_subscriber_watermark(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
    tick: TickId,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.set_subscriber_watermark($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(node.as_str()), Arg::Number(tick.0)],
    )
    .await
}

/// `pgq_node.set_partition_watermark`.
pub async fn set_partition_watermark(
    client: &impl GenericClient,
    combined: &QueueName,
    part: &QueueName,
    tick: TickId,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.set_partition_watermark($1, $2, $3)",
        &[Arg::Text(combined.as_str()), Arg::Text(part.as_str()), Arg::Number(tick.0)],
    )
    .await
}

/// `pgq_node.set_node_attrs`; `attrs` is url-encoded.
pub async fn set_node_attrs(
    client: &impl GenericClient,
    queue: &QueueName,
    attrs: Option<&str>,
) -> Result<Reply> {
    reply(
        client,
        "select * from pgq_node.set_node_attrs($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::OptText(attrs)],
    )
    .await
}

/// `pgq_node.version`.
pub async fn version(client: &impl GenericClient) -> Result<Option<String>> {
    value(client, "select pgq_node.version()", &[]).await
}

/// A row of `pgq_node.get_subscriber_info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// `node_name`
    pub node: NodeName,
    /// `worker_name`
    pub worker: ConsumerName,
    /// `node_watermark`
    pub watermark: Option<TickId>,
}

/// `pgq_node.get_subscriber_info`, by node name.
pub async fn get_subscriber_info(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<Subscriber>> {
    let rows = query(
        client,
        "select * from pgq_node.get_subscriber_info($1)",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Subscriber {
                node: NodeName::new(row.try_get::<_, String>("node_name")?),
                worker: ConsumerName::new(row.try_get::<_, String>("worker_name")?),
                watermark: tick(row, "node_watermark")?,
            })
        })
        .collect()
}

fn consumer_state(row: &Row) -> Result<ConsumerState> {
    Ok(ConsumerState {
        reply: reply_of(row)?,
        node_type: node_type(row, "node_type")?,
        node_name: text(row, "node_name")?.map(NodeName::new),
        completed_tick: tick(row, "completed_tick")?,
        provider_node: text(row, "provider_node")?.map(NodeName::new),
        provider_location: text(row, "provider_location")?,
        paused: row.try_get::<_, Option<bool>>("paused")?.unwrap_or_default(),
        uptodate: row.try_get::<_, Option<bool>>("uptodate")?.unwrap_or_default(),
        cur_error: text(row, "cur_error")?,
    })
}

fn text(row: &Row, column: &str) -> Result<Option<String>> {
    Ok(row.try_get(column)?)
}

fn tick(row: &Row, column: &str) -> Result<Option<TickId>> {
    Ok(row.try_get::<_, Option<i64>>(column)?.map(TickId))
}

fn node_type(row: &Row, column: &str) -> Result<Option<NodeType>> {
    row.try_get::<_, Option<&str>>(column)?.map(str::parse).transpose()
}
