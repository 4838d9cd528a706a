//! Shards become one table and a second such table follows, as in [`crate::merge`], but by both: at the combined root the
//! original merges into our queue, behind it our followers stand beside the original's branch. Then each part is handed over to
//! the other.

use system_tests::Impl::{Ours, Reference};
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Impl, Node, Ticker, holds, wait_for};

use crate::merge::{database, node_by, quick_ticks, rows, wait_rows};

fn from(db: &Database) -> String {
    format!("--provider={}", db.connstr())
}

/// The shards' nodes in a database that has all rows.
fn parts(implementation: Impl, db: &Database, shards: [&Database; 2], label: &str) -> Vec<Node> {
    ["one", "two"]
        .iter()
        .zip(shards)
        .map(|(name, shard)| {
            let create = ["create-leaf", &from(shard), "--merge=q_all"];
            node_by(implementation, &format!("{name}_{label}"), db, &format!("q_{name}"), &create)
        })
        .collect()
}

/// The other implementation goes on where this one stopped.
#[track_caller]
fn hand_over(node: &mut Node) {
    node.stop_worker();
    node.hand_over(match node.implementation() {
        Ours => Reference,
        Reference => Ours,
    });
    node.start_worker();
}

#[test]
fn shards_are_merged_and_followed_by_both() {
    let (one, two, full, second) =
        (database("one"), database("two"), database("full"), database("second"));
    let shards = [&one, &two];
    one.sql("insert into visit select i, 'one', 0 from generate_series(1, 100) i");
    two.sql("insert into visit select i, 'two', 0 from generate_series(1001, 1100) i");
    let names = [one.name(), two.name(), full.name(), second.name()];
    let ticker = Ticker::for_databases(Ours, Cluster::shared().address(), &names);
    let mut roots = [
        node_by(Reference, "one", &one, "q_one", &["create-root"]),
        node_by(Ours, "two", &two, "q_two", &["create-root"]),
        node_by(Ours, "full", &full, "q_all", &["create-root"]),
    ];
    for (db, queue) in [(&one, "q_one"), (&two, "q_two"), (&full, "q_all")] {
        quick_ticks(db, queue);
    }
    ticker.start();
    let mut merging = parts(Reference, &full, shards, "full");
    for root in &roots[..2] {
        root.londiste(["add-table", "public.visit"]).ok();
    }
    let known = |db: &Database| {
        wait_for("the table known from both shards", EVENTUALLY, || {
            let seen =
                db.int("select count(*) from londiste.table_info where queue_name <> 'q_all'");
            holds(seen == 2, seen)
        });
    };
    known(&full);
    merging[0].londiste(["add-table", "--merge-all", "public.visit"]).ok();
    for node in &merging {
        node.londiste(["wait-sync"]).ok();
    }
    let expected = || format!("{}\n{}", rows(&one), rows(&two));
    wait_rows(&full, &expected());

    let mut branch =
        node_by(Reference, "second", &second, "q_all", &["create-branch", &from(&full)]);
    let mut following = parts(Ours, &second, shards, "second");
    branch.londiste(["add-table", "public.visit"]).ok();
    branch.londiste(["wait-sync"]).ok();
    known(&second);

    let change = || {
        for (db, name, key) in [(&one, "one", 1), (&two, "two", 1001)] {
            db.sql(&format!(
                "update visit set n = n + 1;
                 delete from visit where id = (select max(id) from visit where id < {key} + 100);
                 insert into visit select max(id) + 1, '{name}', 7 from visit"
            ));
        }
    };
    let everywhere = || {
        for db in [&full, &second] {
            wait_rows(db, &expected());
        }
        // The followers' positions are moved by what arrives in the merged queue.
        for (shard, queue, consumer) in
            [(&one, "q_one", "one_second"), (&two, "q_two", "two_second")]
        {
            let top = format!("select last_tick_id from pgq.get_queue_info('{queue}')");
            let tick = shard.int(&top);
            for (what, db, position) in [
                ("stands", &second, "completed_tick from pgq_node.get_consumer_state"),
                ("is finished", shard, "last_tick from pgq.get_consumer_info"),
            ] {
                wait_for(format!("{consumer} {what} at tick {tick}"), EVENTUALLY, || {
                    let seen = db.int(&format!("select {position}('{queue}', '{consumer}')"));
                    holds(seen >= tick, seen)
                });
            }
        }
    };
    change();
    everywhere();

    // From below, and the shards are written to meanwhile.
    let [first, last, combined] = &mut roots;
    let all = following.iter_mut().chain([&mut branch]).chain(&mut merging);
    for node in all.chain([combined, first, last]) {
        change();
        hand_over(node);
    }
    change();
    everywhere();
    for node in roots.iter().chain(&merging).chain(&following).chain([&branch]) {
        for failed in [" ERROR ", " crashed: ", "Lost position"] {
            assert!(!node.log().contains(failed), "{}: {}", node.name(), node.log());
        }
        node.stop_worker();
    }
    ticker.stop();
}
