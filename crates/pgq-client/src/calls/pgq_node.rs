//! Schema `pgq_node` (contract `pgq_node.md`).

use tokio_postgres::GenericClient;

use super::Reply;
use crate::Result;
use crate::id::TickId;
use crate::name::{ConsumerName, NodeName, QueueName};

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
    let _ = (client, queue);
    todo!()
}

/// `pgq_node.get_consumer_state`.
pub async fn get_consumer_state(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<ConsumerState> {
    let _ = (client, queue, consumer);
    todo!()
}

/// `pgq_node.get_queue_locations`.
pub async fn get_queue_locations(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<Location>> {
    let _ = (client, queue);
    todo!()
}

/// `pgq_node.get_consumer_info`.
pub async fn get_consumer_info(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<CascadedConsumer>> {
    let _ = (client, queue);
    todo!()
}

/// `pgq_node.register_location`; a `None` location keeps the stored one.
pub async fn register_location(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
    location: Option<&str>,
    dead: bool,
) -> Result<Reply> {
    let _ = (client, queue, node, location, dead);
    todo!()
}

/// `pgq_node.unregister_location`.
pub async fn unregister_location(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
) -> Result<Reply> {
    let _ = (client, queue, node);
    todo!()
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
    let _ = (client, queue, new);
    todo!()
}

/// `pgq_node.drop_node`.
pub async fn drop_node(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
) -> Result<Reply> {
    let _ = (client, queue, node);
    todo!()
}

/// `pgq_node.register_subscriber`; the second value is the provider's global watermark.
pub async fn register_subscriber(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
    worker: &ConsumerName,
    tick: Option<TickId>,
) -> Result<(Reply, Option<TickId>)> {
    let _ = (client, queue, node, worker, tick);
    todo!()
}

/// `pgq_node.unregister_subscriber`.
pub async fn unregister_subscriber(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
) -> Result<Reply> {
    let _ = (client, queue, node);
    todo!()
}

/// `pgq_node.register_consumer`.
pub async fn register_consumer(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    provider: &NodeName,
    tick: TickId,
) -> Result<Reply> {
    let _ = (client, queue, consumer, provider, tick);
    todo!()
}

/// `pgq_node.unregister_consumer`.
pub async fn unregister_consumer(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<Reply> {
    let _ = (client, queue, consumer);
    todo!()
}

/// `pgq_node.set_consumer_paused`.
pub async fn set_consumer_paused(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    paused: bool,
) -> Result<Reply> {
    let _ = (client, queue, consumer, paused);
    todo!()
}

/// `pgq_node.set_consumer_uptodate`.
pub async fn set_consumer_uptodate(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    uptodate: bool,
) -> Result<Reply> {
    let _ = (client, queue, consumer, uptodate);
    todo!()
}

/// `pgq_node.set_consumer_completed`: the position, written in the transaction that holds the batch's data.
pub async fn set_consumer_completed(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    tick: TickId,
) -> Result<Reply> {
    let _ = (client, queue, consumer, tick);
    todo!()
}

/// `pgq_node.set_consumer_error`; `None` clears it.
pub async fn set_consumer_error(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    error: Option<&str>,
) -> Result<Reply> {
    let _ = (client, queue, consumer, error);
    todo!()
}

/// `pgq_node.set_global_watermark`; `None` on a root means its local watermark.
pub async fn set_global_watermark(
    client: &impl GenericClient,
    queue: &QueueName,
    tick: Option<TickId>,
) -> Result<Reply> {
    let _ = (client, queue, tick);
    todo!()
}

/// `pgq_node.set_subscriber_watermark`.
pub async fn set_subscriber_watermark(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
    tick: TickId,
) -> Result<Reply> {
    let _ = (client, queue, node, tick);
    todo!()
}

/// `pgq_node.set_partition_watermark`.
pub async fn set_partition_watermark(
    client: &impl GenericClient,
    combined: &QueueName,
    part: &QueueName,
    tick: TickId,
) -> Result<Reply> {
    let _ = (client, combined, part, tick);
    todo!()
}

/// `pgq_node.set_node_attrs`; `attrs` is url-encoded.
pub async fn set_node_attrs(
    client: &impl GenericClient,
    queue: &QueueName,
    attrs: Option<&str>,
) -> Result<Reply> {
    let _ = (client, queue, attrs);
    todo!()
}

/// `pgq_node.version`.
pub async fn version(client: &impl GenericClient) -> Result<Option<String>> {
    let _ = client;
    todo!()
}
