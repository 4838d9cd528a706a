//! Copies beside each other and beside the worker: how many there are at a time, and what they do when they are slow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;
use system_tests::{holds, wait_for};

use crate::diary::{ADD_KEYS, Cast, Stage, TABLES, assert_same_rows, states};

/// Only ours: the reference reads `parallel_copies` once, at the worker's start.
#[test]
fn a_reload_lets_more_copies_run() {
    let mut stage = Stage::set(Cast::all(Ours));
    stage.leaf.set("parallel_copies", "1");
    stage.create_nodes();
    stage.source.sql(ADD_KEYS);
    stage.target.sql(ADD_KEYS);
    stage.root.londiste(["add-table", "--all"]).ok();
    stage.start_daemons();

    // A copy that cannot begin reading holds the only place.
    let mut blocker = stage.source.client();
    let mut transaction = blocker.transaction().expect("a new session");
    transaction
        .batch_execute("lock table app.user_info in access exclusive mode")
        .expect("the table is free");
    stage.leaf.londiste(["add-table", "app.user_info"]).ok();
    wait_for("the first copy", EVENTUALLY, || {
        let seen = states(&stage.target);
        holds(seen == "app.user_info|in-copy", seen)
    });
    stage.leaf.londiste(["add-table", "--all"]).ok();
    // Batches go on while it waits, and still no other table gets its turn.
    stage.source.sql("insert into app.user_session (userid) values (700001)");
    stage.wait_caught_up();
    let waiting =
        "app.user_info|in-copy\napp.user_login_rec|\napp.user_logout_rec|\napp.user_session|";
    assert_eq!(states(&stage.target), waiting);

    stage.leaf.set("parallel_copies", "16");
    stage.leaf.reload();
    wait_for("the other copies", EVENTUALLY, || {
        let seen = states(&stage.target);
        let wanted = "app.user_info|in-copy\napp.user_login_rec|ok\napp.user_logout_rec|ok\napp.user_session|ok";
        holds(seen == wanted, seen)
    });
    transaction.commit().expect("only a lock");
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
}

/// Every transaction that writes to the table takes longer than it takes until the next tick, so that tick by tick the copy would
/// never see the end of the queue.
#[test]
fn a_copy_that_is_slower_than_the_ticks_is_handed_over() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.start_daemons();
    let (table, key) = TABLES[2];
    stage.source.sql(ADD_KEYS);
    stage.target.sql(ADD_KEYS);
    stage.target.sql(&format!(
        "create function app.slow() returns trigger language plpgsql as $$
         begin
             if current_setting('app.slow', true) is distinct from txid_current()::text then
                 perform pg_sleep(0.4), set_config('app.slow', txid_current()::text, false);
             end if;
             return null;
         end $$;
         create trigger slow before insert on {table} for each statement execute function app.slow();
         alter table {table} enable always trigger slow"
    ));
    stage.root.londiste(["add-table", table]).ok();

    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        let source = &stage.source;
        let _stop = Stop(&enough);
        scope.spawn(|| {
            while !enough.load(Ordering::Relaxed) {
                source.sql(&format!("insert into {table} (userid) values (1)"));
                source.sql("select pgq.force_tick('replika')");
                source.sql("select pgq.ticker('replika')");
                thread::sleep(Duration::from_millis(50));
            }
        });
        stage.leaf.londiste(["add-table", table]).ok();
        stage.leaf.londiste(["wait-sync"]).ok().says("All done");
    });
    stage.wait_caught_up();
    stage.assert_equal(&[(table, key)]);
}

/// What was typed when the worker was started holds for its copies, also after a reload; and the planner learns about the table
/// that was copied into, whatever it is called.
#[test]
fn copies_do_as_the_worker_was_told_and_look_at_their_destination() {
    let mut stage = Stage::set(Cast::all(Ours));
    // What stands in the file would be another way.
    stage.leaf.set("threaded_copy_tables", "nothing.*");
    stage.leaf.set("threaded_copy_pool_size", "1");
    stage.create_nodes();
    stage.ticker.start();
    stage.root.start_worker();
    let overrides = ["--set", "threaded_copy_tables=app.*", "--set", "threaded_copy_pool_size=2"];
    stage.leaf.londiste([&overrides[..], &["-d", "worker"]].concat()).ok();
    stage.leaf.worker().wait_running();
    stage.target.sql(
        "create table app.other (like app.user_info including all) with (autovacuum_enabled = off);
         alter table app.user_info set (autovacuum_enabled = off)",
    );
    stage.root.londiste(["add-table", "app.user_info"]).ok();
    stage.leaf.londiste(["add-table", "--dest-table=app.other", "app.user_info"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.wait_caught_up();
    assert_same_rows((&stage.source, "app.user_info"), (&stage.target, "app.other"), "userid");
    let known = |table: &str| {
        stage.target.int(&format!(
            "select count(distinct staattnum) from pg_statistic where starelid = 'app.{table}'::regclass"
        ))
    };
    wait_for("what the planner knows of the destination", EVENTUALLY, || {
        let columns = known("other");
        holds(columns == 10, columns)
    });
    assert_eq!(known("user_info"), 0, "the table that only has the name");

    stage.leaf.reload();
    stage.leaf.wait_log("INFO Config reloaded", EVENTUALLY);
    stage.leaf.londiste(["resync", "app.user_info"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.wait_caught_up();
    assert_same_rows((&stage.source, "app.user_info"), (&stage.target, "app.other"), "userid");
    let threaded = stage.leaf.log().matches("app.user_info: start threaded copy").count();
    // From an older source all goes over one connection.
    let old = stage.source.int("select current_setting('server_version_num')::int") < 140_000;
    assert_eq!(threaded, if old { 0 } else { 2 }, "{}", stage.leaf.log());
    stage.stop_daemons();
}

/// Ends what runs beside the test, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
