//! The installer.
//!
//! An installation of ours is known by the comment on its schema, which names the revision of the files it was made from and
//! our version. A schema without that comment is somebody else's (an extension, or the original's scripts) and is used as
//! it is; so is one that a newer version has made.

use tokio_postgres::error::SqlState;
use tokio_postgres::{GenericClient, IsolationLevel, Transaction};

use super::embed::files;
use super::mark::{judge, mark};
use super::{Schema, Version};
use crate::conn::Session;
use crate::text::quoting::{quote_ident, quote_literal};
use crate::{Error, Result};

/// Key of the advisory lock that keeps a second installer waiting: "londiste" in ASCII.
const LOCK_KEY: i64 = i64::from_be_bytes(*b"londiste");

/// Follows a hint: rights are rarely missing one at a time.
const ALL_AT_ONCE: &str = "(londiste INI grants prints all that is missing)";

/// What [`install`] did to a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Installed,
    /// It was an older one of ours.
    Upgraded,
    /// It was there and is used as it is: ours of the same revision, or somebody else's.
    Present,
    /// It is one of ours that a newer version has made, and is used as it is.
    Newer(Version),
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
        if matches!(outcome, Outcome::Installed | Outcome::Upgraded) {
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
    Ok(if extension { Outcome::Present } else { judge(comment.as_deref(), files(schema).revision) })
}

async fn bring_up(transaction: &Transaction<'_>, schema: Schema, outcome: Outcome) -> Result<()> {
    let (role, owner) = check_rights(transaction, schema, outcome).await?;
    // New functions of an old schema belong to its owner too: many run with the rights of whom they belong to.
    if let Some(owner) = &owner {
        run(transaction, &format!("set local role {owner}")).await?;
    }
    let files = files(schema);
    let create = if outcome == Outcome::Installed { files.create } else { &[] };
    for (name, text) in create.iter().chain(files.always) {
        transaction.batch_execute(text).await.map_err(|error| explain(error, schema, name))?;
    }
    let mark = quote_literal(Some(&mark(files.revision)));
    run(transaction, &format!("comment on schema {} is {mark}", schema.name())).await?;
    if owner.is_some() {
        run(transaction, &format!("set local role {role}")).await?;
    }
    Ok(())
}

/// Refuses at the start what the server would refuse in the middle, with the statement that helps.
///
/// Returns the current role and the schema's owner if that is another, both quoted for SQL.
async fn check_rights(
    client: &impl GenericClient,
    schema: Schema,
    outcome: Outcome,
) -> Result<(String, Option<String>)> {
    let sql = "select current_user::text, pg_catalog.current_database()::text, \
               pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create'), \
               n.nspowner::pg_catalog.regrole::text, pg_catalog.pg_has_role(n.nspowner, 'usage') \
               from (select) as nothing left join pg_catalog.pg_namespace n on n.nspname = $1";
    let row =
        client.query_one(sql, &[&schema.name()]).await.map_err(|error| Error::sql(error, sql))?;
    let (role, database): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let (may_create, owner): (bool, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
    let may_act_as_owner: Option<bool> = row.try_get(4)?;
    let name = schema.name();
    if outcome == Outcome::Installed && !may_create {
        return Err(Error::config(format!(
            "role \"{role}\" may not create schema {name} in database \"{database}\"\n\
             HINT:  an administrator runs: GRANT CREATE ON DATABASE {} TO {}; {ALL_AT_ONCE}",
            quote_ident(&database),
            quote_ident(&role)
        )));
    }
    if let (Some(owner), Some(false)) = (&owner, may_act_as_owner) {
        // The server quotes the owner's name where that is needed.
        return Err(Error::config(format!(
            "role \"{role}\" may not upgrade schema {name}, which belongs to {owner}\n\
             HINT:  run this as {owner}, or an administrator runs: GRANT {owner} TO {};",
            quote_ident(&role)
        )));
    }
    let role = quote_ident(&role);
    Ok((role.clone(), owner.filter(|owner| *owner != role)))
}

/// The server's error; where a right is missing and the file says what helps, without the call stack.
fn explain(error: tokio_postgres::Error, schema: Schema, file: &str) -> Error {
    if let Some(db) = error.as_db_error()
        && *db.code() == SqlState::INSUFFICIENT_PRIVILEGE
        && let Some(hint) = db.hint()
    {
        return Error::config(format!("{}\nHINT:  {hint} {ALL_AT_ONCE}", db.message()));
    }
    Error::sql(error, format!("sql/{}/{file}", schema.name()))
}

async fn run(client: &impl GenericClient, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(|error| Error::sql(error, sql))
}
