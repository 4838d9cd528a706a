//! Installing what is in `sql/`: one transaction, one installer at a time, nothing of the reference's is touched.

pub mod embed;
pub mod install;
mod mark;

pub use install::{Outcome, install};
pub use mark::Version;

/// A schema of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Queues.
    Pgq,
    /// Target-side tracking.
    PgqExt,
    /// Cascades.
    PgqNode,
    /// Replication.
    Londiste,
}

impl Schema {
    /// In order of dependency.
    pub const ALL: [Schema; 4] = [Schema::Pgq, Schema::PgqExt, Schema::PgqNode, Schema::Londiste];

    /// Name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Schema::Pgq => "pgq",
            Schema::PgqExt => "pgq_ext",
            Schema::PgqNode => "pgq_node",
            Schema::Londiste => "londiste",
        }
    }
}
