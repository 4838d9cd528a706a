//! A node gets another name: everybody knows it by that one afterwards, and replication did not notice.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Impl, Node, holds, schemas, wait_for};

use crate::tree::{Cast, QUEUE, Tree, Users};

#[test]
fn every_kind_of_node_is_renamed_ours() {
    story(Cast::OURS);
}

#[test]
fn every_kind_of_node_is_renamed_on_theirs() {
    story(Cast::OUR_COMMANDS);
}

#[test]
fn every_kind_of_node_is_renamed_under_their_workers() {
    story(Cast::THEIR_WORKERS);
}

/// Consumers of a node's queue, with the position of those that stand.
fn consumers(tree: &Tree, name: &str) -> String {
    tree.get(name).db.text(&format!(
        "select string_agg(consumer_name, ',' order by consumer_name collate \"C\") from pgq.get_consumer_info('{QUEUE}')"
    ))
}

/// n1 - (n2 - n3, n4)
fn story(cast: Cast) {
    let mut tree = Tree::plant(cast, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-leaf", "n3", "n2"),
        ("create-leaf", "n4", "n1"),
    ]);
    let all = ["n1", "n2", "n3", "n4"];
    let everybody_knows = |expected: &str| {
        for name in all {
            wait_for(format!("{expected} on {name}"), EVENTUALLY, || {
                let members = tree.get(name).members();
                holds(members == expected, members)
            });
        }
    };
    everybody_knows("n1,n2,n3,n4");
    let n1 = &tree.get("n1");
    n1.db.sql(&format!("select pgq_node.set_node_attrs('{QUEUE}', 'sync_watermark=n4%2cn2')"));
    tree.get("n3").db.sql(&format!(
        "select londiste.local_set_table_attrs('{QUEUE}', 'public.entry', 'skip_truncate=1&copy_node=n2')"
    ));
    let mut users = Users::start(&[&n1.db]);
    let watermark = |name: &str| {
        n1.db.text(&format!(
            "select last_tick from pgq.get_consumer_info('{QUEUE}', '.{name}.watermark')"
        ))
    };
    // So that it is somewhere in particular.
    n1.db.sql(&format!(
        "select pgq_node.set_subscriber_watermark('{QUEUE}', 'n2', {})",
        tree.get("n2").position()
    ));
    let position = watermark("n2");

    // Refusals first.
    let rename =
        |on: &str, args: [&str; 2]| tree.get(on).node.londiste(["rename-node", args[0], args[1]]);
    rename("n3", ["n2", "n4"]).exits(1).says("ERROR [").says("Node name is taken: n4");
    rename("n3", ["nosuch", "new"]).exits(1).says("ERROR Unknown node: nosuch\n");
    rename("n3", ["n2", "n2"]).exits(1).says("ERROR Bad new node name: n2\n");
    everybody_knows("n1,n2,n3,n4");

    rename("n3", ["n2", "the middle"]).ok().says("Node n2 is the middle now, on 4 nodes");
    everybody_knows("n1,n3,n4,the middle");
    assert_eq!(tree.get("n3").provider(), "the middle");
    assert_eq!(n1.subscribers(), "n4,the middle");
    assert_eq!(
        consumers(&tree, "n1"),
        ".global_watermark,.n4.watermark,.the middle.watermark,n2,n4"
    );
    assert_eq!(watermark("the middle"), position);
    assert_eq!(n1.info("node_attrs").to_lowercase(), "sync_watermark=n4%2cthe+middle");
    let attrs = tree.get("n3").db.text(&format!(
        "select table_attrs from londiste.get_table_list('{QUEUE}') where table_name = 'public.entry'"
    ));
    assert_eq!(attrs, "skip_truncate=1&copy_node=the+middle");
    rename("n2", ["n1", "top"]).ok();
    rename("n1", ["n3", "low"]).ok();
    rename("n2", ["n4", "side"]).ok();
    everybody_knows("low,side,the middle,top");
    assert_eq!(n1.provider(), "top");
    assert_eq!(tree.get("n2").provider(), "top");
    assert_eq!(tree.get("n2").subscribers(), "low");
    tree.assert_tree("n3", &["top (root)", "the middle (branch)", "low (leaf)", "side (leaf)"]);
    // Once more the same, and the old name is unknown.
    rename("n2", ["n4", "side"]).exits(1).says("ERROR Unknown node: n4\n");

    users.wait_for_more(0, 20);
    users.stop();
    tree.wait_caught_up("n1", &["n2", "n3", "n4"]);
    tree.assert_equal(&all);
    // The names are good for everything that needs one: the watermark, another root, and the end.
    tree.get("n2").node.londiste(["takeover", "top", "--all"]).ok().says("INFO [top] Step 3: ");
    tree.get("n2").db.sql("insert into entry values (0, 'n2')");
    tree.wait_caught_up("n2", &["n1", "n3", "n4"]);
    tree.assert_equal(&all);
    tree.assert_tree("n1", &["the middle (root)", "top (branch)", "low (leaf)", "side (leaf)"]);
    tree.get("n1")
        .node
        .londiste(["drop-node", "low"])
        .ok()
        .says("INFO [the middle] Node dropped: low\n");
}

/// One that is dead at the time hears of it from the root.
#[test]
fn a_dead_node_learns_of_it_when_it_is_back() {
    let mortal = Cluster::start_new();
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[("create-branch", "n2", "n1")]);
    tree.grow(&mortal, "create-leaf", "n3", "n1");
    mortal.stop();
    let n1 = &tree.get("n1").node;
    n1.londiste(["rename-node", "n2", "new"])
        .exits(1)
        .says("Nothing was changed, not every node answers: node n3 (")
        .says("--dead n3");
    n1.londiste(["rename-node", "n2", "new", "--dead", "n3"])
        .ok()
        .says("WARNING Node n3 is dead and learns of it when it is back");
    // It would not find its provider when it is back.
    n1.londiste(["rename-node", "n1", "top", "--dead", "n3"])
        .exits(1)
        .says("ERROR Nothing was changed: node n1 has dead subscribers")
        .says("n3; bring them back first");
    mortal.start();
    wait_for("the new name on n3", EVENTUALLY, || {
        let members = tree.get("n3").members();
        holds(members == "n1,n3,new", members)
    });
    n1.londiste(["rename-node", "nosuch", "other"]).exits(1).says("ERROR Unknown node: nosuch");
}

/// Where a schema cannot rename and the role may not help, nothing is changed anywhere.
#[test]
fn a_node_that_cannot_rename_is_named() {
    if !schemas::has_reference() {
        return;
    }
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    let db = Cluster::shared().create_database("theirs");
    let node = Node::new(Impl::Reference, "n2", &db, QUEUE);
    let from = format!("--provider={}", tree.get("n1").db.connstr());
    node.londiste(["create-leaf", "n2", &db.connstr(), &from]).ok();
    db.sql("do $$ begin create role rename_reader login; exception when duplicate_object then null; end $$;
            grant pgq_reader to rename_reader");
    let place = format!(
        "host=127.0.0.1 port={} user=rename_reader dbname={}",
        db.address().port,
        db.name()
    );
    tree.get("n1")
        .db
        .sql(&format!("select pgq_node.register_location('{QUEUE}', 'n2', '{place}', false)"));
    tree.commands_by(Impl::Ours);
    tree.get("n1").node.londiste(["rename-node", "n2", "new"]).exits(1).says(
        "ERROR Nothing was changed: node n2 has the original's pgq_node, which cannot rename",
    );
    wait_for("the old names", SOON, || {
        let members = tree.get("n1").members();
        holds(members == "n1,n2", members)
    });
}

/// Broken off between its commits, some nodes know the new name and some do not. Rows arrive all the same, and the same command
/// finishes it, wherever it is given.
#[test]
fn a_rename_that_died_is_finished() {
    for (renamed, begins_on, ends_on) in
        [("n2", "n3", "n2"), ("n1", "n2", "n1"), ("n3", "n1", "n3"), ("n2", "n1", "n4")]
    {
        for place in ["rename-begun", "rename-committed"] {
            broken_off_at(place, renamed, begins_on, ends_on);
        }
    }
}

/// n1 - (n2 - n3, n4)
fn broken_off_at(place: &str, renamed: &str, begins_on: &str, ends_on: &str) {
    let mut tree = Tree::plant(Cast::OURS, Cluster::shared(), "n1");
    tree.branches_and_leaves(&[
        ("create-branch", "n2", "n1"),
        ("create-leaf", "n3", "n2"),
        ("create-leaf", "n4", "n1"),
    ]);
    let all = ["n1", "n2", "n3", "n4"];
    for name in all {
        wait_for(format!("all members on {name}"), EVENTUALLY, || {
            let members = tree.get(name).members();
            holds(members == "n1,n2,n3,n4", members)
        });
    }
    let story = format!("{place}, {renamed} on {begins_on}, then on {ends_on}");
    let mut users = Users::start(&[&tree.get("n1").db]);
    users.wait_for_more(0, 10);
    let mut rename = tree.get(begins_on).node.command();
    rename.args(["rename-node", renamed, "new"]).env("LONDISTE_CRASH_POINT", place);
    let died = rename.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("our program");
    assert_eq!(died.signal(), Some(9), "{story}: {}", tree.get(begins_on).node.log());
    let mixed: Vec<String> = all.iter().map(|name| tree.get(name).members()).collect();
    assert!(mixed.iter().any(|members| members.contains("new")), "{story}: {mixed:?}");
    assert!(mixed.iter().any(|members| members.contains(renamed)), "{story}: {mixed:?}");
    users.wait_for_more(0, 10);
    tree.wait_caught_up("n1", &all[1..]);

    tree.get(ends_on).node.londiste(["rename-node", renamed, "new"]).ok();
    let mut names: Vec<&str> =
        all.iter().map(|name| if *name == renamed { "new" } else { *name }).collect();
    names.sort_unstable();
    for name in all {
        wait_for(format!("{story}: the new name on {name}"), EVENTUALLY, || {
            let members = tree.get(name).members();
            holds(members == names.join(","), members)
        });
    }
    let now = |name: &str| if name == renamed { "new".to_owned() } else { name.to_owned() };
    for (name, provider) in [("n1", "n1"), ("n2", "n1"), ("n3", "n2"), ("n4", "n1")] {
        assert_eq!(tree.get(name).provider(), now(provider), "{story}: {name}");
    }
    users.wait_for_more(0, 10);
    users.stop();
    tree.wait_caught_up("n1", &all[1..]);
    tree.assert_equal(&all);
}
