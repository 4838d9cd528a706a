//! What a change of a table costs the application: without a trigger, with the original's in C, with our generic one,
//! and with the one that our add-table makes for the table.

mod statement;
mod subject;

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use system_tests::Cluster;

use crate::job::{Job, Options, Report};
use crate::machine::Machine;
use crate::rounds::{Series, take_turns};
use crate::table::{Cell, Table};
use statement::Statement;
use subject::{Left, Subject};

/// The measurement.
pub const JOB: Job = Job {
    name: "capture",
    about: "What a change of a table costs the application, with and without triggers",
    sides: &[NONE, REFERENCE, GENERIC, GENERATED],
    parts: &[],
    usual_rounds: 5,
    usual_size: 200_000,
    least_size: 20,
    size_is: "Rows of the table; a tenth is changed by single statements, a fifth by four clients",
    run,
};

/// No trigger: what all others are compared with.
const NONE: &str = "none";
/// The original's trigger, in C.
const REFERENCE: &str = "reference";
/// `pgq.logutriga` of our schema.
const GENERIC: &str = "generic";
/// What our add-table puts on the table.
const GENERATED: &str = "generated";

/// PostgreSQL's own, but nothing waits for disks, and nothing else happens while a statement runs.
const SETTINGS: &str = "
fsync = off
synchronous_commit = on
full_page_writes = on
wal_level = replica
shared_buffers = 512MB
max_wal_size = 8GB
checkpoint_timeout = 1h
autovacuum = off
";

/// Microseconds for a row.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// As the application sees it.
    wall: f64,
    /// CPU time of its session: what a busy machine changes less.
    cpu: f64,
}

/// Measures.
fn run(options: &Options) -> Report {
    let cluster = Cluster::start_configured(SETTINGS);
    let mut subjects: Vec<Subject> =
        options.sides.iter().map(|&side| Subject::new(&cluster, side)).collect();
    let machine = Machine::look(subjects[0].database());
    let names = Statement::ALL.map(Statement::name);
    let mut left: HashMap<&str, Left> = HashMap::new();
    let mut warm = HashSet::new();
    let mut series = take_turns(options.rounds + 1, &names, &options.sides, |part, side| {
        let subject = subjects.iter_mut().find(|s| s.side() == side).expect("made above");
        let statement = Statement::named(part);
        let cost = subject.measure(&cluster, statement, options.size);
        if warm.insert((part, side)) {
            subject.left(statement).must_equal(left.entry(part).or_default(), part, side);
        }
        cost
    });
    // The first round filled caches.
    for series in &mut series {
        series.values.remove(0);
    }
    report(options, machine, &series)
}

fn report(options: &Options, machine: Machine, all: &[Series<Cost>]) -> Report {
    let mut table = Table::new(&[
        "statement",
        "side",
        "wall",
        "added",
        "to C",
        "cpu",
        "cpu added",
        "cpu to C",
        "bar",
    ]);
    for this in all {
        let none = this.beside(all, NONE);
        let reference = all.iter().find(|s| s.part == this.part && s.side == REFERENCE);
        let mut row = vec![Cell::text(this.part), Cell::text(this.side)];
        for measure in [|cost: &Cost| cost.wall, |cost: &Cost| cost.cpu] {
            let extra = none.map(|none| this.difference(none, measure));
            let to_c = extra
                .zip(reference.zip(none))
                .map(|(extra, (reference, none))| extra / reference.difference(none, measure));
            row.push(Cell::Number(this.median(measure), 2));
            row.extend(
                [extra, to_c].map(|value| value.map_or(Cell::Empty, |v| Cell::Number(v, 2))),
            );
        }
        let bar = Statement::named(this.part).bar().filter(|_| this.side == GENERATED);
        row.push(bar.map_or(Cell::Empty, |bar| Cell::Number(bar, 2)));
        table.add(row);
    }
    Report {
        title: format!(
            "capture: microseconds for a row of user_info (10 columns, {} rows), medians of {} rounds",
            options.size, options.rounds
        ),
        machine,
        table,
        notes: vec![
            "wall is what the application waits, cpu what its session computes, both with the statement itself;".into(),
            "added: more than without a trigger; to C: that, divided by the original's. Events are the same on all sides."
                .into(),
        ],
        samples: all.iter().map(samples).collect(),
    }
}

fn samples(series: &Series<Cost>) -> Value {
    json!({
        "statement": series.part,
        "side": series.side,
        "wall": series.values.iter().map(|cost| cost.wall).collect::<Vec<_>>(),
        "cpu": series.values.iter().map(|cost| cost.cpu).collect::<Vec<_>>(),
    })
}
