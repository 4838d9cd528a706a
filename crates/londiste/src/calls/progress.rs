//! How far copies are: a table and a view of our schema, which an installation of the original's does not have.

use pgq_client::Result;
use pgq_client::calls::statement::{Arg, query, value};
use pgq_client::name::{QueueName, TableName};
use tokio_postgres::GenericClient;

/// What is written down of a copy that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// What it is at: `rows`, `indexes`.
    pub phase: &'static str,
    /// Data received.
    pub bytes: i64,
    /// Rows received.
    pub rows: i64,
    /// All rows, as the source's planner believes.
    pub expected: Option<i64>,
    /// How long it has been at it, in milliseconds.
    pub elapsed: i64,
}

/// A row of `londiste.copy_progress`.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningCopy {
    /// The table.
    pub table: TableName,
    /// What the copy is at.
    pub phase: String,
    /// Data received.
    pub bytes: i64,
    /// Rows received.
    pub rows: i64,
    /// All rows, as the source's planner believes.
    pub expected: Option<i64>,
    /// Of a hundred.
    pub percent: Option<i32>,
    /// Data received in a second.
    pub rate: i64,
    /// Seconds to go.
    pub left: Option<f64>,
}

/// Whether the schema has a place for it.
pub async fn has_copy_progress(client: &impl GenericClient) -> Result<bool> {
    let sql = "select pg_catalog.to_regclass('londiste.copy_progress') is not null";
    Ok(value(client, sql, &[]).await?.unwrap_or(false))
}

/// Writes down how far a copy is.
pub async fn set_copy_progress(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
    progress: &CopyProgress,
) -> Result<()> {
    let CopyProgress { phase, bytes, rows, expected, elapsed } = *progress;
    value::<i32>(
        client,
        "insert into londiste._copy_progress as p \
             (queue_name, table_name, phase, bytes_copied, rows_copied, rows_expected, started_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6, now() - $7 * interval '1 millisecond', now()) \
         on conflict (queue_name, table_name) do update \
         set phase = excluded.phase, bytes_copied = excluded.bytes_copied, rows_copied = excluded.rows_copied, \
             rows_expected = excluded.rows_expected, started_at = excluded.started_at, \
             updated_at = excluded.updated_at \
         returning 1",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(table.as_str()),
            Arg::Text(phase),
            Arg::Number(bytes),
            Arg::Number(rows),
            Arg::OptNumber(expected),
            Arg::Number(elapsed),
        ],
    )
    .await?;
    Ok(())
}

/// Forgets it when the copy has ended.
pub async fn clear_copy_progress(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
) -> Result<()> {
    value::<i32>(
        client,
        "delete from londiste._copy_progress where queue_name = $1 and table_name = $2 returning 1",
        &[Arg::Text(queue.as_str()), Arg::Text(table.as_str())],
    )
    .await?;
    Ok(())
}

/// The copies of a queue that run, by name.
pub async fn get_copy_progress(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<RunningCopy>> {
    let rows = query(
        client,
        "select table_name, phase, bytes_copied, rows_copied, rows_expected, percent, bytes_per_second, \
                extract(epoch from time_left)::float8 as seconds_left \
           from londiste.copy_progress where queue_name = $1 order by table_name",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok(RunningCopy {
                table: TableName::new(row.try_get::<_, &str>("table_name")?),
                phase: row.try_get("phase")?,
                bytes: row.try_get("bytes_copied")?,
                rows: row.try_get("rows_copied")?,
                expected: row.try_get("rows_expected")?,
                percent: row.try_get("percent")?,
                rate: row.try_get("bytes_per_second")?,
                left: row.try_get("seconds_left")?,
            })
        })
        .collect()
}
