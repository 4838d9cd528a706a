//! The root goes from the original to us and back, and from us to the original and back: each with schemas, worker, ticker and
//! commands of its own. Planned, while users write, and after the root's server died.

use std::fs;

use system_tests::Impl::{Ours, Reference};
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, holds, wait_for};

use crate::tree::{Cast, QUEUE, Tree, Users, ids};

const FILE: &str = "resurrect-lost-events.json";

/// Above all ids of the users before.
const LATER_IDS: i64 = 1_000_000;

#[test]
fn our_branch_takes_their_root_over_and_they_take_it_back() {
    there_and_back(Cast::THEIRS, Cast::OURS);
}

#[test]
fn their_branch_takes_our_root_over_and_we_take_it_back() {
    there_and_back(Cast::OURS, Cast::THEIRS);
}

/// n1 - (n2 - n4, n3): the root n1 of one side, its branch n2 of the other, and a leaf of the other side below each.
fn there_and_back(first: Cast, second: Cast) {
    let shared = Cluster::shared();
    let mut tree = Tree::plant(first, shared, "n1");
    tree.grow_as(second, shared, "create-branch", "n2", "n1");
    tree.grow_as(second, shared, "create-leaf", "n3", "n1");
    tree.grow_as(first, shared, "create-leaf", "n4", "n2");
    let (n1, n2) = (tree.get("n1"), tree.get("n2"));
    let all = ["n1", "n2", "n3", "n4"];

    let mut users = Users::start(&[&n1.db, &n2.db]);
    users.wait_for_more(0, 30);
    n2.node
        .londiste(["takeover", "n1"])
        .ok()
        .says("INFO [n2] Branch node promoted to root\n")
        .says("INFO [n1] Step 3: Demoted root to branch: replika\n");
    users.wait_for_more(1, 30);
    users.stop();
    tree.assert_tree("n4", &["n2 (root)", "n1 (branch)", "n3 (leaf)", "n4 (leaf)"]);
    assert_eq!((n1.subscribers(), n2.subscribers()), ("n3".into(), "n1,n4".into()));
    tree.wait_caught_up("n2", &["n1", "n3", "n4"]);
    tree.assert_compare_equal("n2", &["n1", "n3", "n4"]);
    assert_kept(&tree, &users);

    let mut users = Users::start_after(LATER_IDS, &[&n2.db, &n1.db]);
    users.wait_for_more(0, 30);
    let mut takeover = vec!["takeover", "n2"];
    if first.commands == Ours {
        // Theirs does not wait until n1 has the tick where n4 stands, and breaks off when it has not.
        takeover.push("--all");
    }
    n1.node.londiste(&takeover).ok().says("INFO [n1] Branch node promoted to root\n");
    users.wait_for_more(1, 30);
    users.stop();
    tree.assert_tree("n4", &["n1 (root)", "n2 (branch)", "n3 (leaf)", "n4 (leaf)"]);
    let below_n1 = if first.commands == Ours { "n2,n3,n4" } else { "n2,n3" };
    assert_eq!(n1.subscribers(), below_n1);
    tree.wait_caught_up("n1", &all[1..]);
    tree.assert_compare_equal("n1", &all[1..]);
    assert_kept(&tree, &users);
    tree.assert_no_errors(&all);
}

/// What was acknowledged by the old root or the new one has come to the last leaf.
#[track_caller]
fn assert_kept(tree: &Tree, users: &Users) {
    let kept = ids(&tree.get("n4").db);
    for nr in 0..2 {
        let promised = users.acknowledged_by(nr);
        assert!(!promised.is_empty(), "nobody wrote to database {nr}");
        let lost: Vec<_> = promised.difference(&kept).collect();
        assert!(lost.is_empty(), "acknowledged by database {nr} and lost: {lost:?}");
    }
}

#[test]
fn their_root_dies_and_our_branch_takes_over() {
    after_a_failure(Cast::THEIRS, Cast::OURS);
}

#[test]
fn our_root_dies_and_their_branch_takes_over() {
    after_a_failure(Cast::OURS, Cast::THEIRS);
}

/// n1 - (n2, n3): root and leaf of one side, the branch of the other. The branch's side replaces the dead root and resurrects it,
/// and the root's takes its place back.
fn after_a_failure(first: Cast, second: Cast) {
    let (mortal, shared) = (Cluster::start_new(), Cluster::shared());
    let mut tree = Tree::plant(first, &mortal, "n1");
    tree.grow_as(second, shared, "create-branch", "n2", "n1");
    tree.grow_as(first, shared, "create-leaf", "n3", "n1");
    let (n1, n2, n3) = (tree.get("n1"), tree.get("n2"), tree.get("n3"));
    let all = ["n1", "n2", "n3"];

    let mut users = Users::start(&[&n1.db, &n2.db]);
    users.wait_for_more(0, 30);
    // The leaf first: it may not have more than the branch.
    n3.node.londiste(["pause"]).ok();
    let stands = n3.position();
    wait_for("the branch ahead of the leaf", SOON, || {
        let (seen, rows) = (n2.position(), ids(&n2.db).len());
        holds(seen > stands && rows > 20, format!("at {seen}, {rows} rows"))
    });
    n2.node.londiste(["pause"]).ok();
    n1.db.sql("insert into entry values (-1, 'lost')");
    wait_for("a tick with the lost event", SOON, || {
        let top = n1.top();
        n1.db.sql(&format!("select pgq.force_tick('{QUEUE}')"));
        holds(n1.top() > n2.position() + 2, top)
    });
    mortal.stop();
    let arrived = ids(&n2.db);
    assert!(arrived.len() > 20 && !arrived.contains(&-1), "{arrived:?}");
    n2.node
        .londiste(["takeover", "n1", "--dead-root"])
        .ok()
        .says("INFO [n3] Consumer provider node set to : n2\n")
        .says("INFO [n2] Branch node promoted to root\n")
        .says("INFO [n2] Subscriber registered: n1\n");
    users.wait_for_more(1, 50);

    mortal.start();
    let resurrected = tree.run_by(second.commands, "n1", &["resurrect"]);
    let file = n1.node.folder().join(FILE);
    if second.commands == Reference {
        // Theirs ends after the demotion, its file has no end; ours goes on from there.
        resurrected.exits(1).says("INFO Dumping lost events\n");
        fs::remove_file(&file).expect("what theirs has begun");
        tree.run_by(Ours, "n1", &["resurrect"]).ok().says("INFO ** Resurrection done");
    } else {
        resurrected.ok().says("INFO ** Resurrection done, worker paused **\n");
    }
    assert_eq!(n1.info("node_type"), "branch");
    let lost = fs::read_to_string(&file).expect("the file of lost events");
    assert_eq!(lost.matches("\"ev_data\": \"id=-1&place=lost\"").count(), 1, "{lost}");
    assert!(lost.starts_with("[\n") && lost.ends_with("}\n]\n"), "{lost}");

    // A copy by the original waits for a moment without changes.
    users.stop();
    if first.workers == Reference {
        // It has ended, or is about to: the root that it looked after is none any more.
        n1.node.worker().crash();
        tree.start_worker("n1");
    }
    n1.node.londiste(["resume"]).ok();
    // Theirs has no such command.
    tree.run_by(Ours, "n2", &["tag-alive", "n1"]).ok();
    n1.node.londiste(["resync", "entry", "counter"]).ok();
    n1.node.londiste(["wait-sync"]).ok();
    wait_for("no dead node anywhere", EVENTUALLY, || {
        let seen = all.map(|name| tree.get(name).members());
        holds(seen.iter().all(|members| members == "n1,n2,n3"), seen.join("; "))
    });
    tree.wait_caught_up("n2", &["n1", "n3"]);
    tree.assert_tree("n3", &["n2 (root)", "n1 (branch)", "n3 (leaf)"]);
    tree.assert_compare_equal("n2", &["n1", "n3"]);
    let kept = ids(&n2.db);
    assert!(arrived.is_subset(&kept), "what had arrived");
    assert!(users.acknowledged_by(1).is_subset(&kept), "what the new root acknowledged");
    assert!(!kept.contains(&-1), "what was lost");

    // The ticker tries a server that was away only once a minute.
    tree.ticker(0).stop();
    tree.ticker(0).start();
    let mut users = Users::start_after(LATER_IDS, &[&n2.db, &n1.db]);
    users.wait_for_more(0, 20);
    n1.node
        .londiste(["takeover", "n2"])
        .ok()
        .says("INFO [n1] Branch node promoted to root\n")
        .says("INFO [n2] Step 3: Demoted root to branch: replika\n");
    users.wait_for_more(1, 20);
    users.stop();
    tree.wait_caught_up("n1", &["n2", "n3"]);
    tree.assert_tree("n3", &["n1 (root)", "n2 (branch)", "n3 (leaf)"]);
    tree.assert_compare_equal("n1", &["n2", "n3"]);
    let kept = ids(&n3.db);
    for nr in 0..2 {
        assert!(users.acknowledged_by(nr).is_subset(&kept), "acknowledged by database {nr}");
    }
}
