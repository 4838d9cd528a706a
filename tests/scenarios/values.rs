//! Every type's values arrive unchanged: by the first copy, by sets and row by row, whatever the settings of the sessions
//! that wrote them and of the database that takes them.

use std::fmt::Write as _;

use system_tests::Impl::Ours;
use system_tests::{Cluster, Database};

use crate::diary::{Cast, Stage};

/// A type with values at its edges and an expression for more, which may use `random()` and the row's number `i`.
struct Kind {
    type_name: &'static str,
    edges: &'static [&'static str],
    random: &'static str,
    /// Since which version of the server, as `server_version_num`; extensions and optional parts are asked for.
    needs: Needs,
}

enum Needs {
    Nothing,
    Version(i64),
    Extension(&'static str),
    Xml,
}

const fn kind(
    type_name: &'static str,
    edges: &'static [&'static str],
    random: &'static str,
) -> Kind {
    Kind { type_name, edges, random, needs: Needs::Nothing }
}

const TYPES: &str = r#"
create schema v;
create type v.mood as enum ('sad', 'o''k', 'größe', 'a,b', '"q"', ' ', E'\\');
create domain v.positive as int check (value > 0);
create domain v.small as v.positive check (value < 1000000);
create domain v.names as text[] check (cardinality(value) < 5);
create domain v.numbers as v.positive[];
create type v.place as (x int, y numeric, label text);
create type v.trip as (start v.place, stops v.place[], at timestamptz, "odd ""name" text);
create type v.floats as range (subtype = float8);
"#;

const TEXT: &str = "coalesce((select string_agg(chr((array[10, 9, 13, 34, 39, 38, 37, 61, 43, 44, 92, 123, 125, 8364, 128512, 32,
    (33 + floor(random() * 90))::int])[1 + floor(random() * 17)]), '') from generate_series(1, (random() * 12)::int + 0 * i)), '')";

const KINDS: &[Kind] = &[
    kind("bool", &["t", "f"], "random() < 0.5"),
    kind("int2", &["-32768", "32767", "0"], "(random() * 60000 - 30000)::int2"),
    kind("int8", &["-9223372036854775808", "9223372036854775807"], "(random() * 9e18)::int8"),
    kind(
        "numeric",
        &[
            "NaN",
            "0",
            "0.00",
            "-0.000100",
            "1e1000",
            "-1e-1000",
            "123456789012345678901234567890.123456789000",
        ],
        "(random() * 1e20)::numeric / (1 + i)",
    ),
    kind("numeric(30,5)", &["NaN", "1234567890123456789012345.12345"], "random()::numeric"),
    Kind {
        type_name: "numeric[]",
        edges: &["{Infinity,-Infinity}"],
        random: "array[random()::numeric]",
        needs: Needs::Version(140_000),
    },
    kind(
        "float4",
        &["NaN", "Infinity", "-Infinity", "-0", "1.4e-45", "3.4028235e38", "0.1"],
        "random()::float4",
    ),
    kind(
        "float8",
        &[
            "NaN",
            "Infinity",
            "-Infinity",
            "-0",
            "4.9e-324",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "0.1",
        ],
        "exp(200 * random() - 100)",
    ),
    kind(
        "money",
        &["-92233720368547758.08", "92233720368547758.07", "0.01", "-1234.5"],
        "(random() * 1e9)::numeric::money",
    ),
    kind(
        "text",
        &[
            "",
            " ",
            "NULL",
            "null",
            "\\N",
            "\\.",
            "\\",
            "'",
            "\"",
            "a\tb\nc\rd\u{1}",
            "%41+&=é",
            "日本語 😀",
            "{}",
            "(,)",
        ],
        TEXT,
    ),
    kind("varchar(9)", &["", "ends   ", "größe   é"], "left(md5(random()::text), 9)"),
    kind(
        "char(6)",
        &["", "a", " a", "größe", "a\tb"],
        "left(md5(random()::text), (random() * 6)::int)",
    ),
    kind("char", &["x"], "chr(97 + (random() * 25)::int)"),
    kind("\"char\"", &["", "x", "'"], "chr(97 + (random() * 25)::int)::\"char\""),
    kind("name", &["", "größe"], "md5(random()::text)::name"),
    kind("bytea", &["", "\\x00", "\\x5c27000aff"], "decode(md5(random()::text), 'hex')"),
    kind(
        "date",
        &["infinity", "-infinity", "0044-03-15 BC", "4713-01-01 BC", "5874897-12-31", "2024-02-29"],
        "date '2000-01-01' + (random() * 100000 - 50000)::int",
    ),
    kind(
        "time",
        &["00:00", "24:00", "23:59:59.999999"],
        "time '0:00' + random() * interval '1 day'",
    ),
    kind(
        "timetz",
        &["00:00+15:59", "24:00-15:59:59", "12:00:00.5+05:30"],
        "(now() + random() * interval '1 day')::timetz",
    ),
    kind(
        "timestamp",
        &[
            "infinity",
            "-infinity",
            "4713-01-01 00:00 BC",
            "294276-12-31 23:59:59.999999",
            "0044-03-15 12:00 BC",
        ],
        "timestamp '1900-01-01' + random() * interval '300 years'",
    ),
    kind(
        "timestamptz",
        &[
            "infinity",
            "-infinity",
            "0044-03-15 12:00+00 BC",
            "0001-01-01 00:00+00",
            "294276-12-31 23:59+00",
            "2024-10-27 00:30+00",
            "2024-10-27 01:30+00",
            "1883-11-18 12:00-05",
        ],
        "timestamptz '1800-01-01' + random() * interval '300 years'",
    ),
    kind(
        "interval",
        &[
            "0",
            "-1 day 2 hours",
            "1 day -2:00:00.000001",
            "-1 mon 3 days -0.5 sec",
            "-178000000 years",
            "-2:03",
            "1 year -1 mon",
        ],
        "(random() - 0.5) * interval '1000 days' + (random() - 0.5) * interval '100 hours'
           + (random() * 100 - 50)::int * interval '1 month'",
    ),
    kind("interval(3)", &["1.0015 sec"], "random() * interval '1 hour'"),
    kind(
        "v.mood",
        &["sad", "o'k", "größe", "a,b", "\"q\"", " ", "\\"],
        "(enum_range(null::v.mood))[1 + floor(random() * 7)]",
    ),
    kind("v.mood[]", &["{sad,\"a,b\",\"\\\"q\\\"\",\" \",NULL}"], "enum_range(null::v.mood)"),
    kind("v.small", &["1", "999999"], "1 + (random() * 1000)::int"),
    kind("v.names", &["{}", "{\"\",NULL,\"NULL\"}"], "array[md5(random()::text)]"),
    kind("v.numbers", &["{}", "{1,NULL,3}"], "array[1 + (random() * 9)::int]::v.positive[]"),
    kind(
        "int[]",
        &["{}", "[0:2]={1,2,3}", "[-1:0][5:6]={{1,NULL},{3,4}}", "{NULL}", "{{{1},{2}},{{3},{4}}}"],
        "array[i, null, (random() * 9)::int]",
    ),
    kind(
        "text[]",
        &["{\"\",NULL,\"NULL\",\"a\\\"b\\\\c\",\"{}\",\"x,y\",\" \"}", "[5:6]={a,b}"],
        "array[md5(random()::text), null, E'\\'\"\\\\{}, ']",
    ),
    kind(
        "v.place",
        &["(,,)", "(1,2.50,\"\")", "(1,NaN,\"a \"\"b\"\" \\\\ , )(\")"],
        "row(i, random()::numeric, md5(i::text))::v.place",
    ),
    kind(
        "v.place[]",
        &["{\"(1,2,x)\",NULL,\"(,,\\\"a,b\\\")\"}"],
        "array[row(i, 1, 'a\"b')::v.place]",
    ),
    kind(
        "v.trip",
        &[
            "(,,,)",
            "(\"(1,2,\"\"a,b\"\")\",\"{\"\"(1,,)\"\",NULL}\",\"2024-06-01 12:00:00+05:30\",\"'\\\\\")",
        ],
        "row(row(i, 1.50, E'\\'\"\\\\,'), array[row(null, 0, '')::v.place], now() + random() * interval '1 day', '(')::v.trip",
    ),
    kind("int4range", &["empty", "(,)", "[1,5)", "(,7)"], "int4range(i, i + (random() * 9)::int)"),
    kind("numrange", &["[1.10,2.00]", "(-1e30,]"], "numrange(0, random()::numeric)"),
    kind(
        "tstzrange",
        &["[\"2024-01-01 00:00+05:30\",infinity)", "[-infinity,\"0044-03-15 12:00+00 BC\")"],
        "tstzrange(now() - random() * interval '9 years', now())",
    ),
    kind(
        "daterange[]",
        &["{\"[2024-02-29,)\",empty,NULL}"],
        "array[daterange(current_date, null)]",
    ),
    kind("v.floats", &["[-0,NaN]", "(0.1,0.30000000000000004)"], "v.floats(0, random())"),
    Kind {
        type_name: "tstzmultirange",
        edges: &[
            "{}",
            "{(,\"2000-01-01 00:00+00\"),[\"2024-01-01 00:00+05:30\",\"2025-01-01 00:00+00\")}",
        ],
        random: "tstzmultirange(tstzrange(now() - random() * interval '9 years', now()))",
        needs: Needs::Version(140_000),
    },
    kind(
        "json",
        &["null", "{ \"a\" : 1.0,\t\"a\":[ ] }", "\"\\u00e9 é \\\\ \\n\"", "1e400"],
        "json_build_object('k', random(), 't', md5(i::text))",
    ),
    kind(
        "jsonb",
        &[
            "null",
            "{\"b\": {\"a\": [1.00, \"é\\n\\\\\"]}}",
            "\"\"",
            "123456789012345678901234567890.10",
        ],
        "jsonb_build_array(random(), i, null, '\"\\')",
    ),
    kind("jsonpath", &["$.\"a b\"[*] ? (@ > 1)"], "'$.a'::jsonpath"),
    kind("uuid", &["00000000-0000-0000-0000-000000000000"], "md5(random()::text)::uuid"),
    kind("inet", &["::1", "10.0.0.1/8", "::ffff:1.2.3.4/96"], "'10.0.0.0'::inet + i"),
    kind("cidr", &["10.0.0.0/8", "::/0"], "'10.0.0.0/24'::cidr"),
    kind("macaddr8", &["08:00:2b:01:02:03:04:05"], "macaddr8 '08:00:2b:01:02:03:04:05'"),
    kind("bit(5)", &["00000", "10101"], "(random() * 31)::int::bit(5)"),
    kind("varbit", &["", "101"], "i::bit(12)::varbit"),
    kind("bit varying(8)[]", &["{101,NULL,\"\"}"], "array[i::bit(8)::varbit]"),
    kind(
        "tsvector",
        &["", "'a b':1A,2 'it''s':3 'ö\\\\':4B"],
        "to_tsvector('simple', md5(random()::text) || ' it''s \\')",
    ),
    kind(
        "tsquery",
        &["", "'a b' & !'it''s' <2> c:*A"],
        "plainto_tsquery('simple', md5(random()::text))",
    ),
    kind(
        "point",
        &["(NaN,-0)", "(4.9e-324,Infinity)", "(0.1,-1e300)"],
        "point(random(), -random())",
    ),
    kind("line", &["{1,-1,0.1}"], "line(point(0, 0), point(1, random()))"),
    kind("lseg", &["[(0,0),(0.1,2)]"], "lseg(point(0, 0), point(1, random()))"),
    kind("box", &["(2,2),(0.1,-0)"], "box(point(random(), 0), point(0, random()))"),
    kind("box[]", &["{(2,2),(0,0);(1,1),(0,0)}"], "array[box(point(random(), 0), point(0, 1))]"),
    kind("path", &["[(0,0),(1,0.1)]", "((0,0),(1,1))"], "path '[(1,2)]'"),
    kind("polygon", &["((0,0),(1,0.1),(2,2))"], "polygon(box(point(0, 0), point(1, random())))"),
    kind("circle", &["<(1,2),0.1>"], "circle(point(0, random()), random())"),
    kind("oid", &["0", "4294967295"], "i::oid"),
    kind("pg_lsn", &["0/0", "FFFFFFFF/FFFFFFFF"], "'0/1'::pg_lsn"),
    kind("xid8", &["18446744073709551615"], "i::text::xid8"),
    kind("txid_snapshot", &["10:20:10,14,15"], "'1:1:'::txid_snapshot"),
    Kind {
        type_name: "xml",
        edges: &[
            "<a b=\"1\">é &amp; <!-- x --></a>",
            "just text",
            "<a/><b/>",
            "<?xml version=\"1.0\"?><a/>",
        ],
        random: "xmlelement(name foo, md5(random()::text))",
        needs: Needs::Xml,
    },
    Kind {
        type_name: "hstore",
        edges: &["", "\"a=>b\"=>NULL, \"é \\\"\"=>\"NULL\""],
        random: "hstore(md5(random()::text), i::text)",
        needs: Needs::Extension("hstore"),
    },
    Kind {
        type_name: "citext",
        edges: &["", "Größe", "ABC"],
        random: "md5(random()::text)::citext",
        needs: Needs::Extension("citext"),
    },
];

/// What an application, or the defaults of its account, may have set.
const SESSIONS: &[&str] = &[
    "",
    "set timezone = 'Asia/Kolkata'; set datestyle = 'SQL, DMY'; set intervalstyle = 'sql_standard'; set extra_float_digits = 0",
    "set timezone = 'Europe/Dublin'; set datestyle = 'German'; set intervalstyle = 'iso_8601'; set bytea_output = 'escape'",
    "set timezone = 'FOO+3:15'; set datestyle = 'Postgres, MDY'; set intervalstyle = 'postgres_verbose';
     set extra_float_digits = -15; set xmlbinary = 'hex'; set quote_all_identifiers = on;
     set standard_conforming_strings = off",
];

/// What the target's administrator may have set for everybody.
const ODD_TARGET: &[&str] = &[
    "timezone = 'Africa/Monrovia'",
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'sql_standard'",
    "extra_float_digits = -15",
    "bytea_output = 'escape'",
    "xmloption = 'document'",
    "array_nulls = off",
    "standard_conforming_strings = off",
    "default_transaction_read_only = off",
];

/// Rows of the big table before the copy, and again after it.
const ROWS: usize = 60;

impl Kind {
    fn is_there(&self, db: &Database) -> bool {
        match self.needs {
            Needs::Nothing => true,
            Needs::Version(version) => {
                db.int("select current_setting('server_version_num')") >= version
            }
            Needs::Extension(name) => {
                db.int(&format!(
                    "select count(*) from pg_available_extensions where name = '{name}'"
                )) > 0
            }
            Needs::Xml => db.try_text("select xml '<a/>'").is_ok(),
        }
    }
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn kinds(db: &Database) -> Vec<&'static Kind> {
    KINDS.iter().filter(|kind| kind.is_there(db)).collect()
}

/// The types, and a table with a column of each.
fn table(kinds: &[&Kind]) -> String {
    let mut sql = TYPES.to_owned();
    for kind in kinds {
        if let Needs::Extension(name) = kind.needs {
            write!(sql, "create extension {name};").expect("a string grows");
        }
    }
    sql.push_str("create table v.everything (id int primary key");
    for (nr, kind) in kinds.iter().enumerate() {
        write!(sql, ", c{nr} {}", kind.type_name).expect("a string grows");
    }
    sql + ")"
}

/// An insert of rows from `first` on: every third has a NULL here and there, the others edges and random values in turn.
fn insert(kinds: &[&Kind], first: usize) -> String {
    let mut sql = "insert into v.everything select i".to_owned();
    for (nr, kind) in kinds.iter().enumerate() {
        let edges: Vec<String> = kind.edges.iter().map(|edge| literal(edge)).collect();
        write!(
            sql,
            ", case when (i + {nr}) % 7 = 3 then null when i % 2 = 0 \
               then (array[{}])[1 + (i / 2) % {}]::{type_name} else ({})::{type_name} end",
            edges.join(", "),
            edges.len(),
            kind.random,
            type_name = kind.type_name,
        )
        .expect("a string grows");
    }
    write!(sql, " from pg_catalog.generate_series({first}, {}) i", first + ROWS - 1)
        .expect("a string grows");
    sql
}

/// All rows as text, printed so that different values look different.
fn rows(db: &Database, table: &str) -> String {
    db.text(&format!(
        "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set extra_float_digits = 1;
         set bytea_output = 'hex'; set lc_monetary = 'C'; select t::text from {table} t order by t::text collate \"C\""
    ))
}

#[track_caller]
fn assert_same_text(stage: &Stage, table: &str) {
    let (here, there) = (rows(&stage.source, table), rows(&stage.target, table));
    for (here, there) in here.lines().zip(there.lines()) {
        assert_eq!(here, there, "{table}");
    }
    assert_eq!(here, there, "{table}");
}

fn stage() -> Stage {
    let cluster = Cluster::shared();
    let (source, target) = (cluster.create_database("src"), cluster.create_database("dst"));
    for setting in ODD_TARGET {
        target.sql(&format!("alter database {} set {setting}", target.name()));
    }
    Stage::over(Cast::all(Ours), source, target)
}

/// Copies what is there and replicates what `changes` does, then compares in both ways.
fn replicate(stage: &Stage, tables: &[&str], changes: impl FnOnce()) {
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(tables);
    stage.leaf.londiste(["wait-sync"]).ok();
    for table in tables {
        assert_same_text(stage, table);
    }
    changes();
    stage.wait_caught_up();
    for table in tables {
        assert_same_text(stage, table);
    }
    let compared = stage.leaf.londiste(["compare"]).ok().says_not("Results do not match!");
    assert_eq!(compared.output().matches("INFO dstdb: ").count(), tables.len(), "{compared}");
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
    stage.stop_daemons();
}

#[test]
fn values_of_all_types_arrive_unchanged() {
    let stage = stage();
    let kinds = kinds(&stage.source);
    for db in [&stage.source, &stage.target] {
        db.sql(&table(&kinds));
    }
    stage.source.sql(&format!("select setseed(0.25); {}", insert(&kinds, 1)));
    replicate(&stage, &["v.everything"], || {
        let all: Vec<String> = (0..kinds.len()).map(|nr| format!("c{nr}")).collect();
        for (nr, settings) in SESSIONS.iter().enumerate() {
            let first = 1000 * (nr + 1);
            stage
                .source
                .sql(&format!("select setseed(0.{nr}); {settings}; {}", insert(&kinds, first)));
            // Rows get the values of their neighbours; some go.
            stage.source.sql(&format!(
                "{settings}; update v.everything t set ({all}) = (select {all} from v.everything o where o.id = t.id + {first})
                  where t.id between 1 and 40;
                 delete from v.everything where id between {first} + 50 and {first} + 55",
                all = all.join(", ")
            ));
        }
    });
}

/// Amounts are the same amounts, whatever people write them like in the sessions and on the target.
#[test]
fn money_is_not_converted() {
    let stage = stage();
    // Which locales there are is up to the machine.
    let usable = |locale: &&str| {
        stage.source.try_text(&format!("set lc_monetary = '{locale}'; select 1::money")).is_ok()
    };
    let customs =
        ["C", "C.utf8", "en_US.utf8", "de_DE.utf8", "ja_JP.utf8", "ar_BH.utf8", "en_IN.utf8"];
    let customs: Vec<&str> = customs.into_iter().filter(usable).collect();
    let last = customs[customs.len() - 1];
    stage.target.sql(&format!("alter database {} set lc_monetary = '{last}'", stage.target.name()));
    for db in [&stage.source, &stage.target] {
        db.sql("create table m (id serial primary key, amount money, more money[])");
    }
    let write = |custom: &str| {
        stage.source.sql(&format!(
            "set lc_monetary = '{custom}';
             insert into m (amount, more) select i * 1234567 * '1'::money, array[i * '-1'::money] from generate_series(1, 20) i;
             update m set amount = amount + '3'::money where id % 3 = 0"
        ));
    };
    write(last);
    replicate(&stage, &["public.m"], || customs.iter().for_each(|custom| write(custom)));
}

/// Every type that can be a key finds its rows again, and only those.
#[test]
fn keys_of_all_types_find_their_rows() {
    let stage = stage();
    let kinds: Vec<_> = kinds(&stage.source)
        .into_iter()
        // An array of boxes can be a key, but nothing can be compared with it.
        .filter(|kind| kind.type_name != "box[]")
        .filter(|kind| {
            stage.source.sql(&format!("drop schema if exists v cascade; {TYPES}"));
            let extension = match kind.needs {
                Needs::Extension(name) => format!("create extension if not exists {name};"),
                _ => String::new(),
            };
            stage
                .source
                .try_text(&format!(
                    "{extension} create table v.k (k {} primary key)",
                    kind.type_name
                ))
                .is_ok()
        })
        .collect();
    assert!(kinds.len() > 30, "{} types with keys", kinds.len());
    stage.source.sql("drop schema v cascade");
    let mut names = Vec::new();
    for db in [&stage.source, &stage.target] {
        db.sql(&format!(
            "{TYPES}; create extension if not exists citext; create extension if not exists hstore"
        ));
    }
    for (nr, kind) in kinds.iter().enumerate() {
        let table = format!("v.k{nr}");
        for db in [&stage.source, &stage.target] {
            db.sql(&format!("create table {table} (k {}, n int, primary key (k))", kind.type_name));
        }
        for (edge_nr, edge) in kind.edges.iter().enumerate() {
            stage.source.sql(&format!(
                "insert into {table} values ({}, {edge_nr}) on conflict do nothing",
                literal(edge)
            ));
        }
        names.push(table);
    }
    let tables: Vec<&str> = names.iter().map(String::as_str).collect();
    replicate(&stage, &tables, || {
        for (nr, kind) in kinds.iter().enumerate() {
            let settings = SESSIONS[nr % SESSIONS.len()];
            stage.source.sql(&format!(
                "{settings}; update {table} set n = n + 100;
                 insert into {table} select {random}, i from pg_catalog.generate_series(1, 40) i on conflict do nothing;
                 update {table} set n = -n where n % 3 = 1;
                 delete from {table} where n % 5 = 1;
                 update {table} set n = null where n % 7 = 1",
                table = names[nr],
                random = kind.random
            ));
            // Gone and back in one batch, with other rows beside.
            stage.source.sql(&format!(
                "create temp table back as select k from {table} where n % 2 = 0;
                 {settings}; delete from {table} where n % 2 = 0;
                 insert into {table} select k, 7 from pg_temp.back",
                table = names[nr]
            ));
        }
    });
}

/// Columns that the server fills.
#[test]
fn identities_and_generated_columns_follow() {
    let stage = stage();
    let tables = "
        create schema v;
        create table v.always (id int generated always as identity primary key, label text,
            other bigint generated by default as identity (start -1 increment -7));
        create table v.computed (a int, b text, twice int generated always as (a * 2) stored,
            both_ text generated always as (b || '/' || lower(b)) stored, id int primary key);
        create table v.computed_key (a int, k int generated always as (a + 1) stored primary key, n int);
        create table v.not_first (label text, twice int generated always as (id * 2) stored,
            id int generated always as identity, primary key (id))";
    for db in [&stage.source, &stage.target] {
        db.sql(tables);
    }
    let rows = "
        insert into v.always (label) select 'l' || i from generate_series(1, 500) i;
        insert into v.computed (id, a, b) select i, i, 'Ä' || i from generate_series(1, 500) i;
        insert into v.computed_key (a, n) select i, i from generate_series(1, 500) i;
        insert into v.not_first (label) select 'l' || i from generate_series(1, 500) i;";
    stage.source.sql(rows);
    let names = ["v.always", "v.computed", "v.computed_key", "v.not_first"];
    replicate(&stage, &names, || {
        stage.source.sql(
            "insert into v.always (label) select 'm' || i from generate_series(1, 300) i;
             insert into v.always (id, label, other) overriding system value values (100000, 'mine', 5);
             update v.always set label = 'n', other = -id where id % 3 = 0;
             delete from v.always where id % 5 = 0;
             insert into v.computed (id, a, b) select i, -i, null from generate_series(501, 900) i;
             update v.computed set a = a + 1, b = 'X' where id % 3 = 0;
             delete from v.computed where id % 5 = 0;
             insert into v.computed_key (a, n) select i, i from generate_series(501, 900) i;
             update v.computed_key set n = -n where n % 3 = 0;
             delete from v.computed_key where n % 5 = 0;
             insert into v.not_first (label) select 'm' || i from generate_series(1, 300) i;
             update v.not_first set label = null where id % 3 = 0;
             delete from v.not_first where id % 5 = 0",
        );
    });
}
