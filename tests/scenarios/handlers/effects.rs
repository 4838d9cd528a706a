//! Rows that are written in their own ways: bulk, multimaster and its function.

use system_tests::Cluster;
use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;

use super::{MODULES, Pair};
use crate::diary::QUEUE;

#[test]
fn net_effects_of_bulk_theirs() {
    net_effects_of_bulk(Reference);
}

#[test]
fn net_effects_of_bulk_ours() {
    net_effects_of_bulk(Ours);
}

fn net_effects_of_bulk(implementation: Impl) {
    let tables = ["m0", "m1", "m2"];
    let schema = tables
        .map(|table| format!("create table {table} (id int primary key, data text, b text);"));
    let pair = Pair::start(implementation, "create-leaf", MODULES, &schema.concat());
    for (method, table) in tables.iter().enumerate() {
        pair.src
            .sql(&format!("insert into {table} select i, 'old' from unnest(array[1, 2, 3, 9]) i"));
        let method = format!("--handler-arg=method={method}");
        pair.add(table, &["--handler=bulk", &method]);
    }
    for table in tables {
        pair.write(&format!(
            "begin; insert into {table} values (10, 'ten'); update {table} set data = 'one' where id = 1;
             delete from {table} where id = 2; insert into {table} values (11, 'a'); update {table} set data = 'b' where id = 11;
             insert into {table} values (12, 'x'); delete from {table} where id = 12; delete from {table} where id = 3;
             insert into {table} values (3, 'three', 'two'); update {table} set b = 'z' where id = 9;
             delete from {table} where id = 9; commit"
        ));
        assert_eq!(
            pair.dst.text(&format!("select * from {table} order by id")),
            "1|one|\n3|three|two\n10|ten|\n11|b|",
            "{table}"
        );
    }
    // A row that is missing: method 0 leaves it so, the others store it.
    for table in tables {
        pair.dst.sql(&format!(
            "set session_replication_role = replica; delete from {table} where id = 1"
        ));
        pair.write(&format!("update {table} set b = 'again' where id = 1"));
    }
    let there = |table| pair.dst.text(&format!("select * from {table} where id = 1"));
    assert_eq!(tables.map(there), ["", "1|one|again", "1|one|again"]);
    if implementation == Ours {
        // A row that is inserted again replaces the one before, whether the batch goes by set or by row.
        for table in tables {
            pair.dst.sql(&format!(
                "set session_replication_role = replica; insert into {table} values (77, 'here')"
            ));
            pair.write(&format!("insert into {table} values (77, 'from there')"));
        }
        let there = |table| pair.dst.text(&format!("select data from {table} where id = 77"));
        assert_eq!(tables.map(there), ["from there"; 3]);
        // What the original stops at, or loses.
        pair.write("truncate m0");
        pair.write(
            "insert into m0 values (1, 'gone'); truncate m0; insert into m0 values (2, 'stays')",
        );
        assert_eq!(pair.dst.text("select * from m0"), "2|stays|");
        let by_hand =
            "select pgq.insert_event('{QUEUE}', 'I:', 'id=3', 'public.m0', null, null, null)";
        pair.src.sql(&by_hand.replace("{QUEUE}", QUEUE));
        pair.below.wait_log("non-pk tables not supported: public.m0", EVENTUALLY);
        pair.below.londiste(["change-handler", "m0"]).ok();
        pair.write("insert into m0 values (4)");
        assert_eq!(pair.dst.int("select count(*) from m0"), 3);
    }
}

#[test]
fn the_later_row_wins_theirs() {
    the_later_row_wins(Reference);
}

#[test]
fn the_later_row_wins_ours() {
    the_later_row_wins(Ours);
}

/// Handler `multimaster` with the function that we ship for it.
fn the_later_row_wins(implementation: Impl) {
    let pair = Pair::start(
        implementation,
        "create-leaf",
        MODULES,
        "create table t (id int primary key, \"At\" timestamp, a text)",
    );
    pair.dst.sql(include_str!("../../../sql/contrib/merge_on_time.sql"));
    pair.src.sql("insert into t values (1, '2010-09-09', 'copied')");
    pair.add("t", &["--handler=multimaster", "--handler-arg=timefield=At"]);
    pair.dst.sql(
        "set session_replication_role = replica; insert into t values (2, '2010-09-10', 'here')",
    );
    pair.write(
        "insert into t values (2, '2010-09-09', 'too late'), (3, '2010-09-09', E'it''s\\\\ ä');
         update t set a = 'changed', \"At\" = '2010-09-11' where id = 1",
    );
    let rows = || pair.dst.text("select id, a from t order by id");
    assert_eq!(rows(), "1|changed\n2|here\n3|it's\\ ä");
    pair.write("delete from t where id = 1");
    assert_eq!(rows(), "1|changed\n2|here\n3|it's\\ ä", "a deletion has to be newer, too");
    pair.write("update t set \"At\" = '2010-09-12', a = null where id = 2");
    assert_eq!(rows(), "1|changed\n2|\n3|it's\\ ä");
}

/// What `merge_on_time` answers, and what it has done then.
#[test]
fn merge_on_time_says_what_it_did() {
    let db = Cluster::shared().create_database("merge");
    db.sql(include_str!("../../../sql/contrib/merge_on_time.sql"));
    db.sql(
        "create table plain (id int primary key, ts timestamp);
         create table coded (id int primary key, code text unique, ts timestamp);
         create table parent (a int, \"B\" int, primary key (a, \"B\")); insert into parent values (1, 2);
         create table child (id int primary key, a int, b int, ts timestamp);
         create table split (id int primary key, ts timestamp) partition by range (id);
         create table split_1 partition of split for values from (0) to (100)",
    );
    let merge = |conf: &str, kind: &str, data: &str, table: &str| {
        let call = format!(
            "select merge_on_time('{conf}', '1', '1', '', '1', null, '{kind}', '{data}', 'public.{table}', null, null, null)"
        );
        db.try_text(&call)
            .unwrap_or_else(|error| error.as_db_error().expect("the server's").message().to_owned())
    };
    let older = "IGN:data ok, old row, current row more up-to-date";
    for (kind, ts, said) in [
        ("I:id", "2010-09-09", "data ok, no old row"),
        ("I:id", "2010-09-08", older),
        ("I:id", "2010-09-10", "data ok, old row, new row better"),
        ("U:id", "2010-09-10", older),
        ("D:id", "2010-09-10", older),
        ("D:id", "2010-09-11", "data ok, old row, new row better"),
        ("D:id", "2010-09-11", "data ok, no old row"),
        ("U:id", "2010-09-11", "data ok, no old row"),
        ("X:id", "2010-09-11", "Unsupported ev_type: 'X:id'"),
        ("I:", "2010-09-11", "No pkey in event"),
        ("I:id", "", "invalid timestamp"),
    ] {
        let data = if ts.is_empty() { "id=1&ts".to_owned() } else { format!("id=1&ts={ts}") };
        assert_eq!(merge("timefield=ts", kind, &data, "plain"), said, "{kind} {ts}");
    }
    assert_eq!(db.text("select * from plain"), "1|2010-09-11 00:00:00");

    let coded = |id: i32, code: &str, day: &str| {
        merge(
            "timefield=ts&altpk=code",
            "I:id",
            &format!("id={id}&code={code}&ts=2010-09-{day}"),
            "coded",
        )
    };
    assert_eq!(coded(10, "A", "09"), "data ok, no old row");
    // The original deletes the newer row.
    assert_eq!(coded(11, "A", "08"), older);
    assert_eq!(coded(11, "A", "10"), "data ok, altpk del, no old row");
    assert_eq!(coded(11, "A", "11"), "data ok, altpk ok, old row, new row better");
    assert_eq!(coded(12, "B", "20"), "data ok, no old row");
    // It would take the place of both, and is newer than one of them only.
    assert_eq!(coded(12, "A", "15"), older);
    assert_eq!(db.text("select id, code from coded order by id"), "11|A\n12|B");
    assert_eq!(coded(12, "A", "25"), "data ok, altpk del, old row, new row better");
    // A code that has changed is found by the key.
    assert_eq!(coded(12, "C", "26"), "data ok, old row, new row better");
    assert_eq!(db.text("select id, code from coded order by id"), "12|C");

    let fkey = |cols: &str, data: &str| {
        let conf =
            format!("timefield=ts&fkey_ref_table=parent&fkey_ref_cols=a%2c+B&fkey_cols={cols}");
        merge(&conf, "I:id", data, "child")
    };
    assert_eq!(fkey("a%2cb", "id=1&a=1&b=3&ts=2010-09-09"), "IGN: parent row does not exist");
    assert_eq!(fkey("a%2cb", "id=1&a=1&b=2&ts=2010-09-09"), "data ok, fkey ok, no old row");
    assert!(
        fkey("a%2cc", "id=2&a=1&b=2&ts=2010-09-09").contains("a column that is not in the event")
    );
    assert!(fkey("a", "id=2&a=1&b=2&ts=2010-09-09").contains("as many columns"));

    assert_eq!(merge("timefield=ts", "I:id", "id=5&ts=2010-09-09", "split"), "data ok, no old row");
    assert_eq!(
        merge("timefield=ts", "U:id", "id=5&ts=2010-09-10", "split"),
        "data ok, old row, new row better"
    );
    assert_eq!(db.text("select * from split"), "5|2010-09-10 00:00:00");
    assert_eq!(
        merge("", "I:id", "id=5", "plain"),
        "timefield is missing in the arguments of handler multimaster"
    );
}
