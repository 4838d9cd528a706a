//! What happens to a world.

use super::world::{World, in_schema};
use crate::random::Random;

/// A step of a history. Whatever stands before it, it makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A statement at the source; begins a transaction when there is none. When it is refused, nothing has happened.
    Change(String),
    /// `savepoint`
    Savepoint,
    /// Back to the latest savepoint, if there is one.
    RollbackTo,
    /// The end of the transaction.
    Commit,
    /// The transaction did not happen.
    Rollback,
    /// The end of a batch, after the end of a transaction.
    Tick,
    /// The end of a batch; after it, somebody changes the tables on the leaves.
    OnLeaves(String),
}

impl Step {
    /// For a reader, with the world in this schema.
    pub fn in_words(&self, schema: &str) -> String {
        match self {
            Self::Change(sql) => format!("{};", in_schema(sql, schema)),
            Self::OnLeaves(sql) => {
                format!("-- tick; then on the leaves: {};", in_schema(sql, schema))
            }
            other => format!("-- {other:?}"),
        }
    }
}

/// The history with this number of the world with this seed.
pub fn from_seed(seed: u64, number: u64) -> (World, Vec<Step>) {
    let world = World::new(&mut Random::new(seed));
    let steps = history(&mut Random::new(seed.wrapping_mul(1_000).wrapping_add(number)), &world);
    (world, steps)
}

/// A history of some batches.
fn history(random: &mut Random, world: &World) -> Vec<Step> {
    let mut steps = Vec::new();
    // Rows to begin with, in a batch of their own.
    for table in 0..world.tables.len() {
        for _ in 0..3 {
            steps.push(Step::Change(world.insert(random, table)));
        }
    }
    steps.push(Step::Tick);
    let interferes = random.chance(20);
    for _ in 0..1 + random.below(4) {
        for _ in 0..1 + random.below(4) {
            transaction(random, world, &mut steps);
        }
        steps.push(Step::Tick);
        if interferes && random.chance(50) {
            steps.push(Step::OnLeaves(world.interference(random)));
        }
    }
    steps
}

fn transaction(random: &mut Random, world: &World, steps: &mut Vec<Step>) {
    let mut open = 0;
    for _ in 0..1 + random.below(9) {
        if random.chance(8) {
            steps.push(Step::Savepoint);
            open += 1;
        }
        steps.extend(world.changes(random).into_iter().map(Step::Change));
        if open > 0 && random.chance(30) {
            steps.push(Step::RollbackTo);
            open -= 1;
        }
    }
    steps.push(if random.chance(8) { Step::Rollback } else { Step::Commit });
}
