//! The copies that run inside the worker.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use daemonkit::pidfile::{self, Owner, Pidfile};
use daemonkit::shutdown::Shutdown;
use pgq_client::name::TableName;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::run::{self, Signals};
use crate::job::Job;

/// How often a copy looks whether another process still has its table.
const OTHER_PROCESS_POLL: Duration = Duration::from_secs(2);

/// Owner of the copy tasks of one worker.
///
/// A task ends by itself when its table is in sync, was reset or was removed; one that fails tries again after
/// `exception_sleep`. Dropping the owner breaks all copies off; [`CopyTasks::stop_all`] is the polite way.
#[derive(Debug)]
pub struct CopyTasks {
    job: Job,
    wake: Arc<Notify>,
    nudge: watch::Sender<()>,
    stop: Shutdown,
    tasks: JoinSet<()>,
    by_table: HashMap<TableName, AbortHandle>,
}

impl CopyTasks {
    /// No copies yet. `wake` is notified whenever a task has committed a change of its table's state, or has ended.
    pub fn new(job: Job, wake: Arc<Notify>) -> Self {
        let stop = job.shutdown.child_token();
        let (nudge, _) = watch::channel(());
        Self { job, wake, nudge, stop, tasks: JoinSet::new(), by_table: HashMap::new() }
    }

    /// Takes new settings for the copies launched from now on.
    pub fn reload(&mut self, job: Job) {
        self.job = job;
    }

    /// Starts the copy of a table, unless it runs already.
    pub fn launch(&mut self, table: &TableName) {
        self.reap();
        if self.running(table) {
            return;
        }
        let job = Job { settings: Arc::clone(&self.job.settings), shutdown: self.stop.clone() };
        let signals = Signals { nudged: self.nudge.subscribe(), wake: Arc::clone(&self.wake) };
        let task = self.tasks.spawn(Box::pin(task(job, table.clone(), signals)));
        self.by_table.insert(table.clone(), task);
    }

    /// Whether the copy of a table runs.
    pub fn running(&self, table: &TableName) -> bool {
        self.by_table.get(table).is_some_and(|task| !task.is_finished())
    }

    /// Tells all copies that there is something new: a state changed, or a tick has come.
    pub fn nudge(&self) {
        self.nudge.send_replace(());
    }

    /// Breaks all copies off and waits until they have gone. What was not committed is rolled back; a worker that
    /// launches the same tables later carries on.
    pub async fn stop_all(&mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.note_end(ended);
        }
        self.stop = self.job.shutdown.child_token();
    }

    /// Takes note of the tasks that have ended.
    fn reap(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.note_end(ended);
        }
    }

    fn note_end(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let table = self.by_table.iter().find(|(_, task)| task.id() == id);
        let table = table.map(|(table, _)| table.clone());
        if let (Some(table), Err(error)) = (&table, ended) {
            // The table stays as it is; the worker sees that nobody copies it and launches it again.
            tracing::error!("Copy of {table} broke down: {error}");
        }
        if let Some(table) = table {
            self.by_table.remove(&table);
        }
    }
}

/// One task: the table's pidfile keeps others away, so that a copy by hand or by the original's worker is noticed.
async fn task(job: Job, table: TableName, signals: Signals) {
    let wake = Arc::clone(&signals.wake);
    if let Some(_pidfile) = claim(&job, &table).await
        && let Err(error) = run::run(&job, &table, signals).await
    {
        // Only where looping is forbidden; everything else was logged and repeated.
        tracing::error!("Job {} crashed: {error:#}", job.settings.job_name);
    }
    wake.notify_one();
}

/// Waits until no other process copies the table. `None` when asked to stop.
async fn claim(job: &Job, table: &TableName) -> Option<Option<Pidfile>> {
    let Some(path) = pidfile_of(job, table) else { return Some(None) };
    loop {
        let problem = match pidfile::inspect(&path) {
            Ok(Owner::None | Owner::Stale) => match Pidfile::write(&path, false) {
                Ok(pidfile) => return Some(Some(pidfile)),
                Err(error) => error.to_string(),
            },
            Ok(Owner::Running(_)) => "Waiting for existing copy to exit".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::warn!("{problem}");
        tokio::select! {
            () = tokio::time::sleep(OTHER_PROCESS_POLL) => {}
            () = job.shutdown.cancelled() => return None,
        }
    }
}

/// What a copy's pidfile has behind the worker's: `.copy.TABLE`. A slash in the table's name would be a folder.
pub(crate) fn pidfile_suffix(table: &str) -> String {
    format!(".copy.{}", table.replace('/', "%2f"))
}

/// `PIDFILE.copy.TABLE`
fn pidfile_of(job: &Job, table: &TableName) -> Option<PathBuf> {
    let mut path = job.settings.pidfile.clone()?.into_os_string();
    path.push(pidfile_suffix(table.as_str()));
    Some(path.into())
}
