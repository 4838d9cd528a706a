//! `wait-sync`: waits until no table of this node is being copied any more (contract `cli.md` 6.20).

use std::collections::HashSet;
use std::time::Duration;

use pgq_client::name::TableName;

use super::Run;
use super::set::warn_unless_node;
use crate::calls;
use crate::table::state::TableState;

/// How often the states are looked at: one cheap statement on the local database.
const POLL: Duration = Duration::from_millis(200);

/// Waits, and names each table that has arrived.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    tracing::info!("Waiting until all tables are in sync");
    let db = run.job.local("db").await?;
    warn_unless_node(&*db, &run.job.settings.queue).await?;
    let mut waiting: Option<HashSet<TableName>> = None;
    loop {
        let rows = calls::get_table_list(&*db, &run.job.settings.queue).await?;
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
            tracing::info!("{}/{all} table(s) to copy", left.len());
        }
        for (nr, table) in arrived.iter().enumerate() {
            let done = all - left.len() - (arrived.len() - 1 - nr);
            tracing::info!("{table}: finished ({done}/{all})");
        }
        if left.is_empty() {
            tracing::info!("All done");
            return Ok(());
        }
        waiting = Some(left);
        run.job.sleep(POLL).await?;
    }
}
