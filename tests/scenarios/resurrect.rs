//! The old root comes back after somebody took its place: what it alone has goes into a file, and it follows.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use system_tests::Impl::{Ours, Reference};
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, holds, wait_for};

use crate::tree::{Cast, QUEUE, Tree};

const FILE: &str = "resurrect-lost-events.json";

#[test]
fn the_old_root_follows_ours() {
    story(Cast::OURS);
}

#[test]
fn the_old_root_follows_ours_on_their_schemas() {
    story(Cast::THEIR_SCHEMAS);
}

#[test]
fn the_old_root_follows_our_commands_on_theirs() {
    story(Cast::OUR_COMMANDS);
}

fn story(cast: Cast) {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(cast, &mortal, "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n1")]);
    let (n1, n2) = (tree.get("n1"), tree.get("n2"));
    n1.db.sql("insert into entry select i, 'n1' from generate_series(1, 20) i");
    // A consumer of somebody's own, which the original cannot drop.
    n1.db.sql(&format!("select pgq.register_consumer('{QUEUE}', 'audit')"));
    tree.wait_caught_up("n1", &["n2", "n3"]);

    // Nobody gets these.
    for name in ["n3", "n2"] {
        // The leaf first: it may not have more than the branch.
        tree.get(name).node.londiste(["pause"]).ok();
    }
    n1.db.sql(
        "insert into entry values (100, E'lost \\u00e4 \\'quoted\\' \\\\');
         update counter set n = 77 where id = 1; delete from counter where id = 9;
         truncate entry; insert into entry values (101, 'lost, too')",
    );
    wait_for("a tick with the lost events", SOON, || {
        let top = n1.top();
        n1.db.sql(&format!("select pgq.force_tick('{QUEUE}')"));
        holds(n1.top() > n2.position() + 2, top)
    });
    mortal.stop();
    n2.node.londiste(["takeover", "n1", "--dead-root"]).ok();
    n2.db.sql("insert into entry values (200, 'the new root')");
    mortal.start();
    // As it died, with lost events behind the last tick.
    n1.db.sql("insert into entry values (102, 'a late one')");

    n2.node.londiste(["takeover", "n1"]).exits(1);
    let file = n1.node.folder().join(FILE);
    fs::write(&file, "kept").expect("own folder");
    n1.node
        .londiste(["resurrect"])
        .exits(1)
        .says("ERROR Dump file exists, cannot perform resurrection: resurrect-lost-events.json");
    assert_eq!(fs::read_to_string(&file).expect("own file"), "kept");
    assert_eq!(n1.info("node_type"), "root");
    fs::remove_file(&file).expect("own file");

    let mut outcome = n1.node.londiste(["resurrect"]).ok();
    for line in [
        "INFO ** Searching for gravestone **\n",
        "INFO Looking on node n2\n",
        "INFO Found gravestone on node: n2\n",
        "INFO Found new root node: n2\n",
        "INFO ** Demote & pause local node **\n",
        "INFO Node n1 is root, demoting\n",
        "INFO Step 1: Writing disabled for: replika\n",
        "INFO Step 3: Demoted root to branch: replika\n",
        "INFO Consumer n1 tagged as paused\n",
        "INFO ** Dropping old subscribers and consumers **\n",
        "INFO Dropping old subscriber node: n2\n",
        "INFO Dropping old subscriber node: n3\n",
        "INFO Keeping consumer: .global_watermark\n",
        "INFO Dropping old consumer: audit\n",
        "INFO ** Dump & delete lost events **\n",
        "INFO ** Subscribing n1 to n2 **\n",
        "INFO Reset local completed pos\n",
        "INFO Rename gravestone to worker: n1\n",
        "INFO Reset global watermark\n",
        "INFO ** Statistics **\n",
        "INFO   table: public.counter: [0, 1, 1, 'cannot rollback']\n",
        "INFO   table: public.entry: [3, 0, 0, 'can rollback']\n",
        "INFO   truncated_tables: ['public.entry']\n",
        "INFO ** Resurrection done, worker paused **\n",
    ] {
        outcome = outcome.says(line);
    }
    let text = fs::read_to_string(&file).expect("the file of lost events");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.first(), lines.last()), (Some(&"["), Some(&"]")), "{text}");
    let first = lines.iter().position(|line| line.contains("\"ev_extra1\": \"public.entry\""));
    let first = lines[first.expect("the first lost row")];
    assert!(first.starts_with("{\"ev_id\": ") && first.ends_with("},"), "{first}");
    assert!(
        first.contains("\"ev_type\": \"I:id\", \"ev_data\": \"id=100&place=lost+%c3%a4+"),
        "{first}"
    );
    assert!(text.contains("\"ev_type\": \"R\"") && text.contains("a+late+one"), "{text}");
    assert!(!text.contains("place=n1"), "what everybody has is not lost");

    // The original's worker ends when the root it looks after is none any more; ours goes on.
    if cast.workers == Reference {
        n1.node.worker().crash();
        tree.start_worker("n1");
    }
    // It takes no writes of users and follows; its rows are the operator's business, and copied anew here.
    assert_eq!(n1.info("node_type"), "branch");
    assert!(n1.db.try_text("insert into entry values (103, 'no') returning id").is_err());
    n1.node.londiste(["resume"]).ok();
    n2.node.londiste(["resume"]).ok();
    n2.node.londiste(["tag-alive", "n1"]).ok();
    n1.node.londiste(["resync", "entry", "counter"]).ok();
    n1.node.londiste(["wait-sync"]).ok();
    tree.wait_caught_up("n2", &["n1", "n3"]);
    tree.assert_tree("n2", &["n2 (root)", "n1 (branch)", "n3 (leaf)"]);
    tree.assert_equal(&["n2", "n1", "n3"]);
    wait_for("no dead node anywhere", EVENTUALLY, || {
        let seen = ["n1", "n2", "n3"].map(|name| tree.get(name).members()).join("; ");
        holds(!seen.contains("dead"), seen)
    });
    // And it can be the root again, once its ticker has noticed that the server is back.
    tree.ticker(0).stop();
    tree.ticker(0).start();
    n1.node.londiste(["takeover", "n2"]).ok();
    n1.db.sql("insert into entry values (300, 'back')");
    tree.wait_caught_up("n1", &["n2", "n3"]);
    tree.assert_equal(&["n1", "n2", "n3"]);
}

/// Another node became the root after the one that took its place: the gravestone does not stay behind there.
#[test]
fn the_old_root_follows_the_second_successor() {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(Cast::OURS, &mortal, "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-branch", "n3", "n1")]);
    let (n1, n2, n3) = (tree.get("n1"), tree.get("n2"), tree.get("n3"));
    n1.db.sql("insert into entry values (1, 'n1')");
    tree.wait_caught_up("n1", &["n2", "n3"]);
    mortal.stop();
    n2.node.londiste(["takeover", "n1", "--dead-root"]).ok();
    n3.node.londiste(["takeover", "n2"]).ok();
    assert_eq!(n2.subscribers(), "n1");
    mortal.start();
    n1.node
        .londiste(["resurrect"])
        .ok()
        .says("INFO Found gravestone on node: n2\n")
        .says("INFO Found new root node: n3\n")
        .says("INFO [n2] Subscriber unregistered: n1\n");
    assert_eq!((n2.subscribers(), n3.subscribers()), (String::new(), "n1,n2".into()));
    n1.node.londiste(["resume"]).ok();
    n3.node.londiste(["tag-alive", "n1"]).ok();
    n3.db.sql("insert into entry values (2, 'n3')");
    tree.wait_caught_up("n3", &["n1", "n2"]);
    tree.assert_tree("n3", &["n3 (root)", "n1 (branch)", "n2 (branch)"]);
    tree.assert_equal(&["n1", "n2", "n3"]);
}

/// Where nobody has taken its place, or it is too old, it stays what it is.
#[test]
fn a_node_without_gravestone_stays() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n2")]);
    let leaf = tree.get("n3").node.londiste(["resurrect"]).ok();
    leaf.says("INFO Current node is leaf, nothing to do\n");
    tree.get("n1").node.londiste(["resurrect"]).exits(1).says("ERROR Cannot find new root node\n");
    tree.get("n2")
        .node
        .londiste(["resurrect"])
        .exits(1)
        .says("ERROR Cannot find failover position (n2.gravestone)\n");
    tree.get("n1").db.sql(&format!("select pgq.register_consumer('{QUEUE}', 'n2.gravestone')"));
    let n2 = tree.get("n2");
    n2.node.stop_worker();
    tree.get("n1")
        .db
        .sql(&format!("select pgq.force_tick('{QUEUE}'); select pgq.ticker('{QUEUE}')"));
    let tick = tree.get("n1").top();
    tree.get("n1")
        .db
        .sql(&format!("select pgq.register_consumer_at('{QUEUE}', 'n2.gravestone', {tick})"));
    n2.node
        .londiste(["resurrect"])
        .exits(1)
        .says(&format!("ERROR Node n2 does not have tick {tick}"));
    assert!(!n2.node.folder().join(FILE).exists());
    assert!(!n2.node.folder().join(format!("{FILE}.part")).exists());
    assert_eq!(n2.info("worker_paused"), "f");
}

/// Broken off at every place and repeated: the lost events are in one file, all of them, and gone from the queue.
#[test]
fn a_resurrection_that_died_is_finished() {
    for place in [
        "resurrect-closed",
        "resurrect-demoted",
        "resurrect-batch-dumped",
        "resurrect-dumped",
        "resurrect-deleted",
        "resurrect-position-set",
        "resurrect-stone-renamed",
        "resurrect-subscribed",
    ] {
        broken_off_at(place);
    }
}

fn broken_off_at(place: &str) {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(Cast::OURS, &mortal, "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n2")]);
    let (n1, n2) = (tree.get("n1"), tree.get("n2"));
    n1.db.sql("insert into entry values (1, 'n1')");
    tree.wait_caught_up("n1", &["n2", "n3"]);
    n2.node.londiste(["pause"]).ok();
    for id in 100..103 {
        n1.db.sql(&format!("insert into entry values ({id}, 'lost')"));
        let top = n1.top();
        wait_for("a tick for each lost event", SOON, || {
            n1.db.sql(&format!("select pgq.force_tick('{QUEUE}')"));
            holds(n1.top() > top, top)
        });
    }
    mortal.stop();
    n2.node.londiste(["takeover", "n1", "--dead-root"]).ok();
    n2.node.londiste(["resume"]).ok();
    mortal.start();
    n1.db.sql("insert into entry values (103, 'lost')");

    let mut resurrect = n1.node.command();
    resurrect.arg("resurrect").env("LONDISTE_CRASH_POINT", place);
    let died = resurrect.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("our program");
    assert_eq!(died.signal(), Some(9), "{place}: {}", n1.node.log());
    let file = n1.node.folder().join(FILE);
    let kept = file.exists().then(|| {
        n1.node.londiste(["resurrect"]).exits(1).says("ERROR Dump file exists");
        let text = fs::read_to_string(&file).expect("the file of lost events");
        fs::remove_file(&file).expect("own folder");
        text
    });
    n1.node.londiste(["resurrect"]).ok().says("INFO ** Resurrection done, worker paused **\n");
    let written = fs::read_to_string(&file).ok();
    let dumped_again = place == "resurrect-dumped";
    assert_eq!(kept.is_some() && written.is_some(), dumped_again, "{place}");
    for text in kept.iter().chain(&written) {
        for id in 100..104 {
            let data = format!("\"ev_data\": \"id={id}&place=lost\"");
            assert_eq!(text.matches(&data).count(), 1, "{place}: {id}: {text}");
        }
        assert!(text.starts_with("[\n") && text.ends_with("}\n]\n"), "{place}: {text}");
    }
    assert!(kept.is_some() || written.is_some(), "{place}");
    assert!(!n1.node.folder().join(format!("{FILE}.part")).exists(), "{place}");
    let left =
        n1.db.int("select count(*) from pgq.event_template where ev_data like '%place=lost'");
    assert_eq!(left, 0, "{place}: lost events in the queue");
    let consumers = n1.db.text(&format!(
        "select string_agg(consumer_name, ',') from pgq.get_consumer_info('{QUEUE}')"
    ));
    assert_eq!(consumers, ".global_watermark", "{place}");

    n1.node.londiste(["resume"]).ok();
    n2.node.londiste(["tag-alive", "n1"]).ok();
    n1.node.londiste(["resync", "entry", "counter"]).ok();
    n1.node.londiste(["wait-sync"]).ok();
    n2.db.sql("insert into entry values (200, 'n2')");
    tree.wait_caught_up("n2", &["n1", "n3"]);
    assert_eq!(n1.db.text("select id from entry order by 1"), "1\n200", "{place}");
    tree.assert_equal(&["n2", "n1", "n3"]);
    tree.assert_tree("n2", &["n2 (root)", "n1 (branch)", "n3 (leaf)"]);
}

/// The original's failover on our nodes, and its resurrect, which ends after the demotion: ours goes on from there.
#[test]
fn their_failover_and_their_resurrect_on_ours() {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(Cast::THEIR_COMMANDS, &mortal, "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-leaf", "n3", "n2"),
        ("create-leaf", "n4", "n1"),
    ]);
    {
        let (n1, n2) = (tree.get("n1"), tree.get("n2"));
        n1.db.sql("insert into entry values (1, 'n1')");
        tree.wait_caught_up("n1", &["n2", "n3", "n4"]);
        // It moves those who read from the root before it looks whether they have more.
        for name in ["n4", "n2"] {
            tree.get(name).node.londiste(["pause"]).ok();
        }
        wait_for("n2 ahead of n4", SOON, || {
            let (n2, n4) = (n2.position(), tree.get("n4").position());
            holds(n2 >= n4, format!("{n2} and {n4}"))
        });
        n1.db.sql("insert into entry values (100, 'lost')");
        let top = n1.top();
        wait_for("a tick behind the lost event", SOON, || {
            n1.db.sql(&format!("select pgq.force_tick('{QUEUE}')"));
            holds(n1.top() > top, top)
        });
        mortal.stop();
        n2.node
            .londiste(["takeover", "n1", "--dead-root"])
            .ok()
            .says("INFO [n2] Branch node promoted to root\n")
            .says("INFO [n2] Subscriber registered: n1\n");
        mortal.start();
        n1.node.londiste(["resurrect"]).exits(1).says("INFO Dumping lost events\n");
        assert_eq!(n1.info("node_type"), "branch");
    }
    // The beginning of theirs, without an end.
    let file = tree.get("n1").node.folder().join(FILE);
    assert!(!fs::read_to_string(&file).expect("their file").ends_with("]\n"));
    tree.commands_by(Ours);
    let (n1, n2) = (tree.get("n1"), tree.get("n2"));
    n1.node.londiste(["resurrect"]).exits(1).says("ERROR Dump file exists");
    fs::remove_file(&file).expect("own folder");
    n1.node
        .londiste(["resurrect"])
        .ok()
        .says("INFO Dropping old consumer: n1.dumper\n")
        .says("INFO ** Resurrection done, worker paused **\n");
    let text = fs::read_to_string(&file).expect("the file of lost events");
    assert_eq!(text.matches("place=lost").count(), 1, "{text}");
    assert!(text.ends_with("}\n]\n"), "{text}");

    n1.node.londiste(["resume"]).ok();
    n2.node.londiste(["tag-alive", "n1"]).ok();
    n1.node.londiste(["resync", "entry", "counter"]).ok();
    n1.node.londiste(["wait-sync"]).ok();
    n2.db.sql("insert into entry values (200, 'n2')");
    tree.wait_caught_up("n2", &["n1", "n3", "n4"]);
    assert_eq!(n1.db.text("select id from entry order by 1"), "1\n200");
    tree.assert_equal(&["n2", "n1", "n3", "n4"]);
    tree.assert_tree("n2", &["n2 (root)", "n1 (branch)", "n3 (leaf)", "n4 (leaf)"]);
}
