//! Ticks and events that come behind the old root's last tick while the root changes: a ticker or a writer that looked whether the
//! queue is open before it was closed, and writes later. The original's schemas let both through. No row may be missed or doubled.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, holds, schemas, wait_for};

use crate::tree::{Cast, Place, QUEUE, Tree, ids};

/// The tick of a ticker that was under way when the queue was closed.
fn stray_tick(place: &Place) -> i64 {
    place.db.int(&format!(
        "select pgq.ticker(queue_name, nextval(queue_tick_seq::regclass), now(), pgq.seq_getval(queue_event_seq))
           from pgq.queue where queue_name = '{QUEUE}'"
    ))
}

/// A takeover of n1 that ends between the new root and the old one's new place.
#[track_caller]
fn dies_when_there_is_a_new_root(new: &Place) {
    let mut takeover = new.node.command();
    takeover.args(["takeover", "n1"]).env("LONDISTE_CRASH_POINT", "takeover-promoted");
    let died = takeover.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("our program");
    assert_eq!(died.signal(), Some(9), "{}", new.node.log());
}

#[test]
fn a_tick_before_the_old_root_is_a_branch_ours() {
    tick_story(Cast::OURS);
}

#[test]
fn a_tick_before_the_old_root_is_a_branch_on_their_schemas() {
    tick_story(Cast::THEIR_SCHEMAS);
}

#[test]
fn a_tick_before_the_old_root_is_a_branch_with_their_workers() {
    tick_story(Cast::OUR_COMMANDS);
}

/// n1 - (n2, n3): between the new root and the old one's new place the old one's queue gets a tick that nobody else has, and n3
/// stands there.
fn tick_story(cast: Cast) {
    let mut tree = Tree::plant(cast, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n1")]);
    let (n1, n2, n3) = (tree.get("n1"), tree.get("n2"), tree.get("n3"));
    n1.db.sql("insert into entry values (1, 'n1')");
    tree.wait_caught_up("n1", &["n2", "n3"]);
    dies_when_there_is_a_new_root(n2);
    assert_eq!((n1.info("node_type"), n2.info("node_type")), ("root".into(), "root".into()));

    let stray = stray_tick(n1);
    wait_for("n3 at the tick that only n1 has", SOON, || {
        let seen = n3.position();
        holds(seen == stray, seen)
    });
    n2.db.sql("insert into entry values (2, 'the first of the new root')");
    wait_for("a tick of the new root", EVENTUALLY, || {
        n2.db.sql(&format!("select pgq.force_tick('{QUEUE}')"));
        let seen = n2.top();
        holds(seen > stray, seen)
    });
    // The new root has no such tick, so nobody is put there: the row before it would be missed.
    let change = ["change-provider", "--provider=n2"];
    n3.node.londiste(change).exits(1).says(&format!("tick not found: {stray}"));

    n2.node
        .londiste(["takeover", "n1"])
        .ok()
        .says("n2 is the root already, finishing")
        .says(&format!("INFO [n1] Has tick {stray} of its own, goes on from "));
    tree.wait_caught_up("n2", &["n1", "n3"]);
    let all = ["n1", "n2", "n3"];
    assert_eq!(ids(&n1.db), [1, 2].into());
    tree.assert_equal(&all);
    tree.assert_tree("n3", &["n2 (root)", "n1 (branch)", "n3 (leaf)"]);
    n3.node.londiste(change).ok();
    // And back.
    n1.node.londiste(["takeover", "n2"]).ok();
    n1.db.sql("insert into entry values (3, 'n1 again')");
    tree.wait_caught_up("n1", &["n2", "n3"]);
    assert_eq!(ids(&n3.db), [1, 2, 3].into());
    tree.assert_equal(&all);
}

#[test]
fn a_late_event_is_handed_on_ours() {
    event_story(Cast::OURS);
}

#[test]
fn a_late_event_is_handed_on_on_their_schemas() {
    if schemas::has_reference() {
        event_story(Cast::THEIR_SCHEMAS);
    }
}

/// n1 - (n2, n3): a transaction from before the queue was closed writes behind the last tick, before n2 has that. Our schemas refuse
/// it, the original's take it, and then everybody gets it.
fn event_story(cast: Cast) {
    let mut tree = Tree::plant(cast, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n1")]);
    let (n1, n2) = (tree.get("n1"), tree.get("n2"));
    n1.db.sql("insert into entry values (1, 'n1')");
    tree.wait_caught_up("n1", &["n2", "n3"]);
    let mut late = n1.db.client();
    late.batch_execute("begin isolation level repeatable read; select count(*) from entry")
        .expect("the root answers");

    // It has caught up, and waits for the old root's worker.
    n1.node.stop_worker();
    let mut takeover = n2.node.command();
    let takeover = takeover.args(["takeover", "n1"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut takeover = takeover.spawn().expect("our program");
    n2.node.wait_log("[n1] Consumer n1 tagged as paused", SOON);
    n2.node.stop_worker();
    tree.start_worker("n1");
    n2.node.wait_log("[n1] Step 2: Inserted last tick", SOON);
    let written = late.batch_execute("insert into entry values (2, 'late'); commit");
    assert_eq!(written.is_ok(), cast.schemas != Cast::OURS.schemas, "{written:?}");
    if written.is_err() {
        // On theirs as well; but there it would be the one that brings the event.
        stray_tick(n1);
    }
    tree.start_worker("n2");
    assert!(takeover.wait().expect("our own child").success(), "{}", n2.node.log());
    assert!(n2.node.log().contains("making another last tick"), "{}", n2.node.log());

    n2.db.sql("insert into entry values (3, 'n2')");
    tree.wait_caught_up("n2", &["n1", "n3"]);
    tree.assert_tree("n3", &["n2 (root)", "n1 (branch)", "n3 (leaf)"]);
    assert_eq!(ids(&n2.db).contains(&2), written.is_ok());
    tree.assert_equal(&["n2", "n1", "n3"]);
    tree.assert_no_errors(&["n1", "n2", "n3"]);
}

/// n1 - (n2, n3): the transaction writes when there is a new root already. Nobody can hand that on any more; it is told what to do.
#[test]
fn an_event_that_is_too_late_is_told() {
    if !schemas::has_reference() {
        return;
    }
    let mut tree = Tree::plant(Cast::THEIR_SCHEMAS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n1")]);
    let (n1, n2, n3) = (tree.get("n1"), tree.get("n2"), tree.get("n3"));
    n1.db.sql("insert into entry values (1, 'n1')");
    tree.wait_caught_up("n1", &["n2", "n3"]);
    let mut late = n1.db.client();
    late.batch_execute("begin isolation level repeatable read; select count(*) from entry")
        .expect("the root answers");
    dies_when_there_is_a_new_root(n2);
    late.batch_execute("insert into entry values (2, 'late'), (3, 'late'); commit")
        .expect("their schemas take it");

    n2.node
        .londiste(["takeover", "n1"])
        .ok()
        .says("WARNING Node n1 and those who read from it have 2 events of public.entry that n2 does not get")
        .says("note what they changed, 'resync' that table there, and do it again on n2");
    tree.wait_caught_up("n2", &["n1", "n3"]);
    assert_eq!(ids(&n3.db), [1, 2, 3].into());
    assert_eq!(ids(&n2.db), [1].into());
    for place in [n1, n3] {
        place.node.londiste(["resync", "entry"]).ok();
        place.node.londiste(["wait-sync"]).ok();
    }
    n2.db.sql("insert into entry values (2, 'again'), (3, 'again')");
    tree.wait_caught_up("n2", &["n1", "n3"]);
    tree.assert_equal(&["n2", "n1", "n3"]);
    tree.assert_no_errors(&["n1", "n2", "n3"]);
}
