//! What every command works with: settings, connections with the log lines operators know, and the meaning of replies.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use daemonkit::shutdown::Shutdown;
use pgq_client::calls::{Reply, Severity};
use pgq_client::conn::conninfo::hide_password;
use pgq_client::conn::{self, Canceller, ConnInfo, Session};
use pgq_client::name::NodeName;
use tokio_postgres::Transaction;

use crate::config::Settings;

/// A mistake or refusal that operators are expected to meet: logged as one ERROR line, exit code 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// A failed checked call: its note was logged already, the program ends with exit code 1 and says nothing more.
#[derive(Debug, thiserror::Error)]
#[error("{note}")]
pub struct CallFailed {
    /// `ret_note` of the failed call.
    pub note: String,
}

/// The operator asked to stop before the command was through.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// One run of the program.
#[derive(Debug, Clone)]
pub struct Job {
    /// Checked configuration.
    pub settings: Arc<Settings>,
    /// Set when the operator asked to stop.
    pub shutdown: Shutdown,
}

impl Job {
    /// Opens the local database (`db`) under the given connection name (`db`, `new_node`, ...).
    pub async fn local(&self, name: &str) -> anyhow::Result<Session> {
        let connstr =
            self.settings.db.as_deref().context("No option 'db' in section: 'londiste'")?;
        self.connect(name, connstr).await
    }

    /// Opens another node's database: its location, in keyword or URI form, plus `remote_extra_connstr`.
    pub async fn remote(&self, name: &str, location: &str) -> anyhow::Result<Session> {
        let extra = &self.settings.remote_extra_connstr;
        if extra.is_empty() {
            return self.connect(name, location).await;
        }
        tracing::debug!("Connect '{name}' to '{}'", hide_password(&format!("{location} {extra}")));
        let mut info = ConnInfo::parse(location)?;
        info.merge(&ConnInfo::parse(extra)?);
        Ok(conn::connect_to(&info, &self.application_name(name)).await?)
    }

    async fn connect(&self, name: &str, connstr: &str) -> anyhow::Result<Session> {
        tracing::debug!("Connect '{name}' to '{}'", hide_password(connstr));
        Ok(conn::connect(connstr, &self.application_name(name)).await?)
    }

    /// What `pg_stat_activity` shows: job and the connection's role.
    fn application_name(&self, name: &str) -> String {
        format!("{}:{name}", self.settings.job_name)
    }
}

impl Job {
    /// Waits, unless the operator asks to stop meanwhile.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        tokio::select! {
            () = tokio::time::sleep(duration) => Ok(()),
            () = self.shutdown.cancelled() => Err(Interrupted),
        }
    }

    /// Work in a database that may wait there for long. When the operator asks to stop, the running statement is cancelled: left
    /// alone, it would go on, or go on waiting in front of others.
    ///
    /// # Errors
    /// [`Interrupted`], the server's when it cannot be cancelled, or those of the work.
    pub async fn cancellable<T>(
        &self,
        canceller: &Canceller,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            done = work => done,
            () = self.shutdown.cancelled() => {
                canceller.cancel().await?;
                Err(Interrupted.into())
            }
        }
    }
}

/// One checked call in a transaction of its own: committed when it succeeds, rolled back when its code says that it
/// failed, because what a function did before it noticed would stay otherwise.
///
/// # Errors
/// [`CallFailed`] when the code says so, else the server's error.
pub async fn commit_checked(
    session: &mut Session,
    node: Option<&NodeName>,
    call: impl AsyncFnOnce(&Transaction<'_>) -> pgq_client::Result<Reply>,
) -> anyhow::Result<Reply> {
    let transaction = begin(session).await?;
    let reply = call(&transaction).await?;
    checked(&reply, node.map(NodeName::as_str))?;
    commit(transaction).await?;
    Ok(reply)
}

/// Begins a transaction that reads a batch. It may stand idle while another server works: what limits the transactions of
/// applications would break it off, and every repetition of it. The query sorts the batch's events, and most batches fit into
/// this much memory; compiling it would take longer than most batches.
pub(crate) const BEGIN_READING: &str = "\
begin; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; set local jit = off; \
select set_config('work_mem', '32MB', true) where pg_size_bytes(current_setting('work_mem')) < 32 * 1024 * 1024; \
select set_config('transaction_timeout', '0', true) where current_setting('server_version_num')::int4 >= 170000";

/// The timeouts of a whole session. `lock_timeout` stays: waiting for a lock in vain is repeated without harm.
pub(crate) const NO_TIMEOUTS: &str = "\
set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; \
select set_config('idle_session_timeout', '0', false) where current_setting('server_version_num')::int4 >= 140000; \
select set_config('transaction_timeout', '0', false) where current_setting('server_version_num')::int4 >= 170000";

/// Begins a transaction; rolled back when dropped.
pub async fn begin(session: &mut Session) -> pgq_client::Result<Transaction<'_>> {
    session.transaction().await.map_err(|error| pgq_client::Error::sql(error, "begin"))
}

/// Commits, with the statement named should it fail.
pub async fn commit(transaction: Transaction<'_>) -> pgq_client::Result<()> {
    transaction.commit().await.map_err(|error| pgq_client::Error::sql(error, "commit"))
}

/// Logs a reply by its code and turns a failure into an error (contract `cli.md` 3.5). `node` is put in front as `[N] `.
pub fn checked(reply: &Reply, node: Option<&str>) -> Result<(), CallFailed> {
    let prefix = node.map(|n| format!("[{n}] ")).unwrap_or_default();
    let note = &reply.note;
    match reply.severity() {
        Severity::Fine => tracing::debug!("{prefix}{} {note}", reply.code),
        Severity::Done => tracing::info!("{prefix}{note}"),
        Severity::Warning => tracing::warn!("{prefix}{note}"),
        Severity::Failed => {
            tracing::error!("{prefix}{}", crate::hint::with(note));
            if let Some(query) = &reply.query {
                tracing::debug!("Query was: {query}");
            }
            return Err(CallFailed { note: note.clone() });
        }
    }
    Ok(())
}

/// As [`checked`], for the removal of what was there a moment ago. That it is gone by now is what was wanted: the worker has
/// come to the set's own event, or another command was first. The functions that remove have no other code for failure.
pub fn checked_removal(reply: &Reply) -> Result<(), CallFailed> {
    if reply.severity() == Severity::Failed {
        tracing::info!("{}", reply.note);
        return Ok(());
    }
    checked(reply, None)
}

/// As [`checked`], with success logged at DEBUG only.
pub fn checked_quiet(reply: &Reply, node: Option<&str>) -> Result<(), CallFailed> {
    if reply.severity() == Severity::Done {
        tracing::debug!(
            "{}{} {}",
            node.map(|n| format!("[{n}] ")).unwrap_or_default(),
            reply.code,
            reply.note
        );
        return Ok(());
    }
    checked(reply, node)
}
