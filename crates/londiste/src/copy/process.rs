//! The command `londiste INI copy TABLE`: one copy in a process of its own.

use std::sync::Arc;

use pgq_client::name::TableName;
use tokio::sync::{Notify, watch};

use super::run::{self, Signals};
use crate::job::Job;

/// Copies one table and hands it over to the worker, until it is in sync or `job.shutdown` is requested.
///
/// `table` is the name in the set. The caller holds the pidfile `PIDFILE.copy.TABLE`; `job.settings.consumer` is the
/// worker's name.
///
/// # Errors
/// A failed attempt is logged, stored and repeated; an error comes back only where `loop_delay` forbids waiting.
pub async fn run_process(job: Job, table: TableName) -> anyhow::Result<()> {
    // Nobody to talk to but the database: the worker is another process.
    let (nudge, nudged) = watch::channel(());
    let signals = Signals { nudged, wake: Arc::new(Notify::new()) };
    let result = Box::pin(run::run(&job, &table, signals)).await;
    drop(nudge);
    if result.is_ok() && !job.shutdown.is_cancelled() {
        tracing::info!("got SystemExit(0), exiting");
    }
    result
}
