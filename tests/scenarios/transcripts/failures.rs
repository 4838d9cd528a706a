//! Nodes die, others take their places, and they come back.

use std::fs;

use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, holds, wait_for};

use super::Transcript;
use crate::tree::{Cast, Tree, ids};

#[test]
fn the_root() {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(Cast::OURS, &mortal, "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-branch", "n3", "n1"),
        ("create-leaf", "n4", "n3"),
    ]);
    let names = ["n1", "n2", "n3", "n4"];
    let mut talk = Transcript::about(names.map(|name| (name, &tree.get(name).db)));
    let [n1, n2, n3, n4] = names.map(|name| tree.get(name));
    n1.db.sql("insert into entry values (1, 'everybody')");
    tree.wait_caught_up("n1", &names[1..]);
    // n3 gets more than n2, and the last row nobody.
    n2.node.londiste(["pause"]).ok();
    n1.db.sql("insert into entry values (2, 'n3 and n4')");
    for place in [n3, n4] {
        wait_for("the row that n2 does not have", SOON, || {
            let seen = ids(&place.db);
            holds(seen.contains(&2), format!("{seen:?}"))
        });
    }
    for place in [n4, n3] {
        place.node.londiste(["pause"]).ok();
    }
    let far = n1.top();
    n1.db.sql("insert into entry values (3, 'nobody'); update counter set n = 7 where id = 1");
    wait_for("a tick behind it", SOON, || {
        let top = n1.top();
        holds(top > far + 1, top)
    });
    mortal.stop();

    talk.note("the server of n1 has died; n3 has more of it than n2");
    talk.on(&n2.node, &["takeover", "n1", "--dead-root"], 0);
    for place in [n2, n3, n4] {
        place.node.londiste(["resume"]).ok();
    }
    tree.assert_tree("n2", &["n2 (root)", "n3 (branch)", "n4 (leaf)", "n1 (dead)"]);
    talk.on(&n2.node, &["status"], 0);
    mortal.start();
    talk.note("the server of n1 is back");
    talk.on(&n1.node, &["resurrect"], 0);
    let file = n1.node.folder().join("resurrect-lost-events.json");
    let lost = fs::read_to_string(file).expect("the file of lost events");
    assert!(lost.contains("nobody"), "{lost}");
    wait_for("the worker to have noticed", SOON, || {
        let seen = n1.info("worker_uptodate");
        holds(seen == "t", seen)
    });
    talk.on(&n1.node, &["node-info"], 0);
    talk.on(&n1.node, &["resume"], 0);
    talk.on(&n2.node, &["tag-alive", "n1"], 0);
    n2.db.sql("insert into entry values (4, 'n2')");
    tree.wait_caught_up("n2", &["n1", "n3", "n4"]);
    tree.assert_equal(&["n2", "n3", "n4"]);
    insta::assert_snapshot!(talk.take());
}

#[test]
fn a_branch() {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.grow(&mortal, "create-branch", "n2", "n1");
    tree.branches_and_leaves(&[("create-branch", "n3", "n2"), ("create-leaf", "n4", "n2")]);
    let names = ["n1", "n2", "n3", "n4"];
    let mut talk = Transcript::about(names.map(|name| (name, &tree.get(name).db)));
    tree.wait_caught_up("n1", &names[1..]);
    mortal.stop();
    let n3 = &tree.get("n3").node;
    talk.note("the server of n2 has died");
    talk.on(n3, &["takeover", "n2", "--dead-branch"], 0);
    tree.assert_tree("n1", &["n1 (root)", "n3 (branch)", "n4 (leaf)", "n2 (dead)"]);
    talk.on(n3, &["drop-node", "n2"], 0);
    wait_for("nobody knows it", EVENTUALLY, || {
        let seen = ["n1", "n3", "n4"].map(|name| tree.get(name).members()).join("; ");
        holds(!seen.contains("n2"), seen)
    });
    tree.get("n1").db.sql("insert into entry values (1, 'n1')");
    tree.wait_caught_up("n1", &["n3", "n4"]);
    tree.assert_equal(&["n1", "n3", "n4"]);
    insta::assert_snapshot!(talk.take());
}
