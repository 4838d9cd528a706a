//! Nodes of merged queues leave, one after the other: who stays goes on from exactly where it is, and the rows that a node has
//! brought stay.

use system_tests::wait::EVENTUALLY;
use system_tests::{Database, Node, holds, wait_for};

use crate::merge::{rows, wait_rows};
use crate::merge_second::Second;
use crate::merge_sources::{Merged, Writer, merged};

/// Its worker is stopped, and it is dropped by its own command.
#[track_caller]
fn leave(node: &Node) {
    node.stop_worker();
    let name = node.name();
    node.londiste(["drop-node", name]).ok().says(&format!("INFO Node dropped: {name}\n"));
}

#[track_caller]
fn assert_members(db: &Database, queue: &str, expected: &str) {
    let seen = db.text(&format!(
        "select string_agg(node_name, ',' order by node_name) from pgq_node.get_queue_locations('{queue}')"
    ));
    assert_eq!(seen, expected, "members of {queue}");
}

/// Nothing of a queue is left in a database: no node, no table, no trigger.
#[track_caller]
fn assert_no_trace(db: &Database, queue: &str) {
    let seen = db.text(&format!(
        "select 'node' from pgq_node.node_info where queue_name = '{queue}'
         union all select 'position' from pgq_node.local_state where queue_name = '{queue}'
         union all select 'table' from londiste.table_info where queue_name = '{queue}'
         union all select 'queue' from pgq.queue where queue_name = '{queue}'
         union all select tgname from pg_trigger where tgrelid = 'visit'::regclass and tgname like '%{queue}%'"
    ));
    assert_eq!(seen, "", "of {queue} in {}", db.name());
}

#[test]
fn nodes_of_merged_queues_leave() {
    let stage = merged(&["one", "two"]);
    stage.add_on_shards();
    stage.shards[0].leaf.londiste(["add-table", "--merge-all", "public.visit"]).ok();
    let mut second = Second::behind(&stage);
    // Several ticks at once, which may not hold as long as the combined queue moves it.
    let part = &mut second.parts[0];
    part.set("pgq_batch_collect_interval", "2 seconds");
    part.stop_worker();
    part.start_worker();
    let second = second;
    let Merged { full, full_root, shards, .. } = &stage;
    let [one, two] = &shards[..] else { unreachable!("two shards") };
    let writers = [Writer::start(&one.db, "one", 1), Writer::start(&two.db, "two", 1001)];
    let more = |changes| writers.iter().for_each(|writer: &Writer| writer.wait_for_more(changes));
    more(30);

    // The combined root is followed, whoever wants to drop it.
    let refused = "ERROR node still has subscribers\nHINT:  Give second another provider first";
    for node in [full_root, &second.branch] {
        node.londiste(["drop-node", "full"]).exits(1).says(refused);
    }
    assert_members(full, "q_all", "full,second");

    // A leaf that followed: its rows come through the combined queue as before, with positions that nobody wants.
    leave(&second.parts[1]);
    assert_no_trace(&second.db, "q_two");
    assert_members(&two.db, "q_two", "two,two_full");
    more(30);

    // The combined branch: the leaf that followed it applies its queue itself now, from where that has moved it. It has not finished
    // there what came so at its provider.
    let part = &second.parts[0];
    part.londiste(["pause"]).ok();
    more(30);
    let finished = one.db.int("select last_tick from pgq.get_consumer_info('q_one', 'one_second')");
    wait_for("a position ahead of what is finished", EVENTUALLY, || {
        let stands = second
            .db
            .int("select completed_tick from pgq_node.get_consumer_state('q_one', 'one_second')");
        holds(stands > finished + 2, format!("{stands}, finished is {finished}"))
    });
    leave(&second.branch);
    part.londiste(["resume"]).ok();
    assert_no_trace(&second.db, "q_all");
    assert_members(full, "q_all", "full");
    full_root.londiste(["node-status"]).ok().says_not("second");
    more(30);
    drop(writers);
    wait_rows(full, &stage.expected());
    let of_one = |db: &Database| {
        let all = rows(db);
        let own = all.lines().filter(|row| row.split('|').nth(1) == Some("one"));
        own.map(str::to_owned).collect::<Vec<_>>()
    };
    wait_for("the rows of one in the second database", EVENTUALLY, || {
        let (seen, expected) = (of_one(&second.db), of_one(&one.db));
        let first = seen.iter().zip(&expected).find(|(s, e)| s != e);
        holds(
            seen == expected,
            format!("{} of {} rows, first: {first:?}", seen.len(), expected.len()),
        )
    });
    for text in ["Lost position", " crashed: "] {
        assert!(!part.log().contains(text), "{}", part.log());
    }

    // A leaf that merges: the rows that it has brought stay, and nothing keeps its source from forgetting.
    leave(&two.leaf);
    assert_no_trace(full, "q_two");
    assert_members(&two.db, "q_two", "two");
    let consumers = "select string_agg(consumer_name, ',') from pgq.get_consumer_info('q_two')";
    assert_eq!(two.db.text(consumers), ".global_watermark");
    let before = rows(full);
    two.db.sql("update visit set n = -1");
    one.db.sql("update visit set n = -1 where id = 299");
    let expected = before.replace("\n299|one|0\n", "\n299|one|-1\n");
    assert_ne!(expected, before);
    wait_rows(full, &expected);

    // Nobody follows the combined root any more. The leaf that fed it goes on without.
    leave(full_root);
    assert_no_trace(full, "q_all");
    one.db.sql("update visit set n = -2 where id = 299");
    wait_rows(full, &expected.replace("\n299|one|-1\n", "\n299|one|-2\n"));
    wait_for("row 299 in the second database", EVENTUALLY, || {
        let seen = second.db.text("select n from visit where id = 299");
        holds(seen == "-2", seen)
    });
}
