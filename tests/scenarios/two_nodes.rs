//! `examples/two-nodes`, run as it stands on two servers of our own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use system_tests::under_test::{command, finish};
use system_tests::{Cluster, Database, Impl, Program, folder};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/two-nodes");

/// Copies an ini file of the example, with the server's port and the database's name put in.
fn copy_ini(name: &str, to: &Path, example_port: &str, db: &Database) {
    let text = fs::read_to_string(Path::new(EXAMPLE).join(name)).unwrap();
    let port = db.address().port.to_string();
    let text = text
        .replace(&format!("port={example_port}"), &format!("port={port}"))
        .replace("dbname=shop", &format!("dbname={}", db.name()))
        .replace("database_list = shop", &format!("database_list = {}", db.name()));
    assert!(text.contains(&port) && text.contains(db.name()), "{name}: nothing to replace");
    fs::write(to.join(name), text).unwrap();
}

#[test]
fn the_walk_through_works_as_written() {
    let (source, target) = (Cluster::start_new(), Cluster::start_new());
    let (src, dst) = (source.create_database("shop"), target.create_database("shop"));
    for db in [&src, &dst] {
        db.sql("create table customer (id serial primary key, name text); create table item (nr int primary key)");
    }
    src.sql("insert into customer (name) select 'customer ' || n from generate_series(1, 1000) n");
    let folder = folder::fresh("two_nodes");
    copy_ini("src.ini", &folder, "5432", &src);
    copy_ini("dst.ini", &folder, "5433", &dst);
    copy_ini("pgqd.ini", &folder, "5432", &src);

    let ours = Impl::Ours.executable(Program::Londiste);
    let programs = ours.parent().unwrap();
    let mut walk = command(&Path::new(EXAMPLE).join("walk-through.sh"), &folder);
    walk.env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("SRC", src.connstr())
        .env("DST", dst.connstr());
    finish(Duration::from_secs(120), &mut walk)
        .ok()
        .says("Tables: 2/0/0")
        .says("dstdb: 1000 rows")
        .says_not("do not match");
    assert_eq!(dst.int("select count(*) from customer"), 1000);
}
