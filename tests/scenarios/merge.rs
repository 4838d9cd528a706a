//! Two shards become one table, and a second such table follows the first: every role a node can have.

use system_tests::Impl::{self, Ours};
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Node, Ticker, holds, wait_for};

const TABLE: &str = "create table public.visit (id int primary key, shard text, n int)";

/// A database with the table and no rows.
pub(crate) fn database(label: &str) -> Database {
    let db = Cluster::shared().create_database(label);
    db.sql(TABLE);
    db
}

/// The queue's default is a tick a minute without events.
pub(crate) fn quick_ticks(db: &Database, queue: &str) {
    db.sql(&format!(
        "select pgq.set_queue_config('{queue}', 'ticker_max_lag', '0.1 seconds');
         select pgq.set_queue_config('{queue}', 'ticker_idle_period', '0.5 seconds')"
    ));
}

/// A node that the set's operator creates, with its worker running.
pub(crate) fn node(name: &str, db: &Database, queue: &str, create: &[&str]) -> Node {
    node_by(Ours, name, db, queue, create)
}

/// The same, by either implementation.
pub(crate) fn node_by(
    implementation: Impl,
    name: &str,
    db: &Database,
    queue: &str,
    create: &[&str],
) -> Node {
    let node = Node::new(implementation, name, db, queue).with("parallel_copies", "4");
    let connstr = db.connstr();
    node.londiste([&create[..1], &[name, &connstr], &create[1..]].concat()).ok();
    node.start_worker();
    node
}

/// The rows of the table.
pub(crate) fn rows(db: &Database) -> String {
    db.rows("public.visit", "id")
}

/// Waits until the table has exactly these rows.
#[track_caller]
pub(crate) fn wait_rows(db: &Database, expected: &str) {
    wait_for(format!("the rows of both shards in {}", db.name()), EVENTUALLY, || {
        let seen = rows(db);
        holds(
            seen == expected,
            format!("{} lines instead of {}", seen.lines().count(), expected.lines().count()),
        )
    });
}

#[test]
fn shards_are_merged_and_the_merged_queue_is_followed() {
    let (one, two, full, second) =
        (database("one"), database("two"), database("full"), database("second"));
    one.sql("insert into visit select i, 'one', 0 from generate_series(1, 100) i");
    two.sql("insert into visit select i, 'two', 0 from generate_series(1001, 1100) i");
    let names = [one.name(), two.name(), full.name(), second.name()];
    let ticker = Ticker::for_databases(Ours, Cluster::shared().address(), &names);

    // The shards are roots of their own; the merged queue has its root where they come together.
    let roots = [
        node("one", &one, "q_one", &["create-root"]),
        node("two", &two, "q_two", &["create-root"]),
        node("full", &full, "q_all", &["create-root"]),
    ];
    for (db, queue) in [(&one, "q_one"), (&two, "q_two"), (&full, "q_all")] {
        quick_ticks(db, queue);
    }
    ticker.start();
    let from = |db: &Database| format!("--provider={}", db.connstr());
    let merging = [
        node("one_full", &full, "q_one", &["create-leaf", &from(&one), "--merge=q_all"]),
        node("two_full", &full, "q_two", &["create-leaf", &from(&two), "--merge=q_all"]),
    ];
    for root in &roots[..2] {
        root.londiste(["add-table", "public.visit"]).ok();
    }
    wait_for("the table known from both shards", EVENTUALLY, || {
        let seen = full.int("select count(*) from londiste.table_info where queue_name <> 'q_all'");
        holds(seen == 2, seen)
    });
    merging[0].londiste(["add-table", "--merge-all", "public.visit"]).ok();
    for node in &merging {
        node.londiste(["wait-sync"]).ok();
    }
    let expected = || format!("{}\n{}", rows(&one), rows(&two));
    wait_rows(&full, &expected());

    // Another place follows the merged queue; its leaves only keep their positions.
    let branch = node("second", &second, "q_all", &["create-branch", &from(&full)]);
    let following = [
        node("one_second", &second, "q_one", &["create-leaf", &from(&one), "--merge=q_all"]),
        node("two_second", &second, "q_two", &["create-leaf", &from(&two), "--merge=q_all"]),
    ];
    branch.londiste(["add-table", "public.visit"]).ok();
    branch.londiste(["wait-sync"]).ok();
    for (db, name) in [(&one, "one"), (&two, "two")] {
        db.sql(&format!(
            "update visit set n = n + 1; delete from visit where id % 10 = 0;
             insert into visit values ({}, '{name}', 7)",
            if name == "one" { 500 } else { 1500 }
        ));
    }
    wait_rows(&full, &expected());
    wait_rows(&second, &expected());

    // The followers' positions are moved by what arrives in the merged queue.
    for (shard, queue, consumer) in [(&one, "q_one", "one_second"), (&two, "q_two", "two_second")] {
        let tick = shard.int(&format!("select last_tick_id from pgq.get_queue_info('{queue}')"));
        wait_for(format!("{consumer} at tick {tick}"), EVENTUALLY, || {
            let seen = second.int(&format!(
                "select completed_tick from pgq_node.get_consumer_state('{queue}', '{consumer}')"
            ));
            holds(seen >= tick, seen)
        });
    }
    for node in roots.iter().chain(&merging).chain(&following).chain([&branch]) {
        assert!(!node.log().contains("ERROR"), "{}", node.log());
        node.stop_worker();
    }
    ticker.stop();
}
