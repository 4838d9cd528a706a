//! Tables on their way into the set, and compared when they are there.

use std::fs;

use system_tests::Impl::Ours;
use system_tests::wait::SOON;
use system_tests::{Cluster, Database, Node, holds, wait_for};

use super::{Meanwhile, Transcript};
use crate::diary::{Cast, QUEUE, Stage, states};

const TABLES: &str = "create table users (id int primary key, name text);
     create table orders (id int primary key, total int);
     create index on orders (total)";

/// Nodes and ticker at work, both tables added on the root, the leaf's worker not started.
fn stage() -> (Stage, Transcript) {
    let cluster = Cluster::shared();
    let (source, target) = (cluster.create_database("src"), cluster.create_database("dst"));
    for db in [&source, &target] {
        db.sql(TABLES);
    }
    source.sql(
        "insert into users select i, 'user ' || i from generate_series(1, 10) i;
         insert into orders select i, i % 7 from generate_series(1, 100) i",
    );
    let mut stage = Stage::over(Cast::all(Ours), source, target);
    stage.leaf.set("parallel_copies", "1");
    stage.create_nodes();
    stage.ticker.start();
    stage.root.start_worker();
    stage.root.londiste(["add-table", "users", "orders"]).ok();
    let talk = Transcript::about([("src", &stage.source), ("dst", &stage.target)]);
    (stage, talk)
}

/// Waits until a node's log has the text behind what it had before.
#[track_caller]
fn wait_said(node: &Node, before: usize, text: &str) {
    wait_for(format!("{text:?} in the log of {}", node.name()), SOON, || {
        let log = node.log();
        holds(log[before..].contains(text), log[before..].to_owned())
    });
}

/// A session that keeps everybody from a table until it ends.
fn occupy(db: &Database, table: &str) -> postgres::Client {
    let mut client = db.client();
    client.batch_execute(&format!("begin; lock table {table}")).expect("nobody else has it");
    client
}

/// What the worker says from its start to the hand-over of a table, and what a copy in a process of its own says.
#[test]
fn a_table_arrives() {
    let (stage, mut talk) = stage();
    let leaf = &stage.leaf;
    leaf.londiste(["add-table", "orders"]).ok();
    let before = leaf.log().len();
    leaf.start_worker();
    wait_for("the table to be in sync", SOON, || {
        let states = states(&stage.target);
        holds(states == "public.orders|ok", states)
    });
    wait_said(leaf, before, "unregistered from replika");
    leaf.stop_worker();
    talk.note("the worker's log");
    talk.log(&leaf.log()[before..]);

    // A process of its own, as the original has them.
    leaf.londiste(["add-table", "users"]).ok();
    stage.target.sql(&format!(
        "select londiste.local_set_table_state('{QUEUE}', 'public.users', null, 'in-copy')"
    ));
    let copy = Meanwhile::start(leaf, &["copy", "public.users"]);
    wait_for("rows", SOON, || {
        let states = states(&stage.target);
        holds(states.contains("public.users|wanna-sync"), states)
    });
    leaf.start_worker();
    let outcome = copy.end();
    talk.record(leaf, &["copy", "public.users"], &outcome);
    assert_eq!(stage.target.int("select count(*) from users"), 10);
    insta::assert_snapshot!(talk.take());
}

#[test]
fn wait_sync() {
    let (stage, mut talk) = stage();
    let leaf = &stage.leaf;
    leaf.londiste(["add-table", "users", "orders"]).ok();
    let users = occupy(&stage.target, "users");
    let orders = occupy(&stage.target, "orders");
    leaf.start_worker();
    let before = leaf.log().len();
    let waiting = Meanwhile::start(leaf, &["wait-sync"]);
    wait_said(leaf, before, "2/2 table(s) to copy");
    talk.note("while it waits, one table after the other is let go");
    drop(users);
    wait_said(leaf, before, "public.users: finished (1/2)");
    drop(orders);
    let outcome = waiting.end();
    talk.record(leaf, &["wait-sync"], &outcome);
    talk.on(leaf, &["wait-sync"], 0);
    insta::assert_snapshot!(talk.take());
}

#[test]
fn compare() {
    let (stage, mut talk) = stage();
    let leaf = &stage.leaf;
    leaf.start_worker();
    leaf.londiste(["add-table", "users", "orders", "--wait-sync"]).ok();
    stage.target.sql(
        "set session_replication_role = replica; update users set name = 'another' where id = 3;
         delete from orders where id > 98",
    );
    talk.note("somebody has changed rows on the leaf");
    talk.on(leaf, &["compare", "--count-only"], 1);
    talk.on(leaf, &["compare"], 2);
    talk.on(leaf, &["repair", "users", "--apply"], 0);
    talk.on(leaf, &["compare", "users"], 0);
    insta::assert_snapshot!(talk.take());
}

#[test]
fn handlers() {
    let (mut stage, mut talk) = stage();
    let modules: Vec<String> =
        ["applyfn", "bulk", "dispatch", "multimaster", "obfuscate", "qtable", "shard", "vtable"]
            .iter()
            .map(|module| format!("londiste.handlers.{module}"))
            .collect();
    let rules = stage.root.folder().join("rules.yaml");
    fs::write(&rules, "public.users:\n  id: keep\n").expect("own folder");
    stage.root.set("handler_modules", &modules.join(", "));
    stage.root.set("obfuscator_map", &rules.display().to_string());
    stage.root.set("obfuscator_key", "1");
    talk.on(&stage.root, &["show-handlers"], 0);
    talk.on(&stage.root, &["show-handlers", "bulk"], 0);
    talk.on(
        &stage.root,
        &["change-handler", "users", "--handler=londiste", "--handler-arg=ignore_truncate=1"],
        0,
    );
    talk.on(&stage.root, &["tables"], 0);
    talk.on(&stage.root, &["change-handler", "users"], 0);
    talk.on(&stage.root, &["change-handler", "users", "--handler=bulk", "--no-triggers"], 0);
    talk.on(&stage.root, &["change-handler", "users", "--handler=bulk"], 0);
    talk.on(&stage.root, &["resync", "users"], 1);
    talk.on(&stage.root, &["change-handler", "nosuch"], 1);
    insta::assert_snapshot!(talk.take());
}
