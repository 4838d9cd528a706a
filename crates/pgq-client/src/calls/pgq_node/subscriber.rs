//! The provider's side: who subscribes, and how far the cascade as a whole is.

use tokio_postgres::GenericClient;

use super::tick;
use crate::Result;
use crate::calls::Reply;
use crate::calls::statement::{Arg, one_cmd_row, query, reply, reply_of};
use crate::id::TickId;
use crate::name::{ConsumerName, NodeName, QueueName};

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

/// `pgq_node.register_subscriber`; the second value is the provider's global watermark.
pub async fn register_subscriber(
    client: &impl GenericClient,
    queue: &QueueName,
    node: &NodeName,
    worker: &ConsumerName,
    at: Option<TickId>,
) -> Result<(Reply, Option<TickId>)> {
    let sql = "select * from pgq_node.register_subscriber($1, $2, $3, $4)";
    let args = [
        Arg::Text(queue.as_str()),
        Arg::Text(node.as_str()),
        Arg::Text(worker.as_str()),
        Arg::OptNumber(at.map(|tick| tick.0)),
    ];
    let row = one_cmd_row(client, sql, &args).await?;
    Ok((reply_of(&row, sql, &args)?, tick(&row, "global_watermark")?))
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
