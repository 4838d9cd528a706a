//! What the other database has already, and which names are free there.

use std::collections::{HashMap, HashSet};

use pgq_client::name::TableName;
use pgq_client::{Error, Result};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::super::table::free_name;
use super::names::Names;
use super::{Relation, Use};

/// What matters of the database in which a table is created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// All roles.
    pub roles: HashSet<String>,
    /// All tablespaces.
    pub tablespaces: HashSet<String>,
    /// Whether row security never stands in the way of this role.
    pub bypasses_row_security: bool,
    /// Which of the wanted sequences are there, and the column (`schema.table.column`) that owns it.
    pub sequences: HashMap<TableName, Option<String>>,
}

/// Looks at the database inside an open transaction. `names` are the names that the objects will have.
///
/// # Errors
/// The server's.
pub async fn look(client: &Client, relations: &[Relation], names: &Names) -> Result<Target> {
    let roles = query(client, "select rolname::text from pg_roles", &[]).await?;
    let tablespaces = query(client, "select spcname::text from pg_tablespace", &[]).await?;
    let bypass = query(
        client,
        "select rolsuper or rolbypassrls from pg_roles where rolname = current_user",
        &[],
    )
    .await?;
    let mut sequences = HashMap::new();
    for sequence in relations.iter().flat_map(|relation| &relation.sequences) {
        let name = names.sequence(&sequence.name);
        let sql = "select (select on_.nspname || '.' || o.relname || '.' || a.attname \
                             from pg_depend d \
                             join pg_class o on o.oid = d.refobjid \
                             join pg_namespace on_ on on_.oid = o.relnamespace \
                             join pg_attribute a on a.attrelid = o.oid and a.attnum = d.refobjsubid \
                            where d.classid = 'pg_class'::regclass and d.objid = c.oid \
                              and d.deptype in ('a', 'i')) \
                     from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                    where n.nspname = $1 and c.relname = $2 and c.relkind = 'S'";
        let (schema, own) = (name.schema(), name.name());
        if let Some(row) = query(client, sql, &[named(&schema), named(&own)]).await?.first() {
            sequences.insert(name.clone(), row.try_get(0)?);
        }
    }
    Ok(Target {
        roles: texts(&roles)?,
        tablespaces: texts(&tablespaces)?,
        bypasses_row_security: match bypass.first() {
            Some(row) => row.try_get(0)?,
            None => false,
        },
        sequences,
    })
}

/// The names that the objects of a table and its partitions get when the table is created as `dest`: their own, or others
/// when it may stand beside its original.
///
/// # Errors
/// The server's; or when there is no free name.
pub async fn names(client: &Client, relations: &[Relation], dest: &TableName) -> Result<Names> {
    let mut names = Names::default();
    let source = match relations.first() {
        Some(first) if first.name() != dest => first.name(),
        _ => return Ok(names),
    };
    let mut taken: Vec<String> = vec![dest.name().to_owned()];
    names.relations.insert(source.clone(), dest.clone());
    for relation in &relations[1..] {
        let name = relation.name();
        let schema = moved(name, source, dest);
        let new = free(client, name.name(), &mut taken).await?;
        names.relations.insert(name.clone(), qualified(schema, &new));
    }
    for relation in relations {
        for sequence in &relation.sequences {
            if sequence.use_ != Use::Mentioned && !names.sequences.contains_key(&sequence.name) {
                let new = free(client, sequence.name.name(), &mut taken).await?;
                let schema = moved(&sequence.name, source, dest);
                names.sequences.insert(sequence.name.clone(), qualified(schema, &new));
            }
        }
        let behind = relation.constraints.iter().filter(|constraint| constraint.index.is_some());
        let indexes = behind
            .map(|constraint| &constraint.name)
            .chain(relation.indexes.iter().map(|index| &index.name));
        for index in indexes {
            let new = free(client, index, &mut taken).await?;
            names.indexes.insert(qualified(relation.name().schema(), index), new);
        }
        for statistics in &relation.statistics {
            let new = free(client, statistics.name.name(), &mut taken).await?;
            let schema = moved(&statistics.name, source, dest);
            names.statistics.insert(statistics.name.clone(), qualified(schema, &new));
        }
    }
    Ok(names)
}

/// What was in the schema of the original goes to the schema of the new table.
fn moved<'a>(name: &'a TableName, source: &TableName, dest: &'a TableName) -> &'a str {
    if name.schema() == source.schema() { dest.schema() } else { name.schema() }
}

fn qualified(schema: &str, name: &str) -> TableName {
    TableName::new(&format!("{schema}.{name}"))
}

async fn free(client: &Client, name: &str, taken: &mut Vec<String>) -> Result<String> {
    let new = free_name(client, name, taken).await?;
    taken.push(new.clone());
    Ok(new)
}

fn named<'a>(text: &'a &'a str) -> (&'a (dyn ToSql + Sync), Type) {
    (text, Type::TEXT)
}

async fn query(
    client: &Client,
    sql: &str,
    args: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>> {
    client.query_typed(sql, args).await.map_err(|error| Error::sql(error, sql))
}

fn texts(rows: &[Row]) -> Result<HashSet<String>> {
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
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
