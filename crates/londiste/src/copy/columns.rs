//! Which columns are copied: those that both tables have, in the provider's order.

use pgq_client::Error;
use pgq_client::name::TableName;
use pgq_client::text::quoting::quote_ident;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::handler::Handler;
use crate::handler::obfuscate::ObfuscateError;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Name, unquoted. Of a column of the source: what it is called here.
    pub(super) name: String,
    /// Name in its own table.
    pub(super) own_name: String,
    /// Whether the server computes it: such a column is neither sent nor accepted.
    pub(super) generated: bool,
    /// Name of its type, if that is one of the server's own; `enum` for any enumeration. `None` for all others.
    pub(super) kind: Option<String>,
}

/// A table as far as a copy has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// In order.
    pub(super) columns: Vec<Column>,
    /// Whether the rows are in its partitions.
    pub(super) partitioned: bool,
    /// `server_version_num`
    pub(super) version: i32,
}

/// The layout of a table.
///
/// # Errors
/// When there is no such table, or the server's.
pub(super) async fn load(client: &Client, table: &TableName) -> pgq_client::Result<Layout> {
    let sql = "select a.attname, a.attgenerated <> '' as generated, c.relkind = 'p' as partitioned, \
                      case when t.typtype = 'e' then 'enum' \
                           when t.oid < 10000 and t.typtype = 'b' then t.typname::text end as kind, \
                      current_setting('server_version_num')::int4 as version \
               from pg_class c \
               join pg_namespace n on n.oid = c.relnamespace \
               join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
               join pg_type t on t.oid = a.atttypid \
               where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p') order by a.attnum";
    let args: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&table.schema(), Type::TEXT), (&table.name(), Type::TEXT)];
    let rows = client.query_typed(sql, &args).await.map_err(|e| Error::sql(e, sql))?;
    let Some(first) = rows.first() else {
        return Err(Error::config(format!("table {table} does not exist or has no columns")));
    };
    let columns = rows.iter().map(|row| {
        let name: String = row.try_get("attname")?;
        Ok(Column {
            own_name: name.clone(),
            name,
            generated: row.try_get("generated")?,
            kind: row.try_get("kind")?,
        })
    });
    Ok(Layout {
        columns: columns.collect::<pgq_client::Result<_>>()?,
        partitioned: first.try_get("partitioned")?,
        version: first.try_get("version")?,
    })
}

/// The columns of the source's table that the handler lets through, by the names that it gives them.
///
/// # Errors
/// The handler has no rule for the table.
pub(super) fn handled(
    handler: &Handler,
    source: &TableName,
    columns: Vec<Column>,
) -> Result<Vec<Column>, ObfuscateError> {
    let mut handled = Vec::with_capacity(columns.len());
    for column in columns {
        if let Some(name) = handler.copied_column(source, &column.own_name)? {
            handled.push(Column { name: name.to_owned(), ..column });
        }
    }
    Ok(handled)
}

/// Types whose binary form means the same on every server that we support, and is checked on its way in as their text is.
/// Not among them: what is a number of an object (`regclass`), what depends on settings or encodings (`money`, `xml`,
/// `name`), what nobody stores in tables that have to be fast.
const BINARY_TYPES: [&str; 26] = [
    "bit",
    "bool",
    "bpchar",
    "bytea",
    "cidr",
    "date",
    "enum",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int8",
    "interval",
    "json",
    "jsonb",
    "macaddr",
    "macaddr8",
    "numeric",
    "oid",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "uuid",
    "varchar",
];

/// Before it an interval cannot be infinite, and does not look whether it is given one.
const VERSION_WITH_INFINITE_INTERVALS: i32 = 170_000;

/// Whether the columns of these names may travel in binary form: half the work for the destination.
///
/// Only where both sides have the same type. Everything else goes as text, which is what the types agree on.
pub(super) fn binary(names: &[String], provider: &Layout, subscriber: &Layout) -> bool {
    let versions = [provider.version, subscriber.version];
    let intervals = versions.map(|version| version >= VERSION_WITH_INFINITE_INTERVALS);
    let kind = |layout: &Layout, name: &str| {
        layout.columns.iter().find(|c| c.name == name).and_then(|c| c.kind.clone())
    };
    names.iter().all(|name| {
        let Some(kind) =
            kind(provider, name).filter(|k| Some(k) == kind(subscriber, name).as_ref())
        else {
            return false;
        };
        // An array has its element's name behind an underscore.
        let element = kind.strip_prefix('_').unwrap_or(&kind);
        BINARY_TYPES.contains(&element) && (element != "interval" || intervals[0] == intervals[1])
    })
}

/// What two tables have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Common {
    /// Columns to copy, unquoted.
    pub(super) names: Vec<String>,
    /// What they are called on the source.
    pub(super) own_names: Vec<String>,
    /// One line per column that is not copied although somebody may expect it.
    pub(super) warnings: Vec<String>,
}

/// Matches the columns of the source with those of the destination. `table` is named in the warnings.
pub(super) fn common(table: &TableName, provider: &[Column], subscriber: &[Column]) -> Common {
    let find = |columns: &[Column], name: &str| columns.iter().find(|c| c.name == name).cloned();
    let (mut names, mut own_names) = (Vec::new(), Vec::new());
    let mut warnings = Vec::new();
    for column in provider {
        let name = &column.name;
        match find(subscriber, name) {
            None => {
                warnings.push(format!("Table {table} column {name} does not exist on subscriber"));
            }
            Some(_) if column.generated => {}
            Some(theirs) if theirs.generated => warnings
                .push(format!("Table {table} column {name} is computed on subscriber, not copied")),
            Some(_) => {
                names.push(name.clone());
                own_names.push(column.own_name.clone());
            }
        }
    }
    for column in subscriber {
        let name = &column.name;
        match find(provider, name) {
            None => {
                warnings.push(format!("Table {table} column {name} does not exist on provider"));
            }
            Some(theirs) if theirs.generated && !column.generated => warnings
                .push(format!("Table {table} column {name} is computed on provider, not copied")),
            Some(_) => {}
        }
    }
    Common { names, own_names, warnings }
}

/// `a, "B"`
pub(super) fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &str) -> Vec<Column> {
        names
            .split_whitespace()
            .map(|name| Column {
                name: name.trim_end_matches('=').to_owned(),
                own_name: name.trim_end_matches('=').to_owned(),
                generated: name.ends_with('='),
                kind: None,
            })
            .collect()
    }

    fn matched(provider: &str, subscriber: &str) -> (String, Vec<String>) {
        let common = common(&TableName::new("public.t"), &columns(provider), &columns(subscriber));
        (common.names.join(" "), common.warnings)
    }

    #[test]
    fn common_columns_come_in_the_providers_order() {
        assert_eq!(matched("a b c", "c a b"), ("a b c".to_owned(), vec![]));
    }

    #[test]
    fn columns_of_one_side_are_named() {
        let (names, warnings) = matched("a b", "b c");
        assert_eq!(names, "b");
        assert_eq!(
            warnings,
            [
                "Table public.t column a does not exist on subscriber",
                "Table public.t column c does not exist on provider"
            ]
        );
    }

    #[test]
    fn computed_columns_are_not_copied() {
        assert_eq!(matched("a b=", "a b="), ("a".to_owned(), vec![]));
        assert_eq!(
            matched("a b=", "a b").1,
            ["Table public.t column b is computed on provider, not copied"]
        );
        assert_eq!(
            matched("a b", "a b=").1,
            ["Table public.t column b is computed on subscriber, not copied"]
        );
    }

    fn layout(version: i32, kinds: &str) -> Layout {
        let columns = kinds.split_whitespace().enumerate().map(|(nr, kind)| Column {
            name: format!("c{nr}"),
            own_name: format!("c{nr}"),
            generated: false,
            kind: (kind != "-").then(|| kind.to_owned()),
        });
        Layout { columns: columns.collect(), partitioned: false, version }
    }

    #[track_caller]
    fn check_binary(expected: bool, provider: (i32, &str), subscriber: (i32, &str)) {
        let [provider, subscriber] =
            [provider, subscriber].map(|(version, kinds)| layout(version, kinds));
        let names: Vec<String> = provider.columns.iter().map(|c| c.name.clone()).collect();
        assert_eq!(binary(&names, &provider, &subscriber), expected);
    }

    #[test]
    fn binary_needs_equal_types_of_the_server_itself() {
        let common = "int4 _text numeric enum jsonb _timestamptz";
        check_binary(true, (130_000, common), (180_000, common));
        check_binary(false, (150_000, "int4 text"), (150_000, "int8 text"));
        check_binary(false, (150_000, "int4 text"), (150_000, "int4 varchar"));
        check_binary(false, (150_000, "int4 -"), (150_000, "int4 -"));
        check_binary(false, (150_000, "regclass"), (150_000, "regclass"));
        check_binary(false, (150_000, "_regclass"), (150_000, "_regclass"));
    }

    #[test]
    fn intervals_are_binary_where_both_servers_know_the_same_ones() {
        for kind in ["interval", "_interval"] {
            check_binary(true, (130_000, kind), (160_004, kind));
            check_binary(true, (170_000, kind), (180_000, kind));
            check_binary(false, (170_000, kind), (160_004, kind));
            check_binary(false, (160_000, kind), (170_004, kind));
        }
    }
}
