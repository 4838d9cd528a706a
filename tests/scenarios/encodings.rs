//! Databases with other encodings than UTF8, on either side.

use system_tests::Impl::{Ours, Reference};
use system_tests::schemas::script;
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Node, holds, wait_for};

use crate::diary::{Cast, QUEUE, Stage};

/// Encodings of databases and a text that each can hold.
const ENCODINGS: &[(&str, &str)] = &[
    ("LATIN1", "größe £ ÿ"),
    ("LATIN2", "Łódź čšž"),
    ("LATIN5", "İstanbul ğş"),
    ("LATIN9", "œuf 5 €"),
    ("WIN1250", "Łódź €"),
    ("WIN1251", "Привет №"),
    ("WIN1252", "„größe“ €"),
    ("WIN1253", "Ελλάδα"),
    ("WIN1254", "İstanbul €"),
    ("WIN1255", "שלום"),
    ("WIN1256", "سلام"),
    ("WIN1257", "Žąsis"),
    ("WIN1258", "Đơn ₫"),
    ("WIN866", "Привет ёЁ"),
    ("WIN874", "สวัสดี"),
    ("ISO_8859_5", "Привет"),
    ("ISO_8859_7", "Ελλάδα"),
    ("KOI8R", "Привет ©"),
    ("KOI8U", "Їжак"),
    ("EUC_JP", "日本語 カナ"),
    ("EUC_JIS_2004", "日本語"),
    ("EUC_CN", "中文简体"),
    ("EUC_KR", "한국어"),
    ("EUC_TW", "中文繁體"),
];

fn database(label: &str, encoding: &str) -> Database {
    Database::create_in(Cluster::shared().address(), label, encoding)
}

fn text_of(encoding: &str) -> &'static str {
    ENCODINGS.iter().find(|(known, _)| *known == encoding).expect("in the list").1
}

fn stage(cast: Cast, source: &str, target: &str) -> Stage {
    Stage::over(cast, database("src", source), database("dst", target))
}

/// A table whose column, key and rows have characters of the encoding.
fn create(stage: &Stage, text: &str) -> String {
    let table = format!("public.\"{text}\"");
    for db in [&stage.source, &stage.target] {
        db.sql(&format!(
            "create table {table} (\"key-{text}\" text primary key, n int, \"{text}\" text);
             create type \"e {text}\" as enum ('{text}', 'plain');
             alter table {table} add e \"e {text}\" default 'plain'"
        ));
    }
    table
}

fn change(stage: &Stage, table: &str, text: &str, from: u32) {
    stage.source.sql(&format!(
        "insert into {table} select i || '{text}', i, repeat('{text}', i % 5), '{text}' from generate_series({from}, {from} + 19) i;
         update {table} set \"{text}\" = upper(\"{text}\") || '&%=' , e = 'plain' where n % 4 = 1;
         delete from {table} where n % 7 = 1"
    ));
}

#[track_caller]
fn assert_same(stage: &Stage, table: &str, name: &str) {
    let rows = |db: &Database| db.text(&format!("select * from {table} order by n"));
    assert_eq!(rows(&stage.source), rows(&stage.target));
    if stage.leaf.implementation() == Ours {
        // The original takes checksums of the bytes on each side, and these differ.
        let compared = stage.leaf.londiste(["compare", name]).ok();
        compared.says("INFO dstdb: ").says_not("Results do not match!");
    }
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
}

/// Copied, replayed and compared.
fn arrives(stage: &Stage, text: &str) {
    let table = create(stage, text);
    let name = format!("public.{text}");
    change(stage, &table, text, 1);
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&[&name]);
    stage.leaf.londiste(["wait-sync"]).ok();
    assert_same(stage, &table, &name);
    change(stage, &table, text, 100);
    stage.wait_caught_up();
    assert_same(stage, &table, &name);
    // Row by row.
    stage.target.sql(&format!(
        "create function idle() returns trigger language plpgsql as 'begin return new; end';
         create trigger idle after insert or update on {table} for each row execute function idle();
         alter table {table} enable always trigger idle"
    ));
    change(stage, &table, text, 200);
    stage.wait_caught_up();
    assert_same(stage, &table, &name);
    stage.stop_daemons();
}

/// Each encoding by the function that writes events; some by whole systems below.
#[test]
fn events_are_utf8_in_every_encoding() {
    for (encoding, text) in ENCODINGS {
        let db = database("capture", encoding);
        db.sql(&script("pgq", true));
        let encoded = db.text(&format!("select pgq._urlencode('a {text}')"));
        let expected = text.bytes().fold("a+".to_owned(), |out, byte| match byte {
            b' ' => out + "+",
            byte if byte.is_ascii_alphanumeric() => out + char::from(byte).encode_utf8(&mut [0; 4]),
            byte => format!("{out}%{byte:02x}"),
        });
        assert_eq!(encoded, expected, "{encoding}");
    }
}

#[test]
fn other_encodings_go_into_utf8() {
    for encoding in ["LATIN1", "WIN1252", "KOI8R", "EUC_JP"] {
        arrives(&stage(Cast::all(Ours), encoding, "UTF8"), text_of(encoding));
    }
}

/// The original's worker reads UTF-8 as well.
#[test]
fn the_original_understands_it() {
    let cast = Cast { leaf: Reference, ..Cast::all(Ours) };
    arrives(&stage(cast, "LATIN1", "UTF8"), text_of("LATIN1"));
}

/// What the target can hold arrives there, too.
#[test]
fn utf8_goes_into_others() {
    for encoding in ["LATIN9", "EUC_KR"] {
        arrives(&stage(Cast::all(Ours), "UTF8", encoding), text_of(encoding));
    }
    arrives(&stage(Cast::all(Ours), "LATIN2", "WIN1250"), "Łódź");
}

#[test]
fn create_root_warns_where_bytes_may_mean_anything() {
    for (encoding, warned) in [("SQL_ASCII", true), ("LATIN1", false), ("UTF8", false)] {
        let db = database("root", encoding);
        let root = Node::new(Ours, "root", &db, QUEUE);
        let created = root.londiste(["create-root", "root", &db.connstr()]).ok();
        assert_eq!(created.output().contains("WARNING"), warned, "{encoding}: {created}");
    }
    // The server cannot even talk UTF-8 here.
    let db = database("root", "MULE_INTERNAL");
    let root = Node::new(Ours, "root", &db, QUEUE);
    root.londiste(["create-root", "root", &db.connstr()])
        .exits(1)
        .says("conversion between UTF8 and MULE_INTERNAL is not supported");
}

/// A database that does not know its encoding holds UTF-8 more often than not.
#[test]
fn utf8_in_a_database_without_encoding() {
    arrives(&stage(Cast::all(Ours), "SQL_ASCII", "UTF8"), "größe €");
}

const PLAIN: &str =
    "create table t (id int primary key, a text); create table other (id int primary key, a text)";

/// Replicates plain rows, then runs `sql` at the source and waits until the leaf says that it cannot go on.
fn stops(source: &str, target: &str, sql: &str, complaints: &[&str]) {
    let stage = stage(Cast::all(Ours), source, target);
    for db in [&stage.source, &stage.target] {
        db.sql(PLAIN);
    }
    stage.source.sql("insert into t values (1, 'a'), (2, 'b')");
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["t", "other"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    // The application is never refused, and neither is a change that was made with this one applied.
    stage.source.sql(&format!("begin; insert into other values (1, 'x'); {sql}; commit"));
    let error = wait_for("the leaf's error", EVENTUALLY, || {
        let error = stage
            .target
            .text("select cur_error from pgq_node.get_consumer_state('replika', 'dst')");
        if error.is_empty() { Err(stage.leaf.log()) } else { Ok(error) }
    });
    for complaint in ["[ev_id=", "public.t"].iter().chain(complaints) {
        assert!(error.contains(complaint), "{complaint}: {error}");
    }
    assert_eq!(stage.target.text("select * from t order by id; select * from other"), "1|a\n2|b");
    // The table is taken out of the way; its copy meets the same row and says so, until somebody repairs it.
    stage.leaf.londiste(["resync", "t"]).ok();
    stage.wait_caught_up();
    assert_eq!(stage.target.text("select * from other"), "1|x");
    wait_for("the copy's error", EVENTUALLY, || {
        let log = stage.leaf.log();
        let told =
            log.lines().any(|line| line.contains("encoding") && line.contains("COPY public.t"));
        holds(told, log)
    });
    stage.source.sql("update t set a = 'c' where id > 2");
    stage.leaf.londiste(["wait-sync"]).ok();
    assert_eq!(stage.target.text("select * from t order by id"), "1|a\n2|b\n3|c");
    stage.stop_daemons();
}

#[test]
fn what_cannot_be_converted_stops_the_node() {
    // A byte that means nothing in WIN1252.
    stops("WIN1252", "UTF8", "insert into t values (3, chr(129))", &["WIN1252", "UTF8"]);
    // LATIN1 in a database that takes everything.
    let latin1 = "insert into t values (3, convert_from(decode('67e9', 'hex'), 'SQL_ASCII'))";
    stops("SQL_ASCII", "UTF8", latin1, &["SQL_ASCII", "UTF8"]);
    // A character that the target lacks.
    stops("UTF8", "LATIN1", "insert into t values (3, 'five €')", &["LATIN1", "UTF8"]);
}
