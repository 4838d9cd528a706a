//! Tables with handlers: what becomes of their events, the same with either implementation.

mod dispatch;
mod effects;
mod obfuscate;
mod shards;
mod stored_nowhere;

use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Impl, Node, Ticker, holds, wait_for};

use crate::diary::{QUEUE, wait_caught_up};
use crate::place::quick_ticks;

const MODULES: &str = "londiste.handlers.qtable, londiste.handlers.vtable, londiste.handlers.applyfn, \
                       londiste.handlers.multimaster, londiste.handlers.shard, londiste.handlers.bulk";

/// A function that hashes, which part of the rows a node has, and a table.
const PARTS: &str = "create schema partconf;
    create function partconf.get_hash_raw(int) returns int language sql immutable as 'select $1';
    create table partconf.conf (shard_nr int, shard_mask int, shard_count int);
    create table t (id int primary key, a text)";

/// A root and a node below it. Dropped in this order: daemons first, then their databases.
pub(crate) struct Pair {
    pub(crate) root: Node,
    pub(crate) below: Node,
    _ticker: Ticker,
    pub(crate) src: Database,
    pub(crate) dst: Database,
}

impl Pair {
    /// Nodes with these handler modules, workers running; `tables` is run on both sides first.
    #[track_caller]
    pub(crate) fn start(implementation: Impl, create: &str, modules: &str, tables: &str) -> Self {
        Self::start_with(implementation, create, modules, tables, &[])
    }

    /// The same with further keys in both ini files.
    #[track_caller]
    pub(crate) fn start_with(
        implementation: Impl,
        create: &str,
        modules: &str,
        tables: &str,
        keys: &[(&str, &str)],
    ) -> Self {
        let cluster = Cluster::shared();
        let (src, dst) = (cluster.create_database("src"), cluster.create_database("dst"));
        let node = |name, db: &Database| {
            db.sql(tables);
            keys.iter().fold(
                Node::new(implementation, name, db, QUEUE).with("handler_modules", modules),
                |node, (key, value)| node.with(key, value),
            )
        };
        let (root, below) = (node("root", &src), node("below", &dst));
        root.londiste(["create-root", "root", &src.connstr()]).ok();
        let provider = format!("--provider={}", src.connstr());
        below.londiste([create, "below", &dst.connstr(), &provider]).ok();
        quick_ticks(&src, QUEUE);
        let ticker =
            Ticker::for_databases(implementation, cluster.address(), &[src.name(), dst.name()]);
        ticker.start();
        root.start_worker();
        below.start_worker();
        Self { root, below, _ticker: ticker, src, dst }
    }

    /// `add-table` on both sides, with options for the one below, until the rows are there.
    #[track_caller]
    pub(crate) fn add(&self, table: &str, options: &[&str]) {
        self.root.londiste(["add-table", table]).ok();
        self.add_below(table, options);
    }

    /// `add-table` below, until the rows are there.
    #[track_caller]
    pub(crate) fn add_below(&self, table: &str, options: &[&str]) {
        wait_for(format!("{table} known below"), EVENTUALLY, || {
            let known = "select count(*) from londiste.table_info where table_name = 'public.";
            let seen = self.dst.int(&format!("{known}{table}'"));
            holds(seen == 1, seen)
        });
        self.below.londiste([&["add-table", table], options].concat()).ok();
        self.below.londiste(["wait-sync"]).ok();
    }

    /// Changes the source and waits until that has arrived.
    #[track_caller]
    pub(crate) fn write(&self, sql: &str) {
        self.src.sql(sql);
        wait_caught_up(&self.src, &self.dst, "below");
    }

    /// Data events of the table in a queue's present event table, without what differs between runs.
    #[track_caller]
    pub(crate) fn events(&self, db: &Database, queue: &str, table: &str) -> String {
        let current = "select queue_data_pfx || '_' || queue_cur_table from pgq.queue";
        let events = db.text(&format!("{current} where queue_name = '{queue}'"));
        db.text(&format!(
            "select ev_type, ev_data, ev_extra1, ev_extra3 from {events} where ev_extra1 = 'public.{table}' order by ev_id"
        ))
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.below.stop_worker();
            self.root.stop_worker();
        }
    }
}
