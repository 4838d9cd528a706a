//! Several queues that fill one table. The schema has no functions for these questions, so that they also work on the
//! original's.

use pgq_client::Result;
use pgq_client::calls::statement::{Arg, query, value};
use pgq_client::name::{QueueName, TableName};
use tokio_postgres::GenericClient;

use crate::table::attrs::TableAttrs;
use crate::table::state::TableState;

/// Another queue that brings rows into a table of this database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSource {
    /// The queue.
    pub queue: QueueName,
    /// Whether its copies and ours wait for each other (`londiste._coordinate_copy`).
    pub same_group: bool,
    /// Whether rows of it may be in the table.
    pub has_rows: bool,
    /// Whether its copy has put keys and indexes of the table away.
    pub holds_structure: bool,
}

/// The other queues that bring rows into `dest`: leaves and branches that apply what they get. One that follows a combined
/// queue brings nothing itself.
pub async fn other_sources(
    client: &impl GenericClient,
    queue: &QueueName,
    dest: &TableName,
) -> Result<Vec<OtherSource>> {
    let rows = query(
        client,
        "select t.queue_name, t.merge_state, t.table_attrs, t.dropped_ddl is not null as holds_structure, \
                n.combined_queue is not distinct from me.combined_queue as same_group \
           from londiste.table_info t \
           join pgq_node.node_info n on n.queue_name = t.queue_name \
           join pgq_node.node_info me on me.queue_name = $1 \
           left join pgq_node.node_info c on c.queue_name = n.combined_queue \
          where t.local and t.queue_name <> $1 and coalesce(t.dest_table, t.table_name) = $2 \
            and n.node_type in ('leaf', 'branch') and c.node_type is distinct from 'branch' \
          order by 1",
        &[Arg::Text(queue.as_str()), Arg::Text(dest.as_str())],
    )
    .await?;
    rows.iter()
        .map(|row| {
            let state = TableState::from_stored(row.try_get("merge_state")?);
            let attrs = TableAttrs::parse(row.try_get("table_attrs")?);
            let copies_first = matches!(state, Ok(TableState::Missing | TableState::InCopy));
            Ok(OtherSource {
                queue: QueueName::new(row.try_get::<_, &str>("queue_name")?),
                same_group: row.try_get("same_group")?,
                // What cannot be read may mean anything, so it may mean rows.
                has_rows: !copies_first || attrs.is_ok_and(|attrs| attrs.renew()),
                holds_structure: row.try_get("holds_structure")?,
            })
        })
        .collect()
}

/// Queues that are merged into `queue` in this database and still have rows of `dest` to bring.
pub async fn unfinished_parts(
    client: &impl GenericClient,
    queue: &QueueName,
    dest: &TableName,
) -> Result<Option<String>> {
    value(
        client,
        "select string_agg(t.queue_name, ', ' order by t.queue_name) \
           from pgq_node.node_info n join londiste.table_info t on t.queue_name = n.queue_name \
          where n.combined_queue = $1 and t.local and coalesce(t.dest_table, t.table_name) = $2 \
            and t.merge_state is distinct from 'ok'",
        &[Arg::Text(queue.as_str()), Arg::Text(dest.as_str())],
    )
    .await
}

/// Tables of the combined queue whose changes `queue` brings and does not apply, because they are not attached to it.
pub async fn tables_passed_by(
    client: &impl GenericClient,
    queue: &QueueName,
    combined: &QueueName,
) -> Result<Option<String>> {
    value(
        client,
        "select string_agg(t.table_name, ', ' order by t.table_name) \
           from londiste.table_info t join londiste.table_info own using (table_name) \
          where t.queue_name = $2 and t.local and own.queue_name = $1 and not own.local",
        &[Arg::Text(queue.as_str()), Arg::Text(combined.as_str())],
    )
    .await
}
