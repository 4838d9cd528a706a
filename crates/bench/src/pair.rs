//! Two servers, and tables replicated from one to the other by one of the sides.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use system_tests::under_test::finish;
use system_tests::{Cluster, Database, Impl, Node, Ticker, holds, wait_for};

use crate::process::whole_cpu;

/// Londiste of this project.
pub const OURS: &str = "ours";
/// The original.
pub const REFERENCE: &str = "reference";
/// Logical replication of PostgreSQL.
pub const NATIVE: &str = "native";
/// Those who replicate, in the order of reports.
pub const SIDES: &[&str] = &[OURS, REFERENCE, NATIVE];

/// The daemon that changes the target.
pub const WORKER: &str = "worker";
/// The daemon of the source's node.
pub const ROOT_WORKER: &str = "root worker";
/// The daemon that makes ticks.
pub const TICKER: &str = "pgqd";

/// The queue of the londiste sides, the subscription and publication of the other.
pub const QUEUE: &str = "bench";

/// Where a statement of a load wants to end a batch; nothing for the side without batches.
pub const TICK: &str = "/*tick*/";

/// Ends the batch. `pgq.force_tick` is for a queue without events: it uses up numbers of events, and who asks how many there
/// are between two ticks is told of thousands.
const MAKE_TICK: &str = "perform pgq.ticker('bench');";

/// One event is enough for a tick, for loads that make their own.
const TICKS_ARE_DUE: &str = "select pgq.set_queue_config('bench', 'ticker_max_count', '1')";

/// PostgreSQL's settings, but nothing waits for disks, a subscription that was paused starts at once, and ten thousand tables
/// can be added in one transaction.
const SETTINGS: &str = "
fsync = off
synchronous_commit = on
full_page_writes = on
shared_buffers = 512MB
max_wal_size = 8GB
checkpoint_timeout = 1h
max_wal_senders = 10
max_locks_per_transaction = 256
wal_retrieve_retry_interval = 100ms
";

/// The table with the marks, see [`Pair::mark`].
const MARKS: &str = "create schema app; create table app.marks (id int primary key)";

/// How long anything may take: a transaction of millions of rows takes the original some minutes.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A source, a target, and what replicates between them. Tables are those of schema `app`.
pub struct Pair {
    machinery: Machinery,
    src: Database,
    dst: Database,
    source: Cluster,
    target: Cluster,
    marks: i32,
}

enum Machinery {
    Londiste(Box<Cascade>),
    Native,
}

struct Cascade {
    root: Node,
    leaf: Node,
    ticker: Ticker,
}

impl Pair {
    /// Servers with these tables on both, and the daemons of the side, all with their usual settings.
    pub fn start(side: &str, tables: &str) -> Self {
        let wal_level = if side == NATIVE { "logical" } else { "replica" };
        let settings = format!("{SETTINGS}wal_level = {wal_level}\n");
        let (source, target) =
            (Cluster::start_configured(&settings), Cluster::start_configured(&settings));
        let (src, dst) = (source.create_database("src"), target.create_database("dst"));
        for db in [&src, &dst] {
            db.sql(MARKS);
            db.sql(tables);
        }
        let machinery = match side {
            NATIVE => Machinery::Native,
            REFERENCE => Machinery::Londiste(Cascade::start(Impl::Reference, &src, &dst)),
            OURS => Machinery::Londiste(Cascade::start(Impl::Ours, &src, &dst)),
            other => panic!("nobody called {other} replicates"),
        };
        Self { machinery, src, dst, source, target, marks: 0 }
    }

    /// The source.
    pub fn src(&self) -> &Database {
        &self.src
    }

    /// The target.
    pub fn dst(&self) -> &Database {
        &self.dst
    }

    /// From now on changes of the tables, which are equal on both sides, arrive on the target.
    pub fn subscribe(&mut self) {
        self.publish();
        match &self.machinery {
            Machinery::Londiste(cascade) => add_tables(&cascade.leaf, &["--expect-sync"]),
            Machinery::Native => self.create_subscription("copy_data = false"),
        }
        self.wait_until_equal();
    }

    /// The source offers its tables.
    pub fn publish(&self) {
        match &self.machinery {
            Machinery::Londiste(cascade) => add_tables(&cascade.root, &[]),
            Machinery::Native => {
                self.src.sql(&format!("create publication {QUEUE} for all tables"));
            }
        }
    }

    /// The target copies all tables that are offered. With `command` the operator waits in the command that adds them, where
    /// there is one; otherwise until the database says that they are in sync.
    pub fn copy(&self, command: bool) {
        match &self.machinery {
            Machinery::Londiste(cascade) if command => add_tables(&cascade.leaf, &["--wait-sync"]),
            Machinery::Londiste(cascade) => {
                add_tables(&cascade.leaf, &[]);
                self.wait_for_none(
                    "londiste.table_info where local and merge_state is distinct from 'ok'",
                );
            }
            Machinery::Native => {
                self.create_subscription("copy_data = true");
                self.wait_for_none("pg_subscription_rel where srsubstate <> 'r'");
            }
        }
    }

    fn create_subscription(&self, how: &str) {
        self.dst.sql(&format!(
            "create subscription {QUEUE} connection '{}' publication {QUEUE} with ({how})",
            self.src.connstr()
        ));
    }

    fn wait_for_none(&self, of: &str) {
        let mut session = self.dst.client();
        let count = session.prepare(&format!("select count(*) from {of}")).expect("a good query");
        let left = || session.query_one(&count, &[]).expect("the target is up").get::<_, i64>(0);
        poll("the tables to be in sync", left, |&left| left == 0);
    }

    /// Stops what changes the target.
    pub fn pause(&self) {
        match &self.machinery {
            Machinery::Londiste(cascade) => cascade.leaf.stop_worker(),
            Machinery::Native => {
                self.dst.sql(&format!("alter subscription {QUEUE} disable"));
                wait_for("the end of the apply worker", PATIENCE, || {
                    let workers = self.dst.int("select count(pid) from pg_stat_subscription");
                    holds(workers == 0, format!("{workers} workers"))
                });
            }
        }
    }

    /// Starts it again.
    pub fn resume(&self) {
        match &self.machinery {
            Machinery::Londiste(cascade) => {
                cascade.leaf.start_worker();
            }
            Machinery::Native => self.dst.sql(&format!("alter subscription {QUEUE} enable")),
        }
    }

    /// Runs each script in a session of its own, all at once, on the source.
    pub fn load(&self, scripts: &[String]) {
        let tick = match self.machinery {
            Machinery::Londiste(_) => MAKE_TICK,
            Machinery::Native => "",
        };
        if !tick.is_empty() && scripts.iter().any(|script| script.contains(TICK)) {
            self.src.sql(TICKS_ARE_DUE);
        }
        std::thread::scope(|scope| {
            for script in scripts {
                scope.spawn(|| self.src.sql(&script.replace(TICK, tick)));
            }
        });
    }

    /// Writes a mark into the source, and ends the batch with it. What was committed on the source before is visible on
    /// the target when the mark is.
    pub fn mark(&mut self) {
        self.marks += 1;
        self.src.sql(&format!("insert into app.marks values ({})", self.marks));
        self.load(&[format!("do $$ begin {TICK} end $$")]);
    }

    /// Waits until the last mark is visible on the target.
    pub fn wait_for_mark(&self) {
        let mut session = self.dst.client();
        let seen = session.prepare("select 1 from app.marks where id = $1").expect("made above");
        let look = || session.query(&seen, &[&self.marks]).expect("the target is up").len();
        poll("the mark", look, |&found| found == 1);
    }

    /// Waits until the target has everything that the source has now.
    pub fn wait_until_equal(&mut self) {
        self.mark();
        self.wait_for_mark();
    }

    /// Compares all tables.
    ///
    /// # Panics
    /// When they differ.
    pub fn must_be_equal(&self) {
        let tables =
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'app'";
        let mut sessions = [&self.src, &self.dst].map(Database::client);
        for table in self.src.text(tables).lines() {
            let rows = format!(
                "select count(*)::text || ' rows, hash ' || coalesce(sum(hashtextextended(row::text, 0)), 0)
                   from {table} row"
            );
            let [source, target] = sessions.each_mut().map(|session| {
                session.query_one(&rows, &[]).expect("the table is there").get::<_, String>(0)
            });
            assert!(source == target, "{table} differs: source {source}, target {target}");
        }
    }

    /// CPU time so far of everything on both sides: servers, with whoever is connected, and daemons.
    pub fn cpu(&self) -> Duration {
        self.servers().into_iter().chain(self.daemons()).map(|(_, pid)| whole_cpu(pid)).sum()
    }

    /// Process numbers of the two servers, with what they are.
    pub fn servers(&self) -> [(&'static str, u32); 2] {
        [("source server", self.source.server_pid()), ("target server", self.target.server_pid())]
    }

    /// Process numbers of the daemons that run, with what they are.
    pub fn daemons(&self) -> Vec<(&'static str, u32)> {
        let Machinery::Londiste(cascade) = &self.machinery else { return Vec::new() };
        let Cascade { root, leaf, ticker } = &**cascade;
        let all =
            [(WORKER, leaf.worker()), (ROOT_WORKER, root.worker()), (TICKER, ticker.daemon())];
        all.into_iter().filter_map(|(name, daemon)| Some((name, daemon.pid()?))).collect()
    }
}

impl Cascade {
    fn start(implementation: Impl, src: &Database, dst: &Database) -> Box<Self> {
        let node = |name, db| Node::new(implementation, name, db, QUEUE).with_usual_pauses();
        let (root, leaf) = (node("root", src), node("leaf", dst));
        let ticker = Ticker::new(implementation, src).with_usual_periods();
        root.londiste(["create-root", "root", &src.connstr()]).ok();
        let provider = format!("--provider={}", src.connstr());
        leaf.londiste(["create-leaf", "leaf", &dst.connstr(), &provider]).ok();
        ticker.start();
        root.start_worker();
        leaf.start_worker();
        Box::new(Self { root, leaf, ticker })
    }
}

fn add_tables(node: &Node, options: &[&str]) {
    let mut command = node.command();
    command.args(["add-table", "--all"]).args(options);
    finish(PATIENCE, &mut command).ok();
}

/// Looks until the answer is good. It looks often, because what is measured may take milliseconds only.
fn poll<T: Debug>(what: &str, mut look: impl FnMut() -> T, good: impl Fn(&T) -> bool) {
    let started = Instant::now();
    loop {
        let seen = look();
        if good(&seen) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "waited too long for {what}, last seen: {seen:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
