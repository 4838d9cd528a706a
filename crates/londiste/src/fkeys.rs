//! Foreign keys: dropped before a copy, kept in `londiste.pending_fkeys`, restored once both tables are in sync
//! (contract `worker.md` section 20).
//!
//! Departures from the original: a key that is still pending from an earlier copy is dropped without storing it again
//! (the original fails on it for ever), and keys that a partition has from its parent stay in place.

use pgq_client::name::{QueueName, TableName};
use pgq_client::text::quoting::quote_ident;
use pgq_client::{Error, Result};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::calls::{self, ForeignKey};

/// Puts the foreign keys from and to a table aside, each in a transaction of its own. To be called outside of one.
///
/// # Errors
/// The server's, for the first key that cannot be dropped; the ones before it are pending and stay so.
pub async fn drop_for_copy(client: &Client, dest: &TableName) -> Result<()> {
    let keys = calls::find_table_fkeys(client, dest).await?;
    if keys.is_empty() {
        return Ok(());
    }
    let pending = calls::get_table_pending_fkeys(client, dest).await?;
    for key in keys {
        if is_inherited(client, &key).await? {
            continue;
        }
        tracing::info!("Dropping fkey: {}", key.name);
        if pending.iter().any(|p| p.from_table == key.from_table && p.name == key.name) {
            // Added back but not validated yet when this copy was asked for: the stored definition is the right one.
            let (table, name) = (key.from_table.quoted(), quote_ident(&key.name));
            run(client, &format!("alter table only {table} drop constraint {name}")).await?;
        } else {
            calls::drop_table_fkey(client, &key.from_table, &key.name).await?;
        }
    }
    Ok(())
}

/// Brings back the pending keys whose tables are all in sync, as far as this queue is the one to do it. To be called
/// outside of a transaction: each step of each key commits by itself.
///
/// # Errors
/// The server's, for the first key that cannot be restored, such as one with orphan rows. It stays pending.
pub async fn restore_pending(client: &Client, queue: &QueueName) -> Result<()> {
    for key in calls::get_valid_pending_fkeys(client, queue).await? {
        tracing::info!("Creating fkey: {} ({} --> {})", key.name, key.from_table, key.to_table);
        while let Some(sql) = calls::restore_table_fkey(client, &key.from_table, &key.name).await? {
            run(client, once_not_valid(&sql)).await?;
        }
    }
    Ok(())
}

/// A definition that was stored as `NOT VALID` comes with the words twice.
fn once_not_valid(sql: &str) -> &str {
    match sql.strip_suffix(" not valid") {
        Some(rest) if rest.ends_with(" NOT VALID") => rest,
        _ => sql,
    }
}

/// Whether a partition has the key from its parent; then it can only be dropped there.
async fn is_inherited(client: &Client, key: &ForeignKey) -> Result<bool> {
    let sql = "select 1 from pg_constraint c \
               join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace \
               where n.nspname = $1 and t.relname = $2 and c.conname = $3 and c.conparentid <> 0";
    let rows = client
        .query_typed(
            sql,
            &[
                (&key.from_table.schema(), Type::TEXT),
                (&key.from_table.name(), Type::TEXT),
                (&key.name, Type::TEXT),
            ],
        )
        .await
        .map_err(|e| Error::sql(e, sql))?;
    Ok(!rows.is_empty())
}

async fn run(client: &Client, sql: &str) -> Result<()> {
    tracing::debug!("exec_cmd: {sql}");
    client.batch_execute(sql).await.map_err(|e| Error::sql(e, sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_valid_is_said_once() {
        let add = "alter table only a add constraint f foreign key (x) references b(y)";
        assert_eq!(once_not_valid(&format!("{add} not valid")), format!("{add} not valid"));
        assert_eq!(
            once_not_valid(&format!("{add} NOT VALID not valid")),
            format!("{add} NOT VALID")
        );
        let validate = "alter table only a validate constraint f";
        assert_eq!(once_not_valid(validate), validate);
    }
}
