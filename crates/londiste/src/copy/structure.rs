//! The structure of a table whose copy stored it: back on the table when all rows are there (contract `worker.md` 18.5).
//!
//! Indexes first, side by side, each in a transaction that also takes it out of what is stored: after a crash only those
//! are made that are missing. Then all the rest at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use pgq_client::conn::Canceller;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::progress::Progress;
use super::rows::{DESTINATION_SETTINGS, run, set_up};
use super::watch::backend;
use crate::calls;
use crate::crash_point::crash_point;
use crate::ddl::{indexes, split};
use crate::job::{self, Job};
use crate::replay::replica::connect_replica;
use crate::table::registry::Table;

/// Runs the statements that a copy stored, and forgets them.
pub(super) async fn restore(
    job: &Job,
    dst: &Client,
    table: &Table,
    connections: usize,
    progress: &Arc<Progress>,
) -> anyhow::Result<()> {
    progress.indexes_begin();
    tracing::info!("{}: restoring DDL", table.name);
    let stored = table.dropped_ddl.as_deref().unwrap_or_default();
    side_by_side(job, table, stored, connections, progress).await?;
    let queue = &job.settings.queue;
    run(dst, "begin").await?;
    set_up(dst, DESTINATION_SETTINGS).await?;
    let Some(stored) = stored_now(job, dst, table).await? else {
        bail!("table {} was removed while its structure was restored", table.name);
    };
    for statement in statements(table, &stored)? {
        tracing::info!("{statement}");
        run(dst, statement).await?;
    }
    let reply = calls::local_set_table_struct(dst, queue, &table.name, None).await?;
    job::checked(&reply, None)?;
    run(dst, "commit").await?;
    Ok(())
}

/// Makes the indexes, if there are several and several connections to make them.
async fn side_by_side(
    job: &Job,
    table: &Table,
    stored: &str,
    connections: usize,
    progress: &Arc<Progress>,
) -> anyhow::Result<()> {
    let found = indexes::indexes(stored).with_context(|| place(table))?;
    if connections < 2 || found.len() < 2 {
        return Ok(());
    }
    let connections = connections.min(found.len());
    let owned = |index: Vec<&str>| index.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let queue: VecDeque<_> = found.into_iter().map(owned).collect();
    let queue = Arc::new(Mutex::new(queue));
    let mut tasks = JoinSet::new();
    for nr in 1..=connections {
        let (job, table, queue) = (job.clone(), table.clone(), Arc::clone(&queue));
        let progress = Arc::clone(progress);
        tasks.spawn(async move {
            let dst = connect_replica(&job, &format!("copy.{}.{nr}", table.name)).await?;
            let mut end = EndWithUs(Some(dst.canceller()));
            progress.add_backend(backend(&dst).await?);
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(index) = next else { break };
                make(&job, &dst, &table, &index).await?;
                crash_point("copy-index-committed");
            }
            end.0 = None;
            dst.close().await;
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.context("a connection that makes indexes")??;
    }
    Ok(())
}

/// Ends what a session does when nobody waits for it any more: the server would go on until the index is made, and keep the
/// table locked.
struct EndWithUs(Option<Canceller>);

impl Drop for EndWithUs {
    fn drop(&mut self) {
        if let (Some(canceller), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { canceller.cancel().await });
        }
    }
}

/// Makes one index and takes it out of what is stored.
async fn make(job: &Job, dst: &Client, table: &Table, index: &[String]) -> anyhow::Result<()> {
    run(dst, "begin").await?;
    set_up(dst, DESTINATION_SETTINGS).await?;
    for statement in index {
        tracing::info!("{statement}");
        run(dst, statement).await?;
    }
    // Whoever else takes something out has to be done first. Last of all, so that nobody waits for an index.
    let queue = &job.settings.queue;
    calls::lock_table_info(dst, queue, &table.name).await?;
    let left = match stored_now(job, dst, table).await? {
        Some(stored) => indexes::without(&stored, index).with_context(|| place(table))?,
        None => None,
    };
    let Some(left) = left else {
        bail!("table {} was removed while its structure was restored", table.name);
    };
    let reply = calls::local_set_table_struct(dst, queue, &table.name, Some(&left)).await?;
    job::checked_quiet(&reply, None)?;
    run(dst, "commit").await
}

/// What is stored now; `None` where the table is not ours any more.
async fn stored_now(job: &Job, dst: &Client, table: &Table) -> anyhow::Result<Option<String>> {
    let row = calls::get_local_table(dst, &job.settings.queue, &table.name).await?;
    Ok(row.and_then(|row| row.dropped_ddl))
}

fn statements<'a>(table: &Table, stored: &'a str) -> anyhow::Result<Vec<&'a str>> {
    let statements = split::split(stored).with_context(|| place(table))?;
    Ok(statements.into_iter().map(|statement| statement.text).collect())
}

fn place(table: &Table) -> String {
    format!("table {}: dropped_ddl", table.name)
}
