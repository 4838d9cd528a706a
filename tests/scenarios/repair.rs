//! Rows that differ are found and mended, and nothing else is touched.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Node, Outcome, holds, wait_for};

use crate::diary::{Cast, QUEUE, Stage};
use crate::merge_sources::merged;

/// On the leaf triggers fire for everybody but the replication.
pub(crate) const REPLICA: &str = "set session_replication_role = replica;";

/// Both sides have the tables and rows, and they are in the set.
pub(crate) fn replicated(sql: &str, tables: &[&str]) -> Stage {
    let cluster = Cluster::shared();
    let (source, target) = (cluster.create_database("src"), cluster.create_database("dst"));
    over(Cast::all(Ours), (source, target), sql, tables)
}

/// Both sides have a table `t` of numbered rows.
pub(crate) fn with_rows(rows: u32) -> Stage {
    let sql = format!(
        "create table t (id int primary key, data text);
         insert into t select n, 'row ' || n from generate_series(1, {rows}) n"
    );
    replicated(&sql, &["t"])
}

/// The same as [`replicated`], in these databases.
fn over(cast: Cast, (source, target): (Database, Database), sql: &str, tables: &[&str]) -> Stage {
    let stage = Stage::over(cast, source, target);
    for db in [&stage.source, &stage.target] {
        db.sql(sql);
    }
    stage.create_nodes();
    stage.start_daemons();
    for node in [&stage.root, &stage.leaf] {
        node.londiste([&["add-table", "--expect-sync"], tables].concat()).ok();
    }
    stage.leaf.londiste(["wait-sync"]).ok();
    stage
}

/// The log of a command without times and process numbers.
fn log(outcome: &Outcome) -> String {
    let lines = outcome.stderr.lines().map(|line| match line.split_once(" INFO ") {
        Some((_, text)) => format!("INFO {text}\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// What a repair has left in the node's folder, and everywhere around it.
pub(crate) fn left_behind(node: &Node) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(node.folder())
        .expect("the node's folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with(&format!("{}.", node.name())))
        .collect();
    names.sort();
    names
}

fn fix(node: &Node, table: &str) -> String {
    let path = node.folder().join(format!("fix.{table}.sql"));
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn files_and_log_are_those_of_the_original() {
    beside_the_original(Ours);
}

#[test]
fn files_and_log_on_nodes_of_the_original() {
    beside_the_original(Reference);
}

fn beside_the_original(nodes: Impl) {
    let cluster = Cluster::shared();
    let mut stage = over(
        Cast::all(nodes),
        (cluster.create_database("src"), cluster.create_database("dst")),
        "create table mytable (id int primary key, data text, ts timestamptz, extra text);
         insert into mytable select n, 'row' || n, '2024-01-01 10:00:00+00'::timestamptz + n * interval '1 hour'
           from generate_series(1, 5) n;
         create table two_keys (b text, x numeric(12,2), a int, raw bytea, primary key (a, b));
         insert into two_keys select 'k''' || n, n * 1.5, n % 7, decode(lpad(to_hex(n), 4, '0'), 'hex')
           from generate_series(1, 300) n;
         create table same (id int primary key, data text);
         insert into same select n, 'äöü' || n from generate_series(1, 50) n",
        &["mytable", "two_keys", "same"],
    );
    stage.target.sql(&format!(
        "{REPLICA}
         delete from mytable where id in (1, 5);
         insert into mytable (id, data) values (10, 'more'), (6, 'more');
         update mytable set data = 'zzz' where id = 2;
         update mytable set extra = 'diff' where id = 4;
         delete from two_keys where a = 3 and b like '%1%';
         update two_keys set x = null, raw = '\\x00ff5c27' where a = 4;
         insert into two_keys values ('', 1, -1, null), (E'tab\\there', 1, 2, null), ('\\N', 1, 2, '')"
    ));
    stage.source.sql(&format!(
        "{REPLICA}
         update mytable set extra = E'tab\\there\\nnl \\\\ back ''q''' where id = 3;
         insert into two_keys values (E'\\n', 1, 2, null)"
    ));
    let tables = ["public.mytable", "public.two_keys", "public.same"];
    let mut answers = Vec::new();
    for implementation in [Reference, Ours] {
        stage.leaf.hand_over(implementation);
        let outcome = stage.leaf.londiste(["repair"]).ok();
        let fixes = ["public.mytable", "public.two_keys"].map(|table| fix(&stage.leaf, table));
        assert_eq!(
            left_behind(&stage.leaf),
            ["fix.public.mytable.sql", "fix.public.two_keys.sql"],
            "{implementation:?}"
        );
        // One that is there from another time is gone afterwards when nothing differs.
        let stale = stage.leaf.folder().join("fix.public.same.sql");
        fs::write(&stale, "select 1;").expect("own folder");
        stage.leaf.londiste(["repair", "same"]).ok();
        assert!(!stale.exists(), "{implementation:?}");
        answers.push((log(&outcome), fixes));
    }
    let (reference, ours) = (&answers[0], &answers[1]);
    assert_eq!(ours.0, reference.0);
    assert_eq!(ours.1, reference.1);
    for table in tables {
        assert!(ours.0.contains(&format!("INFO finished {table}: src: ")), "{}", ours.0);
    }
    insta::assert_snapshot!("fix_mytable", ours.1[0]);

    // What psql makes of the files is what the source has.
    for table in &tables[..2] {
        let path = stage.leaf.folder().join(format!("fix.{table}.sql"));
        let script = format!("{REPLICA}\n{}", fix(&stage.leaf, table));
        fs::write(&path, script).expect("own folder");
        let done = stage.target.psql(&["-f", path.to_str().expect("plain")]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    stage.leaf.londiste(["compare"]).ok();
}

/// Tables of all kinds, and triggers that would tell when an application's session had done it.
const KINDS: &str = r#"
create schema "Odd/%2f";
create table "Odd/%2f"."ta ble" ("Key" text primary key, "sel""ect" text, "where" int);
insert into "Odd/%2f"."ta ble" select 'key ' || n, 'value', n from generate_series(1, 20) n;
create type pair as (a int, b text);
create table kinds (
    id bigint generated always as identity primary key, t text, j json, jb jsonb, b bytea, f float8, ok bool, n numeric,
    at timestamptz, span interval, p point, tags text[], c char(5), ip inet, both_of pair, none_of pair, doubled bigint generated always as (id * 2) stored);
insert into kinds (t, j, jb, b, f, ok, n, at, span, p, tags, c, ip, both_of, none_of)
  select 't' || n, '{"a":  1}', '{"a": 1}', '\x5c00', 0.1 + n, true, 1.50, '2024-02-03 04:05:06.7+02', '1 mon -1 day 02:03', '(1,2)',
         array['a', null, 'b"c'], 'x', '10.0.0.1', '(1,)', '(,)' from generate_series(1, 30) n;
create table part (id int primary key, data text) partition by range (id);
create table part_1 partition of part for values from (0) to (100);
create table part_2 partition of part for values from (100) to (200);
insert into part select n, 'p' from generate_series(90, 110) n;
create table parent (id int primary key, data text);
insert into parent select n, 'p' from generate_series(1, 10) n;
create table child () inherits (parent);
create table uniq (id int primary key deferrable, name text unique);
insert into uniq select n, 'name ' || n from generate_series(1, 9) n;
"#;

#[test]
fn apply_mends_every_kind_of_difference() {
    // A schema's name ends at the first dot for londiste.
    let odd = "Odd/%2f.ta ble";
    let tables = [odd, "kinds", "part", "parent", "uniq"];
    let stage = replicated(KINDS, &tables);
    stage.target.sql(&format!(
        r#"{REPLICA}
        update "Odd/%2f"."ta ble" set "sel""ect" = E'it''s \\ \n' where "where" < 5;
        delete from "Odd/%2f"."ta ble" where "where" = 7;
        insert into "Odd/%2f"."ta ble" values (E'\\N', null, null), (E'a\x01', '', 1), (E'a', '', 1), (E'\b\f\v', '', 1);
        update kinds set t = null where id = 1;
        update kinds set j = '[]', jb = '[]', p = '(2,1)', tags = '{{}}', c = '', b = '\x27', both_of = '(,x)', none_of = null where id = 2;
        update kinds set f = 0, ok = null, n = -1, at = 'infinity', span = '-1 day', ip = '::1' where id = 3;
        delete from kinds where id between 10 and 15;
        insert into kinds (id, t) overriding system value values (99, 'more');
        update part set data = null where id in (95, 105); delete from part where id = 110; insert into part values (1, 'more');
        update only parent set data = 'x' where id = 3;
        insert into child values (1000, 'only here, and nobody''s business');
        -- Names change places: the row that shall have the name comes before the one that has it.
        delete from uniq where id = 1; update uniq set name = 'name 1' where id = 2;
        delete from uniq where id = 5; insert into uniq values (77, 'name 5');
        create function no() returns trigger language plpgsql as 'begin raise exception ''an ordinary trigger fired''; end';
        create trigger no before insert or update or delete on kinds for each row execute function no()"#
    ));
    // A file for each, in this directory; nothing changes yet.
    stage.leaf.londiste(["repair"]).ok();
    assert_eq!(
        left_behind(&stage.leaf),
        [
            "fix.Odd%2f%252f.ta ble.sql",
            "fix.public.kinds.sql",
            "fix.public.parent.sql",
            "fix.public.part.sql",
            "fix.public.uniq.sql"
        ]
    );
    let file = stage.leaf.folder().join("fix.public.kinds.sql");
    let mode = fs::metadata(file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let loud = stage.leaf.londiste(["repair", "-v", "kinds"]).ok();
    loud.says("DEBUG using columns: id,t,j,jb,b,f,ok,n,at,span,p,tags,c,ip,both_of,none_of\n")
        .says("DEBUG missed delete: delete from only public.kinds where id = '99';\n");
    stage.leaf.londiste(["compare", "kinds"]).exits(1);

    let applied = stage.leaf.londiste(["repair", "--apply"]).ok();
    let applied = applied
        .says(&format!(
            "INFO finished {odd}: src: 20 rows, dst: 23 rows, missed: 1 inserts, 4 updates, 4 deletes\n"
        ))
        .says(&format!("INFO {odd}: 9 fixes applied\n"))
        .says("INFO finished public.kinds: src: 30 rows, dst: 25 rows, missed: 6 inserts, 3 updates, 1 deletes\n")
        .says("INFO public.part: 4 fixes applied\n")
        .says("INFO public.parent: 1 fixes applied\n")
        .says("INFO public.uniq: 4 fixes applied\n");
    applied.says_not("left out").says_not("it''s").says_not("more");
    // The files of before are gone, since what they say is done.
    assert_eq!(left_behind(&stage.leaf), [""; 0]);
    stage.leaf.londiste(["compare"]).ok().says_not("do not match");
    let mut again = stage.leaf.londiste(["repair", "--apply"]).ok();
    let public = ["kinds", "part", "parent", "uniq"].map(|table| format!("public.{table}"));
    for (table, rows) in [odd.to_owned()].iter().chain(&public).zip([20, 30, 21, 10, 9]) {
        again = again
            .says(&format!(
                "INFO finished {table}: src: {rows} rows, dst: {rows} rows, missed: 0 inserts, 0 updates, 0 deletes\n"
            ))
            .says(&format!("INFO {table}: 0 fixes applied\n"));
    }
    assert_eq!(stage.target.int("select count(*) from child"), 1);
}

/// Keys that are equal and not the same text: neither of the two statements is right by itself.
#[test]
fn keys_in_another_spelling_keep_their_rows() {
    let stage = replicated(
        "create table t (id numeric primary key, data text); insert into t values (1, 'one'), (2, 'two')",
        &["t"],
    );
    stage
        .target
        .sql(&format!("{REPLICA} update t set id = 1.00 where id = 1; delete from t where id = 2"));
    stage
        .leaf
        .londiste(["repair", "--apply"])
        .ok()
        .says("missed: 2 inserts, 0 updates, 1 deletes")
        .says("INFO public.t: 1 fixes applied\n")
        .says("WARNING public.t: 2 fixes left out, their rows have changed meanwhile, or are there under an equal key; ");
    assert_eq!(stage.target.text("select id, data from t order by id"), "1.00|one\n2|two");
    // A root is its own source.
    stage.root.londiste(["repair"]).ok().says("src: 2 rows, dst: 2 rows, missed: 0 inserts");
}

#[test]
fn a_condition_bounds_what_is_looked_at() {
    let stage = with_rows(40);
    // Another node has some of the rows under another name.
    let elsewhere = Cluster::shared().create_database("elsewhere");
    elsewhere.sql("create schema other; create table other.\"T\" (id int primary key, data text)");
    let leaf = Node::new(Ours, "elsewhere", &elsewhere, QUEUE);
    let provider = format!("--provider={}", stage.source.connstr());
    leaf.londiste(["create-leaf", "elsewhere", &elsewhere.connstr(), &provider]).ok();
    leaf.start_worker();
    leaf.londiste(["add-table", "--dest-table=other.T", "--copy-condition=id <= 20 or false", "t"])
        .ok();
    leaf.londiste(["wait-sync"]).ok();
    elsewhere.sql(&format!(
        "{REPLICA} update other.\"T\" set data = 'x' where id in (5, 15); delete from other.\"T\" where id = 3"
    ));
    // Each `or` stays inside of its own parentheses: rows above 20 are not missed.
    let outcome = leaf.londiste(["repair", "--repair-where", "id < 10 or id = 30", "t"]).ok();
    outcome
        .says("INFO Dumping src table: public.t (id <= 20 or false) and (id < 10 or id = 30)\n")
        .says("INFO Dumping dst table: other.T (id <= 20 or false) and (id < 10 or id = 30)\n")
        .says("INFO finished other.T: src: 9 rows, dst: 8 rows, missed: 1 inserts, 1 updates, 0 deletes\n");
    assert_eq!(
        fix(&leaf, "other.T"),
        "insert into other.\"T\" (id, data) values ('3', 'row 3');\n\
         update only other.\"T\" set data = 'row 5' where id = '5' and data = 'x';\n"
    );
    // A condition that is more than one is refused by the server, on whatever side it would differ.
    leaf.londiste(["repair", "--repair-where", "true limit 3", "t"]).exits(1).says("syntax error");
    leaf.londiste(["repair", "--apply", "--sort-bufsize=1b", "t"])
        .ok()
        .says("INFO other.T: 3 fixes applied\n");
    leaf.londiste(["compare"]).ok().says("20 rows");

    // A row that has grown out of the condition is still the source's, and stays.
    elsewhere.sql(
        "update londiste.table_info set table_attrs = 'copy_condition=data%20%3C%3E%20%27grown%27'",
    );
    stage.source.sql(&format!("{REPLICA} update t set data = 'grown' where id = 5"));
    leaf.londiste(["repair", "--apply", "--repair-where=id <= 20", "t"])
        .ok()
        .says("missed: 0 inserts, 0 updates, 1 deletes")
        .says("INFO other.T: 0 fixes applied\n")
        .says("WARNING other.T: 1 fixes left out");
    assert_eq!(elsewhere.int("select count(*) from other.\"T\""), 20);
    stage.source.sql(&format!("{REPLICA} update t set data = 'row 5' where id = 5"));

    // By itself a condition is shown as it was given.
    stage.target.sql(&format!("{REPLICA} delete from t where id in (1, 2, 30)"));
    let outcome =
        stage.leaf.londiste(["repair", "--apply", "--repair-where=id < 2 or id = 30"]).ok();
    outcome
        .says("INFO Dumping src table: public.t id < 2 or id = 30\n")
        .says("src: 2 rows, dst: 0 rows, missed: 2 inserts");
    assert_eq!(stage.target.int("select count(*) from t"), 39);
}

#[test]
fn what_cannot_be_repaired_is_said() {
    let stage = replicated(
        "create table t (id int primary key, data text);
         create table keyed (id int primary key, data text);
         create table latecomer (id int primary key);
         insert into t values (1, 'secret value')",
        &["t", "keyed"],
    );
    let leaf = &stage.leaf;
    leaf.londiste(["repair", "--sort-bufsize=much", "t"])
        .exits(1)
        .says("ERROR --sort-bufsize: 'much' is no size");
    leaf.londiste(["repair", "nosuch", "latecomer"])
        .ok()
        .says("WARNING Table not subscribed: public.nosuch\n")
        .says("WARNING Table not subscribed: public.latecomer\n");

    stage.target.sql("alter table keyed drop constraint keyed_pkey, add primary key (data)");
    leaf.londiste(["repair", "keyed"]).exits(1).says("ERROR pkeys do not match");
    for db in [&stage.source, &stage.target] {
        db.sql("alter table keyed drop constraint keyed_pkey");
    }
    leaf.londiste(["repair", "keyed"])
        .exits(1)
        .says("ERROR Primary key missing on table: public.keyed\nHINT: ");

    // The server refuses the fix: which table, what it says, what to do, and no row.
    stage
        .target
        .sql(&format!("{REPLICA} delete from t; alter table t add check (data <> 'secret value')"));
    leaf.londiste(["repair", "--apply", "t"])
        .exits(1)
        .says("ERROR public.t: the server refuses a missed insert: ")
        .says("(SQLSTATE 23514)\nHINT: ")
        .says("INFO public.t: 0 fixes applied\n")
        .says_not("secret value");
    // The dumps stay for whoever looks into it.
    assert_eq!(
        left_behind(leaf),
        ["public.t.dst", "public.t.dst.sorted", "public.t.src", "public.t.src.sorted"]
    );

    // Policies that hide rows would make them missing.
    stage.source.sql(
        "create role repair_reader login password 'x';
         grant londiste_reader, pgq_admin to repair_reader; grant usage on schema londiste, pgq, pgq_node to repair_reader;
         grant select, update on t to repair_reader;
         alter table t enable row level security; create policy none on t using (id > 5)",
    );
    let mut reader = Node::new(Ours, "reader", &stage.target, QUEUE);
    reader.set("remote_extra_connstr", "user=repair_reader password=x host=127.0.0.1");
    let outcome = reader.londiste(["repair", "t"]);
    stage.source.sql("drop owned by repair_reader; drop role repair_reader");
    outcome.exits(1).says("row-level security policy");
}

/// Both sides are dumped in one encoding, whatever the databases have.
#[test]
fn databases_of_different_encodings() {
    let address = Cluster::shared().address();
    let stage = over(
        Cast::all(Ours),
        (Database::create(address, "utf"), Database::create_in(address, "latin", "LATIN1")),
        "create table \"größe\" (\"schlüssel\" text primary key, text text);
         insert into \"größe\" select 'é' || n, 'façade ' || n from generate_series(1, 20) n",
        &["größe"],
    );
    let equal = stage.leaf.londiste(["repair"]).ok();
    equal.says("src: 20 rows, dst: 20 rows, missed: 0 inserts, 0 updates, 0 deletes");
    stage.target.sql(&format!(
        "{REPLICA} update \"größe\" set text = 'ß' where \"schlüssel\" = 'é3'; delete from \"größe\" where \"schlüssel\" = 'é4'"
    ));
    stage.leaf.londiste(["repair"]).ok();
    assert_eq!(
        fix(&stage.leaf, "public.größe"),
        "update only public.\"größe\" set text = 'façade 3' where \"schlüssel\" = 'é3' and text = 'ß';\n\
         insert into public.\"größe\" (\"schlüssel\", text) values ('é4', 'façade 4');\n"
    );
    stage.leaf.londiste(["repair", "--apply"]).ok().says("INFO public.größe: 2 fixes applied\n");
    stage.leaf.londiste(["compare"]).ok();
    // What the other encoding does not have is refused, and its row not shown.
    stage.leaf.stop_worker();
    stage.source.sql(&format!("{REPLICA} insert into \"größe\" values ('é5 日本', '')"));
    stage.leaf.start_worker();
    stage
        .leaf
        .londiste(["repair", "--apply"])
        .exits(1)
        .says("ERROR public.größe: the server refuses a missed insert: ")
        .says("(SQLSTATE 22P05)")
        .says_not("日本");
}

/// What other queues have brought is not at this queue's source, and is not to be deleted.
#[test]
fn rows_of_other_queues_stay() {
    let stage = merged(&["one", "two"]);
    let leaf = &stage.shards[0].leaf;
    stage.add_on_shards();
    leaf.londiste(["add-table", "--merge-all", "public.visit"]).ok();
    for shard in &stage.shards {
        shard.leaf.londiste(["wait-sync"]).ok();
    }
    stage.full.sql(&format!("{REPLICA} delete from visit where id in (7, 1007)"));
    leaf.londiste(["repair", "--apply"])
        .ok()
        .says("WARNING Table public.visit has rows of other queues as well (q_two): ")
        .says_not("Locking");
    leaf.londiste(["repair", "--apply", "--repair-where=id <= 1000"])
        .ok()
        .says("src: 300 rows, dst: 299 rows, missed: 1 inserts, 0 updates, 0 deletes");
    assert_eq!(stage.full.int("select count(*) from visit"), 599);

    // Conditions of what was copied do not tell the queues apart.
    for shard in &stage.shards {
        shard.leaf.londiste(["remove-table", "public.visit"]).ok();
        shard
            .leaf
            .londiste(["add-table", "--expect-sync", "--copy-condition=id > 0", "public.visit"])
            .ok();
        shard.leaf.londiste(["wait-sync"]).ok();
    }
    for blank in [&[][..], &["--repair-where= "]] {
        leaf.londiste([&["repair", "--apply"], blank].concat())
            .ok()
            .says("WARNING Table public.visit has rows of other queues as well (q_two): ")
            .says_not("Locking");
    }
    assert_eq!(stage.full.int("select count(*) from visit"), 599);
    stage.stop();
}

/// Two tables of the set are one here.
#[test]
fn rows_of_other_tables_stay() {
    let stage = replicated(
        "create table t_1 (id int primary key, data text); create table t_2 (like t_1 including all);
         create table t (like t_1 including all);
         insert into t_1 select n, 'one' from generate_series(1, 20) n;
         insert into t_2 select n, 'two' from generate_series(21, 50) n;
         insert into t select * from t_1 union all select * from t_2",
        &[],
    );
    stage.root.londiste(["add-table", "t_1", "t_2"]).ok();
    for table in ["t_1", "t_2"] {
        stage.leaf.londiste(["add-table", "--expect-sync", "--dest-table=t", table]).ok();
    }
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.target.sql(&format!("{REPLICA} delete from t where id in (7, 30)"));
    stage
        .leaf
        .londiste(["repair", "--apply"])
        .ok()
        .says("WARNING Table public.t_1 has rows of other tables as well (public.t_2): ")
        .says("WARNING Table public.t_2 has rows of other tables as well (public.t_1): ")
        .says_not("Locking");
    stage
        .leaf
        .londiste(["repair", "--apply", "--repair-where=id <= 20", "t_1"])
        .ok()
        .says("src: 20 rows, dst: 19 rows, missed: 1 inserts, 0 updates, 0 deletes");
    assert_eq!(stage.target.int("select count(*) from t"), 49);
}

/// A branch as the source stands still for a moment; who reads from it is not told of fixes.
#[test]
fn between_branch_and_leaf() {
    let stage = with_rows(20);
    let cluster = Cluster::shared();
    let (mid, end) = (cluster.create_database("mid"), cluster.create_database("end"));
    let node = |name: &str, db: &Database, create: &str, provider: &Database| {
        db.sql("create table t (id int primary key, data text)");
        let node = Node::new(Ours, name, db, QUEUE);
        let provider = format!("--provider={}", provider.connstr());
        node.londiste([create, name, &db.connstr(), &provider]).ok();
        node.start_worker();
        node.londiste(["add-table", "t"]).ok();
        node.londiste(["wait-sync"]).ok();
        node
    };
    let branch = node("mid", &mid, "create-branch", &stage.source);
    let leaf = node("end", &end, "create-leaf", &mid);
    mid.sql(&format!("{REPLICA} delete from t where id = 3"));
    end.sql(&format!("{REPLICA} delete from t where id = 4"));

    leaf.londiste(["repair"])
        .ok()
        .says("INFO Provider: mid (branch)\n")
        .says("INFO Pausing upstream worker: mid\n")
        .says("INFO Resuming upstream worker: mid\n")
        .says("src: 19 rows, dst: 19 rows, missed: 1 inserts, 0 updates, 1 deletes");
    assert_eq!(
        fix(&leaf, "public.t"),
        "delete from only public.t where id = '3';\n\
         insert into public.t (id, data) values ('4', 'row 4');\n"
    );
    branch.londiste(["repair", "--apply"]).ok().says("INFO public.t: 1 fixes applied\n");
    leaf.londiste(["repair", "--apply"])
        .ok()
        .says("src: 20 rows, dst: 19 rows, missed: 1 inserts, 0 updates, 0 deletes");
    stage.source.sql("insert into t values (21, 'later')");
    wait_for("the row at the end", EVENTUALLY, || {
        let rows = end.int("select count(*) from t");
        holds(rows == 21, rows)
    });
    leaf.londiste(["compare"]).ok();
    assert_eq!(end.int("select count(*) from t where id = 3"), 1);
    for node in [&leaf, &branch] {
        node.stop_worker();
    }
}
