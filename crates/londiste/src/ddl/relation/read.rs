//! A table and its partitions, read from the catalogs of PostgreSQL 13 to 18.

use pgq_client::name::TableName;
use pgq_client::{Error, Result};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::super::load::{self, Index, oid_of, rows, with_empty_search_path};
use super::{
    Column, Firing, ForeignKey, Grant, NotNull, Policy, Relation, Rule, Sequence, Statistics,
    Trigger, Use, Value,
};

const TREE: &str = include_str!("tree.sql");
const TABLE: &str = include_str!("table.sql");
const COLUMNS: &str = include_str!("columns.sql");
const SEQUENCES: &str = include_str!("sequences.sql");

/// `NOT NULL` constraints, which older servers do not have.
const NOT_NULLS: &str = "\
select a.attname, c.conname, c.connoinherit, not c.convalidated as not_valid
  from pg_constraint c
  join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
 where c.conrelid = $1 and c.contype = 'n'";

/// Which index of the partitioned table an index of a partition belongs to.
const ATTACHED_INDEXES: &str = "\
select i.relname, n.nspname || '.' || p.relname as parent
  from pg_index x
  join pg_class i on i.oid = x.indexrelid
  join pg_inherits h on h.inhrelid = i.oid
  join pg_class p on p.oid = h.inhparent
  join pg_namespace n on n.oid = p.relnamespace
 where x.indrelid = $1 and x.indisvalid
 order by i.oid";

const STATISTICS: &str = "\
select n.nspname || '.' || s.stxname as name, pg_get_statisticsobjdef(s.oid) as definition,
       case when s.stxstattarget >= 0 then s.stxstattarget::int4 end as target,
       obj_description(s.oid, 'pg_statistic_ext') as comment
  from pg_statistic_ext s
  join pg_namespace n on n.oid = s.stxnamespace
 where s.stxrelid = $1
 order by s.oid";

const FOREIGN_KEYS: &str = "\
select c.conname, c.conparentid <> 0 as inherited,
       fn.nspname || '.' || f.relname as from_table, f.relkind = 'p' as from_partitioned,
       tn.nspname || '.' || t.relname as to_table,
       array(select a.attname::text
               from unnest(c.confkey) with ordinality as k (attnum, nr)
               join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.attnum
              order by k.nr) as to_columns,
       exists (select 1 from pg_index x where x.indexrelid = c.conindid and x.indisprimary)
           as to_primary_key,
       pg_get_constraintdef(c.oid) as definition
  from pg_constraint c
  join pg_class f on f.oid = c.conrelid
  join pg_namespace fn on fn.oid = f.relnamespace
  join pg_class t on t.oid = c.confrelid
  join pg_namespace tn on tn.oid = t.relnamespace
 where c.contype = 'f' and c.conrelid = $1
 order by c.oid";

const TRIGGERS: &str = "\
select t.tgname, pg_get_triggerdef(t.oid) as definition, t.tgenabled::text as firing,
       (n.nspname in ('pgq', 'londiste') and t.tgname ~ '^(zzz_)?_londiste_') as of_londiste,
       obj_description(t.oid, 'pg_trigger') as comment
  from pg_trigger t
  join pg_proc p on p.oid = t.tgfoid
  join pg_namespace n on n.oid = p.pronamespace
 where t.tgrelid = $1 and not t.tgisinternal and t.tgparentid = 0
 order by t.tgname";

const RULES: &str = "\
select rulename, pg_get_ruledef(oid) as definition, ev_enabled::text as firing,
       obj_description(oid, 'pg_rewrite') as comment
  from pg_rewrite
 where ev_class = $1 and rulename <> '_RETURN'
 order by rulename";

const POLICIES: &str = "\
select p.polname,
       format('AS %s FOR %s', case when p.polpermissive then 'PERMISSIVE' else 'RESTRICTIVE' end,
              case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE'
                            when 'd' then 'DELETE' else 'ALL' end) as head,
       array(select coalesce(r.rolname::text, '')
               from unnest(p.polroles) with ordinality as u (role, nr)
               left join pg_roles r on r.oid = u.role
              order by u.nr) as roles,
       pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check,
       obj_description(p.oid, 'pg_policy') as comment
  from pg_policy p
 where p.polrelid = $1
 order by p.polname";

/// Rights of the owner are his by being the owner.
const GRANTS: &str = "\
select coalesce(r.rolname::text, '') as role, a.attname, x.is_grantable,
       array_agg(x.privilege_type order by x.nr) as privileges
  from (select c.relowner, null::name as attname, 0 as attnum, c.relacl as acl
          from pg_class c where c.oid = $1
         union all
        select c.relowner, a.attname, a.attnum, a.attacl
          from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.oid = $1 and a.attacl is not null and not a.attisdropped) a
 cross join aclexplode(a.acl) with ordinality as x (grantor, grantee, privilege_type, is_grantable, nr)
  left join pg_roles r on r.oid = x.grantee
 where x.grantee <> a.relowner
 group by a.attnum, a.attname, r.rolname, x.grantee, x.is_grantable
 order by a.attnum, min(x.nr)";

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

/// As [`load`], without partitions.
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

/// Which of these names of types (schema, name) are not here.
///
/// # Errors
/// The server's.
pub async fn missing_types(client: &Client, types: &[(String, String)]) -> Result<Vec<usize>> {
    let sql = "select (u.nr - 1)::int8 as at \
                 from unnest($1::text[], $2::text[]) with ordinality as u (schema, name, nr) \
                where not exists (select 1 from pg_type t join pg_namespace n on n.oid = t.typnamespace \
                                   where n.nspname = u.schema and t.typname = u.name)";
    let (schemas, names): (Vec<&str>, Vec<&str>) =
        types.iter().map(|(schema, name)| (schema.as_str(), name.as_str())).unzip();
    let rows = client
        .query_typed(sql, &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)])
        .await
        .map_err(|error| Error::sql(error, sql))?;
    rows.iter()
        .map(|row| {
            let at: i64 = row.try_get("at")?;
            usize::try_from(at).map_err(|_| Error::protocol(format!("bad position {at}")))
        })
        .collect()
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
