//! Fixes executed in this node's database.
//!
//! Departures from the original: before a fix is applied the source is asked whether it is still right, because
//! both sides have been going on since their snapshots; a row that is in the way of an insert may be one that a
//! later fix removes, so that such inserts are tried again at the end.

use pgq_client::Error;
use pgq_client::conn::Session;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use super::statement::{Fix, Kind};
use crate::job::{Job, UsageError};

/// Bytes of inserts that wait for the end.
const WAITING: usize = 64 * 1024 * 1024;

/// What the server says when another row is in the way.
const IN_THE_WAY: [SqlState; 2] = [SqlState::UNIQUE_VIOLATION, SqlState::EXCLUSION_VIOLATION];

/// Applies the fixes of one table.
pub(super) struct Applier<'a> {
    job: &'a Job,
    /// This node, as a replica, without a transaction.
    here: &'a Session,
    /// The source, without a transaction.
    source: &'a Session,
    table: String,
    applied: u64,
    /// Rows that are not any more as they were in the snapshots.
    outdated: u64,
    waiting: Vec<Fix>,
    waiting_bytes: usize,
}

impl<'a> Applier<'a> {
    pub(super) fn new(
        job: &'a Job,
        here: &'a Session,
        source: &'a Session,
        table: String,
    ) -> Applier<'a> {
        Applier {
            job,
            here,
            source,
            table,
            applied: 0,
            outdated: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
        }
    }

    /// Applies a fix, unless it has become wrong.
    ///
    /// # Errors
    /// [`UsageError`] when the server refuses it; `Interrupted` when the operator asks to stop.
    pub(super) async fn apply(&mut self, fix: Fix) -> anyhow::Result<()> {
        match self.attempt(&fix).await? {
            None => Ok(()),
            Some(conflict) if self.waiting_bytes + fix.sql.len() > WAITING => {
                Err(self.refused(&fix, &conflict))
            }
            Some(_) => {
                self.waiting_bytes += fix.sql.len();
                self.waiting.push(fix);
                Ok(())
            }
        }
    }

    /// Tries again what had another row in its way.
    ///
    /// # Errors
    /// As [`Applier::apply`]; rows that are still in the way.
    pub(super) async fn finish(&mut self) -> anyhow::Result<()> {
        loop {
            let before = self.waiting.len();
            let mut last = None;
            for fix in std::mem::take(&mut self.waiting) {
                if let Some(conflict) = self.attempt(&fix).await? {
                    last = Some(self.refused(&fix, &conflict));
                    self.waiting.push(fix);
                }
            }
            match last {
                // Each one that arrives may make room for another.
                Some(_) if self.waiting.len() < before => {}
                Some(refused) => return Err(refused),
                None => return Ok(()),
            }
        }
    }

    /// How many were applied, for the operator.
    pub(super) fn report(&self) {
        let Applier { table, applied, outdated, .. } = self;
        tracing::info!("{table}: {applied} fixes applied");
        if *outdated > 0 {
            tracing::warn!(
                "{table}: {outdated} fixes left out, their rows have changed meanwhile, or are there under an equal key; repair again to see whether they still differ"
            );
        }
    }

    /// One attempt; the answer is the server's error when another row is in the way.
    async fn attempt(&mut self, fix: &Fix) -> anyhow::Result<Option<Error>> {
        // For a deletion a row is a reason against it.
        let there = exists(self.job, self.source, &fix.source_check).await?;
        if there == (fix.kind == Kind::Delete) {
            self.outdated += 1;
            return Ok(None);
        }
        match execute(self.job, self.here, &fix.sql).await? {
            Ok(0) => self.outdated += 1,
            Ok(_) => self.applied += 1,
            Err(error) if error.sqlstate().is_some_and(|state| IN_THE_WAY.contains(state)) => {
                // The worker may have brought this very row.
                if fix.kind == Kind::Insert && exists(self.job, self.here, &fix.here_check).await? {
                    self.outdated += 1;
                } else {
                    return Ok(Some(error));
                }
            }
            Err(error) => return Err(self.refused(fix, &error)),
        }
        Ok(None)
    }

    fn refused(&self, fix: &Fix, error: &Error) -> anyhow::Error {
        let table = &self.table;
        let state =
            error.sqlstate().map(|s| format!(" (SQLSTATE {})", s.code())).unwrap_or_default();
        UsageError(format!(
            "{table}: the server refuses a missed {kind}: {error}{state}\nHINT:  What was applied before it stays. Mend what the server \
             complains of, then repair again; without --apply the statements go to a file.",
            kind = fix.kind,
            error = error.to_string().trim_end(),
        ))
        .into()
    }
}

/// Whether a query has a row. Its text may have values in it, so that errors do not show it.
async fn exists(job: &Job, session: &Session, query: &str) -> anyhow::Result<bool> {
    let query = format!("{query} limit 1");
    let asked = async { Ok(session.simple_query(&query).await.map_err(Error::from)?) };
    let messages = job.cancellable(&session.canceller(), asked).await?;
    Ok(messages.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))))
}

/// Executes a statement as a transaction of its own; how many rows it changed, or why not.
async fn execute(job: &Job, session: &Session, sql: &str) -> anyhow::Result<Result<u64, Error>> {
    let executed = async { Ok(session.simple_query(sql).await.map_err(Error::from)) };
    let outcome = job.cancellable(&session.canceller(), executed).await?;
    Ok(outcome.map(|messages| {
        let counts = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
            _ => None,
        });
        counts.sum()
    }))
}
