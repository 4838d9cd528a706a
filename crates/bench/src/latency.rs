//! How soon a change that is committed on the source is visible on the target.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::Database;

use crate::job::{Job, Options, Report};
use crate::machine::Machine;
use crate::pair::{NATIVE, OURS, Pair, REFERENCE, SIDES};
use crate::rounds::{Series, take_turns};
use crate::stats::median;
use crate::table::{Cell, Table};

/// The measurement.
pub const JOB: Job = Job {
    name: "latency",
    about: "How soon a committed change is visible on the target",
    sides: SIDES,
    parts: &[QUIET, BUSY],
    usual_rounds: 3,
    usual_size: 40,
    least_size: 1,
    size_is: "Changes to wait for in each round",
    run,
};

/// Nothing else happens.
const QUIET: &str = "quiet";
/// Another session commits some hundred small transactions in a second.
const BUSY: &str = "busy";

const TABLES: &str = "
create table app.pings (id int primary key, n int);
insert into app.pings values (1, 0);
create table app.others (id bigserial primary key, at timestamptz default now());
";

/// The most that the median may be, in milliseconds.
const BAR: f64 = 150.0;

/// How long a change may be on its way.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures: a value of the series holds the milliseconds of all changes of a round.
fn run(options: &Options) -> Report {
    let mut machine = None;
    let series = take_turns(options.rounds, &options.parts, &options.sides, |part, side| {
        let mut pair = Pair::start(side, TABLES);
        machine.get_or_insert_with(|| Machine::look(pair.src()));
        pair.subscribe();
        let over = AtomicBool::new(false);
        let times = std::thread::scope(|scope| {
            if part == BUSY {
                scope.spawn(|| keep_busy(pair.src(), &over));
            }
            // The load ends also when a change does not arrive.
            let _end = SetAtEnd(&over);
            pings(&pair, options.size)
        });
        pair.wait_until_equal();
        pair.must_be_equal();
        times
    });
    report(options, machine.expect("at least one round"), &series)
}

fn pings(pair: &Pair, number: u32) -> Vec<f64> {
    let (mut src, mut dst) = (pair.src().client(), pair.dst().client());
    let set = src.prepare("update app.pings set n = $1").expect("made above");
    let look = dst.prepare("select n from app.pings").expect("made above");
    let ping = |n: i32| {
        src.execute(&set, &[&n]).expect("the source is up");
        let committed = Instant::now();
        while dst.query_one(&look, &[]).expect("the target is up").get::<_, i32>(0) != n {
            assert!(committed.elapsed() < PATIENCE, "the change does not arrive");
            sleep(Duration::from_micros(500));
        }
        let took = committed.elapsed();
        // Not in step with anything that happens every tenth of a second or every second.
        sleep(Duration::from_millis(u64::from(n.unsigned_abs()) * 377 % 1000));
        took.as_secs_f64() * 1e3
    };
    (1..=i32::try_from(number).expect("few changes")).map(ping).collect()
}

fn keep_busy(src: &Database, over: &AtomicBool) {
    let mut session = src.client();
    let insert = session.prepare("insert into app.others default values").expect("made above");
    while !over.load(Ordering::Relaxed) {
        session.execute(&insert, &[]).expect("the source is up");
        sleep(Duration::from_millis(4));
    }
}

struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn report(options: &Options, machine: Machine, all: &[Series<Vec<f64>>]) -> Report {
    let mut table =
        Table::new(&["source", "side", "median", "worst", "of reference", "of native", "bar"]);
    for this in all {
        let part_of = |side| {
            let other = this.beside(all, side);
            let of = |times: &Vec<f64>| median(times.iter().copied());
            other.map_or(Cell::Empty, |other| Cell::Number(this.ratio(other, of), 2))
        };
        let times = || this.values.iter().flatten().copied();
        table.add(vec![
            Cell::text(this.part),
            Cell::text(this.side),
            Cell::Number(median(times()), 1),
            Cell::Number(times().fold(0.0, f64::max), 1),
            part_of(REFERENCE),
            part_of(NATIVE),
            if this.side == OURS { Cell::Number(BAR, 0) } else { Cell::Empty },
        ]);
    }
    Report {
        title: format!(
            "latency: milliseconds from the commit on the source until visible on the target, {} changes",
            options.size * options.rounds
        ),
        machine,
        table,
        notes: vec![
            "quiet: single changes, up to a second apart; busy: the same beside some hundred small transactions a second."
                .into(),
        ],
        samples: all
            .iter()
            .map(|s| json!({"source": s.part, "side": s.side, "milliseconds": s.values}))
            .collect(),
    }
}
