//! Schema `pgq` (contract `pgq.md`).

use tokio_postgres::GenericClient;

use crate::Result;
use crate::consumer::{BatchInfo, BatchOptions};
use crate::id::{BatchId, TickId};
use crate::name::{ConsumerName, QueueName};

/// A row of `pgq.get_consumer_info`. Intervals in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerInfo {
    /// `consumer_name`
    pub consumer: ConsumerName,
    /// `lag`: age of the last finished tick.
    pub lag: Option<f64>,
    /// `last_seen`
    pub last_seen: Option<f64>,
    /// `last_tick`
    pub last_tick: Option<TickId>,
    /// `current_batch`
    pub current_batch: Option<BatchId>,
    /// `pending_events`
    pub pending_events: Option<i64>,
}

/// A row of `pgq.get_queue_info`. Intervals in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueInfo {
    /// `queue_name`
    pub queue: QueueName,
    /// `ticker_lag`: age of the newest tick.
    pub ticker_lag: Option<f64>,
    /// `ev_per_sec`
    pub events_per_second: Option<f64>,
    /// `ev_new`
    pub new_events: Option<i64>,
    /// `last_tick_id`
    pub last_tick: Option<TickId>,
}

/// `pgq.next_batch_custom`: the consumer's open batch, or the next one; `None` when there is no tick to go to.
pub async fn next_batch_custom(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    options: &BatchOptions,
) -> Result<Option<BatchInfo>> {
    let _ = (client, queue, consumer, options);
    todo!()
}

/// `pgq.finish_batch`; false when the batch is not open any more.
pub async fn finish_batch(client: &impl GenericClient, batch: BatchId) -> Result<bool> {
    let _ = (client, batch);
    todo!()
}

/// `pgq.register_consumer`; false when it was registered already.
pub async fn register_consumer(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<bool> {
    let _ = (client, queue, consumer);
    todo!()
}

/// `pgq.register_consumer_at`: registers or repositions.
pub async fn register_consumer_at(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    tick: TickId,
) -> Result<bool> {
    let _ = (client, queue, consumer, tick);
    todo!()
}

/// `pgq.unregister_consumer`; false when it was not registered.
pub async fn unregister_consumer(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<bool> {
    let _ = (client, queue, consumer);
    todo!()
}

/// `pgq.get_consumer_info(queue)`, all consumers.
pub async fn get_consumer_info(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<ConsumerInfo>> {
    let _ = (client, queue);
    todo!()
}

/// `pgq.get_queue_info(queue)`.
pub async fn get_queue_info(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Option<QueueInfo>> {
    let _ = (client, queue);
    todo!()
}

/// `pgq.force_tick`: makes the next ticker call tick; returns the newest tick so far.
pub async fn force_tick(client: &impl GenericClient, queue: &QueueName) -> Result<Option<TickId>> {
    let _ = (client, queue);
    todo!()
}

/// `pgq.ticker(queue, tick, time, event_seq)`: a branch's copy of an upstream tick. `time` is a timestamptz text.
pub async fn external_tick(
    client: &impl GenericClient,
    queue: &QueueName,
    tick: TickId,
    time: &str,
    event_seq: i64,
) -> Result<()> {
    let _ = (client, queue, tick, time, event_seq);
    todo!()
}

/// `pgq.current_event_table`: where COPY may write in this transaction.
pub async fn current_event_table(client: &impl GenericClient, queue: &QueueName) -> Result<String> {
    let _ = (client, queue);
    todo!()
}
