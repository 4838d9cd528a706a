//! What a copy takes away from a table and puts back, as the catalogs know it.

use pgq_client::name::TableName;
use pgq_client::{Error, Result};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// How the copy commits; decides what has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Structure, rows and state change in one transaction: nobody sees anything in between.
    Atomic,
    /// The structure is dropped and stored first and the rows come in further transactions: until all is there, the
    /// table is taken out of its parent too.
    Interrupted,
}

/// A constraint other than a foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Name, unquoted.
    pub name: String,
    /// As `pg_get_constraintdef` prints it.
    pub definition: String,
    /// `DEFERRABLE` and `INITIALLY DEFERRED` as far as they stand at the definition's end.
    pub deferral: String,
    /// Whether the storage parameters of the index are missing in the definition: of primary keys and uniques they
    /// are, of exclusions not.
    pub options_missing: bool,
    /// The index behind it; checks have none.
    pub index: Option<Index>,
    /// `COMMENT ON CONSTRAINT`
    pub comment: Option<String>,
}

/// An index, with or without a constraint in front.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Name, unquoted; the schema is the table's.
    pub name: String,
    /// As `pg_get_indexdef` prints it, all names qualified.
    pub definition: String,
    /// Storage parameters as SQL: `fillfactor='70'`.
    pub options: Option<String>,
    /// Tablespace, unless it is the database's.
    pub tablespace: Option<String>,
    /// `COMMENT ON INDEX`
    pub comment: Option<String>,
    /// Whether `CLUSTER` goes by it.
    pub clustered: bool,
    /// Whether it is the table's replica identity by name (`REPLICA IDENTITY USING INDEX`).
    pub replica_identity: bool,
    /// Statistics targets by column number, where one was set.
    pub statistics: Vec<(i32, i32)>,
}

/// The parts of a table's structure that a copy takes away, in the order they are recreated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// The table.
    pub table: TableName,
    /// Primary key, unique, exclusion and check constraints.
    pub constraints: Vec<Constraint>,
    /// Indexes of their own.
    pub indexes: Vec<Index>,
    /// Inheritance parents, quoted and qualified.
    pub parents: Vec<String>,
}

/// Those on their own two feet are droppable: not inherited, and nobody's view, function or foreign key depends on them.
///
/// A foreign key depends on the index of the key it points to, everything else on the constraint.
pub(super) const CONSTRAINTS: &str = "\
select c.conname, c.contype::text as kind, c.conindid,
       pg_get_constraintdef(c.oid) as definition,
       case when c.condeferrable then ' DEFERRABLE' else '' end
         || case when c.condeferred then ' INITIALLY DEFERRED' else '' end as deferral,
       obj_description(c.oid, 'pg_constraint') as comment,
       (c.conislocal and c.coninhcount = 0
         and not exists (select 1 from pg_depend d
                          where d.deptype = 'n'
                            and ((d.refclassid = 'pg_constraint'::regclass and d.refobjid = c.oid)
                                 or (d.refclassid = 'pg_class'::regclass
                                     and d.refobjid = c.conindid and c.conindid <> 0))))
           as droppable
  from pg_constraint c
  left join pg_index x on x.indexrelid = c.conindid
 where c.conrelid = $1 and c.contype in ('p', 'u', 'x', 'c')
   and coalesce(x.indisvalid, true)
 order by c.oid";

pub(super) const INDEXES: &str = "\
select x.indexrelid, i.relname, pg_get_indexdef(x.indexrelid) as definition,
       (select string_agg(format('%I=%L', o.option_name, o.option_value), ', ')
          from pg_options_to_table(i.reloptions) o) as options,
       t.spcname as tablespace,
       obj_description(x.indexrelid, 'pg_class') as comment,
       x.indisclustered, x.indisreplident,
       array(select a.attnum::int4 from pg_attribute a
              where a.attrelid = x.indexrelid and a.attstattarget >= 0
              order by a.attnum) as stat_columns,
       array(select a.attstattarget::int4 from pg_attribute a
              where a.attrelid = x.indexrelid and a.attstattarget >= 0
              order by a.attnum) as stat_targets,
       exists (select 1 from pg_constraint c
                where c.conindid = x.indexrelid and c.contype in ('p', 'u', 'x')
                  and c.conrelid = x.indrelid) as behind_constraint,
       (not i.relispartition
         and not exists (select 1 from pg_depend d
                          where d.deptype = 'n' and d.refclassid = 'pg_class'::regclass
                            and d.refobjid = x.indexrelid)) as droppable
  from pg_index x
  join pg_class i on i.oid = x.indexrelid
  left join pg_tablespace t on t.oid = i.reltablespace
 where x.indrelid = $1 and x.indisvalid
 order by x.indexrelid";

/// Partitions are attached, not inherited: they cannot leave and need not.
const PARENTS: &str = "\
select format('%I.%I', n.nspname, p.relname) as parent
  from pg_inherits h
  join pg_class t on t.oid = h.inhrelid
  join pg_class p on p.oid = h.inhparent
  join pg_namespace n on n.oid = p.relnamespace
 where h.inhrelid = $1 and not t.relispartition
 order by h.inhseqno";

/// Reads the structure of a table inside an open transaction.
///
/// # Errors
/// When the table does not exist, or the server's.
pub async fn load_structure(
    client: &Client,
    table: &TableName,
    purpose: Purpose,
) -> Result<Structure> {
    with_empty_search_path(client, read(client, table, purpose)).await
}

/// Definitions name everything with its schema only where the search path does not lead to it.
///
/// # Errors
/// Those of the work, after which the path stays empty: the transaction is over anyway.
pub async fn with_empty_search_path<T, E: From<Error>>(
    client: &Client,
    work: impl Future<Output = std::result::Result<T, E>>,
) -> std::result::Result<T, E> {
    let path: String = one(client, "select current_setting('search_path')", &[])
        .await?
        .try_get(0)
        .map_err(Error::from)?;
    set_search_path(client, "").await?;
    let result = work.await?;
    set_search_path(client, &path).await?;
    Ok(result)
}

async fn read(client: &Client, table: &TableName, purpose: Purpose) -> Result<Structure> {
    let oid = oid_of(client, table).await?;
    let mut constraints = Vec::new();
    let mut indexes = Vec::new();
    if is_partitioned(client, oid).await? {
        // Its keys and indexes are those of the partitions, and would not come back by themselves.
        return Ok(Structure { table: table.clone(), constraints, indexes, parents: Vec::new() });
    }
    let mut behind_constraints = Vec::new();
    for row in rows(client, INDEXES, oid).await? {
        let index = index(&row)?;
        if row.try_get("behind_constraint")? {
            behind_constraints.push((row.try_get::<_, u32>("indexrelid")?, index));
        } else if row.try_get("droppable")? {
            indexes.push(index);
        }
    }
    for row in rows(client, CONSTRAINTS, oid).await? {
        if row.try_get("droppable")? {
            constraints.push(constraint(&row, &mut behind_constraints)?);
        }
    }
    let parents = match purpose {
        Purpose::Atomic => Vec::new(),
        Purpose::Interrupted => rows(client, PARENTS, oid)
            .await?
            .iter()
            .map(|row| Ok(row.try_get("parent")?))
            .collect::<Result<_>>()?,
    };
    Ok(Structure { table: table.clone(), constraints, indexes, parents })
}

/// A constraint, with its index taken out of those that are behind constraints.
pub(super) fn constraint(row: &Row, indexes: &mut Vec<(u32, Index)>) -> Result<Constraint> {
    let index_oid: u32 = row.try_get("conindid")?;
    let kind: &str = row.try_get("kind")?;
    let at = indexes.iter().position(|&(oid, _)| oid == index_oid);
    Ok(Constraint {
        name: row.try_get("conname")?,
        definition: row.try_get("definition")?,
        deferral: row.try_get("deferral")?,
        options_missing: matches!(kind, "p" | "u"),
        index: at.map(|at| indexes.swap_remove(at).1),
        comment: row.try_get("comment")?,
    })
}

pub(super) fn index(row: &Row) -> Result<Index> {
    let columns: Vec<i32> = row.try_get("stat_columns")?;
    let targets: Vec<i32> = row.try_get("stat_targets")?;
    Ok(Index {
        name: row.try_get("relname")?,
        definition: row.try_get("definition")?,
        options: row.try_get("options")?,
        tablespace: row.try_get("tablespace")?,
        comment: row.try_get("comment")?,
        clustered: row.try_get("indisclustered")?,
        replica_identity: row.try_get("indisreplident")?,
        statistics: columns.into_iter().zip(targets).collect(),
    })
}

async fn is_partitioned(client: &Client, oid: u32) -> Result<bool> {
    let sql = "select relkind = 'p' as partitioned from pg_class where oid = $1";
    Ok(one(client, sql, &[(&oid, Type::OID)]).await?.try_get("partitioned")?)
}

/// The oid of a table, by its exact name.
pub(super) async fn oid_of(client: &Client, table: &TableName) -> Result<u32> {
    let sql = "select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')";
    let args: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&table.schema(), Type::TEXT), (&table.name(), Type::TEXT)];
    let found = client.query_typed(sql, &args).await.map_err(|e| Error::sql(e, sql))?;
    let row =
        found.first().ok_or_else(|| Error::config(format!("table {table} does not exist")))?;
    Ok(row.try_get(0)?)
}

pub(super) async fn rows(client: &Client, sql: &str, oid: u32) -> Result<Vec<Row>> {
    client.query_typed(sql, &[(&oid, Type::OID)]).await.map_err(|e| Error::sql(e, sql))
}

async fn one(
    client: &Client,
    sql: &str,
    args: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)],
) -> Result<Row> {
    let mut rows = client.query_typed(sql, args).await.map_err(|e| Error::sql(e, sql))?;
    rows.pop().ok_or_else(|| Error::protocol(format!("no row from: {sql}")))
}

async fn set_search_path(client: &Client, path: &str) -> Result<()> {
    let sql = "select set_config('search_path', $1, true)";
    one(client, sql, &[(&path, Type::TEXT)]).await.map(drop)
}
