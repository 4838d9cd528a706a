//! What a change of a table costs the application: without a trigger, with the original's in C, with our generic one,
//! and with the one that our add-table makes for the table.

mod statement;
mod subject;

use serde_json::{Value, json};
use system_tests::Cluster;

use crate::job::{Job, Options, Report};
use crate::machine::Machine;
use crate::stats::median;
use crate::table::{Cell, Table};
use statement::Statement;
use subject::Subject;

/// The measurement.
pub const JOB: Job = Job {
    name: "capture",
    about: "What a change of a table costs the application, with and without triggers",
    sides: &[NONE, REFERENCE, GENERIC, GENERATED],
    parts: &[],
    usual_rounds: 5,
    usual_rows: 200_000,
    rows_are: "Rows of the table; a tenth is changed by single statements, a fifth by four clients",
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

/// What one side took for one kind of statement, a value for each round.
struct Series {
    statement: Statement,
    side: &'static str,
    costs: Vec<Cost>,
}

/// Measures.
fn run(options: &Options) -> Report {
    let cluster = Cluster::start_configured(SETTINGS);
    let mut subjects: Vec<Subject> =
        options.sides.iter().map(|&side| Subject::new(&cluster, side)).collect();
    let machine = Machine::look(subjects[0].database());
    let mut series: Vec<Series> = Statement::ALL
        .into_iter()
        .flat_map(|statement| {
            options.sides.iter().map(move |&side| Series { statement, side, costs: Vec::new() })
        })
        .collect();
    for round in 0..=options.rounds {
        for statement in Statement::ALL {
            for subject in &mut subjects {
                let cost = subject.measure(&cluster, statement, options.rows);
                let of_this =
                    |s: &&mut Series| s.statement == statement && s.side == subject.side();
                let series = series.iter_mut().find(of_this).expect("made above");
                // The first round fills caches.
                if round > 0 {
                    series.costs.push(cost);
                }
            }
            if round == 0 {
                subject::must_be_equal(&subjects, statement);
            }
        }
        // Nobody is always the first.
        subjects.rotate_left(1);
    }
    report(options, machine, &series)
}

fn report(options: &Options, machine: Machine, series: &[Series]) -> Report {
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
    for this in series {
        let of = |side| series.iter().find(|s| s.statement == this.statement && s.side == side);
        let (none, reference) = (of(NONE), of(REFERENCE));
        let mut row = vec![Cell::text(this.statement.name()), Cell::text(this.side)];
        for measure in [|cost: &Cost| cost.wall, |cost: &Cost| cost.cpu] {
            let extra = none.map(|none| added(this, none, measure));
            let to_c = extra
                .zip(reference.zip(none))
                .map(|(extra, (reference, none))| extra / added(reference, none, measure));
            let shown = |value: Option<f64>| value.map_or(Cell::Empty, |v| Cell::Number(v, 2));
            row.push(Cell::Number(median(this.costs.iter().map(measure)), 2));
            row.extend([extra, to_c].map(|value| shown(value.filter(|_| this.side != NONE))));
        }
        let bar = this.statement.bar().filter(|_| this.side == GENERATED);
        row.push(bar.map_or(Cell::Empty, |bar| Cell::Number(bar, 2)));
        table.add(row);
    }
    Report {
        title: format!(
            "capture: microseconds for a row of user_info (10 columns, {} rows), medians of {} rounds",
            options.rows, options.rounds
        ),
        machine,
        table,
        notes: vec![
            "wall is what the application waits, cpu what its session computes, both with the statement itself;".into(),
            "added: more than without a trigger; to C: that, divided by the original's. Events are the same on all sides."
                .into(),
        ],
        samples: series.iter().map(samples).collect(),
    }
}

/// What a side costs more than another: the median of the differences within each round, since a machine that gets
/// slower in the course of a run is slower for both.
fn added(this: &Series, none: &Series, measure: fn(&Cost) -> f64) -> f64 {
    median(this.costs.iter().zip(&none.costs).map(|(this, none)| measure(this) - measure(none)))
}

fn samples(series: &Series) -> Value {
    json!({
        "statement": series.statement.name(),
        "side": series.side,
        "wall": series.costs.iter().map(|cost| cost.wall).collect::<Vec<_>>(),
        "cpu": series.costs.iter().map(|cost| cost.cpu).collect::<Vec<_>>(),
    })
}
