//! Requests to stop, carried to every task.

pub use tokio_util::sync::CancellationToken as Shutdown;
