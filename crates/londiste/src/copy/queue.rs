//! What a copy asks of its source's queue besides batches.

use pgq_client::calls::pgq;
use pgq_client::id::TickId;
use pgq_client::name::QueueName;
use pgq_client::{Error, Result};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

/// Whether everything that `snapshot` contains was committed before the tick: then no event after the tick is among the
/// rows copied with that snapshot. Both must be of the same server.
///
/// # Errors
/// The server's.
pub(super) async fn tick_is_past(
    src: &Client,
    queue: &QueueName,
    tick: TickId,
    snapshot: &str,
) -> Result<bool> {
    let sql = "\
select txid_snapshot_xmax(t.tick_snapshot) >= txid_snapshot_xmax(s.snapshot)
       and not exists (select 1 from txid_snapshot_xip(t.tick_snapshot) open
                        where txid_visible_in_snapshot(open, s.snapshot)) as past
  from pgq.tick t
  join pgq.queue q on q.queue_id = t.tick_queue
 cross join (select $3::text::txid_snapshot as snapshot) s
 where q.queue_name = $1 and t.tick_id = $2";
    let args: [(&(dyn ToSql + Sync), Type); 3] =
        [(&queue.as_str(), Type::TEXT), (&tick.0, Type::INT8), (&snapshot, Type::TEXT)];
    let rows = src.query_typed(sql, &args).await.map_err(|e| Error::sql(e, sql))?;
    match rows.first() {
        Some(row) => Ok(row.try_get("past")?),
        None => Ok(false),
    }
}

/// Whether the source still knows a tick, and so has all events behind it.
///
/// # Errors
/// The server's.
pub(super) async fn has_tick(src: &Client, queue: &QueueName, tick: TickId) -> Result<bool> {
    let sql = "\
select from pgq.tick t join pgq.queue q on q.queue_id = t.tick_queue \
 where q.queue_name = $1 and t.tick_id = $2";
    let args: [(&(dyn ToSql + Sync), Type); 2] =
        [(&queue.as_str(), Type::TEXT), (&tick.0, Type::INT8)];
    let rows = src.query_typed(sql, &args).await.map_err(|e| Error::sql(e, sql))?;
    Ok(!rows.is_empty())
}

/// Asks for a tick now, so that the hand-over does not wait for an idle queue's next one.
///
/// The ticker would make it at its next look; where we may, we make it ourselves. On a branch ticks come from upstream
/// and nothing happens. Where the original's `pgq.ticker` is installed it is left to its daemon: two that tick side by
/// side can make ticks whose snapshots go backwards, and then events are read twice.
///
/// # Errors
/// The connection's. That the server refuses us the tick is none.
pub(super) async fn ask_for_tick(src: &Client, queue: &QueueName) -> Result<()> {
    pgq::force_tick(src, queue).await?;
    // A function that only our schema has, as its ticker lets one session tick at a time.
    let sql = "select case when to_regprocedure('pgq._announce_tick(text)') is not null then pgq.ticker($1) end";
    match src.query_typed(sql, &[(&queue.as_str(), Type::TEXT)]).await {
        Ok(_) => Ok(()),
        Err(error) if error.as_db_error().is_some() => {
            tracing::debug!("pgq.ticker: {error}");
            Ok(())
        }
        Err(error) => Err(Error::sql(error, sql)),
    }
}
