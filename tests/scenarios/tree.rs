//! A cascade of several nodes, with users who keep what they were promised.
//!
//! A [`Tree`] is a root and the branches and leaves below it, each a database of its own with the tables [`TABLES`] replicated.
//! [`Users`] write to whichever node takes their writes, and remember what was acknowledged.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use postgres::{Client, NoTls};
use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{
    Cluster, Database, Node, Outcome, Program, Ticker, holds, under_test, wait_for,
};

pub(crate) use crate::diary::QUEUE;

/// The table of every node, as londiste names it, and a second one that is updated and deleted from.
pub(crate) const TABLES: [(&str, &str); 2] = [("public.entry", "id"), ("public.counter", "id")];

const SCHEMA: &str = "create table entry (id bigint primary key, place text);
    create table counter (id int primary key, n bigint not null, last bigint)";

/// Who does what on a node, or on all of them. The schemas are those of whoever creates the node, and its ticker is as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    pub(crate) schemas: Impl,
    pub(crate) workers: Impl,
    pub(crate) commands: Impl,
}

impl Cast {
    pub(crate) const OURS: Cast = Cast { schemas: Ours, workers: Ours, commands: Ours };
    pub(crate) const THEIRS: Cast =
        Cast { schemas: Reference, workers: Reference, commands: Reference };
    /// Our commands on a cascade of theirs.
    pub(crate) const OUR_COMMANDS: Cast =
        Cast { schemas: Reference, workers: Reference, commands: Ours };
    /// Our programs on their schemas.
    pub(crate) const THEIR_SCHEMAS: Cast =
        Cast { schemas: Reference, workers: Ours, commands: Ours };
    /// Their commands on a cascade of ours.
    pub(crate) const THEIR_COMMANDS: Cast =
        Cast { schemas: Ours, workers: Ours, commands: Reference };
    /// Their workers on our schemas, under our commands.
    pub(crate) const THEIR_WORKERS: Cast =
        Cast { schemas: Ours, workers: Reference, commands: Ours };
}

/// A node and its database.
pub(crate) struct Place {
    pub(crate) node: Node,
    pub(crate) db: Database,
    cast: Cast,
}

impl Place {
    /// Who it reads from, as its own database says.
    pub(crate) fn provider(&self) -> String {
        self.info("provider_node")
    }

    /// A column of `pgq_node.get_node_info`.
    pub(crate) fn info(&self, column: &str) -> String {
        self.db.text(&format!("select {column} from pgq_node.get_node_info('{QUEUE}')"))
    }

    /// Nodes that read from it, as its own database says.
    pub(crate) fn subscribers(&self) -> String {
        self.db.text(&format!(
            "select string_agg(node_name, ',' order by node_name) from pgq_node.get_subscriber_info('{QUEUE}')"
        ))
    }

    /// Names and marks of all members it knows.
    pub(crate) fn members(&self) -> String {
        self.db.text(&format!(
            "select string_agg(node_name || case when dead then ' (dead)' else '' end, ',' order by node_name)
               from pgq_node.get_queue_locations('{QUEUE}')"
        ))
    }

    /// The newest tick of its queue.
    pub(crate) fn top(&self) -> i64 {
        self.db.int(&format!("select last_tick_id from pgq.get_queue_info('{QUEUE}')"))
    }

    /// How far its worker is.
    pub(crate) fn position(&self) -> i64 {
        let name = self.node.name();
        self.db.int(&format!(
            "select completed_tick from pgq_node.get_consumer_state('{QUEUE}', '{name}')"
        ))
    }
}

/// The nodes in the order they were created, the first is the root at the beginning.
pub(crate) struct Tree {
    cast: Cast,
    tickers: Vec<Ticker>,
    places: Vec<Place>,
}

impl Tree {
    /// A root in this cluster, with its tables, and nothing below it yet. Nodes in the shared cluster are ticked by one
    /// ticker, so they are announced.
    pub(crate) fn plant(cast: Cast, cluster: &Cluster, root: &str) -> Self {
        let mut tree = Self { cast, tickers: Vec::new(), places: Vec::new() };
        let place = tree.place(cast, cluster, root);
        place.node.londiste(["create-root", root, &place.db.connstr()]).ok();
        tree.settle(place);
        tree
    }

    /// A node below another, with both tables in sync.
    #[track_caller]
    pub(crate) fn grow(&mut self, cluster: &Cluster, kind: &str, name: &str, provider: &str) {
        self.grow_as(self.cast, cluster, kind, name, provider);
    }

    /// The same, by others than the root.
    #[track_caller]
    pub(crate) fn grow_as(
        &mut self,
        cast: Cast,
        cluster: &Cluster,
        kind: &str,
        name: &str,
        provider: &str,
    ) {
        let place = self.place(cast, cluster, name);
        let from = format!("--provider={}", self.get(provider).db.connstr());
        place.node.londiste([kind, name, &place.db.connstr(), &from]).ok();
        self.settle(place);
    }

    /// All branches and leaves of these names below the root, in the shared cluster.
    #[track_caller]
    pub(crate) fn branches_and_leaves(&mut self, nodes: &[(&str, &str, &str)]) {
        for (kind, name, provider) in nodes {
            self.grow(Cluster::shared(), kind, name, provider);
        }
    }

    fn place(&self, cast: Cast, cluster: &Cluster, name: &str) -> Place {
        let db = cluster.create_database(name);
        db.sql(SCHEMA);
        if self.places.is_empty() {
            db.sql("insert into counter select i, 0, null from generate_series(0, 9) i");
        }
        let node = Node::new(cast.schemas, name, &db, QUEUE).with("parallel_copies", "2");
        Place { node, db, cast }
    }

    /// The daemons of a new node, and its tables.
    #[track_caller]
    fn settle(&mut self, mut place: Place) {
        if place.info("node_type") != "leaf" {
            for (key, value) in [("ticker_max_lag", "0.1 s"), ("ticker_idle_period", "0.5 s")] {
                place
                    .db
                    .sql(&format!("select pgq.set_queue_config('{QUEUE}', '{key}', '{value}')"));
            }
            // Of whoever the root is; on a branch it has nothing to do.
            let ticker = Ticker::new(place.cast.schemas, &place.db);
            ticker.start();
            self.tickers.push(ticker);
        }
        place.node.hand_over(place.cast.workers);
        place.node.start_worker();
        place.node.londiste(["add-table", "entry", "counter"]).ok();
        place.node.londiste(["wait-sync"]).ok();
        place.node.hand_over(place.cast.commands);
        self.places.push(place);
    }

    /// A node by its name.
    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> &Place {
        let place = self.places.iter().find(|place| place.node.name() == name);
        place.unwrap_or_else(|| panic!("no node {name}"))
    }

    /// Starts the worker of a node, of the cast's implementation whoever runs the commands.
    #[track_caller]
    pub(crate) fn start_worker(&self, name: &str) {
        let Place { node, cast, .. } = self.get(name);
        self.run_by(cast.workers, name, &["-d", "worker"]).ok();
        node.worker().wait_running();
    }

    /// Runs a command on a node by this implementation, whoever runs its others.
    #[track_caller]
    pub(crate) fn run_by(&self, implementation: Impl, name: &str, args: &[&str]) -> Outcome {
        let node = &self.get(name).node;
        let program = implementation.executable(Program::Londiste);
        let mut command = under_test::command(&program, node.folder());
        under_test::finish(SOON * 2, command.arg(node.ini()).args(args))
    }

    /// Another implementation runs the commands from here on.
    pub(crate) fn commands_by(&mut self, implementation: Impl) {
        for place in &mut self.places {
            place.node.hand_over(implementation);
        }
    }

    /// The ticker of a node that is not a leaf, by the node's number among these.
    pub(crate) fn ticker(&self, nr: usize) -> &Ticker {
        &self.tickers[nr]
    }

    /// Waits until everything that was written on `root` so far has arrived at all these nodes.
    #[track_caller]
    pub(crate) fn wait_caught_up(&self, root: &str, others: &[&str]) {
        let root = &self.get(root).db;
        let mark = root.text(&format!(
            "select pgq.insert_event('{QUEUE}', 'pgq.location-info', name,
                '{QUEUE}', node_location, dead::text, null)
            from (select node_name as name, node_location, dead from pgq_node.node_location
                   where queue_name = '{QUEUE}' order by node_name limit 1) x"
        ));
        assert!(!mark.is_empty());
        let before = root.int(&format!("select last_tick_id from pgq.get_queue_info('{QUEUE}')"));
        let tick = wait_for("a tick behind what was written", EVENTUALLY, || {
            root.sql(&format!("select pgq.force_tick('{QUEUE}')"));
            let newest =
                root.int(&format!("select last_tick_id from pgq.get_queue_info('{QUEUE}')"));
            holds(newest > before, newest).map(|()| newest)
        });
        for name in others {
            wait_for(format!("tick {tick} on {name}"), EVENTUALLY, || {
                let place = self.get(name);
                let seen = place
                    .db
                    .try_text(&format!(
                        "select completed_tick, cur_error from pgq_node.get_consumer_state('{QUEUE}', '{name}')"
                    ))
                    .map_err(|e| e.to_string())?;
                let reached = seen.split('|').next().and_then(|tick| tick.parse::<i64>().ok());
                holds(
                    reached.is_some_and(|reached| reached >= tick),
                    format!("tick and error: {seen}"),
                )
            });
        }
    }

    /// Panics unless all these nodes have the same rows in both tables.
    #[track_caller]
    pub(crate) fn assert_equal(&self, nodes: &[&str]) {
        let first = &self.get(nodes[0]).db;
        for name in &nodes[1..] {
            for (table, key) in TABLES {
                crate::diary::assert_same_rows((first, table), (&self.get(name).db, table), key);
            }
        }
    }

    /// Panics unless these nodes have the root's rows, both by what our `compare` says of each node and its provider, and by the
    /// rows themselves.
    #[track_caller]
    pub(crate) fn assert_compare_equal(&self, root: &str, others: &[&str]) {
        for name in others {
            let mut compared = self.run_by(Ours, name, &["compare"]).ok();
            for (table, _) in TABLES {
                compared = compared.says(&format!("INFO Counting {table}\n"));
            }
            compared.says_not("Results do not match!");
        }
        self.assert_equal(&[&[root], others].concat());
    }

    /// Panics unless `status` of this node shows these lines, without ticks and lags.
    #[track_caller]
    pub(crate) fn assert_tree(&self, name: &str, expected: &[&str]) {
        let seen = wait_for(format!("the tree {expected:?}"), SOON, || {
            let status = self.get(name).node.londiste(["status"]).ok();
            let titles: Vec<String> = status
                .stdout
                .lines()
                .filter(|line| line.ends_with(')') && !line.contains("Lag:"))
                .map(|line| line.trim_start_matches([' ', '|', '+', '-', ':']).to_owned())
                .collect();
            let mut sorted = titles.clone();
            sorted.sort();
            let mut wanted: Vec<String> = expected.iter().map(ToString::to_string).collect();
            wanted.sort();
            // That of a dead node, of which nothing is known.
            let living = status.stdout.replace("Lag: (n/a), PAUSED, NOT UPTODATE", "");
            holds(sorted == wanted && !living.contains("NOT UPTODATE"), &status).map(|()| living)
        });
        assert!(!seen.contains("PAUSED"), "{seen}");
    }

    /// Panics when a worker or command of these nodes logged an error.
    #[track_caller]
    pub(crate) fn assert_no_errors(&self, nodes: &[&str]) {
        for name in nodes {
            let log = self.get(name).node.log();
            assert!(!log.contains(" ERROR "), "{name}: {log}");
        }
    }
}

/// Somebody who writes to the first node that lets him, until told to stop.
pub(crate) struct Users {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<BTreeSet<(usize, i64)>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Users {
    /// Two of them. They try the nodes one after the other and stay where a write was accepted.
    pub(crate) fn start(databases: &[&Database]) -> Self {
        Self::start_after(0, databases)
    }

    /// The same, with ids above this one: after others, who have stopped.
    pub(crate) fn start_after(last: i64, databases: &[&Database]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
        let connstrs: Vec<String> = databases.iter().map(|db| db.connstr()).collect();
        let threads = (0..2)
            .map(|user| {
                let (stop, acknowledged, connstrs) =
                    (stop.clone(), acknowledged.clone(), connstrs.clone());
                thread::spawn(move || Self::work(last + user, &connstrs, &stop, &acknowledged))
            })
            .collect();
        Self { stop, acknowledged, threads }
    }

    fn work(
        first: i64,
        connstrs: &[String],
        stop: &AtomicBool,
        acknowledged: &Mutex<BTreeSet<(usize, i64)>>,
    ) {
        let (mut at, mut id, mut client): (usize, i64, Option<Client>) = (0, first, None);
        while !stop.load(Ordering::Relaxed) {
            let session = match client.take() {
                Some(session) => Ok(session),
                None => Client::connect(&connstrs[at], NoTls),
            };
            id += 2;
            let written = session.and_then(|mut session| {
                let mut transaction = session.transaction()?;
                transaction.batch_execute(&format!(
                    "insert into entry values ({id}, current_database());
                     update counter set n = n + 1, last = {id} where id = {id} % 10"
                ))?;
                transaction.commit()?;
                Ok(session)
            });
            match written {
                Ok(session) => {
                    client = Some(session);
                    acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert((at, id));
                }
                Err(_) => at = (at + 1) % connstrs.len(),
            }
            thread::sleep(Duration::from_millis(4));
        }
    }

    /// Ids whose commit was acknowledged by the database of that number.
    pub(crate) fn acknowledged_by(&self, nr: usize) -> BTreeSet<i64> {
        let all = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(at, _)| *at == nr).map(|(_, id)| *id).collect()
    }

    /// Waits until so many more writes were acknowledged by the database of that number.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, nr: usize, writes: usize) {
        let goal = self.acknowledged_by(nr).len() + writes;
        wait_for(format!("{writes} more writes"), SOON, || {
            let done = self.acknowledged_by(nr).len();
            holds(done >= goal, format!("{done} of {goal}"))
        });
    }

    /// Ends them.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("users do not panic");
        }
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Ids of the table that users write to.
pub(crate) fn ids(db: &Database) -> BTreeSet<i64> {
    let text = db.text("select id from entry");
    text.lines().map(|id| id.parse().expect("a number")).collect()
}
