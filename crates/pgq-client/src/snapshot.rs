//! Transaction snapshots: "was this event already inside the copied rows?"

use std::str::FromStr;

use crate::id::Txid;

/// A `txid_snapshot` (`xmin:xmax:xip,...`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    xmin: Txid,
    xmax: Txid,
    in_progress: Vec<Txid>,
}

impl Snapshot {
    /// Whether `txid` had committed (or aborted) when the snapshot was taken, as `txid_visible_in_snapshot`.
    pub fn contains(&self, txid: Txid) -> bool {
        let _ = txid;
        todo!()
    }
}

/// The text is not a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a transaction snapshot: {0}")]
pub struct SnapshotError(pub String);

impl FromStr for Snapshot {
    type Err = SnapshotError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Err(SnapshotError(text.to_owned()))
    }
}
