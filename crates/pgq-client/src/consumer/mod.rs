//! Next batch, walk its events, finish. No loop policy inside.

pub mod cursor;
mod event_time;

use crate::id::{BatchId, TickId};

/// Which batches `next_batch_custom` may hand out; `None` is no limit. Intervals are PostgreSQL interval texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchOptions {
    /// `pgq_keep_lag`: stay at least this far behind.
    pub min_lag: Option<String>,
    /// `pgq_batch_collect_events`: wait for this many events.
    pub min_count: Option<i32>,
    /// `pgq_batch_collect_interval`: wait for this much time.
    pub min_interval: Option<String>,
}

/// An open batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchInfo {
    /// `batch_id`
    pub batch: BatchId,
    /// `cur_tick_id`: where the batch ends.
    pub tick: TickId,
    /// `prev_tick_id`: where it begins.
    pub prev_tick: TickId,
    /// `cur_tick_time`, a timestamptz text.
    pub tick_time: String,
    /// `cur_tick_event_seq`
    pub event_seq: i64,
}
