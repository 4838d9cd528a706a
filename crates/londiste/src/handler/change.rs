//! One change of a row, as handlers hand it to the engine.

use std::borrow::Cow;

use pgq_client::text::row::{Columns, Op};

/// A change of one row of some table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange<'a> {
    /// Operation.
    pub op: Op,
    /// Names of the key columns, empty when the table has none.
    pub key: Vec<Cow<'a, str>>,
    /// Columns in event order.
    pub columns: Columns<'a>,
}

impl RowChange<'_> {
    /// The end of the row that the change is about.
    pub fn deletion(&self) -> Self {
        let of_key = |(name, _): &&(Cow<'_, str>, _)| self.key.contains(name);
        let columns = self.columns.iter().filter(of_key).cloned().collect();
        RowChange { op: Op::Delete, key: self.key.clone(), columns }
    }

    /// Whether it says which row it is about.
    pub fn has_key(&self) -> bool {
        self.key.iter().any(|name| !name.is_empty())
    }
}
