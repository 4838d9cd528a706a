//! A branch that has its part of the rows: shard, part.

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;

use super::{MODULES, PARTS, Pair};
use crate::diary::QUEUE;

#[test]
fn a_branch_has_its_part_and_passes_it_on_theirs() {
    a_branch_has_its_part_and_passes_it_on(Reference);
}

#[test]
fn a_branch_has_its_part_and_passes_it_on_ours() {
    a_branch_has_its_part_and_passes_it_on(Ours);
}

fn a_branch_has_its_part_and_passes_it_on(implementation: Impl) {
    let pair = Pair::start(implementation, "create-branch", MODULES, PARTS);
    pair.src.sql("insert into partconf.conf values (0, 0, 1); insert into t select i, 'old' from generate_series(1, 6) i");
    pair.dst.sql("insert into partconf.conf values (0, 1, 2)");
    pair.root.londiste(["add-table", "t", "--handler=shard", "--handler-arg=key=id"]).ok();
    pair.add_below("t", &["--handler=shard", "--handler-arg=key=id"]);
    assert_eq!(pair.dst.text("select id from t order by id"), "2\n4\n6");
    pair.write(
        "insert into t values (7, 'x'), (8, 'x'), (-2, 'x'), (-3, 'x'); update t set a = 'new' where id in (1, 2);
         delete from t where id in (3, 4)",
    );
    assert_eq!(pair.dst.text("select id, a from t order by id"), "-2|x\n2|new\n6|old\n8|x");
    // Those behind the branch get its part.
    assert_eq!(
        pair.events(&pair.dst, QUEUE, "t"),
        "I:id|id=8&a=x|public.t|hash=8\nI:id|id=-2&a=x|public.t|hash=-2\n\
         U:id|id=2&a=new|public.t|hash=2\nD:id|id=4&a=old|public.t|hash=4"
    );
    pair.below.londiste(["compare", "t"]).ok().says("4 rows");
    if implementation == Ours {
        // What the part is is asked for every batch.
        pair.dst.sql("update partconf.conf set shard_nr = 1");
        pair.write("insert into t values (9, 'y'), (10, 'y')");
        assert_eq!(pair.dst.text("select id from t where a = 'y'"), "9");
        pair.dst.sql("update partconf.conf set shard_nr = 5");
        pair.src.sql("insert into t values (11, 'z')");
        pair.below.wait_log("Invalid shard nr: 5 of 2", EVENTUALLY);
        pair.dst.sql("update partconf.conf set shard_nr = 1");
        pair.write("insert into t values (13, 'z')");
        assert_eq!(pair.dst.text("select id from t where a = 'z' order by id"), "11\n13");
    }
}

/// Nothing is stored on the branch, and there is no table; the leaf behind it gets its part.
#[test]
fn a_part_is_passed_on_without_being_stored() {
    let pair = Pair::start(Ours, "create-branch", MODULES, PARTS);
    pair.src.sql("insert into t values (1, 'old'), (2, 'old')");
    pair.dst.sql("insert into partconf.conf values (1, 1, 2)");
    let handler = ["--handler=part", "--handler-arg=key=id"];
    pair.root.londiste([&["add-table", "t"], &handler[..]].concat()).ok();
    pair.add_below("t", &[&handler[..], &["--handler-arg=disable_replay=1"]].concat());
    assert!(
        pair.below.log().contains("public.t: copy finished: 0 bytes, 0 rows"),
        "{}",
        pair.below.log()
    );
    pair.write("insert into t values (3, 'x'), (4, 'x'); truncate t");
    assert_eq!(pair.dst.int("select count(*) from t"), 0);
    assert_eq!(pair.events(&pair.dst, QUEUE, "t"), "I:id|id=3&a=x|public.t|hash=3\nR||public.t|");
    // Its rows are nowhere, so there is nothing to compare.
    pair.below.londiste(["compare"]).ok().says_not("Counting public.t");
}

/// An installation that hashes in a way of its own and says in a table of its own which part a database has. Both are keys of the
/// ini file; the worker takes others over by reload.
#[test]
fn hash_and_part_come_from_where_the_file_says() {
    let tables = "create schema \"Own\";
        create function \"Own\".\"Hash\"(int) returns int language sql immutable as 'select $1 / 10';
        create table \"Own\".part (nr int, mask int, count int);
        create table \"Own\".other_part (nr int, mask int, count int);
        create table t (id int primary key, a text)";
    let keys = [
        ("shard_hash_func", "Own.Hash"),
        ("shard_info_sql", "select nr, mask, count from \"Own\".part"),
    ];
    let mut pair = Pair::start_with(Ours, "create-branch", MODULES, tables, &keys);
    pair.src.sql(
        "insert into \"Own\".part values (0, 0, 1); insert into t select i, 'old' from generate_series(5, 35, 10) i",
    );
    pair.dst.sql(
        "insert into \"Own\".part values (1, 1, 2); insert into \"Own\".other_part values (0, 1, 2)",
    );
    let handler = ["--handler=shard", "--handler-arg=key=id"];
    pair.root.londiste([&["add-table", "t"], &handler[..]].concat()).ok();
    pair.add_below("t", &handler);
    assert_eq!(pair.dst.text("select id from t order by id"), "15\n35");
    pair.write("insert into t values (45, 'x'), (55, 'x')");
    assert_eq!(pair.dst.text("select id from t where a = 'x'"), "55");
    assert_eq!(pair.events(&pair.dst, QUEUE, "t"), "I:id|id=55&a=x|public.t|hash=5");
    pair.below.set("shard_info_sql", "select nr, mask, count from \"Own\".other_part");
    pair.below.reload();
    pair.below.wait_log("INFO Config reloaded", EVENTUALLY);
    pair.write("insert into t values (65, 'y'), (75, 'y')");
    assert_eq!(pair.dst.text("select id from t where a = 'y'"), "65");
}
