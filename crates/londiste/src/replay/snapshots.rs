//! When a copy's snapshot is not needed any more (contract `worker.md` section 21). Pure.
//!
//! A snapshot filters events that the copied rows contain already. All of them are in the first batches after the copy,
//! so it is dropped after some, which also lets foreign keys come back. Our own copies leave none behind; this is for
//! tables that the original copied.

use std::collections::HashMap;

use pgq_client::id::TickId;
use pgq_client::name::TableName;

use crate::table::registry::Tables;
use crate::table::state::TableState;

/// Batches with events of a table until its snapshot goes.
const BATCHES: u32 = 3;

/// How long the tables' snapshots have been filtering.
#[derive(Debug, Default)]
pub(super) struct SnapshotAges {
    ages: HashMap<TableName, Age>,
}

#[derive(Debug, Default)]
struct Age {
    batches: u32,
    last: Option<TickId>,
    idle_at: Option<TickId>,
}

impl SnapshotAges {
    /// Notes an event of a table that has a snapshot; true when the snapshot goes with the batch that ends at `tick`.
    pub(super) fn event(&mut self, table: &TableName, tick: TickId) -> bool {
        let age = self.ages.entry(table.clone()).or_default();
        if age.last != Some(tick) {
            age.last = Some(tick);
            age.batches += 1;
        }
        age.batches > BATCHES
    }

    /// Tables whose snapshot can go before the batch from `prev` to `tick`: the queue was drained once since, and
    /// everything up to then is past. `drained` says whether it was before this batch.
    pub(super) fn expired(
        &mut self,
        tables: &Tables,
        drained: bool,
        prev: TickId,
        tick: TickId,
    ) -> Vec<TableName> {
        let has_snapshot =
            |name: &TableName| tables.get(name).is_some_and(|table| table.snapshot.is_some());
        self.ages.retain(|name, _| has_snapshot(name));
        let mut expired = Vec::new();
        for table in tables.iter() {
            if table.snapshot.is_none() || table.state != TableState::Ok {
                continue;
            }
            let age = self.ages.entry(table.name.clone()).or_default();
            match age.idle_at {
                Some(idle_at) if prev > idle_at => expired.push(table.name.clone()),
                None if drained => age.idle_at = Some(tick),
                _ => {}
            }
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::TableRow;
    use crate::handler::Handlers;
    use crate::table::registry::Table;

    fn copied() -> Tables {
        let row = TableRow {
            merge_state: Some("ok".to_owned()),
            custom_snapshot: Some("5:9:".to_owned()),
            ..TableRow::attached(TableName::new("t"))
        };
        [Table::from_row(row, &Handlers::default()).unwrap()].into_iter().collect()
    }

    #[test]
    fn a_snapshot_goes_with_the_fourth_batch_that_has_events() {
        let (name, mut ages) = (TableName::new("t"), SnapshotAges::default());
        let ends: Vec<bool> =
            [1, 1, 2, 3, 3, 4].map(|tick| ages.event(&name, TickId(tick))).to_vec();
        assert_eq!(ends, [false, false, false, false, false, true]);
    }

    #[test]
    fn a_snapshot_goes_once_the_queue_was_drained_and_left_behind() {
        let (tables, mut ages) = (copied(), SnapshotAges::default());
        let mut expired =
            |drained, prev, tick| ages.expired(&tables, drained, TickId(prev), TickId(tick)).len();
        assert_eq!(expired(false, 1, 2), 0);
        assert_eq!(expired(true, 2, 3), 0, "drained before the batch to 3");
        assert_eq!(expired(true, 3, 4), 0);
        assert_eq!(expired(false, 4, 5), 1);
    }
}
