//! `grants`: what the role of `db` may not do yet, as statements for an administrator. New here.
//!
//! Without arguments the tables and sequences that this node replicates are looked at; before a node is made, or a table is
//! added, their names are given. Nothing is changed, and nothing of ours needs to be installed.

use pgq_client::Error;
use pgq_client::calls::pgq_node;
use pgq_client::conn::Session;
use pgq_client::name::{QueueName, TableName};
use pgq_client::schema::Schema;

use super::Run;
use super::wanted::{Choice, expand};
use crate::cli::console;
use crate::job::UsageError;
use missing::{GROUPS, Object, Rights, Schemas, statements};

mod missing;

/// Prints the statements on standard output; what else there is to say goes to the log.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let db = run.job.local("db").await?;
    let rights =
        Rights { objects: objects(run, &db).await?, ..rights(&db, &run.job.settings.queue).await? };
    let statements = statements(&rights);
    if statements.is_empty() {
        tracing::info!("Nothing is missing for role {}", rights.role);
    } else {
        let (role, database) = (&rights.role, &rights.database);
        console::say(&format!(
            "-- for role {role}, to be run in database {database} by a superuser"
        ));
        statements.iter().for_each(|statement| console::say(statement));
    }
    Ok(())
}

/// All but the tables and sequences.
async fn rights(db: &Session, queue: &QueueName) -> anyhow::Result<Rights> {
    let sql = include_str!("role.sql");
    let row = db.query_one(sql, &[]).await.map_err(|e| Error::sql(e, "role.sql"))?;
    let schemas = include_str!("schemas.sql");
    let names: Vec<&str> = Schema::ALL.iter().map(|schema| schema.name()).collect();
    let owners =
        db.query_one(schemas, &[&names]).await.map_err(|e| Error::sql(e, "schemas.sql"))?;
    let groups: Vec<&str> = GROUPS.iter().flat_map(|(role, of)| [&[*role], *of].concat()).collect();
    let known = "select rolname::text from pg_catalog.pg_roles where rolname = any($1)";
    let known = db.query(known, &[&groups]).await.map_err(|e| Error::sql(e, known))?;
    let existing: Vec<String> = known.iter().map(|row| row.get(0)).collect();
    let exists = |role: &str| existing.iter().any(|existing| existing == role);
    let mut memberships = Vec::new();
    for (member, of) in GROUPS {
        for &group in of.iter().filter(|group| exists(group) && exists(member)) {
            let sql = "select pg_catalog.pg_has_role($1::text::name, $2::text::name, 'usage')";
            let has = db.query_one(sql, &[&member, &group]).await;
            if has.map_err(|e| Error::sql(e, sql))?.try_get(0)? {
                memberships.push((member, group));
            }
        }
    }
    Ok(Rights {
        role: row.try_get("role")?,
        database: row.try_get("database")?,
        superuser: row.try_get("superuser")?,
        creates_roles: row.try_get("creates_roles")?,
        creates_schemas: row.try_get("creates_schemas")?,
        parameter_rights: row.try_get("parameter_rights")?,
        writer: row.try_get("writer")?,
        switch_owner: row.try_get("switch_owner")?,
        may_switch: may_switch(db, &row).await?,
        schemas: Schemas {
            missing: owners.try_get("missing")?,
            strangers: owners.try_get("strangers")?,
        },
        existing,
        memberships,
        makes_indexes: !is_root(db, queue).await?,
        objects: Vec::new(),
    })
}

/// May whom the function `londiste.set_session_replication_role` belongs to (or will) set the parameter?
async fn may_switch(db: &Session, role: &tokio_postgres::Row) -> anyhow::Result<bool> {
    let switcher: String = role.try_get("switcher")?;
    // The server does not know the function before PostgreSQL 15, so it may not even stand in a query.
    let sql = if role.try_get("parameter_rights")? {
        "select pg_catalog.has_parameter_privilege($1::text::name, 'session_replication_role', 'set')"
    } else {
        "select rolsuper from pg_catalog.pg_roles where rolname = $1::text"
    };
    Ok(db.query_one(sql, &[&switcher]).await.map_err(|e| Error::sql(e, sql))?.try_get(0)?)
}

/// Everybody may ask that, unlike for the type of a node.
async fn is_root(db: &Session, queue: &QueueName) -> anyhow::Result<bool> {
    // Without a node of the queue the answer is an error.
    Ok(has_table(db, "pgq_node.node_info").await?
        && pgq_node::is_root_node(&**db, queue).await.unwrap_or(false))
}

async fn has_table(db: &Session, name: &str) -> anyhow::Result<bool> {
    let sql = "select pg_catalog.to_regclass($1) is not null";
    Ok(db.query_one(sql, &[&name]).await.map_err(|e| Error::sql(e, sql))?.try_get(0)?)
}

/// The tables and sequences that the arguments mean, or those that this node replicates.
async fn objects(run: &Run, db: &Session) -> anyhow::Result<Vec<Object>> {
    let sql = include_str!("objects.sql");
    let rows = db.query(sql, &[]).await.map_err(|e| Error::sql(e, "objects.sql"))?;
    let all: Vec<Object> = rows.iter().map(Object::read).collect::<Result<_, _>>()?;
    if run.args.is_empty() && !run.options.all {
        let used = registered(run, db).await?;
        return Ok(all.into_iter().filter(|object| used.contains(&object.name)).collect());
    }
    let names: Vec<TableName> = all.iter().map(|object| object.name.clone()).collect();
    let choice = Choice {
        working: &names,
        done: &[],
        done_because: None,
        all: run.options.all,
        force: false,
        needs_table: true,
    };
    let wanted = expand(&run.args, choice).map_err(UsageError::from)?;
    Ok(all.into_iter().filter(|object| wanted.contains(&object.name)).collect())
}

/// What the node replicates, under the names it has here. Everybody may read these tables.
async fn registered(run: &Run, db: &Session) -> anyhow::Result<Vec<TableName>> {
    if !has_table(db, "londiste.table_info").await? {
        return Ok(Vec::new());
    }
    let sql = "select coalesce(dest_table, table_name) from londiste.table_info where queue_name = $1 and local \
               union all select seq_name from londiste.seq_info where queue_name = $1 and local";
    let queue = run.job.settings.queue.as_str();
    let rows = db.query(sql, &[&queue]).await.map_err(|e| Error::sql(e, sql))?;
    Ok(rows.iter().map(|row| TableName::new(row.get(0))).collect())
}
