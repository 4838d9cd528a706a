//! What differs on purpose. Each entry is as narrow as it can be told; its reason stands in `docs/compat.md`.

use super::run::{Life, Outcome, Seen};

struct Wanted {
    reason: &'static str,
    /// Whether our leaf has the rows it should have is known.
    applies: fn(&Life, &Seen, bool) -> bool,
}

/// The reason, if somebody wanted this difference.
pub(super) fn judge(life: &Life, seen: &Seen, ours_is_right: bool) -> Option<&'static str> {
    WANTED
        .iter()
        .find(|wanted| (wanted.applies)(life, seen, ours_is_right))
        .map(|wanted| wanted.reason)
}

const WANTED: &[Wanted] = &[
    Wanted {
        reason: "rows that are others on the leaves stop both",
        applies: |life, seen, _| has_others(life) && stuck(&seen.ours) && stuck(&seen.theirs),
    },
    Wanted {
        reason: "rows that are others on the leaves stop event by event only",
        applies: |life, seen, right| has_others(life) && right && stuck(&seen.theirs),
    },
    Wanted {
        reason: "values of a deferrable constraint that change places in one statement",
        applies: |life, seen, right| {
            let duplicate = |outcome: &Outcome| matches!(outcome, Outcome::Stuck(error) if error.contains("duplicate key"));
            life.world.checks_statements()
                && duplicate(&seen.theirs)
                && (right || duplicate(&seen.ours))
        },
    },
    Wanted {
        reason: "an update of a table that has only key columns stops the reference",
        applies: |_, seen, right| {
            let nothing_to_set = |error: &str| error.contains(" set  where ");
            right && matches!(&seen.theirs, Outcome::Stuck(error) if nothing_to_set(error))
        },
    },
];

/// Does somebody, or a trigger, make the leaves' rows others than the source's?
fn has_others(life: &Life) -> bool {
    life.interfered() || !life.world.keeps_rows()
}

fn stuck(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stuck(_))
}
