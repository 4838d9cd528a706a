//! Data events decoded: which operation, which key, which columns (contract `worker.md` 11, `pgq.md` 8.6).

use std::borrow::Cow;

/// What a data event does to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// A new row.
    Insert,
    /// New values for an existing row.
    Update,
    /// The row is gone.
    Delete,
}

/// Columns of a row event in event order; `None` is NULL.
pub type Columns<'a> = Vec<(Cow<'a, str>, Option<Cow<'a, str>>)>;

/// A data event decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum RowEvent<'a> {
    /// `logutriga` and `jsontriga`: a whole row and the key's column names.
    Row {
        /// Operation.
        op: Op,
        /// Names of the key columns, empty when the table has none.
        key: Vec<Cow<'a, str>>,
        /// All columns.
        columns: Columns<'a>,
    },
    /// `sqltriga`: the tail of an SQL statement.
    Fragment {
        /// Operation.
        op: Op,
        /// What follows `insert into T`, `update only T set` or `delete from only T where`.
        sql: &'a str,
    },
}

/// A data event's text does not follow the format its type announces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RowError(pub String);

/// Whether an event type is a data event: `I` `U` `D`, a prefix `I:` `U:` `D:`, or JSON (`{"`).
pub fn is_data(kind: &str) -> bool {
    let _ = kind;
    todo!()
}

/// Decodes a data event from its type and data.
pub fn decode<'a>(kind: &'a str, data: &'a str) -> Result<RowEvent<'a>, RowError> {
    let _ = (kind, data);
    todo!()
}
