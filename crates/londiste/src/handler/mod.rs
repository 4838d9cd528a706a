//! Table handlers: what to do with a table's events (contract `handlers.md`).
//!
//! A handler is stored as text with its table ([`HandlerSpec`](crate::table::attrs::HandlerSpec) parses it) and built by
//! [`Handlers`] each time the table list is read. Each kind is a variant of [`Handler`] with a file for what it accepts and
//! decides. Nothing here reads or writes rows: [`crate::replay`] asks what becomes of an event, [`crate::copy`] what becomes
//! of a row.

mod applyfn;
mod args;
mod bulk;
mod change;
pub mod dispatch;
mod londiste;
mod modules;
pub mod obfuscate;
mod qsplitter;
pub mod shard;

use std::sync::Arc;

use pgq_client::name::TableName;
use tokio_postgres::Client;

pub use applyfn::ApplyFn;
pub use args::Args;
pub use bulk::Bulk;
pub use change::RowChange;
pub use londiste::Londiste;
pub use modules::{Entry, Handlers, module_of};
pub use qsplitter::QSplitter;

use crate::table::attrs;
use dispatch::Dispatch;
use obfuscate::{ObfuscateError, Rules};
use shard::{Shard, ShardError};

/// A handler cannot be used as it is written. The texts are the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// The text is malformed.
    #[error(transparent)]
    Text(#[from] attrs::HandlerError),
    /// No handler of this name is enabled.
    #[error("'{0}'")]
    Unknown(String),
    /// The handler does not know these arguments.
    #[error("Invalid handler argument: [{}]", quoted_list(.0))]
    Arguments(Vec<String>),
    /// A number is outside its range.
    #[error("Bad argument {name} value {value}")]
    Value {
        /// The argument.
        name: &'static str,
        /// What was given.
        value: String,
    },
    /// A word is not among those known.
    #[error("Bad argument {name} value '{value}'")]
    Word {
        /// The argument.
        name: &'static str,
        /// What was given.
        value: String,
    },
    /// A number is no number.
    #[error("invalid literal for int() with base 10: '{0}'")]
    NotInteger(String),
    /// `encoding` asks for a repair of texts that we do not do.
    #[error("encoding validator not supported")]
    Encoding,
    /// `bulk` has no such method.
    #[error("unknown method: {0}")]
    Method(i64),
    /// `qsplitter` has nowhere to send events.
    #[error("specify queue with handler-arg")]
    NoQueue,
    /// `applyfn` has nothing to call.
    #[error("specify the function with --handler-arg=func_name=NAME")]
    NoFunction,
    /// `shard` has nothing to hash.
    #[error("Specify hash key field as hash_key argument")]
    NoHashKey,
    /// `part_mode=date_field` without the column to look at.
    #[error("part_mode date_field requires part_field!")]
    PartFieldRequired,
    /// `event_types` has something else than I, U and D.
    #[error("Unsupported operation: {0}")]
    Operation(String),
    /// `fields` takes a column twice or makes two of the same name.
    #[error("Bad argument fields: {0} is named twice")]
    FieldTwice(String),
    /// A template uses a variable that does not exist, or that has no value with these arguments.
    #[error("Bad argument {name}: no value for %({variable})s, only for: {known}")]
    Variable {
        /// The argument.
        name: &'static str,
        /// The variable.
        variable: String,
        /// The variables it can use.
        known: String,
    },
    /// A template has a percent sign that is neither doubled nor the beginning of a variable.
    #[error("Bad argument {name}: a percent sign is written %%, a variable %(name)s")]
    Percent {
        /// The argument.
        name: &'static str,
    },
}

fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// Trigger argument: rows become events and are not stored.
pub const SKIP: &str = "SKIP";

/// Trigger argument: there need not be such a table, and it gets no triggers.
pub const VIRTUAL_TABLE: &str = "virtual_table";

/// What to do with a table's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handler {
    /// `londiste`, the default: the same change is made to the destination table.
    Londiste(Londiste),
    /// `qtable`: rows that are inserted on the root become events and are not stored.
    QTable,
    /// `vtable`, `fake_local`: known here, so that events are passed on, but not stored.
    VTable,
    /// `qsplitter`: events go into another queue.
    QSplitter(QSplitter),
    /// `applyfn`: a function applies the events.
    ApplyFn(ApplyFn),
    /// `multimaster`: the function decides whose row is newer.
    MultiMaster(ApplyFn),
    /// `shard`, `part`: only rows of this database's part.
    Shard(Shard),
    /// `bulk`: net effects, more forgiving than the default.
    Bulk(Bulk),
    /// The `dispatch` family: rows go into partitions that are made for them.
    Dispatch {
        /// Which rows go where.
        dispatch: Arc<Dispatch>,
        /// With a key to hash: only this database's part of them.
        shard: Option<Shard>,
    },
    /// `obfuscate`: values are hashed or left out.
    Obfuscate(Arc<Rules>),
}

impl Default for Handler {
    fn default() -> Self {
        Handler::Londiste(Londiste::default())
    }
}

impl Handler {
    /// Whether truncate events are left out.
    pub fn ignore_truncate(&self) -> bool {
        match self {
            Handler::Londiste(londiste) => londiste.ignore_truncate,
            Handler::Shard(shard) => shard.ignore_truncate || shard.disable_replay,
            Handler::Dispatch { dispatch, .. } => dispatch.ignore_truncate(),
            // Nothing of theirs is in a table.
            Handler::QTable | Handler::VTable | Handler::QSplitter(_) => true,
            Handler::ApplyFn(_)
            | Handler::MultiMaster(_)
            | Handler::Bulk(_)
            | Handler::Obfuscate(_) => false,
        }
    }

    /// Whether the destination table has to exist and holds data: can it be copied to and from, compared, repaired?
    pub fn needs_table(&self) -> bool {
        match self {
            Handler::QTable | Handler::VTable | Handler::QSplitter(_) => false,
            Handler::Shard(shard) => !shard.disable_replay,
            Handler::Londiste(_)
            | Handler::ApplyFn(_)
            | Handler::MultiMaster(_)
            | Handler::Bulk(_)
            | Handler::Dispatch { .. }
            | Handler::Obfuscate(_) => true,
        }
    }

    /// Whether events change rows of the destination table itself.
    pub fn changes_dest(&self) -> bool {
        let by_function = matches!(self, Handler::ApplyFn(_) | Handler::MultiMaster(_));
        self.needs_table() && !by_function && !self.has_partitions()
    }

    /// Whether rows go into tables that are made for them and inherit from the destination table.
    pub fn has_partitions(&self) -> bool {
        matches!(self, Handler::Dispatch { dispatch, .. } if dispatch.has_partitions())
    }

    /// Whether the rows of the destination table are the source's, column for column. Others cannot be repaired from there: they
    /// were decided about, moved, or hidden.
    pub fn keeps_rows(&self) -> bool {
        matches!(self, Handler::Londiste(_) | Handler::Shard(_) | Handler::Bulk(_))
    }

    /// The destination table: the `registered` one, unless the handler has an argument for it.
    pub fn dest(&self, registered: &TableName) -> TableName {
        match self {
            Handler::Dispatch { dispatch, .. } => dispatch.dest(registered),
            _ => registered.clone(),
        }
    }

    /// The rules by which values are hidden.
    pub fn rules(&self) -> Option<&Arc<Rules>> {
        match self {
            Handler::Obfuscate(rules) => Some(rules),
            _ => None,
        }
    }

    /// What a column of the source's table `source` is called here, `None` where it is left out: for the initial copy.
    ///
    /// # Errors
    /// `obfuscate` has no rules for the table.
    pub fn copied_column<'c>(
        &'c self,
        source: &TableName,
        column: &'c str,
    ) -> Result<Option<&'c str>, ObfuscateError> {
        Ok(match self {
            Handler::Dispatch { dispatch, .. } => dispatch.column(column),
            Handler::Obfuscate(rules) => rules.table(source)?.lets_pass(column).then_some(column),
            _ => Some(column),
        })
    }

    /// An SQL condition on the source's rows that belong here, for copy, compare and repair; `None` when all do. What decides may
    /// stand in the node's own database, `here`.
    ///
    /// # Errors
    /// The settings there cannot be read, or make no sense.
    pub async fn copy_condition(&self, here: &Client) -> Result<Option<String>, ShardError> {
        match self {
            Handler::Shard(shard) | Handler::Dispatch { shard: Some(shard), .. } => {
                Ok(Some(shard.part(here).await?.condition(&shard.hash)))
            }
            _ => Ok(None),
        }
    }

    /// What `add-table` appends to the trigger arguments.
    pub fn trigger_args(&self) -> Vec<String> {
        let words: &[&str] = match self {
            Handler::QTable => &["tgflags=BI", SKIP, "expect_sync"],
            Handler::VTable | Handler::QSplitter(_) => &[VIRTUAL_TABLE],
            Handler::MultiMaster(_) => &["no_merge"],
            Handler::Shard(shard) | Handler::Dispatch { shard: Some(shard), .. } => {
                return vec![shard.trigger_arg()];
            }
            Handler::Londiste(_)
            | Handler::ApplyFn(_)
            | Handler::Bulk(_)
            | Handler::Dispatch { shard: None, .. }
            | Handler::Obfuscate(_) => &[],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}
