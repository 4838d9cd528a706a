//! Consumers that write into this database: positions, flags, errors.

use tokio_postgres::{GenericClient, Row};

use super::{NodeType, node_type, text, tick};
use crate::Result;
use crate::calls::Reply;
use crate::calls::statement::{Arg, one_row, query, reply, reply_of};
use crate::id::TickId;
use crate::name::{ConsumerName, NodeName, QueueName};

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

/// `pgq_node.get_consumer_state`.
pub async fn get_consumer_state(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<ConsumerState> {
    let sql = "select * from pgq_node.get_consumer_state($1, $2)";
    let args = [Arg::Text(queue.as_str()), Arg::Text(consumer.as_str())];
    let row = one_row(client, sql, &args).await?;
    consumer_state(&row, reply_of(&row, sql, &args)?)
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

/// The position of a consumer on this node, locked until the end of the transaction: nobody else can move it before we
/// do. Reads `pgq_node.local_state`, because no function of the schema locks a position.
pub async fn lock_consumer_position(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<Option<TickId>> {
    let rows = query(
        client,
        "select last_tick_id from pgq_node.local_state \
         where queue_name = $1 and consumer_name = $2 for no key update",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str())],
    )
    .await?;
    rows.first().map(|row| Ok(TickId(row.try_get(0)?))).transpose()
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

pub(super) fn consumer_state(row: &Row, reply: Reply) -> Result<ConsumerState> {
    Ok(ConsumerState {
        reply,
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
