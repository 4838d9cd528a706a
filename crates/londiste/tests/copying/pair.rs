//! A root and a leaf without daemons: the test starts the copies and plays the worker.

use std::process::{Child, Stdio};

use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Database, Impl, Node, wait_for};

/// The structure of the tables in these tests, on both sides.
pub(crate) const TABLE: &str =
    "create table t (id int primary key, name text, k int unique, check (id > 0));
     create index t_name on t (name) where k > 0";

/// The worker's name.
const LEAF: &str = "leaf";

/// A root and a leaf without daemons.
pub(crate) struct Pair {
    pub(crate) src: Database,
    pub(crate) dst: Database,
    pub(crate) leaf: Node,
}

impl Pair {
    pub(crate) fn new(structure: &str) -> Self {
        let src = Cluster::shared().create_database("src");
        let dst = Cluster::shared().create_database("dst");
        let root = Node::new(Impl::Ours, "root", &src, "q");
        let leaf = Node::new(Impl::Ours, LEAF, &dst, "q");
        root.londiste(["create-root", "root", &src.connstr()]).ok();
        let provider = format!("--provider={}", src.connstr());
        leaf.londiste(["create-leaf", LEAF, &dst.connstr(), &provider]).ok();
        for db in [&src, &dst] {
            db.sql(structure);
        }
        Self { src, dst, leaf }
    }

    /// Adds a table on both sides and makes it in-copy, as the worker would.
    pub(crate) fn add(&self, table: &str, attrs: &str) {
        self.src.sql(&format!("select londiste.local_add_table('q', '{table}')"));
        let attrs = if attrs.is_empty() { "null".to_owned() } else { format!("'{attrs}'") };
        self.dst.sql(&format!(
            "select londiste.global_add_table('q', '{table}');
             select londiste.local_add_table('q', '{table}', null, {attrs})"
        ));
        self.set_state(table, "in-copy");
    }

    pub(crate) fn set_state(&self, table: &str, state: &str) {
        self.dst.sql(&format!(
            "update londiste.table_info set merge_state = nullif('{state}', '')
              where queue_name = 'q' and table_name = '{table}'"
        ));
    }

    pub(crate) fn state(&self, table: &str) -> String {
        self.dst.text(&format!(
            "select merge_state from londiste.table_info where table_name = '{table}'"
        ))
    }

    #[track_caller]
    pub(crate) fn wait_state(&self, table: &str, start: &str) -> String {
        wait_for(format!("{table} to be {start}"), EVENTUALLY, || {
            let state = self.state(table);
            if state.starts_with(start) {
                Ok(state)
            } else {
                Err(format!("{state}; log:\n{}", self.leaf.log()))
            }
        })
    }

    pub(crate) fn tick(&self) {
        self.src.sql("select pgq.force_tick('q'); select pgq.ticker('q')");
    }

    /// Starts the copy; `crash_point` names the place where it shall die.
    pub(crate) fn copy(&self, table: &str, crash_point: Option<&str>) -> Child {
        let mut command = self.leaf.command();
        command.args(["copy", table]).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(place) = crash_point {
            command.env(londiste::crash_point::VARIABLE, place);
        }
        command.spawn().expect("our own program")
    }

    /// Plays the worker: goes through its batches until it stands before one where the table can be handed over.
    #[track_caller]
    pub(crate) fn do_sync(&self, table: &str) {
        let wanted = self.wait_state(table, "wanna-sync:");
        let wanted: i64 = wanted["wanna-sync:".len()..].parse().expect("a tick");
        self.tick();
        loop {
            let batch = self.src.text(&format!(
                "select batch_id, cur_tick_id from pgq.next_batch_custom('q', '{LEAF}', null, null, null)"
            ));
            let (batch, tick) = batch.split_once('|').expect("two columns");
            let tick: i64 = tick.parse().unwrap_or_else(|_| panic!("no batch before {wanted}"));
            if tick >= wanted {
                return self.set_state(table, &format!("do-sync:{tick}"));
            }
            self.dst.sql(&format!("select pgq_node.set_consumer_completed('q', '{LEAF}', {tick})"));
            self.src.sql(&format!("select pgq.finish_batch({batch})"));
        }
    }

    /// The table is handed over and nothing of the copy is left.
    #[track_caller]
    pub(crate) fn assert_done(&self, table: &str, copy: Child) {
        self.wait_state(table, "ok");
        self.ends_well(copy);
        self.assert_no_consumers();
        assert_eq!(self.dst.text(&format!("select custom_snapshot, dropped_ddl from londiste.table_info where table_name = '{table}'")), "|");
    }

    /// The copy says so itself, with exit code 0.
    #[track_caller]
    pub(crate) fn ends_well(&self, mut copy: Child) {
        let status = wait_for("the end of the copy", SOON, || {
            copy.try_wait().expect("our own child").ok_or_else(|| self.leaf.log())
        });
        assert!(status.success(), "{status}\n{}", self.leaf.log());
    }

    /// No copy is registered, here or there.
    #[track_caller]
    pub(crate) fn assert_no_consumers(&self) {
        let (queue, node) = ("pgq.get_consumer_info('q')", "pgq_node.local_state");
        for (db, place) in [(&self.src, queue), (&self.dst, node)] {
            let seen = db.text(&format!(
                "select consumer_name from {place} where consumer_name like '%copy%'"
            ));
            assert_eq!(seen, "", "{place}");
        }
    }

    #[track_caller]
    pub(crate) fn assert_equal(&self, table: &str) {
        assert_eq!(self.dst.rows(table, "1"), self.src.rows(table, "1"));
    }

    pub(crate) fn structure(&self, table: &str) -> String {
        self.dst.text(&format!(
            "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = '{table}'::regclass
             union all
             select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index where indrelid = '{table}'::regclass
             order by 1, 2"
        ))
    }

    /// The log without times, pids and tick numbers.
    pub(crate) fn log(&self) -> String {
        let lines = self.leaf.log();
        let lines = lines.lines().filter_map(|line| {
            let at =
                ["DEBUG ", "INFO ", "WARNING ", "ERROR "].iter().find_map(|level| line.find(level));
            at.map(|at| line[at..].to_owned())
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[track_caller]
pub(crate) fn killed(mut copy: Child, pair: &Pair) {
    let status = wait_for("the crash", EVENTUALLY, || {
        copy.try_wait().expect("our own child").ok_or_else(|| pair.leaf.log())
    });
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9),
        "{}",
        pair.leaf.log()
    );
}
