//! Shards are copied into one table at the same time, and no more of them than `--max-parallel-copy` allows.

use system_tests::wait::EVENTUALLY;
use system_tests::{Impl, holds, wait_for};

use crate::merge::wait_rows;
use crate::merge_sources::{Shard, merged};

#[test]
fn copies_wait_for_each_other_ours() {
    story(Impl::Ours);
}

#[test]
fn copies_wait_for_each_other_theirs() {
    story(Impl::Reference);
}

/// Four shards, two copies at a time. The first empties the table and copies alone; then those of b and c begin and are held up,
/// and that of d has to wait until one of them is done.
fn story(copies: Impl) {
    let mut stage = merged(&["a", "b", "c", "d"]);
    for Shard { leaf, .. } in &mut stage.shards {
        leaf.stop_worker();
        leaf.hand_over(copies);
        leaf.start_worker();
    }
    stage.add_on_shards();
    let [a, b, c, d] = &stage.shards[..] else { unreachable!("four shards") };
    let full = &stage.full;
    let mut holders = [b, c].map(|shard| {
        let mut holder = shard.db.client();
        holder.batch_execute("begin; lock table visit").expect("nobody else has it");
        holder
    });
    // It comes last.
    d.leaf.stop_worker();
    a.leaf.londiste(["add-table", "--merge-all", "--max-parallel-copy=2", "public.visit"]).ok();
    for shard in [b, c] {
        wait_for(format!("a copy that reads {}", shard.root.name()), EVENTUALLY, || {
            let waiting = shard.db.int(
                "select count(*) from pg_locks l join pg_database d on d.oid = l.database
                  where d.datname = current_database() and relation = 'visit'::regclass and not granted",
            );
            holds(waiting == 1, shard.leaf.log())
        });
    }
    d.leaf.start_worker();
    d.leaf.wait_log("INFO number of max parallel copies (2) reached\n", EVENTUALLY);
    d.leaf.londiste(["tables"]).ok().says("{'max_parallel_copy': '2'}");
    let copied = |nr: i64| {
        full.int(&format!(
            "select count(*) from visit where id between {nr} * 1000 and {nr} * 1000 + 999"
        ))
    };
    let has_begun = || d.leaf.log().contains("Starting full copy of public.visit");
    assert!(!has_begun(), "{}", d.leaf.log());
    assert_eq!([0, 1, 2, 3].map(copied), [300, 0, 0, 0]);

    // One of them is done.
    holders[1].batch_execute("commit").expect("ours");
    wait_for("the rows of c and d", EVENTUALLY, || {
        let seen = [1, 2, 3].map(copied);
        holds(seen == [0, 300, 300], format!("{seen:?}"))
    });
    holders[0].batch_execute("commit").expect("ours");
    for shard in &stage.shards {
        shard.leaf.londiste(["wait-sync"]).ok();
    }
    for shard in &stage.shards {
        shard.db.sql("update visit set n = n + 1");
    }
    wait_rows(full, &stage.expected());
    assert_eq!(full.int("select count(*) from pg_index where indrelid = 'visit'::regclass"), 1);
    stage.stop();
}
