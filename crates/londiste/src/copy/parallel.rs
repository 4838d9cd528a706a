//! Large tables over several connections (`threaded_copy_tables`, `threaded_copy_pool_size`).
//!
//! The source is split into ranges of pages, all read with one exported snapshot; each connection pair takes the next
//! range when it is done with one, and commits it. The table's structure was dropped and stored before, so that a crash
//! loses nothing but time.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use pgq_client::Error;
use pgq_client::name::TableName;
use pgq_client::text::quoting::quote_literal;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::pipe;
use super::progress::Progress;
use super::rows::{DESTINATION_SETTINGS, SOURCE_SETTINGS, Statements, run, set_up, still_ours};
use super::source::Link;
use crate::command::wanted::matches;
use crate::crash_point::crash_point;
use crate::job::Job;
use crate::replay::replica::connect_replica;
use crate::table::registry::Table;
use crate::table::sync_copy::CopyMode;

/// Size in bytes from which on a table is worth several connections: it takes ten seconds over one. Below that it is better
/// off in one transaction, which nobody sees half of and whose rows are frozen.
const LARGE: u64 = 1 << 30;

/// Least size of a range, in pages of 8 kB: smaller ones are not worth their transaction.
const LEAST_PAGES: u64 = 1024;

/// Ranges per connection: the last ones to work should not do so alone for long.
const RANGES_PER_CONNECTION: u64 = 8;

/// First version that finds a range of pages without reading the whole table.
const VERSION_WITH_RANGE_SCANS: i32 = 140_000;

/// How many connections `threaded_copy_pool_size` allows. Unless it is set, it depends on the processors of this machine: a
/// copy over one connection keeps nearly two of them busy, and more than four connections wait for disks.
pub(super) fn connections(job: &Job) -> usize {
    job.settings.threaded_copy_pool_size.unwrap_or_else(|| {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        usual_connections(processors)
    })
}

fn usual_connections(processors: usize) -> usize {
    (processors / 2).clamp(1, 4)
}

/// Whether a table is to be copied this way: one that the operator named, or a large one that nobody can be using yet, as it
/// is empty on the destination. Readers would see a part of it.
///
/// Not where rows are to stay in the table: what is committed part by part would come twice after a crash if the table
/// were not emptied then. Not from old servers either.
///
/// # Errors
/// The server's.
pub(super) async fn is_wanted(
    job: &Job,
    src: &Client,
    source: &TableName,
    dst: &Client,
    table: &Table,
) -> anyhow::Result<bool> {
    let globs = &job.settings.threaded_copy_tables;
    let named = globs.iter().any(|glob| matches(glob, table.name.as_str()));
    if connections(job) < 2 || table.attrs.skip_truncate() {
        return Ok(false);
    }
    // What was begun this way goes on this way: parts of it are in the table.
    let wanted = named
        || table.dropped_ddl.is_some()
        || (size(src, source).await? >= LARGE && is_empty(dst, &table.dest).await?);
    if !wanted {
        return Ok(false);
    }
    let version: i32 = text(src, "select current_setting('server_version_num')").await?.parse()?;
    Ok(version >= VERSION_WITH_RANGE_SCANS)
}

/// Copies all rows. The source session is inside the transaction whose snapshot is used.
///
/// # Errors
/// The first connection's that fails; the others are broken off.
pub(super) async fn copy(
    job: &Job,
    link: &Link,
    table: &Table,
    statements: Statements,
    progress: Arc<Progress>,
) -> anyhow::Result<()> {
    let snapshot = text(&link.src, "select pg_export_snapshot()").await?;
    let sql = format!(
        "select (pg_relation_size({}::regclass) / current_setting('block_size')::int8)::text",
        quote_literal(Some(&statements.source))
    );
    let pages: u64 = text(&link.src, &sql).await?.parse().with_context(|| sql.clone())?;
    let pool = connections(job);
    let ranges: VecDeque<Range> = ranges(pages, pool).collect();
    let workers = pool.min(ranges.len());
    let shared = Arc::new(Shared {
        table: table.clone(),
        ranges: Mutex::new(ranges),
        statements,
        progress,
        snapshot,
    });
    let mut tasks = JoinSet::new();
    for nr in 1..=workers {
        let name = format!("copy.{}.{nr}", table.name);
        let (job, location, shared) = (job.clone(), link.location.clone(), Arc::clone(&shared));
        tasks.spawn(async move { work(&job, &location, &name, &shared).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.context("a connection of a threaded copy")??;
    }
    Ok(())
}

/// What the connections have in common.
struct Shared {
    table: Table,
    ranges: Mutex<VecDeque<Range>>,
    statements: Statements,
    progress: Arc<Progress>,
    snapshot: String,
}

/// One pair of connections, until no range is left.
async fn work(job: &Job, location: &str, name: &str, shared: &Shared) -> anyhow::Result<()> {
    let src = job.remote(name, location).await?;
    run(&src, "begin isolation level repeatable read, read only").await?;
    run(&src, &format!("set transaction snapshot '{}'", shared.snapshot)).await?;
    set_up(&src, SOURCE_SETTINGS).await?;
    let shape = shared.statements.shape()?;
    let dst = connect_replica(job, name).await?;
    loop {
        let next = shared.ranges.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(range) = next else { break };
        let read = shared.statements.read(Some(&range.condition()));
        let write = shared.statements.write(false);
        run(&dst, "begin").await?;
        set_up(&dst, DESTINATION_SETTINGS).await?;
        // Behind an operator who waits to remove the table, who then gets it between two ranges.
        let dest = shared.table.dest.quoted();
        run(&dst, &format!("lock table only {dest} in row exclusive mode")).await?;
        still_ours(job, &dst, &shared.table, CopyMode::Parallel).await?;
        pipe::stream(&src, &read, &dst, &write, &shape, &shared.progress).await?;
        run(&dst, "commit").await?;
        crash_point("copy-range-committed");
    }
    run(&src, "commit").await?;
    src.close().await;
    dst.close().await;
    Ok(())
}

/// Bytes of a table's rows, without what is stored beside them. A partitioned table has none of its own.
async fn size(src: &Client, table: &TableName) -> anyhow::Result<u64> {
    let name = quote_literal(Some(&table.quoted()));
    let sql = format!("select coalesce(pg_relation_size(to_regclass({name})), 0)::text");
    text(src, &sql).await?.parse().with_context(|| sql.clone())
}

async fn is_empty(dst: &Client, table: &TableName) -> anyhow::Result<bool> {
    let sql = format!("select (not exists (select 1 from {}))::text", table.quoted());
    Ok(text(dst, &sql).await? == "true")
}

async fn text(client: &Client, sql: &str) -> anyhow::Result<String> {
    let rows = client.query_typed(sql, &[]).await.map_err(|e| Error::sql(e, sql))?;
    Ok(rows.first().with_context(|| format!("no row from: {sql}"))?.try_get(0)?)
}

/// Pages of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u64,
    /// The first page behind; `None` is the table's end, wherever it is.
    end: Option<u64>,
}

impl Range {
    /// As an SQL condition.
    fn condition(self) -> String {
        let first = self.first;
        match self.end {
            Some(end) => format!("ctid >= '({first},0)' AND ctid < '({end},0)'"),
            None => format!("ctid >= '({first},0)'"),
        }
    }
}

/// Splits a table. Every page is in exactly one range, and so are pages that the table has grown by since.
fn ranges(pages: u64, connections: usize) -> impl Iterator<Item = Range> {
    let wanted = connections as u64 * RANGES_PER_CONNECTION;
    let size = pages.div_ceil(wanted).max(LEAST_PAGES);
    let count = pages.div_ceil(size).max(1);
    (0..count)
        .map(move |nr| Range { first: nr * size, end: (nr + 1 < count).then_some((nr + 1) * size) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pages: u64, connections: usize) -> Vec<(u64, Option<u64>)> {
        ranges(pages, connections).map(|range| (range.first, range.end)).collect()
    }

    #[test]
    fn half_of_the_processors_may_copy() {
        let pools = [1, 2, 3, 4, 6, 8, 64].map(usual_connections);
        assert_eq!(pools, [1, 1, 1, 2, 3, 4, 4]);
    }

    #[test]
    fn small_tables_are_one_range() {
        for pages in [0, 1, LEAST_PAGES] {
            assert_eq!(split(pages, 4), [(0, None)]);
        }
    }

    #[test]
    fn ranges_follow_each_other_and_the_last_is_open() {
        assert_eq!(split(2500, 4), [(0, Some(1024)), (1024, Some(2048)), (2048, None)]);
        let large = split(1_000_000, 2);
        assert_eq!(large.len(), 16);
        assert!(large.windows(2).all(|pair| pair[0].1 == Some(pair[1].0)));
        assert_eq!(large[15], (937_500, None));
    }

    #[test]
    fn a_range_is_a_condition_on_ctid() {
        let range = Range { first: 0, end: Some(1024) };
        assert_eq!(range.condition(), "ctid >= '(0,0)' AND ctid < '(1024,0)'");
        assert_eq!(Range { first: 7, end: None }.condition(), "ctid >= '(7,0)'");
    }
}
