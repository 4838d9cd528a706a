//! Somebody in the cascade stands still: a node that lags, one that is paused, one whose worker or server is down. The others
//! go on, and it catches up.

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Ticker, holds, wait_for};

use crate::diary::{Load, SEQUENCES, TABLES};
use crate::place::{Place, newest_tick};

/// Rows may come from a node that has heard less of the set than we have. What it does not know yet is not gone.
#[test]
fn a_lagging_copy_node_makes_nobody_forget_tables() {
    let root = Place::new(Ours, "root").with_users();
    let [branch, leaf] = ["branch", "leaf"].map(|name| Place::new(Ours, name));
    let ticker = Ticker::new(Ours, &root.db);
    root.create_root();
    branch.create("create-branch", &root, &[]);
    leaf.create("create-leaf", &root, &[]);
    ticker.start();
    for place in [&root, &branch, &leaf] {
        place.node.start_worker();
    }
    let members = || leaf.node.londiste(["members"]).ok();
    wait_for("the branch known at the leaf", SOON, || {
        let seen = members();
        holds(seen.stdout.contains("branch"), seen)
    });
    branch.node.stop_worker();
    let (info, session) = (TABLES[0].0, TABLES[1].0);
    root.node.londiste(["add-table", info, session]).ok();
    root.node.londiste(["add-seq", SEQUENCES[0], SEQUENCES[1]]).ok();
    leaf.node.londiste(["add-table", info]).ok();
    leaf.node.londiste(["add-seq", SEQUENCES[0]]).ok();
    leaf.node.londiste(["wait-sync"]).ok();

    leaf.node
        .londiste(["add-table", "--copy-node=branch", session])
        .exits(1)
        .says("Table app.user_session does not exist on provider, need to switch to different provider")
        .says_not("removing");
    leaf.node.londiste(["resync", "--copy-node=branch", info]).exits(1).says(
        "Table app.user_info does not exist on provider, need to switch to different provider",
    );
    leaf.node.londiste(["add-seq", "--copy-node=branch", SEQUENCES[1]]).ok().says_not("removing");
    assert_eq!(leaf.node.londiste(["tables", "--names-only"]).ok().stdout, format!("{info}\n"));
    leaf.node.londiste(["seqs"]).ok().says(SEQUENCES[0]);
    let attached = "select count(*) from londiste.seq_info where local";
    assert_eq!(leaf.db.int(attached), 2);
    // On the root a copy node is of no use and no authority.
    let known = "select string_agg(table_name, ' ' order by 1) from londiste.table_info";
    root.node.londiste(["add-table", "--copy-node=branch", TABLES[2].0]).exits(1);
    assert_eq!(root.db.text(known), format!("{info} {session}"));

    branch.node.start_worker();
    branch.wait_caught_up(&root);
    branch.node.londiste(["add-table", session]).ok();
    branch.node.londiste(["wait-sync"]).ok();
    leaf.node.londiste(["add-table", "--copy-node=branch", session]).ok();
    leaf.node.londiste(["wait-sync"]).ok();
    leaf.node.wait_log("Using 'branch' as source node", SOON);
    root.db.sql(
        "update app.user_info set email = 'new'; delete from app.user_session where userid < 100",
    );
    leaf.wait_caught_up(&root);
    leaf.assert_equal(&root, &TABLES[..2]);
    for place in [&root, &branch, &leaf] {
        place.assert_never_failed();
        place.node.stop_worker();
    }
    ticker.stop();
}

/// Workers down and paused for a while, a branch's server restarted, and a leaf that goes from one branch to another and
/// back, while users write.
#[test]
fn who_stands_still_catches_up() {
    let server = Cluster::start_new();
    let root = Place::new(Ours, "root").with_users();
    let ahead = Place::on(Ours, "ahead", &server);
    let [behind, leaf, other_leaf] =
        ["behind", "leaf", "other_leaf"].map(|name| Place::new(Ours, name));
    let ticker = Ticker::new(Ours, &root.db);
    root.create_root();
    ahead.create("create-branch", &root, &[]);
    behind.create("create-branch", &root, &[]);
    leaf.create("create-leaf", &ahead, &[]);
    other_leaf.create("create-leaf", &behind, &[]);
    ticker.start();
    let places = [&root, &ahead, &behind, &leaf, &other_leaf];
    let tables = &TABLES[..3];
    for place in places {
        place.node.start_worker();
        place.node.londiste(["add-table", TABLES[0].0, TABLES[1].0, TABLES[2].0]).ok();
    }
    let load = Load::start(&root.db);
    for place in places {
        place.node.londiste(["wait-sync"]).ok();
    }

    // A paused leaf: nothing comes, although its branch has it. The branch stops too, and is killed and started.
    other_leaf.node.londiste(["pause"]).ok().says("paused");
    let stood = other_leaf.position();
    load.wait_for_more(50);
    behind.wait_caught_up(&root);
    assert_eq!(other_leaf.position(), stood);
    behind.node.worker().crash();
    load.wait_for_more(50);
    let missed = wait_for("a tick that it misses", SOON, || {
        let newest = newest_tick(&root);
        if newest > behind.position() { Ok(newest) } else { Err(newest) }
    });
    ahead.wait_info("worker_last_tick", missed);
    other_leaf.node.londiste(["status"]).ok();

    // A leaf cannot go where its next batch does not begin yet: the command waits, and when it is broken off the leaf stays
    // where it is and goes on.
    let mut command = leaf.node.command();
    let mut waiting = command
        .args(["change-provider", "--provider=behind"])
        .stderr(Stdio::null())
        .spawn()
        .expect("our own program starts");
    leaf.node.wait_log("Consumer 'leaf' on node 'leaf' paused", SOON);
    kill(Pid::from_raw(waiting.id().try_into().expect("small")), Signal::SIGINT)
        .expect("our child");
    assert_eq!(waiting.wait().expect("our child").code(), Some(1));
    assert_eq!(leaf.info("provider_node"), "ahead");
    load.wait_for_more(20);
    leaf.wait_caught_up(&root);

    behind.node.start_worker();
    behind.wait_info("worker_last_tick", missed);
    assert_eq!(other_leaf.position(), stood, "it is still paused");
    other_leaf.node.londiste(["resume"]).ok();
    other_leaf.wait_info("worker_last_tick", missed);

    // While both write, with different progress, there and back again. Where the new one is behind at that moment the
    // operator is told, and the next try succeeds.
    for provider in ["behind", "ahead", "behind"] {
        let option = format!("--provider={provider}");
        wait_for(format!("{provider} as provider"), EVENTUALLY, || {
            let tried = leaf.node.londiste(["change-provider", &option]);
            holds(tried.code() == Some(0), tried)
        });
        assert_eq!(leaf.info("provider_node"), provider);
        load.wait_for_more(30);
        leaf.wait_caught_up(&root);
    }
    leaf.node.londiste(["change-provider", "--provider=ahead"]);

    // The branch's server goes away under both its own worker and its leaf's.
    server.stop();
    load.wait_for_more(50);
    server.start();
    load.wait_for_more(20);
    load.stop();
    for place in &places[1..] {
        place.wait_caught_up(&root);
        place.assert_equal(&root, tables);
    }
    root.node.londiste(["status"]).ok().says_not("ERR:");
    for place in places {
        place.node.stop_worker();
    }
    ticker.stop();
}

/// What made a node stop is still to be seen after somebody has paused it.
#[test]
fn a_paused_node_keeps_showing_its_error() {
    let root = Place::new(Ours, "root").with_users();
    let leaf = Place::new(Ours, "leaf");
    let ticker = Ticker::new(Ours, &root.db);
    root.create_root();
    leaf.create("create-leaf", &root, &[]);
    ticker.start();
    root.node.start_worker();
    leaf.node.start_worker();
    for place in [&root, &leaf] {
        place.node.londiste(["add-table", TABLES[0].0]).ok();
    }
    leaf.node.londiste(["wait-sync"]).ok();
    leaf.db.sql("alter table app.user_info add constraint small check (userid < 1000000)");
    root.db.sql("insert into app.user_info (userid) values (1000000)");
    let error =
        || leaf.db.text("select cur_error from pgq_node.get_consumer_state('replika', 'leaf')");
    wait_for("the error", EVENTUALLY, || holds(error().contains("\"small\""), error()));
    leaf.node.londiste(["pause"]).ok();
    // It looks again and again whether it is still paused.
    for _ in 0..3 {
        leaf.db.sql("update pgq_node.local_state set uptodate = false");
        wait_for("another look", SOON, || {
            let seen = leaf.db.text("select uptodate from pgq_node.local_state");
            holds(seen == "t", seen)
        });
        assert!(error().contains("\"small\""), "{}", error());
    }
    root.node.londiste(["status"]).ok().says("ERR: ").says("PAUSED");
    leaf.db.sql("alter table app.user_info drop constraint small");
    leaf.node.londiste(["resume"]).ok();
    leaf.wait_caught_up(&root);
    wait_for("no error", SOON, || holds(error().is_empty(), error()));
}
