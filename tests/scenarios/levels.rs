//! Five nodes on three levels, each with other tables: what flows down, what flows up, and who waits for whom.

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Ticker, holds, wait_for};

use crate::diary::{Load, QUEUE, TABLES};
use crate::place::{Place, events, newest_tick, ticks};

const INFO: (&str, &str) = TABLES[0];
const SESSION: (&str, &str) = TABLES[1];
const LOGIN: (&str, &str) = TABLES[2];
const LOGOUT: (&str, &str) = TABLES[3];

#[test]
fn three_levels_with_different_tables() {
    let root = Place::new(Ours, "root").with_users();
    let [left, right, left_leaf, right_leaf] =
        ["left", "right", "left_leaf", "right_leaf"].map(|name| Place::new(Ours, name));
    let ticker = Ticker::new(Ours, &root.db);
    root.create_root();
    left.create("create-branch", &root, &[]);
    right.create("create-branch", &root, &[]);
    left_leaf.create("create-leaf", &left, &[]);
    right_leaf.create("create-leaf", &right, &[]);
    ticker.start();
    let places = [&root, &left, &right, &left_leaf, &right_leaf];
    for place in places {
        place.node.start_worker();
    }
    // Every node knows all others, also those that were made below the other branch.
    for place in places {
        wait_for(format!("five members at {}", place.name()), SOON, || {
            let members = place.node.londiste(["members"]).ok();
            let known = ["root", "left", "right", "left_leaf", "right_leaf"]
                .iter()
                .filter(|name| {
                    members.stdout.lines().any(|l| l.split_whitespace().next() == Some(name))
                })
                .count();
            holds(known == 5, members)
        });
    }

    let load = Load::start(&root.db);
    root.node.londiste(["add-table", "--all"]).ok();
    left.node.londiste(["add-table", INFO.0, SESSION.0, LOGIN.0]).ok();
    right.node.londiste(["add-table", INFO.0, SESSION.0]).ok();
    // A copy is made from a branch that has not finished its own: it waits.
    left_leaf.node.londiste(["add-table", SESSION.0, LOGIN.0]).ok();
    // Neither the branch above has it: a walk up finds it at the root.
    left_leaf
        .node
        .londiste(["add-table", LOGOUT.0])
        .exits(1)
        .says("does not exist on provider, need to switch to different provider");
    left_leaf.node.londiste(["add-table", "--find-copy-node", LOGOUT.0]).ok();
    right_leaf.node.londiste(["add-table", SESSION.0]).ok();
    // From the other side of the tree.
    right_leaf.node.londiste(["add-table", "--copy-node=left", LOGIN.0]).ok();
    for place in places {
        place.node.londiste(["wait-sync"]).ok();
    }
    left_leaf.node.wait_log("Using 'root' as source node", SOON);
    left_leaf.node.wait_log("Using 'left' as source node", SOON);
    right_leaf.node.wait_log("Using 'left' as source node", SOON);
    right_leaf.node.wait_log("Using 'right' as source node", SOON);
    load.wait_for_more(50);

    // A leaf that stands still keeps events for itself at its branch and at the root, and nobody else is held up.
    let begin = newest_tick(&root);
    for place in [&root, &left, &right] {
        place.wait_info("global_watermark", begin);
    }
    left_leaf.node.stop_worker();
    let stopped = left_leaf.position();
    load.wait_for_more(50);
    let far = newest_tick(&root);
    right.wait_info("local_watermark", far);
    right_leaf.wait_info("worker_last_tick", far);
    left.wait_info("worker_last_tick", far);
    for place in [&root, &left, &right] {
        let held = place.info("global_watermark").parse::<i64>().expect("a tick");
        assert!(held <= stopped, "{}: {held}, and the leaf is at {stopped}", place.name());
    }
    let left_mark = left.info("local_watermark").parse::<i64>().expect("a tick");
    assert!(left_mark <= stopped, "{left_mark}, and the leaf is at {stopped}");
    // Meanwhile its branch goes on below it, and stops in turn: the leaf catches up from what the branch has kept.
    left_leaf.node.start_worker();
    left_leaf.wait_info("worker_last_tick", far);
    for place in [&root, &left, &right] {
        place.wait_info("global_watermark", far);
    }

    load.wait_for_more(20);
    load.stop();
    for place in &places[1..] {
        place.wait_caught_up(&root);
    }
    left.assert_equal(&root, &[INFO, SESSION, LOGIN]);
    right.assert_equal(&root, &[INFO, SESSION]);
    left_leaf.assert_equal(&root, &[SESSION, LOGIN, LOGOUT]);
    right_leaf.assert_equal(&root, &[SESSION, LOGIN]);

    // What a branch passes on is what it got: all of it, whatever tables it has, with ids, times and ticks.
    let end = newest_tick(&root);
    let expected = (ticks(&root, begin, end), events(&root, begin, end));
    for kind in ["app.user_logout_rec", "app.user_login_rec", "pgq.global-watermark"] {
        assert!(expected.1.contains(kind), "no {kind} among the events");
    }
    for branch in [&left, &right] {
        wait_for(format!("tick {end} at {}", branch.name()), SOON, || {
            let newest = newest_tick(branch);
            holds(newest >= end, newest)
        });
        assert_eq!(ticks(branch, begin, end), expected.0, "ticks of {}", branch.name());
        assert_eq!(events(branch, begin, end), expected.1, "events of {}", branch.name());
    }

    // Into each branch nobody but its worker writes.
    let refused = left.db.try_text("delete from app.user_info where userid = 1").unwrap_err();
    let refused = refused.as_db_error().map(ToString::to_string).unwrap_or_default();
    assert!(refused.contains("disallowed"), "{refused}");
    for place in places {
        place.assert_never_failed();
        place.node.stop_worker();
    }
    ticker.stop();
}

/// Two branches that promise to keep events for each other: what one of them has not got yet the other keeps, whatever
/// the root says.
#[test]
fn branches_keep_events_for_each_other() {
    let root = Place::new(Ours, "root").with_users();
    let [one, two, leaf] = ["one", "two", "leaf"].map(|name| Place::new(Ours, name));
    let ticker = Ticker::new(Ours, &root.db);
    root.create_root();
    let group = "--sync-watermark=one,two";
    one.create("create-branch", &root, &[group]);
    two.create("create-branch", &root, &[group]);
    leaf.create("create-leaf", &one, &[]);
    ticker.start();
    for place in [&root, &one, &two, &leaf] {
        place.node.start_worker();
        place.node.londiste(["add-table", SESSION.0]).ok();
    }
    // A copy would keep events as well.
    for place in [&one, &two, &leaf] {
        place.node.londiste(["wait-sync"]).ok();
    }
    let load = Load::start(&root.db);
    let mark = |place: &Place| place.info("global_watermark").parse::<i64>().expect("a tick");
    let tick = newest_tick(&root);
    for branch in [&one, &two] {
        branch.wait_info("global_watermark", tick);
    }

    // The other stands still. It is paused, so that the root hears nothing new of it either; the root is told that
    // everybody has everything, as an operator would after declaring it dead there.
    two.node.londiste(["pause"]).ok();
    let held = two.position();
    root.db.sql(&format!("select pgq_node.unregister_subscriber('{QUEUE}', 'two')"));
    load.wait_for_more(50);
    let far = newest_tick(&root);
    root.wait_info("global_watermark", far);
    one.wait_info("worker_last_tick", far);
    load.wait_for_more(50);
    assert!(mark(&one) <= held, "{} although the other branch is at {held}", mark(&one));
    // What its leaf is told is what it keeps itself, not what the root said.
    let passed_on = one.db.int(&format!(
        "select coalesce(max(ev_data::int8), 0) from {} where ev_type = 'pgq.global-watermark'",
        one.db.text(&format!("select queue_data_pfx from pgq.queue where queue_name = '{QUEUE}'"))
    ));
    assert!(passed_on <= held, "told {passed_on} although the other branch is at {held}");

    // Somebody nobody knows: the operator is told, and nothing is given up for it.
    let attrs = |list: &str| {
        one.db.sql(&format!(
            "select pgq_node.set_node_attrs('{QUEUE}', 'sync_watermark={}')",
            list.replace(',', "%2c")
        ));
    };
    attrs("one,three,two");
    one.node.wait_log("WARNING Unknown node in sync_watermark list: three", EVENTUALLY);
    assert!(mark(&one) <= held);
    attrs("one,two");

    // A server that does not answer keeps its promise too, and does not stop anybody's replication.
    let location = one.db.text(&format!(
        "select node_location from pgq_node.node_location where node_name = 'two' and queue_name = '{QUEUE}'"
    ));
    one.db.sql("update pgq_node.node_location set node_location = 'host=127.0.0.1 port=1' where node_name = 'two'");
    one.node.wait_log("WARNING Node not working: two", EVENTUALLY);
    let far = newest_tick(&root);
    one.wait_info("worker_last_tick", far);
    one.assert_never_failed();
    assert!(mark(&one) <= held);
    one.db.sql(&format!(
        "update pgq_node.node_location set node_location = '{location}' where node_name = 'two'"
    ));

    // Once it is declared dead nobody waits for it any more.
    root.node.londiste(["tag-dead", "two"]).ok();
    let far = newest_tick(&root);
    one.wait_info("global_watermark", far);
    load.stop();
    leaf.wait_caught_up(&root);
    leaf.assert_equal(&root, &[SESSION]);
    for place in [&root, &one, &two, &leaf] {
        place.node.stop_worker();
    }
    ticker.stop();
}
