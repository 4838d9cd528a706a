//! `resync`: lets the worker copy tables again (contract `cli.md` 6.17).
//!
//! Departures: refused on a root. The original accepted it there, which made the table useless as a source of copies. Where
//! other queues fill the table as well, their rows stay: the original emptied the table for one of them.

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq_node::{self, NodeType};
use tokio_postgres::GenericClient;

use super::Run;
use super::add_table::{Provider, attached_tables};
use super::remove::chosen;
use super::set::LocalSet;
use crate::calls::{self, ObjectKind, TableRow};
use crate::job::{self, UsageError};
use crate::table::attrs::{Renewal, TableAttrs};
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
    let copy_node = if options.find_copy_node { Some("?") } else { options.copy_node.as_deref() };
    let transaction = job::begin(&mut set.db).await?;
    // Neither the worker nor a copy changes what is decided about.
    for name in &names {
        calls::lock_table(&transaction, queue, name).await?;
    }
    let rows = calls::get_table_list(&transaction, queue).await?;
    for name in names {
        let mut state = TableState::Missing;
        // One that somebody removes at this moment is complained about below.
        if let Some(row) = rows.iter().find(|row| row.table == name) {
            let before = TableAttrs::parse(row.attrs.as_deref())?;
            let mut attrs = before.clone();
            if let Some(copy_node) = copy_node {
                attrs.set("copy_node", copy_node);
            }
            attrs.set_renewal(renewal(&transaction, run, row).await?);
            if let Some(Renewal::Since(_)) = attrs.renewal() {
                // The worker has left the table already, and goes on doing so.
                state = TableState::InCopy;
            }
            if attrs != before {
                let attrs = attrs.to_stored();
                let reply =
                    calls::local_set_table_attrs(&transaction, queue, &name, attrs.as_deref());
                job::checked(&reply.await?, None)?;
            }
        }
        let reply = calls::local_set_table_state(&transaction, queue, &name, None, state).await?;
        job::checked(&reply, None)?;
    }
    Ok(job::commit(transaction).await?)
}

/// How the table is copied again when other queues fill it as well: its rows are renewed where they are, which the worker has
/// to know. `None` when nobody else does.
///
/// # Errors
/// [`UsageError`] while the table is being copied: whose rows are there already only that copy knows.
async fn renewal(
    db: &impl GenericClient,
    run: &Run,
    row: &TableRow,
) -> anyhow::Result<Option<Renewal>> {
    let (queue, name) = (&run.job.settings.queue, &row.table);
    let others = calls::other_sources(db, queue, row.dest()).await?;
    if others.is_empty() {
        return Ok(None);
    }
    let attrs = TableAttrs::parse(row.attrs.as_deref())?;
    let handler = attrs.handler()?.name;
    if handler != "londiste" {
        bail!(UsageError(format!(
            "Table {name} has handler {handler} and other queues fill it as well: which of its rows come from here, and \
             how, only the handler knows. Delete them, then remove the table and add it again"
        )));
    }
    let stripped = row.dropped_ddl.is_some() || others.iter().any(|other| other.holds_structure);
    match standing(row.state()?, attrs.renewal(), stripped) {
        Standing::InSync => {}
        Standing::Renewed if run.options.force => {
            let worker =
                pgq_node::get_consumer_state(db, queue, &run.job.settings.consumer).await?;
            job::checked_quiet(&worker.reply, None)?;
            let tick = worker.completed_tick.context("the worker has no position")?;
            tracing::warn!(
                "{name}: the copy begins again at tick {tick}; rows that the source has deleted before that may stay"
            );
            return Ok(Some(Renewal::Since(tick)));
        }
        Standing::Renewed | Standing::Copied => bail!(UsageError(format!(
            "Table {name} is being copied right now, and other queues fill it as well; repeat this when it is in sync \
             (see wait-sync)"
        ))),
        Standing::Never => bail!(UsageError(format!(
            "Table {name} is being copied right now or about to be, and other queues fill it as well: its rows cannot \
             be told from theirs before it is in sync (see wait-sync). If the copy stops at a key that is there \
             already, delete the row on the side where it does not belong; the copy then goes on by itself"
        ))),
    }
    let queues: Vec<&str> = others.iter().map(|other| other.queue.as_str()).collect();
    tracing::info!(
        "{name}: rows that differ from the source are replaced, rows of {} stay; so do rows that the source does not have \
         although it did not delete them just now",
        queues.join(", ")
    );
    Ok(Some(Renewal::Wanted))
}

/// What is known of a table's rows in the database, where other queues fill it as well.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// All keys of the source are this queue's.
    InSync,
    /// As `InSync`, and they are being renewed.
    Renewed,
    /// On the way to it, past the copy.
    Copied,
    /// A key of the source may be another queue's, whose row a renewal would replace.
    Never,
}

/// `stripped` is whether a copy has put keys of the table away.
fn standing(state: TableState, renewal: Option<Renewal>, stripped: bool) -> Standing {
    match (state, renewal) {
        _ if stripped => Standing::Copied,
        (TableState::Ok, _) | (TableState::Missing, Some(_)) => Standing::InSync,
        (TableState::InCopy, Some(_)) => Standing::Renewed,
        (TableState::Missing | TableState::InCopy, None) => Standing::Never,
        (TableState::CatchingUp | TableState::WannaSync { .. } | TableState::DoSync { .. }, _) => {
            Standing::Copied
        }
    }
}

#[cfg(test)]
mod tests {
    use pgq_client::id::TickId;

    use super::*;

    #[test]
    fn only_what_was_in_sync_is_renewed() {
        let (wanted, since) = (Some(Renewal::Wanted), Some(Renewal::Since(TickId(7))));
        for (state, renewal, expected) in [
            (TableState::Ok, None, Standing::InSync),
            (TableState::Missing, wanted, Standing::InSync),
            (TableState::Missing, None, Standing::Never),
            (TableState::InCopy, None, Standing::Never),
            (TableState::InCopy, since, Standing::Renewed),
            (TableState::CatchingUp, None, Standing::Copied),
            (TableState::DoSync { tick: TickId(8) }, None, Standing::Copied),
        ] {
            assert_eq!(standing(state, renewal, false), expected, "{state} {renewal:?}");
            assert_eq!(standing(state, renewal, true), Standing::Copied);
        }
    }
}
