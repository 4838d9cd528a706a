//! Gives way to an operator who removes or resets a table in the middle of its copy.
//!
//! The copy holds locks that such a command needs as well: on the destination table, whose triggers `remove-table` drops,
//! and at the end on the table's row in `londiste.table_info`. Without this the operator would wait for a copy that
//! nobody wants any more.

use std::time::Duration;

use pgq_client::Error;
use pgq_client::conn::Session;
use pgq_client::name::TableName;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::job::Job;

/// Pause between two looks. Who waits at two looks in a row is not just held up for a moment.
const INTERVAL: Duration = Duration::from_secs(2);

/// Number of the server process that works for a session.
///
/// # Errors
/// The server's.
pub(super) async fn backend(client: &Client) -> Result<i32, Error> {
    let sql = "select pg_backend_pid()";
    let rows = client.query_typed(sql, &[]).await.map_err(|e| Error::sql(e, sql))?;
    let row = rows.first().ok_or_else(|| Error::protocol(format!("no row from: {sql}")))?;
    Ok(row.try_get(0)?)
}

/// Returns when somebody who is changing registrations waits for `backend`, never otherwise. Needs a connection of its
/// own, and does without if there is none to be had.
pub(super) async fn by_an_operator(job: &Job, table: &TableName, backend: i32) {
    if let Err(error) = watch(job, table, backend).await {
        tracing::debug!("{table}: nobody looks whether it is removed: {error:#}");
        std::future::pending::<()>().await;
    }
}

async fn watch(job: &Job, table: &TableName, backend: i32) -> anyhow::Result<()> {
    // Most copies end before the first look and need no further connection.
    tokio::time::sleep(INTERVAL).await;
    let session = job.local(&format!("copy.{table}.watch")).await?;
    let mut before = false;
    loop {
        let now = is_waited_for(&session, backend).await?;
        if before && now {
            return Ok(());
        }
        before = now;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Whether a session that has locked rows of the registration is blocked by `backend`.
async fn is_waited_for(session: &Session, backend: i32) -> Result<bool, Error> {
    let sql = "\
select exists (select 1 from pg_locks
                where relation = 'londiste.table_info'::regclass
                  and database = (select oid from pg_database where datname = current_database())
                  and mode in ('RowShareLock', 'RowExclusiveLock') and granted and pid <> $1
                  and $1 = any (pg_blocking_pids(pid)))";
    let rows = session
        .query_typed(sql, &[(&backend, Type::INT4)])
        .await
        .map_err(|e| Error::sql(e, sql))?;
    let row = rows.first().ok_or_else(|| Error::protocol(format!("no row from: {sql}")))?;
    Ok(row.try_get(0)?)
}
