//! `remove-table`, `remove-seq`: ends subscriptions, on the root for the whole set (contract `cli.md` 6.16). One
//! transaction for all of them; rows, tables and sequences stay.

use pgq_client::calls::Reply;
use pgq_client::name::TableName;

use super::Run;
use super::add_seq::attached_seqs;
use super::add_table::attached_tables;
use super::set::LocalSet;
use super::wanted::{Choice, choose};
use crate::calls::{self, ObjectKind};
use crate::job::{self, CallFailed};

/// Removes the tables that the arguments name.
pub(crate) async fn tables(run: &Run) -> anyhow::Result<()> {
    let queue = &run.job.settings.queue;
    let mut set = LocalSet::load(run).await?;
    set.name()?;
    let attached = attached_tables(&*set.db, run).await?;
    let names = chosen(run, &set, ObjectKind::Table, &attached).await?;
    let transaction = job::begin(&mut set.db).await?;
    for table in names {
        let reply = calls::local_remove_table(&transaction, queue, &table).await?;
        judge(&reply, attached.contains(&table))?;
    }
    Ok(job::commit(transaction).await?)
}

/// Removes the sequences that the arguments name.
pub(crate) async fn seqs(run: &Run) -> anyhow::Result<()> {
    let queue = &run.job.settings.queue;
    let mut set = LocalSet::load(run).await?;
    set.name()?;
    let attached = attached_seqs(&*set.db, run).await?;
    let names = chosen(run, &set, ObjectKind::Sequence, &attached).await?;
    let transaction = job::begin(&mut set.db).await?;
    for seq in names {
        let reply = calls::local_remove_seq(&transaction, queue, &seq).await?;
        judge(&reply, attached.contains(&seq))?;
    }
    Ok(job::commit(transaction).await?)
}

/// What `--force` lets through without having seen it has to be there.
fn judge(reply: &Reply, seen: bool) -> Result<(), CallFailed> {
    if seen { job::checked_removal(reply) } else { job::checked(reply, None) }
}

/// The names among those attached that the arguments mean.
pub(super) async fn chosen(
    run: &Run,
    set: &LocalSet,
    kind: ObjectKind,
    attached: &[TableName],
) -> anyhow::Result<Vec<TableName>> {
    let missing: Vec<TableName> = calls::local_show_missing(&*set.db, &run.job.settings.queue)
        .await?
        .into_iter()
        .filter(|object| object.kind == kind && !attached.contains(&object.name))
        .map(|object| object.name)
        .collect();
    let choice = Choice {
        working: attached,
        done: &missing,
        done_because: Some(match kind {
            ObjectKind::Table => "It is not in this node's set; `tables` lists what is.",
            ObjectKind::Sequence => "It is not in this node's set; `seqs` lists what is.",
        }),
        all: run.options.all,
        force: run.options.force,
        needs_table: true,
    };
    choose(&*set.db, &run.args, choice, kind).await
}
