//! The trigger functions that are made for one table: whatever happens to the table and to the queue while applications
//! write, no write fails because of them, and every change is an event, whole.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use postgres::Client;
use postgres::error::SqlState;
use system_tests::Impl::Ours;
use system_tests::schemas::database;
use system_tests::wait::SOON;
use system_tests::{Database, holds, wait_for};

const WRITERS: i32 = 4;
const WRITES: i32 = 250;
const CHANGES: u64 = 80;

/// Changes of the table that keep its key. `%N` is a number that no other step has, and some steps meet nothing.
const CHANGES_OF_COLUMNS: &[&str] = &[
    "alter table s.t add column c%N text default 'täxt & more'",
    "alter table s.t add column c%N int",
    "alter table s.t add column c%N timestamptz default now()",
    "alter table s.t rename column a to c%N; alter table s.t add column a int",
    "alter table s.t alter column a type text",
    "alter table s.t alter column a type int using length(a::text)",
    "alter table s.t alter column a type numeric(20, 3) using length(a::text)",
    "do $$ declare name text := (select attname from pg_attribute where attrelid = 's.t'::regclass and attnum > 3
         and not attisdropped and attname <> 'a' order by attnum limit 1);
     begin if name is not null then execute format('alter table s.t drop column %I', name); end if; end $$",
    "begin; alter table s.t rename to elsewhere; alter table s.elsewhere rename to t; commit",
    "alter table s.t rename to elsewhere; alter table s.elsewhere rename to t",
    "alter schema s rename to elsewhere; alter schema elsewhere rename to s",
    "create index on s.t (v)",
    "begin; alter table s.t add column c%N int; rollback",
    "select londiste.periodic_maintenance()",
    "select londiste._refresh_captures(true)",
];

/// Changes of its key. The last column of the first key is the one that is dropped with it.
const CHANGES_OF_KEYS: &[&str] = &[
    "alter table s.t drop constraint if exists t_pkey",
    "alter table s.t drop constraint if exists t_pkey; alter table s.t add constraint t_pkey primary key (id)",
    "alter table s.t drop constraint if exists t_pkey, add column k%N int not null default 1;
     alter table s.t add constraint t_pkey primary key (k%N, id)",
    "do $$ declare name text := (select attname from pg_attribute where attrelid = 's.t'::regclass and attnum > 3
         and not attisdropped and attname like 'k%' order by attnum limit 1);
     begin if name is not null then execute format('alter table s.t drop column %I', name); end if; end $$",
    "select londiste.periodic_maintenance()",
];

/// Beside the function made for the table stands the general one, for another queue: both have to write the same.
#[test]
fn a_storm_of_changes_loses_no_column() {
    let db = root();
    db.sql(
        "select pgq.create_queue('witness'), pgq.register_consumer('witness', 'c');
         create trigger witness after insert or update or delete on s.t
             for each row execute function pgq.logutriga('witness')",
    );
    storm(&db, &["q", "witness"], CHANGES_OF_COLUMNS, |id, turn| match turn % 5 {
        0..=2 => format!("insert into s.t (id, v) values ({id}, 'w{turn} ä & b=c')"),
        3 => format!("update s.t set v = 'u{turn} (ü)' where id = {id} - 2"),
        _ => format!("delete from s.t where id = {id} - 3"),
    });

    let list = |queue: &str| {
        db.text(&format!(
            "select ev_txid, ev_type, ev_data, ev_extra1 from got where queue = '{queue}' order by ev_txid, ev_id"
        ))
    };
    let (made_for_it, general) = (list("q"), list("witness"));
    for (ours, expected) in made_for_it.lines().zip(general.lines()) {
        assert_eq!(ours, expected);
    }
    assert_eq!(made_for_it.lines().count(), general.lines().count());
    assert_replayed(&db);
}

/// Without a key, with another key, with changes of the key: the events make the same rows as the writers.
#[test]
fn a_storm_of_keys_stops_no_writer() {
    let db = root();
    storm(&db, &["q"], CHANGES_OF_KEYS, |id, turn| match turn % 5 {
        0..=1 => format!("insert into s.t (id, v) values ({id}, 'w{turn} ä & b=c')"),
        2 => format!("update s.t set v = 'u{turn} (ü)' where id = {id} - 1"),
        3 => format!("update s.t set id = id + 1000000 where id = {id} - 2"),
        _ => format!("delete from s.t where id = {id} - 4"),
    });

    assert_replayed(&db);
}

/// A transaction that has looked at the database before a rotation and writes after it puts its events where readers
/// look for them. So does one whose statement takes its time before it changes the first row.
#[test]
fn who_began_before_a_rotation_writes_to_the_table_after_it() {
    let db = root();
    write_after_a_rotation(&db);
}

/// The same for the general functions and for whoever inserts events himself.
#[test]
fn old_snapshots_do_not_lead_general_triggers_to_an_old_table() {
    let db = root();
    db.sql(
        "drop trigger _londiste_q on s.t;
         create trigger general after insert or update or delete on s.t
             for each row execute function pgq.logutriga('q')",
    );
    write_after_a_rotation(&db);
}

/// A transaction that comes to the event table only after a rotation, without a number of its own before, is read.
#[test]
fn who_waits_through_a_rotation_is_read() {
    let db = root();
    // The next numbers of the sequence need no record in the log, and so give the transaction no number.
    db.sql("select pgq.insert_event('q', 'first', '')");
    thread::scope(|scope| {
        let mut hold = db.client();
        hold.batch_execute("begin; lock table pgq.event_1_0 in share mode").unwrap();
        let mut client = db.client();
        let slow =
            scope.spawn(move || client.batch_execute("select pgq.insert_event('q', 'slow', '')"));
        wait_for("the writer waits", SOON, || {
            let waiting = db.int(
                "select count(*) from pg_locks
                  where not granted and relation = 'pgq.event_1_0'::regclass
                    and database = (select oid from pg_database where datname = current_database())",
            );
            holds(waiting == 1, waiting)
        });
        // Readers know by it where to look. (Without it they could be right by chance: while anything is open
        // elsewhere on the server, they look into both tables.)
        let has_number = "select backend_xid is not null from pg_stat_activity
                           where datname = current_database() and wait_event_type = 'Lock'";
        assert_eq!(db.text(has_number), "t");
        wait_for("a rotation", SOON, || {
            read_on(&mut db.client(), &["q"]);
            rotate(&db);
            let current = db.int("select queue_cur_table from pgq.queue");
            holds(current == 1, current)
        });
        // From these ticks on a reader looks into the new table alone, if nobody older is still writing.
        for _ in 0..3 {
            read_on(&mut db.client(), &["q"]);
        }
        hold.batch_execute("commit").unwrap();
        slow.join().unwrap().expect("the slow statement");
    });
    for _ in 0..2 {
        read_on(&mut db.client(), &["q"]);
    }
    assert_eq!(db.text("select ev_type from got order by ev_id"), "first\nslow");
}

fn write_after_a_rotation(db: &Database) {
    let mut late = db.client();
    late.batch_execute("insert into s.t (id, v) values (1, 'planned'); delete from s.t").unwrap();
    late.batch_execute("begin isolation level repeatable read; select 1 from s.t").unwrap();
    let mut slow = db.client();
    slow.batch_execute("insert into s.t (id, v) values (3, 'slow'), (4, 'planned')").unwrap();
    slow.batch_execute("delete from s.t where id = 4").unwrap();
    slow.batch_execute("begin isolation level repeatable read").unwrap();
    db.sql("create table gate (open bool); insert into gate values (false)");

    thread::scope(|scope| {
        let mut hold = db.client();
        hold.batch_execute("begin; select pg_advisory_xact_lock(1)").unwrap();
        let slow = scope.spawn(move || {
            // A deletion opens nothing after this wait that would make it hear of the rotation.
            slow.batch_execute(
                "delete from s.t where id = 3 and (select pg_advisory_xact_lock_shared(1)) is not null;
                 commit",
            )
        });
        wait_for("the slow statement waits", SOON, || {
            let waiting =
                db.int("select count(*) from pg_locks where locktype = 'advisory' and not granted");
            holds(waiting == 1, waiting)
        });
        wait_for("a rotation", SOON, || {
            read_on(&mut db.client(), &["q"]);
            rotate(db);
            let current = db.int("select queue_cur_table from pgq.queue");
            holds(current == 1, current)
        });
        late.batch_execute("insert into s.t (id, v) values (2, 'late'); commit").unwrap();
        hold.batch_execute("commit").unwrap();
        slow.join().unwrap().expect("the slow statement");
    });
    assert_eq!(
        db.text("select ev_type, ev_data from pgq.event_1_1 order by ev_id"),
        "I:id|id=2&v=late&a\nD:id|id=3&v=slow&a"
    );
}

/// What a queue refuses it refuses here as well.
#[test]
fn a_closed_or_limited_queue_says_so() {
    let db = root();
    let insert = "insert into s.t (id, v) values (1, 'x'), (2, 'y')";
    let refusal = |sql: &str| {
        let error = db.client().batch_execute(sql).expect_err("it is refused");
        error.as_db_error().expect("said by the server").message().to_owned()
    };
    db.sql("update pgq.queue set queue_disable_insert = true");
    assert_eq!(refusal(insert), "Insert into queue disallowed");
    db.sql("update pgq.queue set queue_disable_insert = false, queue_per_tx_limit = 1");
    assert_eq!(refusal(insert), "Queue 'q' allows max 1 events from one TX");
    db.sql("update pgq.queue set queue_per_tx_limit = null");
    db.sql(insert);
    db.sql("set session_replication_role = local; delete from s.t");
    assert_eq!(db.text("select ev_type from pgq.event_1 order by ev_id"), "I:id\nI:id");
}

/// A table that is a root's with one row function of its own, and a consumer that sees every event.
pub(crate) fn root() -> Database {
    let db = database(Ours);
    db.sql(
        "select pgq_node.register_location('q', 'n', 'dbname=n', false);
         select pgq_node.create_node('q', 'root', 'n', 'n_worker', null, null, null);
         create schema s;
         create table s.t (id int primary key, v text, a int);
         create table got (queue text, ev_id int8, ev_txid int8, ev_type text, ev_data text, ev_extra1 text);
         select londiste.local_add_table('q', 's.t');
         delete from pgq.event_1_0;
         -- it would hold up rotations until a worker moves it
         select pgq.unregister_consumer('q', '.global_watermark');
         select pgq.register_consumer('q', 'c')",
    );
    assert_eq!(
        db.text("select count(*) from pg_trigger where tgfoid::regproc::text like 'londiste.\\_capture%'"),
        "1"
    );
    db
}

/// What the events of queue q make of an empty table is what is in the table.
#[track_caller]
fn assert_replayed(db: &Database) {
    let replayed = db.text(
        "select id, v from (
             select distinct on (1) (regexp_match(ev_data, '(?:^|&)id=([^&]*)'))[1]::int as id,
                    (regexp_match(ev_data, '(?:^|&)v=([^&]*)'))[1] as v, ev_type
               from got where queue = 'q' order by 1, ev_id desc) e
          where ev_type not like 'D%' order by 1",
    );
    assert_eq!(replayed, db.text("select id, pgq._urlencode(v) from s.t order by 1"));
    assert!(replayed.lines().count() > 100, "few rows:\n{replayed}");
}

/// Writers, changes of the table, ticks and rotations at the same time; ends when the writers have done their writes and
/// the changes are through. All events are in table `got` then.
fn storm(
    db: &Database,
    queues: &[&str],
    changes: &[&str],
    write: impl Fn(i32, i32) -> String + Copy + Send + Sync,
) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut client = db.client();
            let mut rotations = 0;
            while !done.load(Ordering::Relaxed) || rotations < 3 {
                read_on(&mut client, queues);
                rotations += rotate(db);
            }
            // two ticks: the last events may be in the second
            for _ in 0..3 {
                read_on(&mut client, queues);
            }
        });
        let changer = scope.spawn(|| change(db, changes));
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || write_all(db, writer, write))).collect();
        for writer in writers {
            writer.join().expect("every write succeeds");
        }
        changer.join().expect("every change succeeds");
        done.store(true, Ordering::Relaxed);
        reader.join().expect("every event is read");
    });
}

/// One writer's statements: alone, in transactions with older snapshots, and prepared ones.
fn write_all(db: &Database, writer: i32, write: impl Fn(i32, i32) -> String) {
    let mut client = db.client();
    for turn in 0..WRITES {
        let statement = write(writer * 10_000 + turn, turn);
        let sql = match turn % 3 {
            0 => statement,
            1 => format!("begin; {statement}; commit"),
            _ => format!("begin isolation level repeatable read; select 1; {statement}; commit"),
        };
        while let Err(error) = client.batch_execute(&sql) {
            let code = error.code().cloned();
            client.batch_execute("rollback").expect("the server is up");
            // The names were not there for a moment; an old snapshot may not change what a rewrite has touched.
            let expected = [
                SqlState::UNDEFINED_TABLE,
                SqlState::INVALID_SCHEMA_NAME,
                SqlState::T_R_SERIALIZATION_FAILURE,
            ];
            assert!(code.is_some_and(|code| expected.contains(&code)), "{sql}: {error:?}");
        }
    }
}

fn change(db: &Database, changes: &[&str]) {
    let mut client = db.client();
    let mut dice = 42_u64;
    for step in 0..CHANGES {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = usize::try_from(dice >> 33).expect("31 bits") % changes.len();
        let sql = changes[number].replace("%N", &step.to_string());
        client.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

/// Ticks, and moves what is new into table `got`.
pub(crate) fn read_on(client: &mut Client, queues: &[&str]) {
    for queue in queues {
        client
            .batch_execute(&format!(
                "select pgq.force_tick('{queue}'); select pgq.ticker('{queue}');
                 do $$ declare batch int8 := pgq.next_batch('{queue}', 'c'); begin
                     insert into got select '{queue}', ev_id, ev_txid, ev_type, ev_data, ev_extra1
                       from pgq.get_batch_events(batch) where ev_type !~ '^londiste';
                     if batch is not null then perform pgq.finish_batch(batch); end if;
                 end $$"
            ))
            .expect("a batch");
    }
}

/// Makes the next event table of every queue the current one, if no consumer is in the way. Returns for how many.
pub(crate) fn rotate(db: &Database) -> i64 {
    db.sql("update pgq.queue set queue_switch_time = now() - interval '1 day'");
    db.sql("select pgq.maint_rotate_tables_step1(queue_name) from pgq.queue");
    let rotated = db.int("select count(*) from pgq.queue where queue_switch_step2 is null");
    db.sql("select pgq.maint_rotate_tables_step2()");
    rotated
}
