//! Beside a copy, on a connection of its own: says how far it is, and gives way to an operator who removes or resets
//! the table in the middle of it.
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

use super::progress::Progress;
use crate::calls;
use crate::job::Job;

/// Pause between two looks. Who waits at two looks in a row is not just held up for a moment.
const INTERVAL: Duration = Duration::from_secs(2);

/// How long a server may take to forget our progress. It is not shown for long anyhow.
const FAREWELL: Duration = Duration::from_secs(2);

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

/// Who watches a copy.
pub(super) struct Watch<'a> {
    job: &'a Job,
    table: &'a TableName,
    progress: &'a Progress,
    session: Option<Session>,
    /// Whether something was written that is to be deleted.
    told: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(job: &'a Job, table: &'a TableName, progress: &'a Progress) -> Self {
        Self { job, table, progress, session: None, told: false }
    }

    /// Returns when somebody who is changing registrations waits for the copy, never otherwise. Needs a connection, and
    /// does without if there is none to be had.
    pub(super) async fn claimed(&mut self) {
        if let Err(error) = self.look().await {
            tracing::debug!("{}: nobody looks whether it is removed: {error:#}", self.table);
            std::future::pending::<()>().await;
        }
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        // Most copies end before the first look and need no further connection.
        tokio::time::sleep(INTERVAL).await;
        let session = self.job.local(&format!("copy.{}.watch", self.table)).await?;
        let session = self.session.insert(session);
        let (queue, table) = (&self.job.settings.queue, self.table);
        // Not in a schema that the original made, and not where we may only read it.
        let mut tells = calls::has_copy_progress(&**session).await?;
        let mut before = false;
        loop {
            if let Some(progress) = self.progress.stored().filter(|_| tells) {
                self.told = true;
                if let Err(error) =
                    calls::set_copy_progress(&**session, queue, table, &progress).await
                {
                    tracing::debug!("{table}: nobody tells how far it is: {error}");
                    tells = false;
                }
            }
            let now = is_waited_for(session, &self.progress.backends()).await?;
            if before && now {
                return Ok(());
            }
            before = now;
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// The copy has ended, one way or the other.
    pub(super) async fn end(self) {
        let Some(session) = self.session else { return };
        if self.told {
            let queue = &self.job.settings.queue;
            let clear = calls::clear_copy_progress(&*session, queue, self.table);
            if let Ok(Err(error)) = tokio::time::timeout(FAREWELL, clear).await {
                tracing::debug!("{}: {error}", self.table);
            }
        }
    }
}

/// Whether a session that has locked rows of the registration is blocked by one of these server processes.
async fn is_waited_for(session: &Session, backends: &[i32]) -> Result<bool, Error> {
    let sql = "\
select exists (select 1 from pg_locks
                where relation = 'londiste.table_info'::regclass
                  and database = (select oid from pg_database where datname = current_database())
                  and mode in ('RowShareLock', 'RowExclusiveLock') and granted and pid <> all ($1)
                  and $1 && pg_blocking_pids(pid))";
    let rows = session
        .query_typed(sql, &[(&backends, Type::INT4_ARRAY)])
        .await
        .map_err(|e| Error::sql(e, sql))?;
    let row = rows.first().ok_or_else(|| Error::protocol(format!("no row from: {sql}")))?;
    Ok(row.try_get(0)?)
}
