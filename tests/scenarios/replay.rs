//! What replay makes of a history: the same rows as the source has, and as the reference makes of it.

use std::process::Stdio;

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Database, Node, wait_for};

use crate::diary::{Cast, QUEUE, Stage, assert_same_rows, wait_caught_up};

/// Tables of every shape that replay treats differently, with their keys.
pub(crate) const ODD_TABLES: [(&str, &str); 7] = [
    ("odd.types", "id"),
    ("odd.two_keys", "a, b"),
    ("odd.number", "n"),
    ("odd.moment", "at"),
    ("odd.padded", "code"),
    ("odd.nickname", "id"),
    (r#"odd."Mixed Case""#, r#""Key ""x""""#),
];

pub(crate) const ODD_SCHEMA: &str = r#"
create schema odd;
create type odd.mood as enum ('sad', 'ok', 'happy');
create domain odd.short as varchar(5) check (value <> 'bad');
create type odd.pair as (a int, b text);
create table odd.types (
    id int primary key, flag bool, letter "char", code char(5), short varchar(10), bits bit(3), mask varbit,
    raw bytea, price numeric(10,2), ratio float8, words text[], numbers int[], span int4range, doc json, docb jsonb,
    at timestamptz, lasts interval, ident uuid, host inet, place point, mood odd.mood, tag odd.short, pair odd.pair,
    pairs odd.pair[], tags odd.short[], note text);
create table odd.two_keys (a int, b text, v text, primary key (a, b));
create table odd.number (n numeric primary key, v text);
create table odd.moment (at timestamptz primary key, v text);
create table odd.padded (code char(4) primary key, v text);
create table odd.nickname (id int primary key, nick text unique, v int);
create table odd."Mixed Case" ("Key ""x""" int primary key, "Value %s" text, "order" int);
"#;

/// Values that encoders, literals and COPY have to carry.
pub(crate) const ODD_ROWS: &str = r#"
insert into odd.types values
 (1, true, 'x', 'ab', 'ten chars', B'101', B'10', '\x00ff5c27', 12.50, 'NaN', '{a,"b c",NULL,"\\"}', '{{1,2},{3,4}}',
  '[1,5)', '{"a": [1, "x\ty"]}', '{"b": null}', '2024-02-29 13:45:07.123456+02', '1 mon -2 days 03:00:00.5',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.0.0.1/8', '(1.5,-2)', 'happy', 'tag', '(1,"x, y")', '{"(1,a)","(2,)"}',
  '{ab,NULL}', E'tab\t newline\n cr\r back\\slash ''quote'' "double" %s & = + ü €'),
 (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
  null, null, null, null, null, null),
 (3, false, '', '', '', B'000', B'', '', 0, '-Infinity', '{}', '{}', 'empty', '""', '0', 'infinity', '0', null,
  '::1', '(0,0)', 'sad', '', '(,)', '{}', '{}', E'\\N');
insert into odd.number values (1, 'a'), (1.50, 'b'), (-0.001, 'c'), (1e20, 'd');
insert into odd.moment values ('2024-02-29 13:45:07.5+00', 'a'), ('2024-06-01 00:00+02', 'b');
insert into odd.padded values ('a', 'a'), ('ab', 'b');
insert into odd."Mixed Case" values (1, 'a', 1), (2, null, null);
"#;

/// Inserts, updates and deletes over a few keys, so that most rows change several times within a batch. Repeatable: the
/// numbers come from `setseed`.
pub(crate) const RANDOM_HISTORY: &str = "
do $$ begin perform setseed(0.25);
for step in 1..3000 loop
  declare k int := floor(random() * 40); t text := 'v' || floor(random() * 1000); dice float := random(); begin
    if dice < 0.4 then
        insert into odd.two_keys values (k % 7, 'k' || k, t) on conflict do nothing;
        insert into odd.number values (k + 100, t) on conflict do nothing;
        insert into odd.nickname values (k, 'nick' || k, step) on conflict do nothing;
    elsif dice < 0.8 then
        update odd.two_keys set v = nullif(t, 'v7') where a = k % 7 and b = 'k' || k;
        update odd.number set v = t where n = k + 100;
        update odd.nickname set v = step where id = k;
        update odd.types set note = t, price = step / 100.0 where id = 1 + k % 3;
    else
        delete from odd.two_keys where a = k % 7 and b = 'k' || k;
        delete from odd.number where n = k + 100;
        delete from odd.nickname where id = k;
    end if;
  end;
end loop; end $$";

/// Nicknames move in circles: no order of sets does, only that of the events.
const SWAPS: &str = "
update odd.nickname set nick = null where id = (select min(id) from odd.nickname);
update odd.nickname set nick = (select 'nick' || min(id) from odd.nickname)
 where id = (select max(id) from odd.nickname);
update odd.nickname set nick = (select 'nick' || max(id) from odd.nickname)
 where id = (select min(id) from odd.nickname)";

/// A leaf beside the one of the stage.
fn second_leaf(stage: &Stage, implementation: Impl, schema: &str) -> (Node, Database) {
    let db = Cluster::shared().create_database("second");
    db.sql(schema);
    let leaf = Node::new(implementation, "second", &db, QUEUE).with("parallel_copies", "4");
    let provider = format!("--provider={}", stage.source.connstr());
    leaf.londiste(["create-leaf", "second", &db.connstr(), &provider]).ok();
    (leaf, db)
}

/// One root, one leaf of ours, one of theirs, one history.
#[test]
fn our_leaf_and_theirs_end_equal() {
    let stage = Stage::set(Cast::all(Ours));
    for db in [&stage.source, &stage.target] {
        db.sql(ODD_SCHEMA);
    }
    stage.create_nodes();
    let (theirs, their_db) = second_leaf(&stage, Reference, ODD_SCHEMA);
    stage.start_daemons();
    theirs.start_worker();
    let names: Vec<String> = ODD_TABLES.iter().map(|(name, _)| name.replace('"', "")).collect();
    let add: Vec<&str> =
        ["add-table"].into_iter().chain(names.iter().map(String::as_str)).collect();
    for node in [&stage.root, &stage.leaf, &theirs] {
        node.londiste(&add).ok();
    }
    for node in [&stage.leaf, &theirs] {
        node.londiste(["wait-sync"]).ok();
    }

    let all_equal = |when: &str| {
        stage.wait_caught_up();
        wait_caught_up(&stage.source, &their_db, "second");
        for (table, key) in ODD_TABLES {
            for leaf in [&stage.target, &their_db] {
                assert_same_rows((&stage.source, table), (leaf, table), key);
            }
        }
        assert!(!stage.leaf.log().contains("ERROR"), "{when}: {}", stage.leaf.log());
    };
    stage.source.sql(ODD_ROWS);
    all_equal("odd values");
    stage.source.sql(RANDOM_HISTORY);
    all_equal("one transaction, many changes of each row");
    stage.source.sql(SWAPS);
    all_equal("unique values that move in circles");
    stage.source.sql(
        "update odd.number set v = 'changed' where n <> 1; delete from odd.number where n = 1.5;
         update odd.moment set v = 'changed'; delete from odd.moment where v = 'b';
         update odd.padded set v = code || '!'; delete from odd.padded where code = 'ab';
         update odd.\"Mixed Case\" set \"Value %s\" = '%(x)s', \"order\" = 3; delete from odd.types where id = 2",
    );
    all_equal("keys of all kinds");
    stage.source.sql(
        "begin; insert into odd.two_keys values (99, 'before', 'x'); truncate odd.two_keys;
         insert into odd.two_keys values (99, 'after', 'y'); commit",
    );
    all_equal("a truncate among inserts");
    theirs.stop_worker();
    stage.stop_daemons();
}

/// Starts a worker that kills itself at a named place, and after it one that lives.
fn crash_once(node: &Node, point: &str) {
    let mut crashing = node.command();
    crashing.args(["-d", "worker"]).env("LONDISTE_CRASH_POINT", point).stdout(Stdio::null());
    assert!(crashing.status().expect("our own program starts").success(), "the daemon detached");
    node.wait_log(&format!("crash point {point}"), SOON);
    let pidfile = std::fs::read_to_string(node.worker().pidfile()).expect("it could not remove it");
    node.worker().wait_gone(pidfile.trim().parse().expect("a process number"));
    node.start_worker();
}

/// Whatever the moment of the crash, every change arrives once.
#[test]
fn a_crash_loses_and_doubles_nothing() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["app.user_info", "app.user_session"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    for point in ["batch-applied", "batch-committed", "batch-finished"] {
        stage.leaf.stop_worker();
        stage.source.sql(
            "update app.user_session set login_count = login_count + 1;
             delete from app.user_info where userid % 10 = 1;
             insert into app.user_info (userid) select i * 10 + 1 from generate_series(0, 499) i",
        );
        crash_once(&stage.leaf, point);
        stage.wait_caught_up();
        stage.assert_equal(&[("app.user_info", "userid"), ("app.user_session", "userid")]);
    }
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
    stage.stop_daemons();
}

/// Tables that are not like the source's: computed columns, identities, triggers of their own, rows changed by hand.
#[test]
fn destinations_of_their_own_kind() {
    let stage = Stage::set(Cast::all(Ours));
    stage.source.sql(
        "create table app.item (id int primary key, name text, price int, total int);
         create table app.line (id int generated always as identity primary key, name text);
         create table app.audited (id int primary key, name text)",
    );
    stage.target.sql(
        "create table app.item (id int primary key, price int, name text,
                                total int generated always as (price * 2) stored, extra text default 'here');
         create table app.line (id int generated always as identity primary key, name text);
         create table app.audited (id int primary key, name text);
         create table app.audit (nr serial, op text, id int, lines bigint);
         create function app.audit() returns trigger language plpgsql as $$ begin
             insert into app.audit (op, id, lines)
             select tg_op, coalesce(new.id, old.id), count(*) from app.line;
             return null;
         end $$;
         create trigger audit after insert or update or delete on app.audited
            for each row execute function app.audit();
         alter table app.audited enable always trigger audit",
    );
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["app.item", "app.line", "app.audited"]);
    stage.leaf.londiste(["wait-sync"]).ok();

    stage.source.sql(
        "insert into app.item select i, 'item ' || i, i, i * 2 from generate_series(1, 1000) i;
         update app.item set price = 7, total = 14 where id = 5; delete from app.item where id = 6;
         insert into app.line (name) select 'line ' || i from generate_series(1, 500) i;
         update app.line set name = 'changed' where id = 3",
    );
    // The trigger on the leaf sees the other table as it was at that moment, event by event.
    stage.source.sql(
        "begin; insert into app.audited values (1, 'a'); delete from app.line where id > 400;
         insert into app.audited values (2, 'b'); update app.audited set name = 'c' where id = 1;
         insert into app.line (name) values ('last'); delete from app.audited where id = 2; commit",
    );
    stage.wait_caught_up();
    let columns = "id, name, price, total";
    let items = format!("select {columns} from app.item order by id");
    assert_eq!(stage.target.text(&items), stage.source.text(&items));
    assert_eq!(stage.target.text("select distinct extra from app.item"), "here");
    stage.assert_equal(&[("app.line", "id"), ("app.audited", "id")]);
    assert_eq!(
        stage.target.text("select op, id, lines from app.audit order by nr"),
        "INSERT|1|500\nINSERT|2|400\nUPDATE|1|400\nDELETE|2|401"
    );

    // Rows that somebody removed here are missed, and said so.
    stage
        .target
        .sql("set session_replication_role = replica; delete from app.item where id in (10, 11)");
    stage
        .source
        .sql("update app.item set price = 1 where id < 20; delete from app.item where id = 11");
    stage.leaf.wait_log("Table app.item: 1 updates and 1 deletes met no row", EVENTUALLY);
    stage.wait_caught_up();

    // A column that is not here stops the batch, with its name, until it is.
    stage
        .source
        .sql("alter table app.item add column colour text; update app.item set colour = 'red'");
    stage.leaf.wait_log(r#"column "colour" of table app.item does not exist"#, EVENTUALLY);
    stage.target.sql("alter table app.item add column colour text");
    stage.wait_caught_up();
    assert_eq!(stage.target.text("select distinct colour from app.item"), "red");
    let status = stage.root.londiste(["status"]).ok();
    status.says_not("ERR:");
    stage.stop_daemons();
}

/// All formats of events, mixed in one batch.
#[test]
fn sql_and_json_events_are_replayed() {
    let stage = Stage::set(Cast::all(Ours));
    let (tables, formats) = (["app.as_sql", "app.as_json", "app.as_row"], ["Q", "J", "L"]);
    for db in [&stage.source, &stage.target] {
        for table in tables {
            db.sql(&format!(
                "create table {table} (id int, half bool, at timestamp, v text, n numeric, primary key (id, half))"
            ));
        }
    }
    stage.create_nodes();
    stage.start_daemons();
    for (table, format) in tables.iter().zip(formats) {
        stage.root.londiste(["add-table", &format!("--trigger-flags={format}"), table]).ok();
        stage.leaf.londiste(["add-table", table]).ok();
    }
    stage.leaf.londiste(["wait-sync"]).ok();
    let history = tables.map(|table| {
        format!(
            r#"insert into {table} select i, i % 2 = 0, '2024-02-29 13:45:07.5', E'a\\b ''c'' "d" ' || i, i / 3.0
                 from generate_series(1, 300) i;
               update {table} set v = null, at = at + interval '1 day' where id % 3 = 0;
               update {table} set n = -0.10, v = E'\t%&=+' where id % 7 = 0; delete from {table} where id % 5 = 0;
               insert into {table} values (5, false, null, null, null)"#
        )
    });
    stage.source.sql(&format!("begin; {}; commit", history.join(";")));
    let kinds = "select distinct left(ev_type, 1) from pgq.event_template where ev_extra1 like 'app.as%' order by 1";
    assert_eq!(stage.source.text(kinds).lines().collect::<String>(), "DIU{");
    stage.wait_caught_up();
    stage.assert_equal(&tables.map(|table| (table, "id, half")));
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
    stage.stop_daemons();
}

/// The size of a batch, and of its rows, does not matter.
#[test]
fn a_huge_batch_needs_little_memory() {
    let stage = Stage::set(Cast::all(Ours));
    for db in [&stage.source, &stage.target] {
        db.sql("create table app.big (id int primary key, v text, w text)");
    }
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["app.big"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.source.sql(
        "begin;
         insert into app.big select i, 'value ' || i, repeat('x', 100) from generate_series(1, 60000) i;
         update app.big set v = 'changed' where id % 2 = 0;
         insert into app.big select -i, repeat('y', 1000000), null from generate_series(1, 40) i;
         delete from app.big where id > 50000;
         commit",
    );
    stage.wait_caught_up();
    let sums = "select count(*), sum(hashtext(v)), sum(length(w)), min(id), max(id) from app.big";
    assert_eq!(stage.target.text(sums), stage.source.text(sums));
    let pid = stage.leaf.worker().wait_running();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
    let peak: u64 = peak.and_then(|kb| kb.parse().ok()).expect("Linux says");
    assert!(peak < 64 * 1024, "{peak} kB");
    stage.stop_daemons();
}

/// An event that cannot be applied is named, without its values.
#[test]
fn the_event_at_fault_is_named() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["app.user_info"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage
        .target
        .sql("alter table app.user_info add constraint polite check (signname <> 'secret7')");
    stage.source.sql("update app.user_info set signname = 'secret' || userid where userid < 50");
    let expected = "violates check constraint \"polite\" (table app.user_info, SQLSTATE 23514)";
    wait_for("the event in status", EVENTUALLY, || {
        let status = stage.root.londiste(["status"]).ok();
        let line = status.stdout.lines().find(|line| line.contains("ERR: dst: [ev_id="));
        line.filter(|line| line.contains(expected)).map(drop).ok_or(status)
    });
    assert!(!stage.leaf.log().contains("secret7"), "{}", stage.leaf.log());
    stage.target.sql("alter table app.user_info drop constraint polite");
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid")]);
    stage.stop_daemons();
}

/// A branch passes on what it applies, with the same ids and ticks, and its leaf cannot tell the difference.
#[test]
fn a_branch_passes_everything_on() {
    let stage = Stage::set(Cast::all(Ours));
    let middle_db = Cluster::shared().create_database("middle");
    middle_db.sql(crate::diary::SCHEMA);
    stage.root.londiste(["create-root", "src", &stage.source.connstr()]).ok();
    stage.quick_ticks();
    let middle = Node::new(Ours, "middle", &middle_db, QUEUE).with("parallel_copies", "4");
    let provider = format!("--provider={}", stage.source.connstr());
    middle.londiste(["create-branch", "middle", &middle_db.connstr(), &provider]).ok();
    let provider = format!("--provider={}", middle_db.connstr());
    stage.leaf.londiste(["create-leaf", "dst", &stage.target.connstr(), &provider]).ok();
    stage.start_daemons();
    middle.start_worker();
    for node in [&stage.root, &middle, &stage.leaf] {
        node.londiste(["add-table", "app.user_info", "app.user_session"]).ok();
        node.londiste(["wait-sync"]).ok();
    }
    stage.source.sql(
        "update app.user_session set login_count = 5 where userid < 1000;
         delete from app.user_info where userid > 4000; insert into app.user_info (userid) values (9000)",
    );
    stage.wait_caught_up();
    for db in [&middle_db, &stage.target] {
        assert_same_rows((&stage.source, "app.user_info"), (db, "app.user_info"), "userid");
        assert_same_rows((&stage.source, "app.user_session"), (db, "app.user_session"), "userid");
    }
    let ticks = format!("select max(tick_id) from pgq.tick where tick_id <= {}", i64::MAX);
    wait_for("the same ticks on the branch", SOON, || {
        let (source, middle) = (stage.source.int(&ticks), middle_db.int(&ticks));
        if source == middle { Ok(()) } else { Err(format!("{source} and {middle}")) }
    });

    // Killed between data and tick, the branch makes the tick when it comes back.
    middle.stop_worker();
    stage.source.sql("update app.user_session set login_count = 6 where userid < 1000");
    crash_once(&middle, "batch-committed");
    stage.wait_caught_up();
    assert_same_rows(
        (&stage.source, "app.user_session"),
        (&stage.target, "app.user_session"),
        "userid",
    );
    middle.stop_worker();
    stage.stop_daemons();
}

/// Tables are described once, but every batch is applied by the structure that is there.
#[test]
fn structure_may_change_between_batches() {
    let stage = Stage::set(Cast::all(Ours));
    for db in [&stage.source, &stage.target] {
        db.sql("create table app.flags (id int primary key, flag bool, n int)");
    }
    stage.create_nodes();
    stage.start_daemons();
    stage.add_tables(&["app.flags"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.source.sql("insert into app.flags select i, true, 1 from generate_series(1, 500) i");
    stage.wait_caught_up();
    // By the old description the value would go through the old type, and come out as 'true'.
    stage.target.sql("alter table app.flags alter flag type text using 'before'");
    stage.source.sql(
        "update app.flags set n = 2 where id <= 300; insert into app.flags values (1000, false, 3)",
    );
    stage.wait_caught_up();
    assert_eq!(
        stage.target.text("select flag, n, count(*) from app.flags group by 1, 2 order by 1, 2"),
        "before|1|200\nf|3|1\nt|2|300"
    );
    // From here on the order of events matters here, which it did not before.
    stage.target.sql(
        "create table app.seen (nr serial, id int, n int);
         create function app.see() returns trigger language plpgsql as
            $$ begin insert into app.seen (id, n) values (new.id, new.n); return null; end $$;
         create trigger see after update on app.flags for each row execute function app.see();
         alter table app.flags enable replica trigger see",
    );
    stage.source.sql(
        "begin; update app.flags set n = 7 where id = 1; update app.flags set n = 8 where id = 2;
         update app.flags set n = 9 where id = 1; commit",
    );
    stage.wait_caught_up();
    assert_eq!(stage.target.text("select id, n from app.seen order by nr"), "1|7\n2|8\n1|9");
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
    stage.stop_daemons();
}

/// A leaf that has fallen behind takes many ticks at once; a branch takes each, because its own queue needs them all.
#[test]
fn a_leaf_that_is_behind_takes_several_ticks_at_once() {
    let stage = Stage::set(Cast::all(Ours));
    let branch_db = Cluster::shared().create_database("branch");
    branch_db.sql(crate::diary::SCHEMA);
    stage.create_nodes();
    let branch = Node::new(Ours, "branch", &branch_db, QUEUE).with("parallel_copies", "4");
    let provider = format!("--provider={}", stage.source.connstr());
    branch.londiste(["create-branch", "branch", &branch_db.connstr(), &provider]).ok();
    stage.start_daemons();
    branch.start_worker();
    stage.add_tables(&["app.user_info"]);
    branch.londiste(["add-table", "app.user_info"]).ok();
    for node in [&stage.leaf, &branch] {
        node.londiste(["wait-sync"]).ok();
    }
    stage.wait_caught_up();
    wait_caught_up(&stage.source, &branch_db, "branch");
    for node in [&stage.leaf, &branch] {
        node.stop_worker();
    }
    let batches = |node: &Node| node.log().lines().filter(|line| line.contains("{count: ")).count();
    let before = [&stage.leaf, &branch].map(batches);
    stage.source.sql(&format!(
        "do $$ begin for i in 1..60 loop
             update app.user_info set signname = 'step ' || i where userid <= 20; commit;
             perform pgq.force_tick('{QUEUE}'); perform pgq.ticker('{QUEUE}'); commit;
         end loop; end $$"
    ));
    for node in [&stage.leaf, &branch] {
        node.start_worker();
    }
    stage.wait_caught_up();
    wait_caught_up(&stage.source, &branch_db, "branch");
    for db in [&stage.target, &branch_db] {
        assert_same_rows((&stage.source, "app.user_info"), (db, "app.user_info"), "userid");
    }
    let taken = [&stage.leaf, &branch].map(batches);
    let (leafs, branchs) = (taken[0] - before[0], taken[1] - before[1]);
    assert!(leafs < 30, "the leaf took {leafs} batches");
    assert!(branchs >= 60, "the branch took {branchs} batches");
    let ticks =
        "select count(*) from pgq.tick where tick_id > (select max(tick_id) - 60 from pgq.tick)";
    wait_for("the same ticks on the branch", SOON, || {
        let (source, branch) = (stage.source.int(ticks), branch_db.int(ticks));
        if source == branch { Ok(()) } else { Err(format!("{source} and {branch}")) }
    });
    branch.stop_worker();
    stage.stop_daemons();
}
