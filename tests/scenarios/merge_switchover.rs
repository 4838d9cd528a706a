//! The root of a combined queue changes places with its branch: what followed the combined queue now feeds it, from exactly
//! the positions where the others stopped. The SQL functions are called one by one, as a takeover does it.

use std::process::Stdio;

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;
use system_tests::{Database, Node, Ticker, holds, wait_for};

use crate::merge::{database, node, quick_ticks, wait_rows};
use crate::merge_sources::{Merged, Writer, merged};

/// One of the two databases that have all rows.
struct Side<'a> {
    db: &'a Database,
    /// The node of the combined queue.
    combined: &'a Node,
    /// The nodes of the shards' queues, in the order of the shards.
    parts: Vec<&'a Node>,
}

impl Side<'_> {
    /// Where the parts stand, as the database has it.
    fn positions(&self) -> String {
        self.db.text(
            "select s.queue_name, s.last_tick_id from pgq_node.local_state s
               join pgq_node.node_info n using (queue_name)
              where n.combined_queue = 'q_all' and s.consumer_name = n.worker_name order by 1",
        )
    }

    #[track_caller]
    fn combined_sql(&self, statement: &str) -> String {
        let answer = self.db.text(statement);
        assert!(answer.starts_with("200|"), "{statement}: {answer}");
        answer
    }
}

#[track_caller]
fn switch_over(old: &Side<'_>, new: &Side<'_>) {
    for part in &old.parts {
        part.londiste(["pause"]).ok();
    }
    let handed_over = old.positions();
    wait_for("the parts' positions on the other side", EVENTUALLY, || {
        let seen = new.positions();
        holds(seen == handed_over, format!("{seen}\ninstead of\n{handed_over}"))
    });
    old.combined.londiste(["pause"]).ok();
    let (old_name, new_name) = (old.combined.name(), new.combined.name());
    old.combined_sql(&format!("select * from pgq_node.demote_root('q_all', 1, '{new_name}')"));
    let last =
        old.combined_sql(&format!("select * from pgq_node.demote_root('q_all', 2, '{new_name}')"));
    let tick = last.rsplit('|').next().expect("the tick").parse::<i64>().expect("a number");
    wait_for(format!("tick {tick} on the other side"), EVENTUALLY, || {
        let seen = new.db.int("select worker_last_tick from pgq_node.get_node_info('q_all')");
        holds(seen >= tick, seen)
    });
    new.combined.londiste(["pause"]).ok();
    assert_eq!(new.positions(), handed_over, "nobody has moved them meanwhile");
    new.combined_sql("select * from pgq_node.promote_branch('q_all')");
    new.combined_sql(&format!(
        "select * from pgq_node.register_subscriber('q_all', '{old_name}', '{old_name}', {tick})"
    ));
    old.combined_sql(&format!(
        "select * from pgq_node.unregister_subscriber('q_all', '{new_name}')"
    ));
    new.combined.londiste(["resume"]).ok();
    old.combined_sql(&format!("select * from pgq_node.demote_root('q_all', 3, '{new_name}')"));
    old.combined.londiste(["resume"]).ok();
    for part in &old.parts {
        part.londiste(["resume"]).ok();
    }
}

/// On a follower the table is added to a shard's queue, which attaches it to the other and to the combined queue as well.
#[track_caller]
fn add_on_parts(db: &Database, part: &Node, combined: &Node) {
    wait_for("the table known from both shards", EVENTUALLY, || {
        let seen = db.int("select count(*) from londiste.table_info where queue_name <> 'q_all'");
        holds(seen == 2, seen)
    });
    part.londiste(["add-table", "public.visit"]).ok();
    combined.londiste(["tables"]).ok().says("public.visit");
    assert_eq!(db.int("select count(*) from londiste.table_info where local"), 3);
}

/// Kills a worker at a named place of its next batch, and starts it again.
#[track_caller]
fn crash_at(node: &Node, place: &str) {
    node.stop_worker();
    dies_at(node, place);
    node.start_worker();
}

/// Starts a worker and waits until it has died at `place`, as by `kill -9`.
#[track_caller]
fn dies_at(node: &Node, place: &str) {
    let mut worker = node.command();
    worker.arg("worker").env("LONDISTE_CRASH_POINT", place);
    let mut worker = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ours");
    wait_for(format!("the crash at {place}"), EVENTUALLY, || {
        worker.try_wait().expect("our own child").ok_or_else(|| node.log())
    });
    assert!(node.log().contains(&format!("crash point {place}")), "{}", node.log());
}

/// A followed queue's data arrives once: no cycle of anybody has failed.
#[track_caller]
fn assert_never_failed(side: &Side<'_>) {
    for node in side.parts.iter().chain([&side.combined]) {
        assert!(!node.log().contains(" crashed: "), "{}", node.log());
    }
}

#[test]
fn a_combined_root_and_its_branch_change_places_and_back() {
    let stage = merged(&["one", "two"]);
    stage.add_on_shards();
    stage.shards[0].leaf.londiste(["add-table", "--merge-all", "public.visit"]).ok();
    let second = database("second");
    let from = |db: &Database| format!("--provider={}", db.connstr());
    let branch = node("second", &second, "q_all", &["create-branch", &from(&stage.full)]);
    quick_ticks(&second, "q_all");
    let following: Vec<Node> = stage
        .shards
        .iter()
        .zip(["one", "two"])
        .map(|(shard, name)| {
            let create = ["create-leaf", &from(&shard.db), "--merge=q_all"];
            node(&format!("{name}_second"), &second, &format!("q_{name}"), &create)
        })
        .collect();
    let ticker = Ticker::for_databases(Ours, second.address(), &[second.name()]);
    ticker.start();
    add_on_parts(&second, &following[0], &branch);
    for node in stage.shards.iter().map(|shard| &shard.leaf).chain([&branch]) {
        node.londiste(["wait-sync"]).ok();
    }
    for node in &following {
        node.londiste(["resync", "public.visit"]).exits(1);
    }
    let Merged { full, full_root, shards, .. } = &stage;
    let first = Side {
        db: full,
        combined: full_root,
        parts: shards.iter().map(|shard| &shard.leaf).collect(),
    };
    let other = Side { db: &second, combined: &branch, parts: following.iter().collect() };

    let writers =
        [Writer::start(&shards[0].db, "one", 1), Writer::start(&shards[1].db, "two", 1001)];
    let more = |changes| writers.iter().for_each(|writer: &Writer| writer.wait_for_more(changes));
    more(50);
    switch_over(&first, &other);
    more(50);
    for side in [&first, &other] {
        assert_never_failed(side);
    }
    // The new feeder dies where it hurts.
    for place in ["batch-applied", "batch-committed", "batch-finished"] {
        crash_at(other.parts[0], place);
        more(10);
    }
    switch_over(&other, &first);
    more(50);
    for place in ["batch-applied", "batch-committed"] {
        crash_at(first.parts[1], place);
        more(10);
    }
    drop(writers);
    wait_rows(full, &stage.expected());
    wait_rows(&second, &stage.expected());
    for side in [&first, &other] {
        assert_never_failed(side);
    }
    for node in following.iter().chain([&branch]) {
        node.stop_worker();
    }
    ticker.stop();
    stage.stop();
}

/// What comes by the followed queue itself is kept before the provider forgets it; and a table that nobody has attached to the
/// shard's queue is told of when the follower becomes a feeder.
#[test]
fn a_follower_keeps_what_it_hears_and_says_what_it_will_not_apply() {
    let stage = merged(&["one"]);
    stage.add_on_shards();
    let Merged { full, full_root, shards, .. } = &stage;
    shards[0].leaf.londiste(["add-table", "public.visit"]).ok();
    let second = database("second");
    let from = |db: &Database| format!("--provider={}", db.connstr());
    let branch = node("second", &second, "q_all", &["create-branch", &from(full)]);
    quick_ticks(&second, "q_all");
    let create = ["create-leaf", &from(&shards[0].db), "--merge=q_all"];
    let part = node("one_second", &second, "q_one", &create);
    branch.londiste(["add-table", "public.visit"]).ok();
    for node in [&shards[0].leaf, &branch] {
        node.londiste(["wait-sync"]).ok();
    }
    // Something that it will hear the end of.
    let shard = &shards[0].db;
    shard.sql(
        "create table public.less (id int primary key); create table public.more (id int primary key);
         create sequence public.gone; create sequence public.come",
    );
    shards[0].root.londiste(["add-table", "public.less"]).ok();
    shards[0].root.londiste(["add-seq", "public.gone"]).ok();
    let known = || {
        second.text(
            "select table_name from londiste.table_info where queue_name = 'q_one'
              union all select seq_name from londiste.seq_info where queue_name = 'q_one' order by 1",
        )
    };
    wait_for("the follower to know them", EVENTUALLY, || {
        let seen = known();
        holds(seen == "public.gone\npublic.less\npublic.visit", seen)
    });
    part.stop_worker();
    shards[0].root.londiste(["remove-table", "public.less"]).ok();
    shards[0].root.londiste(["remove-seq", "public.gone"]).ok();
    shards[0].root.londiste(["add-table", "public.more"]).ok();
    shards[0].root.londiste(["add-seq", "public.come"]).ok();
    let ticked = shard.int("select last_tick_id from pgq.get_queue_info('q_one')");
    wait_for("the tick after that", EVENTUALLY, || {
        let seen = shard.int("select last_tick_id from pgq.get_queue_info('q_one')");
        holds(seen > ticked, seen)
    });
    let heard = shard.int("select last_tick_id from pgq.get_queue_info('q_one')");
    let everything = "public.come\npublic.more\npublic.visit";
    let provider = "select last_tick from pgq.get_consumer_info('q_one', 'one_second')";
    loop {
        // Between its own commit and the provider's: what it has heard comes a second time.
        let before = shard.int(provider);
        dies_at(&part, "follow-committed");
        let kept = known();
        assert_eq!(shard.int(provider), before, "the provider has not heard of it");
        dies_at(&part, "batch-finished");
        assert_eq!(known(), kept, "twice is once");
        let passed = shard.int(provider) >= heard;
        assert!(kept == everything || !passed, "the provider has forgotten what is not known here");
        if kept == everything {
            break;
        }
    }
    part.start_worker();
    wait_for("the follower to go on", EVENTUALLY, || {
        let seen = shard.int(provider);
        holds(seen > heard, seen)
    });
    assert!(!part.log().contains(" ERROR "), "{}", part.log());
    let first = Side { db: full, combined: full_root, parts: vec![&shards[0].leaf] };
    switch_over(&first, &Side { db: &second, combined: &branch, parts: vec![&part] });
    shard.sql("update visit set n = 1 where id = 1");
    part.wait_log(
        "WARNING Changes of public.visit are passed on to queue q_all and not applied here",
        EVENTUALLY,
    );
    for node in [&part, &branch] {
        node.stop_worker();
    }
    stage.stop();
}

/// A worker that was away while its queue was followed does not know that the rows are there already. It says so and does
/// nothing, and one command puts it where they are.
#[test]
fn a_part_that_was_away_during_the_change_is_put_where_the_data_is() {
    let stage = merged(&["one", "two"]);
    stage.add_on_shards();
    stage.shards[0].leaf.londiste(["add-table", "--merge-all", "public.visit"]).ok();
    let second = database("second");
    let from = |db: &Database| format!("--provider={}", db.connstr());
    let branch = node("second", &second, "q_all", &["create-branch", &from(&stage.full)]);
    quick_ticks(&second, "q_all");
    let create = ["create-leaf", &from(&stage.shards[0].db), "--merge=q_all"];
    let part = node("one_second", &second, "q_one", &create);
    let create = ["create-leaf", &from(&stage.shards[1].db), "--merge=q_all"];
    let other_part = node("two_second", &second, "q_two", &create);
    let ticker = Ticker::for_databases(Ours, second.address(), &[second.name()]);
    ticker.start();
    add_on_parts(&second, &part, &branch);
    for node in stage.shards.iter().map(|shard| &shard.leaf).chain([&branch]) {
        node.londiste(["wait-sync"]).ok();
    }
    part.stop_worker();
    let shard = &stage.shards[0].db;
    for round in 0..5 {
        shard.sql(&format!("update visit set n = {round} where id < 50"));
        wait_rows(&second, &stage.expected());
    }
    let Merged { full, full_root, shards, .. } = &stage;
    let first = Side {
        db: full,
        combined: full_root,
        parts: shards.iter().map(|shard| &shard.leaf).collect(),
    };
    switch_over(&first, &Side { db: &second, combined: &branch, parts: vec![&part, &other_part] });
    shard.sql("update visit set n = 77 where id < 50");
    part.start_worker();
    part.wait_log("Lost position: batch ", EVENTUALLY);
    part.wait_log("(--rewind moves the provider, --reset moves this node)", EVENTUALLY);
    part.stop_worker();
    part.londiste(["worker", "--rewind"]).ok().says("Rewinding queue");
    part.start_worker();
    wait_rows(&second, &stage.expected());
    wait_rows(full, &stage.expected());
    for node in [&part, &other_part, &branch] {
        node.stop_worker();
    }
    ticker.stop();
    stage.stop();
}
