//! How many tables are copied at a time, and changing that while copies run.

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;
use system_tests::{holds, wait_for};

use crate::diary::{ADD_KEYS, Cast, Stage, TABLES, states};

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
