//! Gives way to an operator who removes or resets a table in the middle of its copy.
//!
//! The copy holds a lock on the destination table that `remove-table` needs as well (it drops triggers). Such a command
//! has locked the table's row in `londiste.table_info` first, and by that it is noticed; otherwise the operator would
//! wait for a copy that nobody wants any more.

use std::time::Duration;

use pgq_client::Error;
use pgq_client::conn::Session;
use pgq_client::name::TableName;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use crate::job::Job;

/// Pause between two looks. A row that is locked at two looks in a row is not just passed by.
const INTERVAL: Duration = Duration::from_secs(2);

/// Returns when somebody wants the table's registration, never otherwise. Needs a connection of its own, and does
/// without if there is none to be had.
pub(super) async fn by_an_operator(job: &Job, table: &TableName) {
    if let Err(error) = watch(job, table).await {
        tracing::debug!("{table}: nobody looks whether it is removed: {error:#}");
        std::future::pending::<()>().await;
    }
}

async fn watch(job: &Job, table: &TableName) -> anyhow::Result<()> {
    // Most copies end before the first look and need no further connection.
    tokio::time::sleep(INTERVAL).await;
    let session = job.local(&format!("copy.{table}.watch")).await?;
    let mut before = false;
    loop {
        let now = is_locked(&session, job, table).await?;
        if before && now {
            return Ok(());
        }
        before = now;
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn is_locked(session: &Session, job: &Job, table: &TableName) -> Result<bool, Error> {
    let sql = "select 1 from londiste.table_info \
               where queue_name = $1 and table_name = $2 for no key update nowait";
    let queue = job.settings.queue.as_str();
    let args: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&queue, Type::TEXT), (&table.as_str(), Type::TEXT)];
    match session.query_typed(sql, &args).await {
        Ok(_) => Ok(false),
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Ok(true),
        Err(error) => Err(Error::sql(error, sql)),
    }
}
