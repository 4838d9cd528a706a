//! Rows that go into other tables: dispatch and its presets.

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;

use super::{PARTS, Pair};

/// The original's handlers of this family cannot be built.
#[test]
fn rows_go_into_partitions_of_their_month() {
    let pair = Pair::start(
        Ours,
        "create-leaf",
        "londiste.handlers.dispatch",
        "create table lg (id int primary key, data text, ts timestamp)",
    );
    pair.src.sql("insert into lg values (2, 'z', '2024-01-05'), (9, 'copied', '2023-01-01')");
    pair.add("lg", &["--handler=monthly_field", "--handler-arg=part_field=ts"]);
    assert_eq!(
        pair.dst.text("select id from only lg order by id"),
        "2\n9",
        "the copy goes into the parent"
    );
    pair.write(
        "insert into lg values (1, 'a', '2024-01-31 23:59:59.5'), (3, 'it''s', '2024-02-29');
         update lg set data = 'b', ts = '2024-02-01' where id = 1; delete from lg where id = 2",
    );
    let rows =
        |table: &str| pair.dst.text(&format!("select id, data, ts from only {table} order by id"));
    // What moved to another month leaves its old version.
    assert_eq!(rows("lg_2024_01"), "1|a|2024-01-31 23:59:59.5");
    assert_eq!(rows("lg_2024_02"), "1|b|2024-02-01 00:00:00\n3|it's|2024-02-29 00:00:00");
    let log = pair.below.log();
    assert_eq!(log.matches("INFO Created table: public.lg_2024_01\n").count(), 1, "{log}");
    pair.write("update lg set data = 'c' where id = 3; delete from lg where id = 1");
    assert_eq!(rows("lg_2024_02"), "3|c|2024-02-29 00:00:00");
    // A partition with a check takes no row of another month.
    let refused = pair.dst.text(
        "select conname is not null from pg_constraint where conrelid = 'lg_2024_02'::regclass and contype = 'c'",
    );
    assert_eq!(refused, "t");
    // The source's table is empty, so all of it is; and a copy does not double what is in the partitions.
    pair.write("truncate lg; insert into lg values (3, 'again', '2024-02-28')");
    assert_eq!(pair.dst.text("select id, data from lg"), "3|again");
    pair.below.londiste(["resync", "lg"]).ok();
    pair.below.londiste(["wait-sync"]).ok();
    assert_eq!(pair.dst.text("select id, data from lg"), "3|again");
    // What a script changes is looked at again.
    let drop = pair.root.folder().join("drop.sql");
    std::fs::write(&drop, "drop table if exists lg_2024_03;").expect("own folder");
    pair.src.sql("insert into lg values (6, 'gone', '2024-03-01')");
    pair.root.londiste(["execute", &drop.display().to_string()]).ok();
    pair.write("insert into lg values (7, 'there', '2024-03-01')");
    assert_eq!(rows("lg_2024_03"), "7|there|2024-03-01 00:00:00");
    pair.src.sql("insert into lg values (4, 'without', null)");
    pair.below.wait_log("part_field(ts) is NULL: public.lg", EVENTUALLY);
    pair.below.londiste(["change-handler", "lg", "--handler=monthly_event"]).ok();
    pair.write("insert into lg values (5, 'on it goes', null)");
    let month = pair.dst.text("select to_char(now(), 'YYYY_MM')");
    assert_eq!(rows(&format!("lg_{month}")), "4|without|\n5|on it goes|");
}

#[test]
fn old_partitions_go_and_all_versions_stay() {
    let pair = Pair::start(
        Ours,
        "create-leaf",
        "londiste.handlers.dispatch",
        "create table kept (id int primary key, a text, ts timestamp);
         create table short (id int primary key, ts timestamp); create table late (id int primary key, ts timestamp)",
    );
    pair.add(
        "kept",
        &[
            "--handler=dispatch",
            "--handler-arg=part_mode=date_field",
            "--handler-arg=part_field=ts",
            "--handler-arg=period=year",
            "--handler-arg=row_mode=keep_all",
            "--handler-arg=part_template=create table %(dest)s (like %(parent)s)",
            "--handler-arg=post_part=comment on table %(dest)s is '%(schema_table)s of %(parent)s'",
        ],
    );
    let old = [
        "--handler=bulk_daily_field",
        "--handler-arg=part_field=ts",
        "--handler-arg=retention_period=3 days",
    ];
    pair.add("short", &old);
    pair.add("late", &[&old[..], &["--handler-arg=ignore_old_events=1"]].concat());
    pair.write(
        "insert into kept values (1, 'a', '2024-05-05'); update kept set a = 'b'; update kept set a = 'c';
         delete from kept",
    );
    assert_eq!(pair.dst.text("select id, a from kept_2024 order by a"), "1|a\n1|b\n1|c");
    assert_eq!(
        pair.dst.text("select obj_description('kept_2024'::regclass)"),
        "public__kept_2024 of public.kept"
    );
    // Rows of an old day stay as long as nobody makes another one; the original stopped for ever.
    pair.write("insert into short values (1, '2020-01-01'), (2, '2020-01-02')");
    let partitions = |table: &str| {
        pair.dst.text(&format!(
            "select relname from pg_class where relkind = 'r' and relname like '{table}\\_%' order by 1"
        ))
    };
    assert_eq!(partitions("short"), "short_2020_01_01\nshort_2020_01_02");
    pair.write("insert into short values (3, now())");
    let today =
        pair.dst.text("select 'short_' || to_char(ts, 'YYYY_MM_DD') from short where id = 3");
    assert_eq!(partitions("short"), today);
    let log = pair.below.log();
    assert!(
        log.contains("INFO Dropped tables: public.short_2020_01_01, public.short_2020_01_02\n"),
        "{log}"
    );
    pair.write("insert into late values (1, '2020-01-01'), (2, now())");
    assert_eq!(pair.dst.text("select id from late"), "2");
    assert!(pair.below.log().contains("INFO Ignored table: public.late_2020_01_01\n"));
}

#[test]
fn columns_and_tables_may_have_other_names() {
    let pair = Pair::start(
        Ours,
        "create-leaf",
        "londiste.handlers.dispatch, londiste.handlers.shard",
        PARTS,
    );
    pair.src.sql("create table lg (id int primary key, data text, secret text); insert into lg values (1, 'a', 's'), (2, 'z', 's')");
    pair.dst.sql("create schema \"Other\"; create table \"Other\".lg2 (id int primary key, x text); create table lg (id int primary key)");
    pair.dst.sql("insert into partconf.conf values (0, 1, 2)");
    pair.add(
        "lg",
        &["--handler=direct", "--handler-arg=fields=id,data:x", "--handler-arg=table=Other.lg2"],
    );
    let rows = || pair.dst.text("select * from \"Other\".lg2 order by id");
    assert_eq!(rows(), "1|a\n2|z");
    pair.below
        .wait_log("Overwriting .dest_table from plugin: tbl=public.lg  dst=Other.lg2", EVENTUALLY);
    pair.write("insert into lg values (3, 'b', 's'); update lg set data = 'c' where id = 1; delete from lg where id = 2;
                update lg set secret = 'other' where id = 3");
    assert_eq!(rows(), "1|c\n3|b");
    assert_eq!(pair.dst.text("select dest_table from londiste.table_info"), "Other.lg2");
    // With a key to hash only a part of the rows, as with handler shard.
    pair.src.sql("insert into t values (1, 'x'), (2, 'x')");
    let direct = ["--handler=bulk_direct", "--handler-arg=key=id"];
    pair.root.londiste([&["add-table", "t"], &direct[..]].concat()).ok();
    pair.add_below("t", &direct);
    pair.write("insert into t values (3, 'y'), (4, 'y')");
    assert_eq!(pair.dst.text("select id from t order by id"), "2\n4");
}
