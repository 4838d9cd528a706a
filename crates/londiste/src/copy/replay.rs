//! Replay of one table's events while it is being copied.
//!
//! Data, position and nothing else in one transaction of the local database, then the batch is finished on the source:
//! as the worker does it, with the same engine. All other events are the worker's.

use pgq_client::Error;
use pgq_client::calls::{pgq, pgq_node};
use pgq_client::consumer::BatchInfo;
use pgq_client::consumer::cursor::Cursor;
use pgq_client::event::Event;
use pgq_client::name::{ConsumerName, TableName};
use pgq_client::text::quoting::quote_literal;
use tokio_postgres::Client;

use super::source::Link;
use crate::crash_point::crash_point;
use crate::job::{self, Job};
use crate::replay::apply::{Applier, ApplyError, Mode, Outlet};
use crate::replay::dispatch::{Action, action};
use crate::replay::handling::Handling;
use crate::replay::position;
use crate::table::registry::Table;

/// Events per fetch when `pgq_lazy_fetch` does not say.
const FETCH: usize = 1000;

/// Replays a batch for one table and finishes it on both sides.
pub(super) async fn replay(
    job: &Job,
    link: &mut Link,
    consumer: &ConsumerName,
    table: &Table,
    batch: &BatchInfo,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    let (src, dst): (&Client, &Client) = (&link.src, &link.dst);
    let mut mode = Mode::Sets;
    loop {
        run(src, job::BEGIN_READING).await?;
        run(dst, "begin").await?;
        link.applier.begin_batch(link.src.server_encoding());
        match apply(job, src, dst, &mut link.applier, table, batch, mode).await {
            Ok(()) => break,
            Err(Failure::Apply(error)) if error.wants_rows() && mode == Mode::Sets => {
                // Row by row the batch may succeed, and if not, the error names the event.
                mode = Mode::Rows;
                link.applier.forget_structure();
                run(src, "rollback").await?;
                run(dst, "rollback").await?;
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    for (table, updates, deletes) in link.applier.missed() {
        tracing::warn!("{table}: {updates} updates and {deletes} deletes met no row");
    }
    let stands = pgq_node::lock_consumer_position(dst, queue, consumer).await?;
    position::still_at(batch.prev_tick, stands)?;
    let reply = pgq_node::set_consumer_completed(dst, queue, consumer, batch.tick).await?;
    job::checked(&reply, None)?;
    run(src, "commit").await?;
    crash_point("copy-batch-applied");
    run(dst, "commit").await?;
    crash_point("copy-batch-committed");
    pgq::finish_batch(src, batch.batch).await?;
    Ok(())
}

/// Why a batch was not applied.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Sql(#[from] Error),
    #[error(transparent)]
    Event(#[from] crate::replay::dispatch::BadEvent),
}

async fn apply(
    job: &Job,
    src: &Client,
    dst: &Client,
    applier: &mut Applier,
    table: &Table,
    batch: &BatchInfo,
    mode: Mode,
) -> Result<(), Failure> {
    let filter = own_events(&table.name);
    let mut cursor = Cursor::open(src, batch.batch, Some(&filter)).await?;
    let mut outlet = Outlet::new(dst);
    let mut handling = Handling::new(batch);
    let rows = if job.settings.lazy_fetch == 0 { FETCH } else { job.settings.lazy_fetch };
    loop {
        let events = cursor.fetch(rows).await?;
        for event in events.iter().filter(|event| wants(table, event)) {
            match action(event, &job.settings.queue)? {
                Action::Data => handling.data(applier, &mut outlet, mode, table, event).await?,
                Action::Truncate if table.handler.ignore_truncate() => {
                    tracing::info!("ignoring truncate for {}", table.dest.quoted());
                }
                Action::Truncate => applier.truncate(&mut outlet, table, event).await?,
                _ => {}
            }
        }
        if events.is_empty() {
            break;
        }
    }
    cursor.close().await?;
    applier.flush(&mut outlet).await?;
    applier.verify(&mut outlet).await?;
    handling.finish(&mut outlet).await?;
    Ok(())
}

/// Whether the event is not among the copied rows already.
fn wants(table: &Table, event: &Event) -> bool {
    !table.snapshot.as_ref().is_some_and(|snapshot| snapshot.contains(event.txid))
}

/// The events of one table, as an SQL condition. Producers may leave out the schema `public`.
pub(super) fn own_events(table: &TableName) -> String {
    let mut names = vec![quote_literal(Some(table.as_str()))];
    if table.schema() == "public" && !table.name().contains('.') {
        names.push(quote_literal(Some(table.name())));
    }
    // Of system events the name of this queue stands there, and a queue may be called like a table.
    format!(
        "ev_extra1 in ({}) and ev_type not like 'pgq.%' and ev_type not like 'londiste.%'",
        names.join(", ")
    )
}

async fn run(client: &Client, sql: &str) -> Result<(), Error> {
    client.batch_execute(sql).await.map_err(|e| Error::sql(e, sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_a_public_table_may_lack_the_schema() {
        assert!(
            own_events(&TableName::new("public.t")).starts_with("ev_extra1 in ('public.t', 't')")
        );
        assert!(own_events(&TableName::new("s.it's")).starts_with("ev_extra1 in ('s.it''s')"));
    }
}
