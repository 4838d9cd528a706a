//! Nodes change their places and names while all of them live.

use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, holds, wait_for};

use super::Transcript;
use crate::tree::{Cast, QUEUE, Tree};

const ALL: [&str; 4] = ["n1", "n2", "n3", "n4"];

/// n1 - (n2 - n3, n4)
fn tree() -> Tree {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-branch", "n3", "n2"),
        ("create-leaf", "n4", "n1"),
    ]);
    tree.wait_caught_up("n1", &ALL[1..]);
    tree
}

fn talk_about(tree: &Tree) -> Transcript {
    Transcript::about(ALL.map(|name| (name, &tree.get(name).db)))
}

#[test]
fn change_provider() {
    let tree = tree();
    let mut talk = talk_about(&tree);
    let n4 = &tree.get("n4").node;
    talk.on(n4, &["change-provider", "--provider=n2"], 0);
    talk.on(n4, &["change-provider", "--provider=n2"], 0);
    tree.assert_tree("n1", &["n1 (root)", "n2 (branch)", "n3 (branch)", "n4 (leaf)"]);
    talk.on(n4, &["status"], 0);

    // A step behind the pause fails.
    let n3 = &tree.get("n3").db;
    let function = "pgq_node.register_subscriber(text, text, text, int8)";
    n3.sql(&format!("alter function {function} rename to register_subscriber_away"));
    talk.note("n3 lacks a function");
    talk.on(n4, &["change-provider", "--provider=n3"], 1);
    wait_for("the leaf goes on", SOON, || {
        let paused = tree.get("n4").info("worker_paused");
        let uptodate = tree.get("n4").info("worker_uptodate");
        holds((&*paused, &*uptodate) == ("f", "t"), format!("{paused} {uptodate}"))
    });
    assert_eq!(tree.get("n4").provider(), "n2");
    tree.get("n1").db.sql("insert into entry values (1, 'n1')");
    tree.wait_caught_up("n1", &["n4"]);
    n3.sql(&format!(
        "alter function {} rename to register_subscriber",
        function.replace("subscriber(", "subscriber_away(")
    ));
    talk.note("it has the function again");
    talk.on(n4, &["change-provider", "--provider=n3"], 0);
    tree.get("n1").db.sql("insert into entry values (2, 'n1')");
    tree.wait_caught_up("n1", &ALL[1..]);
    tree.assert_equal(&ALL);
    insta::assert_snapshot!(talk.take());
}

#[test]
fn takeover() {
    let tree = tree();
    let mut talk = talk_about(&tree);
    talk.note("n1 - (n2 - n3, n4): the root and its branch change places");
    talk.on(&tree.get("n2").node, &["takeover", "n1"], 0);
    talk.note("and back, with everybody who reads from it");
    talk.on(&tree.get("n1").node, &["takeover", "n2", "--all"], 0);
    talk.note("n3 goes back below n2, and then between n2 and its provider");
    talk.on(&tree.get("n3").node, &["change-provider", "--provider=n2"], 0);
    talk.on(&tree.get("n3").node, &["takeover", "n2"], 0);
    talk.on(&tree.get("n3").node, &["takeover", "n3"], 0);
    tree.assert_tree("n1", &["n1 (root)", "n2 (branch)", "n3 (branch)", "n4 (leaf)"]);
    talk.on(&tree.get("n1").node, &["status"], 0);
    tree.get("n1").db.sql("insert into entry values (1, 'n1')");
    tree.wait_caught_up("n1", &ALL[1..]);
    tree.assert_equal(&ALL);
    insta::assert_snapshot!(talk.take());
}

#[test]
fn names_and_marks() {
    let tree = tree();
    let mut talk = talk_about(&tree);
    let n1 = &tree.get("n1").node;
    talk.on(n1, &["rename-node", "n3", "far"], 0);
    talk.on(n1, &["members"], 0);
    talk.note("n4 is thought to be dead, and is not");
    talk.on(n1, &["tag-dead", "n4"], 0);
    wait_for("everybody has heard of it", EVENTUALLY, || {
        let seen = ["n2", "n3"].map(|name| tree.get(name).members()).join("; ");
        holds(seen.matches("n4 (dead)").count() == 2, seen)
    });
    talk.on(&tree.get("n2").node, &["members"], 0);
    talk.on(n1, &["tag-alive", "n4"], 0);
    talk.note("n4 ends, and nobody can ask it any more");
    tree.get("n4").node.stop_worker();
    n1.londiste(["tag-dead", "n4"]).ok();
    talk.on(n1, &["drop-node", "n4"], 0);
    wait_for("nobody knows it", EVENTUALLY, || {
        let seen = ["n1", "n2", "n3"].map(|name| tree.get(name).members()).join("; ");
        holds(!seen.contains("n4"), seen)
    });
    talk.on(n1, &["members"], 0);
    insta::assert_snapshot!(talk.take());
}

/// Three levels; one is paused, one has stumbled, one has attributes.
#[test]
fn status() {
    let tree = tree();
    let mut talk = talk_about(&tree);
    let [n1, n2, n3, n4] = ALL.map(|name| tree.get(name));
    n2.db.sql(&format!("select pgq_node.set_node_attrs('{QUEUE}', 'sync_watermark=n2%2cn3')"));
    n3.node.londiste(["pause"]).ok();
    // On the leaf the key is taken by somebody else.
    n4.db.sql("set session_replication_role = replica; insert into entry values (1, 'mine')");
    n1.db.sql("insert into entry values (1, 'n1')");
    wait_for("the leaf to stumble", SOON, || {
        let error =
            n4.db.text("select coalesce(string_agg(cur_error, ' '), '') from pgq_node.local_state");
        holds(error.contains("entry_pkey"), error)
    });
    wait_for("the branch to be up to date", SOON, || {
        let seen = n2.info("worker_uptodate");
        holds(seen == "t", seen)
    });
    talk.on(&n1.node, &["status"], 0);
    talk.on(&n1.node, &["status", "--compact"], 0);
    for place in [n2, n3, n4] {
        talk.on(&place.node, &["node-status"], 0);
    }
    talk.on(&n3.node, &["node-info"], 0);
    insta::assert_snapshot!(talk.take());
}
