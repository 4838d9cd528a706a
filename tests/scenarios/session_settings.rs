//! Settings that accounts, databases and scripts bring along do not get in the way of replication.

use std::fs;

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;

use crate::diary::{Cast, QUEUE, Stage};

/// Runs a script on the root and queues it.
fn execute(stage: &Stage, name: &str, sql: &str) {
    fs::write(stage.root.folder().join(name), sql).expect("own folder");
    stage.root.londiste(["execute", name]).ok();
}

/// What a script sets ends with it: triggers that are not for replicated changes stay silent.
#[test]
fn what_a_script_sets_does_not_last() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["app.user_info"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    execute(
        &stage,
        "settings.sql",
        "set session_replication_role = replica;
         create temp table work as select 1 as n;
         set session_replication_role = origin;",
    );
    stage.wait_caught_up();
    // The leaf's trigger denies changes by anybody but the worker.
    stage.source.sql("update app.user_info set signname = 'changed' where userid < 10");
    execute(&stage, "again.sql", "create temp table work as select 2 as n;");
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid")]);
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
    stage.stop_daemons();
}

/// Limits for the transactions of applications break no batch off; each repetition would meet them again.
#[test]
fn timeouts_of_applications_do_not_stop_a_batch() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    for db in [&stage.source, &stage.target] {
        let name = db.name();
        db.sql(&format!("alter database {name} set idle_in_transaction_session_timeout = '500ms'"));
    }
    stage
        .target
        .sql(&format!("alter database {} set statement_timeout = '1s'", stage.target.name()));
    stage.start_daemons();
    stage.add_tables(&["app.user_info"]);
    stage.leaf.londiste(["wait-sync"]).ok();

    // A script that takes its time here, and behind it in the same batch more than is read ahead.
    let ticker =
        |paused| format!("select pgq.set_queue_config('{QUEUE}', 'ticker_paused', '{paused}')");
    stage.source.sql(&ticker("on"));
    let slow = format!(
        "select pg_sleep(case when current_database() = '{}' then 2 else 0 end);",
        stage.target.name()
    );
    execute(&stage, "slow.sql", &slow);
    stage.source.sql(
        "insert into app.user_info (userid, signname)
         select i, repeat('x', 100) from generate_series(100001, 130000) i",
    );
    stage.source.sql(&ticker("off"));
    stage.leaf.wait_log("Execute finished: slow.sql", EVENTUALLY);
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid")]);
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
    stage.stop_daemons();
}
