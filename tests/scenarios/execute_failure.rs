//! A script that cannot run on one leaf: that leaf waits and says so, and goes on by itself once it can.

use std::fs;

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Node, holds, wait_for};

use crate::diary::{Cast, QUEUE, Stage, assert_same_rows, wait_caught_up};

#[test]
fn theirs() {
    story(Reference);
}

#[test]
fn ours() {
    story(Ours);
}

fn story(implementation: Impl) {
    let stage = Stage::set(Cast::all(implementation));
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["app.user_info"]);

    // The second leaf has the table under another schema and name.
    let elsewhere = Cluster::shared().create_database("dst2");
    elsewhere.sql(
        "create schema other;
         create table other.user_info1 (
             userid int primary key, engname text, cnname text, occupation text, birthday date, signname text,
             email text, qq numeric, crt_time timestamp, mod_time timestamp)",
    );
    let second = Node::new(implementation, "dst2", &elsewhere, QUEUE);
    let provider = format!("--provider={}", stage.source.connstr());
    second.londiste(["create-leaf", "dst2", &elsewhere.connstr(), &provider]).ok();
    second.start_worker();
    second
        .londiste(["add-table", "--dest-table=other.user_info1", "app.user_info"])
        .ok()
        .says("INFO Table added: app.user_info(other.user_info1)\n");
    for node in [&stage.leaf, &second] {
        node.londiste(["wait-sync"]).ok();
    }
    assert_same_rows((&stage.source, "app.user_info"), (&elsewhere, "other.user_info1"), "userid");

    let script = "alter table app.user_info add column c1 int;\n";
    fs::write(stage.root.folder().join("add_column.sql"), script).expect("own folder");
    stage.root.londiste(["execute", "add_column.sql"]).ok();
    stage.source.sql("update app.user_info set c1 = 5 where userid = 1");
    // One leaf can, and does not wait for the other.
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid")]);
    // The other cannot: its batch is rolled back, again and again, and the next batches wait.
    // Ours also names the event and the file.
    let is_error =
        |line: &str| line.contains("ERR: dst2: ") && line.contains("schema \"app\" does not exist");
    wait_for("the error in status", EVENTUALLY, || {
        let status = stage.root.londiste(["status"]).ok();
        holds(status.stdout.lines().any(is_error), status)
    });
    elsewhere.sql("alter table other.user_info1 add column c1 int");
    assert_eq!(elsewhere.int("select count(*) from other.user_info1 where c1 = 5"), 0);

    // The operator makes room for the script; nothing else is needed.
    elsewhere.sql("create schema app; create table app.user_info (id int)");
    wait_caught_up(&stage.source, &elsewhere, "dst2");
    elsewhere.sql("drop schema app cascade");
    assert_same_rows((&stage.source, "app.user_info"), (&elsewhere, "other.user_info1"), "userid");
    wait_for("a status without error", EVENTUALLY, || {
        let status = stage.root.londiste(["status"]).ok();
        holds(!status.stdout.contains("ERR:"), status)
    });
    second.londiste(["compare"]).ok();
}
