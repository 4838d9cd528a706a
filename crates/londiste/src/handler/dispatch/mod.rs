//! `dispatch` and its 34 ready-made settings: changes of a table split between partitions, kept as a history, or cut down to some
//! columns (contract `handlers.md` 9).
//!
//! Pure: it says what an event comes to and renders the SQL that makes a partition; the caller applies and asks. For one event of
//! a table `registered` that is
//!
//! 1. [`Dispatch::dest`]: the table, or the parent of the partitions;
//! 2. [`Dispatch::wants`]: is there anything to do at all?
//! 3. [`Dispatch::partition`]: which partition, and from its name, when the batch has not met it yet,
//!    [`Partition::creation`]: what to ask and to run until it is there;
//! 4. [`Dispatch::changes`]: what happens to rows there.
//!
//! The original loads `load_mode=bulk` through temporary tables. Here every load is by sets anyway, and what remains of a bulk
//! load is what its `method` makes of an update.

mod args;
mod create;
mod error;
mod fields;
mod modes;
mod names;
mod period;
mod template;

#[cfg(test)]
mod tests;

use pgq_client::name::TableName;
use pgq_client::text::row::{Columns, Op};

pub use create::{Creation, Expired, Way};
pub use error::EventError;
pub use names::NAMES;
pub use period::{PartTime, Partition, Times};

use fields::Fields;
use period::Partitioning;

/// A handler of the family, its arguments checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    mode: TableMode,
    dest: Option<TableName>,
    fields: Fields,
    row_mode: RowMode,
    event_types: Vec<Op>,
    load_mode: LoadMode,
    method: Method,
    ignore_truncate: bool,
}

/// `table_mode`: where rows go.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TableMode {
    /// `part`: into partitions.
    Part(Box<Partitioning>),
    /// `direct`: into the destination table.
    Direct,
    /// `ignore`: nowhere.
    Ignore,
}

/// `row_mode`: what a change of the source is to the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowMode {
    /// `plain`: the same change.
    Plain,
    /// `keep_all`: another version of the row; deletes are nothing.
    KeepAll,
    /// `keep_latest`: one version per partition.
    KeepLatest,
}

/// `load_mode`: how rows were loaded in the original. Only with `bulk` does `method` mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadMode {
    /// `direct`: a statement per row.
    Direct,
    /// `bulk`: through temporary tables.
    Bulk,
}

/// `method`: how a bulk load writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// 0: an update is an update, and changes nothing where the row is missing.
    Correct,
    /// 1: an update is a delete and an insert, so that a missing row appears.
    Delete,
    /// 2: as 1, with the inserted rows in one statement.
    Merged,
    /// 3: inserts only; anything else stops the table.
    Insert,
}

impl Dispatch {
    /// The table that rows are written to, or the parent of its partitions: argument `table`, else `registered`.
    pub fn dest(&self, registered: &TableName) -> TableName {
        self.dest.as_ref().unwrap_or(registered).clone()
    }

    /// Whether rows go into partitions (`table_mode=part`).
    pub fn has_partitions(&self) -> bool {
        matches!(self.mode, TableMode::Part(_))
    }

    /// Whether truncate events are left out.
    pub fn ignore_truncate(&self) -> bool {
        self.ignore_truncate
    }

    /// `load_mode`
    pub fn load_mode(&self) -> LoadMode {
        self.load_mode
    }

    /// What a column of the source is called in the destination, `None` where it is left out: for the initial copy, which goes
    /// into the parent.
    pub fn column<'s>(&'s self, source: &'s str) -> Option<&'s str> {
        self.fields.target(source)
    }

    /// The partition that an event's row belongs to: its name and the time that chose it. `columns` are those of the event, as they
    /// were decoded; `parent` is [`Dispatch::dest`]. `None` when there are no partitions (`table_mode` `direct` or `ignore`).
    ///
    /// Ask [`Dispatch::wants`] first: an event that nobody wants may lack the time.
    ///
    /// # Errors
    /// With `part_mode=date_field`: `part_field` is no column of the event (after the field filter), NULL, or no time. Else: the
    /// time of batch or event cannot be read. Always: a name that the server would cut off.
    pub fn partition<'a>(
        &'a self,
        parent: &'a TableName,
        times: &Times<'_>,
        columns: &Columns<'_>,
    ) -> Result<Option<Partition<'a>>, EventError> {
        match &self.mode {
            TableMode::Part(parts) => {
                parts.partition(parent, times, &self.fields, columns).map(Some)
            }
            TableMode::Direct | TableMode::Ignore => Ok(None),
        }
    }
}
