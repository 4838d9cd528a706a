//! A table that several queues fill is copied again for one of them, in place.
//!
//! Nobody can tell which rows of the table are this queue's, so it is neither emptied nor searched for rows that should
//! not be there. The source's rows come into a temporary table; those that differ are replaced. What the source has deleted
//! while nobody applied its changes is in its queue: the worker applied everything up to the tick where it left the table
//! (the copy's position, see [`super::source::hold`]), and the snapshot that the rows are read with also shows all events
//! up to itself. Keys, indexes and the rows of other queues stay as they are, and everybody can go on writing them.

use anyhow::bail;
use pgq_client::Error;
use pgq_client::consumer::cursor::Cursor;
use pgq_client::event::Event;
use pgq_client::id::TickId;
use pgq_client::name::{QueueName, TableName};
use pgq_client::text::quoting::{quote_ident, quote_literal};
use pgq_client::text::row::{self, Op, RowEvent};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::columns::quoted_list;
use super::pipe::Format;
use super::replay::own_events;
use super::rows::run;
use super::source::{Link, Registration, tick_gone};
use crate::job::Job;
use crate::replay::apply::{Applier, Mode, Outlet};
use crate::table::attrs::Renewal;
use crate::table::registry::Table;

/// Where the rows come first.
const FRESH: &str = "pg_temp._londiste_renew";

/// Events of a fetch.
const FETCH: usize = 1000;

/// How whole tables are compared: the session's usual settings are for single rows.
const PLANS_FOR_TABLES: &str = "\
set local plan_cache_mode = auto; set local enable_seqscan = on; set local enable_hashjoin = on; \
set local enable_mergejoin = on";

/// Makes the place where the rows come first. Needs an open transaction, with which it goes away.
pub(super) async fn make_place(
    dst: &Client,
    table: &Table,
    names: &[String],
) -> anyhow::Result<()> {
    let (columns, dest) = (quoted_list(names), table.dest.quoted());
    run(
        dst,
        &format!(
            "create temporary table _londiste_renew on commit drop as \
             select {columns} from {dest} where false"
        ),
    )
    .await
}

/// The statement that brings rows there.
pub(super) fn write(names: &[String], format: Format) -> String {
    let options = match format {
        Format::Text => "",
        Format::Binary => " WITH (FORMAT binary)",
    };
    format!("COPY {FRESH} ({}) FROM stdin{options}", quoted_list(names))
}

/// Brings the rows into the table. Both sessions are inside their transactions; that of the source has the snapshot of the
/// rows.
pub(super) async fn bring_in(
    job: &Job,
    link: &Link,
    table: &Table,
    since: TickId,
    statements: &Statements,
) -> anyhow::Result<()> {
    let (src, dst): (&Client, &Client) = (&link.src, &link.dst);
    let queue = &job.settings.queue;
    let deleted =
        delete_what_was_deleted(src, dst, link.src.server_encoding(), queue, table, since).await?;
    run(dst, &format!("analyze {FRESH}")).await?;
    run(dst, PLANS_FOR_TABLES).await?;
    let outdated = count(dst, &statements.delete_outdated).await?;
    let inserted = count(dst, &statements.insert_missing).await?;
    tracing::info!(
        "{}: {deleted} deletes repeated, {outdated} rows replaced, {} added",
        table.name,
        inserted.saturating_sub(outdated)
    );
    Ok(())
}

/// The tick where the worker left the table.
///
/// # Errors
/// The copy stands elsewhere. It replays from there on, so what is in between would be missing.
pub(super) fn since(own: &Registration<'_>, table: &Table) -> anyhow::Result<TickId> {
    match table.attrs.renewal() {
        Some(Renewal::Since(tick)) if own.completed == Some(tick) => Ok(tick),
        _ => {
            bail!("table {}: {} does not stand where the worker left it", table.name, own.consumer)
        }
    }
}

/// Columns of the key by which rows are found.
///
/// # Errors
/// There is none, or it has columns that are not copied.
pub(super) async fn key(
    dst: &Client,
    table: &Table,
    names: &[String],
) -> anyhow::Result<Vec<String>> {
    let key = find_key(dst, &table.dest).await?;
    if key.is_empty() || !key.iter().all(|column| names.contains(column)) {
        bail!(
            "table {}: other queues fill {} as well, and without a primary key in common with the source nobody knows \
             which rows to replace",
            table.name,
            table.dest
        );
    }
    Ok(key)
}

/// The primary one, else a unique one that always has values.
async fn find_key(dst: &Client, dest: &TableName) -> anyhow::Result<Vec<String>> {
    let sql = "\
select array(select a.attname::text \
               from unnest(i.indkey::int2[]) with ordinality k (attnum, nr) \
               join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum \
              where k.nr <= i.indnkeyatts order by k.nr) as key \
  from pg_index i \
  join pg_class c on c.oid = i.indrelid \
  join pg_namespace n on n.oid = c.relnamespace \
 where n.nspname = $1 and c.relname = $2 \
   and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null \
   and not exists (select from pg_attribute a \
                    where a.attrelid = c.oid and a.attnum = any (i.indkey) and not a.attnotnull) \
 order by i.indisprimary desc, i.indexrelid limit 1";
    let args: [(&(dyn ToSql + Sync), Type); 2] =
        [(&dest.schema(), Type::TEXT), (&dest.name(), Type::TEXT)];
    let rows = dst.query_typed(sql, &args).await.map_err(|e| Error::sql(e, sql))?;
    Ok(rows.first().map(|row| row.try_get("key")).transpose()?.unwrap_or_default())
}

/// How the rows come from the place into the table.
pub(super) struct Statements {
    /// Takes away what is there in another form.
    delete_outdated: String,
    /// Brings what is not there.
    insert_missing: String,
}

impl Statements {
    pub(super) fn new(
        dest: &TableName,
        names: &[String],
        key: &[String],
        partitioned: bool,
    ) -> Self {
        let (dest, columns) = (dest.quoted(), quoted_list(names));
        let only = if partitioned { "" } else { "only " };
        let same = |names: &[String], sep: &str| {
            let pairs = names.iter().map(|name| quote_ident(name));
            pairs.map(|name| format!("d.{name} = f.{name}")).collect::<Vec<_>>().join(sep)
        };
        let same_key = same(key, " and ");
        let row = |alias: &str| {
            let columns = names.iter().map(|name| format!("{alias}.{}", quote_ident(name)));
            format!("row({})::text", columns.collect::<Vec<_>>().join(", "))
        };
        // By their texts, because not every type can be compared, and equal values may be written differently.
        let (here, there) = (row("d"), row("f"));
        Self {
            delete_outdated: format!(
                "delete from {only}{dest} d using {FRESH} f where {same_key} and {here} <> {there}"
            ),
            insert_missing: format!(
                "insert into {dest} ({columns}) overriding system value select {columns} from {FRESH} f \
                 where not exists (select from {only}{dest} d where {same_key})"
            ),
        }
    }
}

/// Repeats the deletes that the worker has not applied and the snapshot shows. Rows that came back later are among the
/// copied ones.
async fn delete_what_was_deleted(
    src: &Client,
    dst: &Client,
    encoding: &str,
    queue: &QueueName,
    table: &Table,
    since: TickId,
) -> anyhow::Result<u64> {
    let sql = events_sql(src, queue, table, since).await?;
    let mut cursor = Cursor::over(src, &sql).await?;
    let mut applier = Applier::default();
    applier.begin_batch(encoding);
    let mut outlet = Outlet::new(dst);
    let mut deleted = 0;
    loop {
        let events = cursor.fetch(FETCH).await?;
        for event in &events {
            if event.kind.as_deref() == Some("R") {
                tracing::warn!(
                    "table {}: it was emptied on the source; its rows stay here, since they cannot be told from those \
                     of other queues",
                    table.name
                );
            } else if is_delete(event) {
                applier.data(&mut outlet, Mode::Rows, table, event).await?;
                deleted += 1;
            }
        }
        if events.is_empty() {
            break;
        }
    }
    applier.flush(&mut outlet).await?;
    applier.verify(&mut outlet).await?;
    cursor.close().await?;
    Ok(deleted)
}

/// Events of the table after a tick, up to the snapshot of the transaction that asks.
async fn events_sql(
    src: &Client,
    queue: &QueueName,
    table: &Table,
    since: TickId,
) -> anyhow::Result<String> {
    let sql = "\
select q.queue_data_pfx, t.tick_snapshot::text as snapshot, \
       txid_snapshot_xmin(t.tick_snapshot) as xmin \
  from pgq.queue q join pgq.tick t on t.tick_queue = q.queue_id \
 where q.queue_name = $1 and t.tick_id = $2";
    let args: [(&(dyn ToSql + Sync), Type); 2] =
        [(&queue.as_str(), Type::TEXT), (&since.0, Type::INT8)];
    let rows = src.query_typed(sql, &args).await.map_err(|e| Error::sql(e, sql))?;
    let Some(row) = rows.first() else {
        bail!(tick_gone(table, since));
    };
    let events: &str = row.try_get("queue_data_pfx")?;
    let (snapshot, xmin): (&str, i64) = (row.try_get("snapshot")?, row.try_get("xmin")?);
    Ok(format!(
        "select ev_id, ev_time, ev_txid, ev_retry, ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4 from {} \
          where ev_txid >= {xmin} and not txid_visible_in_snapshot(ev_txid, {}) and {} \
            and (ev_type like 'D%' or ev_type like '{{%' or ev_type = 'R') \
          order by ev_id",
        TableName::new(events).quoted(),
        quote_literal(Some(snapshot)),
        own_events(&table.name)
    ))
}

/// Whether a row goes. What cannot be read is for the worker to complain about.
fn is_delete(event: &Event) -> bool {
    let kind = event.kind.as_deref().unwrap_or_default();
    let decoded = row::decode(kind, event.data.as_deref().unwrap_or_default());
    matches!(
        decoded,
        Ok(RowEvent::Row { op: Op::Delete, .. } | RowEvent::Fragment { op: Op::Delete, .. })
    )
}

async fn count(dst: &Client, sql: &str) -> anyhow::Result<u64> {
    tracing::debug!("exec_cmd: {sql}");
    Ok(dst.execute_typed(sql, &[]).await.map_err(|e| Error::sql(e, sql))?)
}

#[cfg(test)]
mod tests {
    use pgq_client::id::{EventId, Txid};

    use super::*;

    #[test]
    fn rows_are_found_by_key_and_compared_as_text() {
        let names = ["id", "Part", "v"].map(str::to_owned);
        let key = ["id", "Part"].map(str::to_owned);
        let statements = Statements::new(&TableName::new("public.t"), &names, &key, false);
        assert_eq!(
            statements.delete_outdated,
            "delete from only public.t d using pg_temp._londiste_renew f \
             where d.id = f.id and d.\"Part\" = f.\"Part\" \
             and row(d.id, d.\"Part\", d.v)::text <> row(f.id, f.\"Part\", f.v)::text"
        );
        assert_eq!(
            statements.insert_missing,
            "insert into public.t (id, \"Part\", v) overriding system value select id, \"Part\", v \
             from pg_temp._londiste_renew f where not exists (select from only public.t d \
             where d.id = f.id and d.\"Part\" = f.\"Part\")"
        );
    }

    #[test]
    fn only_deletes_are_repeated() {
        let event = |kind: &str, data: &str| Event {
            id: EventId(1),
            time: String::new(),
            txid: Txid(1),
            retry: None,
            kind: Some(kind.to_owned()),
            data: Some(data.to_owned()),
            extra1: None,
            extra2: None,
            extra3: None,
            extra4: None,
        };
        assert!(is_delete(&event("D:id", "id=1")));
        assert!(is_delete(&event("D", "id = '1'")));
        assert!(is_delete(&event(r#"{"op":"DELETE","pkey":["id"]}"#, r#"{"id":1}"#)));
        assert!(!is_delete(&event(r#"{"op":"INSERT","pkey":["id"]}"#, r#"{"id":1}"#)));
        assert!(!is_delete(&event("R", "")));
    }
}
