//! What daemons and servers need when there is nothing to do.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::{Cluster, Database, Impl, Ticker, schemas, wait_for};

use crate::job::{Job, Options, Report};
use crate::machine::Machine;
use crate::pair::{OURS, Pair, REFERENCE, SIDES, TICKER, WORKER};
use crate::process::{memory, whole_cpu};
use crate::rounds::progress;
use crate::table::{Cell, Table};

/// The measurement.
pub const JOB: Job = Job {
    name: "idle",
    about: "What daemons and servers need when there is nothing to do",
    sides: SIDES,
    parts: &[PAIR, MANY],
    usual_rounds: 1,
    usual_size: 60,
    least_size: 1,
    size_is: "Seconds to watch",
    run,
};

/// A source and a target with a replicated table.
const PAIR: &str = "pair";
/// A ticker for many databases. Logical replication has none.
const MANY: &str = "databases";

/// Databases of [`MANY`]; fewer when there is hardly time to look.
const DATABASES: u32 = 100;

const TABLE: &str = "create table app.things (id int primary key)";

/// A process that is watched.
struct Watched {
    name: &'static str,
    pid: u32,
    is_server: bool,
}

/// Measures. There are no rounds: one long look says more than several short ones.
fn run(options: &Options) -> Report {
    let mut machine = None;
    let mut table =
        Table::new(&["what", "side", "process", "memory", "cpu", "bar memory", "bar cpu"]);
    for &part in &options.parts {
        for &side in &options.sides {
            progress(&format!("{part}, {side}"));
            let rows = if part == PAIR {
                let mut pair = Pair::start(side, TABLE);
                machine.get_or_insert_with(|| Machine::look(pair.src()));
                pair.subscribe();
                watch(&processes(&pair), options.size)
            } else if side == OURS || side == REFERENCE {
                watch_ticker(side, options.size, &mut machine)
            } else {
                continue;
            };
            for (process, megabytes, percent) in rows {
                let bars =
                    if side == OURS { bars(part, process) } else { [Cell::Empty, Cell::Empty] };
                let megabytes = megabytes.map_or(Cell::Empty, |mb| Cell::Number(mb, 1));
                let start = [Cell::text(part), Cell::text(side), Cell::text(process)];
                table.add(
                    start
                        .into_iter()
                        .chain([megabytes, Cell::Number(percent, 2)])
                        .chain(bars)
                        .collect(),
                );
            }
        }
    }
    Report {
        title: format!("idle: {} seconds with nothing to do", options.size),
        machine: machine.expect("at least one side"),
        samples: json!([table.json()]),
        table,
        notes: vec![
            "memory: resident megabytes; cpu: percent of a core. A server's figure is that of all its sessions.".into(),
            format!("databases: one ticker for {DATABASES} databases with a queue each."),
        ],
    }
}

fn processes(pair: &Pair) -> Vec<Watched> {
    let daemons =
        pair.daemons().into_iter().map(|(name, pid)| Watched { name, pid, is_server: false });
    let servers =
        pair.servers().into_iter().map(|(name, pid)| Watched { name, pid, is_server: true });
    daemons.chain(servers).collect()
}

fn watch_ticker(
    side: &str,
    seconds: u32,
    machine: &mut Option<Machine>,
) -> Vec<(&'static str, Option<f64>, f64)> {
    let implementation = if side == OURS { Impl::Ours } else { Impl::Reference };
    let cluster = Cluster::start_new();
    let template = cluster.create_database("template");
    machine.get_or_insert_with(|| Machine::look(&template));
    schemas::install(implementation, &template);
    template.sql("select pgq.create_queue('idle')");
    let databases = DATABASES.min(seconds * 10);
    let copies: Vec<_> = (0..databases).map(|_| Database::copy_of(&template, "queue")).collect();
    let names: Vec<&str> = copies.iter().map(Database::name).collect();
    let ticker =
        Ticker::for_databases(implementation, cluster.address(), &names).with_usual_periods();
    let pid = ticker.start();
    wait_for("a tick in the last database", Duration::from_secs(120), || {
        let ticks = copies.last().expect("some").int("select count(*) from pgq.tick");
        if ticks > 1 { Ok(()) } else { Err(ticks) }
    });
    let server = Watched { name: "server", pid: cluster.server_pid(), is_server: true };
    watch(&[Watched { name: TICKER, pid, is_server: false }, server], seconds)
}

/// Memory at the end, and CPU in the meantime.
fn watch(processes: &[Watched], seconds: u32) -> Vec<(&'static str, Option<f64>, f64)> {
    let cpu = || processes.iter().map(|p| whole_cpu(p.pid)).collect::<Vec<_>>();
    let (before, started) = (cpu(), Instant::now());
    sleep(Duration::from_secs(seconds.into()));
    let (after, took) = (cpu(), started.elapsed());
    let used = before.iter().zip(&after).map(|(before, after)| after.saturating_sub(*before));
    processes
        .iter()
        .zip(used)
        .map(|(process, used)| {
            let megabytes = (!process.is_server).then(|| memory(process.pid).now);
            (process.name, megabytes, used.as_secs_f64() / took.as_secs_f64() * 100.0)
        })
        .collect()
}

fn bars(part: &str, process: &str) -> [Cell; 2] {
    match (part, process) {
        (PAIR, WORKER) => [Cell::Number(32.0, 0), Cell::Empty],
        (_, TICKER) => [Cell::Number(8.0, 0), Cell::Number(1.0, 0)],
        _ => [Cell::Empty, Cell::Empty],
    }
}
