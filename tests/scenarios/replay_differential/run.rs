//! One root and two leaves, one run by our worker, one by the reference's, and histories on all three.

use std::process::Stdio;
use std::time::Duration;

use postgres::{Client, NoTls};
use system_tests::histories::{
    PRINTING, Player, Side, Step, Transactions, World, in_schema, kinds,
};
use system_tests::random::Random;
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Impl, Node, holds, wait_for};

const QUEUE: &str = "replika";

/// A world and what happens to it.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) world: World,
    pub(super) steps: Vec<Step>,
}

/// What a leaf made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The rows in the end.
    Rows(Vec<String>),
    /// Something in this round of lives could not be applied; the worker's words.
    Stuck(String),
}

/// A life seen from three sides.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) ours: Outcome,
    pub(super) theirs: Outcome,
    /// Rows of the tables that are the same everywhere, at the source and on our leaf.
    pub(super) source: Vec<String>,
    pub(super) copy: Vec<String>,
}

impl Life {
    pub(super) fn interfered(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::OnLeaves(_)))
    }
}

impl Seen {
    pub(super) fn stuck(&self) -> bool {
        matches!(self.ours, Outcome::Stuck(_)) || matches!(self.theirs, Outcome::Stuck(_))
    }
}

/// The cascade.
pub(super) struct Cascade {
    ours: Leaf,
    theirs: Leaf,
    source: Client,
    source_db: Database,
    rounds: u64,
}

struct Leaf {
    // Dropped in this order.
    node: Node,
    client: Client,
    replica: Client,
    _db: Database,
}

impl Leaf {
    fn create(implementation: Impl, side: Side, source: &Database) -> Self {
        let name = format!("{side:?}").to_lowercase();
        let db = Cluster::shared().create_database(&name);
        let node = Node::new(implementation, &name, &db, QUEUE).with("loop_delay", "0.1");
        let provider = format!("--provider={}", source.connstr());
        node.londiste(["create-leaf", &name, &db.connstr(), &provider]).ok();
        db.sql(kinds::PRELUDE);
        // Few events are much: many ticks are taken at once, and the next ones read ahead.
        let mut worker = node.command();
        worker.args(["-d", "worker"]).env("LONDISTE_ENOUGH_EVENTS", "30").stdout(Stdio::null());
        assert!(worker.status().expect("a program of londiste").success(), "the daemon detached");
        let (client, mut replica) = (session(&db), session(&db));
        must(&mut replica, "set session_replication_role = replica");
        Self { node, client, replica, _db: db }
    }

    /// The position and the error.
    fn state(&mut self) -> (i64, Option<String>) {
        let sql = "select completed_tick, cur_error from pgq_node.get_consumer_state($1, $2)";
        let row = self.client.query_one(sql, &[&QUEUE, &self.node.name()]).expect("our own query");
        (row.get(0), row.get(1))
    }

    /// Waits until everything up to the tick is applied, or cannot be.
    fn wait(&mut self, tick: i64) -> Option<String> {
        let what = format!("tick {tick} at {}", self.node.name());
        wait_for(what, EVENTUALLY, || match self.state() {
            (_, Some(error)) => Ok(Some(error)),
            (at, None) if at >= tick => Ok(None),
            (at, None) => Err(at),
        })
    }

    /// The worker goes on without these tables.
    fn give_up(&mut self, tables: &[String], tick: i64) {
        for table in tables {
            self.remove(table);
        }
        wait_for(format!("{} to go on", self.node.name()), EVENTUALLY, || {
            let (at, error) = self.state();
            holds(at >= tick && error.is_none(), format!("{at}, {error:?}"))
        });
    }

    fn remove(&mut self, table: &str) {
        let sql = "select ret_code from londiste.local_remove_table($1, $2)";
        self.client.query(sql, &[&QUEUE, &table]).expect("it can be removed");
    }
}

impl Cascade {
    pub(super) fn start() -> Self {
        let source_db = Cluster::shared().create_database("src");
        let root = Node::new(Impl::Ours, "src", &source_db, QUEUE);
        root.londiste(["create-root", "src", &source_db.connstr()]).ok();
        source_db.sql(kinds::PRELUDE);
        Self {
            ours: Leaf::create(Impl::Ours, Side::Ours, &source_db),
            theirs: Leaf::create(Impl::Reference, Side::Reference, &source_db),
            source: session(&source_db),
            source_db,
            rounds: 0,
        }
    }

    pub(super) fn stop(self) {
        self.ours.node.stop_worker();
        self.theirs.node.stop_worker();
    }

    /// Lives side by side: their transactions overlap, their changes share batches.
    pub(super) fn run(&mut self, lives: &[Life]) -> Vec<Seen> {
        self.rounds += 1;
        let schemas: Vec<String> =
            (0..lives.len()).map(|number| format!("w{}_{number}", self.rounds)).collect();
        let tables = self.set_up(lives, &schemas);
        let stuck = self.play(lives, &schemas);
        let seen = lives.iter().zip(&schemas).map(|(life, schema)| self.look(life, schema));
        let mut seen: Vec<Seen> = seen.collect();
        let tick = self.tick();
        let [ours, theirs] = stuck;
        for (leaf, error, of) in [
            (&mut self.ours, ours, (|seen| &mut seen.ours) as fn(&mut Seen) -> &mut Outcome),
            (&mut self.theirs, theirs, |seen| &mut seen.theirs),
        ] {
            if let Some(error) = error {
                leaf.give_up(&tables, tick);
                for seen in &mut seen {
                    *of(seen) = Outcome::Stuck(error.clone());
                }
            }
        }
        self.clean_up(&tables, &schemas);
        seen
    }

    fn set_up(&mut self, lives: &[Life], schemas: &[String]) -> Vec<String> {
        let mut tables = Vec::new();
        for (life, schema) in lives.iter().zip(schemas) {
            for (client, side) in [
                (&mut self.source, Side::Source),
                (&mut self.ours.client, Side::Ours),
                (&mut self.theirs.client, Side::Reference),
            ] {
                let ddl = in_schema(&life.world.ddl(side), schema);
                must(client, &format!("create schema {schema}; {ddl}"));
            }
            for (name, argument) in life.world.tables() {
                let table = format!("{schema}.{name}");
                let arguments: Vec<String> =
                    ["expect_sync".to_owned()].into_iter().chain(argument).collect();
                add(&mut self.source, &table, &arguments);
                for leaf in [&mut self.ours, &mut self.theirs] {
                    let known = "select ret_code from londiste.global_add_table($1, $2)";
                    leaf.client.query(known, &[&QUEUE, &table]).expect("a new table");
                    add(&mut leaf.client, &table, &["expect_sync".to_owned()]);
                }
                tables.push(table);
            }
        }
        tables
    }

    /// Everything that happens, until both leaves have seen it. What our leaf and theirs got stuck at.
    fn play(&mut self, lives: &[Life], schemas: &[String]) -> [Option<String>; 2] {
        let mut actors: Vec<(Player<'_>, Client, std::slice::Iter<'_, Step>)> = lives
            .iter()
            .zip(schemas)
            .map(|(life, schema)| {
                let player = Player::new(&life.world, schema, Transactions::Real);
                (player, session(&self.source_db), life.steps.iter())
            })
            .collect();
        let mut stuck = [None, None];
        let mut random = Random::new(lives.len() as u64);
        let mut awake: Vec<usize> = (0..lives.len()).collect();
        while !awake.is_empty() {
            let turn = random.below(awake.len());
            let number = awake[turn];
            let (player, client, steps) = &mut actors[number];
            let step = steps.next().unwrap_or(&Step::Commit);
            player.play(step, &mut |sql| client.batch_execute(sql).is_ok());
            if steps.as_slice().is_empty() {
                player.play(&Step::Commit, &mut |sql| client.batch_execute(sql).is_ok());
                awake.swap_remove(turn);
            }
            match step {
                Step::Tick => drop(self.tick()),
                Step::OnLeaves(sql) => {
                    self.wait(&mut stuck);
                    let sql = in_schema(sql, &schemas[number]);
                    for (leaf, stuck) in [&mut self.ours, &mut self.theirs].into_iter().zip(&stuck)
                    {
                        if stuck.is_none() {
                            // Refused here, it is refused there.
                            let _ = leaf.replica.batch_execute(&sql);
                        }
                    }
                }
                _ => {}
            }
        }
        self.wait(&mut stuck);
        stuck
    }

    fn tick(&mut self) -> i64 {
        let sql = format!("select pgq.force_tick('{QUEUE}'); select pgq.ticker('{QUEUE}')");
        must(&mut self.source, &sql);
        let sql = "select last_tick_id from pgq.get_queue_info($1)";
        self.source.query_one(sql, &[&QUEUE]).expect("our own query").get(0)
    }

    /// Waits for those that are not stuck yet.
    fn wait(&mut self, stuck: &mut [Option<String>; 2]) {
        let tick = self.tick();
        for (leaf, stuck) in [&mut self.ours, &mut self.theirs].into_iter().zip(stuck) {
            if stuck.is_none() {
                *stuck = leaf.wait(tick);
            }
        }
    }

    fn look(&mut self, life: &Life, schema: &str) -> Seen {
        let leaf = life.world.leaf_queries();
        let all = life.world.source_queries();
        Seen {
            ours: Outcome::Rows(rows(&mut self.ours.client, schema, &leaf)),
            theirs: Outcome::Rows(rows(&mut self.theirs.client, schema, &leaf)),
            source: rows(&mut self.source, schema, &all),
            copy: rows(&mut self.ours.client, schema, &all),
        }
    }

    fn clean_up(&mut self, tables: &[String], schemas: &[String]) {
        for table in tables {
            self.ours.remove(table);
            self.theirs.remove(table);
            let sql = "select l.ret_code, g.ret_code from londiste.local_remove_table($1, $2) l,
                              londiste.global_remove_table($1, $2) g";
            self.source.query(sql, &[&QUEUE, table]).expect("it can be removed");
        }
        // The leaves learn of it.
        let mut stuck = [None, None];
        self.wait(&mut stuck);
        assert_eq!(stuck, [None, None], "after tables were removed");
        for client in [&mut self.source, &mut self.ours.client, &mut self.theirs.client] {
            for schema in schemas {
                must(client, &format!("drop schema {schema} cascade"));
            }
        }
    }
}

fn session(db: &Database) -> Client {
    let mut config: postgres::Config = db.connstr().parse().expect("our own connect string");
    config.connect_timeout(Duration::from_secs(30)).notice_callback(|_| {});
    let mut client = config.connect(NoTls).unwrap_or_else(|e| panic!("cannot connect: {e}"));
    must(&mut client, PRINTING);
    must(&mut client, "set statement_timeout = '30s'");
    client
}

#[track_caller]
fn must(client: &mut Client, sql: &str) {
    client.batch_execute(sql).unwrap_or_else(|e| panic!("{:?}\n{sql}", e.as_db_error()));
}

#[track_caller]
fn add(client: &mut Client, table: &str, arguments: &[String]) {
    let sql = "select ret_code, ret_note from londiste.local_add_table($1, $2, $3)";
    let answer = client
        .query_one(sql, &[&QUEUE, &table, &arguments])
        .unwrap_or_else(|e| panic!("{table}: {:?}", e.as_db_error()));
    assert_eq!(answer.get::<_, i32>(0), 200, "{}", answer.get::<_, String>(1));
}

fn rows(client: &mut Client, schema: &str, queries: &[(String, String)]) -> Vec<String> {
    let mut all = Vec::new();
    for (label, query) in queries {
        let query = in_schema(query, schema);
        let found =
            client.query(&query, &[]).unwrap_or_else(|e| panic!("{:?}\n{query}", e.as_db_error()));
        for row in found {
            let line: String = row.get(0);
            all.push(format!("{label}: {line}"));
        }
    }
    all
}
