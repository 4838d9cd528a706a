//! The installer.
//!
//! An installation of ours is known by the comment on its schema, which names the revision of the files it was made from.
//! A schema without that comment is somebody else's (an extension, or the original's scripts) and is used as it is.

use tokio_postgres::error::SqlState;
use tokio_postgres::{GenericClient, IsolationLevel, Transaction};

use super::Schema;
use super::embed::files;
use crate::conn::Session;
use crate::text::quoting::{quote_ident, quote_literal};
use crate::{Error, Result};

/// Key of the advisory lock that keeps a second installer waiting: "londiste" in ASCII.
const LOCK_KEY: i64 = i64::from_be_bytes(*b"londiste");

/// What our comment on a schema begins with; the revision follows.
const MARK: &str = "londiste schema, revision ";

/// What [`install`] did to a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Installed,
    /// It was an older one of ours.
    Upgraded,
    /// It was there and is used as it is: ours of the same revision, or somebody else's.
    Present,
}

/// Brings all schemas up to date in one transaction, under an advisory lock. `report` is called before each schema is
/// worked on and says what will be done.
///
/// # Errors
/// The server's error with the file that met it. Where a right is missing, an error that names the role and the statement
/// an administrator has to run. Nothing is changed then.
pub async fn install(
    session: &mut Session,
    report: &mut (dyn FnMut(Schema, Outcome) + Send),
) -> Result<()> {
    // Whatever the database's defaults are: with an older snapshot the second of two installers would not see the work of
    // the first, for which it has waited.
    let transaction = session
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted)
        .read_only(false)
        .start()
        .await
        .map_err(|error| Error::sql(error, "begin"))?;
    // The files name every object with its schema; a search path of the role's must not lead them elsewhere.
    run(&transaction, "set local search_path = ''; set local client_min_messages = warning")
        .await?;
    transaction
        .execute("select pg_catalog.pg_advisory_xact_lock($1)", &[&LOCK_KEY])
        .await
        .map_err(|error| Error::sql(error, "select pg_advisory_xact_lock"))?;
    for schema in Schema::ALL {
        let outcome = needed(&transaction, schema).await?;
        report(schema, outcome);
        if outcome != Outcome::Present {
            bring_up(&transaction, schema, outcome).await?;
        }
    }
    transaction.commit().await.map_err(|error| Error::sql(error, "commit"))
}

async fn needed(client: &impl GenericClient, schema: Schema) -> Result<Outcome> {
    let sql = "select pg_catalog.obj_description(n.oid, 'pg_namespace'), \
               exists (select 1 from pg_catalog.pg_extension where extname = n.nspname) \
               from pg_catalog.pg_namespace n where n.nspname = $1";
    let row =
        client.query_opt(sql, &[&schema.name()]).await.map_err(|error| Error::sql(error, sql))?;
    let Some(row) = row else { return Ok(Outcome::Installed) };
    let comment: Option<String> = row.try_get(0)?;
    let extension: bool = row.try_get(1)?;
    let revision = comment.as_deref().and_then(|comment| comment.strip_prefix(MARK));
    Ok(match revision {
        Some(revision) if !extension && revision != files(schema).revision => Outcome::Upgraded,
        _ => Outcome::Present,
    })
}

async fn bring_up(transaction: &Transaction<'_>, schema: Schema, outcome: Outcome) -> Result<()> {
    let who = "select current_user::text, current_database()::text";
    let row = transaction.query_one(who, &[]).await.map_err(|error| Error::sql(error, who))?;
    let (role, database): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let files = files(schema);
    let create = if outcome == Outcome::Installed { files.create } else { &[] };
    for (name, text) in create.iter().chain(files.always) {
        transaction
            .batch_execute(text)
            .await
            .map_err(|error| explain(error, schema, name, &role, &database))?;
    }
    let mark = quote_literal(Some(&format!("{MARK}{}", files.revision)));
    run(transaction, &format!("comment on schema {} is {mark}", schema.name())).await
}

/// The server's error, or what an administrator has to do about it.
fn explain(
    error: tokio_postgres::Error,
    schema: Schema,
    file: &str,
    role: &str,
    database: &str,
) -> Error {
    let missing_right = error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE);
    let message = error.as_db_error().map(|db| db.message().to_owned()).unwrap_or_default();
    if missing_right && message.contains("for database") {
        return Error::config(format!(
            "role \"{role}\" may not create schema {} here: {message}\n\
             HINT:  an administrator runs: GRANT CREATE ON DATABASE {} TO {};",
            schema.name(),
            quote_ident(database),
            quote_ident(role)
        ));
    }
    if missing_right && message.contains("role") {
        return Error::config(format!(
            "role \"{role}\" may not create the roles of schema {}: {message}\n\
             HINT:  an administrator runs: ALTER ROLE {} CREATEROLE; or creates the roles pgq_reader, pgq_writer, \
             pgq_admin, londiste_reader and londiste_writer",
            schema.name(),
            quote_ident(role)
        ));
    }
    Error::sql(error, format!("sql/{}/{file}", schema.name()))
}

async fn run(client: &impl GenericClient, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(|error| Error::sql(error, sql))
}
