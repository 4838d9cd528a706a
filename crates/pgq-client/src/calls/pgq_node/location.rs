//! Members of a cascade and where they are.

use tokio_postgres::GenericClient;

use crate::Result;
use crate::calls::Reply;
use crate::calls::statement::{Arg, query, reply};
use crate::name::{NodeName, QueueName};

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
