//! What nodes, queues and consumers are called, where the ini file says it and not the command line; and the other way to write
//! an ini file.

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON, holds, wait_for};
use system_tests::{Cluster, Database, Node, Ticker};

use crate::diary::{Cast, QUEUE, Stage, wait_caught_up};
use crate::place::quick_ticks;

/// A database with a table, and a node whose file says everything that `create-*` has to know. It is written in the second
/// format, with the old names of the keys, and what they would lose against is wrong.
fn place(name: &str, provider: Option<&Database>) -> (Database, Node) {
    let db = Cluster::shared().create_database(name);
    db.sql("create table t (id int primary key, a text)");
    let node = Node::over(Ours, name, "${place}", "wrong")
        .with("config_format", "2")
        .with("pgq_queue_name", QUEUE)
        .with("place", &db.connstr())
        .with("consumer_name", "wrong")
        .with("pgq_consumer_id", "${job_name}")
        .with("node_name", "node_${job_name}")
        .with("public_node_location", "${londiste3:place} application_name=100$$");
    let folder = node.folder().display().to_string();
    let node = node
        .with("logfile", &format!("{folder}/${{job_name}}.log"))
        .with("pidfile", &format!("{folder}/${{job_name}}.pid"));
    let node = match provider {
        Some(provider) => node.with("initial_provider_location", &provider.connstr()),
        None => node,
    };
    (db, node)
}

#[test]
fn nodes_are_created_from_what_their_files_say() {
    let (root_db, root) = place("root", None);
    let (branch_db, branch) = place("branch", Some(&root_db));
    let (leaf_db, leaf) = place("leaf", Some(&branch_db));
    // What is typed wins.
    leaf.londiste(["create-leaf", "typed", &leaf_db.connstr(), "--provider=host=127.0.0.1 port=1"])
        .exits(1)
        .says("port 1 failed");
    for (node, kind) in [(&root, "root"), (&branch, "branch"), (&leaf, "leaf")] {
        let name = node.name();
        node.londiste([format!("create-{kind}")]).ok().says(&format!(
            "INFO Node \"node_{name}\" initialized for queue \"{QUEUE}\" with type \"{kind}\""
        ));
    }
    let members = "select node_name, node_location from pgq_node.node_location order by 1";
    let location =
        |name: &str, db: &Database| format!("node_{name}|{} application_name=100$", db.connstr());
    assert_eq!(
        root_db.text(members),
        [location("branch", &branch_db), location("leaf", &leaf_db), location("root", &root_db)]
            .join("\n")
    );
    assert_eq!(
        leaf_db.text("select queue_name, consumer_name, provider_node from pgq_node.local_state"),
        format!("{QUEUE}|leaf|node_branch")
    );

    // And they work, under those names.
    quick_ticks(&root_db, QUEUE);
    let ticker = Ticker::new(Ours, &root_db);
    ticker.start();
    for node in [&root, &branch, &leaf] {
        node.start_worker();
        node.londiste(["add-table", "t"]).ok();
        node.londiste(["wait-sync"]).ok();
    }
    root_db.sql("insert into t values (1, 'a')");
    wait_caught_up(&root_db, &leaf_db, "leaf");
    assert_eq!(leaf_db.text("select * from t"), "1|a");
    leaf.londiste(["compare"]).ok().says("1 rows");
    assert!(leaf.log().contains("INFO Table added: public.t"), "{}", leaf.log());
    leaf.londiste(["pause"]).ok().says("INFO Consumer 'leaf' on node 'node_leaf' paused");
    for node in [&leaf, &branch, &root] {
        node.stop_worker();
    }
    ticker.stop();
}

/// A file whose job was given another name later. The worker goes by the consumer's, and so do compare and repair; commands that
/// look for a consumer look for the job's.
#[test]
fn a_consumer_that_is_not_called_like_its_job() {
    let mut stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.leaf.set("logfile", &stage.leaf.folder().join("dst.log").display().to_string());
    stage.leaf.set("pidfile", &stage.leaf.folder().join("dst.pid").display().to_string());
    stage.leaf.set("job_name", "renamed");
    stage.leaf.set("consumer_name", "dst");
    stage.start_daemons();
    stage.add_tables(&["app.user_info"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.source.sql("update app.user_info set email = 'new' where userid = 1");
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid")]);
    stage.leaf.londiste(["compare"]).ok().says_not("do not match");
    for command in [&["pause"][..], &["resume"], &["change-provider", "--provider=src"]] {
        stage.leaf.londiste(command).exits(1).says("ERROR Job renamed crashed: Consumer not found");
    }
    let paused = "select count(*) from pgq_node.local_state where paused";
    assert_eq!(stage.target.int(paused), 0);
    // Of the two names this one counts.
    let asks_for_nobody = |stage: &Stage, before: usize| {
        wait_for("a worker that is nobody's", EVENTUALLY, || {
            let log = stage.leaf.log()[before..].to_owned();
            holds(log.contains("nobody"), log)
        });
    };
    stage.leaf.set("pgq_consumer_id", "nobody");
    stage.leaf.stop_worker();
    let before = stage.leaf.log().len();
    stage.leaf.start_worker();
    asks_for_nobody(&stage, before);
    // Who it is stays until it is started again.
    stage.leaf.unset("pgq_consumer_id");
    stage.leaf.reload();
    stage.leaf.wait_log("INFO Config reloaded", SOON);
    asks_for_nobody(&stage, stage.leaf.log().len());
    stage.source.sql("update app.user_info set email = 'newer' where userid = 1");
    stage.leaf.stop_worker();
    stage.leaf.start_worker();
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid")]);
    stage.stop_daemons();
}
