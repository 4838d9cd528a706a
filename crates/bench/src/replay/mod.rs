//! How fast a backlog is worked off: the target is stopped, the source goes on, the target starts again; the time until it
//! has everything.

mod workload;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::job::{Job, Options, Report};
use crate::machine::Machine;
use crate::pair::{NATIVE, OURS, Pair, REFERENCE, SIDES};
use crate::stats::median;
use crate::table::{Cell, Table};
use workload::{WORKLOADS, Workload};

/// The measurement.
pub const JOB: Job = Job {
    name: "replay",
    about: "How fast a backlog of changes is worked off",
    sides: SIDES,
    parts: &["login", "tpcb", "wide", "delete", "hot", "tables", "big", "tiny"],
    usual_rounds: 3,
    usual_rows: 500_000,
    rows_are: "Row changes of a load; ten times as many for big, fewer for wide, tables, tiny",
    run,
};

/// What one side took for one load, a value for each round.
struct Series {
    workload: &'static Workload,
    side: &'static str,
    changes: u32,
    seconds: Vec<f64>,
    /// Microseconds of CPU for a row, both servers and all daemons together.
    cpu: Vec<f64>,
}

/// Measures.
fn run(options: &Options) -> Report {
    let chosen = WORKLOADS.iter().filter(|workload| options.parts.contains(&workload.name));
    let mut series: Vec<Series> = chosen
        .flat_map(|workload| options.sides.iter().map(move |&side| (workload, side)))
        .map(|(workload, side)| {
            let changes = (workload.changes)(options.rows);
            Series { workload, side, changes, seconds: Vec::new(), cpu: Vec::new() }
        })
        .collect();
    let mut machine = None;
    let sides = options.sides.len();
    for round in 0..options.rounds as usize {
        for of_workload in series.chunks_mut(sides) {
            // Nobody is always the first.
            of_workload.rotate_left(round % sides);
            for series in &mut *of_workload {
                let pair = series.measure(options.rows);
                machine.get_or_insert_with(|| Machine::look(pair.src()));
            }
            of_workload.rotate_right(round % sides);
        }
    }
    report(options, machine.expect("at least one round"), &series)
}

impl Series {
    fn measure(&mut self, rows: u32) -> Pair {
        let mut pair = Pair::start(self.side, &(self.workload.tables)(rows));
        pair.subscribe();
        pair.pause();
        pair.load(&(self.workload.scripts)(rows));
        pair.mark();
        let (cpu, started) = (pair.cpu(), Instant::now());
        pair.resume();
        pair.wait_for_mark();
        let took = started.elapsed();
        let cpu = pair.cpu().saturating_sub(cpu);
        pair.must_be_equal();
        self.seconds.push(took.as_secs_f64());
        self.cpu.push(micros(cpu) / f64::from(self.changes));
        pair
    }

    fn rate(&self) -> f64 {
        f64::from(self.changes) / median(self.seconds.iter().copied())
    }

    /// How much faster than another: the median of the ratios within each round.
    fn ahead_of(&self, other: &Series) -> f64 {
        median(other.seconds.iter().zip(&self.seconds).map(|(other, this)| other / this))
    }

    fn samples(&self) -> Value {
        json!({
            "workload": self.workload.name,
            "side": self.side,
            "changes": self.changes,
            "seconds": self.seconds,
            "cpu": self.cpu,
        })
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn report(options: &Options, machine: Machine, series: &[Series]) -> Report {
    let mut table = Table::new(&[
        "workload",
        "side",
        "changes",
        "seconds",
        "rows/s",
        "to reference",
        "to native",
        "cpu",
        "bar",
    ]);
    for this in series {
        let ahead_of = |side: &str| {
            let same = |s: &&Series| s.workload.name == this.workload.name && s.side == side;
            let other = series.iter().find(same).filter(|other| other.side != this.side);
            other.map_or(Cell::Empty, |other| Cell::Number(this.ahead_of(other), 2))
        };
        table.add(vec![
            Cell::text(this.workload.name),
            Cell::text(this.side),
            Cell::Number(this.changes.into(), 0),
            Cell::Number(median(this.seconds.iter().copied()), 2),
            Cell::Number(this.rate(), 0),
            ahead_of(REFERENCE),
            ahead_of(NATIVE),
            Cell::Number(median(this.cpu.iter().copied()), 1),
            if this.side == OURS { bars(this.workload) } else { Cell::Empty },
        ]);
    }
    Report {
        title: format!("replay: time until a stopped target has what was written meanwhile, medians of {} rounds", options.rounds),
        machine,
        table,
        notes: vec![
            "seconds: from the start of the worker to the last row; to X: how many times as fast as X;".into(),
            "cpu: microseconds for a row, of both servers and all daemons. Both ends were equal after every round.".into(),
        ],
        samples: series.iter().map(Series::samples).collect(),
    }
}

fn bars(workload: &Workload) -> Cell {
    let (reference, native) = workload.bars;
    let native = native.map(|bar| format!(", {bar} × native")).unwrap_or_default();
    Cell::text(format!("{reference} × reference{native}"))
}
