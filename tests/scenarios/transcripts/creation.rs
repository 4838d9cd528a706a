//! Nodes are made in empty databases, and made again.

use system_tests::Impl::Ours;
use system_tests::{Cluster, Node, folder};

use super::Transcript;
use crate::diary::QUEUE;

#[test]
fn nodes() {
    let cluster = Cluster::shared();
    let dbs = ["n1", "n2", "n3"].map(|name| cluster.create_database(name));
    let nodes = [("n1", &dbs[0]), ("n2", &dbs[1]), ("n3", &dbs[2])]
        .map(|(name, db)| (Node::new(Ours, name, db, QUEUE), db.connstr()));
    let mut talk = Transcript::about([("n1", &dbs[0]), ("n2", &dbs[1]), ("n3", &dbs[2])]);
    let from = |nr: usize| format!("--provider={}", nodes[nr].1);
    let [(n1, at1), (n2, at2), (n3, at3)] = &nodes;

    talk.on(n1, &["create-root", "n1", at1], 0);
    talk.on(n2, &["create-branch", "n2", at2, &from(0), "--sync-watermark=n2,n3"], 0);
    dbs[0].sql("create table orders (id int primary key); create sequence numbers");
    talk.note(
        "a table and a sequence are added to the root, and the branch has not heard of them yet",
    );
    n1.londiste(["add-table", "orders"]).ok();
    n1.londiste(["add-seq", "numbers"]).ok();
    talk.on(n3, &["create-leaf", "n3", at3, &from(1)], 0);
    talk.on(n3, &["create-leaf", "n3", at3, &from(1)], 0);
    talk.note("no worker has run");
    talk.on(n1, &["status"], 0);
    talk.on(n2, &["node-info"], 0);
    dbs[0].sql("comment on schema londiste is 'londiste schema, revision 0'");
    talk.note("a later version, the schema of an earlier one");
    talk.on(n1, &["create-root", "n1", at1], 0);
    insta::assert_snapshot!(talk.take());
}

#[test]
fn rights_that_are_missing() {
    let db = Cluster::shared().create_database("shop");
    if db.int("show server_version_num") < 150_000 {
        // There a superuser has to own a function; `grants` has a story of its own that does what is printed, on every version.
        return;
    }
    let (role, owner) = (folder::unique("poor"), folder::unique("owner"));
    db.sql(&format!(
        "create role {role} login; create role {owner}; create schema app; grant create, usage on schema app to {owner};
         set role {owner}; create table app.orders (id int primary key); create sequence app.numbers"
    ));
    let node = Node::over(Ours, "n1", &db.connstr_as(&role, "-"), QUEUE);
    let mut talk = Transcript::with([
        (db.name().to_owned(), "<shop>".to_owned()),
        (role, "<poor>".to_owned()),
        (owner, "<owner>".to_owned()),
    ]);
    talk.on(&node, &["grants"], 0);
    talk.on(&node, &["grants", "app.orders", "app.numbers"], 0);
    insta::assert_snapshot!(talk.take());
}
