//! The root of a combined queue changes while the shards are written to: merge workers stand still meanwhile, then those of the
//! new root merge and those of the old one follow, and no row is missed or doubled.

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Node, Ticker, holds, wait_for};

/// One write is one change of `n`: a change that is applied twice or not at all shows in the sum.
const TABLE: &str = "create table public.visit (id int primary key, shard text, n int)";

fn database(label: &str) -> Database {
    let db = Cluster::shared().create_database(label);
    db.sql(TABLE);
    db
}

/// A node with its worker running, and ticks often enough.
#[track_caller]
fn node(name: &str, db: &Database, queue: &str, create: &[&str]) -> Node {
    let node = Node::new(Ours, name, db, queue).with("parallel_copies", "4");
    let connstr = db.connstr();
    node.londiste([&create[..1], &[name, &connstr], &create[1..]].concat()).ok();
    if create[0] != "create-leaf" {
        db.sql(&format!(
            "select pgq.set_queue_config('{queue}', 'ticker_max_lag', '0.1 seconds');
             select pgq.set_queue_config('{queue}', 'ticker_idle_period', '0.5 seconds')"
        ));
    }
    node.start_worker();
    node
}

#[track_caller]
fn wait_same(shards: [&Database; 2], merged: &[&Database]) {
    let rows = |db: &Database| db.rows("public.visit", "id");
    let expected = format!("{}\n{}", rows(shards[0]), rows(shards[1]));
    for db in merged {
        wait_for(format!("the rows of both shards in {}", db.name()), EVENTUALLY, || {
            let seen = rows(db);
            let first = seen.lines().zip(expected.lines()).find(|(a, b)| a != b);
            holds(seen == expected, format!("{} lines, first: {first:?}", seen.lines().count()))
        });
    }
}

#[test]
fn the_root_of_a_combined_queue_changes() {
    let (one, two, full, second) =
        (database("one"), database("two"), database("full"), database("second"));
    let shards = [&one, &two];
    one.sql("insert into visit select i, 'one', 0 from generate_series(1, 100) i");
    two.sql("insert into visit select i, 'two', 0 from generate_series(1001, 1100) i");
    let names = [one.name(), two.name(), full.name(), second.name()];
    let ticker = Ticker::for_databases(Ours, Cluster::shared().address(), &names);
    let from = |db: &Database| format!("--provider={}", db.connstr());
    let root_one = node("one", &one, "q_one", &["create-root"]);
    let root_two = node("two", &two, "q_two", &["create-root"]);
    let root_all = node("full", &full, "q_all", &["create-root"]);
    ticker.start();
    let merging = [
        node("one_full", &full, "q_one", &["create-leaf", &from(&one), "--merge=q_all"]),
        node("two_full", &full, "q_two", &["create-leaf", &from(&two), "--merge=q_all"]),
    ];
    for root in [&root_one, &root_two] {
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
    let branch_all = node("second", &second, "q_all", &["create-branch", &from(&full)]);
    // Not before the same queues are merged there.
    branch_all
        .londiste(["takeover", "full"])
        .exits(1)
        .says("ERROR Inconsistent targets: old-node=[q_one, q_two] new-node=[]");
    let following = [
        node("one_second", &second, "q_one", &["create-leaf", &from(&one), "--merge=q_all"]),
        node("two_second", &second, "q_two", &["create-leaf", &from(&two), "--merge=q_all"]),
    ];
    branch_all.londiste(["add-table", "public.visit"]).ok();
    branch_all.londiste(["wait-sync"]).ok();
    // The followers know the table as one that the combined queue brings.
    wait_for("the table known to the followers", EVENTUALLY, || {
        let seen =
            second.int("select count(*) from londiste.table_info where queue_name <> 'q_all'");
        holds(seen == 2, seen)
    });
    following[0].londiste(["add-table", "--merge-all", "public.visit"]).ok();
    wait_same(shards, &[&full, &second]);

    for (taker, old, expected) in [(&branch_all, "full", "second"), (&root_all, "second", "full")] {
        let write = |round: i32| {
            for shard in shards {
                shard.sql(&format!(
                    "update visit set n = n + 1 where id % 3 = {round} % 3;
                     insert into visit select max(id) + 1, min(shard), 0 from visit"
                ));
            }
        };
        let outcome = std::thread::scope(|scope| {
            let takeover = scope.spawn(|| taker.londiste(["takeover", old]));
            let mut round = 0;
            while !takeover.is_finished() {
                write(round);
                round += 1;
            }
            takeover.join().expect("the command runs")
        });
        outcome
            .ok()
            .says(&format!("INFO {old}: pausing merge workers\n"))
            .says(&format!("INFO {expected}: waiting for merge position to catch up\n"))
            .says(&format!("INFO [{expected}] Branch node promoted to root\n"))
            .says(&format!("INFO {old}: merge workers resumed\n"));
        write(1);
        wait_same(shards, &[&full, &second]);
    }
    let nodes = [&root_one, &root_two, &root_all, &branch_all];
    for node in nodes.into_iter().chain(&merging).chain(&following) {
        let log = node.log();
        let unexpected = log.lines().filter(|line| line.contains(" ERROR "));
        let unexpected: Vec<_> = unexpected.filter(|line| !line.contains("Inconsistent")).collect();
        assert!(unexpected.is_empty(), "{}: {unexpected:?}", node.name());
        node.stop_worker();
    }
    ticker.stop();
}
