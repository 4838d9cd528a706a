//! A table created like its original: columns and primary key, for `add-table --create` (contract `worker.md` section 19).
//!
//! Departures from the original: collations and computed columns are reproduced. A computed column that came out as an
//! ordinary one would stay empty, because its values are not replicated.

use pgq_client::name::TableName;
use pgq_client::text::quoting::quote_ident;
use pgq_client::{Error, Result};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::create::Creation;
use super::load::{oid_of, rows, with_empty_search_path};

/// What `--create` reproduces of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDefinition {
    /// The original's name.
    pub table: TableName,
    /// Columns in order.
    pub columns: Vec<ColumnDefinition>,
    /// Primary key: name and definition.
    pub primary_key: Option<(String, String)>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// Name, unquoted.
    pub name: String,
    /// Type with modifiers, and collation and expression where it has them: `character varying(20) COLLATE "C"`.
    pub kind: String,
    /// Whether NULL is refused.
    pub not_null: bool,
}

const COLUMNS: &str = "\
select a.attname, a.attnotnull,
       format_type(a.atttypid, a.atttypmod)
         || case when a.attcollation <> t.typcollation
                 then (select format(' COLLATE %I.%I', n.nspname, c.collname)
                         from pg_collation c join pg_namespace n on n.oid = c.collnamespace
                        where c.oid = a.attcollation)
                 else '' end
         || case a.attgenerated
              when 's' then ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
              when 'v' then ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') VIRTUAL'
              else '' end as kind
  from pg_attribute a
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
 order by a.attnum";

const PRIMARY_KEY: &str = "\
select conname, pg_get_constraintdef(oid) as definition
  from pg_constraint where conrelid = $1 and contype = 'p'";

/// Reads a table's definition inside an open transaction.
///
/// # Errors
/// When the table does not exist, or the server's.
pub async fn load_table(client: &Client, table: &TableName) -> Result<TableDefinition> {
    with_empty_search_path(client, async {
        let oid = oid_of(client, table).await?;
        let columns = rows(client, COLUMNS, oid)
            .await?
            .iter()
            .map(|row| {
                Ok(ColumnDefinition {
                    name: row.try_get("attname")?,
                    kind: row.try_get("kind")?,
                    not_null: row.try_get("attnotnull")?,
                })
            })
            .collect::<Result<_>>()?;
        let primary_key = rows(client, PRIMARY_KEY, oid)
            .await?
            .first()
            .map(|row| Ok::<_, Error>((row.try_get("conname")?, row.try_get("definition")?)))
            .transpose()?;
        Ok(TableDefinition { table: table.clone(), columns, primary_key })
    })
    .await
}

/// Longest name of a system column (`tableoid`): columns are aligned as if it were printed too.
const LONGEST_SYSTEM_COLUMN: usize = 8;

/// The statements that create the table as `dest`. `key` is the primary key's name there; see [`free_name`].
pub fn creations(definition: &TableDefinition, dest: &TableName, key: &str) -> Vec<Creation> {
    let quoted = dest.quoted();
    let longest = definition.columns.iter().map(|column| column.name.chars().count()).max();
    let width = longest.unwrap_or_default().max(LONGEST_SYSTEM_COLUMN) + 3;
    let columns: Vec<String> = definition
        .columns
        .iter()
        .map(|column| {
            let not_null = if column.not_null { " not null" } else { "" };
            format!("    {:width$} {}{not_null}", quote_ident(&column.name), column.kind)
        })
        .collect();
    let table = Creation {
        name: dest.to_string(),
        statements: vec![format!("CREATE TABLE {quoted} (\n{}\n);", columns.join(",\n"))],
    };
    let key = definition.primary_key.as_ref().map(|(_, definition)| Creation {
        name: key.to_owned(),
        statements: vec![format!(
            "ALTER TABLE {quoted} ADD CONSTRAINT {}\n  {definition};",
            quote_ident(key)
        )],
    });
    std::iter::once(table).chain(key).collect()
}

/// Name for a key in a database where the original's may be taken: digits at its end make place for the first number
/// that no relation of any schema has (`t3_pkey` gives `t3_pkey_1`), and none of those that are `taken` by others meanwhile.
///
/// # Errors
/// The server's; or when 999 names are taken.
pub async fn free_name(client: &Client, name: &str, taken: &[String]) -> Result<String> {
    let stem = stem(name);
    let sql = "select f.name from generate_series(1, 999) nr, \
                      lateral (select $1 || '_' || nr) f (name) \
               where not exists (select 1 from pg_class where relname = f.name) \
                 and not exists (select 1 from pg_statistic_ext where stxname = f.name) \
                 and f.name <> all ($2) \
               order by nr limit 1";
    let found = client
        .query_typed(sql, &[(&stem, Type::TEXT), (&taken, Type::TEXT_ARRAY)])
        .await
        .map_err(|error| Error::sql(error, sql))?;
    let row = found.first().ok_or_else(|| Error::config(format!("no free name like {name}")))?;
    Ok(row.try_get(0)?)
}

/// The server cuts longer names, the number included.
const LONGEST_NAME: usize = 63;

/// The name without `_` and digits at its end, and short enough for three digits.
fn stem(name: &str) -> &str {
    let short = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = match short.strip_suffix('_') {
        Some(stem) if short.len() < name.len() && !stem.is_empty() => stem,
        _ => name,
    };
    let longest = LONGEST_NAME - "_999".len();
    let end = (0..=longest).rev().find(|&at| stem.is_char_boundary(at)).unwrap_or(0);
    if stem.len() > longest { &stem[..end] } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> TableDefinition {
        let column = |name: &str, kind: &str, not_null| ColumnDefinition {
            name: name.to_owned(),
            kind: kind.to_owned(),
            not_null,
        };
        TableDefinition {
            table: TableName::new("public.t3"),
            columns: vec![
                column("id", "integer", true),
                column("A rather long name", "character varying(20)", false),
            ],
            primary_key: Some(("t3_pkey".to_owned(), "PRIMARY KEY (id)".to_owned())),
        }
    }

    fn script(dest: &str, key: &str) -> String {
        let creations = creations(&definition(), &TableName::new(dest), key);
        let statements: Vec<String> = creations.into_iter().flat_map(|c| c.statements).collect();
        statements.join("\n")
    }

    #[test]
    fn columns_are_aligned_behind_the_longest_name() {
        insta::assert_snapshot!(script("public.t3", "t3_pkey"), @r#"
        CREATE TABLE public.t3 (
            id                    integer not null,
            "A rather long name"  character varying(20)
        );
        ALTER TABLE public.t3 ADD CONSTRAINT t3_pkey
          PRIMARY KEY (id);
        "#);
    }

    #[test]
    fn short_names_are_aligned_behind_a_system_column() {
        let mut definition = definition();
        definition.columns.pop();
        let creation = &creations(&definition, &TableName::new("s.Copy"), "k")[0];
        assert_eq!(creation.name, "s.Copy");
        assert_eq!(
            creation.statements,
            ["CREATE TABLE s.\"Copy\" (\n    id          integer not null\n);"]
        );
    }

    #[test]
    fn numbers_at_the_end_make_place() {
        assert_eq!(stem("t3_pkey"), "t3_pkey");
        assert_eq!(stem("t3_pkey_12"), "t3_pkey");
        assert_eq!(stem("t3"), "t3");
        assert_eq!(stem("t_"), "t_");
        assert_eq!(stem("_7"), "_7");
        assert_eq!(stem(&"x".repeat(63)), "x".repeat(59));
        assert_eq!(stem(&"ä".repeat(31)), "ä".repeat(29));
    }
}
