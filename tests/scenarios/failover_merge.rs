//! The root of a combined queue dies while the shards are written to: its branch takes its place, and the shards are merged there
//! from exactly where the dead root's changes end.

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Database, Node, Ticker, holds, wait_for};

use crate::merge::{database, node, quick_ticks, rows, wait_rows};
use crate::merge_sources::Writer;

const NUMBER_OF_SHARDS: i64 = 2;

fn from(db: &Database) -> String {
    format!("--provider={}", db.connstr())
}

/// The shards' nodes in a database that merges them.
fn parts(db: &Database, shards: [&Database; 2], label: &str) -> Vec<Node> {
    ["one", "two"]
        .into_iter()
        .zip(shards)
        .map(|(name, shard)| {
            let create = ["create-leaf", &from(shard), "--merge=q_all"];
            node(&format!("{name}_{label}"), db, &format!("q_{name}"), &create)
        })
        .collect()
}

fn wait_known(db: &Database) {
    wait_for("the table known from both shards", EVENTUALLY, || {
        let seen = db.int("select count(*) from londiste.table_info where queue_name <> 'q_all'");
        holds(seen == NUMBER_OF_SHARDS, seen)
    });
}

/// How far the combined queue's node is.
fn position(db: &Database) -> i64 {
    db.int("select worker_last_tick from pgq_node.get_node_info('q_all')")
}

#[test]
fn the_root_of_a_combined_queue_dies() {
    let mortal = Cluster::start_new();
    let (one, two, second, third) =
        (database("one"), database("two"), database("second"), database("third"));
    let full = mortal.create_database("full");
    full.sql("create table public.visit (id int primary key, shard text, n int)");
    let shards = [&one, &two];
    for (db, shard, first) in [(&one, "one", 1), (&two, "two", 1001)] {
        db.sql(&format!(
            "insert into visit select i, '{shard}', 0 from generate_series({first}, {first} + 99) i"
        ));
    }
    let tickers = [
        Ticker::for_databases(
            Ours,
            Cluster::shared().address(),
            &[one.name(), two.name(), second.name()],
        ),
        Ticker::for_databases(Ours, mortal.address(), &[full.name()]),
    ];
    let roots = [
        node("one", &one, "q_one", &["create-root"]),
        node("two", &two, "q_two", &["create-root"]),
        node("full", &full, "q_all", &["create-root"]),
    ];
    for (db, queue) in [(&one, "q_one"), (&two, "q_two"), (&full, "q_all")] {
        quick_ticks(db, queue);
    }
    for ticker in &tickers {
        ticker.start();
    }
    let merging = parts(&full, shards, "full");
    for root in &roots[..2] {
        root.londiste(["add-table", "public.visit"]).ok();
    }
    wait_known(&full);
    merging[0].londiste(["add-table", "--merge-all", "public.visit"]).ok();
    for node in &merging {
        node.londiste(["wait-sync"]).ok();
    }
    let branch = node("second", &second, "q_all", &["create-branch", &from(&full)]);
    quick_ticks(&second, "q_all");
    let following = parts(&second, shards, "second");
    let leaf = node("third", &third, "q_all", &["create-leaf", &from(&full)]);
    for node in [&branch, &leaf] {
        node.londiste(["add-table", "public.visit"]).ok();
        node.londiste(["wait-sync"]).ok();
    }
    wait_known(&second);
    following[0].londiste(["add-table", "--merge-all", "public.visit"]).ok();

    let writers = [Writer::start(&one, "one", 1), Writer::start(&two, "two", 1001)];
    let more = |changes| writers.iter().for_each(|writer: &Writer| writer.wait_for_more(changes));
    more(30);
    // So that it is not ahead of the branch.
    leaf.londiste(["pause"]).ok();
    let stands = position(&third);
    wait_for("the branch ahead of the leaf", SOON, || {
        let seen = position(&second);
        holds(seen > stands, seen)
    });
    more(30);
    mortal.stop();
    more(30);
    branch
        .londiste(["takeover", "full", "--dead-root"])
        .ok()
        .says("INFO [second] Branch node promoted to root\n")
        .says("INFO [third] Consumer provider node set to : second\n");
    more(30);
    drop(writers);
    let expected = || format!("{}\n{}", rows(&one), rows(&two));
    wait_rows(&second, &expected());
    wait_rows(&third, &expected());

    // The old root is back, merges nothing any more, and follows. Its rows are copied anew.
    mortal.start();
    let full_node = &roots[2];
    full_node.londiste(["resurrect"]).ok().says("INFO ** Resurrection done, worker paused **\n");
    full_node.londiste(["resume"]).ok();
    branch.londiste(["tag-alive", "full"]).ok();
    full_node.londiste(["resync", "public.visit"]).ok();
    full_node.londiste(["wait-sync"]).ok();
    for shard in shards {
        shard.sql("update visit set n = n + 1; insert into visit select max(id) + 1, min(shard), 0 from visit");
    }
    for db in [&second, &third, &full] {
        wait_rows(db, &expected());
    }
    for node in following.iter().chain([&branch, &leaf]) {
        assert_failed_only_without_the_root(&node.log());
    }
    for node in roots.iter().chain(&merging).chain(&following).chain([&branch, &leaf]) {
        node.stop_worker();
    }
    tickers.iter().for_each(Ticker::stop);
}

/// Panics if a cycle of a worker failed with anything but the loss of its connection: the old root was away for a while.
#[track_caller]
fn assert_failed_only_without_the_root(log: &str) {
    const LOST: [&str; 5] = [
        "Connection refused",
        "connection closed",
        "terminating connection",
        "the database system is shutting down",
        "the database system is starting up",
    ];
    let failed =
        |line: &&str| line.contains(" crashed: ") || line.contains("got error on connection");
    let other =
        log.lines().filter(failed).find(|line| !LOST.iter().any(|lost| line.contains(lost)));
    assert!(other.is_none(), "{other:?} in\n{log}");
}
