//! Is the batch that the provider hands out already in this database? (contract `worker.md` section 8) Pure.
//!
//! Our position is written in the transaction that holds a batch's data, so a batch is applied either wholly or not at
//! all, and comparing ticks tells which.

use pgq_client::id::TickId;

/// What to do with a batch that the provider hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// It begins where we stand: apply it.
    Next,
    /// It ends where we stand: only tell the provider.
    Applied,
}

/// The ticks of provider and node do not fit together. Texts are the original's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PositionError {
    /// The node has no position.
    #[error("dst_tick NULL?")]
    Unknown,
    /// The batch neither begins nor ends where we stand.
    #[error(
        "Lost position: batch {prev}..{tick}, dst has {done} (--rewind moves the provider, --reset moves this node)"
    )]
    Lost {
        /// Where the batch begins.
        prev: TickId,
        /// Where it ends.
        tick: TickId,
        /// Where we stand.
        done: TickId,
    },
    /// Somebody else moved the position while the batch was applied.
    #[error(
        "position went from {expected} to {done} while a batch was applied: is another worker of this consumer \
         running?"
    )]
    Moved {
        /// Where we stood.
        expected: TickId,
        /// Where the node stands now.
        done: TickId,
    },
    /// The branch's own queue neither has the batch's tick nor stands right before it.
    #[error("is_batch_done: last branch tick = {last}, expected {prev} or {tick}")]
    BranchTick {
        /// Newest tick of the branch's own queue.
        last: TickId,
        /// Where the batch begins.
        prev: TickId,
        /// Where it ends.
        tick: TickId,
    },
}

/// Whether a batch that began at `prev` may be committed on top of the position `done`, which is locked now. A second
/// worker of the same consumer may have been faster; committing after it would apply the batch twice.
pub(crate) fn still_at(prev: TickId, done: Option<TickId>) -> Result<(), PositionError> {
    match done {
        None => Err(PositionError::Unknown),
        Some(done) if done == prev => Ok(()),
        Some(done) => Err(PositionError::Moved { expected: prev, done }),
    }
}

/// Compares a batch with the node's position. While `follows` a combined queue moved the position, so anything up to
/// it is applied.
pub(crate) fn compare(
    prev: TickId,
    tick: TickId,
    done: Option<TickId>,
    follows: bool,
) -> Result<Position, PositionError> {
    let done = done.filter(|done| done.0 != 0).ok_or(PositionError::Unknown)?;
    if tick == done || (follows && tick < done) {
        Ok(Position::Applied)
    } else if prev == done {
        Ok(Position::Next)
    } else {
        Err(PositionError::Lost { prev, tick, done })
    }
}

/// Whether the tick of an applied batch is still to be made on a branch: it is made right after the commit, and that is
/// where a crash can be. Behind the tick before it there may be one of the node's own, from when it was the root.
pub(crate) fn branch_tick_missing(
    prev: TickId,
    tick: TickId,
    last: TickId,
) -> Result<bool, PositionError> {
    if last == tick {
        Ok(false)
    } else if prev <= last && last < tick {
        Ok(true)
    } else {
        Err(PositionError::BranchTick { last, prev, tick })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(done: Option<i64>, follows: bool) -> Result<Position, PositionError> {
        compare(TickId(10), TickId(11), done.map(TickId), follows)
    }

    #[test]
    fn a_batch_is_next_or_applied() {
        assert_eq!(check(Some(10), false), Ok(Position::Next));
        assert_eq!(check(Some(11), false), Ok(Position::Applied));
    }

    #[test]
    fn anything_else_is_an_error_for_the_operator() {
        assert_eq!(check(None, false), Err(PositionError::Unknown));
        assert_eq!(check(Some(0), false), Err(PositionError::Unknown));
        for done in [9, 12] {
            let error = check(Some(done), false).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("Lost position: batch 10..11, dst has {done}")),
                "{error}"
            );
        }
    }

    #[test]
    fn nothing_is_committed_over_a_position_that_moved() {
        assert_eq!(still_at(TickId(5), Some(TickId(5))), Ok(()));
        assert_eq!(still_at(TickId(5), None), Err(PositionError::Unknown));
        let moved = PositionError::Moved { expected: TickId(5), done: TickId(6) };
        assert_eq!(still_at(TickId(5), Some(TickId(6))), Err(moved));
    }

    #[test]
    fn a_follower_skips_what_the_combined_queue_brought() {
        assert_eq!(check(Some(15), true), Ok(Position::Applied));
        assert_eq!(check(Some(10), true), Ok(Position::Next));
        assert!(check(Some(9), true).is_err());
    }

    #[test]
    fn a_branch_makes_the_tick_it_did_not_get_to() {
        let missing = |last| branch_tick_missing(TickId(10), TickId(11), TickId(last));
        assert_eq!(missing(11), Ok(false));
        assert_eq!(missing(10), Ok(true));
        assert_eq!(branch_tick_missing(TickId(10), TickId(1_000), TickId(11)), Ok(true));
        assert_eq!(
            missing(7).unwrap_err().to_string(),
            "is_batch_done: last branch tick = 7, expected 10 or 11"
        );
    }
}
