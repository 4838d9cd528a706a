//! Makes scripts: what kind, and out of which seed.

mod captured;
mod londiste;
mod names;
mod nodes;
mod queues;
mod statements;
mod tables;
mod triggers;
mod types;

use super::script::Step;
use system_tests::random::Random;
use tables::{Relation, World};

/// What a script is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Tables with triggers of pgq that somebody made by hand.
    Triggers,
    /// Tables with the triggers that `londiste.local_add_table` makes.
    Captured,
    /// The functions of pgq.
    Queues,
    /// The functions of pgq_node.
    Nodes,
    /// The functions of londiste.
    Londiste,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Triggers, Self::Captured, Self::Queues, Self::Nodes, Self::Londiste];

    /// As it is told after a failure and wanted to see it again.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Triggers => "triggers",
            Self::Captured => "captured",
            Self::Queues => "queues",
            Self::Nodes => "nodes",
            Self::Londiste => "londiste",
        }
    }
}

/// The script of a kind that a seed makes.
pub(super) fn script(kind: Kind, seed: u64) -> Vec<Step> {
    let random = Random::new(seed);
    match kind {
        Kind::Triggers => tables_with_triggers(random),
        Kind::Captured => replicated_tables(random),
        Kind::Queues => queues::script(random),
        Kind::Nodes => nodes::script(random),
        Kind::Londiste => londiste::script(random),
    }
}

fn tables_with_triggers(random: Random) -> Vec<Step> {
    let mut world = World::new(random);
    world.create_queues(&["q", "Queue 'Two'"]);
    for _ in 0..=world.random.below(2) {
        let relation = world.random.weighted(&[
            (20, Relation::Ordinary),
            (2, Relation::Temporary),
            (2, Relation::Partitioned),
        ]);
        world.create_table(relation);
        let at = world.tables.len() - 1;
        world.attach(at);
        if world.random.chance(10) {
            world.create_view(at);
            world.attach(at + 1);
        }
    }
    for _ in 0..15 + world.random.below(35) {
        world.statement();
    }
    world.close();
    world.script.steps
}

fn replicated_tables(random: Random) -> Vec<Step> {
    let mut world = World::new(random);
    world.create_root();
    for _ in 0..=world.random.below(2) {
        world.create_captured_table();
    }
    for _ in 0..15 + world.random.below(35) {
        world.statement();
    }
    world.close();
    world.close_root();
    world.script.steps
}
