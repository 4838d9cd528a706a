//! What goes wrong at three in the morning: servers stop, daemons die. Nothing is lost or doubled, no hand is needed.

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, holds, wait_for};

use crate::diary::{Cast, Load, Stage, TABLES};

#[test]
fn theirs() {
    story(Reference);
}

#[test]
fn ours() {
    story(Ours);
}

fn story(implementation: Impl) {
    let (source, target) = (Cluster::start_new(), Cluster::start_new());
    let stage = Stage::on(Cast::all(implementation), &source, &target);
    stage.replicate_everything();
    let load = Load::start(&stage.source);

    the_target_is_stopped_and_started(&stage, &target, &load);
    all_daemons_are_stopped_and_started(&stage, &load);
    all_daemons_crash_and_are_started(&stage, &load);
    the_source_is_restarted(&stage, &source, &load);

    let transactions = load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    stage.leaf.londiste(["compare"]).ok().says_not("Results do not match!");
    stage.leaf.londiste(["status"]).ok().says("Tables: 4/0/0").says_not("ERR:");
    let rows = stage.target.int(
        "select (select count(*) from app.user_login_rec) + (select count(*) from app.user_logout_rec)",
    );
    // A transaction of the load whose commit was answered is there; one that was broken off may be.
    assert!(
        u64::try_from(rows).is_ok_and(|rows| rows >= transactions),
        "{rows} rows, {transactions} commits"
    );
    stage.stop_daemons();
}

fn the_target_is_stopped_and_started(stage: &Stage, target: &Cluster, load: &Load) {
    load.wait_for_more(50);
    target.stop();
    load.wait_for_more(50);
    stage.leaf.wait_log("ERROR Job dst ", EVENTUALLY);
    target.start();
    stage.wait_caught_up();
}

fn all_daemons_are_stopped_and_started(stage: &Stage, load: &Load) {
    load.wait_for_more(20);
    stage.stop_daemons();
    load.wait_for_more(100);
    stage.start_daemons();
    stage.wait_caught_up();
}

/// SIGKILL, at a different place of the work each time.
fn all_daemons_crash_and_are_started(stage: &Stage, load: &Load) {
    for more in [10, 20, 40] {
        load.wait_for_more(more);
        stage.leaf.worker().crash();
        stage.root.worker().crash();
        stage.ticker.daemon().crash();
        load.wait_for_more(more);
        // Each finds the pidfile of a dead process.
        stage.start_daemons();
    }
    stage.wait_caught_up();
}

fn the_source_is_restarted(stage: &Stage, source: &Cluster, load: &Load) {
    load.wait_for_more(20);
    source.restart();
    load.wait_for_more(50);
    // The original's ticker comes back after a minute.
    let last = stage.source.int("select max(tick_id) from pgq.tick");
    wait_for("ticks", EVENTUALLY, || {
        let seen = stage.source.int("select max(tick_id) from pgq.tick");
        holds(seen > last, seen)
    });
    stage.wait_caught_up();
}
