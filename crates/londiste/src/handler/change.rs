//! What an event comes to for one row once a handler has had its say.

use std::borrow::Cow;

use pgq_client::text::row::{Columns, Op};

/// A change of one row, ready to be applied: names are those of the destination.
///
/// The shape is that of a decoded event: an insert writes all columns, an update writes those that are not in the key and finds
/// the row by the others, a delete needs the key and may have more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange<'a> {
    /// What happens to the row.
    pub op: Op,
    /// Names of the key columns; empty when there is no key, which only an insert can do without.
    pub key: Vec<Cow<'a, str>>,
    /// Columns in the order they are written; `None` is NULL.
    pub columns: Columns<'a>,
    /// Whether the row of an update or delete has to be there: if it is not, somebody is told.
    pub expected: bool,
}

impl RowChange<'_> {
    /// The end of the row that the change is about.
    pub fn deletion(&self, expected: bool) -> Self {
        let of_key = |(name, _): &&(Cow<'_, str>, _)| self.key.contains(name);
        let columns = self.columns.iter().filter(of_key).cloned().collect();
        RowChange { op: Op::Delete, key: self.key.clone(), columns, expected }
    }

    /// Whether it says which row it is about.
    pub fn has_key(&self) -> bool {
        self.key.iter().any(|name| !name.is_empty())
    }
}
