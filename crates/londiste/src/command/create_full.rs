//! `--create-full` of add-table: the provider's table with everything that belongs to it (contract `cli.md` 6.14, `worker.md` 19).
//!
//! All of it happens in the transaction that registers the table. Foreign keys are put aside as if a copy had dropped them:
//! the worker creates them when both tables are in sync, and nobody waits for a lock on the other table, which may be in the
//! middle of its copy.

use pgq_client::Error;
use pgq_client::conn::Session;
use pgq_client::name::{QueueName, TableName};
use pgq_client::text::quoting::quote_ident;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::calls::{self, TableRow};
use crate::ddl::create::Creation;
use crate::ddl::load::with_empty_search_path;
use crate::ddl::relation::names::Names;
use crate::ddl::relation::render::{Plan, plan};
use crate::ddl::relation::retarget::replace_name;
use crate::ddl::relation::{ForeignKey, Relation, read, target};
use crate::job::{self, UsageError};

/// The tables of the set, there and here.
pub(super) struct Registered<'a> {
    /// As the provider sees them.
    pub(super) there: &'a [TableRow],
    /// As this node sees them.
    pub(super) here: Vec<TableRow>,
}

impl<'a> Registered<'a> {
    /// Reads what this node knows.
    pub(super) async fn load(
        db: &Transaction<'_>,
        queue: &QueueName,
        there: &'a [TableRow],
    ) -> pgq_client::Result<Registered<'a>> {
        Ok(Registered { there, here: calls::get_table_list(db, queue).await? })
    }

    /// What a table of the provider is called here, and whether it is replicated.
    pub(super) fn here(&self, there: &TableName) -> (TableName, bool) {
        let name =
            self.there.iter().find(|row| row.dest() == there).map_or(there, |row| &row.table);
        match self.here.iter().find(|row| row.table == *name && row.local) {
            Some(row) => (row.dest().clone(), true),
            None => (name.clone(), false),
        }
    }
}

/// Creates `dest` like the provider's `source`.
pub(super) async fn create_table(
    provider: &mut Session,
    db: &Transaction<'_>,
    source: &TableName,
    dest: &TableName,
    registered: &Registered<'_>,
) -> anyhow::Result<()> {
    let there = job::begin(provider).await?;
    read::lock_against_changes(there.client(), source).await?;
    let relations = read::load(there.client(), source).await?;
    drop(there);
    let mut names = target::names(db.client(), &relations, dest).await?;
    must_have_types(db, &relations, &names).await?;
    let keys = foreign_keys(db, &relations, &mut names, registered).await?;
    for relation in &relations {
        super::create_object::create_schema(db, names.relation(relation.name())).await?;
    }
    let target = target::look(db.client(), &relations, &names).await?;
    let plan = plan(&relations, &names, &target)?;
    with_empty_search_path(db.client(), carry_out(db, dest, &plan)).await?;
    for (key, note) in keys {
        if let Some(key) = key {
            calls::set_pending_fkey(db, &key).await?;
        }
        if let Some(note) = note {
            tracing::warn!("{note}");
        }
    }
    if relations.len() > 1 {
        tracing::warn!(
            "{dest}: partitions that the provider gets from now on have to be made here too (execute does it on all nodes), \
             rows without a partition stop the node"
        );
    }
    Ok(())
}

async fn carry_out(db: &Transaction<'_>, table: &TableName, plan: &Plan) -> anyhow::Result<()> {
    for note in &plan.notes {
        tracing::info!("{note}");
    }
    for creation in &plan.creations {
        tracing::info!("Creating {}", creation.name);
        for statement in &creation.statements {
            run(db, statement).await.map_err(|error| refused(table, creation, error))?;
        }
    }
    for creation in &plan.optional {
        tracing::info!("Creating {}", creation.name);
        for statement in &creation.statements {
            run(db, "savepoint optional").await?;
            match run(db, statement).await {
                Ok(()) => run(db, "release savepoint optional").await?,
                Err(error) if error.sqlstate().is_some() => {
                    run(db, "rollback to savepoint optional").await?;
                    let text = one_line(statement);
                    tracing::warn!("{table}: left out, {}: {text}", reason(&error));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    Ok(())
}

async fn run(db: &Transaction<'_>, statement: &str) -> pgq_client::Result<()> {
    tracing::debug!("{statement}");
    db.batch_execute(statement).await.map_err(|error| Error::sql(error, statement))
}

/// What this database lacks, or has already under that name, is an expected mistake.
fn refused(table: &TableName, creation: &Creation, error: Error) -> anyhow::Error {
    let expected = error.sqlstate().is_some_and(|state| {
        // Syntax and access rules, invalid names, features and values that a version or build does not know.
        ["42", "3F", "0A", "22"].iter().any(|class| state.code().starts_with(class))
    });
    if !expected {
        return error.into();
    }
    let name = &creation.name;
    let of = if *name == table.to_string() { String::new() } else { format!(" of table {table}") };
    UsageError(format!(
        "Cannot create {name}{of} here: {}. Nothing was created; put that right on this node and add the table again, or use \
         --create for columns and primary key only",
        reason(&error)
    ))
    .into()
}

fn reason(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn one_line(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All types at once, with the columns that need them.
async fn must_have_types(
    db: &Transaction<'_>,
    relations: &[Relation],
    names: &Names,
) -> anyhow::Result<()> {
    let columns: Vec<(&Relation, &crate::ddl::relation::Column)> = relations
        .iter()
        .flat_map(|relation| relation.columns.iter().map(move |column| (relation, column)))
        .collect();
    let types: Vec<(String, String)> =
        columns.iter().map(|(_, column)| column.base_type.clone()).collect();
    let missing = target::missing_types(db.client(), &types).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut texts: Vec<String> = Vec::new();
    for at in missing {
        let (relation, column) = columns[at];
        let text = format!("{} (column {})", column.kind, quote_ident(&column.name));
        // Partitions have the columns of their table.
        if relation.partition_of.is_none() || !texts.contains(&text) {
            texts.push(text);
        }
    }
    let table = relations
        .first()
        .map_or_else(String::new, |relation| names.relation(relation.name()).to_string());
    Err(UsageError(format!(
        "Cannot create table {table}: types missing on this node: {}. Nothing was created; create them as they are on the \
         provider (or their extension) and add the table again",
        texts.join(", ")
    ))
    .into())
}

/// The foreign keys as the worker creates them, each with what the operator has to know.
async fn foreign_keys(
    db: &Transaction<'_>,
    relations: &[Relation],
    names: &mut Names,
    registered: &Registered<'_>,
) -> anyhow::Result<Vec<(Option<calls::ForeignKey>, Option<String>)>> {
    let mut keys = Vec::new();
    for key in relations.iter().flat_map(|relation| &relation.foreign_keys) {
        let own = names.relations.contains_key(&key.to)
            || relations.iter().any(|relation| *relation.name() == key.to);
        let (to, replicated) = if own {
            (names.relation(&key.to).clone(), true)
        } else {
            let (to, replicated) = registered.here(&key.to);
            names.referenced.insert(key.to.clone(), to.clone());
            (to, replicated)
        };
        let from = names.relation(&key.from).clone();
        if !key.validated {
            // The worker validates what it creates, and would stop for good at the first row that does not fit.
            let name = &key.name;
            let statement = pending(key, from.clone(), to, names)?.definition;
            let note = format!(
                "{from}: foreign key {name} is left out, the provider has rows that it was never checked against: {statement}"
            );
            keys.push((None, Some(note)));
            continue;
        }
        let exists = own || calls::find_table_oid(db, &to).await?.is_some();
        let fits = match exists {
            true if own => true,
            true => has_unique_key(db, &to, &key.to_columns).await?,
            // Every table that is added has its primary key.
            false => key.to_primary_key,
        };
        if !fits {
            let columns = key.to_columns.join(", ");
            let problem = if exists {
                format!("{to} has no unique key over ({columns}) here")
            } else {
                format!("{to} does not exist here")
            };
            keys.push((
                None,
                Some(format!("{from}: foreign key {} is left out, {problem}", key.name)),
            ));
            continue;
        }
        let note = (!replicated).then(|| {
            let problem = if exists { "is not replicated here" } else { "does not exist here" };
            format!(
                "{from}: foreign key {} waits until {to} is added, which {problem}; see fkeys",
                key.name
            )
        });
        keys.push((Some(pending(key, from, to, names)?), note));
    }
    Ok(keys)
}

fn pending(
    key: &ForeignKey,
    from: TableName,
    to: TableName,
    names: &Names,
) -> anyhow::Result<calls::ForeignKey> {
    let mut definition = key.definition.clone();
    if *names.referenced(&key.to) != key.to {
        definition = replace_name(&definition, "REFERENCES", &to.quoted())
            .ok_or_else(|| anyhow::anyhow!("foreign key {}: unexpected definition", key.name))?;
    }
    let only = if key.from_partitioned { "" } else { "only " };
    Ok(calls::ForeignKey {
        definition: format!(
            "alter table {only}{} add constraint {} {definition}",
            from.quoted(),
            quote_ident(&key.name)
        ),
        from_table: from,
        to_table: to,
        name: key.name.clone(),
    })
}

/// Whether foreign keys can point to these columns.
async fn has_unique_key(
    db: &Transaction<'_>,
    table: &TableName,
    columns: &[String],
) -> pgq_client::Result<bool> {
    let sql = "select 1 from pg_index x \
                 join pg_class c on c.oid = x.indrelid join pg_namespace n on n.oid = c.relnamespace \
                where n.nspname = $1 and c.relname = $2 and x.indisunique and x.indimmediate \
                  and x.indpred is null and x.indexprs is null \
                  and array(select a.attname::text from pg_attribute a \
                             where a.attrelid = c.oid \
                               and a.attnum = any ((x.indkey::int2[])[0:x.indnkeyatts - 1]) order by 1) \
                    = array(select u.name from unnest($3::text[]) u (name) order by 1)";
    let rows = db
        .query_typed(
            sql,
            &[
                (&table.schema(), Type::TEXT),
                (&table.name(), Type::TEXT),
                (&columns, Type::TEXT_ARRAY),
            ],
        )
        .await
        .map_err(|error| Error::sql(error, sql))?;
    Ok(!rows.is_empty())
}
