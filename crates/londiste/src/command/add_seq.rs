//! `add-seq`: subscribes this node to sequences (contract `cli.md` 6.15). One transaction for all of them.

use anyhow::bail;
use pgq_client::calls::pgq_node::NodeType;
use pgq_client::name::TableName;
use tokio_postgres::GenericClient;

use super::Run;
use super::add_table::{location, upstream};
use super::create_object::create_sequence;
use super::set::LocalSet;
use super::wanted::{Choice, choose};
use crate::calls::{self, ObjectKind, SeqRow};
use crate::job::{self, UsageError};

/// Adds the sequences that the arguments name.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let options = &run.options;
    let create = options.create || options.create_full;
    let queue = &run.job.settings.queue;
    let mut set = LocalSet::load(run).await?;
    let mut provider = if set.node_type()? == NodeType::Root {
        None
    } else {
        Some(run.job.remote("provider_db", &location(run, &set)?).await?)
    };
    let upstream = match (&provider, &options.copy_node) {
        (Some(_), Some(_)) => Some(upstream(run, &set).await?),
        _ => None,
    };
    let transaction = job::begin(&mut set.db).await?;
    if let Some(upstream) = upstream.as_ref().or(provider.as_ref()) {
        // In this order: a sequence that comes to both meanwhile is not taken for one that the provider no longer has.
        let here = calls::get_seq_list(&transaction, queue).await?;
        let there = calls::get_seq_list(&**upstream, queue).await?;
        sync_registrations(run, &transaction, &here, &there).await?;
    }
    for seq in sequences(run, &transaction).await? {
        let exists = calls::find_seq_oid(&transaction, &seq).await?.is_some();
        if create && exists {
            tracing::info!("Sequence {seq} already exist, not creating");
        } else if create {
            match &mut provider {
                Some(provider) if calls::find_seq_oid(&**provider, &seq).await?.is_some() => {
                    create_sequence(provider, &transaction, &seq).await?;
                }
                _ => {
                    tracing::warn!("Sequence \"{seq}\" missing on provider, skipping");
                    continue;
                }
            }
        } else if !exists {
            if options.skip_non_existing {
                tracing::warn!("Sequence \"{seq}\" missing on local node, skipping");
                continue;
            }
            bail!(UsageError(format!("Sequence '{seq}' missing on local node")));
        }
        job::checked(&calls::local_add_seq(&transaction, queue, &seq).await?, None)?;
    }
    job::commit(transaction).await?;
    Ok(())
}

/// Makes the same sequences known here as at the provider.
async fn sync_registrations(
    run: &Run,
    db: &impl GenericClient,
    here: &[SeqRow],
    provider: &[SeqRow],
) -> anyhow::Result<()> {
    let settings = &run.job.settings;
    let queue = &settings.queue;
    let known = |rows: &[SeqRow], name: &TableName| rows.iter().any(|row| row.seq == *name);
    for SeqRow { seq, last_value, .. } in provider {
        if !known(here, seq) && settings.register_seqs.accepts(seq.as_str()) {
            tracing::info!("Sequence {seq} info missing from subscriber, adding");
            job::checked(&calls::global_update_seq(db, queue, seq, *last_value).await?, None)?;
        }
    }
    for SeqRow { seq, .. } in here {
        if !known(provider, seq) {
            tracing::info!("Sequence {seq} gone but exists on subscriber, removing");
            job::checked_removal(&calls::global_remove_seq(db, queue, seq).await?)?;
        }
    }
    Ok(())
}

async fn sequences(run: &Run, db: &impl GenericClient) -> anyhow::Result<Vec<TableName>> {
    let queue = &run.job.settings.queue;
    let attached = attached_seqs(db, run).await?;
    // On a root the list of missing objects does not leave out registered sequences.
    let missing: Vec<TableName> = calls::local_show_missing(db, queue)
        .await?
        .into_iter()
        .filter(|object| object.kind == ObjectKind::Sequence && !attached.contains(&object.name))
        .map(|object| object.name)
        .collect();
    let choice = Choice {
        working: &missing,
        done: &attached,
        done_because: None,
        all: run.options.all,
        force: run.options.force,
        needs_table: true,
    };
    choose(db, &run.args, choice, ObjectKind::Sequence).await
}

/// Names of the sequences that this node has.
pub(super) async fn attached_seqs(
    db: &impl GenericClient,
    run: &Run,
) -> anyhow::Result<Vec<TableName>> {
    let rows = calls::get_seq_list(db, &run.job.settings.queue).await?;
    Ok(rows.into_iter().filter(|row| row.local).map(|row| row.seq).collect())
}
