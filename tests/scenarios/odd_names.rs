//! Schemas, tables, columns and keys under every name that PostgreSQL takes.

use system_tests::Impl::Ours;
use system_tests::{Cluster, Database};

use crate::diary::{Cast, Stage, assert_same_rows};

/// A name of 63 bytes, the longest there is.
const LONGEST: &str = "ä23456789_123456789_123456789_123456789_123456789_123456789_12";

const NAMES: &[&str] = &[
    "UPPER",
    "two words",
    " blanks  ",
    "quo\"te",
    "sin'gle",
    "\"\"",
    "größe",
    "日本語",
    LONGEST,
    "select",
    "100%",
    "%41%",
    "%zz",
    "a&b",
    "a=b",
    "+plus+",
    "back\\slash",
    "semi;colon",
    "$1",
    "$$",
    "tab\tand\nline",
    "a/*b",
    "--",
    "(x)",
    "{x}",
    "[x]",
    "a:b",
    "public",
    "pgq",
    "null",
    "1st",
    "%(x)s",
    "${x}",
    "'; select 1; --",
];

/// A dot is no part of a schema's name for londiste, which takes the first one as the end of it.
const DOTTED: &str = "do.t.s";

fn create(db: &Database) {
    for name in NAMES.iter().chain([&DOTTED]) {
        let name = quote_ident(name);
        db.sql(&format!("create table {name} ({name} int primary key, n int, text text)"));
    }
    // The name as schema, and a key of many odd columns.
    for (nr, name) in
        NAMES.iter().enumerate().filter(|(_, name)| !["public", "pgq"].contains(*name))
    {
        let (schema, other) = (quote_ident(name), quote_ident(NAMES[(nr + 1) % NAMES.len()]));
        let third = quote_ident(NAMES[(nr + 2) % NAMES.len()]);
        db.sql(&format!(
            "create schema {schema};
             create table {schema}.{other} ({third} text, {other} int, {schema} int, primary key ({schema}, {other}))"
        ));
    }
}

/// All tables, quoted, with their londiste names and the place of a key column.
fn tables() -> Vec<(String, String, String)> {
    let mut tables = Vec::new();
    for name in NAMES.iter().chain([&DOTTED]) {
        tables.push((
            format!("public.{}", quote_ident(name)),
            format!("public.{name}"),
            quote_ident(name),
        ));
    }
    for (nr, name) in
        NAMES.iter().enumerate().filter(|(_, name)| !["public", "pgq"].contains(*name))
    {
        let other = NAMES[(nr + 1) % NAMES.len()];
        tables.push((
            format!("{}.{}", quote_ident(name), quote_ident(other)),
            format!("{name}.{other}"),
            quote_ident(name),
        ));
    }
    tables
}

#[test]
fn odd_names_everywhere() {
    assert_eq!(LONGEST.len(), 63);
    let cluster = Cluster::shared();
    let stage = Stage::over(
        Cast::all(Ours),
        cluster.create_database("src"),
        cluster.create_database("dst"),
    );
    let tables = tables();
    for db in [&stage.source, &stage.target] {
        create(db);
    }
    let change = |from: i64| {
        let mut sql = String::new();
        for (table, _, key) in &tables {
            let first = table.starts_with("public.");
            let all =
                if first { String::new() } else { format!("({})", columns(&stage.source, table)) };
            let values = if first { "i, 10 * i, 'a%41&=' || i" } else { "'ü+ ' || i, 7, i" };
            sql.push_str(&format!("insert into {table} {all} select {values} from generate_series({from}, {from} + 9) i;"));
            let set = if first { "n".to_owned() } else { text_column(&stage.source, table) };
            sql.push_str(&format!("update {table} set {set} = null where {key} % 10 = 3;"));
            sql.push_str(&format!("delete from {table} where {key} % 10 = 5;"));
        }
        stage.source.sql(&sql);
    };
    change(1);
    stage.create_nodes();
    stage.start_daemons();
    let names: Vec<&str> = tables.iter().map(|(_, name, _)| name.as_str()).collect();
    stage.add_tables(&[&["--"], &names[..]].concat());
    stage.leaf.londiste(["wait-sync"]).ok();
    // By sets, and row by row where the target has a trigger that runs.
    for round in 1..=2 {
        change(100 * round);
        stage.wait_caught_up();
        for (table, _, key) in &tables {
            assert_same_rows((&stage.source, table), (&stage.target, table), key);
            if round == 1 {
                stage.target.sql(&format!(
                    "create or replace function public.idle() returns trigger language plpgsql as 'begin return new; end';
                     create trigger {key} after update on {table} for each row execute function public.idle();
                     alter table {table} enable always trigger {key}"
                ));
            }
        }
    }
    let compared = stage.leaf.londiste(["compare"]).ok().says_not("Results do not match!");
    assert_eq!(compared.output().matches("INFO dstdb: ").count(), tables.len(), "{compared}");
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
    for node in [&stage.leaf, &stage.root] {
        node.londiste([&["remove-table", "--"], &names[..]].concat()).ok();
    }
    stage.stop_daemons();
}

/// The columns of a table in order, quoted.
fn columns(db: &Database, table: &str) -> String {
    db.text(&format!(
        "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
          where attrelid = {}::regclass and attnum > 0",
        literal(table)
    ))
}

fn text_column(db: &Database, table: &str) -> String {
    db.text(&format!(
        "select quote_ident(attname) from pg_attribute where attrelid = {}::regclass and atttypid = 'text'::regtype",
        literal(table)
    ))
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn quote_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
