//! Planned changes of the tree, while users write: what was acknowledged is on every node afterwards.

use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use system_tests::node::tail;
use system_tests::wait::SOON;
use system_tests::{Cluster, holds, wait_for};

use crate::tree::{Cast, QUEUE, Tree, Users, ids};

#[test]
fn the_root_changes_theirs() {
    root_story(Cast::THEIRS);
}

#[test]
fn the_root_changes_ours() {
    root_story(Cast::OURS);
}

#[test]
fn the_root_changes_our_commands_on_theirs() {
    root_story(Cast::OUR_COMMANDS);
}

#[test]
fn the_root_changes_ours_on_their_schemas() {
    root_story(Cast::THEIR_SCHEMAS);
}

#[test]
fn the_root_changes_their_commands_on_ours() {
    root_story(Cast::THEIR_COMMANDS);
}

#[test]
fn the_root_changes_their_workers_under_ours() {
    root_story(Cast::THEIR_WORKERS);
}

/// A root with a branch, a leaf of its own, and a leaf below the branch; the branch and the root change places and back.
fn root_story(cast: Cast) {
    let mut tree = Tree::plant(cast, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-leaf", "n3", "n1"),
        ("create-leaf", "n4", "n2"),
    ]);
    let all = ["n1", "n2", "n3", "n4"];
    let mut users = Users::start(&[&tree.get("n1").db, &tree.get("n2").db]);
    users.wait_for_more(0, 30);

    let mut outcome = tree.get("n2").node.londiste(["takeover", "n1"]).ok();
    for line in [
        "INFO old: n1\n",
        "INFO [n1] Consumer n1 tagged as paused\n",
        "INFO Consumer 'n1' on node 'n1' paused\n",
        "INFO [n1] Step 1: Writing disabled for: replika\n",
        "INFO [n1] Step 2: Inserted last tick: replika\n",
        "INFO [n2] Consumer n2 tagged as paused\n",
        "INFO [n2] Branch node promoted to root\n",
        "INFO [n2] Subscriber registered: n1\n",
        "INFO [n1] Subscriber unregistered: n2\n",
        "INFO [n2] Consumer n2 tagged as resumed\n",
        "INFO [n1] Step 3: Demoted root to branch: replika\n",
        "INFO [n1] Consumer n1 tagged as resumed\n",
    ] {
        outcome = outcome.says(line);
    }
    users.wait_for_more(1, 30);
    tree.assert_tree("n2", &["n2 (root)", "n1 (branch)", "n3 (leaf)", "n4 (leaf)"]);
    assert_eq!(tree.get("n1").provider(), "n2");
    assert_eq!(tree.get("n2").subscribers(), "n1,n4");

    // Back, and everybody who read from it comes along.
    tree.get("n1").node.londiste(["takeover", "n2", "--all"]).ok();
    users.wait_for_more(0, 30);
    users.stop();
    tree.assert_tree("n3", &["n1 (root)", "n2 (branch)", "n3 (leaf)", "n4 (leaf)"]);
    assert_eq!(tree.get("n1").subscribers(), "n2,n3,n4");
    tree.wait_caught_up("n1", &all[1..]);
    tree.assert_equal(&all);
    let kept = ids(&tree.get("n4").db);
    for nr in 0..2 {
        let promised = users.acknowledged_by(nr);
        let lost: Vec<_> = promised.difference(&kept).collect();
        assert!(lost.is_empty(), "acknowledged by n{} and lost: {lost:?}", nr + 1);
    }
    tree.assert_no_errors(&all);
}

#[test]
fn a_branch_changes_places() {
    for cast in [Cast::OURS, Cast::OUR_COMMANDS] {
        branch_story(cast);
    }
}

/// n1 - n2 - (n3, n4): n3 takes the place of n2, and later n2 that of n3 with everybody below.
fn branch_story(cast: Cast) {
    let mut tree = Tree::plant(cast, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-branch", "n3", "n2"),
        ("create-leaf", "n4", "n2"),
    ]);
    let mut users = Users::start(&[&tree.get("n1").db]);
    tree.get("n4")
        .node
        .londiste(["takeover", "n2"])
        .exits(1)
        .says("ERROR Node n4 is a leaf and cannot take over");
    tree.get("n3").node.londiste(["takeover", "n9"]).exits(1).says("ERROR Unknown node: n9\n");
    tree.get("n3").node.londiste(["takeover", "n3"]).ok().says("INFO same node?\n");

    tree.get("n3").node.londiste(["takeover", "n2"]).ok();
    assert_eq!(tree.get("n3").provider(), "n1");
    assert_eq!(tree.get("n2").provider(), "n3");
    assert_eq!(tree.get("n4").provider(), "n2");
    tree.get("n2").node.londiste(["takeover", "n3", "--all"]).ok();
    assert_eq!(tree.get("n2").provider(), "n1");
    assert_eq!(tree.get("n3").provider(), "n2");
    assert_eq!(tree.get("n1").subscribers(), "n2");
    assert_eq!(tree.get("n2").subscribers(), "n3,n4");
    // A leaf's place is one, too: a branch gets between it and its provider.
    tree.get("n3").node.londiste(["takeover", "n4"]).ok();
    assert_eq!(tree.get("n4").provider(), "n3");
    users.wait_for_more(0, 20);
    users.stop();
    tree.assert_tree("n1", &["n1 (root)", "n2 (branch)", "n3 (branch)", "n4 (leaf)"]);
    tree.wait_caught_up("n1", &["n2", "n3", "n4"]);
    tree.assert_equal(&["n1", "n2", "n3", "n4"]);
    tree.assert_no_errors(&["n1", "n2"]);
}

/// n1 - n2 - (n3, n4): n3 takes the root's place, and n2, from which it reads, is one of those that move to it.
#[test]
fn a_root_two_levels_up_changes() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-branch", "n3", "n2"),
        ("create-leaf", "n4", "n2"),
    ]);
    let all = ["n1", "n2", "n3", "n4"];
    tree.get("n2")
        .node
        .londiste(["change-provider", "--provider=n3"])
        .exits(1)
        .says("ERROR Node n3 gets its events from n2 and cannot be its provider");
    let mut users = Users::start(&[&tree.get("n1").db, &tree.get("n3").db]);
    users.wait_for_more(0, 20);
    tree.get("n3").node.londiste(["takeover", "n1", "--all"]).ok();
    users.wait_for_more(1, 20);
    users.stop();
    tree.assert_tree("n3", &["n3 (root)", "n1 (branch)", "n2 (branch)", "n4 (leaf)"]);
    for (name, provider, subscribers) in
        [("n1", "n3", ""), ("n2", "n3", "n4"), ("n3", "n3", "n1,n2"), ("n4", "n2", "")]
    {
        assert_eq!(tree.get(name).provider(), provider, "{name}");
        if name != "n4" {
            assert_eq!(tree.get(name).subscribers(), subscribers, "{name}");
        }
    }
    tree.wait_caught_up("n3", &["n1", "n2", "n4"]);
    tree.assert_equal(&all);
    let kept = ids(&tree.get("n4").db);
    for nr in 0..2 {
        assert!(users.acknowledged_by(nr).is_subset(&kept), "acknowledged by database {nr}");
    }
}

/// Where a worker does not run, the takeover says so, and an interrupt leaves everything as it was.
#[test]
fn a_takeover_that_is_broken_off_leaves_the_old_root() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1")]);
    // The old root answers, and then the new one cannot be made to stand still.
    tree.wait_caught_up("n1", &["n2"]);
    tree.get("n2").node.stop_worker();
    let mut takeover =
        tree.get("n2").node.command().arg("takeover").arg("n1").spawn().expect("our program");
    let hint = "The worker of node 'n2' (consumer n2) does not answer, it seems not to run";
    // It waits for the last tick, or for the worker's word.
    let waits = "Node 'n2' is at tick";
    wait_for("a line that names the worker", SOON * 2, || {
        let log = tree.get("n2").node.log();
        holds(log.contains(hint) || log.contains(waits), tail(&log, 5))
    });
    interrupt(&takeover);
    let status = takeover.wait().expect("our own child");
    assert_eq!(status.code(), Some(1), "{}", tree.get("n2").node.log());
    assert_eq!(tree.get("n1").info("node_type"), "root");
    assert_eq!(tree.get("n2").info("node_type"), "branch");
    tree.get("n1").db.sql("insert into entry values (1, 'still the root')");
    let queue = tree.get("n1").db.text(&format!(
        "select queue_disable_insert, queue_external_ticker from pgq.queue where queue_name = '{QUEUE}'"
    ));
    assert_eq!(queue, "f|f");
    tree.get("n2").node.start_worker();
    tree.wait_caught_up("n1", &["n2"]);
    tree.assert_tree("n1", &["n1 (root)", "n2 (branch)"]);
    tree.assert_equal(&["n1", "n2"]);
    // And then it works.
    tree.get("n2").node.londiste(["takeover", "n1"]).ok();
    tree.assert_tree("n1", &["n2 (root)", "n1 (branch)"]);
}

/// The last tick waits for who is writing. Who does not want to wait leaves no trace, and nobody behind him in the queue.
#[test]
fn a_takeover_does_not_wait_for_writers_for_ever() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1")]);
    let (n1, n2) = (tree.get("n1"), tree.get("n2"));
    let mut writer = n1.db.client();
    writer.batch_execute("begin; insert into entry values (1, 'open')").expect("the root is open");
    let mut takeover = n2.node.command().arg("takeover").arg("n1").spawn().expect("our program");
    n2.node.wait_log("[n1] Step 1: Writing disabled", SOON);
    wait_for("a demotion that waits", SOON, || {
        let waiting = n1.db.int(
            "select count(*) from pg_locks l join pg_stat_activity a using (pid)
              where not granted and a.datname = current_database()",
        );
        holds(waiting == 1, waiting)
    });
    let refused = n1.db.try_text("insert into entry values (2, 'closed') returning id");
    assert!(refused.is_err(), "the queue is closed");
    interrupt(&takeover);
    assert_eq!(takeover.wait().expect("our own child").code(), Some(1), "{}", n2.node.log());
    n1.db.sql("set statement_timeout = '20s'; insert into entry values (3, 'open again')");
    writer.batch_execute("commit").expect("it was let alone");
    tree.wait_caught_up("n1", &["n2"]);
    tree.assert_tree("n1", &["n1 (root)", "n2 (branch)"]);
    tree.assert_equal(&["n1", "n2"]);
    assert_eq!(n2.db.text("select id from entry order by 1"), "1\n3");

    // And who waits gets everything.
    writer.batch_execute("begin; insert into entry values (4, 'open')").expect("the root is open");
    let mut takeover = n2.node.command().arg("takeover").arg("n1").spawn().expect("our program");
    wait_for("the queue is closed", SOON, || {
        let closed = n1.db.text("select queue_disable_insert from pgq.queue");
        holds(closed == "t", closed)
    });
    writer.batch_execute("commit").expect("it was let alone");
    assert!(takeover.wait().expect("our own child").success(), "{}", n2.node.log());
    tree.wait_caught_up("n2", &["n1"]);
    tree.assert_equal(&["n1", "n2"]);
    assert_eq!(n2.db.text("select id from entry order by 1"), "1\n3\n4");
}

/// Ctrl-C.
#[track_caller]
fn interrupt(command: &Child) {
    let pid = Pid::from_raw(i32::try_from(command.id()).expect("process numbers are small"));
    kill(pid, Signal::SIGINT).expect("our own child");
}

/// A takeover that ended between the new root and the old one's new place is finished by the same command.
#[test]
fn a_takeover_that_died_is_finished() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n1")]);
    tree.get("n1").db.sql("insert into entry values (1, 'before')");
    // What it does up to there.
    let (n1, n2) = (tree.get("n1"), tree.get("n2"));
    n1.db.sql(&format!("select pgq_node.set_consumer_paused('{QUEUE}', 'n1', true)"));
    n1.db.sql(&format!("select pgq_node.demote_root('{QUEUE}', 1, 'n2')"));
    let tick =
        n1.db.int(&format!("select last_tick from pgq_node.demote_root('{QUEUE}', 2, 'n2')"));
    wait_for("the last tick on n2", SOON, || {
        let seen = n2.top();
        holds(seen >= tick, seen)
    });
    n2.db.sql(&format!(
        "begin; select pgq_node.set_consumer_paused('{QUEUE}', 'n2', true); select pgq_node.promote_branch('{QUEUE}');
         select pgq_node.register_subscriber('{QUEUE}', 'n1', 'n1', {tick}); commit"
    ));
    n2.node.londiste(["takeover", "n1"]).ok().says("n2 is the root already, finishing");
    n2.db.sql("insert into entry values (2, 'after')");
    tree.wait_caught_up("n2", &["n1", "n3"]);
    tree.assert_tree("n3", &["n2 (root)", "n1 (branch)", "n3 (leaf)"]);
    tree.assert_equal(&["n1", "n2", "n3"]);
    // A second time there is nothing to do.
    n2.node.londiste(["takeover", "n1"]).ok().says("has already 'n2' as provider");
}

/// The wait for a worker that does not run is broken off: everything but the wait has happened, and what a command that died
/// has left at another node is ended by the next one.
#[test]
fn a_change_of_providers_leaves_no_subscription_behind() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n1")]);
    tree.wait_caught_up("n1", &["n2", "n3"]);
    let (n1, n2, n3) = (tree.get("n1"), tree.get("n2"), tree.get("n3"));
    // It is paused and has said so; nobody says that it was resumed.
    n3.node.londiste(["pause"]).ok();
    n3.node.stop_worker();
    let to = |name: &str| format!("--provider={name}");
    let mut command =
        n3.node.command().args(["change-provider", &to("n2")]).spawn().expect("our program");
    n3.node.wait_log("[n3] Consumer n3 tagged as resumed", SOON);
    interrupt(&command);
    assert_eq!(command.wait().expect("our own child").code(), Some(1), "{}", n3.node.log());
    assert_eq!(n3.provider(), "n2");
    assert_eq!((n1.subscribers(), n2.subscribers()), ("n2".into(), "n3".into()));

    n1.db.sql(&format!("select pgq_node.register_subscriber('{QUEUE}', 'n3', 'n3', {})", n1.top()));
    assert_eq!(n1.subscribers(), "n2,n3");
    n3.node.start_worker();
    n3.node.londiste(["change-provider", &to("n2")]).ok().says("has already 'n2' as provider");
    assert_eq!((n1.subscribers(), n2.subscribers()), ("n2".into(), "n3".into()));
    n1.db.sql("insert into entry values (1, 'through n2')");
    tree.wait_caught_up("n1", &["n2", "n3"]);
    tree.assert_equal(&["n1", "n2", "n3"]);
    n3.node.londiste(["pause"]).ok();
    n3.node.londiste(["change-provider", &to("n2")]).ok().says("WARNING It is paused: 'resume'");
}

/// The old root's worker does not answer when it is a branch already: it is not paused all the same.
#[test]
fn a_takeover_that_is_broken_off_at_the_end_pauses_nobody() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1")]);
    tree.wait_caught_up("n1", &["n2"]);
    let (n1, n2) = (tree.get("n1"), tree.get("n2"));
    n1.node.londiste(["pause"]).ok();
    n1.node.stop_worker();
    let mut takeover = n2.node.command().arg("takeover").arg("n1").spawn().expect("our program");
    n2.node.wait_log("[n1] Consumer n1 tagged as resumed", SOON * 2);
    wait_for("the old root as a branch", SOON, || {
        let seen = (n1.info("node_type"), n1.info("worker_paused"));
        holds(seen == ("branch".into(), "f".into()), format!("{seen:?}"))
    });
    interrupt(&takeover);
    takeover.wait().expect("our own child");
    assert!(!n2.node.log().contains("is not its branch yet"), "{}", n2.node.log());
    n1.node.start_worker();
    n2.db.sql("insert into entry values (1, 'the new root')");
    tree.wait_caught_up("n2", &["n1"]);
    tree.assert_tree("n2", &["n2 (root)", "n1 (branch)"]);
    tree.assert_equal(&["n1", "n2"]);
}

/// A table that is not whole on the branch does not become the root's.
#[test]
fn a_table_that_is_not_in_sync_keeps_the_root() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1")]);
    let (n1, n2) = (tree.get("n1"), tree.get("n2"));
    // Its worker would copy it.
    n2.node.stop_worker();
    n2.db.sql(&format!(
        "select londiste.local_set_table_state('{QUEUE}', 'public.entry', null, 'in-copy')"
    ));
    n2.node.londiste(["takeover", "n1"]).exits(1).says(
        "ERROR Tables of node n2 are not in sync yet in queue replika: public.entry (in-copy)",
    );
    assert_eq!(n1.info("worker_paused"), "f");
    n2.db.sql(&format!(
        "select londiste.local_set_table_state('{QUEUE}', 'public.entry', null, 'ok')"
    ));
    n2.node.start_worker();
    n2.node.londiste(["remove-table", "counter"]).ok();
    n2.node
        .londiste(["takeover", "n1"])
        .ok()
        .says("WARNING Table public.counter of queue replika is not replicated on n2");
}
