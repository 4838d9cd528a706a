//! Which columns are copied: those that both tables have, in the provider's order.

use pgq_client::name::TableName;
use pgq_client::text::quoting::quote_ident;
use pgq_client::{Error, Result};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Name, unquoted.
    pub(super) name: String,
    /// Whether the server computes it: such a column is neither sent nor accepted.
    pub(super) generated: bool,
}

/// A table as far as a copy has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// In order.
    pub(super) columns: Vec<Column>,
    /// Whether the rows are in its partitions.
    pub(super) partitioned: bool,
}

/// The layout of a table.
///
/// # Errors
/// When there is no such table, or the server's.
pub(super) async fn load(client: &Client, table: &TableName) -> Result<Layout> {
    let sql = "select a.attname, a.attgenerated <> '' as generated, c.relkind = 'p' as partitioned from pg_class c \
               join pg_namespace n on n.oid = c.relnamespace \
               join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
               where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p') order by a.attnum";
    let args: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&table.schema(), Type::TEXT), (&table.name(), Type::TEXT)];
    let rows = client.query_typed(sql, &args).await.map_err(|e| Error::sql(e, sql))?;
    let Some(first) = rows.first() else {
        return Err(Error::config(format!("table {table} does not exist or has no columns")));
    };
    let columns = rows.iter().map(|row| {
        Ok(Column { name: row.try_get("attname")?, generated: row.try_get("generated")? })
    });
    Ok(Layout {
        columns: columns.collect::<Result<_>>()?,
        partitioned: first.try_get("partitioned")?,
    })
}

/// What two tables have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Common {
    /// Columns to copy, unquoted.
    pub(super) names: Vec<String>,
    /// One line per column that is not copied although somebody may expect it.
    pub(super) warnings: Vec<String>,
}

/// Matches the columns of the source with those of the destination. `table` is named in the warnings.
pub(super) fn common(table: &TableName, provider: &[Column], subscriber: &[Column]) -> Common {
    let find = |columns: &[Column], name: &str| columns.iter().find(|c| c.name == name).cloned();
    let mut names = Vec::new();
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
            Some(_) => names.push(name.clone()),
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
    Common { names, warnings }
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
                generated: name.ends_with('='),
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
}
