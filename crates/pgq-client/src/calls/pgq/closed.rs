//! A queue that takes no events and ticks of its own: that of a branch, and of a root that is being demoted. Read from the tables of
//! schema `pgq`, because it has no functions for that.

use tokio_postgres::GenericClient;

use crate::calls::statement::{Arg, query, value};
use crate::id::TickId;
use crate::name::QueueName;
use crate::{Error, Result};

/// Whether a queue takes neither events nor ticks of its own, as that of a branch and of a root that is being demoted; `None`
/// without such a queue. Reads table `pgq.queue`, because `pgq.get_queue_info` does not say it.
pub async fn is_closed(client: &impl GenericClient, queue: &QueueName) -> Result<Option<bool>> {
    value(
        client,
        "select queue_disable_insert and queue_external_ticker from pgq.queue where queue_name = $1",
        &[Arg::Text(queue.as_str())],
    )
    .await
}

/// Lets a queue take events and ticks of its own again: undoes the first step of `pgq_node.demote_root`, for which there is
/// no function.
pub async fn open_queue(client: &impl GenericClient, queue: &QueueName) -> Result<()> {
    let sql = "update pgq.queue set queue_disable_insert = false, queue_external_ticker = false \
               where queue_name = $1 returning queue_id::int8";
    let _: Option<i64> = value(client, sql, &[Arg::Text(queue.as_str())]).await?;
    Ok(())
}

/// The transactions that write into a queue's event tables at this moment, or wait for that, by their virtual number. Prepared
/// ones are among them, which no session has.
pub async fn writers(client: &impl GenericClient, queue: &QueueName) -> Result<Vec<String>> {
    let rows = query(
        client,
        "select distinct l.virtualtransaction from pg_catalog.pg_locks l \
          where l.locktype = 'relation' and l.mode = 'RowExclusiveLock' and l.pid is distinct from pg_catalog.pg_backend_pid() \
            and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()) \
            and l.relation in (select i.inhrelid from pgq.queue q \
                                 join pg_catalog.pg_inherits i \
                                   on i.inhparent = pgq.quote_fqname(q.queue_data_pfx)::pg_catalog.regclass \
                                where q.queue_name = $1)",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// How many events a queue has behind a tick, by their `ev_extra1`, which is the table for events of triggers. Those that one
/// consumer put back are his own and not counted.
///
/// # Errors
/// There is no such tick, and the server's.
pub async fn events_behind(
    client: &impl GenericClient,
    queue: &QueueName,
    tick: TickId,
) -> Result<Vec<(Option<String>, i64)>> {
    let found = query(
        client,
        "select pgq.quote_fqname(q.queue_data_pfx), t.tick_snapshot::text from pgq.queue q \
           join pgq.tick t on t.tick_queue = q.queue_id where q.queue_name = $1 and t.tick_id = $2",
        &[Arg::Text(queue.as_str()), Arg::Number(tick.0)],
    )
    .await?;
    let Some(found) = found.first() else {
        return Err(Error::protocol(format!("queue {queue} has no tick {tick}")));
    };
    let (table, snapshot): (String, String) = (found.try_get(0)?, found.try_get(1)?);
    // The first condition is for the index.
    let sql = format!(
        "select ev_extra1, count(*) from {table} \
          where ev_txid >= txid_snapshot_xmin($1::text::txid_snapshot) \
            and not txid_visible_in_snapshot(ev_txid, $1::text::txid_snapshot) and ev_owner is null \
          group by 1 order by 1"
    );
    let rows = query(client, &sql, &[Arg::Text(&snapshot)]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
