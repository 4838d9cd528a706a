//! The root's server dies while users write. The survivors get a new root that has what reached any of them.

use std::collections::BTreeSet;

use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, holds, wait_for};

use crate::tree::{Cast, Tree, Users, ids};

#[test]
fn the_root_dies_ours() {
    story(Cast::OURS);
}

#[test]
fn the_root_dies_our_commands_on_theirs() {
    story(Cast::OUR_COMMANDS);
}

#[test]
fn the_root_dies_ours_on_their_schemas() {
    story(Cast::THEIR_SCHEMAS);
}

#[test]
fn the_root_dies_our_commands_and_their_workers_on_ours() {
    story(Cast::THEIR_WORKERS);
}

/// n1 - (n2, n3 - n4): n2 becomes the root, though n3 and n4 have more of n1 than it has.
fn story(cast: Cast) {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(cast, &mortal, "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-branch", "n3", "n1"),
        ("create-leaf", "n4", "n3"),
    ]);
    let survivors = ["n2", "n3", "n4"];
    let mut users = Users::start(&[&tree.get("n1").db, &tree.get("n2").db]);
    users.wait_for_more(0, 30);
    // From here on n2 falls behind.
    tree.get("n2").node.londiste(["pause"]).ok();
    users.wait_for_more(0, 30);
    let behind = tree.get("n2").position();
    wait_for("n3 ahead of n2", SOON, || {
        let seen = tree.get("n3").position();
        holds(seen > behind + 1, seen)
    });
    mortal.stop();
    let arrived: BTreeSet<i64> = ids(&tree.get("n3").db);
    assert!(arrived.difference(&ids(&tree.get("n2").db)).next().is_some(), "n3 has more");

    // Not the wrong way, and not without a word about the root.
    let n2 = &tree.get("n2").node;
    n2.londiste(["takeover", "n1"])
        .exits(1)
        .says("ERROR Node n1 does not answer: ")
        .says("--dead-root");
    n2.londiste(["takeover", "n3", "--dead-root"])
        .exits(1)
        .says("Nothing was changed, not every node answers: node n1 (");
    n2.londiste(["takeover", "n1", "--dead-branch"])
        .exits(1)
        .says("ERROR No node that answers is the root: if n1 was, use --dead-root");
    assert!(!tree.get("n2").members().contains("(dead)"), "{}", tree.get("n2").members());

    let outcome = n2.londiste(["takeover", "n1", "--dead-root"]).ok();
    outcome
        .says("INFO old: n1\n")
        .says("INFO Tagging node 'n1' as dead\n")
        .says("INFO [n2] Location registered\n")
        .says("INFO [n3] Location registered\n")
        .says("INFO [n4] Location registered\n")
        .says("INFO Node n3 has more of the old root, up to tick ")
        .says("INFO [n2] Consumer provider node set to : n3\n")
        .says("INFO [n3] Consumer provider node set to : n2\n")
        .says("INFO [n2] Branch node promoted to root\n")
        .says("INFO [n2] Subscriber registered: n1\n");
    users.wait_for_more(1, 50);
    users.stop();

    tree.assert_tree("n2", &["n2 (root)", "n3 (branch)", "n4 (leaf)", "n1 (dead)"]);
    assert_eq!(tree.get("n2").subscribers(), "n1,n3");
    assert_eq!(tree.get("n3").subscribers(), "n4");
    tree.wait_caught_up("n2", &["n3", "n4"]);
    tree.assert_equal(&survivors);
    let kept = ids(&tree.get("n2").db);
    assert!(users.acknowledged_by(1).is_subset(&kept), "what the new root acknowledged");
    assert!(arrived.is_subset(&kept), "what had arrived anywhere");
    // Again there is nothing left to do.
    n2.londiste(["takeover", "n1", "--dead-root"]).ok().says("INFO n2 is the root already");

    n2.londiste(["drop-node", "n1"]).ok();
    for name in survivors {
        wait_for(format!("no trace of n1 on {name}"), EVENTUALLY, || {
            let members = tree.get(name).members();
            holds(members == "n2,n3,n4", members)
        });
    }
    assert_eq!(tree.get("n2").subscribers(), "n3");
    tree.get("n2").db.sql("insert into entry values (0, 'after all')");
    tree.wait_caught_up("n2", &["n3", "n4"]);
    tree.assert_equal(&survivors);
}

/// A leaf that has more than every branch cannot get the rest from anybody: it is not made to follow silently.
#[test]
fn a_leaf_that_is_ahead_is_left_out() {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(Cast::OURS, &mortal, "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n1")]);
    tree.get("n2").node.londiste(["pause"]).ok();
    tree.get("n1").db.sql("insert into entry values (1, 'only on the leaf')");
    wait_for("the row on the leaf", SOON, || {
        let seen = tree.get("n3").db.text("select id from entry");
        holds(seen == "1", seen)
    });
    mortal.stop();
    let n2 = &tree.get("n2").node;
    n2.londiste(["takeover", "n1", "--dead-root"])
        .exits(1)
        .says("ERROR Leaf n3 (tick ")
        .says("takeover n1 --dead-root --dead n3")
        .says("Node n2 was not made the root");
    assert_eq!(tree.get("n2").info("node_type"), "branch");
    assert_eq!(tree.get("n3").info("worker_paused"), "f");
    n2.londiste(["takeover", "n1", "--dead-root", "--dead", "n3"]).ok();
    assert_eq!(tree.get("n2").info("node_type"), "root");
    // Nor later, when the new root's ticks have the numbers of those that the leaf has.
    let far = tree.get("n3").position();
    wait_for("ticks of the new root", EVENTUALLY, || {
        let seen = tree.get("n2").top();
        holds(seen > far, seen)
    });
    let beyond = "ERROR Node n3 has more of n1 (tick ";
    n2.londiste(["takeover", "n1", "--dead-root"]).exits(1).says(beyond);
    let n3 = &tree.get("n3").node;
    n3.londiste(["change-provider", "--provider=n2"]).exits(1).says(beyond);
    assert_eq!(tree.get("n3").provider(), "n1");
    // It is made anew.
    n3.stop_worker();
    n3.londiste(["drop-node", "n3"]).ok();
    let (db, from) = (&tree.get("n3").db, format!("--provider={}", tree.get("n2").db.connstr()));
    n3.londiste(["create-leaf", "n3", &db.connstr(), &from]).ok();
    n3.start_worker();
    n3.londiste(["add-table", "entry", "counter"]).ok();
    n3.londiste(["wait-sync"]).ok();
    tree.wait_caught_up("n2", &["n3"]);
    tree.assert_equal(&["n2", "n3"]);
}

/// n1 - (n2 - (n4, n5), n3), and n2 is gone together with the root: those below it count, and follow.
#[test]
fn another_branch_dies_with_the_root() {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(Cast::OURS, &mortal, "n1");
    tree.grow(&mortal, "create-branch", "n2", "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n3", "n1"),
        ("create-branch", "n4", "n2"),
        ("create-leaf", "n5", "n2"),
    ]);
    tree.wait_caught_up("n1", &["n2", "n3", "n4", "n5"]);
    let reaches = |id: i64, name: &str| {
        wait_for(format!("row {id} on {name}"), SOON, || {
            let seen = ids(&tree.get(name).db);
            holds(seen.contains(&id), format!("{seen:?}"))
        });
    };
    tree.get("n3").node.londiste(["pause"]).ok();
    tree.get("n1").db.sql("insert into entry values (1, 'n4 and n5')");
    reaches(1, "n4");
    reaches(1, "n5");
    tree.get("n4").node.londiste(["pause"]).ok();
    tree.get("n1").db.sql("insert into entry values (2, 'n5 alone')");
    reaches(2, "n5");
    mortal.stop();

    let n3 = &tree.get("n3").node;
    // The wrong name: it answers and is no root.
    n3.londiste(["takeover", "n4", "--dead-root", "--dead", "n1", "--dead", "n2"])
        .exits(1)
        .says("ERROR Nothing was changed: node n4 answers and is not the root");
    let takeover = ["takeover", "n1", "--dead-root", "--dead", "n2"];
    let refused = n3
        .londiste(takeover)
        .exits(1)
        .says("ERROR Leaf n5 (tick ")
        .says("Take over without it (takeover n1 --dead-root --dead n2 --dead n5)")
        .says("WARNING Node n3 was not made the root\n");
    // The same again would be refused again.
    assert!(!refused.stderr.contains("goes on where it stopped"), "{refused}");
    n3.londiste([&takeover[..], &["--dead", "n5"]].concat())
        .ok()
        .says("INFO Node n4 has more of the old root, up to tick ")
        .says("INFO [n4] Consumer provider node set to : n3\n");
    assert_eq!(tree.get("n4").provider(), "n3");
    n3.londiste(["tag-dead", "n2"]).ok();
    tree.get("n3").db.sql("insert into entry values (3, 'n3')");
    tree.wait_caught_up("n3", &["n4"]);
    assert_eq!(ids(&tree.get("n4").db), BTreeSet::from([1, 3]));
    tree.assert_equal(&["n3", "n4"]);

    // The leaf has what nobody else has, also when the new root's ticks have the numbers of its own.
    let far = tree.get("n5").position();
    wait_for("ticks of the new root", EVENTUALLY, || {
        let seen = tree.get("n3").top();
        holds(seen > far, seen)
    });
    let n5 = &tree.get("n5").node;
    n5.londiste(["change-provider", "--provider=n3", "--dead", "n1", "--dead", "n2"])
        .exits(1)
        .says("ERROR Node n5 may have more of n1 (tick ")
        .says("drop it and create it anew");
    assert_eq!(tree.get("n5").provider(), "n2");
}

/// n1 - n2 - (n3, n4), and n1 and n2 are gone: nobody who is left knows which of the two was the root. Whatever the operator
/// says, both can come back.
#[test]
fn nobody_knows_which_of_two_was_the_root() {
    for named in ["n1", "n2"] {
        let mortal = Cluster::start_new();
        let mut tree = Tree::plant(Cast::OURS, &mortal, "n1");
        tree.grow(&mortal, "create-branch", "n2", "n1");
        tree.branches_and_leaves(&[("create-branch", "n3", "n2"), ("create-leaf", "n4", "n3")]);
        let (n1, n3) = (tree.get("n1"), tree.get("n3"));
        n1.db.sql("insert into entry values (1, 'n1')");
        tree.wait_caught_up("n1", &["n2", "n3", "n4"]);
        mortal.stop();
        let other = if named == "n1" { "n2" } else { "n1" };
        let outcome = n3.node.londiste(["takeover", named, "--dead-root", "--dead", other]).ok();
        if named == "n1" {
            outcome.says(
                "WARNING Node n2, which fed n3, is dead as well, and nobody who answers knows whether n1 or n2 was the root: n3 \
                 remembers how far it followed for both",
            );
            assert_eq!(n3.subscribers(), "n1,n2,n4");
        } else {
            outcome.says(
                "WARNING Nobody who answers knows what node n1 was, which is dead as well: if it was the root and n2 its branch, \
                 it cannot come back after this",
            );
            assert_eq!(n3.subscribers(), "n2,n4");
        }
        n3.db.sql("insert into entry values (2, 'n3')");
        tree.wait_caught_up("n3", &["n4"]);

        mortal.start();
        let mut back = vec!["n3", "n4", "n2"];
        if named == "n1" {
            back.push("n1");
        }
        for name in &back[2..] {
            let node = &tree.get(name).node;
            node.londiste(["resurrect"]).ok().says("** Resurrection done");
            node.londiste(["resume"]).ok();
            n3.node.londiste(["tag-alive", name]).ok();
        }
        if named != "n1" {
            let n1 = n1.node.londiste(["resurrect"]).exits(1);
            n1.says("ERROR Cannot find failover position (n1.gravestone)");
        }
        n3.db.sql("insert into entry values (3, 'n3')");
        tree.wait_caught_up("n3", &back[1..]);
        tree.assert_equal(&back);
    }
}

/// A branch dies: those below it get another place, and it finds its own when it is back.
#[test]
fn a_branch_dies() {
    for cast in [Cast::OURS, Cast::OUR_COMMANDS] {
        branch_story(cast);
    }
}

fn branch_story(cast: Cast) {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(cast, Cluster::shared(), "n1");
    tree.grow(&mortal, "create-branch", "n2", "n1");
    tree.branches_and_leaves(&[("create-branch", "n3", "n2"), ("create-leaf", "n4", "n2")]);
    let mut users = Users::start(&[&tree.get("n1").db]);
    users.wait_for_more(0, 30);
    mortal.stop();
    let n3 = &tree.get("n3").node;
    n3.londiste(["takeover", "n2", "--dead-root"])
        .exits(1)
        .says("ERROR Nothing was changed: node n1 is the root, not n2");
    n3.londiste(["takeover", "n2", "--dead-branch"])
        .ok()
        .says("INFO Tagging node 'n2' as dead\n")
        .says("INFO [n3] Consumer provider node set to : n1\n")
        .says("INFO [n4] Consumer provider node set to : n3\n");
    users.wait_for_more(0, 30);
    users.stop();
    tree.assert_tree("n1", &["n1 (root)", "n3 (branch)", "n4 (leaf)", "n2 (dead)"]);
    tree.wait_caught_up("n1", &["n3", "n4"]);
    tree.assert_equal(&["n1", "n3", "n4"]);

    mortal.start();
    n3.londiste(["tag-alive", "n2"]).ok();
    tree.wait_caught_up("n1", &["n2"]);
    tree.assert_tree("n1", &["n1 (root)", "n2 (branch)", "n3 (branch)", "n4 (leaf)"]);
    tree.assert_equal(&["n1", "n2", "n3", "n4"]);
    // What n2 remembers of its old subscribers is in nobody's way.
    tree.get("n1").node.londiste(["drop-node", "n2"]).ok().says("INFO [n4] Node dropped: n2\n");
    assert_eq!(tree.get("n1").subscribers(), "n3");
}
