//! What the operator is told when a table with partitions or inheriting tables is added.

use pgq_client::name::TableName;
use pgq_client::{Error, Result};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

/// Says which rows come with the table and which do not.
///
/// # Errors
/// The server's.
pub(super) async fn explain(
    db: &impl GenericClient,
    table: &TableName,
    dest: &TableName,
    on_root: bool,
) -> Result<()> {
    let sql = "select c.relkind = 'p' as partitioned, \
               array(select h.inhrelid::regclass::text from pg_inherits h where h.inhparent = c.oid order by 1) \
                   as children \
               from pg_class c join pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = $1 and c.relname = $2";
    let args: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&dest.schema(), Type::TEXT), (&dest.name(), Type::TEXT)];
    let rows = db.query_typed(sql, &args).await.map_err(|e| Error::sql(e, sql))?;
    let Some(row) = rows.first() else { return Ok(()) };
    let children: Vec<String> = row.try_get("children")?;
    if row.try_get("partitioned")? {
        if on_root {
            tracing::info!(
                "{table}: rows of all partitions are replicated under this name, also of later ones; attaching, \
                 detaching, dropping or truncating a single partition is not"
            );
        }
    } else if !children.is_empty() {
        tracing::warn!(
            "{table}: rows of tables that inherit from it are not part of it, add these as well: {}",
            children.join(", ")
        );
    }
    Ok(())
}
