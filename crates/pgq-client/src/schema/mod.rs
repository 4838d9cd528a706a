//! Installing what is in `sql/`: one transaction, one installer at a time, nothing of the reference's is touched.

use crate::Result;
use crate::conn::Session;

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

/// What [`install`] did to a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Installed,
    /// It was an older one of ours.
    Upgraded,
    /// It was there and is used as it is (ours of the same version, or an extension's).
    Present,
}

/// Brings all schemas up to date in one transaction under an advisory lock. `report` is called before each schema is
/// worked on and says what will be done.
pub async fn install(
    session: &mut Session,
    report: &mut (dyn FnMut(Schema, Outcome) + Send),
) -> Result<()> {
    let _ = (session, report);
    todo!()
}
