//! What a node and its worker report.

use tokio_postgres::GenericClient;

use super::consumer::{ConsumerState, consumer_state};
use super::{NodeType, node_type, text, tick};
use crate::Result;
use crate::calls::Reply;
use crate::calls::statement::{Arg, one_row, reply_of};
use crate::id::TickId;
use crate::name::{ConsumerName, NodeName, QueueName};

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

/// `pgq_node.get_worker_state`: the node and its worker; what an early 404 left open is `None`.
#[derive(Debug, Clone)]
pub struct WorkerState {
    /// The worker as a consumer.
    pub consumer: ConsumerState,
    /// `worker_name`
    pub worker_name: Option<ConsumerName>,
    /// `global_watermark`
    pub global_watermark: Option<TickId>,
    /// `local_watermark`
    pub local_watermark: Option<TickId>,
    /// `local_queue_top`: newest tick of the queue.
    pub local_queue_top: Option<TickId>,
    /// `combined_queue`, as stored.
    pub combined_queue: Option<QueueName>,
    /// `combined_type`
    pub combined_type: Option<NodeType>,
}

/// `pgq_node.get_node_info`.
pub async fn get_node_info(client: &impl GenericClient, queue: &QueueName) -> Result<NodeInfo> {
    let (sql, args) = ("select * from pgq_node.get_node_info($1)", [Arg::Text(queue.as_str())]);
    let row = one_row(client, sql, &args).await?;
    Ok(NodeInfo {
        reply: reply_of(&row, sql, &args)?,
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

/// `pgq_node.get_worker_state`.
pub async fn get_worker_state(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<WorkerState> {
    let (sql, args) = ("select * from pgq_node.get_worker_state($1)", [Arg::Text(queue.as_str())]);
    let row = one_row(client, sql, &args).await?;
    Ok(WorkerState {
        consumer: consumer_state(&row, reply_of(&row, sql, &args)?)?,
        worker_name: text(&row, "worker_name")?.map(ConsumerName::new),
        global_watermark: tick(&row, "global_watermark")?,
        local_watermark: tick(&row, "local_watermark")?,
        local_queue_top: tick(&row, "local_queue_top")?,
        combined_queue: text(&row, "combined_queue")?.map(QueueName::new),
        combined_type: node_type(&row, "combined_type")?,
    })
}
