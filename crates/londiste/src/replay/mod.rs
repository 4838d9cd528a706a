//! The worker: batches from the provider applied to this node.
//!
//! Contract `worker.md`. Reading guide: [`run`] is the entry, `worker` the loop. A cycle asks `role` what this node does,
//! takes the `next_batch`, and asks `position` whether it is applied already; `set_watch` knows the tables; `reader` streams the batch, `dispatch` says what an event asks for,
//! `batch` does it within one transaction: `handling` asks the table's handler, `apply` is for rows (with `fold`), `system` for the set
//! and the cascade, `downstream` for queues behind us. `table_sync` looks after tables that are being copied, `watermarks` and `snapshots`
//! after what can be forgotten. `links` holds connections, `wake` all waiting; `failure` says what went wrong.
//!
//! Departures from the original:
//! * reading and applying overlap, changes are applied by set, and a batch is never held whole;
//! * a leaf that is behind takes several ticks at once;
//! * waits end at once when a tick is announced, a copy has news, or the operator wants something;
//! * a failing call is a failed cycle like any other, and a failed batch is repeated row by row at once;
//! * an update of nothing but its key is left out, updates and deletes that meet no row are counted and logged;
//! * copies that died are started again, and tables added while the queue is idle need not wait for a tick.

pub(crate) mod apply;
mod batch;
pub(crate) mod dispatch;
mod downstream;
mod event_copy;
pub(crate) mod failure;
mod fold;
pub(crate) mod handling;
mod links;
pub(crate) mod next_batch;
pub(crate) mod position;
mod read_ahead;
mod reader;
pub(crate) mod replica;
mod reposition;
mod role;
mod set_watch;
mod snapshots;
mod statistics;
mod system;
mod table_sync;
mod wake;
mod watermarks;
mod worker;

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
    match options {
        WorkerOptions::Work => Box::pin(worker::Worker::new(job, reload).run()).await,
        WorkerOptions::Rewind => reposition::rewind(&job).await,
        WorkerOptions::Reset => reposition::reset(&job).await,
    }
}
