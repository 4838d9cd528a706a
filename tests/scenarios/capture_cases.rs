//! Single cases in which the trigger function that is made for a table could lose something, stop a write, or lend its
//! rights to somebody. The storms are in [`super::capture`].

use system_tests::Database;

use super::capture::{read_on, root, rotate};

#[test]
fn a_column_that_may_be_null_now_is_not_empty() {
    let db = root();
    added(&db, "create table c (id int primary key, v text not null, n int not null)");
    db.sql("insert into c values (1, '', 1); alter table c alter v drop not null, alter n drop not null");
    db.sql("insert into c values (2, null, null)");
    assert_eq!(events(&db), "I:id|id=1&v=&n=1\nI:id|id=2&v&n");
}

/// A function made under an old snapshot would know the columns of that time only, and leave the new one out for good.
#[test]
fn an_old_snapshot_makes_no_function_of_old_columns() {
    let db = root();
    db.sql("create table c (id int primary key)");
    let mut late = db.client();
    late.batch_execute("begin isolation level repeatable read; select 1").unwrap();
    db.sql("alter table c add v text");
    late.batch_execute("select londiste.local_add_table('q', 'c'); commit").unwrap();
    db.sql("insert into c values (1, 'precious')");
    assert_eq!(events(&db), "I:id|id=1&v=precious");
}

#[test]
fn collations_do_not_matter() {
    let db = root();
    if db.int("select count(*) from pg_collation where collprovider = 'i'") == 0 {
        return;
    }
    db.sql(
        "create collation nd (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    );
    added(&db, "create table c (k text collate nd primary key, v text collate nd)");
    db.sql("insert into c values ('a', 'b c'); update c set k = 'A', v = 'ü (x)'; update c set v = '&=' || v");
    assert_eq!(
        events(&db),
        "I:k|k=a&v=b+c\nU:k|k=A&v=%c3%bc+%28x%29\nU:k|k=A&v=%26%3d%c3%bc+%28x%29"
    );
}

#[test]
fn wide_tables_have_a_function_of_their_own() {
    let db = root();
    added(
        &db,
        "do $$ begin execute (select format('create table c (id int primary key, %s)', string_agg(format('c%s text', i), ','))
           from generate_series(1, 1500) i); end $$",
    );
    db.sql("insert into c (id, c1, c1500) values (1, 'a', 'b')");
    assert!(events(&db).ends_with("&c1499&c1500=b"), "{}", events(&db));
}

/// With a cast of its own an enum has two operators "=" in pg_catalog to choose from.
#[test]
fn a_key_with_casts_can_be_updated() {
    let db = root();
    db.sql("create type e as enum ('x', 'y'); create cast (e as text) with inout as implicit");
    added(&db, "create table c (k e primary key, v int)");
    db.sql("insert into c values ('x', 1); update c set v = 2; update c set k = 'y'");
    assert_eq!(events(&db), "I:k|k=x&v=1\nU:k|k=x&v=2\nD:k|k=x&v=2\nI:k|k=y&v=2");
}

/// Casts, operators and types that the owner of a table makes are not called with the rights of the function's owner.
#[test]
fn nothing_of_the_tables_owner_runs_as_somebody_else() {
    let db = root();
    db.sql(&format!(
        "create role {0} login; create schema app authorization {0}; create schema ext; create domain ext.code as text;
         grant create, usage on schema ext to {0}; set role {0};
         create table app.c (id int primary key, k ext.code not null)",
        role(&db)
    ));
    db.sql("select londiste.local_add_table('q', 'app.c')");
    let mut owner = db.client();
    owner
        .batch_execute(&format!(
            "set session authorization {};
             create table app.called (by name); grant all on app.called to public; grant usage on schema app to public;
             create function app.note() returns void language sql as 'insert into app.called values (current_user)';
             create type app.e as enum ('x');
             create function app.to_json(app.e) returns json language sql as 'select app.note(); select ''1''::json';
             create cast (app.e as json) with function app.to_json(app.e);
             create function app.fine(text) returns bool language sql as 'select app.note(); select true';
             create domain app.record as pg_catalog.text check (app.fine(value));
             create domain app.oid as pg_catalog.oid check (app.fine(value::pg_catalog.text));
             create domain app.name as pg_catalog.name check (app.fine(value::pg_catalog.text));
             alter table app.c add e app.e, add _pgq_ev_extra2 app.e default 'x';
             set search_path = app, pg_catalog;
             insert into app.c values (1, 'a', 'x'); update app.c set id = 2, k = 'b', e = null",
            role(&db)
        ))
        .expect("nothing stops a write");
    assert_eq!(db.text("select * from app.called"), "");
    assert_eq!(events(&db), "I:id|id=1&k=a&e=x\nD:id|id=1&k=a&e=x\nI:id|id=2&k=b&e");
    db.sql(&format!("drop owned by {0} cascade; drop role {0}", role(&db)));
}

/// Who may not create triggers on a table does not get its function made anew for another name.
#[test]
fn a_function_is_made_for_those_who_could_create_the_trigger() {
    let db = root();
    db.sql(&format!("create role {0} login in role londiste_writer, pgq_writer", role(&db)));
    let table = db.int("select 's.t'::regclass::oid::int8");
    let mut other = db.client();
    let made = other
        .batch_execute(&format!("set session authorization {}", role(&db)))
        .and_then(|()| {
            other.query_one(&format!("select londiste._make_capture('q', {table}, 'x.y')"), &[])
        })
        .expect("it may ask");
    assert_eq!(made.get::<_, Option<String>>(0), None);
    db.sql("insert into s.t values (1)");
    assert_eq!(db.text("select ev_extra1 from pgq.event_1 where ev_type like 'I%'"), "s.t");
    drop(other);
    db.sql(&format!("drop role {}", role(&db)));
}

/// Events of rows the function was not made for take another way, and so do those of pgq.insert_event.
#[test]
fn an_old_snapshot_writes_behind_a_rotation() {
    let db = root();
    let mut late = db.client();
    late.batch_execute("begin isolation level repeatable read; select 1 from pgq.tick").unwrap();
    let mut client = db.client();
    let rotated = (0..10).any(|_| {
        db.sql("select txid_current()");
        read_on(&mut client, &["q"]);
        rotate(&db) == 1
    });
    assert!(rotated);
    for _ in 0..3 {
        db.sql("select txid_current()");
        read_on(&mut client, &["q"]);
    }
    late.batch_execute(
        "insert into s.t values (1); update s.t set id = 2; select pgq.insert_event('q', 'direct', ''); commit",
    )
    .unwrap();
    db.sql("select txid_current()");
    for _ in 0..3 {
        read_on(&mut client, &["q"]);
    }
    assert_eq!(db.text("select ev_type from got order by ev_id"), "I:id\nD:id\nI:id\ndirect");
}

/// Columns that steer the trigger do so from the first row on, whenever they come, whatever their types.
#[test]
fn columns_that_steer_the_trigger_may_come_later() {
    const CHANGES: &[&str] = &[
        "add _pgq_ev_extra3 flag default true",
        "add _pgq_ev_extra1 pair default '(1,\"a b\")'",
        "add _pgq_ev_type mood default 'so happy'",
        "rename v to _pgq_ev_data; alter table c add v text default 'x'",
        "add _pgq_ev_extra2 numeric(5, 3) default 1, add _pgq_ev_extra4 text",
        "alter _pgq_ev_type drop default",
        "drop w, drop _pgq_ev_data",
        "drop _pgq_ev_extra1, drop _pgq_ev_extra2, drop _pgq_ev_extra3, drop _pgq_ev_extra4",
        "drop _pgq_ev_type",
    ];
    const WRITES: &str =
        "insert into c (id, v) values (1, 'a &'), (2, null); update c set v = 'ä=' where id = 1;
        update c set v = v; delete from c where id = 2; delete from c";
    let db = root();
    db.sql(
        "select pgq.create_queue('witness'); create type mood as enum ('sad', 'so happy');
         create type pair as (a int, b text); create domain flag as bool",
    );
    for (name, argument) in [("public.c", ""), ("x.y", ", 'ev_extra1=''x.y'''")] {
        db.sql("create table c (id int primary key, v text, w text default 'w')");
        db.sql(&format!(
            "select londiste.local_add_table('q', '{name}', '{{}}', null, 'public.c');
             create trigger witness after insert or update or delete on c
                 for each row execute function pgq.logutriga('witness'{argument})"
        ));
        for change in CHANGES {
            db.sql(&format!(
                "delete from pgq.event_1; delete from pgq.event_2; alter table c {change}; {WRITES}"
            ));
            db.sql(&format!("select londiste.periodic_maintenance(); {WRITES}"));
            let list = |queue: i32| {
                db.text(&format!(
                    "select row(ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4)
                       from pgq.event_{queue} order by ev_id"
                ))
            };
            let general = list(2);
            assert_eq!(general.lines().count(), 14, "{general}");
            assert_eq!(list(1), general, "{name} after {change}");
        }
        db.sql(&format!("select londiste.local_remove_table('q', '{name}'); drop table c"));
    }
}

/// Each of the two events has the fields that its own row asks for.
#[test]
fn a_key_changes_beside_a_column_that_steers_the_trigger() {
    let db = root();
    added(&db, "create table c (id int primary key)");
    db.sql(
        "alter table c add _pgq_ev_extra3 text; insert into c values (1, 'one');
         update c set id = 2, _pgq_ev_extra3 = 'two'; alter table c drop id; update c set _pgq_ev_extra3 = 'three'",
    );
    assert_eq!(
        db.text(
            "select ev_type, ev_data, ev_extra3 from pgq.event_1 where ev_type ~ ':' order by ev_id"
        ),
        "I:id|id=1|one\nD:id|id=1|one\nI:id|id=2|two\nU:||three"
    );
}

#[test]
fn a_column_that_only_seems_to_steer_the_trigger_is_refused() {
    let db = root();
    db.sql("alter table s.t add _pgq_ev_foo text");
    let error = db.try_text("insert into s.t values (1)").expect_err("refused");
    let message = error.as_db_error().expect("said by the server").message().to_owned();
    assert_eq!(message, "Unknown magic column: _pgq_ev_foo");
}

/// One made when only the general trigger will do, which by itself knows primary keys only.
#[test]
fn a_partition_has_the_key_of_its_table() {
    let db = root();
    added(&db, "create table c (id int not null unique, v text)");
    db.sql("alter table c add _pgq_ev_extra3 text");
    db.sql("select londiste.create_partition('c', 'c_1', 'id', null, null, null)");
    db.sql("insert into c_1 values (1, 'a', 'x'); update c_1 set v = 'b'; delete from c_1");
    assert_eq!(events(&db), "I:id|id=1&v=a\nU:id|id=1&v=b\nD:id|id=1&v=b");
}

/// Rotation comes after it: maintenance must not stand behind ALTER TABLE.
#[test]
fn maintenance_does_not_wait_for_a_table() {
    let db = root();
    added(&db, "create table c (id int primary key)");
    db.sql("alter table s.t add b int; alter table c add b int");
    let mut busy = db.client();
    busy.batch_execute("begin; alter table c add d int").unwrap();
    db.sql("set lock_timeout = '30s'; select londiste.periodic_maintenance()");
    assert_eq!(db.int("select londiste._refresh_captures(false)"), 0);
    busy.batch_execute("select londiste.periodic_maintenance(); commit").unwrap();
    assert_eq!(db.int("select londiste._refresh_captures(false)"), 0);
    db.sql("insert into c values (1, 2, 3)");
    assert_eq!(events(&db), "I:id|id=1&b=2&d=3");
}

/// Makes a table, named c, and adds it.
#[track_caller]
fn added(db: &Database, create: &str) {
    db.sql(create);
    db.sql("select londiste.local_add_table('q', 'c')");
    assert_eq!(
        db.int("select count(*) from pg_trigger where tgrelid = 'c'::regclass and tgfoid::regproc::text ~ '_capture_'"),
        1
    );
}

/// Events of rows, as far as they are in the queue's tables.
fn events(db: &Database) -> String {
    db.text("select ev_type, ev_data from pgq.event_1 where ev_type ~ ':' order by ev_id")
}

/// Roles belong to the whole server: one for each database.
fn role(db: &Database) -> String {
    format!("role_{}", db.name())
}

/// `$1` would be the row as a whole, columns and all.
#[test]
fn expressions_have_no_parameters() {
    let db = root();
    db.sql(
        "create table c (id int primary key, price text);
         create trigger t after insert on c for each row
             execute function pgq.logutriga('q', 'ev_extra1=$1', 'when=price <> ''$2''')",
    );
    let refused = db.try_text("insert into c values (1, 'x')").unwrap_err();
    let refused = refused.as_db_error().expect("the server's");
    assert_eq!((refused.code().code(), refused.message()), ("42P02", "there is no parameter $1"));
    db.sql(
        "drop trigger t on c; create trigger t after insert on c for each row
             execute function pgq.logutriga('q', 'ev_extra1=price || ''$1'' || $x$ $2$x$', 'when=price <> ''$2''')",
    );
    db.sql("insert into c values (1, 'x'), (2, '$2')");
    assert_eq!(db.text("select ev_extra1 from pgq.event_template"), "x$1 $2");
}
