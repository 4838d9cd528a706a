//! Foreign keys put aside during a copy (contract `londiste-sql.md` 14).

use pgq_client::Result;
use pgq_client::calls::statement::{Arg, query, value};
use pgq_client::name::{QueueName, TableName};
use tokio_postgres::{GenericClient, Row};

/// A foreign key, in the database or put aside in `londiste.pending_fkeys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// `from_table`: the referencing table.
    pub from_table: TableName,
    /// `to_table`: the referenced table.
    pub to_table: TableName,
    /// `fkey_name`
    pub name: String,
    /// `fkey_def`: the statement that creates it.
    pub definition: String,
}

fn keys(rows: &[Row]) -> Result<Vec<ForeignKey>> {
    rows.iter()
        .map(|row| {
            Ok(ForeignKey {
                from_table: TableName::new(row.try_get("from_table")?),
                to_table: TableName::new(row.try_get("to_table")?),
                name: row.try_get("fkey_name")?,
                definition: row.try_get("fkey_def")?,
            })
        })
        .collect()
}

/// `londiste.find_table_fkeys`: the keys of a table in this database, from it and to it.
pub async fn find_table_fkeys(
    client: &impl GenericClient,
    table: &TableName,
) -> Result<Vec<ForeignKey>> {
    let rows =
        query(client, "select * from londiste.find_table_fkeys($1)", &[Arg::Text(table.as_str())])
            .await?;
    keys(&rows)
}

/// `londiste.get_table_pending_fkeys`: the keys of a table that were put aside.
pub async fn get_table_pending_fkeys(
    client: &impl GenericClient,
    table: &TableName,
) -> Result<Vec<ForeignKey>> {
    let rows = query(
        client,
        "select * from londiste.get_table_pending_fkeys($1)",
        &[Arg::Text(table.as_str())],
    )
    .await?;
    keys(&rows)
}

/// `londiste.get_valid_pending_fkeys`: the keys that this queue may bring back now.
pub async fn get_valid_pending_fkeys(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<ForeignKey>> {
    let rows = query(
        client,
        "select * from londiste.get_valid_pending_fkeys($1)",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    keys(&rows)
}

/// `londiste.drop_table_fkey`: puts a key aside and drops it; false when it is not there.
pub async fn drop_table_fkey(
    client: &impl GenericClient,
    from_table: &TableName,
    name: &str,
) -> Result<bool> {
    let dropped: Option<i32> = value(
        client,
        "select londiste.drop_table_fkey($1, $2)",
        &[Arg::Text(from_table.as_str()), Arg::Text(name)],
    )
    .await?;
    Ok(dropped == Some(1))
}

/// Puts a key aside that this database does not have yet, as if [`drop_table_fkey`] had dropped it: the worker creates it once
/// both tables are in sync. Takes the place of one that was put aside under the same name.
pub async fn set_pending_fkey(client: &impl GenericClient, key: &ForeignKey) -> Result<()> {
    query(
        client,
        "insert into londiste.pending_fkeys (from_table, to_table, fkey_name, fkey_def) \
         values ($1, $2, $3, $4) \
         on conflict (from_table, fkey_name) do update \
         set to_table = excluded.to_table, fkey_def = excluded.fkey_def",
        &[
            Arg::Text(key.from_table.as_str()),
            Arg::Text(key.to_table.as_str()),
            Arg::Text(&key.name),
            Arg::Text(&key.definition),
        ],
    )
    .await
    .map(drop)
}

/// `londiste.restore_table_fkey`, lazily: the next statement to run for this key (add without validation, then
/// validate), or `None` when nothing is left to do. To be called again after each statement.
pub async fn restore_table_fkey(
    client: &impl GenericClient,
    from_table: &TableName,
    name: &str,
) -> Result<Option<String>> {
    let sql: Option<String> = value(
        client,
        "select londiste.restore_table_fkey($1, $2, true)",
        &[Arg::Text(from_table.as_str()), Arg::Text(name)],
    )
    .await?;
    Ok(sql.filter(|sql| !sql.is_empty()))
}
