//! A leaf far behind reads the next batch while it applies this one: nothing is lost, doubled or out of order, whatever
//! comes in between.

use std::process::Stdio;

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Node, holds, wait_for};

use crate::diary::{Cast, QUEUE, Stage};

/// So few events are much, for the worker of a debug build.
const ENOUGH: (&str, &str) = ("LONDISTE_ENOUGH_EVENTS", "40");

const TABLE: [(&str, &str); 1] = [("app.user_info", "userid")];

/// As [`Node::start_worker`], for a worker to which forty events are many, and which says what it does.
fn start_eager(node: &Node, crash_point: Option<&str>) {
    let mut command = node.command();
    command.args(["-v", "-d", "worker"]).env(ENOUGH.0, ENOUGH.1).stdout(Stdio::null());
    if let Some(point) = crash_point {
        command.env("LONDISTE_CRASH_POINT", point);
    }
    assert!(command.status().expect("our own program starts").success(), "the daemon detached");
}

fn ready() -> Stage {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["app.user_info"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.wait_caught_up();
    stage.leaf.stop_worker();
    stage
}

/// Every row is counted up in each tick, so that a step left out or repeated shows in the end.
fn fall_behind(stage: &Stage, ticks: u32) {
    stage.source.sql(&format!(
        "do $$ begin delete from app.user_info where userid >= 1000000;
         for i in 1..{ticks} loop
             update app.user_info set qq = coalesce(qq, 0) + 1, signname = 'step ' || i
              where userid <= 20;
             insert into app.user_info select 1000000 + i * 10 + j from generate_series(1, 5) j;
             delete from app.user_info where userid = 1000000 + (i - 1) * 10 + 3; commit;
             perform pgq.force_tick('{QUEUE}'); perform pgq.ticker('{QUEUE}'); commit;
         end loop; end $$"
    ));
}

fn times_ahead(node: &Node) -> usize {
    node.log().lines().filter(|line| line.ends_with("was read ahead")).count()
}

#[test]
fn a_backlog_is_read_ahead_and_arrives_once() {
    let stage = ready();
    fall_behind(&stage, 100);
    start_eager(&stage.leaf, None);
    stage.wait_caught_up();
    stage.assert_equal(&TABLE);
    let times = times_ahead(&stage.leaf);
    assert!(times >= 5, "{times} batches of about fifty were read ahead");
    let connections = format!(
        "select count(*) from pg_stat_activity where datname = current_database()
            and application_name = '{}:_provider_db'",
        stage.leaf.name()
    );
    wait_for("one connection to the provider", EVENTUALLY, || {
        let open = stage.source.int(&connections);
        holds(open == 1, format!("{open} connections"))
    });
    // What was asked ahead of time has left nothing open; ticks go on coming.
    wait_for("no open batch", EVENTUALLY, || {
        let open =
            stage.source.int("select count(*) from pgq.subscription where sub_batch is not null");
        holds(open == 0, format!("{open} open batches"))
    });
    stage.stop_daemons();
}

#[test]
fn a_crash_while_reading_ahead_loses_and_doubles_nothing() {
    let stage = ready();
    for point in ["batch-applied", "batch-committed", "batch-finished"] {
        fall_behind(&stage, 40);
        start_eager(&stage.leaf, Some(point));
        stage.leaf.wait_log(&format!("crash point {point}"), SOON);
        let worker = stage.leaf.worker();
        let pidfile = std::fs::read_to_string(worker.pidfile()).expect("it could not remove it");
        worker.wait_gone(pidfile.trim().parse().expect("a process number"));
        start_eager(&stage.leaf, None);
        stage.wait_caught_up();
        stage.assert_equal(&TABLE);
        stage.leaf.stop_worker();
    }
    stage.leaf.start_worker();
    stage.stop_daemons();
}

#[test]
fn a_worker_that_is_paused_or_fails_begins_anew() {
    let stage = ready();
    fall_behind(&stage, 60);
    // A row that is in the way, in the middle of what is behind.
    let on_the_leaf = |sql: &str| {
        stage
            .target
            .sql(&format!("begin; set local session_replication_role = replica; {sql}; commit"));
    };
    on_the_leaf("insert into app.user_info (userid) values (1000304)");
    start_eager(&stage.leaf, None);
    stage.leaf.wait_log("duplicate key value violates unique constraint", EVENTUALLY);
    stage.leaf.londiste(["pause"]).ok();
    fall_behind(&stage, 30);
    on_the_leaf("delete from app.user_info where userid = 1000304");
    let reading = "select count(*) from pg_stat_activity where datname = current_database()
                      and application_name like '%:_provider_db' and xact_start is not null";
    assert_eq!(stage.source.int(reading), 0, "a paused worker holds no transaction");
    stage.leaf.londiste(["resume"]).ok();
    stage.wait_caught_up();
    stage.assert_equal(&TABLE);
    stage.stop_daemons();
}
