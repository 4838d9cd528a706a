//! Which node upstream has the rows of some tables (contract `cli.md` 5.11): for copies, comparison and `--create`.

use pgq_client::calls::pgq_node::{self, NodeType};
use pgq_client::calls::{Reply, Severity};
use pgq_client::conn::Session;
use pgq_client::name::{NodeName, QueueName, TableName};

use super::attrs::TableAttrs;
use crate::calls::{self, TableRow};
use crate::job::{Job, UsageError};

/// A node that has the wanted tables, connected.
pub struct Source {
    /// The node.
    pub node: NodeName,
    /// Its type.
    pub node_type: NodeType,
    /// Its address as the set knows it.
    pub location: String,
    /// A connection to it, no transaction open.
    pub session: Session,
    /// All tables of the set as this node sees them.
    pub tables: Vec<TableRow>,
}

impl Source {
    /// The row of one table.
    pub fn table(&self, name: &TableName) -> Option<&TableRow> {
        self.tables.iter().find(|row| row.table == *name)
    }
}

/// Walks from a node towards the root until a node has all the wanted tables with their data.
///
/// # Errors
/// [`UsageError`] when a node on the way is not initialised, or not even the root has all tables.
pub async fn find(job: &Job, location: &str, wanted: &[TableName]) -> anyhow::Result<Source> {
    let found = search(job, location, wanted).await?;
    Ok(found.ok_or_else(|| UsageError("Found root and no source found".to_owned()))?)
}

/// As [`find`]; `None` when not even the root has all tables.
///
/// # Errors
/// [`UsageError`] when a node on the way is not initialised.
pub async fn search(
    job: &Job,
    location: &str,
    wanted: &[TableName],
) -> anyhow::Result<Option<Source>> {
    let queue = &job.settings.queue;
    let mut location = location.to_owned();
    loop {
        let (source, provider) = look_at(job, &location).await?;
        let node = &source.node;
        tracing::info!("Checking if {node} can be used for copy");
        if wanted.iter().all(|table| is_usable(&source.tables, table)) {
            tracing::info!("Node {node} seems good source, using it");
            return Ok(Some(source));
        }
        tracing::info!("Node {node} does not have all tables");
        match provider {
            Some(provider) if source.node_type != NodeType::Root && provider != location => {
                location = provider;
            }
            _ => {
                tracing::debug!(
                    "queue {queue}: no node between here and {node} has all of the wanted tables"
                );
                return Ok(None);
            }
        }
    }
}

/// Connects to a node and reads what it has; the second value is its provider's location.
async fn look_at(job: &Job, location: &str) -> anyhow::Result<(Source, Option<String>)> {
    let queue: &QueueName = &job.settings.queue;
    let session = job.remote("_source_db", location).await?;
    let info = pgq_node::get_node_info(&*session, queue).await?;
    let Reply { code, note, .. } = &info.reply;
    let (Some(node), Some(node_type)) = (info.node_name, info.node_type) else {
        tracing::debug!("{code} {note}");
        return Err(UsageError("Node does not exist".to_owned()).into());
    };
    if info.reply.severity() == Severity::Failed {
        return Err(UsageError("Node does not exist".to_owned()).into());
    }
    let tables = calls::get_table_list(&*session, queue).await?;
    let source = Source { node, node_type, location: location.to_owned(), session, tables };
    Ok((source, info.provider_location))
}

/// Whether a node with these tables has the rows of one.
pub fn is_usable(tables: &[TableRow], table: &TableName) -> bool {
    match tables.iter().find(|row| row.table == *table) {
        Some(row) if row.local => {
            let stores = stores_data(row);
            if stores {
                tracing::debug!("Good: {table} is usable");
            } else {
                let attrs = row.attrs.as_deref().unwrap_or_default();
                tracing::debug!("Problem: {table} handler does not store data [{attrs}]");
            }
            stores
        }
        _ => {
            tracing::debug!("Problem: {table} is not local");
            false
        }
    }
}

/// Whether the table's handler puts rows into the table. Handlers that pass events elsewhere or drop them have none to
/// give.
pub fn stores_data(row: &TableRow) -> bool {
    let handler =
        TableAttrs::parse(row.attrs.as_deref()).ok().and_then(|attrs| attrs.handler().ok());
    // By name: whoever asks may not have the module that another node's handler comes from.
    !handler.is_some_and(|handler| match handler.name.as_str() {
        "qtable" | "qsplitter" | "vtable" | "fake_local" => true,
        "shard" | "part" => {
            let replay = handler.args.get("disable_replay");
            replay.is_some_and(|disabled| matches!(disabled.as_str(), "true" | "1"))
        }
        _ => false,
    })
}
