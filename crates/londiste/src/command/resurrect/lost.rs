//! The events behind the gravestone: walked batch by batch into the file, then deleted with their ticks.

use anyhow::{Context as _, bail};
use pgq_client::calls::pgq;
use pgq_client::calls::statement::{Arg, query, value};
use pgq_client::conn::Session;
use pgq_client::consumer::cursor::Cursor;
use pgq_client::consumer::{BatchInfo, BatchOptions};
use pgq_client::id::TickId;
use pgq_client::name::{ConsumerName, QueueName};
use tokio_postgres::GenericClient;

use super::Returning;
use super::dump::{DumpFile, Statistics};
use crate::crash_point::crash_point;
use crate::job::{self, Interrupted};

/// Events that are asked for at a time.
const FETCH: usize = 1000;

/// Dumps and deletes; `None` when there is nothing behind the gravestone.
pub(super) async fn dump_and_delete(
    returning: &Returning<'_>,
    db: &mut Session,
    mut file: DumpFile,
) -> anyhow::Result<Option<Statistics>> {
    let Returning { job, name, grave, .. } = returning;
    let queue = &job.settings.queue;
    let dumper = ConsumerName::new(format!("{name}.dumper"));
    tracing::info!("Dumping lost events");
    pgq::register_consumer_at(&**db, queue, &dumper, grave.tick).await?;
    let mut statistics = Statistics::default();
    let mut last = None;
    loop {
        if job.shutdown.is_cancelled() {
            return Err(Interrupted.into());
        }
        let batch = pgq::next_batch_custom(&**db, queue, &dumper, &BatchOptions::default()).await?;
        let Some(batch) = batch else { break };
        dump_batch(db, &batch, &mut file, &mut statistics).await?;
        pgq::finish_batch(&**db, batch.batch).await?;
        last = Some(batch.tick);
        crash_point("resurrect-batch-dumped");
    }
    tracing::info!("{} events dumped", statistics.dumped);
    pgq::unregister_consumer(&**db, queue, &dumper).await?;
    let Some(last) = last else {
        tracing::info!("No batches found");
        file.discard()?;
        return Ok(None);
    };
    // Before the events are gone, and on the disk.
    file.finish()?;
    crash_point("resurrect-dumped");
    tracing::info!("Deleting lost events");
    let canceller = db.canceller();
    let deleted = delete(db, queue, grave.tick, last);
    statistics.deleted = job.cancellable(&canceller, deleted).await?;
    crash_point("resurrect-deleted");
    Ok(Some(statistics))
}

async fn dump_batch(
    db: &mut Session,
    batch: &BatchInfo,
    file: &mut DumpFile,
    statistics: &mut Statistics,
) -> anyhow::Result<()> {
    let transaction = job::begin(db).await?;
    let mut cursor = Cursor::open(&transaction, batch.batch, None).await?;
    loop {
        let events = cursor.fetch(FETCH).await?;
        if events.is_empty() {
            break;
        }
        for event in &events {
            file.event(event, batch)?;
            statistics.count(event);
        }
    }
    cursor.close().await?;
    Ok(job::commit(transaction).await?)
}

/// Deletes the events of the batches from one tick to the other, and all ticks but the first.
async fn delete(
    db: &mut Session,
    queue: &QueueName,
    from: TickId,
    to: TickId,
) -> anyhow::Result<u64> {
    let transaction = job::begin(db).await?;
    let missing = || format!("tick {from} or {to} is gone");
    let first = snapshot(&transaction, queue, from).await?.with_context(missing)?;
    let last = snapshot(&transaction, queue, to).await?.with_context(missing)?;
    let table: Option<String> = value(
        &transaction,
        "select pgq.quote_fqname(queue_data_pfx) from pgq.queue where queue_name = $1",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    let Some(table) = table else { bail!("queue {queue} is gone") };
    // Whoever inherits from the table holds the events. The first condition is for the index.
    let sql = format!(
        "with lost as (delete from {table} \
          where ev_txid >= txid_snapshot_xmin($1::text::txid_snapshot) \
            and not txid_visible_in_snapshot(ev_txid, $1::text::txid_snapshot) \
            and txid_visible_in_snapshot(ev_txid, $2::text::txid_snapshot) returning 1) \
         select count(*) from lost"
    );
    let events: Option<i64> =
        value(&transaction, &sql, &[Arg::Text(&first), Arg::Text(&last)]).await?;
    tracing::info!("{} events deleted", events.unwrap_or_default());
    let ticks: Option<i64> = value(
        &transaction,
        "with lost as (delete from pgq.tick \
          where tick_queue = (select queue_id from pgq.queue where queue_name = $1) \
            and tick_id > $2 and tick_id <= $3 returning 1) \
         select count(*) from lost",
        &[Arg::Text(queue.as_str()), Arg::Number(from.0), Arg::Number(to.0)],
    )
    .await?;
    tracing::info!("{} ticks deleted", ticks.unwrap_or_default());
    job::commit(transaction).await?;
    Ok(u64::try_from(events.unwrap_or_default()).unwrap_or_default())
}

/// Snapshot of a tick; `None` where it is not.
pub(super) async fn snapshot(
    client: &impl GenericClient,
    queue: &QueueName,
    tick: TickId,
) -> anyhow::Result<Option<String>> {
    let rows = query(
        client,
        "select tick_snapshot::text from pgq.tick \
         where tick_queue = (select queue_id from pgq.queue where queue_name = $1) and tick_id = $2",
        &[Arg::Text(queue.as_str()), Arg::Number(tick.0)],
    )
    .await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
}
