//! Requests to stop, carried to every task.

/// A request to stop: cloned into every task, asked with `is_cancelled`, awaited with `cancelled`.
pub use tokio_util::sync::CancellationToken as Shutdown;
