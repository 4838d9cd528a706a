//! `-v` and `-v -v` change what a worker says and nothing else. Under them the original's worker treats a refusal of its own
//! functions in another way.

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, holds, wait_for};

use crate::diary::{ADD_KEYS, Cast, Load, Stage, TABLES};

#[test]
fn verbose_workers_do_the_same() {
    let stage = Stage::set(Cast::all(Ours));
    for db in [&stage.source, &stage.target] {
        db.sql(ADD_KEYS);
    }
    stage.root.londiste(["create-root", "src", &stage.source.connstr()]).ok();
    stage.quick_ticks();
    stage.ticker.start();
    stage.root.londiste(["-v", "-v", "-d", "worker"]).ok();
    stage.root.worker().wait_running();

    // It is early: the schemas are there, the node is not, and the call that asks for it is refused.
    stage.target.sql("create table app.other (id int primary key)");
    let elsewhere = system_tests::Node::new(Ours, "dst2", &stage.target, "another");
    elsewhere.londiste(["create-root", "dst2", &stage.target.connstr()]).ok();
    stage.leaf.londiste(["-v", "-d", "worker"]).ok();
    let pid = stage.leaf.worker().wait_running();
    stage.leaf.wait_log("ERROR Unknown queue: replika", EVENTUALLY);
    let provider = format!("--provider={}", stage.source.connstr());
    stage.leaf.londiste(["create-leaf", "dst", &stage.target.connstr(), &provider]).ok();

    let load = Load::start(&stage.source);
    let tables = TABLES.map(|(table, _)| table);
    stage.add_tables(&tables);
    stage.leaf.londiste(["wait-sync"]).ok();
    load.wait_for_more(50);
    stage
        .source
        .sql("delete from app.user_info where userid % 10 = 0; truncate app.user_logout_rec");
    load.wait_for_more(20);
    load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);

    // A batch that fails is told and repeated as ever.
    stage.target.sql("alter table app.user_info add constraint no check (email <> 'bad')");
    stage.source.sql("update app.user_info set email = 'bad' where userid = 1");
    // The log may have it before the database.
    wait_for("the error in the status", EVENTUALLY, || {
        let status = stage.leaf.londiste(["status"]).ok();
        let line = status.stdout.lines().find(|line| line.contains("ERR: dst: "));
        holds(line.is_some_and(|line| line.contains("violates check constraint")), status)
    });
    stage.target.sql("alter table app.user_info drop constraint no");
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    assert_eq!(stage.leaf.worker().pid(), Some(pid), "one process from the beginning to the end");
    for node in [&stage.root, &stage.leaf] {
        let log = node.log();
        assert!(log.contains(" DEBUG "), "{log}");
        assert!(!log.contains("db error") && !log.contains("panicked"), "{log}");
    }
    stage.stop_daemons();
}
