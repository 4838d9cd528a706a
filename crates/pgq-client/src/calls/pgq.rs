//! Schema `pgq` (contract `pgq.md`).

mod closed;

use tokio_postgres::GenericClient;

use super::statement::{Arg, query, value};
use crate::consumer::{BatchInfo, BatchOptions};
use crate::id::{BatchId, EventId, TickId};
use crate::name::{ConsumerName, QueueName};
use crate::{Error, Result};

pub use closed::{events_behind, is_closed, open_queue, writers};

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
    /// `queue_external_ticker`: ticks come from a provider.
    pub external_ticker: bool,
    /// `queue_ticker_paused`
    pub ticker_paused: bool,
    /// `queue_ticker_idle_period`
    pub ticker_idle_period: Option<f64>,
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
    let rows = query(
        client,
        "select batch_id, cur_tick_id, prev_tick_id, cur_tick_time::text, cur_tick_event_seq \
         from pgq.next_batch_custom($1, $2, $3::text::interval, $4::int8::int4, $5::text::interval)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(consumer.as_str()),
            Arg::OptText(options.min_lag.as_deref()),
            Arg::OptNumber(options.min_count.map(i64::from)),
            Arg::OptText(options.min_interval.as_deref()),
        ],
    )
    .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let Some(batch) = row.try_get::<_, Option<i64>>("batch_id")? else { return Ok(None) };
    Ok(Some(BatchInfo {
        batch: BatchId(batch),
        tick: TickId(row.try_get("cur_tick_id")?),
        prev_tick: TickId(row.try_get("prev_tick_id")?),
        tick_time: row.try_get("cur_tick_time")?,
        event_seq: row.try_get("cur_tick_event_seq")?,
    }))
}

/// `pgq.finish_batch`; false when the batch is not open any more.
pub async fn finish_batch(client: &impl GenericClient, batch: BatchId) -> Result<bool> {
    let done: Option<i32> =
        value(client, "select pgq.finish_batch($1)", &[Arg::Number(batch.0)]).await?;
    Ok(done == Some(1))
}

/// `pgq.batch_event_sql`: the query that reads an open batch. It holds for as long as the consumer's position does not
/// move beyond the batch's beginning, whether the batch is open or not.
pub async fn batch_event_sql(client: &impl GenericClient, batch: BatchId) -> Result<String> {
    let sql: Option<String> =
        value(client, "select pgq.batch_event_sql($1)", &[Arg::Number(batch.0)]).await?;
    sql.ok_or_else(|| Error::protocol(format!("no query for batch {batch}")))
}

/// `pgq.register_consumer`; false when it was registered already.
pub async fn register_consumer(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<bool> {
    let new: Option<i32> = value(
        client,
        "select pgq.register_consumer($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str())],
    )
    .await?;
    Ok(new == Some(1))
}

/// `pgq.register_consumer_at`: registers or repositions.
pub async fn register_consumer_at(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
    tick: TickId,
) -> Result<bool> {
    let new: Option<i32> = value(
        client,
        "select pgq.register_consumer_at($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str()), Arg::Number(tick.0)],
    )
    .await?;
    Ok(new == Some(1))
}

/// `pgq.unregister_consumer`; false when it was not registered.
pub async fn unregister_consumer(
    client: &impl GenericClient,
    queue: &QueueName,
    consumer: &ConsumerName,
) -> Result<bool> {
    let count: Option<i32> = value(
        client,
        "select pgq.unregister_consumer($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(consumer.as_str())],
    )
    .await?;
    Ok(count.is_some_and(|count| count > 0))
}

/// `pgq.get_consumer_info(queue)`, all consumers.
pub async fn get_consumer_info(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<ConsumerInfo>> {
    let rows = query(
        client,
        "select consumer_name, extract(epoch from lag)::float8 as lag, extract(epoch from last_seen)::float8 as last_seen, \
         last_tick, current_batch, pending_events from pgq.get_consumer_info($1)",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ConsumerInfo {
                consumer: ConsumerName::new(row.try_get::<_, String>("consumer_name")?),
                lag: row.try_get("lag")?,
                last_seen: row.try_get("last_seen")?,
                last_tick: row.try_get::<_, Option<i64>>("last_tick")?.map(TickId),
                current_batch: row.try_get::<_, Option<i64>>("current_batch")?.map(BatchId),
                pending_events: row.try_get("pending_events")?,
            })
        })
        .collect()
}

/// `pgq.get_queue_info(queue)`.
pub async fn get_queue_info(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Option<QueueInfo>> {
    let rows = query(
        client,
        "select queue_name, queue_external_ticker, queue_ticker_paused, \
         extract(epoch from queue_ticker_idle_period)::float8 as ticker_idle_period, \
         extract(epoch from ticker_lag)::float8 as ticker_lag, ev_per_sec, ev_new, last_tick_id \
         from pgq.get_queue_info($1)",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(QueueInfo {
        queue: QueueName::new(row.try_get::<_, String>("queue_name")?),
        external_ticker: row.try_get("queue_external_ticker")?,
        ticker_paused: row.try_get("queue_ticker_paused")?,
        ticker_idle_period: row.try_get("ticker_idle_period")?,
        ticker_lag: row.try_get("ticker_lag")?,
        events_per_second: row.try_get("ev_per_sec")?,
        new_events: row.try_get("ev_new")?,
        last_tick: row.try_get::<_, Option<i64>>("last_tick_id")?.map(TickId),
    }))
}

/// The newest tick, and how many events at least lie between `tick` and it, from table `pgq.tick`, which everybody may read;
/// `None` before the first tick, or without such a queue. The number is missing where `tick` is.
pub async fn newest_tick(
    client: &impl GenericClient,
    queue: &QueueName,
    tick: TickId,
) -> Result<Option<(TickId, Option<i64>)>> {
    // The queue's number by a subquery: with a join all its ticks would be sorted.
    let rows = query(
        client,
        "select n.tick_id, n.tick_event_seq - (select t.tick_event_seq from pgq.tick t \
                                                where t.tick_queue = n.tick_queue and t.tick_id = $2) \
           from pgq.tick n where n.tick_queue = (select queue_id from pgq.queue where queue_name = $1) \
          order by n.tick_queue desc, n.tick_id desc limit 1",
        &[Arg::Text(queue.as_str()), Arg::Number(tick.0)],
    )
    .await?;
    rows.first().map(|row| Ok((TickId(row.try_get(0)?), row.try_get(1)?))).transpose()
}

/// `pgq.force_tick`: makes the next ticker call tick; returns the newest tick so far.
pub async fn force_tick(client: &impl GenericClient, queue: &QueueName) -> Result<Option<TickId>> {
    let newest: Option<i64> =
        value(client, "select pgq.force_tick($1)", &[Arg::Text(queue.as_str())]).await?;
    Ok(newest.map(TickId))
}

/// `pgq.ticker(queue, tick, time, event_seq)`: a branch's copy of an upstream tick. `time` is a timestamptz text.
pub async fn external_tick(
    client: &impl GenericClient,
    queue: &QueueName,
    tick: TickId,
    time: &str,
    event_seq: i64,
) -> Result<()> {
    let _: Option<i64> = value(
        client,
        "select pgq.ticker($1, $2, $3::text::timestamptz, $4)",
        &[Arg::Text(queue.as_str()), Arg::Number(tick.0), Arg::Text(time), Arg::Number(event_seq)],
    )
    .await?;
    Ok(())
}

/// `pgq.current_event_table`: where COPY may write in this transaction.
pub async fn current_event_table(client: &impl GenericClient, queue: &QueueName) -> Result<String> {
    let table: Option<String> =
        value(client, "select pgq.current_event_table($1)", &[Arg::Text(queue.as_str())]).await?;
    table.ok_or_else(|| Error::protocol(format!("queue {queue} has no event table")))
}

/// `pgq.create_queue`; false when it was there already.
pub async fn create_queue(client: &impl GenericClient, queue: &QueueName) -> Result<bool> {
    let new: Option<i32> =
        value(client, "select pgq.create_queue($1)", &[Arg::Text(queue.as_str())]).await?;
    Ok(new == Some(1))
}

/// `pgq.drop_queue`; `force` unregisters its consumers, without it they are an error.
pub async fn drop_queue(client: &impl GenericClient, queue: &QueueName, force: bool) -> Result<()> {
    let sql = "select pgq.drop_queue($1, $2)";
    let _: Option<i32> = value(client, sql, &[Arg::Text(queue.as_str()), Arg::Bool(force)]).await?;
    Ok(())
}

/// `pgq.ticker(queue)`: the new tick, `None` when none is due.
///
/// # Errors
/// The server's: no such queue, ticks come from elsewhere, the ticker is paused.
pub async fn ticker(client: &impl GenericClient, queue: &QueueName) -> Result<Option<TickId>> {
    let tick: Option<i64> =
        value(client, "select pgq.ticker($1)", &[Arg::Text(queue.as_str())]).await?;
    Ok(tick.map(TickId))
}

/// `pgq.set_queue_config`: `parameter` without its prefix `queue_`, `setting` as text.
pub async fn set_queue_config(
    client: &impl GenericClient,
    queue: &QueueName,
    parameter: &str,
    setting: &str,
) -> Result<()> {
    let _: Option<i32> = value(
        client,
        "select pgq.set_queue_config($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(parameter), Arg::Text(setting)],
    )
    .await?;
    Ok(())
}

/// Where the next event of a queue gets its number from: the last one that was given away.
pub async fn event_seq(client: &impl GenericClient, queue: &QueueName) -> Result<Option<i64>> {
    value(
        client,
        "select pgq.seq_getval(queue_event_seq) from pgq.queue where queue_name = $1",
        &[Arg::Text(queue.as_str())],
    )
    .await
}

/// `pgq.insert_event` with all extra fields; the id of the new event. Many at once are the
/// [`Producer`](crate::producer::Producer)'s work.
pub async fn insert_event(
    client: &impl GenericClient,
    queue: &QueueName,
    kind: &str,
    data: Option<&str>,
    extra: [Option<&str>; 4],
) -> Result<EventId> {
    let [extra1, extra2, extra3, extra4] = extra.map(Arg::Data);
    let id: Option<i64> = value(
        client,
        "select pgq.insert_event($1, $2, $3, $4, $5, $6, $7)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(kind),
            Arg::Data(data),
            extra1,
            extra2,
            extra3,
            extra4,
        ],
    )
    .await?;
    id.map(EventId).ok_or_else(|| Error::protocol(format!("no event id from queue {queue}")))
}

/// `pgq.event_retry`: puts an event of an open batch back, to come again after this many seconds; false when it waits
/// already.
pub async fn event_retry(
    client: &impl GenericClient,
    batch: BatchId,
    event: EventId,
    seconds: i32,
) -> Result<bool> {
    let new: Option<i32> = value(
        client,
        "select pgq.event_retry($1, $2, $3::int8::int4)",
        &[Arg::Number(batch.0), Arg::Number(event.0), Arg::Number(seconds.into())],
    )
    .await?;
    Ok(new == Some(1))
}

/// `pgq.batch_retry`: puts all events of an open batch back, to come again after this many seconds; how many were not
/// waiting already.
pub async fn batch_retry(client: &impl GenericClient, batch: BatchId, seconds: i32) -> Result<i32> {
    let count: Option<i32> = value(
        client,
        "select pgq.batch_retry($1, $2::int8::int4)",
        &[Arg::Number(batch.0), Arg::Number(seconds.into())],
    )
    .await?;
    Ok(count.unwrap_or_default())
}

/// `pgq.get_batch_info`, of an open batch.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenBatch {
    /// `queue_name`
    pub queue: QueueName,
    /// `consumer_name`
    pub consumer: ConsumerName,
    /// `prev_tick_id`: where it begins.
    pub prev_tick: TickId,
    /// `tick_id`: where it ends.
    pub tick: TickId,
    /// `lag`: age of its last tick, in seconds.
    pub lag: f64,
    /// `seq_end` less `seq_start`: about how many events it holds.
    pub events: i64,
}

/// `pgq.get_batch_info`; `None` when the batch is not open.
pub async fn get_batch_info(
    client: &impl GenericClient,
    batch: BatchId,
) -> Result<Option<OpenBatch>> {
    let rows = query(
        client,
        "select queue_name, consumer_name, prev_tick_id, tick_id, \
         extract(epoch from lag)::float8 as lag, seq_end - seq_start as events \
         from pgq.get_batch_info($1)",
        &[Arg::Number(batch.0)],
    )
    .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let Some(queue) = row.try_get::<_, Option<String>>("queue_name")? else { return Ok(None) };
    Ok(Some(OpenBatch {
        queue: QueueName::new(queue),
        consumer: ConsumerName::new(row.try_get::<_, String>("consumer_name")?),
        prev_tick: TickId(row.try_get("prev_tick_id")?),
        tick: TickId(row.try_get("tick_id")?),
        lag: row.try_get("lag")?,
        events: row.try_get("events")?,
    }))
}
