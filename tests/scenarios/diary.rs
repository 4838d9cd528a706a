//! The setting of most stories: a site where users log in and out, one server that has it, one that shall.
//!
//! Four tables, two of them without a primary key at first; a load that logs users in and out; a root node, a leaf
//! node and a ticker, each run by whichever implementation the [`Cast`] says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use postgres::Client;
use system_tests::ticker::is_ticked;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Database, Impl, Node, Ticker, holds, wait_for};

/// The queue of every story.
pub(crate) const QUEUE: &str = "replika";

/// The four tables with their keys, as londiste names them.
pub(crate) const TABLES: [(&str, &str); 4] = [
    ("app.user_info", "userid"),
    ("app.user_session", "userid"),
    ("app.user_login_rec", "id"),
    ("app.user_logout_rec", "id"),
];

/// The two sequences, as londiste names them.
pub(crate) const SEQUENCES: [&str; 2] = ["app.user_login_rec_id_seq", "app.user_logout_rec_id_seq"];

/// Users in the source when a story begins.
pub(crate) const USERS: u32 = 5_000;

/// The tables without rows; two of them have no key.
pub(crate) const SCHEMA: &str = "
create schema app;
create table app.user_info (
    userid int primary key, engname text, cnname text, occupation text, birthday date, signname text, email text,
    qq numeric, crt_time timestamp without time zone, mod_time timestamp without time zone);
create table app.user_session (
    userid int primary key, logintime timestamp(0) without time zone, login_count bigint default 0,
    logouttime timestamp(0) without time zone, online_interval interval default interval '0');
create table app.user_login_rec (userid int, login_time timestamp without time zone, ip inet);
create table app.user_logout_rec (userid int, logout_time timestamp without time zone, ip inet);
";

/// What the operator does when londiste refuses the two tables without a key.
pub(crate) const ADD_KEYS: &str = "
alter table app.user_login_rec add column id serial8 primary key;
alter table app.user_logout_rec add column id serial8 primary key;
";

/// Who plays which part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    /// Worker and commands of the root node.
    pub(crate) root: Impl,
    /// Worker and commands of the leaf node.
    pub(crate) leaf: Impl,
    /// The ticker.
    pub(crate) ticker: Impl,
}

impl Cast {
    /// One implementation for everything.
    pub(crate) fn all(implementation: Impl) -> Self {
        Self { root: implementation, leaf: implementation, ticker: implementation }
    }
}

/// A source and a target with the tables of the story, and the nodes and the ticker that nobody has started yet.
pub(crate) struct Stage {
    pub(crate) root: Node,
    pub(crate) leaf: Node,
    pub(crate) ticker: Ticker,
    // Dropped in this order: a daemon first, then the database it is connected to.
    pub(crate) source: Database,
    pub(crate) target: Database,
}

impl Stage {
    /// Both databases on the shared cluster.
    pub(crate) fn set(cast: Cast) -> Self {
        Self::on(cast, Cluster::shared(), Cluster::shared())
    }

    /// The databases on these clusters; users only in the source.
    pub(crate) fn on(cast: Cast, source: &Cluster, target: &Cluster) -> Self {
        let (source, target) = (source.create_database("src"), target.create_database("dst"));
        source.sql(SCHEMA);
        target.sql(SCHEMA);
        source.sql(&format!(
            "insert into app.user_info
                 select id, 'digoal.zhou', '德哥', 'DBA', '1970-01-01', E'it\\'s \\\\ tab\\there', 'user@example.com',
                        276732431.5, clock_timestamp(), null
                 from generate_series(1, {USERS}) id;
             insert into app.user_session (userid) select generate_series(1, {USERS})"
        ));
        Self::over(cast, source, target)
    }

    /// Databases as they are, without the tables of the story.
    pub(crate) fn over(cast: Cast, source: Database, target: Database) -> Self {
        let root = Node::new(cast.root, "src", &source, QUEUE);
        let leaf = Node::new(cast.leaf, "dst", &target, QUEUE).with("parallel_copies", "4");
        let ticker = Ticker::new(cast.ticker, &source);
        Self { root, leaf, ticker, source, target }
    }

    /// `create-root` and `create-leaf`, with ticks often enough for a test.
    #[track_caller]
    pub(crate) fn create_nodes(&self) {
        let (root, leaf) = (&self.root, &self.leaf);
        root.londiste(["create-root", root.name(), &self.source.connstr()]).ok();
        self.quick_ticks();
        let provider = format!("--provider={}", self.source.connstr());
        leaf.londiste(["create-leaf", leaf.name(), &self.target.connstr(), &provider]).ok();
    }

    /// The queue's default is a tick every three seconds under load, and one a minute without.
    pub(crate) fn quick_ticks(&self) {
        self.source.sql(&format!(
            "select pgq.set_queue_config('{QUEUE}', 'ticker_max_lag', '0.1 seconds');
             select pgq.set_queue_config('{QUEUE}', 'ticker_idle_period', '0.5 seconds')"
        ));
    }

    /// The ticker and both workers.
    #[track_caller]
    pub(crate) fn start_daemons(&self) {
        self.ticker.start();
        self.root.start_worker();
        self.leaf.start_worker();
    }

    /// Stops what [`Stage::start_daemons`] started, the polite way.
    #[track_caller]
    pub(crate) fn stop_daemons(&self) {
        self.leaf.stop_worker();
        self.root.stop_worker();
        self.ticker.stop();
    }

    /// Adds tables on the root and then on the leaf.
    #[track_caller]
    pub(crate) fn add_tables(&self, tables: &[&str]) {
        for node in [&self.root, &self.leaf] {
            node.londiste([&["add-table"], tables].concat()).ok();
        }
    }

    /// Nodes created, daemons running, keys added, all tables and sequences replicated and in sync.
    #[track_caller]
    pub(crate) fn replicate_everything(&self) {
        self.create_nodes();
        self.start_daemons();
        self.source.sql(ADD_KEYS);
        self.target.sql(ADD_KEYS);
        for node in [&self.root, &self.leaf] {
            node.londiste(["add-table", "--all"]).ok();
            node.londiste(["add-seq", "--all"]).ok();
        }
        self.leaf.londiste(["wait-sync"]).ok().says("All done");
    }

    /// Waits until the leaf has worked off everything the source has committed so far.
    #[track_caller]
    pub(crate) fn wait_caught_up(&self) {
        wait_caught_up(&self.source, &self.target, self.leaf.name());
    }

    /// Panics unless the tables have the same rows on both sides. Waits for nothing.
    #[track_caller]
    pub(crate) fn assert_equal(&self, tables: &[(&str, &str)]) {
        for &(table, key) in tables {
            assert_same_rows((&self.source, table), (&self.target, table), key);
        }
    }
}

/// States of the tables of a node, `NAME|STATE` per line.
pub(crate) fn states(db: &Database) -> String {
    db.text(&format!(
        "select table_name, merge_state from londiste.get_table_list('{QUEUE}') where local order by 1"
    ))
}

/// Waits until `consumer` has applied to `target` all that `source` has committed so far: its position has reached a tick
/// that sees it.
#[track_caller]
pub(crate) fn wait_caught_up(source: &Database, target: &Database, consumer: &str) {
    let tick = tick_behind_everything(source);
    wait_for(format!("tick {tick} on the target"), EVENTUALLY, || {
        let seen = target
            .try_text(&format!(
                "select completed_tick, cur_error from pgq_node.get_consumer_state('{QUEUE}', '{consumer}')"
            ))
            .map_err(|e| e.to_string())?;
        let reached = seen.split('|').next().and_then(|tick| tick.parse::<i64>().ok());
        holds(reached.is_some_and(|reached| reached >= tick), format!("tick and error: {seen}"))
    });
}

/// Has a tick made that sees all that `source` has committed so far, by its daemon or, where there is none, by us.
///
/// Its number alone does not say it: a tick that was under way has an older snapshot.
#[track_caller]
fn tick_behind_everything(source: &Database) -> i64 {
    let newest = source.int("select txid_current()");
    let alone = !is_ticked(source);
    let locked =
        source.text("select to_regprocedure('pgq._announce_tick(text)') is not null") == "t";
    let mut forced_behind = None;
    wait_for("a tick that sees everything", EVENTUALLY, || {
        let last = source.int(&format!("select last_tick_id from pgq.get_queue_info('{QUEUE}')"));
        if forced_behind.replace(last) != Some(last) {
            source.sql(&format!("select pgq.force_tick('{QUEUE}')"));
        }
        if alone || locked {
            source.sql(&format!("select pgq.ticker('{QUEUE}')"));
        }
        let tick = source.text(&format!(
            "select min(tick_id) from pgq.tick join pgq.queue on queue_id = tick_queue
              where queue_name = '{QUEUE}' and txid_visible_in_snapshot({newest}, tick_snapshot)"
        ));
        tick.parse::<i64>().map_err(|_| format!("the last tick is {last}"))
    })
}

/// Panics unless both tables have the same rows; shows the first that differs, not all.
#[track_caller]
pub(crate) fn assert_same_rows(left: (&Database, &str), right: (&Database, &str), key: &str) {
    let (left_rows, right_rows) = (left.0.rows(left.1, key), right.0.rows(right.1, key));
    if left_rows != right_rows {
        let (l, r): (Vec<_>, Vec<_>) = (left_rows.lines().collect(), right_rows.lines().collect());
        let first = l.iter().zip(&r).position(|(l, r)| l != r).unwrap_or(l.len().min(r.len()));
        panic!(
            "{} ({} rows) and {} ({} rows) differ, first here:\n{:?}\n{:?}",
            left.1,
            l.len(),
            right.1,
            r.len(),
            l.get(first),
            r.get(first)
        );
    }
}

/// Users logging in and out, until told to stop. Goes on through restarts of the server.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// One thread of logins, one of logouts.
    pub(crate) fn start(db: &Database) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = [LOGIN, LOGOUT]
            .map(|statements| {
                let (stop, done, connstr) = (stop.clone(), done.clone(), db.connstr());
                thread::spawn(move || Self::work(&connstr, statements, &stop, &done))
            })
            .into();
        Self { stop, done, threads }
    }

    fn work(connstr: &str, statements: &[&str], stop: &AtomicBool, done: &AtomicU64) {
        let mut client = None;
        let mut user = 0;
        while !stop.load(Ordering::Relaxed) {
            user = (user * 31 + 7) % USERS;
            let session = match client.take() {
                Some(session) => Ok(session),
                None => Client::connect(connstr, postgres::NoTls),
            };
            let worked = session.and_then(|mut session| {
                let mut transaction = session.transaction()?;
                for statement in statements {
                    transaction.batch_execute(&statement.replace("$1", &(user + 1).to_string()))?;
                }
                transaction.commit()?;
                Ok(session)
            });
            if let Ok(session) = worked {
                client = Some(session);
                done.fetch_add(1, Ordering::Relaxed);
            }
            // Two cores have to serve everybody: a steady trickle shows what a flood would.
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until so many more transactions are committed.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, transactions: u64) {
        let goal = self.done.load(Ordering::Relaxed) + transactions;
        wait_for(format!("{transactions} more transactions of the load"), SOON, || {
            let done = self.done.load(Ordering::Relaxed);
            holds(done >= goal, format!("{done} of {goal}"))
        });
    }

    /// Ends the load and returns the number of transactions it committed.
    #[track_caller]
    pub(crate) fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("the load does not panic");
        }
        let done = self.done.load(Ordering::Relaxed);
        assert!(done > 0, "the load did nothing");
        done
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

const LOGIN: &[&str] = &[
    "insert into app.user_login_rec (userid, login_time, ip) values ($1, now(), inet_client_addr())",
    "update app.user_session set logintime = now(), login_count = login_count + 1 where userid = $1",
];

const LOGOUT: &[&str] = &[
    "insert into app.user_logout_rec (userid, logout_time, ip) values ($1, now(), inet_client_addr())",
    "update app.user_session set logouttime = now(),
         online_interval = online_interval + (now() - logintime) where userid = $1",
];
