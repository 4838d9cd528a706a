//! The leaf's worker dies at every step of a copy, under load, and is started again.

use std::process::Stdio;

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;
use system_tests::{holds, wait_for};

use crate::diary::{ADD_KEYS, Cast, Load, Stage, TABLES, states};

/// Debug builds of ours end by SIGKILL at the place that this variable names.
const CRASH_POINT: &str = "LONDISTE_CRASH_POINT";

/// In the order in which a table meets them.
const PLACES: [&str; 7] = [
    "copy-rows",
    "copy-before-commit",
    "copy-after-commit",
    "copy-batch-applied",
    "copy-batch-committed",
    "copy-wanna-sync",
    "copy-ok",
];

/// Of a table that is copied in parts.
const PLACES_IN_PARTS: [&str; 6] = [
    "copy-struct-stored",
    "copy-range-committed",
    "copy-index-committed",
    "copy-batch-applied",
    "copy-wanna-sync",
    "copy-ok",
];

/// So that there are several to make.
const MORE_INDEXES: &str = "
create index on app.user_info (email);
create index on app.user_session (logintime);
create index on app.user_login_rec (userid);
create index on app.user_logout_rec (userid)";

/// Starts the leaf's worker and waits until it has died at `place`.
#[track_caller]
fn run_into(stage: &Stage, place: &str) {
    let mut worker = stage.leaf.command();
    worker.arg("worker").env(CRASH_POINT, place).stdout(Stdio::null()).stderr(Stdio::null());
    let mut worker = worker.spawn().expect("our own program");
    wait_for(format!("the crash at {place}"), EVENTUALLY, || {
        let ended = worker.try_wait().expect("our own child");
        ended.ok_or_else(|| format!("{}\n{}", states(&stage.target), stage.leaf.log()))
    });
    let end = format!("crash point {place}");
    assert!(stage.leaf.log().contains(&end), "another end than {place}:\n{}", stage.leaf.log());
}

/// Only ours: the reference has no such places, and does not start a copy again whose process died.
#[test]
fn a_worker_that_dies_at_every_step_of_a_copy_loses_and_doubles_nothing() {
    let stage = Stage::set(Cast::all(Ours));
    dies_at_every_step(stage, &PLACES, true);
}

#[test]
fn nor_does_one_that_copies_in_parts() {
    let mut stage = Stage::set(Cast::all(Ours));
    if stage.source.int("select current_setting('server_version_num')::int") < 140_000 {
        // There all goes over one connection.
        return;
    }
    stage.leaf.set("threaded_copy_tables", "app.*");
    stage.leaf.set("threaded_copy_pool_size", "2");
    dies_at_every_step(stage, &PLACES_IN_PARTS, false);
}

/// `whole`: keys and indexes are there after every crash, not only at the end.
#[track_caller]
fn dies_at_every_step(mut stage: Stage, places: &[&str], whole: bool) {
    stage.leaf.set("parallel_copies", "2");
    stage.create_nodes();
    stage.source.sql(ADD_KEYS);
    stage.target.sql(ADD_KEYS);
    stage.target.sql(MORE_INDEXES);
    let structure = "select indexrelid::regclass, pg_get_indexdef(indexrelid) from pg_index
                      where indrelid::regclass::text like 'app.%' order by 2";
    let before = stage.target.text(structure);
    for node in [&stage.root, &stage.leaf] {
        node.londiste(["add-table", "--all"]).ok();
    }
    stage.ticker.start();
    stage.root.start_worker();
    let load = Load::start(&stage.source);
    for place in places {
        run_into(&stage, place);
        if whole {
            assert_eq!(stage.target.text(structure), before, "after {place}");
        }
        load.wait_for_more(20);
    }
    stage.leaf.start_worker();
    stage.leaf.londiste(["wait-sync"]).ok();
    load.wait_for_more(20);
    load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    assert_eq!(stage.target.text(structure), before);
    let leftovers =
        "select consumer_name from pgq.get_consumer_info() where consumer_name like '%copy%'";
    wait_for("no consumer of a copy", EVENTUALLY, || {
        let seen = stage.source.text(leftovers);
        holds(seen.is_empty(), seen)
    });
}
