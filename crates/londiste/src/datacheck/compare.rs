//! `londiste INI compare [TABLE...]`: counts and checksums of both sides (contract `compare-repair-execute.md` 2 and 3).
//!
//! Departures from the original: both sides are read at the same time; every table starts its search for a source at this
//! node's own provider; tables whose handler stores nothing are left out of the default list; the exit code stays within
//! 255; both sides print dates, numbers and bytes under the same settings; the conditions of `--copy-condition` and
//! of handlers apply to both sides.

use std::process::ExitCode;

use anyhow::Context as _;
use indexmap::IndexMap;
use pgq_client::Error;
use pgq_client::conn::Session;
use pgq_client::name::TableName;
use pgq_client::text::quoting::quote_ident;
use tokio_postgres::SimpleQueryMessage;

use super::format::fill;
use super::sides::{Here, Sides, condition, is_partitioned};
use crate::calls::TableRow;
use crate::config::Settings;
use crate::job::Job;

/// What the operator asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Tables by name in the set; none means all of this node.
    pub tables: Vec<String>,
    /// Compare row counts only.
    pub count_only: bool,
    /// Wait for this node however long it lags.
    pub force: bool,
}

/// Compares and says how many tables differ, as an exit code.
///
/// # Errors
/// [`UsageError`](crate::job::UsageError) when the node lags too much or no source has a table; the server's errors.
pub async fn command(job: &Job, options: &Options) -> anyhow::Result<ExitCode> {
    let here = Here::open(job).await?;
    let mut different = 0_u8;
    for table in here.selected(&options.tables, "compare") {
        let Some(sides) = here.sides(job, table).await? else { continue };
        sides.freeze(job, options.force).await?;
        let equal = sides.cancellable(job, count(job, &sides, table, options)).await?;
        sides.thaw().await?;
        sides.source.session.close().await;
        if !equal {
            different = different.saturating_add(1);
        }
    }
    Ok(ExitCode::from(different))
}

/// Counts both sides on their snapshots.
async fn count(
    job: &Job,
    Sides { source, db, src, dst }: &Sides<'_>,
    table: &TableRow,
    options: &Options,
) -> anyhow::Result<bool> {
    tracing::info!("Counting {dst}");
    let src_columns = columns(&source.session, src).await?;
    let dst_columns = columns(db, dst).await?;
    let common: Vec<&String> =
        src_columns.iter().filter(|column| dst_columns.contains(column)).collect();
    if common.is_empty() {
        anyhow::bail!("no common columns found: {src} on {} and {dst} here", source.node);
    }
    if common.len() != src_columns.len() || common.len() != dst_columns.len() {
        tracing::warn!("Ignoring some columns");
    }
    let condition = condition(job, table, db).await?;
    let query = Query::new(&job.settings, options.count_only, &common, condition.as_deref());
    let pattern = query.pattern(&job.settings);
    let (here, there) = (db.server_encoding(), source.session.server_encoding());
    let convert = (here != there).then_some((there, here)).unzip();
    let src_sql = query.on(src, is_partitioned(&source.session, src).await?, convert.0);
    let dst_sql = query.on(dst, is_partitioned(db, dst).await?, convert.1);
    let (src_row, dst_row) =
        tokio::join!(first_row(&source.session, &src_sql), first_row(db, &dst_sql));
    let mut texts = Vec::new();
    for (side, sql, row) in [("srcdb", src_sql, src_row), ("dstdb", dst_sql, dst_row)] {
        tracing::debug!("{side}: {sql}");
        let row = row?;
        let text = fill(&pattern, |column| row.get(column).map(Option::as_deref))?;
        tracing::info!("{side}: {text}");
        texts.push(text);
    }
    let equal = texts[0] == texts[1];
    if !equal {
        tracing::warn!("{dst}: Results do not match!");
    }
    Ok(equal)
}

/// The query both sides run, but for what they have in different ways. Pure.
#[derive(Debug)]
struct Query {
    template: String,
    columns: String,
    count_only: bool,
}

impl Query {
    fn new(
        settings: &Settings,
        count_only: bool,
        columns: &[&String],
        condition: Option<&str>,
    ) -> Query {
        let template = match &settings.compare_sql {
            Some(template) => template.as_str(),
            None if count_only => "select count(1) as cnt from only _TABLE_",
            None => {
                "select count(1) as cnt, sum(hashtext(_TEXT_)::bigint) as chksum from only _TABLE_"
            }
        };
        let mut template = template.to_owned();
        if let Some(condition) = condition.filter(|_| !has_where(&template)) {
            template.push_str(&format!(" WHERE ({condition})"));
        }
        let columns: Vec<String> = columns.iter().map(|column| quote_ident(column)).collect();
        Query { template, columns: format!("({})", columns.join(",")), count_only }
    }

    /// For one side. `encoding` is the database's when the other side has another one: checksums go by bytes, and those
    /// of UTF-8 are what both have in common.
    fn on(&self, table: &TableName, partitioned: bool, encoding: Option<&str>) -> String {
        let text = format!("{}::text", self.columns);
        let text = match encoding {
            None => text,
            // Bytes of which the server does not know what they mean.
            Some(own @ ("SQL_ASCII" | "MULE_INTERNAL")) => {
                format!("convert_to({text}, '{own}')::text")
            }
            Some(_) => format!("convert_to({text}, 'UTF8')::text"),
        };
        let mut sql = self.template.clone();
        if partitioned {
            // It has no rows of its own.
            for only in ["only _TABLE_", "ONLY _TABLE_"] {
                sql = sql.replace(only, "_TABLE_");
            }
        }
        sql.replace("_TEXT_", &text)
            .replace("_COLS_", &self.columns)
            .replace("_TABLE_", &table.quoted())
    }

    fn pattern(&self, settings: &Settings) -> String {
        let default =
            if self.count_only { "%(cnt)d rows" } else { "%(cnt)d rows, checksum=%(chksum)s" };
        settings.compare_fmt.as_deref().unwrap_or(default).to_owned()
    }
}

/// Whether an operator's `compare_sql` chooses rows itself; the copy condition is not added then.
fn has_where(sql: &str) -> bool {
    sql.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| word.eq_ignore_ascii_case("where"))
}

async fn columns(session: &Session, table: &TableName) -> anyhow::Result<Vec<String>> {
    let sql = "select a.attname::text from pg_catalog.pg_attribute a \
               where a.attrelid = londiste.find_table_oid($1) and a.attnum > 0 and not a.attisdropped \
               order by a.attnum";
    let rows =
        session.query(sql, &[&table.as_str()]).await.map_err(|error| Error::sql(error, sql))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The first row of a query, every column as text.
async fn first_row(
    session: &Session,
    sql: &str,
) -> anyhow::Result<IndexMap<String, Option<String>>> {
    let messages = session.simple_query(sql).await.map_err(|error| Error::sql(error, sql))?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.with_context(|| format!("compare_sql returned no row: {sql}"))?;
    let columns = row.columns().iter().enumerate();
    Ok(columns
        .map(|(nr, column)| (column.name().to_owned(), row.get(nr).map(str::to_owned)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_is_found_as_a_word() {
        assert!(has_where("select 1 from only _TABLE_ t where userid<1000"));
        assert!(has_where("select 1 from t WHERE(true)"));
        assert!(!has_where("select count(*) from only _TABLE_ somewhere_else"));
    }
}
