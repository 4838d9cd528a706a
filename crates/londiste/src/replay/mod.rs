//! The worker: batches from the provider applied to this node.

pub(crate) mod apply;
pub(crate) mod dispatch;
mod fold;
pub(crate) mod position;
mod role;
mod statistics;

use tokio::sync::watch;

use crate::job::Job;

/// What `londiste INI worker` was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkerOptions {
    /// Replicate until asked to stop.
    #[default]
    Work,
    /// `--rewind`: move the provider's position to ours and leave.
    Rewind,
    /// `--reset`: move our position to the provider's and leave.
    Reset,
}

/// Runs the worker until `job.shutdown` is requested, or until the queue is drained when `loop_delay` says so.
///
/// `reload` counts the operator's requests to read the configuration file again.
///
/// # Errors
/// A failed cycle is logged, stored and repeated; an error comes back only where `loop_delay` forbids waiting, and from
/// `--rewind` and `--reset`.
pub async fn run(
    job: Job,
    options: WorkerOptions,
    reload: watch::Receiver<u64>,
) -> anyhow::Result<()> {
    let _ = (job, options, reload);
    todo!()
}
