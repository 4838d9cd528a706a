//! Transaction snapshots: "was this event already inside the copied rows?"

use std::fmt;
use std::str::FromStr;

use crate::id::Txid;

/// A `txid_snapshot` (`xmin:xmax:xip,...`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    xmin: Txid,
    xmax: Txid,
    /// Ascending, as the server writes them.
    in_progress: Vec<Txid>,
}

impl Snapshot {
    /// Whether `txid` had committed (or aborted) when the snapshot was taken, as `txid_visible_in_snapshot`.
    pub fn contains(&self, txid: Txid) -> bool {
        txid < self.xmin || (txid < self.xmax && self.in_progress.binary_search(&txid).is_err())
    }

    /// The transactions that were running when the snapshot was taken, ascending.
    pub fn in_progress(&self) -> &[Txid] {
        &self.in_progress
    }

    /// All older transactions had ended when the snapshot was taken.
    pub fn xmin(&self) -> Txid {
        self.xmin
    }

    /// This transaction and all younger ones had not begun when the snapshot was taken.
    pub fn xmax(&self) -> Txid {
        self.xmax
    }
}

/// The text is not a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a transaction snapshot: {0}")]
pub struct SnapshotError(pub String);

impl FromStr for Snapshot {
    type Err = SnapshotError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| SnapshotError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Snapshot> {
    let (xmin, rest) = text.trim().split_once(':')?;
    // The last colon may be missing where the list is empty: hand-written values in table_info are read too.
    let (xmax, list) = rest.split_once(':').unwrap_or((rest, ""));
    let (xmin, xmax) = (txid(xmin)?, txid(xmax)?);
    let mut in_progress = Vec::new();
    if !list.is_empty() {
        for id in list.split(',') {
            in_progress.push(txid(id)?);
        }
        in_progress.sort_unstable();
    }
    (xmin <= xmax).then_some(Snapshot { xmin, xmax, in_progress })
}

fn txid(text: &str) -> Option<Txid> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok().map(Txid))?
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (at, id) in self.in_progress.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            id.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn visibility() {
        let snapshot: Snapshot = "10:20:12,15".parse().unwrap();
        for (txid, inside) in
            [(9, true), (10, true), (11, true), (12, false), (15, false), (19, true), (20, false)]
        {
            assert_eq!(snapshot.contains(Txid(txid)), inside, "{txid}");
        }
        assert!("7:7:".parse::<Snapshot>().unwrap().contains(Txid(6)));
        assert!(!"7:7:".parse::<Snapshot>().unwrap().contains(Txid(7)));
    }

    #[test]
    fn order_of_the_list_does_not_matter() {
        assert!(!"10:20:15,12".parse::<Snapshot>().unwrap().contains(Txid(12)));
    }

    #[test]
    fn refuses_what_is_none() {
        for bad in ["", "10", "x:1:", "10:5:", "1:2:3,", "1:2:-3", "+1:2:", "::"] {
            assert!(bad.parse::<Snapshot>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_survives(xmin in 1..100i64, more in 0..100i64, list in prop::collection::btree_set(0..100i64, 0..5)) {
            let list: Vec<String> = list.iter().map(|x| (xmin + x).to_string()).collect();
            let text = format!("{xmin}:{}:{}", xmin + more, list.join(","));
            prop_assert_eq!(text.parse::<Snapshot>().unwrap().to_string(), text);
        }

        #[test]
        fn any_text_is_read_without_panic(text in any::<String>()) {
            let _ = text.parse::<Snapshot>();
        }
    }
}
