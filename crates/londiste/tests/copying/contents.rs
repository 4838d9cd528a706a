//! What is copied: rows, columns and values, in text and in binary form.

use std::process::Stdio;

use system_tests::wait::EVENTUALLY;

use crate::pair::Pair;

#[test]
fn a_condition_chooses_the_rows_and_a_bad_one_is_named() {
    let pair = Pair::new("create table t (id int primary key, name text)");
    pair.src.sql("insert into t select i, 'n' || i from generate_series(1, 30) i");
    pair.dst.sql("create schema other; alter table t set schema other");
    pair.dst.sql("alter table other.t rename to name");
    pair.src.sql("select londiste.local_add_table('q', 'public.t')");
    pair.dst.sql(
        "select londiste.global_add_table('q', 'public.t');
         select londiste.local_add_table('q', 'public.t', null, 'copy_condition=nosuch%3c11', 'other.name')",
    );
    pair.set_state("public.t", "in-copy");
    let copy = pair.copy("public.t", None);
    pair.leaf.wait_log("attribute copy_condition cannot be used: nosuch<11", EVENTUALLY);
    let error = pair
        .dst
        .text("select cur_error from pgq_node.local_state where consumer_name like '%copy%'");
    assert!(error.contains("column \"nosuch\" does not exist"), "{error}");
    pair.dst.sql(
        "select londiste.local_set_table_attrs('q', 'public.t', 'copy_condition=id%3c11+--+few')",
    );
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    assert_eq!(
        pair.dst.rows("other.name", "id"),
        pair.src.text("select * from t where id < 11 order by id")
    );
}

#[test]
fn only_common_columns_are_copied_and_rows_may_stay() {
    let pair = Pair::new("select 1");
    pair.src.sql("create table t (id int primary key, \"Odd col\" text, only_src int, g int generated always as (id * 2) stored);
                  insert into t values (1, E'a\\tb\\\\', 5), (2, null, 6)");
    pair.dst.sql("create table t (only_dst int default 7, \"Odd col\" text, id int generated always as identity primary key, g int generated always as (id * 2) stored);
                  insert into t (\"Odd col\") overriding system value values ('kept');
                  update t set only_dst = 8; ");
    pair.dst.sql("alter table t alter id restart with 10; insert into t (\"Odd col\") values ('kept too'); delete from t where id = 1");
    pair.add("public.t", "skip_truncate=1");
    let copy = pair.copy("public.t", None);
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    assert_eq!(
        pair.dst.text("select id, \"Odd col\", only_dst, g from t order by id"),
        "1|a\tb\\|7|2\n2||7|4\n10|kept too|7|20"
    );
    let log = pair.log();
    for line in [
        "WARNING Table public.t column only_src does not exist on subscriber",
        "WARNING Table public.t column only_dst does not exist on provider",
        "INFO public.t: skipping truncate",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}

/// Types that travel in binary form, with their odd values, and one column that makes a table go as text.
#[test]
fn all_values_arrive_as_they_were_in_either_format() {
    let structure = "
        create type mood as enum ('sad', 'été', 'it''s');
        create table t (
            id int primary key, b bool, i2 int2, i8 int8, o oid, f4 float4, f8 float8, n numeric, n2 numeric(30, 5),
            t text, v varchar(20), c char(5), by bytea, d date, ti time, ts timestamp, tz timestamptz, iv interval,
            u uuid, j json, jb jsonb, ip inet, ci cidr, m macaddr, m8 macaddr8, bi bit(3), mo mood,
            ai int[], at text[], an numeric[], ab bytea[], ats timestamp[], av varchar[], aj jsonb[]);
        create table as_text (like t including all, r regclass)";
    let pair = Pair::new(structure);
    // The numbers of their types differ.
    pair.dst.sql("drop table t, as_text; drop type mood; create type other as enum ('x')");
    pair.dst.sql(structure);
    pair.src.sql(
        "insert into t values
            (1, true, -32768, 9223372036854775807, 4294967295, '-inf', 'nan', 'nan', 1.5, E'a\\tb\\n\\\\.', 'ü', 'x ', '\\x00ff0a5c',
             '0044-03-15 BC', '24:00', 'infinity', '1850-01-01 00:00:00.000001+00', '-1 year 3 days -00:00:01.5',
             '00000000-0000-0000-0000-00000000000f', '{\"a\" : [1,  null]}', '{\"b\": 1e400, \"a\": \"\\u00e9\"}',
             '2001:db8::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '101', 'été',
             '[2:3][0:1]={{1,null},{3,4}}', '{}', '{1.10,nan,-0.000}', array['\\x', null]::bytea[],
             '{-infinity,2011-11-25 23:59:59.999999}', '{\"a,b\",NULL,\"NULL\"}', array['[]', '1']::jsonb[]),
            (2, false, 0, 0, 0, 1e-40, 5e-324, 1e-1000, -99999999999999999999.99999, '', '', '', '', 'infinity', '00:00', '-infinity',
             'infinity', '178000000 years', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'null', 'null', '0.0.0.0/0',
             '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', '000', 'it''s', '{}', '{\"\"}', '{}', '{}', '{}', '{}', '{}');
         insert into t (id) select generate_series(3, 1000);
         insert into t (id, n, f8, t) select i, i / 7.0, exp(i / 100.0), repeat('德哥', i) from generate_series(1001, 2000) i;
         insert into as_text select *, 'public.t' from t",
    );
    for (table, binary) in [("t", true), ("as_text", false)] {
        pair.add(&format!("public.{table}"), "");
        let mut command = pair.leaf.command();
        command
            .args(["-v", "copy", &format!("public.{table}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let copy = command.spawn().expect("our own program");
        pair.do_sync(&format!("public.{table}"));
        pair.assert_done(&format!("public.{table}"), copy);
        pair.assert_equal(table);
        let plain = format!("DEBUG public.{table}: COPY public.{table} (id");
        let line = pair.log().lines().find(|line| line.starts_with(&plain)).map(str::to_owned);
        assert_eq!(line.expect("the statement").ends_with("FORMAT binary)"), binary);
    }
}
