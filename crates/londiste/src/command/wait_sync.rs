//! `wait-sync`: waits until no table of this node is being copied any more (contract `cli.md` 6.20).

use std::collections::HashSet;
use std::time::{Duration, Instant};

use pgq_client::name::TableName;

use super::Run;
use super::bars::Bars;
use super::liveness::Doubts;
use super::set::warn_unless_node;
use crate::calls;
use crate::table::state::TableState;

/// How often the states are looked at: one cheap statement on the local database.
const POLL: Duration = Duration::from_millis(200);

/// How often bars move. What they show is written every other second.
const BARS: Duration = Duration::from_secs(1);

/// Waits, and names each table that has arrived.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    tracing::info!("Waiting until all tables are in sync");
    let queue = &run.job.settings.queue;
    let db = run.job.local("db").await?;
    warn_unless_node(&*db, queue).await?;
    let mut bars = Bars::new(run.quiet);
    let shows = bars.are_seen() && calls::has_copy_progress(&*db).await?;
    let mut shown: Option<Instant> = None;
    let mut waiting: Option<HashSet<TableName>> = None;
    let mut doubts: Option<Doubts> = None;
    loop {
        let rows = calls::get_table_list(&*db, queue).await?;
        let mut all = 0;
        let mut left = HashSet::new();
        let mut arrived = Vec::new();
        for row in rows.into_iter().filter(|row| row.local) {
            all += 1;
            if row.state()? != TableState::Ok {
                left.insert(row.table);
            } else if waiting.as_ref().is_some_and(|waiting| waiting.contains(&row.table)) {
                arrived.push(row.table);
            }
        }
        if waiting.is_none() {
            bars.aside(|| tracing::info!("{}/{all} table(s) to copy", left.len()));
        }
        for (nr, table) in arrived.iter().enumerate() {
            let done = all - left.len() - (arrived.len() - 1 - nr);
            bars.aside(|| tracing::info!("{table}: finished ({done}/{all})"));
        }
        if left.is_empty() {
            bars.end();
            tracing::info!("All done");
            return Ok(());
        }
        if bars.are_seen() && shown.is_none_or(|at| at.elapsed() >= BARS) {
            let copies =
                if shows { calls::get_copy_progress(&*db, queue).await? } else { Vec::new() };
            bars.show(all - left.len(), all, &copies);
            shown = Some(Instant::now());
        }
        match &mut doubts {
            Some(doubts) => doubts.look(&run.job, &*db).await,
            None => bars.aside(|| doubts = Some(Doubts::begin(&run.job))),
        }
        waiting = Some(left);
        run.job.sleep(POLL).await.inspect_err(|_| bars.end())?;
    }
}
