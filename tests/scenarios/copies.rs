//! How many tables are copied at a time, and changing that while copies run.

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;
use system_tests::{holds, wait_for};

use crate::diary::{ADD_KEYS, Cast, Load, Stage, TABLES, states};

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

/// Only ours: the reference does not start a copy again whose process died.
#[test]
fn copies_go_on_after_crashes_of_the_worker() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.source.sql(ADD_KEYS);
    stage.target.sql(ADD_KEYS);
    for node in [&stage.root, &stage.leaf] {
        node.londiste(["add-table", "--all"]).ok();
    }
    stage.ticker.start();
    stage.root.start_worker();
    let load = Load::start(&stage.source);

    // Once while it cannot begin, so that at least one crash hits a copy for certain.
    let mut blocker = stage.source.client();
    let mut transaction = blocker.transaction().expect("a new session");
    transaction
        .batch_execute("lock table app.user_info in access exclusive mode")
        .expect("the table is free");
    stage.leaf.start_worker();
    wait_for("the first copy", EVENTUALLY, || {
        let seen = states(&stage.target);
        holds(seen.contains("app.user_info|in-copy"), seen)
    });
    stage.leaf.worker().crash();
    transaction.commit().expect("only a lock");

    // Then wherever it happens to be.
    for more in [5, 10, 20, 40] {
        stage.leaf.start_worker();
        load.wait_for_more(more);
        stage.leaf.worker().crash();
    }
    stage.leaf.start_worker();
    stage.leaf.londiste(["wait-sync"]).ok();
    load.wait_for_more(20);
    load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    // Keys and indexes that were dropped for the copy are back.
    let indexes = "select indexrelid::regclass from pg_index where indrelid::regclass::text like 'app.%' order by indexrelid::regclass::text";
    assert_eq!(stage.target.text(indexes), stage.source.text(indexes));
    // Nothing holds back the queue's rotation.
    let consumers =
        "select consumer_name from pgq.get_consumer_info() where consumer_name like '%copy%'";
    wait_for("no consumer of a copy", EVENTUALLY, || {
        let seen = stage.source.text(consumers);
        holds(seen.is_empty(), seen)
    });
}
