//! How fast a backlog is worked off: the target is stopped, the source goes on, the target starts again; the time until it
//! has everything.

use std::time::Instant;

use serde_json::{Value, json};

use crate::job::{Job, Options, Report};
use crate::machine::Machine;
use crate::pair::{NATIVE, OURS, Pair, REFERENCE, SIDES};
use crate::rounds::{Series, take_turns};
use crate::table::{Cell, Table};
use crate::workload::{Workload, workload};

/// The measurement.
pub const JOB: Job = Job {
    name: "replay",
    about: "How fast a backlog of changes is worked off",
    sides: SIDES,
    parts: &[
        "login",
        "tpcb",
        "wide",
        "delete",
        "hot",
        "tables",
        "big",
        "tiny",
        "idle-1000",
        "idle-10000",
    ],
    usual_rounds: 3,
    usual_size: 500_000,
    least_size: 100,
    size_is: "Row changes of a load; ten times as many for big, fewer for wide, tables, tiny, idle-*",
    run,
};

/// What one side took for one load.
struct Replay {
    seconds: f64,
    /// Microseconds of CPU for a row, both servers and all daemons together.
    cpu: f64,
}

/// Measures.
fn run(options: &Options) -> Report {
    let mut machine = None;
    let series = take_turns(options.rounds, &options.parts, &options.sides, |part, side| {
        let workload = workload(part);
        let mut pair = Pair::start(side, &(workload.tables)(options.size));
        machine.get_or_insert_with(|| Machine::look(pair.src()));
        pair.subscribe();
        replay(&mut pair, workload, options.size)
    });
    report(options, machine.expect("at least one round"), &series)
}

fn replay(pair: &mut Pair, workload: &Workload, size: u32) -> Replay {
    pair.pause();
    pair.load(&(workload.scripts)(size));
    pair.mark();
    let (cpu, started) = (pair.cpu(), Instant::now());
    pair.resume();
    pair.wait_for_mark();
    let seconds = started.elapsed().as_secs_f64();
    let cpu = pair.cpu().saturating_sub(cpu).as_secs_f64();
    pair.must_be_equal();
    Replay { seconds, cpu: cpu * 1e6 / f64::from((workload.changes)(size)) }
}

fn report(options: &Options, machine: Machine, all: &[Series<Replay>]) -> Report {
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
    for this in all {
        let workload = workload(this.part);
        let changes = f64::from((workload.changes)(options.size));
        // How many times as fast.
        let ahead_of = |side| {
            let other = this.beside(all, side);
            other.map_or(Cell::Empty, |other| Cell::Number(other.ratio(this, |r| r.seconds), 2))
        };
        let seconds = this.median(|r| r.seconds);
        table.add(vec![
            Cell::text(this.part),
            Cell::text(this.side),
            Cell::Number(changes, 0),
            Cell::Number(seconds, 2),
            Cell::Number(changes / seconds, 0),
            ahead_of(REFERENCE),
            ahead_of(NATIVE),
            Cell::Number(this.median(|r| r.cpu), 1),
            if this.side == OURS { bars(workload) } else { Cell::Empty },
        ]);
    }
    Report {
        title: format!(
            "replay: time until a stopped target has what was written meanwhile, medians of {} rounds",
            options.rounds
        ),
        machine,
        table,
        notes: vec![
            "seconds: from the start of the worker to the last row; to X: how many times as fast as X;".into(),
            "cpu: microseconds for a row, of both servers and all daemons. Both ends were equal after every round.".into(),
        ],
        samples: all.iter().map(samples).collect(),
    }
}

fn bars(workload: &Workload) -> Cell {
    let (reference, native) = workload.bars;
    let native = native.map(|bar| format!(", {bar} × native")).unwrap_or_default();
    Cell::text(format!("{reference} × reference{native}"))
}

fn samples(series: &Series<Replay>) -> Value {
    json!({
        "workload": series.part,
        "side": series.side,
        "seconds": series.values.iter().map(|r| r.seconds).collect::<Vec<_>>(),
        "cpu": series.values.iter().map(|r| r.cpu).collect::<Vec<_>>(),
    })
}
