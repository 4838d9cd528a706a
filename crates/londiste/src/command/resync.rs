//! `resync`: lets the worker copy tables again (contract `cli.md` 6.17).
//!
//! Departure: refused on a root. The original accepted it there, which made the table useless as a source of copies.

use anyhow::bail;
use pgq_client::calls::pgq_node::NodeType;

use super::Run;
use super::add_table::{Provider, attached_tables};
use super::remove::chosen;
use super::set::LocalSet;
use crate::calls::{self, ObjectKind};
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
        if let Some(copy_node) = copy_node {
            let stored = rows.iter().find(|row| row.table == name);
            let mut attrs = TableAttrs::parse(stored.and_then(|row| row.attrs.as_deref()))?;
            attrs.set("copy_node", copy_node);
            let attrs = attrs.to_stored();
            let reply =
                calls::local_set_table_attrs(&transaction, queue, &name, attrs.as_deref()).await?;
            job::checked(&reply, None)?;
        }
        let state = TableState::Missing;
        let reply = calls::local_set_table_state(&transaction, queue, &name, None, state).await?;
        job::checked(&reply, None)?;
    }
    Ok(job::commit(transaction).await?)
}
