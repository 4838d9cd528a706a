//! Where a node stands and where its provider believes it to stand: crashes between the two, and what happens when they do
//! not fit together at all.

use std::process::Stdio;

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Database, Ticker, holds, wait_for};

use crate::diary::{Load, QUEUE, TABLES};
use crate::place::{Place, events, newest_tick, ticks};

const SESSION: &str = TABLES[1].0;

/// A root, a branch and a leaf below it, running, with three tables in sync.
struct Line {
    root: Place,
    branch: Place,
    leaf: Place,
    ticker: Ticker,
}

fn line() -> Line {
    let root = Place::new(Ours, "root").with_users();
    let [branch, leaf] = ["branch", "leaf"].map(|name| Place::new(Ours, name));
    let ticker = Ticker::new(Ours, &root.db);
    root.create_root();
    branch.create("create-branch", &root, &[]);
    leaf.create("create-leaf", &branch, &[]);
    ticker.start();
    for place in [&root, &branch, &leaf] {
        place.node.start_worker();
        place.node.londiste(["add-table", TABLES[0].0, TABLES[1].0, TABLES[2].0]).ok();
    }
    for place in [&branch, &leaf] {
        place.node.londiste(["wait-sync"]).ok();
    }
    Line { root, branch, leaf, ticker }
}

impl Line {
    #[track_caller]
    fn assert_all_arrives(&self) {
        for place in [&self.branch, &self.leaf] {
            place.wait_caught_up(&self.root);
            place.assert_equal(&self.root, &TABLES[..3]);
        }
    }

    #[track_caller]
    fn stop(&self) {
        for place in [&self.root, &self.branch, &self.leaf] {
            place.node.stop_worker();
        }
        self.ticker.stop();
    }
}

/// Starts the worker and waits until it has died at `place`, as by `kill -9`.
#[track_caller]
fn dies_at(who: &Place, place: &str) {
    let mut worker = who.node.command();
    worker.arg("worker").env("LONDISTE_CRASH_POINT", place);
    let mut worker = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ours");
    wait_for(format!("the crash at {place}"), EVENTUALLY, || {
        worker.try_wait().expect("our own child").ok_or_else(|| who.node.log())
    });
    assert!(who.node.log().contains(&format!("crash point {place}")), "{}", who.node.log());
}

#[test]
fn a_branch_that_dies_anywhere_in_a_batch_loses_no_event_and_no_tick() {
    let stage = line();
    let Line { root, branch, .. } = &stage;
    let load = Load::start(&root.db);
    let begin = branch.position();
    branch.node.stop_worker();
    for place in ["batch-applied", "batch-committed", "branch-ticked", "batch-finished"] {
        load.wait_for_more(20);
        dies_at(branch, place);
        let (position, tick) = (branch.position(), newest_tick(branch));
        if place == "batch-committed" {
            assert!(position > tick, "the batch is in, at {position}, its tick not: {tick}");
        } else {
            assert_eq!(position, tick, "{place}");
        }
    }
    branch.node.start_worker();
    load.wait_for_more(20);
    load.stop();
    stage.assert_all_arrives();
    let end = newest_tick(branch);
    assert_eq!(ticks(branch, begin, end), ticks(root, begin, end));
    assert_eq!(events(branch, begin, end), events(root, begin, end));
    for place in [root, branch, &stage.leaf] {
        place.assert_never_failed();
    }
    stage.stop();
}

/// The leaf's database comes from a backup: it stands where its provider does not begin. Nothing is skipped by itself, and
/// the provider can go back as long as it has the events.
#[test]
fn a_restored_leaf_says_that_its_position_is_lost_and_is_rewound() {
    let mut stage = line();
    let load = Load::start(&stage.root.db);
    load.wait_for_more(30);
    stage.leaf.node.stop_worker();
    let backup = Database::copy_of(&stage.leaf.db, "backup");
    let restored = stage.leaf.position();
    stage.leaf.node.start_worker();
    load.wait_for_more(50);
    stage.leaf.wait_caught_up(&stage.root);
    stage.leaf.node.stop_worker();

    stage.leaf.node.set("db", &backup.connstr());
    stage.leaf.db = backup;
    load.wait_for_more(20);
    stage.leaf.node.start_worker();
    let text =
        format!(", dst has {restored} (--rewind moves the provider, --reset moves this node)");
    wait_for("the lost position in status", EVENTUALLY, || {
        let state = stage
            .leaf
            .db
            .text(&format!("select cur_error from pgq_node.get_consumer_state('{QUEUE}', 'leaf')"));
        holds(state.starts_with("Lost position: batch ") && state.ends_with(&text), state)
    });
    assert_eq!(stage.leaf.position(), restored);
    stage.leaf.node.stop_worker();
    stage.leaf.node.londiste(["worker", "--rewind"]).ok().says("INFO Rewinding queue");
    stage.leaf.node.start_worker();
    load.wait_for_more(20);
    load.stop();
    stage.assert_all_arrives();
    stage.stop();
}

/// The same when the provider has no events from there on any more: the node goes where the provider is, and its tables are
/// copied again.
#[test]
fn a_restored_leaf_whose_events_are_gone_is_reset_and_copied_again() {
    let mut stage = line();
    stage.leaf.node.stop_worker();
    let backup = Database::copy_of(&stage.leaf.db, "backup");
    let restored = stage.leaf.position();
    stage.leaf.node.start_worker();
    let load = Load::start(&stage.root.db);
    load.wait_for_more(50);
    stage.leaf.wait_caught_up(&stage.root);
    stage.leaf.node.stop_worker();
    stage.leaf.node.set("db", &backup.connstr());
    stage.leaf.db = backup;
    // What the provider's maintenance does once nobody needs them.
    let branch = &stage.branch.db;
    branch.sql(&format!("delete from pgq.tick where tick_id <= {restored}"));
    stage.leaf.node.start_worker();
    stage.leaf.node.wait_log("Lost position: batch ", EVENTUALLY);
    stage.leaf.node.stop_worker();

    stage.leaf.node.londiste(["worker", "--rewind"]).exits(1).says("tick not found");
    let provider_at =
        branch.int(&format!("select last_tick from pgq.get_consumer_info('{QUEUE}', 'leaf')"));
    stage
        .leaf
        .node
        .londiste(["worker", "--reset"])
        .ok()
        .says("INFO Resetting queue tracking on dst side");
    assert_eq!(stage.leaf.position(), provider_at);
    stage.leaf.node.start_worker();
    stage.leaf.node.londiste(["resync", "--all"]).ok();
    stage.leaf.node.londiste(["wait-sync"]).ok();
    load.wait_for_more(20);
    load.stop();
    stage.assert_all_arrives();
    stage.stop();
}

/// A branch whose own ticks are not those of its provider would hand out batches nobody can rely on. It stops and says so,
/// before anything else happens.
#[test]
fn a_branch_whose_ticks_diverged_stops() {
    let stage = line();
    let Line { root, branch, leaf, .. } = &stage;
    let load = Load::start(&root.db);
    load.wait_for_more(20);
    branch.node.stop_worker();
    load.wait_for_more(20);
    dies_at(branch, "batch-committed");
    leaf.wait_info("worker_last_tick", newest_tick(branch));
    leaf.node.stop_worker();
    let (position, last) = (branch.position(), newest_tick(branch));
    // Somebody deletes its newest tick by hand.
    branch.db.sql(&format!(
        "create table public.saved as select * from pgq.tick where tick_id = {last};
         delete from pgq.tick where tick_id = {last}"
    ));
    branch.node.start_worker();
    let before = newest_tick(branch);
    let text = format!("is_batch_done: last branch tick = {before}, expected {last} or {position}");
    branch.node.wait_log(&text, EVENTUALLY);
    wait_for("the error in status", SOON, || {
        let status = root.node.londiste(["status"]).ok();
        holds(status.stdout.contains("is_batch_done: last branch tick"), status)
    });
    assert_eq!((branch.position(), newest_tick(branch)), (position, before));
    // Put right by hand, it goes on by itself.
    branch.db.sql("insert into pgq.tick select * from public.saved; drop table public.saved");
    leaf.node.start_worker();
    load.wait_for_more(20);
    load.stop();
    stage.assert_all_arrives();
    let end = newest_tick(branch);
    assert_eq!(ticks(branch, before, end), ticks(root, before, end));
    assert_eq!(events(branch, before, end), events(root, before, end));
    root.node.londiste(["status"]).ok().says_not("ERR:");
    stage.stop();
}

/// Somebody has wiped the position: no batch is taken for the right one.
#[test]
fn a_node_without_a_position_does_nothing() {
    let stage = line();
    let Line { root, leaf, .. } = &stage;
    leaf.wait_caught_up(root);
    leaf.node.stop_worker();
    leaf.db.sql("update pgq_node.local_state set last_tick_id = 0");
    root.db.sql(&format!("update {SESSION} set login_count = 7 where userid < 10"));
    leaf.node.start_worker();
    leaf.node.wait_log("dst_tick NULL?", EVENTUALLY);
    assert_eq!(leaf.db.int(&format!("select count(*) from {SESSION} where login_count = 7")), 0);
    leaf.node.stop_worker();
    leaf.node.londiste(["worker", "--reset"]).ok();
    leaf.node.start_worker();
    stage.assert_all_arrives();
    stage.stop();
}
