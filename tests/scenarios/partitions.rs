//! Partitioned tables and tables that inherit.

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database};

use crate::diary::{Cast, Stage, assert_same_rows};

/// By range, then by list; a partition whose columns come in another order was attached.
const BY_MONTH: &str = "
create table p (id int, at date, kind text, note text, primary key (at, id)) partition by range (at);
create table p1 partition of p for values from ('2024-01-01') to ('2024-02-01');
create table p2 (note text, gone int, id int not null, kind text, at date not null, primary key (at, id));
alter table p2 drop column gone;
alter table p attach partition p2 for values from ('2024-02-01') to ('2024-03-01');
create table p3 partition of p for values from ('2024-03-01') to ('2024-04-01') partition by range (id);
create table p3_low partition of p3 for values from (0) to (1000);
create table p3_high partition of p3 for values from (1000) to (1000000);
create table p_other partition of p default;
";

/// The same rows, divided in another way.
const BY_NUMBER: &str = "
create table p (kind text, id int, at date, note text, primary key (id, at)) partition by hash (id);
create table a partition of p for values with (modulus 2, remainder 0);
create table b partition of p for values with (modulus 2, remainder 1);
";

const PLAIN: &str = "create table p (note text, id int, kind text, at date, primary key (at, id))";

fn stage(source: &str, target: &str) -> Stage {
    let cluster = Cluster::shared();
    let (src, dst) = (cluster.create_database("src"), cluster.create_database("dst"));
    src.sql(source);
    dst.sql(target);
    Stage::over(Cast::all(Ours), src, dst)
}

const ROWS: &str = "insert into p select i, date '2024-01-01' + i % 150, 'k' || i % 3, 'n' || i from generate_series(1, 2000) i";

fn changes(db: &Database) {
    db.sql(
        "insert into p select i, date '2024-01-01' + i % 150, 'new', null from generate_series(2001, 2500) i;
         update p set note = 'changed' where id % 5 = 0;
         delete from p where id % 7 = 0;
         -- from one partition to another
         update p set at = at + 31 where at between '2024-01-01' and '2024-01-20';
         update p set at = at - 60 where at > '2024-05-01' and id < 100;
         -- one is written to directly, a new one comes
         insert into p2 (id, at, note) values (-1, '2024-02-02', 'direct');
         update p3_low set note = 'direct' where id < 500;
         delete from p1 where id % 2 = 0",
    );
    db.sql(
        "create table p_new partition of p for values from ('2025-01-01') to ('2026-01-01');
         insert into p select i, '2025-06-01', 'later', 'x' from generate_series(1, 300) i;
         update p set note = 'y' where id % 3 = 0 and at > '2025-01-01'",
    );
}

const COLUMNS: &str = "(select id, at, kind, note from p) t";

fn assert_same(stage: &Stage) {
    assert_same_rows((&stage.source, COLUMNS), (&stage.target, COLUMNS), "id, at");
}

/// Copied, replayed by sets and row by row, compared, truncated.
fn parent_follows(stage: &Stage) {
    stage.source.sql(ROWS);
    stage.create_nodes();
    stage.start_daemons();
    stage.root.londiste(["add-table", "p"]).ok().says("INFO Table added: public.p\n");
    stage.leaf.londiste(["add-table", "p"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    assert_same(stage);
    changes(&stage.source);
    stage.wait_caught_up();
    assert_same(stage);
    let compare = || {
        let count = stage.source.int("select count(*) from p");
        let said = format!(": {count} rows, checksum=");
        let compared = stage.leaf.londiste(["compare"]).ok().says_not("Results do not match!");
        assert_eq!(compared.output().matches(&said).count(), 2, "{compared}");
    };
    compare();
    let refused = stage.target.try_text("delete from p where id = 1100");
    assert!(refused.is_err(), "the leaf's table takes writes");
    // What every event is called.
    let names = "select distinct ev_extra1 from pgq.event_template where ev_type ~ '^[IUD]:'";
    assert_eq!(stage.source.text(names), "public.p");

    stage.target.sql(
        "create function idle() returns trigger language plpgsql as 'begin return null; end';
         create trigger idle after insert or update on p for each row execute function idle();
         alter table p enable always trigger idle",
    );
    stage.source.sql("update p set note = 'row by row' where id % 11 = 0; insert into p values (9, '2030-01-01', null, '')");
    stage.wait_caught_up();
    assert_same(stage);

    stage.leaf.londiste(["resync", "p"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    compare();
    stage.source.sql("truncate p");
    stage.wait_caught_up();
    assert_eq!(stage.target.int("select count(*) from p"), 0);
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());

    // Nothing stays behind on any partition.
    stage.leaf.londiste(["remove-table", "p"]).ok();
    stage.root.londiste(["remove-table", "p"]).ok();
    for db in [&stage.source, &stage.target] {
        assert_eq!(
            db.text("select tgrelid::regclass from pg_trigger where tgname like '\\_londiste%'"),
            ""
        );
    }
    stage.stop_daemons();
}

#[test]
fn a_parent_stands_for_its_partitions() {
    parent_follows(&stage(BY_MONTH, BY_MONTH));
}

#[test]
fn the_target_is_divided_as_it_likes() {
    parent_follows(&stage(BY_MONTH, BY_NUMBER));
}

#[test]
fn the_target_is_not_divided() {
    parent_follows(&stage(BY_MONTH, PLAIN));
}

/// `--create` makes an ordinary table; a copy over several connections and a condition know partitions, too.
#[test]
fn ways_to_copy() {
    let mut stage = stage(BY_MONTH, "");
    stage.leaf.set("threaded_copy_tables", "*");
    stage.leaf.set("threaded_copy_pool_size", "3");
    stage.source.sql(ROWS);
    stage.create_nodes();
    stage.start_daemons();
    stage.root.londiste(["add-table", "p"]).ok();
    stage.leaf.londiste(["add-table", "--create", "p", "--copy-condition=id < 1500"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    let part = "(select id, at, kind, note from p where id < 1500) t";
    assert_same_rows((&stage.source, part), (&stage.target, COLUMNS), "id, at");
    stage.leaf.londiste(["compare"]).ok().says("1499 rows");

    stage.leaf.londiste(["remove-table", "p"]).ok();
    stage.target.sql(&format!("drop table p; {BY_NUMBER}"));
    stage.leaf.londiste(["add-table", "p"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    assert_same(&stage);
    stage.stop_daemons();
}

/// A parent beside one of its partitions would send changes twice, whichever comes first.
#[test]
fn a_parent_and_its_partitions_exclude_each_other() {
    let stage = stage(BY_MONTH, BY_MONTH);
    stage.source.sql(ROWS);
    stage.create_nodes();
    stage.start_daemons();
    // All tables there are: the parent, not its partitions.
    let missing = stage.root.londiste(["missing"]).ok().says("public.p\n");
    missing.says_not("public.p1").says_not("public.p3");
    stage.root.londiste(["add-table", "--all"]).ok().says("Table added: public.p\n");
    stage.root.londiste(["missing"]).ok().says_not("public.p");
    for name in ["p1", "p3", "p3_low"] {
        let refused = stage.root.londiste(["add-table", "--force", name]).exits(1);
        refused.says(&format!(
            "Table public.{name} cannot be added beside public.p: one is a partition of the other"
        ));
    }
    stage.root.londiste(["remove-table", "p"]).ok();

    // By their names, although the list has the parent.
    stage.root.londiste(["add-table", "--force", "p1", "p3_low"]).ok();
    stage.wait_caught_up();
    stage.leaf.londiste(["add-table", "p1", "p3_low"]).ok();
    for name in ["p", "p3"] {
        stage
            .root
            .londiste(["add-table", "--force", name])
            .exits(1)
            .says("one is a partition of the other");
    }
    // Once there is one, the others are listed.
    stage
        .root
        .londiste(["missing"])
        .ok()
        .says("public.p2\n")
        .says("public.p3_high\n")
        .says_not("public.p\n");
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.source.sql("insert into p values (5, '2024-01-09', 'x', ''); update p set note = 'z' where at < '2024-03-20'");
    stage.wait_caught_up();
    for table in ["p1", "p3_low"] {
        assert_same_rows((&stage.source, table), (&stage.target, table), "id, at");
    }
    assert_eq!(stage.target.int("select count(*) from p2"), 0);
    stage.leaf.londiste(["compare"]).ok().says_not("do not match");
    let names =
        "select distinct ev_extra1 from pgq.event_template where ev_type ~ '^[IUD]:' order by 1";
    assert_eq!(stage.source.text(names), "public.p1\npublic.p3_low");
    stage.stop_daemons();
}

/// Keys between a partitioned table and others are put aside for the copies and come back.
#[test]
fn foreign_keys_from_and_to_partitioned_tables() {
    let tables = format!(
        "{BY_MONTH} create table kinds (kind text primary key);
         alter table p add constraint of_kind foreign key (kind) references kinds;
         create table refers (id int primary key, at date, nr int, constraint to_p foreign key (at, nr) references p (at, id))"
    );
    let stage = stage(&tables, &tables);
    stage.source.sql(&format!(
        "insert into kinds values ('k0'), ('k1'), ('k2'); {ROWS};
         insert into refers select row_number() over (), at, id from p where id % 10 = 0"
    ));
    let keys = "select conrelid::regclass, conname, pg_get_constraintdef(oid) from pg_constraint
                 where contype = 'f' and conparentid = 0 and connamespace = 'public'::regnamespace order by 1, 2";
    let before = stage.target.text(keys);
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["p", "kinds", "refers"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.leaf.wait_log("Creating fkey: of_kind", EVENTUALLY);
    stage.leaf.wait_log("Creating fkey: to_p", EVENTUALLY);
    stage.source.sql("insert into kinds values ('k9'); update p set kind = 'k9' where id < 50; delete from refers where id < 10");
    stage.wait_caught_up();
    assert_eq!(stage.target.text(keys), before);
    assert_same(&stage);
    stage.leaf.londiste(["compare"]).ok().says_not("do not match");
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
    stage.stop_daemons();
}

/// Tables that inherit are tables of their own, in capture, copy, compare and truncate.
#[test]
fn an_inheriting_table_is_a_table_of_its_own() {
    let tables = "create table parent (id int primary key, note text);
                  create table child (extra int, primary key (id)) inherits (parent)";
    let stage = stage(tables, tables);
    stage.source.sql(
        "insert into parent select i, 'p' from generate_series(1, 100) i;
         insert into child select i, 'c', i from generate_series(50, 200) i",
    );
    stage.create_nodes();
    stage.start_daemons();
    for node in [&stage.root, &stage.leaf] {
        node.londiste(["add-table", "parent"]).ok().says(
            "WARNING public.parent: rows of tables that inherit from it are not part of it, add these as well: child",
        );
    }
    stage.leaf.londiste(["wait-sync"]).ok();
    let work = "insert into parent values (101, 'p'); insert into child values (201, 'c', 1);
                update parent set note = note || '+' where id % 3 = 0; delete from parent where id % 7 = 0";
    stage.source.sql(work);
    stage.wait_caught_up();
    let same = |table| {
        let rows = format!("(select * from only {table}) t");
        assert_same_rows((&stage.source, &rows), (&stage.target, &rows), "id");
    };
    same("parent");
    assert_eq!(stage.target.int("select count(*) from child"), 0);
    stage.leaf.londiste(["compare"]).ok();

    stage.add_tables(&["child"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.source.sql("insert into parent values (1001, 'p'); insert into child values (1201, 'c', 1); update parent set note = 'both' where id > 150");
    stage.wait_caught_up();
    same("parent");
    same("child");
    stage.leaf.londiste(["compare"]).ok();
    // Emptied alone, then all.
    stage.source.sql("truncate only parent");
    stage.wait_caught_up();
    assert_eq!(stage.target.int("select count(*) from only parent"), 0);
    same("child");
    stage.source.sql("truncate parent");
    stage.wait_caught_up();
    assert_eq!(stage.target.int("select count(*) from parent"), 0);
    stage.stop_daemons();
}
