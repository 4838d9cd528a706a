//! The copy itself: structure away, rows in, structure back (contract `worker.md` 18.4).

use std::sync::Arc;

use anyhow::{Context as _, bail};
use pgq_client::Error;
use pgq_client::calls::pgq_node;
use pgq_client::conn::Session;
use pgq_client::name::{QueueName, TableName};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::columns::{self, Common, quoted_list};
use super::pipe::{Format, Shape};
use super::progress::Progress;
use super::source::{self, Link, Registration};
use super::{parallel, pipe, renew};
use crate::crash_point::crash_point;
use crate::ddl::{self, Purpose, Structure, create, drop};
use crate::handler::obfuscate::{ObfuscateError, Rules};
use crate::job::{self, Job};
use crate::table::attrs::TableAttrs;
use crate::table::belonging;
use crate::table::registry::Table;
use crate::table::state::TableState;
use crate::table::sync_copy::{CopyMode, Others};
use crate::{calls, fkeys};

/// Values that both sessions must agree on, and that an account's defaults must not spoil. Timeouts are meant for
/// applications; `row_security = off` makes a hidden row an error instead of a hole in the copy.
pub(super) const SOURCE_SETTINGS: &str = "\
set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; \
set local extra_float_digits = 3; set local bytea_output = 'hex'; set local lc_monetary = 'C'; \
set local row_security = off";

pub(super) const DESTINATION_SETTINGS: &str = "\
set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; \
set local lc_monetary = 'C'; set local xmloption = 'content'; set local array_nulls = on; \
set local default_tablespace = ''; set local row_security = off";

/// Not every version has all of them.
const NO_TIMEOUTS: &str = "\
select set_config(name, '0', true) from pg_settings \
 where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout', \
                'idle_in_transaction_session_timeout')";

/// Copies a table that is in-copy, until it is catching-up. Both sessions come and go without a transaction. Does nothing
/// when another queue's copy was faster, so that this is not the way to do it any more.
///
/// # Errors
/// Whatever fails; the sessions are then in an undefined state and must be dropped, which rolls everything back that
/// was not committed.
pub(super) async fn copy(
    job: &Job,
    link: &Link,
    own: &Registration<'_>,
    table: &Table,
    source: &TableName,
    mode: CopyMode,
    progress: &Arc<Progress>,
) -> anyhow::Result<()> {
    let (src, dst): (&Client, &Client) = (&link.src, &link.dst);
    let queue = &job.settings.queue;
    tracing::info!("Starting full copy of {}", table.name);
    if !table.handler.needs_table() {
        return nothing(job, link, own, table, progress).await;
    }
    let alone = !matches!(mode, CopyMode::Append | CopyMode::Renew);
    if alone {
        fkeys::drop_for_copy(dst, &table.dest).await?;
    }
    run(dst, "begin").await?;
    set_up(dst, DESTINATION_SETTINGS).await?;
    let mut others = Others::default();
    if alone {
        // Of a partitioned table this leaves the partitions alone, until the truncate locks them.
        run(dst, &format!("lock table only {}", table.dest.quoted())).await?;
        // Who held the lock may have been a copy of another queue. It has committed rows and state together.
        others = source::others(&link.dst, queue, table).await?;
        if others_came(mode, table, others) {
            tracing::info!("{}: another queue has begun to fill the table", table.name);
            return run(dst, "rollback").await;
        }
    }
    // The first query fixes what is copied, so it comes after the wait for the lock.
    run(src, "begin isolation level repeatable read, read only").await?;
    set_up(src, SOURCE_SETTINGS).await?;
    let mut there = columns::load(src, source).await?;
    there.columns = columns::handled(&table.handler, source, there.columns)?;
    let here = columns::load(dst, &table.dest).await?;
    let common = columns::common(&table.name, &there.columns, &here.columns);
    for warning in &common.warnings {
        tracing::warn!("{warning}");
    }
    if common.names.is_empty() {
        bail!("table {}: no common columns with {source} on the source", table.name);
    }
    let binary = table.handler.rules().is_none() && columns::binary(&common.names, &there, &here);
    let format = if binary { Format::Binary } else { Format::Text };
    let condition = belonging::condition(&table.attrs, &table.handler, dst).await?;
    let from = (source, there.partitioned);
    let statements = Statements::new(table, from, &common, format, condition);
    statements.check_condition(src, table).await?;

    let structure = match mode {
        CopyMode::Atomic => Some(strip(dst, table, Purpose::Atomic).await?),
        CopyMode::Lead | CopyMode::Parallel => {
            strip_and_store(job, dst, table, (mode, others), here.partitioned).await?;
            None
        }
        CopyMode::Append | CopyMode::Renew => None,
    };
    let expected = expected_rows(src, source).await?;
    progress.rows_begin(expected);
    match mode {
        CopyMode::Parallel => {
            tracing::info!("{}: start threaded copy", table.name);
            parallel::copy(job, link, table, statements, Arc::clone(progress)).await?;
            finished(table, progress);
        }
        CopyMode::Renew => {
            let since = renew::since(own, table)?;
            let key = renew::key(dst, table, &common.names).await?;
            renew::make_place(dst, table, &common.names).await?;
            tracing::info!("{}: start copy", table.name);
            let (read, write) = (statements.read(None), renew::write(&common.names, format));
            tracing::debug!("{}: {read}", table.name);
            pipe::stream(src, &read, dst, &write, &statements.shape()?, progress).await?;
            finished(table, progress);
            let statements =
                renew::Statements::new(&table.dest, &common.names, &key, here.partitioned);
            renew::bring_in(job, link, table, since, &statements).await?;
        }
        CopyMode::Atomic | CopyMode::Lead | CopyMode::Append => {
            let emptied = mode == CopyMode::Atomic && empty(dst, table, here.partitioned).await?;
            // Partitions do not take frozen rows.
            let frozen = emptied && !here.partitioned;
            tracing::info!("{}: start copy", table.name);
            let (read, write) = (statements.read(None), statements.write(frozen));
            tracing::debug!("{}: {read}", table.name);
            pipe::stream(src, &read, dst, &write, &statements.shape()?, progress).await?;
            finished(table, progress);
        }
    }
    let snapshot = snapshot(src).await?;
    run(src, "commit").await?;
    crash_point("copy-rows");
    copied(job, link, own, table, mode, &snapshot).await?;
    if let Some(structure) = structure {
        progress.indexes_begin();
        for object in create::creations(&structure) {
            tracing::info!("Creating {}", object.name);
            for statement in &object.statements {
                run(dst, statement).await?;
            }
        }
    }
    crash_point("copy-before-commit");
    run(dst, "commit").await?;
    crash_point("copy-after-commit");
    Ok(())
}

/// Stores that the rows are there, as of a snapshot of the source. From here on until the commit nobody else decides about the
/// table.
async fn copied(
    job: &Job,
    link: &Link,
    own: &Registration<'_>,
    table: &Table,
    mode: CopyMode,
    snapshot: &str,
) -> anyhow::Result<()> {
    let (dst, queue): (&Client, _) = (&link.dst, &job.settings.queue);
    calls::lock_table(dst, queue, &table.name).await?;
    still_ours(job, dst, table, mode).await?;
    still_there(dst, queue, own, table).await?;
    if table.attrs.renew() {
        forget_renewal(&link.dst, queue, &table.name).await?;
    }
    let state = TableState::CatchingUp;
    tracing::info!("storing state of {}: copy:1 new_state:{state}", table.name);
    let reply =
        calls::local_set_table_state(dst, queue, &table.name, Some(snapshot), state).await?;
    job::checked_quiet(&reply, None)?;
    Ok(())
}

/// The copy of a table whose handler stores nothing: only from where on its events count.
async fn nothing(
    job: &Job,
    link: &Link,
    own: &Registration<'_>,
    table: &Table,
    progress: &Progress,
) -> anyhow::Result<()> {
    run(&link.src, "begin isolation level repeatable read, read only").await?;
    let snapshot = snapshot(&link.src).await?;
    run(&link.src, "commit").await?;
    finished(table, progress);
    run(&link.dst, "begin").await?;
    copied(job, link, own, table, CopyMode::Append, &snapshot).await?;
    run(&link.dst, "commit").await
}

/// Whether the table has other sources than those this way of copying reckons with.
fn others_came(mode: CopyMode, table: &Table, others: Others) -> bool {
    match mode {
        CopyMode::Atomic | CopyMode::Parallel => others.any,
        CopyMode::Lead => others.rows && table.dropped_ddl.is_none(),
        CopyMode::Append | CopyMode::Renew => false,
    }
}

/// The rows are new: from here on the table is like any other.
async fn forget_renewal(dst: &Session, queue: &QueueName, table: &TableName) -> anyhow::Result<()> {
    let Some(now) = calls::get_local_table(&**dst, queue, table).await? else { return Ok(()) };
    let mut attrs = TableAttrs::parse(now.attrs.as_deref())?;
    attrs.set_renewal(None);
    let attrs = attrs.to_stored();
    let reply = calls::local_set_table_attrs(&**dst, queue, table, attrs.as_deref()).await?;
    job::checked_quiet(&reply, None)?;
    Ok(())
}

fn finished(table: &Table, progress: &Progress) {
    let (bytes, rows) = (progress.bytes(), progress.rows());
    tracing::info!("{}: copy finished: {bytes} bytes, {rows} rows", table.name);
}

/// The COPY statements of a table.
#[derive(Debug, Clone)]
pub(super) struct Statements {
    pub(super) source: String,
    /// Whether the source's rows are in its partitions.
    partitioned: bool,
    source_columns: String,
    dest: String,
    columns: String,
    condition: Option<String>,
    format: Format,
    /// The handler's rules, with the table and the columns that they are asked for.
    hiding: Option<(Arc<Rules>, TableName, Vec<String>)>,
}

impl Statements {
    fn new(
        table: &Table,
        (source, partitioned): (&TableName, bool),
        common: &Common,
        format: Format,
        condition: Option<String>,
    ) -> Self {
        let rules = table.handler.rules().cloned();
        Self {
            hiding: rules.map(|rules| (rules, source.clone(), common.own_names.clone())),
            source: source.quoted(),
            partitioned,
            dest: table.dest.quoted(),
            source_columns: quoted_list(&common.own_names),
            columns: quoted_list(&common.names),
            condition,
            format,
        }
    }

    /// How rows travel.
    ///
    /// # Errors
    /// The handler has no rules for the table.
    pub(super) fn shape(&self) -> Result<Shape<'_>, ObfuscateError> {
        let rules = match &self.hiding {
            None => None,
            Some((rules, table, columns)) => Some(rules.table(table)?.copy(columns)),
        };
        Ok(Shape { format: self.format, rules })
    }

    /// Reads all rows, or those in a range of pages.
    pub(super) fn read(&self, range: Option<&str>) -> String {
        let Self { source, source_columns: columns, .. } = self;
        let only = self.only();
        // The condition may end in a comment.
        let what = match (range, &self.condition) {
            // The server copies a partitioned table as a query only.
            (None, None) if self.partitioned => format!("(SELECT {columns} FROM {source})"),
            (None, None) => format!("{source} ({columns})"),
            (range, condition) => {
                let condition = match (range, condition) {
                    (Some(range), Some(condition)) => format!("{range} AND ({condition}\n)"),
                    (range, condition) => {
                        range.or(condition.as_deref()).unwrap_or("true").to_owned()
                    }
                };
                format!("(SELECT {columns} FROM {only}{source} WHERE {condition}\n)")
            }
        };
        let options = match self.format {
            Format::Text => "",
            Format::Binary => " WITH (FORMAT binary)",
        };
        format!("COPY {what} TO stdout{options}")
    }

    /// Tables that inherit from this one are tables of their own; partitions are not.
    fn only(&self) -> &'static str {
        if self.partitioned { "" } else { "ONLY " }
    }

    /// Writes them; `frozen` where the table is new or truncated in the same transaction.
    pub(super) fn write(&self, frozen: bool) -> String {
        let options = match (self.format, frozen) {
            (Format::Text, false) => "",
            (Format::Text, true) => " WITH (FREEZE)",
            (Format::Binary, false) => " WITH (FORMAT binary)",
            (Format::Binary, true) => " WITH (FORMAT binary, FREEZE)",
        };
        format!("COPY {} ({}) FROM stdin{options}", self.dest, self.columns)
    }

    /// Fails as the copy would when the condition is no condition.
    async fn check_condition(&self, src: &Client, table: &Table) -> anyhow::Result<()> {
        let Some(condition) = &self.condition else { return Ok(()) };
        let (only, source) = (self.only(), &self.source);
        let check = format!("SELECT 1 FROM {only}{source} WHERE {condition}\nLIMIT 0");
        let result = src.query_typed(&check, &[]).await.map_err(|e| Error::sql(e, &*check));
        match result {
            // A dead connection is not the condition's fault. The text is put together here, because of a failed
            // statement the log would show nothing else.
            Err(error) if !error.is_closed() => bail!(
                "table {}: {} cannot be used: {condition}: {error}",
                table.name,
                match table.attrs.copy_condition() {
                    Some(_) => "attribute copy_condition",
                    None => "the handler's condition",
                }
            ),
            result => Ok(result.map(drop)?),
        }
    }
}

/// Drops what stands in the copy's way.
async fn strip(dst: &Client, table: &Table, purpose: Purpose) -> anyhow::Result<Structure> {
    let structure = ddl::load_structure(dst, &table.dest, purpose).await?;
    for object in drop::drops(&structure) {
        tracing::info!("Dropping {}", object.name);
        run(dst, &object.statement).await?;
    }
    Ok(structure)
}

/// Truncates, unless the table's rows are to stay; says whether the table is as good as new.
async fn empty(dst: &Client, table: &Table, partitioned: bool) -> anyhow::Result<bool> {
    if table.attrs.skip_truncate() {
        tracing::info!("{}: skipping truncate", table.name);
        return Ok(false);
    }
    tracing::info!("{}: truncating", table.name);
    // Partitions that the handler made hold rows that come again.
    let only = if partitioned || table.handler.has_partitions() { "" } else { "only " };
    run(dst, &format!("truncate {only}{}", table.dest.quoted())).await?;
    Ok(true)
}

/// For rows that come in further transactions: drops, stores and truncates in one, and begins the next.
///
/// What is stored already was dropped before a restart. The first of several copies does not empty the table again then, if
/// others have added their rows since. Until they have, it does: if the copy was one in parts before the others came, it has
/// left some of its rows.
async fn strip_and_store(
    job: &Job,
    dst: &Client,
    table: &Table,
    (mode, others): (CopyMode, Others),
    partitioned: bool,
) -> anyhow::Result<()> {
    if table.dropped_ddl.is_none() {
        let structure = strip(dst, table, Purpose::Interrupted).await?;
        let script = create::script(&structure);
        let queue = &job.settings.queue;
        let reply = calls::local_set_table_struct(dst, queue, &table.name, Some(&script)).await?;
        job::checked(&reply, None)?;
    }
    if table.dropped_ddl.is_none() || mode == CopyMode::Parallel || !others.rows {
        empty(dst, table, partitioned).await?;
    }
    run(dst, "commit").await?;
    crash_point("copy-struct-stored");
    run(dst, "begin").await?;
    set_up(dst, DESTINATION_SETTINGS).await
}

/// Refuses to finish what somebody reset or removed meanwhile, also when it was added again since: a removal puts the
/// stored structure back and takes the rows away.
pub(super) async fn still_ours(
    job: &Job,
    dst: &Client,
    table: &Table,
    mode: CopyMode,
) -> anyhow::Result<()> {
    let stores = matches!(mode, CopyMode::Parallel | CopyMode::Lead);
    let row = calls::get_local_table(dst, &job.settings.queue, &table.name).await?;
    if stores && row.as_ref().is_some_and(|row| row.dropped_ddl.is_none()) {
        bail!("table {} was removed and added again during the copy", table.name);
    }
    if let Some(row) = &row
        && TableAttrs::parse(row.attrs.as_deref())?.renewal() != table.attrs.renewal()
    {
        bail!("table {}: it was reset during the copy", table.name);
    }
    match row.as_ref().map(calls::TableRow::state).transpose()? {
        Some(TableState::InCopy) => Ok(()),
        Some(state) => bail!("table {}: state became {state} during the copy", table.name),
        None => bail!("table {} was removed during the copy", table.name),
    }
}

/// Refuses to finish when somebody moved the copy's position meanwhile: the events in between would be nobody's.
async fn still_there(
    dst: &Client,
    queue: &QueueName,
    own: &Registration<'_>,
    table: &Table,
) -> anyhow::Result<()> {
    let now = pgq_node::get_consumer_state(dst, queue, own.consumer).await?;
    job::checked_quiet(&now.reply, None)?;
    if now.completed_tick.is_none() || now.completed_tick != own.completed {
        bail!("table {}: the position of {} was moved during the copy", table.name, own.consumer);
    }
    Ok(())
}

/// Rows of the source as its statistics have it; below zero when there are none.
async fn expected_rows(src: &Client, source: &TableName) -> anyhow::Result<Option<f64>> {
    let sql = "select c.reltuples::float8 from pg_class c \
               join pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = $1 and c.relname = $2";
    let rows = src
        .query_typed(sql, &[(&source.schema(), Type::TEXT), (&source.name(), Type::TEXT)])
        .await
        .map_err(|e| Error::sql(e, sql))?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?)
}

/// Which transactions the copied rows contain.
async fn snapshot(src: &Client) -> anyhow::Result<String> {
    let sql = "select txid_current_snapshot()::text";
    let rows = src.query_typed(sql, &[]).await.map_err(|e| Error::sql(e, sql))?;
    let row = rows.first().with_context(|| format!("no row from: {sql}"))?;
    Ok(row.try_get(0)?)
}

/// Settings for the open transaction.
pub(super) async fn set_up(client: &Client, settings: &str) -> anyhow::Result<()> {
    run(client, NO_TIMEOUTS).await?;
    run(client, settings).await
}

pub(super) async fn run(client: &Client, sql: &str) -> anyhow::Result<()> {
    tracing::debug!("exec_cmd: {sql}");
    Ok(client.batch_execute(sql).await.map_err(|e| Error::sql(e, sql))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(condition: Option<&str>) -> Statements {
        Statements {
            source: "public.src".to_owned(),
            partitioned: false,
            dest: "other.\"Dest\"".to_owned(),
            source_columns: quoted_list(&["id".to_owned(), "A".to_owned()]),
            columns: quoted_list(&["id".to_owned(), "A".to_owned()]),
            condition: condition.map(str::to_owned),
            format: Format::Text,
            hiding: None,
        }
    }

    #[test]
    fn a_table_is_copied_as_a_table_and_parts_of_it_as_a_query() {
        let whole = statements(None);
        assert_eq!(whole.read(None), "COPY public.src (id, \"A\") TO stdout");
        assert_eq!(
            whole.read(Some("ctid >= '(0,0)'")),
            "COPY (SELECT id, \"A\" FROM ONLY public.src WHERE ctid >= '(0,0)'\n) TO stdout"
        );
        let part = statements(Some("id < 10 -- few"));
        assert_eq!(
            part.read(None),
            "COPY (SELECT id, \"A\" FROM ONLY public.src WHERE id < 10 -- few\n) TO stdout"
        );
        assert_eq!(
            part.read(Some("ctid >= '(0,0)'")),
            "COPY (SELECT id, \"A\" FROM ONLY public.src WHERE ctid >= '(0,0)' AND (id < 10 -- few\n)\n) TO stdout"
        );
    }

    #[test]
    fn rows_of_a_partitioned_table_are_in_its_partitions() {
        let whole = Statements { partitioned: true, ..statements(None) };
        assert_eq!(whole.read(None), "COPY (SELECT id, \"A\" FROM public.src) TO stdout");
        let part = Statements { partitioned: true, ..statements(Some("id < 10")) };
        assert_eq!(
            part.read(None),
            "COPY (SELECT id, \"A\" FROM public.src WHERE id < 10\n) TO stdout"
        );
    }

    #[test]
    fn only_a_table_emptied_in_the_same_transaction_takes_frozen_rows() {
        let whole = statements(None);
        assert_eq!(whole.write(false), "COPY other.\"Dest\" (id, \"A\") FROM stdin");
        assert_eq!(whole.write(true), "COPY other.\"Dest\" (id, \"A\") FROM stdin WITH (FREEZE)");
    }

    #[test]
    fn both_sides_speak_the_same_format() {
        let binary = Statements { format: Format::Binary, ..statements(None) };
        assert_eq!(binary.read(None), "COPY public.src (id, \"A\") TO stdout WITH (FORMAT binary)");
        assert_eq!(
            binary.read(Some("ctid >= '(0,0)'")),
            "COPY (SELECT id, \"A\" FROM ONLY public.src WHERE ctid >= '(0,0)'\n) TO stdout WITH (FORMAT binary)"
        );
        assert_eq!(
            binary.write(true),
            "COPY other.\"Dest\" (id, \"A\") FROM stdin WITH (FORMAT binary, FREEZE)"
        );
        assert_eq!(
            binary.write(false),
            "COPY other.\"Dest\" (id, \"A\") FROM stdin WITH (FORMAT binary)"
        );
    }
}
