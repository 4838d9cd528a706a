//! What `compare` says, when it is told how to ask, and when the leaf is not there.

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::SOON;
use system_tests::{holds, wait_for};

use crate::diary::{Cast, Stage};

#[test]
fn theirs() {
    story(Reference);
}

#[test]
fn ours() {
    story(Ours);
}

fn story(implementation: Impl) {
    let mut stage = Stage::set(Cast::all(implementation));
    stage.create_nodes();
    for db in [&stage.source, &stage.target] {
        db.sql(
            "create table app.small (id int primary key, \"Words\" text);
             create table app.empty (id int primary key);
             insert into app.small select n, 'word ' || n from generate_series(1, 10) n",
        );
    }
    stage.start_daemons();
    for node in [&stage.root, &stage.leaf] {
        // The rows are there already.
        node.londiste(["add-table", "--expect-sync", "app.small", "app.empty"]).ok();
    }
    stage.leaf.londiste(["wait-sync"]).ok();

    // Both print what this query answers; the checksum is a matter between the two sides only.
    let checksum = stage
        .source
        .text("select sum(hashtext((id, \"Words\")::text)::bigint) from only app.small");
    let compare = stage.leaf.londiste(["compare"]).ok();
    let compare = compare.says(&format!("INFO srcdb: 10 rows, checksum={checksum}\n"));
    let compare = compare.says(&format!("INFO dstdb: 10 rows, checksum={checksum}\n"));
    compare.says("INFO srcdb: 0 rows, checksum=None\n");

    // Columns that only one side has are left out, and the operator learns of it.
    stage.target.sql("alter table app.small add column local_note text default 'x'");
    stage.leaf.londiste(["compare", "app.small"]).ok().says("WARNING Ignoring some columns");
    stage.target.sql("alter table app.small drop column local_note");

    // Each differing table counts.
    stage.target.sql(
        "set session_replication_role = replica;
         update app.small set \"Words\" = 'another' where id = 3; insert into app.empty values (1)",
    );
    let both = stage.leaf.londiste(["compare"]).exits(2);
    both.says("WARNING app.small: Results do not match!")
        .says("WARNING app.empty: Results do not match!");

    // The operator's own question does not look at words.
    stage.leaf.set("compare_sql", "select count(1) as cnt, sum(id) as chksum from only _TABLE_");
    stage.leaf.set("compare_fmt", "%%(cnt)d rows, ids: %%(chksum)s");
    stage.leaf.londiste(["compare", "app.small"]).ok().says("INFO srcdb: 10 rows, ids: 55\n");

    // Nobody applies: the table may not stay locked, the question stays unanswered.
    stage.leaf.stop_worker();
    if implementation == Ours {
        without_limit(&mut stage);
    }
    stage.leaf.set("lock_timeout", "1");
    stage
        .leaf
        .londiste(["compare", "app.small"])
        .exits(1)
        .says("ERROR Consumer lagging too much, exiting");
    stage.source.sql("insert into app.small values (11, 'writes go on')");
}

/// `lock_timeout = 0` is no limit; with the original it leaves no time at all.
fn without_limit(stage: &mut Stage) {
    stage.leaf.set("lock_timeout", "0");
    // The leaf is behind.
    stage.source.sql("insert into app.small values (12, 'late')");
    std::thread::scope(|scope| {
        let compare = scope.spawn(|| stage.leaf.londiste(["compare", "app.small"]));
        wait_for("compare waiting for the worker", SOON, || {
            let sessions = stage.source.text(
                "select string_agg(application_name || ' ' || state, ', ') from pg_stat_activity \
                  where datname = current_database()",
            );
            holds(sessions.contains(":setup_db idle"), sessions)
        });
        stage.leaf.start_worker();
        let outcome = compare.join().expect("it ends").ok();
        outcome.says("INFO srcdb: 11 rows, ids: 67\n").says("INFO dstdb: 11 rows, ids: 67\n");
    });
    stage.leaf.stop_worker();
}
