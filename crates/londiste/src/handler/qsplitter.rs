//! `qsplitter`: a table's events go into another queue of this database (contract `handlers.md` 6.3).

use pgq_client::name::QueueName;

use super::HandlerError;
use super::args::{self, Args};

/// Arguments of the handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QSplitter {
    /// `queue`: where the events go.
    pub queue: QueueName,
}

impl QSplitter {
    pub(super) fn new(args: &Args) -> Result<QSplitter, HandlerError> {
        args::only(args, &["queue"])?;
        match args.get("queue") {
            Some(queue) if !queue.is_empty() => Ok(QSplitter { queue: QueueName::new(queue) }),
            _ => Err(HandlerError::NoQueue),
        }
    }
}
