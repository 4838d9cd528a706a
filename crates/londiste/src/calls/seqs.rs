//! Sequences of a set (contract `londiste-sql.md` 13).

use pgq_client::Result;
use pgq_client::calls::Reply;
use pgq_client::calls::statement::{Arg, query, reply, value};
use pgq_client::name::{QueueName, TableName};
use tokio_postgres::GenericClient;

/// A row of `londiste.get_seq_list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeqRow {
    /// `seq_name`
    pub seq: TableName,
    /// `last_value`: what the root published last, ahead of the sequence itself.
    pub last_value: i64,
    /// `local`: whether this node subscribes to it.
    pub local: bool,
}

/// `londiste.get_seq_list`: all sequences of the queue in registration order.
pub async fn get_seq_list(client: &impl GenericClient, queue: &QueueName) -> Result<Vec<SeqRow>> {
    let rows = query(
        client,
        "select seq_name, last_value, local from londiste.get_seq_list($1)",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SeqRow {
                seq: TableName::new(row.try_get("seq_name")?),
                last_value: row.try_get("last_value")?,
                local: row.try_get("local")?,
            })
        })
        .collect()
}

/// `londiste.find_seq_oid`: `None` when there is no sequence of that name.
pub async fn find_seq_oid(client: &impl GenericClient, seq: &TableName) -> Result<Option<u32>> {
    value(client, "select londiste.find_seq_oid($1)", &[Arg::Text(seq.as_str())]).await
}

/// `londiste.local_add_seq`: subscribes this node to a sequence; on a root it also publishes its value.
pub async fn local_add_seq(
    client: &impl GenericClient,
    queue: &QueueName,
    seq: &TableName,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.local_add_seq($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(seq.as_str())],
    )
    .await
}

/// `londiste.local_remove_seq`: ends the subscription; on a root the sequence leaves the set.
pub async fn local_remove_seq(
    client: &impl GenericClient,
    queue: &QueueName,
    seq: &TableName,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.local_remove_seq($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(seq.as_str())],
    )
    .await
}

/// `londiste.global_update_seq`: a value published by the root; also makes the sequence known.
pub async fn global_update_seq(
    client: &impl GenericClient,
    queue: &QueueName,
    seq: &TableName,
    value: i64,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.global_update_seq($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(seq.as_str()), Arg::Number(value)],
    )
    .await
}

/// `londiste.global_remove_seq`: forgets a sequence of the set on this node.
pub async fn global_remove_seq(
    client: &impl GenericClient,
    queue: &QueueName,
    seq: &TableName,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.global_remove_seq($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(seq.as_str())],
    )
    .await
}

/// `londiste.root_check_seqs`: on a root, publishes sequences that came close to their published value.
pub async fn root_check_seqs(client: &impl GenericClient, queue: &QueueName) -> Result<Reply> {
    reply(client, "select * from londiste.root_check_seqs($1)", &[Arg::Text(queue.as_str())]).await
}
