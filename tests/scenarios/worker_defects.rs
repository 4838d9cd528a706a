//! What is known to be wrong with the original's worker, and has to be right with ours, as far as no other story shows it.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Node, holds, wait_for};

use crate::diary::{Cast, QUEUE, SEQUENCES, Stage, TABLES, assert_same_rows, states};
use crate::place::Place;

/// A site with the four tables, keys and nodes, running.
fn running() -> Stage {
    let stage = Stage::set(Cast::all(Ours));
    for db in [&stage.source, &stage.target] {
        db.sql(crate::diary::ADD_KEYS);
    }
    stage.create_nodes();
    stage.start_daemons();
    stage
}

/// Numbers keep their digits and booleans are booleans; a table that is nothing but its key takes updates that change nothing;
/// a script is named in the log.
#[test]
fn values_of_json_events_and_tables_of_nothing_but_a_key() {
    let stage = running();
    let tables = "create table app.measured (id int primary key, yes bool, exact numeric, far float8, big int8, doc jsonb,
                                             list int[], words text);
                  create table app.pair (a int, b text, primary key (a, b))";
    for db in [&stage.source, &stage.target] {
        db.sql(tables);
    }
    stage.root.londiste(["add-table", "--trigger-flags=J", "app.measured", "app.pair"]).ok();
    stage.leaf.londiste(["add-table", "app.measured", "app.pair"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.source.sql(
        "insert into app.measured values
             (1, true, 0.12345678901234567890123456789, 1e300, 9223372036854775807, '{\"a\": [1, 2.50]}', '{1,null}', 'true'),
             (2, false, 12345678901234567890.5, -0.1, -9223372036854775808, 'null', '{}', ''),
             (3, null, 'NaN', 'Infinity', null, null, null, null);
         update app.measured set yes = not yes, exact = exact + 0.0000000000000000000000000001 where id < 3;
         insert into app.pair select i, 'x' from generate_series(1, 5) i;
         update app.pair set a = a, b = b;
         update app.pair set b = 'x' where a = 3;
         delete from app.pair where a = 5",
    );
    // A trigger leaves such an update out where nothing changes; other producers need not.
    stage.source.sql(&format!(
        "select pgq.insert_event('{QUEUE}', 'U:a,b', 'a=2&b=x', 'app.pair', null, null, null)"
    ));
    fs::write(
        stage.root.folder().join("named.sql"),
        "update app.measured set words = 'by script';",
    )
    .expect("own folder");
    stage.root.londiste(["execute", "named.sql"]).ok();
    stage.wait_caught_up();
    assert_same_rows((&stage.source, "app.measured"), (&stage.target, "app.measured"), "id");
    assert_same_rows((&stage.source, "app.pair"), (&stage.target, "app.pair"), "a");
    let log = stage.leaf.log();
    assert!(log.contains("INFO named.sql: executing sql") && !log.contains("%s"), "{log}");
    assert!(!log.contains(" crashed: ") && !log.contains("got error"), "{log}");
    stage.stop_daemons();
}

/// `local_only` goes by the tables as they are when a batch is fetched, and `register_*` also holds for what arrives as events.
#[test]
fn filters_hold_from_the_first_event_on() {
    let mut stage = running();
    let (info, session) = (TABLES[0].0, TABLES[1].0);
    stage.leaf.set("local_only", "1");
    stage.leaf.set("table_filter", "app.nothing");
    stage.leaf.set("register_skip_tables", TABLES[2].0);
    stage.leaf.set("register_skip_seqs", SEQUENCES[0]);
    stage.leaf.stop_worker();
    stage.leaf.start_worker();
    stage.root.londiste(["add-table", info]).ok();
    stage.leaf.londiste(["add-table", info]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.root.londiste(["add-table", session, TABLES[2].0]).ok();
    stage.root.londiste(["add-seq", SEQUENCES[0], SEQUENCES[1]]).ok();
    stage.wait_caught_up();
    let known = |kind: &str| {
        stage.target.text(&format!("select {kind}_name from londiste.{kind}_info order by 1"))
    };
    assert_eq!(known("table"), format!("{info}\n{session}"));
    assert_eq!(known("seq"), SEQUENCES[1]);

    // The same rows on both sides, and the first change comes with the first batch after that.
    stage.target.sql(
        "set session_replication_role = replica; insert into app.user_session (userid) select generate_series(1, 5000)",
    );
    stage.leaf.londiste(["add-table", "--expect-sync", session]).ok();
    stage.source.sql("update app.user_session set login_count = 1 where userid < 100");
    stage.wait_caught_up();
    stage.assert_equal(&TABLES[..2]);
    stage.stop_daemons();
}

/// A worker that is paused, or rests after an error, or has nothing to do for half a minute, leaves at once. One that was
/// started before its node was created is not gone, but works from then on.
#[test]
fn a_worker_leaves_at_once_and_does_not_give_up() {
    let stage = running();
    stage.add_tables(&[TABLES[0].0]);
    stage.leaf.londiste(["wait-sync"]).ok();
    let leaves_at_once = |node: &Node, what: &str| {
        let started = Instant::now();
        node.stop_worker();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(15), "{what}: {took:?}");
    };
    stage.leaf.londiste(["pause"]).ok();
    leaves_at_once(&stage.leaf, "paused");

    let mut leaf = stage.leaf;
    leaf.start_worker();
    leaf.londiste(["resume"]).ok();
    leaf.stop_worker();
    leaf.set("exception_sleep", "600");
    leaf.set("loop_delay", "600");
    leaf.start_worker();
    leaves_at_once(&leaf, "idle");
    stage.target.sql("alter table app.user_info add constraint no check (email <> 'bad')");
    stage.source.sql("update app.user_info set email = 'bad' where userid = 1");
    leaf.start_worker();
    leaf.wait_log("violates check constraint", EVENTUALLY);
    leaves_at_once(&leaf, "after an error");
    stage.root.stop_worker();
    stage.ticker.stop();

    let late = Place::new(Ours, "late");
    late.db.sql("create schema other");
    late.node.start_worker();
    wait_for("the first failed cycle", SOON, || {
        let log = late.node.log();
        holds(log.contains("ERROR"), log)
    });
    late.create_root();
    late.node.wait_log("{standby: 1}", EVENTUALLY);
    late.node.stop_worker();
}

/// Each connection is opened once.
#[test]
fn a_worker_opens_each_connection_once() {
    let cluster = Cluster::start_configured("log_connections = on");
    let stage = Stage::on(Cast::all(Ours), &cluster, &cluster);
    for db in [&stage.source, &stage.target] {
        db.sql(crate::diary::ADD_KEYS);
    }
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&[TABLES[0].0]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.wait_caught_up();
    stage.leaf.stop_worker();
    let opened = || {
        let log = cluster.log();
        let of_worker = log.lines().filter(|line| {
            line.contains("connection authorized") && line.contains("application_name=dst:")
        });
        of_worker.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = opened().len();
    stage.leaf.start_worker();
    stage.source.sql("update app.user_info set email = 'x'");
    stage.wait_caught_up();
    stage.source.sql("update app.user_info set email = 'y'");
    stage.wait_caught_up();
    stage.leaf.stop_worker();
    let lines = opened();
    let new = &lines[before..];
    // `wait_caught_up` and the commands are others; the ways to stop and start need no server.
    assert_eq!(new.len(), 2, "one to each database: {new:#?}");
    stage.root.stop_worker();
    stage.ticker.stop();
}

/// A copy's source that nobody knows is named; and nothing is left of a copy's snapshot once the table is in sync.
#[test]
fn an_unknown_copy_node_is_an_error_and_a_snapshot_goes_with_the_copy() {
    let stage = running();
    stage.add_tables(&[TABLES[0].0]);
    stage.leaf.londiste(["wait-sync"]).ok();
    let snapshots = "select count(custom_snapshot) from londiste.table_info";
    assert_eq!(stage.target.int(snapshots), 0);
    stage.target.sql(&format!(
        "select londiste.local_set_table_attrs('{QUEUE}', '{}', 'copy_node=gone')",
        TABLES[0].0
    ));
    stage.leaf.londiste(["resync", TABLES[0].0]).ok();
    stage.leaf.wait_log(
        &format!("table {}: attribute copy_node: no node gone in the set", TABLES[0].0),
        EVENTUALLY,
    );
    stage.target.sql(&format!(
        "select londiste.local_set_table_attrs('{QUEUE}', '{}', 'copy_node=src')",
        TABLES[0].0
    ));
    wait_for("the copy from the right node", EVENTUALLY, || {
        let seen = states(&stage.target);
        holds(seen == format!("{}|ok", TABLES[0].0), seen)
    });
    assert_eq!(stage.target.int(snapshots), 0);
    stage.wait_caught_up();
    stage.assert_equal(&TABLES[..1]);
    stage.stop_daemons();
}

/// On a branch, too, a copy that died between its commit and the provider's goes on: its position has nothing to do with the
/// branch's ticks.
#[test]
fn a_copy_on_a_branch_survives_a_crash_between_two_commits() {
    let stage = Stage::set(Cast::all(Ours));
    for db in [&stage.source, &stage.target] {
        db.sql(crate::diary::ADD_KEYS);
    }
    stage.root.londiste(["create-root", "src", &stage.source.connstr()]).ok();
    stage.quick_ticks();
    let provider = format!("--provider={}", stage.source.connstr());
    stage.leaf.londiste(["create-branch", "dst", &stage.target.connstr(), &provider]).ok();
    stage.ticker.start();
    stage.root.start_worker();
    let load = crate::diary::Load::start(&stage.source);
    stage.add_tables(&[TABLES[1].0, TABLES[2].0]);
    for place in ["copy-batch-applied", "copy-batch-committed", "copy-wanna-sync"] {
        let mut worker = stage.leaf.command();
        worker.arg("worker").env("LONDISTE_CRASH_POINT", place);
        let worker = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut worker = worker.expect("our own program");
        wait_for(format!("the crash at {place}"), EVENTUALLY, || {
            worker.try_wait().expect("our own child").ok_or_else(|| stage.leaf.log())
        });
        load.wait_for_more(20);
    }
    stage.leaf.start_worker();
    stage.leaf.londiste(["wait-sync"]).ok();
    load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES[1..3]);
    let log = stage.leaf.log();
    assert!(!log.contains("is_batch_done") && !log.contains("Lost position"), "{log}");
    stage.stop_daemons();
}
