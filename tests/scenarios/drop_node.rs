//! Nodes leave the set from every position, and nobody keeps anything of them.

use std::time::Duration;

use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, holds, wait_for};

use crate::tree::{Cast, Tree};

#[test]
fn nodes_leave_from_every_position_ours() {
    story(Cast::OURS);
}

#[test]
fn nodes_leave_from_every_position_ours_on_theirs() {
    story(Cast::OUR_COMMANDS);
}

/// n1 - (n2 - n3, n4 in a cluster that dies, n5 whose database goes)
fn story(cast: Cast) {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(cast, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n2")]);
    tree.grow(&mortal, "create-branch", "n4", "n1");
    tree.branches_and_leaves(&[("create-leaf", "n5", "n1")]);
    let members = |name: &str, expected: &str| {
        wait_for(format!("{expected} on {name}"), EVENTUALLY, || {
            let members = tree.get(name).members();
            holds(members == expected, members)
        });
    };
    members("n3", "n1,n2,n3,n4,n5");

    // Copies that never ended, at the provider and at another node; and somebody who only has such a name.
    let consumers = |name: &str| {
        tree.get(name).db.text(
            "select string_agg(consumer_name, ',' order by consumer_name) from pgq.get_consumer_info('replika')
              where consumer_name like '%.copy%'",
        )
    };
    for (name, consumer) in [
        ("n1", "n3.copy.public.entry"),
        ("n2", "n3.copy.public.counter"),
        ("n2", "n3.copycat"),
        ("n1", "n4.copy.public.entry"),
    ] {
        tree.get(name).db.sql(&format!("select pgq.register_consumer('replika', '{consumer}')"));
    }

    // The others of a list of nodes that keep events for each other.
    let attrs = || tree.get("n2").db.text("select node_attrs from pgq_node.node_info");
    tree.get("n2")
        .db
        .sql("select pgq_node.set_node_attrs('replika', 'x=1&sync_watermark=n4%2cn3')");

    // With subscribers: refused, whoever says so.
    let refused = "ERROR node still has subscribers\nHINT:  Give n3 another";
    tree.get("n2").node.londiste(["drop-node", "n2"]).exits(1).says(refused);
    tree.get("n1").node.londiste(["drop-node", "n2"]).exits(1).says(refused);
    tree.get("n3")
        .node
        .londiste(["drop-node", "n1"])
        .exits(1)
        .says("Give n2, n4, n5 another provider first");
    tree.get("n1").node.londiste(["drop-node", "n2", "--dead", "n2"]).exits(1).says(refused);
    tree.get("n1")
        .node
        .londiste(["drop-node", "n9"])
        .exits(1)
        .says("ERROR get_node_database: cannot resolve n9\n");
    members("n1", "n1,n2,n3,n4,n5");

    // A leaf whose worker is down, from itself.
    tree.get("n3").node.stop_worker();
    tree.get("n3")
        .node
        .londiste(["drop-node", "n3"])
        .ok()
        .says("INFO Ok\n")
        .says("INFO Node dropped: n3\n")
        .says("INFO [n2] Node dropped: n3\n");
    assert_eq!(tree.get("n3").members(), "");
    assert_eq!(tree.get("n2").subscribers(), "");
    assert_eq!(consumers("n2"), "n3.copycat");
    assert_eq!(consumers("n1"), "n4.copy.public.entry");
    assert_eq!(attrs(), "x=1&sync_watermark=n4");
    members("n1", "n1,n2,n4,n5");
    members("n2", "n1,n2,n4,n5");

    // A dead one.
    mortal.stop();
    let n1 = &tree.get("n1").node;
    n1.londiste(["tag-dead", "n4"]).ok();
    members("n2", "n1,n2,n4 (dead),n5");
    n1.londiste(["drop-node", "n4"])
        .ok()
        .says("WARNING load_node_info(n4): ignoring dead node")
        .says("ignoring cmd for dead node 'n4': select * from pgq_node.drop_node('replika', 'n4')");
    members("n1", "n1,n2,n5");
    members("n2", "n1,n2,n5");
    assert_eq!(tree.get("n1").subscribers(), "n2,n5");
    assert_eq!(consumers("n1"), "");
    assert_eq!(attrs(), "x=1");

    // One whose database is gone, and nobody has said so; dropped from its neighbour.
    let n5 = tree.get("n5");
    n5.node.stop_worker();
    let empty = Cluster::shared().create_database("empty");
    empty.sql(&format!("drop database {} with (force)", n5.db.name()));
    tree.get("n2")
        .node
        .londiste(["drop-node", "n5"])
        .ok()
        .says("WARNING Local drop failure: ")
        .says("WARNING Failed to remove from 'n5': ");
    members("n1", "n1,n2");
    members("n2", "n1,n2");

    // A branch that has nobody left, and at last the root.
    tree.get("n2").node.stop_worker();
    tree.get("n1").node.londiste(["drop-node", "n2"]).ok();
    assert_eq!(tree.get("n2").members(), "");
    assert_eq!(tree.get("n2").db.text("select queue_name from pgq.queue"), "");
    members("n1", "n1");
    tree.get("n1").node.stop_worker();
    tree.get("n1").node.londiste(["drop-node", "n1"]).ok().says("INFO Node dropped: n1\n");
    assert_eq!(tree.get("n1").members(), "");
    // Its tables take part in nothing any more.
    tree.get("n1").db.sql("insert into entry values (1, 'alone')");
}

/// Marks of all kinds of node, set and taken away on all kinds.
#[test]
fn nodes_are_dead_and_alive() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1"), ("create-leaf", "n3", "n2")]);
    let all = ["n1", "n2", "n3"];
    for (tagged, on) in [("n3", "n1"), ("n2", "n1"), ("n1", "n3"), ("n2", "n3"), ("n3", "n2")] {
        tree.get(on).node.londiste(["tag-dead", tagged]).ok();
        for name in all.iter().filter(|name| **name != tagged) {
            let members = tree.get(name).members();
            assert!(members.contains(&format!("{tagged} (dead)")), "{name}: {members}");
        }
        tree.get(on).node.londiste(["tag-alive", tagged]).ok();
        for name in all {
            wait_for(format!("{tagged} alive on {name}"), EVENTUALLY, || {
                let members = tree.get(name).members();
                holds(members == "n1,n2,n3", members)
            });
        }
    }
    tree.get("n1").db.sql("insert into entry values (1, 'goes on')");
    tree.wait_caught_up("n1", &["n2", "n3"]);
    tree.assert_equal(&all);
}

/// Up, down and sideways, with paused nodes and workers that are down.
#[test]
fn providers_change() {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-branch", "n3", "n2"),
        ("create-leaf", "n4", "n3"),
    ]);
    let change = |on: &str, to: &str| {
        let to = format!("--provider={to}");
        tree.get(on).node.londiste(["change-provider", &to])
    };
    // Down is where a node cannot go, and a leaf is no provider.
    change("n2", "n3")
        .exits(1)
        .says("ERROR Node n3 gets its events from n2 and cannot be its provider\n");
    change("n1", "n3")
        .exits(1)
        .says("ERROR Node n3 gets its events from n1 and cannot be its provider\n");
    change("n2", "n2").exits(1).says("ERROR cannot subscribe to itself\n");
    change("n2", "n4").exits(1);
    assert_eq!(tree.get("n2").info("worker_paused"), "f");
    // Up, sideways, and to where it is.
    change("n3", "n1").ok();
    change("n4", "n2").ok();
    change("n4", "n2").ok().says("has already 'n2' as provider");
    assert_eq!(tree.get("n3").subscribers(), "");

    // Behind: the new provider has not got as far as the node, which waits for it.
    tree.get("n3").node.londiste(["pause"]).ok();
    tree.get("n1").db.sql("insert into entry values (1, 'not on n3 yet')");
    tree.wait_caught_up("n1", &["n2", "n4"]);
    let far = tree.get("n4").position();
    assert!(tree.get("n3").top() < far);
    let mut waiting = tree
        .get("n4")
        .node
        .command()
        .args(["change-provider", "--provider=n3"])
        .spawn()
        .expect("our program");
    tree.get("n4").node.wait_log("Consumer 'n4' on node 'n4' paused", SOON);
    tree.get("n3").node.londiste(["resume"]).ok();
    let status = wait_for("the end of change-provider", EVENTUALLY, || {
        waiting.try_wait().expect("our own child").ok_or("still waiting")
    });
    assert!(status.success());
    assert_eq!(tree.get("n4").provider(), "n3");

    // A worker that is down: a line says so, and the flag stays for it to see.
    tree.get("n4").node.stop_worker();
    let mut paused = tree.get("n4").node.command().arg("pause").spawn().expect("our program");
    tree.get("n4").node.wait_log(
        "WARNING The worker of node 'n4' (consumer n4) does not answer, it seems not to run",
        SOON + Duration::from_secs(30),
    );
    tree.get("n4").node.start_worker();
    let status = wait_for("the end of pause", EVENTUALLY, || {
        paused.try_wait().expect("our own child").ok_or("still waiting")
    });
    assert!(status.success());
    // A paused node moves as well, and goes on.
    change("n4", "n1").ok().says("INFO [n4] Consumer n4 already paused\n");
    tree.get("n1").db.sql("insert into entry values (2, 'for all')");
    tree.wait_caught_up("n1", &["n2", "n3", "n4"]);
    tree.assert_equal(&["n1", "n2", "n3", "n4"]);
    assert_eq!(tree.get("n1").subscribers(), "n2,n3,n4");
}

/// n1 - (x - y - v, z - w), and the server of x is down: who does not need it moves, who might is told what helps.
#[test]
fn providers_change_while_another_node_is_down() {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.grow(&mortal, "create-branch", "x", "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "y", "x"),
        ("create-leaf", "v", "y"),
        ("create-branch", "z", "n1"),
        ("create-leaf", "w", "z"),
    ]);
    tree.wait_caught_up("n1", &["x", "y", "v", "z", "w"]);
    mortal.stop();
    let change = |on: &str, to: &str| {
        let to = format!("--provider={to}");
        tree.get(on).node.londiste(["change-provider", &to])
    };
    // It would have to be asked whether y gets its events from z.
    change("z", "y")
        .exits(1)
        .says("ERROR node x cannot be asked (")
        .says("), and it is not known whether y gets its events from z\n")
        .says("HINT:  Let x answer again, or choose a provider that does not get its events through it.\n");
    assert_eq!(tree.get("z").info("worker_paused"), "f");
    // A leaf feeds nobody, and a branch comes nearer to its own source.
    change("v", "n1").ok();
    change("v", "y")
        .exits(1)
        .says("ERROR node x cannot be asked (")
        .says("HINT:  Let x answer again");
    assert_eq!(tree.get("v").provider(), "n1");
    assert_eq!(tree.get("v").info("worker_paused"), "f");
    change("y", "n1").ok().says("WARNING failed to unregister from old provider (x): ");
    change("v", "y").ok();
    tree.get("n1").db.sql("insert into entry values (1, 'without x')");
    tree.wait_caught_up("n1", &["y", "v", "z", "w"]);
    tree.assert_equal(&["n1", "y", "v", "z", "w"]);
}
