//! Random histories, applied by set and row by row: both must leave the same rows, and those of the source.
//!
//! Source and leaf are two schemas of one database, and a history lives in one transaction: the statements, the events
//! they make, both ways of applying them. Then it is rolled back, so a history takes milliseconds. `tests/scenarios/replay_differential`
//! does the same with whole daemons and the reference.

use std::fmt::Write as _;
use std::time::Duration;

use pgq_client::conn::{Session, connect};
use pgq_client::event::Event;
use pgq_client::id::{EventId, Txid};
use pgq_client::name::TableName;
use system_tests::histories::{
    PRINTING, Player, Side, Step, Transactions, World, from_seed, in_schema, kinds,
};
use system_tests::hunt::{self, Findings, Hunt};
use system_tests::shrink::shrink;
use system_tests::{Database, Impl, schemas};
use tokio::runtime::Runtime;

use crate::calls::TableRow;
use crate::handler::Handlers;
use crate::replay::apply::{Applier, Limits, Mode, Outlet};
use crate::replay::replica::READ_VALUES;
use crate::table::registry::{Table, Tables};

/// How long it goes on, with new seeds once those of the suite are done.
const SECONDS_VARIABLE: &str = "LONDISTE_TEST_REPLAY_SECONDS";

/// One world again, `WORLD:HISTORY` as a failure prints it.
const SEED_VARIABLE: &str = "LONDISTE_TEST_REPLAY_SEED";

/// What the suite can wait for, and how much of it there is at most.
const SECONDS: u64 = 15;
const WORLDS: u64 = 60;

/// Histories of a world.
const HISTORIES: u64 = 8;

/// Worlds in a database.
const WORLDS_PER_DATABASE: u64 = 40;

/// How long a failing history may take to be made shorter.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn sets_have_the_effect_of_rows() {
    let mut findings = Findings::default();
    if let Some((world, number)) = hunt::again(SEED_VARIABLE) {
        let stage = Stage::set();
        stage.world(world.parse().expect("a number")).run(&mut findings, number);
        return findings.finish();
    }
    let mut hunt = Hunt::new(SECONDS_VARIABLE, SECONDS, WORLDS);
    let mut stage = Stage::set();
    for number in 1_u64.. {
        let Some(seed) = hunt.next(&findings) else { break };
        if number % WORLDS_PER_DATABASE == 0 {
            stage = Stage::set();
        }
        let world = stage.world(seed);
        for history in 1..=HISTORIES {
            world.run(&mut findings, history);
        }
        findings.count("worlds");
    }
    findings.finish();
}

/// A database with a queue.
struct Stage {
    // Dropped in this order.
    session: Session,
    runtime: Runtime,
    _db: Database,
}

/// A world in it, with its tables on both sides.
struct Scene<'a> {
    stage: &'a Stage,
    world: World,
    seed: u64,
    source: String,
    leaf: String,
    tables: Tables,
}

/// A batch: what was sent, and what somebody did on the leaf after it.
struct Batch {
    events: Vec<Event>,
    then: Option<String>,
}

/// What became of a history.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The rows in the end.
    Rows(Vec<String>),
    /// An event that cannot be applied, in this batch.
    Stuck(usize, String),
}

impl Stage {
    fn set() -> Self {
        let db = schemas::database(Impl::Ours);
        db.sql(kinds::PRELUDE);
        db.sql(
            "select pgq_node.register_location('q', 'n', 'dbname=n', false);
             select pgq_node.create_node('q', 'root', 'n', 'w', null, null, null)",
        );
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let session =
            runtime.block_on(connect(&db.connstr(), "test")).unwrap_or_else(|e| panic!("{e}"));
        let stage = Self { session, runtime, _db: db };
        stage.must(PRINTING);
        stage.must(READ_VALUES);
        stage
    }

    fn ask(&self, sql: &str) -> bool {
        self.runtime.block_on(self.session.batch_execute(sql)).is_ok()
    }

    #[track_caller]
    fn must(&self, sql: &str) {
        self.runtime
            .block_on(self.session.batch_execute(sql))
            .unwrap_or_else(|e| panic!("{:?}\n{sql}", e.as_db_error()));
    }

    fn lines(&self, sql: &str) -> Vec<String> {
        let rows = self.runtime.block_on(self.session.query(sql, &[]));
        let rows = rows.unwrap_or_else(|e| panic!("{:?}\n{sql}", e.as_db_error()));
        rows.iter().map(|row| row.get(0)).collect()
    }

    fn world(&self, seed: u64) -> Scene<'_> {
        let (world, _) = from_seed(seed, 1);
        let (source, leaf) = (format!("s{seed}"), format!("l{seed}"));
        self.must(&format!("create schema {source}; create schema {leaf}"));
        self.must(&in_schema(&world.ddl(Side::Source), &source));
        self.must(&in_schema(&world.ddl(Side::Ours), &leaf));
        let mut tables = Vec::new();
        for (name, argument) in world.tables() {
            let (table, dest) = (format!("{source}.{name}"), format!("{leaf}.{name}"));
            let arguments: Vec<String> =
                ["expect_sync".to_owned()].into_iter().chain(argument).collect();
            let added = self.runtime.block_on(self.session.query_one(
                "select ret_code, ret_note from londiste.local_add_table('q', $1, $2)",
                &[&table, &arguments],
            ));
            let added = added.unwrap_or_else(|e| panic!("{:?}", e.as_db_error()));
            assert_eq!(added.get::<_, i32>(0), 200, "{}", added.get::<_, String>(1));
            let row = TableRow {
                merge_state: Some("ok".to_owned()),
                dest_table: Some(TableName::new(&dest)),
                ..TableRow::attached(TableName::new(&table))
            };
            tables.push(Table::from_row(row, &Handlers::default()));
        }
        let tables = tables.into_iter().collect::<Result<Tables, _>>().expect("tables as usual");
        Scene { stage: self, world, seed, source, leaf, tables }
    }
}

impl Scene<'_> {
    fn run(&self, findings: &mut Findings, number: u64) {
        let (_, steps) = from_seed(self.seed, number);
        findings.count("histories");
        if self.difference(&steps, findings).is_some() {
            let mut ignored = Findings::default();
            let short =
                shrink(steps, PATIENCE, |steps| self.difference(steps, &mut ignored).is_some());
            let difference = self.difference(&short, &mut ignored).unwrap_or_default();
            let failure = self.describe(number, &short, &difference);
            findings.fail(failure);
        }
    }

    /// What differs after this history, if anything does.
    fn difference(&self, steps: &[Step], findings: &mut Findings) -> Option<String> {
        self.stage.must("begin");
        let batches = self.play(steps);
        findings.add("events", batches.iter().map(|batch| batch.events.len()).sum());
        let source = self.rows(&self.source, &self.world.source_queries());
        let (rows, _) = self.apply(Mode::Rows, &batches, findings);
        let (sets, copy) = self.apply(Mode::Sets, &batches, findings);
        self.stage.must("rollback");
        let interfered = steps.iter().any(|step| matches!(step, Step::OnLeaves(_)));
        let may_stop = interfered || !self.world.keeps_rows() || self.world.checks_statements();
        match (&rows, &sets) {
            // What was in the way may be gone in the end.
            (Outcome::Stuck(..), Outcome::Rows(_)) if may_stop => {
                findings.count("got by");
                return None;
            }
            (Outcome::Stuck(at, _), Outcome::Stuck(at_sets, _)) if at == at_sets => {
                findings.count("stuck");
                if may_stop {
                    return None;
                }
                return Some(format!("-- stuck: {rows:?}"));
            }
            _ => {}
        }
        if rows != sets {
            return Some(format!("-- row by row:\n{rows:#?}\n-- by set:\n{sets:#?}"));
        }
        (!interfered && copy != source)
            .then(|| format!("-- source:\n{source:#?}\n-- leaf:\n{copy:#?}"))
    }

    /// The history at the source, as batches of events.
    fn play(&self, steps: &[Step]) -> Vec<Batch> {
        let mut player = Player::new(&self.world, &self.source, Transactions::Nested);
        let mut batches = Vec::new();
        let mut last = 0;
        for step in steps.iter().chain([&Step::Commit, &Step::Tick]) {
            player.play(step, &mut |sql| self.stage.ask(sql));
            let then = match step {
                Step::Tick => None,
                Step::OnLeaves(sql) => Some(in_schema(sql, &self.leaf)),
                _ => continue,
            };
            let events = self.events(last);
            last = events.last().map_or(last, |event| event.id.0);
            batches.push(Batch { events, then });
        }
        batches
    }

    fn events(&self, after: i64) -> Vec<Event> {
        let rows = self.stage.runtime.block_on(self.stage.session.query(
            "select ev_id, ev_type, ev_data, ev_extra1 from pgq.event_template
              where ev_txid = pg_catalog.txid_current() and ev_id > $1 order by ev_id",
            &[&after],
        ));
        let rows = rows.expect("a query of our own");
        rows.iter()
            .map(|row| Event {
                id: EventId(row.get(0)),
                time: String::new(),
                txid: Txid(1),
                retry: None,
                kind: row.get(1),
                data: row.get(2),
                extra1: row.get(3),
                extra2: None,
                extra3: None,
                extra4: None,
            })
            .collect()
    }

    /// The leaf after all batches, and its tables as the source has them.
    fn apply(
        &self,
        mode: Mode,
        batches: &[Batch],
        findings: &mut Findings,
    ) -> (Outcome, Vec<String>) {
        let stage = self.stage;
        let mut applier = Applier::default();
        // Small histories are to come in several sets too, some while others are on their way.
        applier.limits = Limits { early: 1 << 10, full: 8 << 10, table: 1 << 10, most: 16 << 10 };
        stage.must("savepoint leaf; set local session_replication_role = replica");
        let mut stuck = None;
        for (number, batch) in batches.iter().enumerate() {
            let mut result = self.apply_batch(&mut applier, mode, batch);
            if matches!(result, Err(Failure::Set)) {
                // As the worker does.
                findings.count("repeated by row");
                applier.forget_structure();
                result = self.apply_batch(&mut applier, Mode::Rows, batch);
            }
            if let Err(failure) = result {
                stuck = Some(Outcome::Stuck(number, format!("{failure:?}")));
                break;
            }
            findings.count("batches");
            if let Some(sql) = &batch.then
                && !stage.ask(&format!("savepoint change; {sql}; release change"))
            {
                stage.must("rollback to change; release change");
            }
        }
        let outcome = stuck
            .unwrap_or_else(|| Outcome::Rows(self.rows(&self.leaf, &self.world.leaf_queries())));
        let copy = self.rows(&self.leaf, &self.world.source_queries());
        stage.must("rollback to leaf; release leaf");
        (outcome, copy)
    }

    fn apply_batch(&self, applier: &mut Applier, mode: Mode, batch: &Batch) -> Result<(), Failure> {
        let stage = self.stage;
        stage.must("savepoint batch");
        let client = &*stage.session;
        let applied = stage.runtime.block_on(async {
            applier.begin_batch("UTF8");
            let mut outlet = Outlet::new(client);
            for event in &batch.events {
                let name = event.extra1.as_deref().unwrap_or_default();
                let Some(table) = self.tables.find(name) else { continue };
                match event.kind.as_deref() {
                    Some("R") => applier.truncate(&mut outlet, table, event).await?,
                    _ => applier.data(&mut outlet, mode, table, event).await?,
                }
            }
            applier.flush(&mut outlet).await?;
            applier.verify(&mut outlet).await
        });
        let failure = match applied {
            Ok(()) if stage.ask("set constraints all immediate") => {
                let again = in_schema(&self.world.defer_again(Side::Ours), &self.leaf);
                stage.must(&format!("{again}; release batch"));
                return Ok(());
            }
            Ok(()) => Failure::Commit,
            Err(error) if error.wants_rows() => Failure::Set,
            Err(error) => Failure::Event(error.to_string()),
        };
        stage.must("rollback to batch; release batch");
        Err(failure)
    }

    fn rows(&self, schema: &str, queries: &[(String, String)]) -> Vec<String> {
        let mut all = Vec::new();
        for (label, query) in queries {
            let lines = self.stage.lines(&in_schema(query, schema));
            all.extend(lines.into_iter().map(|line| format!("{label}: {}", shown(&line))));
        }
        all
    }

    fn describe(&self, number: u64, steps: &[Step], difference: &str) -> String {
        let mut text = format!("again with {SEED_VARIABLE}={}:{number}\n", self.seed);
        for (side, schema) in [(Side::Source, &self.source), (Side::Ours, &self.leaf)] {
            let ddl = in_schema(&self.world.ddl(side), schema);
            writeln!(text, "-- {side:?}\n{ddl}").expect("a string grows");
        }
        for step in steps {
            writeln!(text, "{}", step.in_words(&self.source)).expect("a string grows");
        }
        text + difference
    }
}

/// Why a batch was not applied.
#[derive(Debug)]
enum Failure {
    Set,
    Event(#[expect(dead_code, reason = "shown by Debug")] String),
    Commit,
}

/// Long values by their beginning and a number.
fn shown(line: &str) -> String {
    if line.len() < 400 {
        return line.to_owned();
    }
    let sum = line.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let start: String = line.chars().take(100).collect();
    format!("{start}... {} bytes, {sum:08x}", line.len())
}
