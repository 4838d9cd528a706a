//! What every command answers on a root and on a leaf that work: one session, typed at the original and at ours, compared
//! line by line; and ours as a snapshot.

use std::fs;

use system_tests::Impl::{self, Ours, Reference};
use system_tests::normalise::normalise;
use system_tests::wait::{SOON, holds};
use system_tests::{Cluster, wait_for};

use crate::diary::{Cast, Stage};

const TABLES: &str = "create table users (id int primary key, name text);
     create table orders (id int primary key, total int);
     create table spare (id int primary key);
     create sequence counter;
     create sequence unused;";

/// A set at work, and what was said so far.
struct Session {
    stage: Stage,
    text: String,
}

impl Session {
    fn new(implementation: Impl) -> Session {
        let cluster = Cluster::shared();
        let (source, target) = (cluster.create_database("src"), cluster.create_database("dst"));
        for db in [&source, &target] {
            db.sql(TABLES);
        }
        source.sql("insert into users values (1, 'a'), (2, 'b'); insert into orders values (1, 5)");
        let mut stage = Stage::over(Cast::all(implementation), source, target);
        // One table after the other, so that logs have one order.
        stage.leaf.set("parallel_copies", "1");
        Session { stage, text: String::new() }
    }

    fn root(&mut self, args: &[&str]) {
        let outcome = self.stage.root.londiste(args);
        self.record("root", args, &outcome);
    }

    fn leaf(&mut self, args: &[&str]) {
        let outcome = self.stage.leaf.londiste(args);
        self.record("leaf", args, &outcome);
    }

    fn both(&mut self, args: &[&str]) {
        self.root(args);
        self.leaf(args);
    }

    fn record(&mut self, node: &str, args: &[&str], outcome: &system_tests::Outcome) {
        let code = outcome.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
        let said = format!(
            "$ londiste {node}.ini {}\n{}{}exit {code}\n\n",
            args.join(" "),
            outcome.stdout,
            outcome.stderr
        );
        self.text.push_str(&comparable(&said, &self.stage));
    }

    fn wait_synced(&self) {
        wait_for("all tables to be in sync", SOON, || {
            let left = "select count(*) from londiste.table_info where local and merge_state is distinct from 'ok'";
            let left = self.stage.target.int(left);
            holds(left == 0, left)
        });
    }
}

/// Without what differs from run to run; tables are as wide as the names of this run's databases.
fn comparable(text: &str, stage: &Stage) -> String {
    let mut result = String::new();
    for line in normalise(text).lines() {
        let line = line
            .replace("<ts> <pid> ", "")
            .replace(stage.source.name(), "SRC")
            .replace(stage.target.name(), "DST");
        let line = number_after(&line, "Waiting for tick > ");
        let line = number_after(&line, "Got tick ");
        let line = if line.contains("dbname=") || line.trim_matches(['-', ' ']).is_empty() {
            let words = line.split_whitespace().filter(|word| !word.starts_with("----"));
            words.collect::<Vec<_>>().join(" ")
        } else {
            line
        };
        result.push_str(line.trim_end());
        result.push('\n');
    }
    result
}

fn number_after(line: &str, key: &str) -> String {
    match line.split_once(key) {
        Some((before, after)) => {
            format!("{before}{key}<tick>{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => line.to_owned(),
    }
}

/// What the original cannot do, or says in words of its own that nobody relies on.
fn only_ours(session: &mut Session) {
    session.text.push_str(ONLY_OURS);
    session.leaf(&["show-handlers", "londiste"]);
    // The packaged original stumbles over nodes that are dead.
    session.root(&["tag-dead", "dst"]);
    session.root(&["members"]);
    session.root(&["status"]);
    session.root(&["tag-alive", "dst"]);
    session.root(&["grants"]);
    session.root(&["drop-node", "dst"]);
    session.root(&["status"]);
}

const ONLY_OURS: &str = "# only ours\n\n";

/// Everything but what stops or starts daemons, on nodes that are at work.
fn story(implementation: Impl) -> String {
    let mut session = Session::new(implementation);
    session.stage.create_nodes();
    session.stage.start_daemons();
    session.root(&["add-table", "users", "orders"]);
    session.root(&["add-seq", "counter"]);
    // The leaf has heard of them before it is asked to take them.
    session.stage.wait_caught_up();
    session.leaf(&["add-table", "users", "orders"]);
    session.leaf(&["add-seq", "counter"]);
    session.wait_synced();
    session.leaf(&["wait-sync"]);
    session.both(&["tables"]);
    session.leaf(&["tables", "--names-only"]);
    session.both(&["seqs"]);
    session.leaf(&["missing"]);
    session.both(&["members"]);
    session.both(&["node-info"]);
    session.both(&["wait-root"]);
    session.leaf(&["wait-provider"]);
    session.stage.wait_caught_up();
    session.both(&["node-status"]);
    session.root(&["status"]);
    session.leaf(&["status", "--compact"]);
    session.leaf(&["pause"]);
    session.leaf(&["node-info"]);
    session.leaf(&["status"]);
    session.leaf(&["resume"]);
    session.leaf(&["compare", "--count-only"]);
    // What cannot be compared is told before anything else.
    session.leaf(&["compare", "spare", "users"]);
    session.leaf(&["change-handler", "users"]);
    session.leaf(&["show-handlers"]);

    let script = "--*-- Local-Table: users\n\nalter table @users@ add column age int;\nselect 1;\n";
    fs::write(session.stage.root.folder().join("age.sql"), script).expect("own folder");
    fs::write(session.stage.root.folder().join("other.sql"), "--*-- Need-Table: nosuch\nselect 1;")
        .expect("own folder");
    session.root(&["execute", "age.sql", "other.sql"]);
    session.root(&["execute", "age.sql"]);
    session.root(&["execute"]);

    session.leaf(&["resync", "orders"]);
    session.wait_synced();
    session.leaf(&["remove-seq", "counter"]);
    session.leaf(&["remove-table", "orders"]);
    session.root(&["remove-table", "users"]);
    session.root(&["remove-seq", "counter"]);
    session.root(&["tables"]);
    session.root(&["seqs"]);

    session.stage.stop_daemons();
    session.root(&["-r"]);
    session.root(&["--set", "loop_delay=-1", "worker", "--rewind"]);
    session.leaf(&["--set", "loop_delay=-1", "worker", "--reset"]);
    if implementation == Ours {
        only_ours(&mut session);
    }
    session.text
}

/// Lines that ours has more or otherwise, on purpose. What remains has to be the same.
fn wanted(text: &str) -> Vec<&str> {
    let common = text.split(ONLY_OURS).next().unwrap_or_default();
    // Statistics come when their time has come.
    let more = |line: &str| line.starts_with("HINT:  ") || line.starts_with("INFO {");
    common.lines().filter(|line| !line.is_empty() && !more(line)).collect()
}

#[test]
fn the_same_words_as_the_original() {
    let (theirs, ours) = (story(Reference), story(Ours));
    let (theirs, ours) = (wanted(&theirs), wanted(&ours));
    assert!(theirs.len() > 100, "{theirs:?}");
    assert_eq!(ours.join("\n"), theirs.join("\n"), "ours on the left");
}

#[test]
fn ours_as_it_stands() {
    insta::assert_snapshot!(story(Ours));
}

/// The log of a worker from its start to its stop.
#[test]
fn the_life_of_a_worker() {
    let session = Session::new(Ours);
    let stage = &session.stage;
    stage.create_nodes();
    stage.ticker.start();
    let before = stage.leaf.log().len();
    stage.leaf.start_worker();
    stage.wait_caught_up();
    stage.leaf.reload();
    stage.leaf.wait_log("Config reloaded", SOON);
    stage.leaf.stop_worker();
    let log = comparable(&stage.leaf.log()[before..], stage);
    let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with("INFO {")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
