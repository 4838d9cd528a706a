//! What the worker does about tables that are not in sync, before it processes a batch: pure decisions (contract
//! `worker.md` 17.3 and 17.4). What a copy task does is in [`super::sync_copy`].
//!
//! Departure from the original: launching a copy does not stop replication for a while. The new copy's table is none of
//! this batch's business; only a hand-over makes the worker wait, and only until the copy task stands beside it.

use pgq_client::id::TickId;
use pgq_client::name::TableName;

use super::registry::{Table, Tables};
use super::state::TableState;
use crate::calls::TableRow;

/// What to do before the batch that ends at some tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncStep {
    /// These tables' copies have caught up: store `do-sync` with the batch's end for each, then look again.
    HandOver(Vec<TableName>),
    /// The worker stands at a hand-over: wait until the copies have come here too, then look again.
    Wait,
    /// Process the batch. New copies of these tables may start first, as many as there are slots, in this order.
    Process {
        /// Tables without a copy yet.
        missing: Vec<TableName>,
        /// How many copies may start.
        slots: usize,
    },
}

/// Decides for the batch that ends at `tick`. `cut` says how the worker's batches are cut.
pub fn next_step(tables: &Tables, tick: TickId, parallel_copies: usize, cut: &Cut) -> SyncStep {
    if tables.iter().any(|table| matches!(table.state, TableState::DoSync { .. })) {
        return SyncStep::Wait;
    }
    let due: Vec<TableName> = tables
        .iter()
        .filter(|table| hand_over_due(table, tick))
        .map(|table| table.name.clone())
        .collect();
    if !due.is_empty() && cut.allows_hand_over(tick) {
        return SyncStep::HandOver(due);
    }
    let busy = tables.iter().filter(|table| is_copying(table)).count();
    let missing = tables
        .iter()
        .filter(|table| table.state == TableState::Missing)
        .map(|table| table.name.clone())
        .collect();
    SyncStep::Process { missing, slots: parallel_copies.saturating_sub(busy) }
}

fn hand_over_due(table: &Table, tick: TickId) -> bool {
    matches!(table.state, TableState::WannaSync { tick: wanted } if wanted <= tick)
}

/// Whether a copy task has (or should have) the table in its hands.
pub fn is_copying(table: &Table) -> bool {
    match table.state {
        TableState::InCopy
        | TableState::CatchingUp
        | TableState::WannaSync { .. }
        | TableState::DoSync { .. } => true,
        TableState::Missing | TableState::Ok => false,
    }
}

/// How the worker's batches are cut. A copy task takes tick by tick; to stand at the same tick as it, the worker has to
/// do so too, even where `pgq_batch_collect_*` merges ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cut {
    /// As configured; nothing merges ticks.
    #[default]
    TickByTick,
    /// As configured, merging ticks.
    Merged,
    /// Merging is off for a hand-over. The batch that ends at `since` may still have been a merged one.
    Suspended {
        /// End of the batch at which merging was switched off.
        since: TickId,
    },
}

impl Cut {
    /// What is configured, unless it is suspended.
    #[must_use]
    pub fn configured(self, merges: bool) -> Cut {
        match (self, merges) {
            (_, false) => Cut::TickByTick,
            (Cut::Suspended { since }, true) => Cut::Suspended { since },
            (Cut::TickByTick | Cut::Merged, true) => Cut::Merged,
        }
    }

    /// After a look at the tables before the batch that ends at `tick`: suspended when a hand-over wants it, as
    /// configured again when no table is on its way.
    #[must_use]
    pub fn after(self, tables: &Tables, tick: TickId) -> Cut {
        match self {
            Cut::TickByTick => Cut::TickByTick,
            Cut::Merged if tables.iter().any(|table| hand_over_due(table, tick)) => {
                Cut::Suspended { since: tick }
            }
            Cut::Merged => Cut::Merged,
            Cut::Suspended { since } => {
                let pending = tables.iter().any(|table| {
                    matches!(table.state, TableState::WannaSync { .. } | TableState::DoSync { .. })
                });
                if pending { Cut::Suspended { since } } else { Cut::Merged }
            }
        }
    }

    /// For a batch that holds several ticks although the others do not: a leaf that is behind takes them so.
    #[must_use]
    pub fn of_batch(self, tick: TickId, merged: bool) -> Cut {
        match self {
            Cut::TickByTick if merged => Cut::Suspended { since: tick },
            cut => cut,
        }
    }

    /// Whether several ticks may become one batch.
    pub fn merges(self) -> bool {
        self == Cut::Merged
    }

    fn allows_hand_over(self, tick: TickId) -> bool {
        match self {
            Cut::TickByTick => true,
            Cut::Merged => false,
            Cut::Suspended { since } => since < tick,
        }
    }
}

/// Whether a table can be copied from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Its rows are there.
    Ready,
    /// It is not attached there, or not in the set at all.
    NotAvailable,
    /// It is being copied there itself.
    NotInSync,
}

/// Looks at the provider's row of a table. A table with a `copy_node` is copied from somewhere else.
pub fn readiness(table: &Table, provider: Option<&TableRow>) -> Readiness {
    if table.attrs.copy_node().is_some() {
        return Readiness::Ready;
    }
    match provider.filter(|row| row.local) {
        None => Readiness::NotAvailable,
        Some(row) if row.state() == Ok(TableState::Ok) => Readiness::Ready,
        Some(_) => Readiness::NotInSync,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Handlers;

    fn row(name: &str, state: Option<&str>) -> TableRow {
        TableRow {
            merge_state: state.map(str::to_owned),
            ..TableRow::attached(TableName::new(name))
        }
    }

    fn table(row: TableRow) -> Table {
        Table::from_row(row, &Handlers::default()).unwrap()
    }

    fn tables(states: &[(&str, Option<&str>)]) -> Tables {
        states.iter().map(|(name, state)| table(row(name, *state))).collect()
    }

    #[track_caller]
    fn check(states: &[(&str, Option<&str>)], cut: Cut, expected: &SyncStep) {
        assert_eq!(next_step(&tables(states), TickId(35), 2, &cut), *expected);
    }

    fn names(names: &[&str]) -> Vec<TableName> {
        names.iter().map(|name| TableName::new(name)).collect()
    }

    #[test]
    fn copies_start_while_there_are_slots() {
        let process =
            |missing: &[&str], slots| SyncStep::Process { missing: names(missing), slots };
        let cut = Cut::TickByTick;
        check(&[("a", Some("ok"))], cut, &process(&[], 2));
        check(&[("a", None), ("b", Some("ok")), ("c", None)], cut, &process(&["a", "c"], 2));
        check(&[("a", Some("in-copy")), ("b", None)], cut, &process(&["b"], 1));
        check(
            &[("a", Some("in-copy")), ("b", Some("catching-up")), ("c", None)],
            cut,
            &process(&["c"], 0),
        );
    }

    #[test]
    fn a_hand_over_waits_for_the_worker_to_come_past_the_wanted_tick() {
        let process = SyncStep::Process { missing: vec![], slots: 1 };
        check(&[("a", Some("wanna-sync:36"))], Cut::TickByTick, &process);
        for tick in ["wanna-sync:35", "wanna-sync:30"] {
            check(
                &[("a", Some(tick)), ("b", Some("wanna-sync:36"))],
                Cut::TickByTick,
                &SyncStep::HandOver(names(&["a"])),
            );
        }
    }

    #[test]
    fn the_worker_stands_still_while_a_copy_comes_to_it() {
        check(
            &[("a", Some("do-sync:35")), ("b", Some("wanna-sync:35")), ("c", None)],
            Cut::TickByTick,
            &SyncStep::Wait,
        );
    }

    #[test]
    fn merged_batches_are_cut_tick_by_tick_for_a_hand_over() {
        let wants = tables(&[("a", Some("wanna-sync:35"))]);
        let cut = Cut::TickByTick.configured(true);
        assert!(cut.merges());
        assert!(matches!(next_step(&wants, TickId(35), 1, &cut), SyncStep::Process { .. }));
        let cut = cut.after(&wants, TickId(35));
        assert_eq!(cut, Cut::Suspended { since: TickId(35) });
        assert!(!cut.merges());
        // The same batch again, after a failure, may still be a merged one.
        assert!(matches!(next_step(&wants, TickId(35), 1, &cut), SyncStep::Process { .. }));
        assert!(matches!(next_step(&wants, TickId(36), 1, &cut), SyncStep::HandOver(_)));
        let syncing = tables(&[("a", Some("do-sync:36"))]);
        assert_eq!(cut.after(&syncing, TickId(36)), cut);
        let done = tables(&[("a", Some("ok"))]);
        assert_eq!(cut.after(&done, TickId(36)), Cut::Merged);
        assert_eq!(cut.configured(false), Cut::TickByTick, "the setting went away");
    }

    #[test]
    fn a_batch_of_several_ticks_is_no_place_for_a_hand_over() {
        let wants = tables(&[("a", Some("wanna-sync:35"))]);
        let step = |merged| {
            next_step(&wants, TickId(35), 1, &Cut::TickByTick.of_batch(TickId(35), merged))
        };
        assert!(matches!(step(true), SyncStep::Process { .. }));
        assert!(matches!(step(false), SyncStep::HandOver(_)));
    }

    #[test]
    fn a_table_is_copied_from_where_its_rows_are() {
        let table = self::table(row("a", None));
        assert_eq!(readiness(&table, Some(&row("a", Some("ok")))), Readiness::Ready);
        assert_eq!(readiness(&table, Some(&row("a", Some("in-copy")))), Readiness::NotInSync);
        let elsewhere = TableRow { local: false, ..row("a", None) };
        assert_eq!(readiness(&table, Some(&elsewhere)), Readiness::NotAvailable);
        assert_eq!(readiness(&table, None), Readiness::NotAvailable);
        let from_other =
            self::table(TableRow { attrs: Some("copy_node=n3".to_owned()), ..row("a", None) });
        assert_eq!(readiness(&from_other, None), Readiness::Ready);
    }
}
