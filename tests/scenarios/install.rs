//! The schemas get into the database whatever is there, and however many do it at once.

use std::thread;

use system_tests::Impl::{Ours, Reference};
use system_tests::{Cluster, Database, Node};

use crate::diary::QUEUE;

/// Columns, functions and grants of the four schemas: what a second installation must not change.
const OBJECTS: &str = "
    select 'relation', oid::regclass::text, relacl::text from pg_class
        where relnamespace::regnamespace::text in ('pgq', 'pgq_ext', 'pgq_node', 'londiste')
    union all
    select 'function', oid::regprocedure::text, md5(prosrc) from pg_proc
        where pronamespace::regnamespace::text in ('pgq', 'pgq_ext', 'pgq_node', 'londiste')
    order by 1, 2";

/// Roles are shared by all databases of a server, and nobody has made them yet on a new one.
#[test]
fn four_nodes_are_created_at_the_same_moment() {
    let cluster = Cluster::start_new();
    let databases: Vec<Database> = (0..4).map(|_| cluster.create_database("src")).collect();
    thread::scope(|scope| {
        for db in &databases {
            scope.spawn(move || {
                let node = Node::new(Ours, "src", db, QUEUE);
                node.londiste(["create-root", "src", &db.connstr()]).ok().says("INFO Done");
            });
        }
    });
    let objects = databases[0].text(OBJECTS);
    assert!(objects.contains("londiste.local_add_table"), "{objects}");
    for db in &databases[1..] {
        assert_eq!(db.text(OBJECTS), objects);
    }
}

#[test]
fn a_second_queue_of_the_same_database_changes_no_schema() {
    let db = Cluster::shared().create_database("src");
    Node::new(Ours, "src", &db, QUEUE).londiste(["create-root", "src", &db.connstr()]).ok();
    // Each queue has event tables of its own; those are no part of the schema.
    let schema = |db: &Database| {
        let objects = db.text(OBJECTS);
        objects.lines().filter(|line| !line.contains("pgq.event_")).collect::<Vec<_>>().join("\n")
    };
    let before = schema(&db);
    Node::new(Ours, "more", &db, "more").londiste(["create-root", "more", &db.connstr()]).ok();
    let after = schema(&db);
    assert_eq!(before, after);
}

#[test]
fn an_installation_by_the_references_extensions_is_left_alone() {
    let db = Cluster::shared().create_database("src");
    Node::new(Reference, "src", &db, QUEUE).londiste(["create-root", "src", &db.connstr()]).ok();
    let before = db.text(OBJECTS);
    Node::new(Ours, "src", &db, QUEUE)
        .londiste(["create-root", "src", &db.connstr()])
        .ok()
        .says("INFO Node is already initialized as root");
    let after = db.text(OBJECTS);
    // One schema is missing there: only ours installs pgq_ext.
    let theirs = |objects: &str| {
        objects.lines().filter(|line| !line.contains("pgq_ext.")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(theirs(&before), theirs(&after));
}

#[test]
fn a_root_in_another_encoding_than_utf8_is_warned_of() {
    let admin = Cluster::shared().create_database("admin");
    let name = system_tests::folder::unique("latin");
    admin.sql(&format!(
        "create database {name} encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'"
    ));
    let connstr = format!("{} dbname={name}", admin.address().connstr());
    let node = Node::over(Ours, "src", &connstr, QUEUE);
    node.londiste(["create-root", "src", &connstr])
        .ok()
        .says("WARNING this database's encoding is LATIN1")
        .says("INFO Done");
    admin.sql(&format!("drop database {name}"));
}
