//! A node gets another provider while a table of it still has the snapshot of its copy. The numbers in it are those of the server
//! that the rows came from; to any other they say nothing.

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, holds, wait_for};
use system_tests::{Cluster, Ticker};

use crate::diary::{TABLES, states};
use crate::place::Place;

const INFO: (&str, &str) = TABLES[0];

#[test]
fn a_copy_is_handed_over_to_a_worker_that_reads_elsewhere() {
    let elsewhere = Cluster::start_new();
    let root = Place::new(Ours, "root").with_users();
    let branch = Place::on(Ours, "branch", &elsewhere);
    let leaf = Place::new(Ours, "leaf");
    let ticker = Ticker::new(Ours, &root.db);
    root.create_root();
    ticker.start();
    branch.create("create-branch", &root, &[]);
    leaf.create("create-leaf", &root, &[]);
    for place in [&root, &branch, &leaf] {
        place.node.start_worker();
    }
    root.node.londiste(["add-table", INFO.0]).ok();
    branch.node.londiste(["add-table", INFO.0]).ok();
    branch.node.londiste(["wait-sync"]).ok();

    // The worker is paused before the copy has caught up, so the table stays where it wants to be handed over.
    let mut somebody = root.db.client();
    let mut transaction = somebody.transaction().expect("a new session");
    transaction.batch_execute("lock table app.user_info in access exclusive mode").expect("free");
    leaf.node.londiste(["add-table", INFO.0]).ok();
    wait_for("the copy", EVENTUALLY, || {
        let seen = states(&leaf.db);
        holds(seen == "app.user_info|in-copy", seen)
    });
    leaf.node.londiste(["pause"]).ok();
    transaction.commit().expect("only a lock");
    root.db.sql("update app.user_info set email = 'first' where userid < 100");
    wait_for("the copy to have caught up", EVENTUALLY, || {
        let seen = states(&leaf.db);
        holds(seen.starts_with("app.user_info|wanna-sync:"), seen)
    });
    let snapshots = "select count(custom_snapshot) from londiste.table_info";
    assert_eq!(leaf.db.int(snapshots), 1);
    root.db.sql(
        "update app.user_info set email = 'second' where userid between 50 and 150;
         insert into app.user_info (userid) values (900001); delete from app.user_info where userid = 7",
    );
    leaf.node
        .londiste(["change-provider", "--provider=branch"])
        .ok()
        .says("INFO [leaf] Consumer provider node set to : branch");
    leaf.node.londiste(["wait-sync"]).ok();
    root.db.sql("update app.user_info set email = 'third' where userid between 140 and 160");
    leaf.wait_caught_up(&root);
    leaf.assert_equal(&root, &[INFO]);
    assert_eq!(leaf.db.int(snapshots), 0);
    let copies = "select count(*) from pgq.get_consumer_info() where consumer_name like '%.copy.%'";
    wait_for("the copy to leave its source", EVENTUALLY, || {
        let seen = root.db.int(copies);
        holds(seen == 0, seen)
    });

    // A table that the original has copied keeps its snapshot for some batches. This one hides whatever another server has.
    leaf.node.londiste(["pause"]).ok();
    leaf.db.sql("update londiste.table_info set custom_snapshot = '1000000000:1000000000:'");
    root.db.sql("update app.user_info set email = 'fourth' where userid < 10");
    leaf.node.londiste(["change-provider", "--provider=root"]).ok();
    leaf.wait_caught_up(&root);
    leaf.assert_equal(&root, &[INFO]);
    for place in [&root, &branch, &leaf] {
        place.assert_never_failed();
        place.node.stop_worker();
    }
    ticker.stop();
}
