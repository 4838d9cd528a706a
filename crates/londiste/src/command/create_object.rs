//! `--create` of add-table and add-seq: an object that is missing here is made like the provider's (contract `cli.md`
//! 6.14 and 6.15).

use pgq_client::Error;
use pgq_client::conn::Session;
use pgq_client::name::TableName;
use tokio_postgres::Transaction;

use crate::ddl::create::Creation;
use crate::ddl::{self, table};
use crate::job;

/// Creates `dest` with the columns and the primary key of the provider's `source`.
pub(super) async fn create_table(
    provider: &mut Session,
    db: &Transaction<'_>,
    source: &TableName,
    dest: &TableName,
) -> anyhow::Result<()> {
    let there = job::begin(provider).await?;
    let definition = ddl::load_table(there.client(), source).await?;
    drop(there);
    create_schema(db, dest).await?;
    let key = match &definition.primary_key {
        // A table under another name may stand beside its original: the key's name is free only by luck.
        Some((name, _)) if source != dest => table::free_name(db.client(), name, &[]).await?,
        Some((name, _)) => name.clone(),
        None => String::new(),
    };
    for creation in table::creations(&definition, dest, &key) {
        create(db, &creation).await?;
    }
    Ok(())
}

/// Creates a sequence with the provider's settings, going on where it stands.
pub(super) async fn create_sequence(
    provider: &mut Session,
    db: &Transaction<'_>,
    seq: &TableName,
) -> anyhow::Result<()> {
    let there = job::begin(provider).await?;
    let definition = ddl::load_sequence(there.client(), seq).await?;
    drop(there);
    create_schema(db, seq).await?;
    let creation = Creation { name: seq.to_string(), statements: vec![definition.statement(seq)?] };
    create(db, &creation).await
}

/// Creates the schema of an object, unless it is there.
pub(super) async fn create_schema(db: &Transaction<'_>, object: &TableName) -> anyhow::Result<()> {
    let there: Option<bool> = pgq_client::calls::statement::value(
        db,
        "select exists (select from pg_namespace where nspname = $1)",
        &[pgq_client::calls::statement::Arg::Text(object.schema())],
    )
    .await?;
    if there == Some(true) {
        return Ok(());
    }
    let name = object.schema();
    let statement = format!("CREATE SCHEMA {};", pgq_client::text::quoting::quote_ident(name));
    create(db, &Creation { name: name.to_owned(), statements: vec![statement] }).await
}

async fn create(db: &Transaction<'_>, creation: &Creation) -> anyhow::Result<()> {
    tracing::info!("Creating {}", creation.name);
    for statement in &creation.statements {
        tracing::debug!("{statement}");
        db.batch_execute(statement).await.map_err(|error| Error::sql(error, statement.as_str()))?;
    }
    Ok(())
}
