//! `resync`: lets the worker copy tables again (contract `cli.md` 6.17).
//!
//! Departures: refused on a root. The original accepted it there, which made the table useless as a source of copies. Where
//! other queues fill the table as well, their rows stay: the original emptied the table for one of them.

use anyhow::bail;
use pgq_client::calls::pgq_node::NodeType;
use pgq_client::name::QueueName;
use tokio_postgres::GenericClient;

use super::Run;
use super::add_table::{Provider, attached_tables};
use super::remove::chosen;
use super::set::LocalSet;
use crate::calls::{self, ObjectKind, TableRow};
use crate::job::{self, UsageError};
use crate::table::attrs::TableAttrs;
use crate::table::state::TableState;

/// Resets the state of the tables that the arguments name.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let options = &run.options;
    let queue = &run.job.settings.queue;
    let mut set = LocalSet::load(run).await?;
    if set.node_type()? == NodeType::Root {
        bail!(UsageError("Current node is root, there is nothing to copy from".to_owned()));
    }
    if let (Some(NodeType::Branch), Some(combined)) =
        (set.info.combined_type, &set.info.combined_queue)
    {
        bail!(UsageError(format!(
            "The rows of this node come through queue {combined}, there is nothing to copy from; resync there"
        )));
    }
    let provider = Provider::connect(run, &set).await?;
    let attached = attached_tables(&*set.db, run).await?;
    let names = chosen(run, &set, ObjectKind::Table, &attached).await?;
    if let Some(provider) = provider
        && !options.find_copy_node
    {
        provider.must_have(&names, false, "cancelling")?;
    }
    let rows = calls::get_table_list(&*set.db, queue).await?;
    let copy_node = if options.find_copy_node { Some("?") } else { options.copy_node.as_deref() };
    let transaction = job::begin(&mut set.db).await?;
    for name in names {
        // One that somebody removes at this moment is complained about below.
        if let Some(row) = rows.iter().find(|row| row.table == name) {
            let before = TableAttrs::parse(row.attrs.as_deref())?;
            let mut attrs = before.clone();
            if let Some(copy_node) = copy_node {
                attrs.set("copy_node", copy_node);
            }
            attrs.set_renew(fills_with_others(&transaction, queue, row).await?);
            if attrs != before {
                let attrs = attrs.to_stored();
                let reply =
                    calls::local_set_table_attrs(&transaction, queue, &name, attrs.as_deref());
                job::checked(&reply.await?, None)?;
            }
        }
        let state = TableState::Missing;
        let reply = calls::local_set_table_state(&transaction, queue, &name, None, state).await?;
        job::checked(&reply, None)?;
    }
    Ok(job::commit(transaction).await?)
}

/// Whether other queues fill the table as well. Then its rows are renewed where they are, which the worker has to know.
///
/// # Errors
/// [`UsageError`] while the table is being copied: whose rows are there already only that copy knows.
async fn fills_with_others(
    db: &impl GenericClient,
    queue: &QueueName,
    row: &TableRow,
) -> anyhow::Result<bool> {
    let name = &row.table;
    let others = calls::other_sources(db, queue, row.dest()).await?;
    if others.is_empty() {
        return Ok(false);
    }
    let attrs = TableAttrs::parse(row.attrs.as_deref())?;
    let stripped = row.dropped_ddl.is_some() || others.iter().any(|other| other.holds_structure);
    let in_the_middle = match row.state()? {
        TableState::Ok | TableState::Missing => false,
        TableState::InCopy => attrs.renew(),
        TableState::CatchingUp | TableState::WannaSync { .. } | TableState::DoSync { .. } => true,
    };
    if stripped || in_the_middle {
        bail!(UsageError(format!(
            "Table {name} is being copied right now, and other queues fill it as well; repeat this when it is in sync \
             (see wait-sync)"
        )));
    }
    let queues: Vec<&str> = others.iter().map(|other| other.queue.as_str()).collect();
    tracing::info!(
        "{name}: rows that differ from the source are replaced, rows of {} stay; so do rows that the source does not have \
         although it did not delete them just now",
        queues.join(", ")
    );
    Ok(true)
}
