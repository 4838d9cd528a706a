//! The node of this database: made, dropped, described, and its role changed.

use tokio_postgres::GenericClient;

use super::{NodeType, tick};
use crate::Result;
use crate::calls::Reply;
use crate::calls::statement::{Arg, one_cmd_row, reply, reply_of, value};
use crate::id::TickId;
use crate::name::{ConsumerName, NodeName, QueueName};

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

/// `pgq_node.is_root_node`.
///
/// # Errors
/// The server's when the queue has no node here (`queue does not exist: ...`).
pub async fn is_root_node(client: &impl GenericClient, queue: &QueueName) -> Result<bool> {
    let root: Option<bool> =
        value(client, "select pgq_node.is_root_node($1)", &[Arg::Text(queue.as_str())]).await?;
    Ok(root.unwrap_or_default())
}

/// `pgq_node.is_leaf_node`.
///
/// # Errors
/// The server's when the queue has no node here (`queue does not exist: ...`).
pub async fn is_leaf_node(client: &impl GenericClient, queue: &QueueName) -> Result<bool> {
    let leaf: Option<bool> =
        value(client, "select pgq_node.is_leaf_node($1)", &[Arg::Text(queue.as_str())]).await?;
    Ok(leaf.unwrap_or_default())
}

/// `pgq_node.demote_root`: one of the steps 1, 2 and 3, each in a transaction of its own. The tick is the last one of the
/// old root, known from step 2 on.
pub async fn demote_root(
    client: &impl GenericClient,
    queue: &QueueName,
    step: i32,
    new_provider: &NodeName,
) -> Result<(Reply, Option<TickId>)> {
    let sql = "select * from pgq_node.demote_root($1, $2::int8::int4, $3)";
    let args =
        [Arg::Text(queue.as_str()), Arg::Number(step.into()), Arg::Text(new_provider.as_str())];
    let row = one_cmd_row(client, sql, &args).await?;
    Ok((reply_of(&row, sql, &args)?, tick(&row, "last_tick")?))
}

/// `pgq_node.promote_branch`.
pub async fn promote_branch(client: &impl GenericClient, queue: &QueueName) -> Result<Reply> {
    let sql = "select * from pgq_node.promote_branch($1)";
    reply(client, sql, &[Arg::Text(queue.as_str())]).await
}

/// `pgq_node.version`.
pub async fn version(client: &impl GenericClient) -> Result<Option<String>> {
    value(client, "select pgq_node.version()", &[]).await
}
