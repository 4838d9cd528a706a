//! Options of the command line that no other story types.

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Database, Node, holds, wait_for};

use crate::diary::{Cast, QUEUE, Stage};

/// A database with a table, and the ini file of a node over it.
fn place(name: &str) -> (Database, Node) {
    let db = Cluster::shared().create_database(name);
    db.sql(
        "create table t (id int primary key, a text, b text); create table u (id int primary key)",
    );
    let node = Node::new(Ours, name, &db, QUEUE);
    (db, node)
}

fn is_installed(db: &Database) -> bool {
    db.int("select count(*) from pg_namespace where nspname = 'pgq_node'") > 0
}

/// The location leads somewhere else, or nowhere from here: that is what the check is for, and what it can be told to leave to
/// the operator.
#[test]
fn a_public_location_is_not_looked_at_when_told_so() {
    let ((db, root), (other, leaf)) = (place("root"), place("leaf"));
    let elsewhere = other.connstr();
    let nowhere = "host=127.0.0.1 port=1 dbname=x";
    root.londiste(["create-root", "root", &elsewhere])
        .exits(1)
        .says("ERROR Public connect string points to different database than local connect string");
    root.londiste(["create-root", "root", nowhere]).exits(1).says("port 1 failed");
    assert!(!is_installed(&db), "nothing is installed before it is checked");
    root.londiste(["create-root", "--nocheck", "--target=unused", "root", nowhere])
        .ok()
        .says("INFO Node \"root\" initialized for queue \"replika\" with type \"root\"");
    let location = "select node_location from pgq_node.node_location where node_name = ";
    assert_eq!(db.text(&format!("{location}'root'")), nowhere);

    // A node below it is told how to reach the provider, and asks nobody how it is reached itself.
    let provider = format!("--provider={}", db.connstr());
    leaf.londiste(["create-leaf", "leaf", nowhere, &provider]).exits(1).says("port 1 failed");
    leaf.londiste(["create-leaf", "--nocheck", "leaf", nowhere, &provider]).ok().says("INFO Done");
    assert_eq!(db.text(&format!("{location}'leaf'")), nowhere);
}

#[test]
fn a_group_of_watermarks_is_for_branches() {
    let ((db, root), (other, leaf)) = (place("root"), place("leaf"));
    let group = "--sync-watermark=a,b";
    let refused = "ERROR --sync-watermark can be used only for branch nodes";
    root.londiste(["create-root", "root", &db.connstr(), group]).exits(1).says(refused);
    assert!(!is_installed(&db));
    root.londiste(["create-root", "root", &db.connstr()]).ok();
    let provider = format!("--provider={}", db.connstr());
    leaf.londiste(["create-leaf", "leaf", &other.connstr(), &provider, group])
        .exits(1)
        .says(refused);
    assert!(!is_installed(&other));
    assert_eq!(db.text("select node_name from pgq_node.node_location"), "root");
}

/// What londiste has put on a table, and with which arguments.
fn triggers(db: &Database, table: &str) -> String {
    db.text(&format!(
        "select regexp_replace(pg_get_triggerdef(oid), '^.*EXECUTE (FUNCTION|PROCEDURE) ', '') from pg_trigger
          where tgrelid = '{table}'::regclass and not tgisinternal order by tgname"
    ))
}

#[test]
fn arguments_of_triggers_and_tables_without_any() {
    let ((db, root), (other, leaf)) = (place("root"), place("leaf"));
    root.londiste(["create-root", "root", &db.connstr()]).ok();
    let provider = format!("--provider={}", db.connstr());
    leaf.londiste(["create-leaf", "leaf", &other.connstr(), &provider]).ok();

    let arguments = ["--trigger-arg=ignore=b", "--trigger-arg=ev_extra3='x'||a"];
    root.londiste([&["add-table", "t"], &arguments[..]].concat())
        .ok()
        .says("INFO Table added: public.t\n");
    let said = triggers(&db, "t");
    assert!(said.contains("pgq.logutriga('replika', 'ignore=b', 'ev_extra3=''x''||a')"), "{said}");
    db.sql("insert into t values (1, 'a', 'b'); update t set b = 'c'; update t set a = 'd'");
    let events = db.text("select queue_data_pfx || '_' || queue_cur_table from pgq.queue");
    let data = format!(
        "select ev_type, ev_data, ev_extra3 from {events} where ev_extra1 = 'public.t' order by ev_id"
    );
    assert_eq!(db.text(&data), "I:id|id=1&a=a|xa\nU:id|id=1&a=d|xd");

    root.londiste(["add-table", "u", "--no-triggers"])
        .ok()
        .says("INFO Table added with no triggers: public.u");
    assert_eq!(triggers(&db, "u"), "");
    db.sql("insert into u values (1)");
    assert_eq!(db.int(&format!("select count(*) from {events} where ev_extra1 = 'public.u'")), 0);
    // It is in the set as any other.
    root.londiste(["tables", "--names-only"]).ok().says("public.u\n");
    leaf.londiste(["add-table", "u", "--no-triggers"])
        .ok()
        .says("INFO Table added with no triggers: public.u");
    assert_eq!(triggers(&other, "u"), "");
    other.sql("insert into u values (2)");
}

#[test]
fn the_long_forms_of_signals() {
    let (db, root) = place("root");
    root.londiste(["create-root", "root", &db.connstr()]).ok();
    // Without anything to signal.
    for option in ["--reload", "--stop", "--kill"] {
        root.londiste([option]).ok().says("WARNING No pidfile, process not running");
    }
    let pid = root.start_worker();
    assert_eq!(root.londiste(["--reload"]).ok().output(), "");
    root.wait_log("INFO Config reloaded", SOON);
    // A command that is typed with it is not run.
    root.londiste(["--reload", "drop-node", "root"]).ok();
    assert_eq!(root.worker().pid(), Some(pid));
    assert_eq!(root.londiste(["--stop"]).ok().output(), "");
    root.worker().wait_gone(pid);
    assert!(!root.worker().pidfile().exists(), "removed at the end");

    let pid = root.start_worker();
    assert_eq!(root.londiste(["--kill"]).ok().output(), "");
    root.worker().wait_gone(pid);
    assert!(root.worker().pidfile().exists(), "nobody cleared up");
    assert_eq!(db.text("select node_type from pgq_node.node_info"), "root");
}

/// An operator who does not want to wait for the batch. It is not half there, and the next worker does it.
#[test]
fn two_interrupts_end_a_worker_at_once() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["app.user_info"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.leaf.stop_worker();
    let mut somebody = stage.target.client();
    let mut transaction = somebody.transaction().expect("a new session");
    transaction.batch_execute("lock table app.user_info in exclusive mode").expect("it is free");
    stage.source.sql("update app.user_info set email = 'late' where userid < 100");

    let mut worker = stage.leaf.command();
    worker.arg("worker").stdout(Stdio::null()).stderr(Stdio::null());
    let mut worker = worker.spawn().expect("our own program");
    let pid = Pid::from_raw(worker.id().cast_signed());
    wait_for("the worker to wait for the table", EVENTUALLY, || {
        let waiting = stage.target.int(
            "select count(*) from pg_stat_activity where datname = current_database()
                and application_name = 'dst:db' and wait_event_type = 'Lock'",
        );
        holds(waiting == 1, stage.leaf.log())
    });
    let pidfile = stage.leaf.worker().pidfile();
    assert!(pidfile.exists());
    // One that comes before the one before was noticed is none, so it is sent until it is enough.
    let status = wait_for("the end of the worker", SOON, || {
        kill(pid, Signal::SIGINT).expect("it is not waited for yet");
        worker.try_wait().expect("our own child").ok_or("it runs")
    });
    assert_eq!(status.code(), Some(1), "{}", stage.leaf.log());
    assert!(stage.leaf.log().contains("WARNING Double ^C, fast exit"), "{}", stage.leaf.log());
    assert!(!pidfile.exists(), "removed all the same");
    transaction.commit().expect("only a lock");
    let late = "select count(*) from app.user_info where email = 'late'";
    assert_eq!(stage.target.int(late), 0);
    stage.leaf.start_worker();
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid")]);
    stage.stop_daemons();
}
