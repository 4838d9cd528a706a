//! What a copy task does next with its table: pure decisions (contract `worker.md` 17.2, 18.3, 18.4).
//!
//! Departures from the original:
//! * It waits for one more batch before it wants to be synced, and names that batch's end. We want it as soon as the
//!   queue is drained and name the next tick, whatever it will be. The condition is stricter in another way: the
//!   position must be past the copied snapshot, so that from the hand-over on nobody has to ask whether an event was
//!   already among the copied rows.
//! * Where ticks come faster than it can take them, the original replays for ever. We take several at once, and leave the
//!   last few to the hand-over.
//! * Rows that other queues have brought into the same table stay: the original empties it when one of them is copied
//!   again, or added later.
//! * Where a hand-over cannot be exact (the original crashes for ever, or does not notice), it is put off.

use pgq_client::id::TickId;

use super::state::TableState;
use crate::calls::CopyRole;

/// What a copy task sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyView {
    /// State of the table.
    pub state: TableState,
    /// Part among several queues that feed the same table.
    pub role: Option<CopyRole>,
    /// How many copies into the same table go first.
    pub position_in_group: i32,
    /// How many copies of the table may run at the same time.
    pub parallel_limit: i32,
    /// Whether the table is to be copied over several connections.
    pub parallel: bool,
    /// Other queues that fill the same table.
    pub others: Others,
    /// Whether its rows are in the table already, from before a `resync`.
    pub renew: bool,
    /// Whether `dropped_ddl` holds statements to be run after the copy.
    pub structure_stored: bool,
    /// What the queue has, once it was looked at.
    pub queue: Option<QueueView>,
}

/// What is to be known of other queues that fill the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Others {
    /// Whether there are any.
    pub any: bool,
    /// Whether rows of theirs are in the table, or may come at any moment because their copies do not wait for ours.
    pub rows: bool,
    /// Whether the first of several copies has emptied the table and put its structure away.
    pub stripped: bool,
}

/// Where a copy task stands in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueView {
    /// Its position: the tick it has completed.
    pub completed: TickId,
    /// End of the open batch; `None` when there is no newer tick, or the rest is left to the hand-over.
    pub batch: Option<TickId>,
    /// Whether everything that the copied rows contain was committed before the tick at `completed`.
    pub past_snapshot: bool,
    /// Position of the worker; `None` when it is not known.
    pub worker: Option<TickId>,
}

/// How rows are brought into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyMode {
    /// Alone: structure, rows and state in one transaction.
    Atomic,
    /// Alone, over several connections, each committing for itself: the structure is dropped and stored first, and
    /// restored when all rows are there.
    Parallel,
    /// First of several: the structure is dropped and stored, then the rows come; restored when all have copied.
    Lead,
    /// One of several: rows are added to what is there.
    Append,
    /// One of several whose rows are there already: those that differ are replaced, and those that the source has deleted
    /// since the worker left the table are deleted.
    Renew,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStep {
    /// Look what the queue has and ask again.
    LookAtQueue,
    /// Copy the rows.
    Copy(CopyMode),
    /// Nothing for now.
    Wait(WaitingFor),
    /// Run the stored statements that recreate the structure.
    RestoreStructure,
    /// Replay the open batch.
    Replay,
    /// Store this state.
    Store(TableState),
    /// Unregister and leave: the table is somebody else's.
    Leave,
    /// The table cannot be handed over where the worker waits: go back to catching-up, which lets the worker go on, and
    /// ask for another place.
    StepBack {
        /// Where this task is.
        current: TickId,
        /// Where the worker waits.
        sync: TickId,
    },
}

/// Why a task waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingFor {
    /// The first of several copies has not dropped the structure yet.
    FirstPartition,
    /// As many copies run as the table allows.
    ParallelLimit(i32),
    /// Other copies of the same table, or the lead that restores the structure.
    OtherPartitions,
    /// A tick after the copied snapshot.
    Tick,
    /// The worker's answer.
    Worker,
    /// The batch that the worker waits at.
    Batch,
}

/// Decides.
pub fn next_step(view: &CopyView) -> CopyStep {
    match view.state {
        TableState::Missing | TableState::Ok => CopyStep::Leave,
        TableState::InCopy => in_copy(view),
        TableState::WannaSync { .. } => CopyStep::Wait(WaitingFor::Worker),
        TableState::CatchingUp => match (view.role, view.queue) {
            (Some(_), _) => CopyStep::Wait(WaitingFor::OtherPartitions),
            (None, _) if view.structure_stored => CopyStep::RestoreStructure,
            (None, None) => CopyStep::LookAtQueue,
            (None, Some(queue)) => catching_up(&queue),
        },
        TableState::DoSync { tick } => match view.queue {
            None => CopyStep::LookAtQueue,
            Some(queue) => do_sync(tick, &queue),
        },
    }
}

fn in_copy(view: &CopyView) -> CopyStep {
    match view.role {
        Some(CopyRole::WaitCopy) => return CopyStep::Wait(WaitingFor::FirstPartition),
        _ if view.position_in_group >= view.parallel_limit => {
            return CopyStep::Wait(WaitingFor::ParallelLimit(view.parallel_limit));
        }
        _ => {}
    }
    CopyStep::Copy(mode(view))
}

/// Rows of other queues are never taken away: the table is emptied only while it has none.
fn mode(view: &CopyView) -> CopyMode {
    let beside_others = if view.renew { CopyMode::Renew } else { CopyMode::Append };
    match view.role {
        None if view.others.any => beside_others,
        None if view.parallel => CopyMode::Parallel,
        None => CopyMode::Atomic,
        Some(CopyRole::Lead) if view.structure_stored || !view.others.rows => CopyMode::Lead,
        // Who put the structure away has emptied the table, of our rows too.
        Some(CopyRole::WaitCopy | CopyRole::WaitReplay) if view.others.stripped => CopyMode::Append,
        Some(CopyRole::Lead | CopyRole::WaitCopy | CopyRole::WaitReplay) => beside_others,
    }
}

fn catching_up(queue: &QueueView) -> CopyStep {
    match queue.batch {
        Some(_) => CopyStep::Replay,
        None if queue.past_snapshot => {
            CopyStep::Store(TableState::WannaSync { tick: next_tick(queue.completed) })
        }
        None => CopyStep::Wait(WaitingFor::Tick),
    }
}

fn do_sync(sync: TickId, queue: &QueueView) -> CopyStep {
    match queue.batch {
        _ if queue.completed >= sync => CopyStep::StepBack { current: queue.completed, sync },
        None => CopyStep::Wait(WaitingFor::Batch),
        Some(batch) if batch < sync => CopyStep::Replay,
        Some(batch) if batch > sync => CopyStep::StepBack { current: batch, sync },
        // Both stand before the same batch, so both must have done the same: if the worker's batch begins earlier (it
        // collects several ticks into one), it would repeat what was replayed here.
        Some(_) if queue.worker.is_some_and(|worker| worker != queue.completed) => {
            CopyStep::StepBack { current: queue.completed, sync }
        }
        Some(_) => CopyStep::Store(TableState::Ok),
    }
}

/// The earliest tick after this one.
fn next_tick(tick: TickId) -> TickId {
    TickId(tick.0 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANNA_41: TableState = TableState::WannaSync { tick: TickId(41) };

    fn view(state: TableState) -> CopyView {
        CopyView {
            state,
            role: None,
            position_in_group: 0,
            parallel_limit: 8,
            parallel: false,
            others: Others::default(),
            renew: false,
            structure_stored: false,
            queue: None,
        }
    }

    fn at(completed: i64, batch: Option<i64>) -> Option<QueueView> {
        Some(QueueView {
            completed: TickId(completed),
            batch: batch.map(TickId),
            past_snapshot: true,
            worker: Some(TickId(completed)),
        })
    }

    #[test]
    fn the_table_is_left_when_it_is_not_the_copys() {
        assert_eq!(next_step(&view(TableState::Missing)), CopyStep::Leave);
        assert_eq!(next_step(&view(TableState::Ok)), CopyStep::Leave);
    }

    #[test]
    fn alone_a_copy_is_atomic() {
        assert_eq!(next_step(&view(TableState::InCopy)), CopyStep::Copy(CopyMode::Atomic));
    }

    #[test]
    fn several_connections_are_for_a_table_of_its_own() {
        let parallel = CopyView { parallel: true, ..view(TableState::InCopy) };
        assert_eq!(next_step(&parallel), CopyStep::Copy(CopyMode::Parallel));
        let lead = CopyView { role: Some(CopyRole::Lead), ..parallel };
        assert_eq!(next_step(&lead), CopyStep::Copy(CopyMode::Lead));
    }

    #[test]
    fn among_several_the_role_decides() {
        let with = |role, structure_stored| {
            next_step(&CopyView { role: Some(role), structure_stored, ..view(TableState::InCopy) })
        };
        assert_eq!(with(CopyRole::Lead, false), CopyStep::Copy(CopyMode::Lead));
        assert_eq!(with(CopyRole::Lead, true), CopyStep::Copy(CopyMode::Lead));
        assert_eq!(with(CopyRole::WaitReplay, false), CopyStep::Copy(CopyMode::Append));
        assert_eq!(with(CopyRole::WaitCopy, false), CopyStep::Wait(WaitingFor::FirstPartition));
    }

    #[test]
    fn rows_of_other_queues_stay() {
        let others = Others { any: true, rows: true, stripped: false };
        let with = |role, renew| {
            let parallel = true;
            next_step(&CopyView { role, renew, others, parallel, ..view(TableState::InCopy) })
        };
        for role in [None, Some(CopyRole::Lead), Some(CopyRole::WaitReplay)] {
            assert_eq!(with(role, false), CopyStep::Copy(CopyMode::Append), "{role:?}");
            assert_eq!(with(role, true), CopyStep::Copy(CopyMode::Renew), "{role:?}");
        }
        assert_eq!(
            with(Some(CopyRole::WaitCopy), true),
            CopyStep::Wait(WaitingFor::FirstPartition)
        );
        // Emptied for all of them: nothing is there to be renewed, nor a key to find it by.
        let view = CopyView {
            role: Some(CopyRole::WaitReplay),
            others: Others { stripped: true, ..others },
            renew: true,
            ..view(TableState::InCopy)
        };
        assert_eq!(next_step(&view), CopyStep::Copy(CopyMode::Append));
        // And who did it goes on after a crash.
        let lead = CopyView { role: Some(CopyRole::Lead), structure_stored: true, ..view };
        assert_eq!(next_step(&lead), CopyStep::Copy(CopyMode::Lead));
    }

    #[test]
    fn a_table_limits_its_copies() {
        let with = |position_in_group| {
            next_step(&CopyView {
                role: Some(CopyRole::WaitReplay),
                position_in_group,
                parallel_limit: 2,
                ..view(TableState::InCopy)
            })
        };
        assert_eq!(with(1), CopyStep::Copy(CopyMode::Append));
        assert_eq!(with(2), CopyStep::Wait(WaitingFor::ParallelLimit(2)));
    }

    #[test]
    fn the_structure_comes_back_when_nobody_copies_any_more() {
        let stored = CopyView { structure_stored: true, ..view(TableState::CatchingUp) };
        for role in [CopyRole::Lead, CopyRole::WaitReplay] {
            let waiting = CopyView { role: Some(role), ..stored };
            assert_eq!(next_step(&waiting), CopyStep::Wait(WaitingFor::OtherPartitions));
        }
        assert_eq!(next_step(&stored), CopyStep::RestoreStructure);
    }

    #[test]
    fn catching_up_replays_until_the_queue_is_drained() {
        let with = |queue| next_step(&CopyView { queue, ..view(TableState::CatchingUp) });
        assert_eq!(with(None), CopyStep::LookAtQueue);
        assert_eq!(with(at(40, Some(41))), CopyStep::Replay);
        assert_eq!(with(at(40, None)), CopyStep::Store(WANNA_41));
    }

    #[test]
    fn no_hand_over_before_a_tick_that_has_seen_all_copied_rows() {
        let early = QueueView { past_snapshot: false, ..at(40, None).unwrap() };
        let view = CopyView { queue: Some(early), ..view(TableState::CatchingUp) };
        assert_eq!(next_step(&view), CopyStep::Wait(WaitingFor::Tick));
    }

    #[test]
    fn after_wanting_to_sync_the_worker_has_the_word() {
        assert_eq!(
            next_step(&CopyView { queue: at(40, Some(41)), ..view(WANNA_41) }),
            CopyStep::Wait(WaitingFor::Worker)
        );
    }

    #[test]
    fn the_hand_over_is_before_the_workers_batch() {
        let with =
            |queue| next_step(&CopyView { queue, ..view(TableState::DoSync { tick: TickId(45) }) });
        assert_eq!(with(None), CopyStep::LookAtQueue);
        assert_eq!(with(at(40, None)), CopyStep::Wait(WaitingFor::Batch));
        assert_eq!(with(at(40, Some(41))), CopyStep::Replay);
        assert_eq!(with(at(44, Some(45))), CopyStep::Store(TableState::Ok));
    }

    #[test]
    fn a_missed_hand_over_is_repeated_later() {
        let with =
            |queue| next_step(&CopyView { queue, ..view(TableState::DoSync { tick: TickId(45) }) });
        let back = |current| CopyStep::StepBack { current: TickId(current), sync: TickId(45) };
        assert_eq!(with(at(44, Some(46))), back(46));
        assert_eq!(with(at(45, None)), back(45));
        assert_eq!(with(at(45, Some(46))), back(45));
    }

    #[test]
    fn a_worker_whose_batch_begins_earlier_is_let_pass() {
        let sync = TableState::DoSync { tick: TickId(45) };
        let queue = QueueView { worker: Some(TickId(42)), ..at(44, Some(45)).unwrap() };
        let step = next_step(&CopyView { queue: Some(queue), ..view(sync) });
        assert_eq!(step, CopyStep::StepBack { current: TickId(44), sync: TickId(45) });
        let unknown = QueueView { worker: None, ..queue };
        let step = next_step(&CopyView { queue: Some(unknown), ..view(sync) });
        assert_eq!(step, CopyStep::Store(TableState::Ok));
    }
}
