//! Scripts and truncates of shards go through the combined queue: the nodes behind it do what the combined root does.

use std::fs;

use system_tests::wait::EVENTUALLY;
use system_tests::{Database, holds, wait_for};

use crate::merge::wait_rows;
use crate::merge_second::Second;
use crate::merge_sources::{Merged, merged};

/// Two shards merged, and a second database behind.
fn stage() -> (Merged, Second) {
    let stage = merged(&["one", "two"]);
    stage.add_on_shards();
    stage.shards[0].leaf.londiste(["add-table", "--merge-all", "public.visit"]).ok();
    let second = Second::behind(&stage);
    (stage, second)
}

/// Events of a type in a combined queue, with their numbers: those of a branch are those of its root.
fn events(db: &Database, kind: &str) -> String {
    db.text(&format!(
        "select ev_id, ev_extra1, ev_extra2, md5(ev_data) from pgq.event_template where ev_type = '{kind}' order by ev_id"
    ))
}

#[test]
fn a_script_that_all_shards_run_is_run_once_behind_them() {
    let (stage, second) = stage();
    let Merged { full, shards, .. } = &stage;
    let [one, two] = &shards[..] else { unreachable!("two shards") };
    let script = "--*-- Local-Table: public.visit\n\
                  alter table @public.visit@ add column extra text default 'new';\n\
                  update @public.visit@ set n = n + 100;\n";
    for shard in shards {
        fs::write(shard.root.folder().join("more.sql"), script).expect("own folder");
    }
    let finished = "INFO Execute finished: more.sql\n";
    one.root.londiste(["execute", "more.sql"]).ok().says(finished);
    for db in [full, &second.db] {
        wait_for(format!("the script in {}", db.name()), EVENTUALLY, || {
            let seen = db.try_text("select count(*), min(n), max(n), min(extra) from visit");
            let seen = seen.map_err(|e| e.to_string())?;
            holds(seen == "600|100|100|new", seen)
        });
    }
    // The rows of the second shard are ahead of it until the script runs there.
    assert_eq!(two.db.int("select max(n) from visit"), 0);
    two.root.londiste(["execute", "more.sql"]).ok().says(finished);
    two.db.sql("update visit set extra = 'later' where id = 1001");
    for db in [full, &second.db] {
        wait_rows(db, &stage.expected());
    }
    let skipped = "WARNING Skipping execution of 'more.sql'";
    for node in [&two.leaf, &second.branch] {
        node.wait_log(skipped, EVENTUALLY);
        assert_eq!(node.log().matches(skipped).count(), 1, "{}", node.log());
    }
    for node in [&one.leaf, &second.branch] {
        assert_eq!(node.log().matches(finished).count(), 1, "{}", node.log());
    }
    // Those that follow leave it to the combined queue.
    for part in &second.parts {
        assert!(!part.log().contains("more.sql"), "{}", part.log());
    }
    // Both are passed on, whether they ran or not, and what the script does to rows is not.
    let passed = events(full, "EXECUTE");
    let sent = one.db.text(
        "select ev_extra1, ev_extra2, md5(ev_data) from pgq.event_template where ev_type = 'EXECUTE'",
    );
    assert!(sent.starts_with("more.sql|local-table=public.visit|"), "{sent}");
    let without_ids: Vec<&str> =
        passed.lines().filter_map(|event| event.split_once('|').map(|(_, event)| event)).collect();
    assert_eq!(without_ids, [&sent, &sent]);
    assert_eq!(events(&second.db, "EXECUTE"), passed);
    let updates = "select count(*) from pgq.event_template where ev_type like 'U%'";
    assert_eq!((full.int(updates), second.db.int(updates)), (1, 1));
    second.stop();
    stage.stop();
}

#[test]
fn a_truncate_of_a_shard_is_passed_on() {
    let (stage, second) = stage();
    let Merged { full, shards, .. } = &stage;
    let [one, two] = &shards[..] else { unreachable!("two shards") };
    one.db.sql("truncate visit; insert into visit values (7, 'one', 1)");
    // It takes the rows of all shards, as in the original, and not without a word.
    one.leaf.wait_log("rows of q_two included", EVENTUALLY);
    for db in [full, &second.db] {
        wait_rows(db, "7|one|1");
    }
    let truncates = || events(full, "R");
    assert_eq!(truncates().lines().count(), 1, "{}", truncates());
    assert!(truncates().contains("|public.visit|"), "{}", truncates());
    assert_eq!(events(&second.db, "R"), truncates());

    // Where rows should stay, each node has to be told: the event is passed on all the same.
    let ignore = "--handler-arg=ignore_truncate=1";
    for node in [&one.leaf, &two.leaf, &second.branch] {
        node.londiste(["change-handler", "public.visit", "--handler=londiste", ignore]).ok();
    }
    two.db.sql("insert into visit values (1500, 'two', 2)");
    two.db.sql("truncate visit");
    two.db.sql("insert into visit values (1600, 'two', 3)");
    for db in [full, &second.db] {
        wait_rows(db, "7|one|1\n1500|two|2\n1600|two|3");
    }
    for node in [&two.leaf, &second.branch] {
        assert!(node.log().contains("INFO ignoring truncate for public.visit"), "{}", node.log());
    }
    assert_eq!(truncates().lines().count(), 2, "{}", truncates());
    assert_eq!(events(&second.db, "R"), truncates());
    second.stop();
    stage.stop();
}
