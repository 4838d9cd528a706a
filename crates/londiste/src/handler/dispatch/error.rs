//! Why an event cannot be applied. The texts that the original has are its own, without the row.

use pgq_client::name::TableName;

/// An event that the handler cannot make a change of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// An update, and the field filter or the trigger leaves no key column.
    #[error("update needs pkeys")]
    UpdateWithoutKey,
    /// A delete, and the field filter or the trigger leaves no key column.
    #[error("delete needs pkeys")]
    DeleteWithoutKey,
    /// `load_mode=bulk` finds every row by its key.
    #[error("non-pk tables not supported: {0}")]
    NoKey(TableName),
    /// The event announces a key that its row does not have.
    #[error("{table}: key column {column} is not in the event")]
    KeyMissing {
        /// The table the event is applied to.
        table: TableName,
        /// The column, by the event's name.
        column: String,
    },
    /// `method=3` loads inserts.
    #[error("{0} not supported by method insert")]
    InsertsOnly(char),
    /// The time that chooses the partition is NULL.
    #[error("part_field({column}) is NULL: {table}")]
    PartFieldNull {
        /// The table the event is applied to.
        table: TableName,
        /// `part_field`
        column: String,
    },
    /// The time that chooses the partition is not in the event, or left out by the field filter.
    #[error(
        "{table}: part_field {column} is no column of the event; skip_fields and fields come first"
    )]
    PartFieldMissing {
        /// The table the event is applied to.
        table: TableName,
        /// `part_field`
        column: String,
    },
    /// The time that chooses the partition cannot be read.
    #[error(
        "time data of column {column}, table {table} does not match format '%Y-%m-%d %H:%M:%S'"
    )]
    PartFieldFormat {
        /// The table the event is applied to.
        table: TableName,
        /// `part_field`
        column: String,
    },
    /// The time of the batch or of the event is not what PostgreSQL prints in ISO style.
    #[error("cannot read the {what} time: {text}")]
    Time {
        /// `batch` or `event`.
        what: &'static str,
        /// What was read.
        text: String,
    },
    /// The server would cut the name off, and partitions of several periods would be one.
    #[error("name of partition is longer than 63 bytes: {0}; give a shorter one with part_name")]
    NameTooLong(TableName),
}
