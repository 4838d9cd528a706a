//! A table and its partitions, read from the catalogs of PostgreSQL 13 to 18.

use pgq_client::name::TableName;
use pgq_client::{Error, Result};
use tokio_postgres::{Client, Row};

use super::super::load::{self, Index, oid_of, rows, with_empty_search_path};
use super::queries::{
    ATTACHED_INDEXES, COLUMNS, FOREIGN_KEYS, GRANTS, NOT_NULLS, POLICIES, RULES, SEQUENCES,
    STATISTICS, TABLE, TREE, TRIGGERS,
};
use super::{
    Column, Firing, ForeignKey, Grant, NotNull, Policy, Relation, Rule, Sequence, Statistics,
    Trigger, Use, Value,
};

/// Reads a table inside an open transaction; a partitioned one with its partitions.
///
/// # Errors
/// When the table does not exist, or the server's.
pub async fn load(client: &Client, table: &TableName) -> Result<Vec<Relation>> {
    with_empty_search_path(client, async {
        let top = oid_of(client, table).await?;
        let columns = for_version(COLUMNS, server_version(client).await?);
        let mut relations = Vec::new();
        for row in rows(client, TREE, top).await? {
            let oid: u32 = row.try_get("oid")?;
            let name = TableName::new(row.try_get("name")?);
            let mut relation = relation(client, oid, name, &columns).await?;
            if oid == top {
                stand_alone(&mut relation);
            } else {
                relation.parents.clear();
            }
            relations.push(relation);
        }
        Ok(relations)
    })
    .await
}

/// As [`load()`], without partitions.
///
/// # Errors
/// When the table does not exist, or the server's.
pub async fn load_top(client: &Client, table: &TableName) -> Result<Relation> {
    with_empty_search_path(client, async {
        let oid = oid_of(client, table).await?;
        let columns = for_version(COLUMNS, server_version(client).await?);
        let mut relation = relation(client, oid, table.clone(), &columns).await?;
        stand_alone(&mut relation);
        Ok(relation)
    })
    .await
}

/// As [`load_top`], with the table locked against changes of its structure until the transaction ends: what is read in several
/// queries fits together. `None` when somebody else has locked it, as a copy does from its beginning to its end; the
/// transaction is of no use then.
///
/// # Errors
/// As [`load()`].
pub async fn load_locked(client: &Client, table: &TableName) -> Result<Option<Relation>> {
    match lock(client, &format!("only {}", table.quoted()), " nowait").await {
        Ok(()) => load_top(client, table).await.map(Some),
        Err(error) if error.sqlstate().is_some_and(|state| state.code() == LOCK_NOT_AVAILABLE) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Keeps a table and its partitions from being altered until the transaction ends. Waits ten seconds for whoever does so now.
///
/// # Errors
/// The server's.
pub async fn lock_against_changes(client: &Client, table: &TableName) -> Result<()> {
    let sql = "set local lock_timeout = '10s'";
    client.batch_execute(sql).await.map_err(|error| Error::sql(error, sql))?;
    lock(client, &table.quoted(), "").await
}

async fn lock(client: &Client, table: &str, nowait: &str) -> Result<()> {
    let sql = format!("lock table {table} in access share mode{nowait}");
    client.batch_execute(&sql).await.map_err(|error| Error::sql(error, sql))
}

/// The table that was asked for is looked at without the one it may be a partition of.
fn stand_alone(relation: &mut Relation) {
    relation.partition_of = None;
    relation.attached_indexes.clear();
}

async fn server_version(client: &Client) -> Result<i32> {
    let sql = "select current_setting('server_version_num')::int4";
    let found = client.query_typed(sql, &[]).await.map_err(|error| Error::sql(error, sql))?;
    let row = found.first().ok_or_else(|| Error::protocol(format!("no row from: {sql}")))?;
    Ok(row.try_get(0)?)
}

/// Takes the lines that the version knows out of their comments.
fn for_version(sql: &str, version: i32) -> String {
    let line = |line: &str| {
        let marked = line.trim().strip_prefix("/* from ").and_then(|rest| rest.strip_suffix(" */"));
        match marked.and_then(|rest| rest.split_once(": ")) {
            Some((from, text)) if from.parse().is_ok_and(|from: i32| from <= version) => {
                text.to_owned()
            }
            _ => line.to_owned(),
        }
    };
    sql.lines().map(line).collect::<Vec<_>>().join("\n")
}

async fn relation(
    client: &Client,
    oid: u32,
    name: TableName,
    columns_sql: &str,
) -> Result<Relation> {
    let found = rows(client, TABLE, oid).await?;
    let row = found.first().ok_or_else(|| Error::config("the table is gone".to_owned()))?;
    let parents: Vec<String> = row.try_get("parents")?;
    let bound: Option<String> = row.try_get("bound")?;
    let mut relation = Relation {
        name: Some(name),
        partition_key: row.try_get("partition_key")?,
        partition_of: bound.zip(parents.first()).map(|(bound, of)| (TableName::new(of), bound)),
        foreign: row.try_get("foreign_table")?,
        parents: parents.iter().map(|parent| TableName::new(parent)).collect(),
        unlogged: row.try_get("unlogged")?,
        access_method: row.try_get("access_method")?,
        tablespace: row.try_get("tablespace")?,
        settings: row.try_get("settings")?,
        force_row_security: row.try_get("force_row_security")?,
        comment: row.try_get("comment")?,
        owner: row.try_get("owner")?,
        ..Relation::default()
    };
    let in_tree = relation.partition_of.is_some();
    relation.columns = list(client, columns_sql, oid, column).await?;
    for row in rows(client, NOT_NULLS, oid).await? {
        not_null(&mut relation, &row)?;
    }
    for row in rows(client, SEQUENCES, oid).await? {
        let mut sequence = sequence(&row)?;
        sequence.grants = list(client, GRANTS, row.try_get("oid")?, grant).await?;
        relation.sequences.push(sequence);
    }
    keys_and_indexes(client, oid, &mut relation).await?;
    relation.attached_indexes = list(client, ATTACHED_INDEXES, oid, |row| {
        Ok((row.try_get("relname")?, TableName::new(row.try_get("parent")?)))
    })
    .await?;
    relation.statistics = list(client, STATISTICS, oid, statistics).await?;
    for row in rows(client, FOREIGN_KEYS, oid).await? {
        // Those of a partitioned table come to its partitions by themselves.
        let inherited: bool = row.try_get("inherited")?;
        if !(inherited && in_tree) {
            relation.foreign_keys.push(foreign_key(&row)?);
        }
    }
    relation.triggers = list(client, TRIGGERS, oid, trigger).await?;
    relation.rules = list(client, RULES, oid, rule).await?;
    relation.policies = list(client, POLICIES, oid, policy).await?;
    relation.grants = list(client, GRANTS, oid, grant).await?;
    Ok(relation)
}

async fn list<T>(
    client: &Client,
    sql: &str,
    oid: u32,
    make: impl Fn(&Row) -> Result<T>,
) -> Result<Vec<T>> {
    rows(client, sql, oid).await?.iter().map(make).collect()
}

async fn keys_and_indexes(client: &Client, oid: u32, relation: &mut Relation) -> Result<()> {
    let mut behind: Vec<(u32, Index)> = Vec::new();
    for row in rows(client, load::INDEXES, oid).await? {
        let index = load::index(&row)?;
        if row.try_get("behind_constraint")? {
            behind.push((row.try_get("indexrelid")?, index));
        } else {
            relation.indexes.push(index);
        }
    }
    for row in rows(client, load::CONSTRAINTS, oid).await? {
        relation.constraints.push(load::constraint(&row, &mut behind)?);
    }
    Ok(())
}

fn column(row: &Row) -> Result<Column> {
    let expression: Option<String> = row.try_get("expression")?;
    let value = match (row.try_get("identity")?, row.try_get("generated")?, expression) {
        ("a", _, _) => Value::Identity("ALWAYS"),
        ("d", _, _) => Value::Identity("BY DEFAULT"),
        (_, "s", Some(expression)) => Value::Generated(expression, "STORED"),
        (_, "v", Some(expression)) => Value::Generated(expression, "VIRTUAL"),
        (_, _, Some(expression)) => Value::Default(expression),
        (_, _, None) => Value::None,
    };
    Ok(Column {
        name: row.try_get("attname")?,
        kind: row.try_get("kind")?,
        base_type: (row.try_get("type_schema")?, row.try_get("type_name")?),
        collation: row.try_get("collation")?,
        not_null: row.try_get("attnotnull")?,
        not_null_constraint: None,
        value,
        storage: row.try_get("storage")?,
        settings: row.try_get("settings")?,
        comment: row.try_get("comment")?,
    })
}

fn not_null(relation: &mut Relation, row: &Row) -> Result<()> {
    let (column, name): (&str, &str) = (row.try_get("attname")?, row.try_get("conname")?);
    // What the server makes of it by itself is not said.
    let chosen = name == format!("{}_{column}_not_null", relation.name().name());
    let constraint = NotNull {
        name: (!chosen).then(|| name.to_owned()),
        no_inherit: row.try_get("connoinherit")?,
        not_valid: row.try_get("not_valid")?,
    };
    if let Some(found) = relation.columns.iter_mut().find(|found| found.name == column) {
        found.not_null_constraint = Some(constraint);
    }
    Ok(())
}

fn sequence(row: &Row) -> Result<Sequence> {
    let column: Option<String> = row.try_get("attname")?;
    Ok(Sequence {
        name: TableName::new(row.try_get("name")?),
        use_: match (row.try_get("how")?, column) {
            ("a", Some(column)) => Use::Owned(column),
            ("i", Some(column)) => Use::Identity(column),
            _ => Use::Mentioned,
        },
        kind: row.try_get("kind")?,
        options: row.try_get("options")?,
        last_value: row.try_get("last_value")?,
        hidden: row.try_get("hidden")?,
        comment: row.try_get("comment")?,
        grants: Vec::new(),
    })
}

fn statistics(row: &Row) -> Result<Statistics> {
    Ok(Statistics {
        name: TableName::new(row.try_get("name")?),
        definition: row.try_get("definition")?,
        target: row.try_get("target")?,
        comment: row.try_get("comment")?,
    })
}

fn foreign_key(row: &Row) -> Result<ForeignKey> {
    Ok(ForeignKey {
        name: row.try_get("conname")?,
        from: TableName::new(row.try_get("from_table")?),
        from_partitioned: row.try_get("from_partitioned")?,
        to: TableName::new(row.try_get("to_table")?),
        to_columns: row.try_get("to_columns")?,
        to_primary_key: row.try_get("to_primary_key")?,
        validated: row.try_get("validated")?,
        definition: row.try_get("definition")?,
    })
}

fn trigger(row: &Row) -> Result<Trigger> {
    Ok(Trigger {
        name: row.try_get("tgname")?,
        definition: row.try_get("definition")?,
        firing: Firing::from_letter(row.try_get("firing")?),
        of_londiste: row.try_get("of_londiste")?,
        comment: row.try_get("comment")?,
    })
}

fn rule(row: &Row) -> Result<Rule> {
    Ok(Rule {
        name: row.try_get("rulename")?,
        definition: row.try_get("definition")?,
        firing: Firing::from_letter(row.try_get("firing")?),
        comment: row.try_get("comment")?,
    })
}

fn policy(row: &Row) -> Result<Policy> {
    Ok(Policy {
        name: row.try_get("polname")?,
        head: row.try_get("head")?,
        roles: row.try_get("roles")?,
        using: row.try_get("using")?,
        check: row.try_get("check")?,
        comment: row.try_get("comment")?,
    })
}

fn grant(row: &Row) -> Result<Grant> {
    Ok(Grant {
        role: row.try_get("role")?,
        privileges: row.try_get("privileges")?,
        column: row.try_get("attname")?,
        grantable: row.try_get("is_grantable")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_newer_versions_are_comments_for_older_ones() {
        let sql = "select 1\n  /* from 140000: , 2 */\n, 3";
        assert_eq!(for_version(sql, 130_020), sql);
        assert_eq!(for_version(sql, 140_000), "select 1\n, 2\n, 3");
    }
}
