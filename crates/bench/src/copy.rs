//! How fast tables are copied at first, from the moment on when they are added on the target until they are in sync.

use std::time::Instant;

use serde_json::json;

use crate::job::{Job, Options, Report};
use crate::machine::Machine;
use crate::pair::{NATIVE, OURS, Pair, REFERENCE, SIDES};
use crate::rounds::{Series, take_turns};
use crate::table::{Cell, Table};
use crate::users::{TABLE, USER};

/// The measurement.
pub const JOB: Job = Job {
    name: "copy",
    about: "How fast tables are copied at first",
    sides: SIDES,
    parts: &[LARGE, SMALL],
    usual_rounds: 3,
    usual_size: 2_000_000,
    least_size: 1,
    size_is: "Rows of the large table",
    run,
};

/// One table, until the database says that it is in sync.
const LARGE: &str = "large";
/// Four tables of a thousand rows, until the command that waits for them returns.
const SMALL: &str = "small";

const SMALL_TABLES: &str = "
do $$ begin
    for t in 1 .. 4 loop
        execute format('create table app.small%s (id int primary key, name text)', t);
    end loop;
end $$";

const SMALL_ROWS: &str = "
do $$ begin
    for t in 1 .. 4 loop
        execute format('insert into app.small%s select i, ''row '' || i from generate_series(1, 1000) i', t);
    end loop;
end $$";

/// Measures.
fn run(options: &Options) -> Report {
    let mut machine = None;
    let series = take_turns(options.rounds, &options.parts, &options.sides, |part, side| {
        let mut pair = Pair::start(side, if part == LARGE { TABLE } else { SMALL_TABLES });
        machine.get_or_insert_with(|| Machine::look(pair.src()));
        if part == LARGE {
            let rows = options.size;
            pair.src().sql(&format!(
                "insert into app.user_info select {USER} from generate_series(1, {rows}) id"
            ));
        } else {
            pair.src().sql(SMALL_ROWS);
        }
        pair.publish();
        let started = Instant::now();
        pair.copy(part == SMALL);
        let seconds = started.elapsed().as_secs_f64();
        pair.wait_until_equal();
        pair.must_be_equal();
        seconds
    });
    report(options, machine.expect("at least one round"), &series)
}

fn report(options: &Options, machine: Machine, all: &[Series<f64>]) -> Report {
    let mut table = Table::new(&["tables", "side", "seconds", "of reference", "of native", "bar"]);
    for this in all {
        let part_of = |side| {
            let other = this.beside(all, side);
            other
                .map_or(Cell::Empty, |other| Cell::Number(this.ratio(other, |&seconds| seconds), 2))
        };
        let bar = match (this.side, this.part) {
            (OURS, LARGE) => Cell::text("0.9 of native"),
            (OURS, SMALL) => Cell::text("3 s"),
            _ => Cell::Empty,
        };
        table.add(vec![
            Cell::text(this.part),
            Cell::text(this.side),
            Cell::Number(this.median(|&seconds| seconds), 2),
            part_of(REFERENCE),
            part_of(NATIVE),
            bar,
        ]);
    }
    Report {
        title: format!("copy: time until tables are in sync, medians of {} rounds", options.rounds),
        machine,
        table,
        notes: vec![
            format!("large: user_info, 10 columns, {} rows, until the database says so;", options.size),
            "small: four tables of 1,000 rows, until add-table --all --wait-sync returns. Both ends were equal.".into(),
        ],
        samples: all
            .iter()
            .map(|s| json!({"tables": s.part, "side": s.side, "seconds": s.values}))
            .collect(),
    }
}
