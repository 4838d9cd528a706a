//! Columns and sequences as SQL. Pure.

use pgq_client::name::TableName;
use pgq_client::text::quoting::{quote_ident, quote_literal};

use super::names::Names;
use super::{Column, NotNull, Relation, Sequence, Value};

/// What follows a column's name in CREATE TABLE and ADD COLUMN. Defaults are not in it.
pub fn clause(relation: &Relation, column: &Column, names: &Names) -> String {
    let mut clause = column.kind.clone();
    if let Some(collation) = &column.collation {
        clause.push_str(&format!(" COLLATE {collation}"));
    }
    match &column.value {
        Value::Generated(expression, how) => {
            clause.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {how}"));
        }
        // A partition has it from its table.
        Value::Identity(when) if relation.partition_of.is_none() => {
            clause.push_str(&format!(" {}", identity(relation, column, when, names)));
        }
        Value::Identity(_) | Value::Default(_) | Value::None => {}
    }
    if column.not_null {
        clause.push_str(&not_null(column.not_null_constraint.as_ref()));
    }
    clause
}

/// `GENERATED ... AS IDENTITY (...)`
pub fn identity(relation: &Relation, column: &Column, when: &str, names: &Names) -> String {
    let options = relation.owned_sequence(&column.name).map(|sequence| {
        let name = names.sequence(&sequence.name).quoted();
        format!(" (SEQUENCE NAME {name} {})", sequence.options)
    });
    format!("GENERATED {when} AS IDENTITY{}", options.unwrap_or_default())
}

fn not_null(constraint: Option<&NotNull>) -> String {
    let Some(constraint) = constraint else { return " not null".to_owned() };
    if constraint.not_valid {
        // Only ALTER TABLE can say that.
        return String::new();
    }
    let name = constraint.name.as_ref().map(|name| format!(" CONSTRAINT {}", quote_ident(name)));
    let no_inherit = if constraint.no_inherit { " no inherit" } else { "" };
    format!("{} not null{no_inherit}", name.unwrap_or_default())
}

/// `CREATE SEQUENCE`, and its position: the copy has to go on where the original is.
pub fn create_sequence(sequence: &Sequence, name: &TableName) -> Vec<String> {
    let mut statements = vec![format!(
        "CREATE SEQUENCE {}\n  AS {} {};",
        name.quoted(),
        sequence.kind,
        sequence.options
    )];
    statements.extend(position(sequence, name));
    if let Some(comment) = &sequence.comment {
        let text = quote_literal(Some(comment));
        statements.push(format!("COMMENT ON SEQUENCE {}\n  IS {text};", name.quoted()));
    }
    statements
}

/// Brings a new sequence to where the original is.
pub fn position(sequence: &Sequence, name: &TableName) -> Option<String> {
    let name = quote_literal(Some(&name.quoted()));
    sequence.last_value.map(|last| format!("SELECT pg_catalog.setval({name}, {last});"))
}

/// What a column has besides its clause, as statements about the table `table` (quoted).
pub fn settings(table: &str, column: &Column) -> Vec<String> {
    let name = quote_ident(&column.name);
    let mut statements: Vec<String> = column
        .settings
        .iter()
        .map(|setting| format!("ALTER TABLE ONLY {table}\n  ALTER COLUMN {name} {setting};"))
        .collect();
    if let Some(constraint) = column.not_null_constraint.as_ref().filter(|found| found.not_valid) {
        let constraint = constraint.name.as_ref().map_or_else(String::new, |constraint| {
            format!("CONSTRAINT {} ", quote_ident(constraint))
        });
        statements
            .push(format!("ALTER TABLE {table}\n  ADD {constraint}NOT NULL {name} NOT VALID;"));
    }
    if let Some(comment) = &column.comment {
        let text = quote_literal(Some(comment));
        statements.push(format!("COMMENT ON COLUMN {table}.{name}\n  IS {text};"));
    }
    statements
}

/// Storage and compression of a column as statements.
pub fn storage(table: &str, column: &Column) -> Vec<String> {
    let name = quote_ident(&column.name);
    let statement =
        |clause: &String| format!("ALTER TABLE ONLY {table}\n  ALTER COLUMN {name} {clause};");
    column.storage.iter().map(statement).collect()
}
