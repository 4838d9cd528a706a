//! The memory that daemons need for a backlog.

use serde_json::json;

use crate::job::{Job, Options, Report};
use crate::machine::Machine;
use crate::pair::{OURS, Pair, REFERENCE, ROOT_WORKER, TICKER, WORKER};
use crate::process::memory;
use crate::rounds::{Series, take_turns};
use crate::table::{Cell, Table};
use crate::workload::workload;

/// The measurement.
pub const JOB: Job = Job {
    name: "memory",
    about: "The memory that daemons need for a backlog",
    // An apply worker of the server shares its memory with all of the server.
    sides: &[OURS, REFERENCE],
    parts: &["login", "wide", "tables", "big"],
    usual_rounds: 1,
    usual_size: 500_000,
    least_size: 100,
    size_is: "Row changes of a load; ten times as many for big, fewer for wide, tables",
    run,
};

/// The most that worker and ticker may have had, in megabytes.
const BARS: [f64; 2] = [64.0, 8.0];

/// Megabytes.
struct Sample {
    /// The worker when it had only just started.
    idle: f64,
    /// The worker's highest.
    worker: f64,
    /// The highest of the root's worker.
    root: f64,
    /// The ticker's highest.
    ticker: f64,
}

/// Measures.
fn run(options: &Options) -> Report {
    let mut machine = None;
    let series = take_turns(options.rounds, &options.parts, &options.sides, |part, side| {
        let workload = workload(part);
        let mut pair = Pair::start(side, &(workload.tables)(options.size));
        machine.get_or_insert_with(|| Machine::look(pair.src()));
        pair.subscribe();
        let idle = of(&pair, WORKER).now;
        pair.pause();
        pair.load(&(workload.scripts)(options.size));
        pair.mark();
        pair.resume();
        pair.wait_for_mark();
        pair.must_be_equal();
        let [worker, root, ticker] =
            [WORKER, ROOT_WORKER, TICKER].map(|daemon| of(&pair, daemon).most);
        Sample { idle, worker, root, ticker }
    });
    report(options, machine.expect("at least one round"), &series)
}

fn of(pair: &Pair, daemon: &str) -> crate::process::Memory {
    let pid = pair.daemons().into_iter().find(|(name, _)| *name == daemon).map(|(_, pid)| pid);
    memory(pid.unwrap_or_else(|| panic!("no {daemon} runs")))
}

fn report(options: &Options, machine: Machine, all: &[Series<Sample>]) -> Report {
    let mut table = Table::new(&[
        "workload",
        "side",
        "worker idle",
        "worker most",
        "root most",
        "pgqd most",
        "bar worker",
        "bar pgqd",
    ]);
    for this in all {
        let megabytes = |of: fn(&Sample) -> f64| Cell::Number(this.median(of), 1);
        let mut row = vec![
            Cell::text(this.part),
            Cell::text(this.side),
            megabytes(|s| s.idle),
            megabytes(|s| s.worker),
            megabytes(|s| s.root),
            megabytes(|s| s.ticker),
        ];
        let bar = |bar| if this.side == OURS { Cell::Number(bar, 0) } else { Cell::Empty };
        row.extend(BARS.map(bar));
        table.add(row);
    }
    Report {
        title: format!("memory: resident megabytes of the daemons, medians of {} rounds", options.rounds),
        machine,
        table,
        notes: vec!["most: the highest until a stopped worker had what was written meanwhile; the loads are those of replay.".into()],
        samples: all
            .iter()
            .map(|s| {
                let values = s.values.iter().map(|v| [v.idle, v.worker, v.root, v.ticker]);
                json!({"workload": s.part, "side": s.side, "megabytes": values.collect::<Vec<_>>()})
            })
            .collect(),
    }
}
