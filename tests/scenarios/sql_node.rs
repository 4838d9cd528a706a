//! The schemas `pgq_node` and `londiste`, called through psql: same script, same answers as the reference.
//!
//! `tests/sql/SCHEMA/*.sql` have to print what stands beside them in `*.out`, on our schemas and, where it is
//! installed, on the reference's. `tests/sql/differences/*.sql` are the places where we wanted to differ: there
//! `*.reference.out` is what the reference prints. With the variable `LONDISTE_TEST_RECORD` set the files are written
//! anew, the common ones from the reference.

use postgres::error::SqlState;
use postgres::{Client, SimpleQueryMessage};
use system_tests::answers::{check, same_answers, same_interface, scripts};
use system_tests::schemas::{database, has_reference, transcript};
use system_tests::wait::SOON;
use system_tests::{Database, Impl, holds, wait_for};

#[test]
fn pgq_node_answers_as_the_reference_does() {
    same_answers("pgq_node", database);
}

#[test]
fn londiste_answers_as_the_reference_does() {
    same_answers("londiste", database);
}

#[test]
fn wanted_differences_are_the_only_ones() {
    let mut wrong = String::new();
    for script in scripts("differences") {
        let mut sides = vec![(Impl::Ours, "out")];
        if has_reference() {
            sides.push((Impl::Reference, "reference.out"));
        }
        for (side, suffix) in sides {
            let text = transcript(&database(side), &script, &[]);
            check(&mut wrong, &script.with_extension(suffix), &text);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Every column, constraint, index, function and grant that anybody outside can see.
#[test]
fn both_schemas_offer_the_interface_of_the_reference() {
    same_interface("pgq_node", database);
    same_interface("londiste", database);
}

/// Two sessions at one file: the later waits for the earlier, and runs it only when that one gave up.
#[test]
fn a_script_runs_once_also_when_two_start_it_together() {
    let db = database(Impl::Ours);
    root(&db, "q");
    for (ending, expected) in [("commit", 201), ("rollback", 200)] {
        let mut first = db.client();
        first.batch_execute("begin").expect("a transaction of its own");
        let start = format!(
            "select ret_code from londiste.execute_start('q', '{ending}.sql', 'select 1', true)"
        );
        assert_eq!(number(&mut first, &start), 200);
        let answer = std::thread::scope(|scope| {
            let second = scope.spawn(|| number(&mut db.client(), &start));
            wait_for_blocked(&db, "execute_start");
            first.batch_execute(ending).expect("a transaction of its own");
            second.join().expect("the call returns")
        });
        assert_eq!(answer, expected, "after {ending}");
    }
}

/// The worker takes in what the root published while an operator adds the sequence: both succeed.
#[test]
fn a_sequence_becomes_known_to_two_at_once() {
    let db = database(Impl::Ours);
    db.sql(
        "select pgq_node.register_location('q', n, 'dbname=' || n, false) from unnest(array['n', 'm']) n;
         select pgq_node.create_node('q', 'leaf', 'n', 'w', 'm', 1, null)",
    );
    let mut first = db.client();
    first.batch_execute("begin").expect("a transaction of its own");
    let update =
        |value| format!("select ret_code from londiste.global_update_seq('q', 's', {value})");
    assert_eq!(number(&mut first, &update(1)), 200);
    let answer = std::thread::scope(|scope| {
        let second = scope.spawn(|| number(&mut db.client(), &update(2)));
        wait_for_blocked(&db, "global_update_seq");
        first.batch_execute("commit").expect("a transaction of its own");
        second.join().expect("the call returns")
    });
    assert_eq!(answer, 200);
    assert_eq!(db.text("select seq_name, last_value from londiste.seq_info"), "public.s|2");
}

/// The tick of step 2 comes after every event: a writer that was still at it is waited for.
#[test]
fn the_last_tick_of_a_demoted_root_sees_every_event() {
    let db = database(Impl::Ours);
    root(&db, "q");
    let mut writer = db.client();
    writer
        .batch_execute("begin; select pgq.insert_event('q', 'late', 'data')")
        .expect("the queue is open");
    db.text("select * from pgq_node.demote_root('q', 1, 'm')");
    let tick = std::thread::scope(|scope| {
        let last_tick = "select last_tick from pgq_node.demote_root('q', 2, 'm')";
        let demote = scope.spawn(|| number(&mut db.client(), last_tick));
        wait_for_blocked(&db, "demote_root");
        writer.batch_execute("commit").expect("a transaction of its own");
        demote.join().expect("the call returns")
    });
    assert_eq!(
        db.text(&format!(
            "select e.ev_type from pgq.event_template e, pgq.tick t
              where t.tick_id = {tick} and txid_visible_in_snapshot(e.ev_txid, t.tick_snapshot)"
        )),
        "late"
    );
}

/// Who waited for the lock of step 2 has looked at an open queue, and writes after the last tick: refused, whichever way
/// the event takes.
#[test]
fn a_writer_that_the_last_tick_overtook_is_refused() {
    for limit in ["null", "10"] {
        let db = database(Impl::Ours);
        root(&db, "q");
        db.sql(&format!(
            "update pgq.queue set queue_per_tx_limit = {limit};
             create table t (id int primary key, day date default '2024-03-04');
             create table general (id int primary key);
             create trigger capture after insert on general for each row execute function pgq.logutriga('q');
             select londiste.local_add_table('q', 't')"
        ));
        let writes = [
            "select pgq.insert_event('q', 'late', 'data')",
            "insert into general values (%N)",
            "insert into t values (%N)",
            // what a generated function leaves to pgq._log_change
            "set local datestyle = 'SQL'; insert into t values (%N)",
        ];
        let answers: Vec<_> = std::thread::scope(|scope| {
            let mut hold = db.client();
            hold.batch_execute("begin; lock table pgq.event_1 in exclusive mode")
                .expect("nobody writes");
            let mut writers = Vec::new();
            for isolation in ["read committed", "repeatable read"] {
                for write in writes {
                    let write = write.replace("%N", &writers.len().to_string());
                    let sql = format!("begin isolation level {isolation}; {write}; commit");
                    let mut client = db.client();
                    let run = scope.spawn({
                        let sql = sql.clone();
                        move || client.batch_execute(&sql)
                    });
                    writers.push((sql, run));
                    let expected = writers.len();
                    wait_for("another writer waits for the event table", SOON, || {
                        let waiting = db.text(
                            "select count(*) from pg_locks
                              where not granted and relation::regclass::text ~ '^pgq.event_1'
                                and database = (select oid from pg_database where datname = current_database())",
                        );
                        holds(waiting == expected.to_string(), waiting)
                    });
                }
            }
            hold.batch_execute(
                "select pgq_node.demote_root('q', 1, 'm'); select pgq_node.demote_root('q', 2, 'm'); commit",
            )
            .expect("a demotion");
            writers.into_iter().map(|(sql, run)| (sql, run.join().expect("an answer"))).collect()
        });
        for (sql, answer) in answers {
            let refused = answer.expect_err(&sql);
            let message = refused.as_db_error().map(postgres::error::DbError::message);
            assert_eq!(message, Some("Insert into queue disallowed"), "{sql}");
        }
        assert_eq!(
            db.int(
                "select count(*) from pgq.event_1
                  where not txid_visible_in_snapshot(ev_txid, (
                            select tick_snapshot from pgq.tick order by tick_id desc limit 1))"
            ),
            0
        );
    }
}

/// A ticker that found the queue open before step 1 is waited for by step 2, and comes before the last tick.
#[test]
fn a_tick_that_is_under_way_comes_before_the_last_one() {
    let db = database(Impl::Ours);
    root(&db, "q");
    db.sql(
        "create function hold() returns trigger language plpgsql as $$
         begin
             if current_setting('application_name') = 'slow ticker' then
                 perform pg_advisory_xact_lock(1);
             end if;
             return new;
         end $$;
         create trigger hold before insert on pgq.tick for each row execute function hold()",
    );
    let (slow, last) = std::thread::scope(|scope| {
        let mut hold = db.client();
        hold.batch_execute("begin; select pg_advisory_xact_lock(1)").expect("nobody has it");
        db.sql("select pgq.force_tick('q')");
        let mut ticker = db.client();
        ticker.batch_execute("set application_name = 'slow ticker'").expect("a setting");
        let slow = scope.spawn(move || number(&mut ticker, "select pgq.ticker('q')"));
        wait_for_blocked(&db, "pgq.ticker");
        db.text("select * from pgq_node.demote_root('q', 1, 'm')");
        let last_tick = "select last_tick from pgq_node.demote_root('q', 2, 'm')";
        let mut client = db.client();
        let last = scope.spawn(move || number(&mut client, last_tick));
        wait_for_blocked(&db, "demote_root");
        hold.batch_execute("commit").expect("a transaction of its own");
        (slow.join().expect("the call returns"), last.join().expect("the call returns"))
    });
    assert!(slow < last, "{slow} {last}");
    assert_eq!(db.int("select max(tick_id) from pgq.tick"), last);
    assert_eq!(db.int("select last_tick from pgq_node.demote_root('q', 3, 'm')"), last);
}

/// A ticker whose snapshot is older than the demotion makes no tick behind the last one.
#[test]
fn an_old_snapshot_does_not_tick_a_demoted_root() {
    let db = database(Impl::Ours);
    root(&db, "q");
    let mut ticker = db.client();
    ticker
        .batch_execute("begin isolation level repeatable read; select pgq.force_tick('q')")
        .expect("a transaction of its own");
    db.sql("select pgq_node.demote_root('q', 1, 'm')");
    let last = db.int("select last_tick from pgq_node.demote_root('q', 2, 'm')");
    let refused = ticker.batch_execute("select pgq.ticker('q'); commit").expect_err("closed");
    assert_eq!(refused.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE), "{refused:?}");
    assert_eq!(db.int("select max(tick_id) from pgq.tick"), last);
}

/// A transaction whose snapshot is older than the demotion would write behind the last tick, where nobody reads.
#[test]
fn an_old_snapshot_does_not_write_into_a_demoted_root() {
    let db = database(Impl::Ours);
    root(&db, "q");
    db.sql("create table t (id int primary key); select londiste.local_add_table('q', 't')");
    let old_snapshot = || {
        let mut client = db.client();
        let begin = "begin isolation level repeatable read; select count(*) from t";
        client.batch_execute(begin).expect("a transaction of its own");
        client
    };
    let message = |refused: Result<(), postgres::Error>| {
        let refused = refused.expect_err("the queue is closed");
        refused.as_db_error().map(|server| server.message().to_owned()).unwrap_or_default()
    };
    let (mut by_trigger, mut by_call) = (old_snapshot(), old_snapshot());
    db.sql("select pgq_node.demote_root('q', 1, 'm')");
    db.sql("select pgq_node.demote_root('q', 2, 'm')");
    let call = "select pgq.insert_event('q', 'late', 'data')";
    for refused in
        [by_trigger.batch_execute("insert into t values (1)"), by_call.batch_execute(call)]
    {
        assert_eq!(message(refused), "Insert into queue disallowed");
    }
    // The other way round the queue is open for everybody at once.
    db.sql("select pgq_node.demote_root('q', 3, 'm')");
    let mut early = old_snapshot();
    db.sql("select pgq_node.promote_branch('q')");
    early.batch_execute("insert into t values (2); commit").expect("the queue is open");
    assert_eq!(
        db.text("select ev_type, ev_extra1 from pgq.event_template where ev_extra1 = 'public.t'"),
        "I:id|public.t"
    );
}

/// Two sessions at one part: the later finds it made.
#[test]
fn a_partition_is_created_once() {
    let db = database(Impl::Ours);
    db.sql("create table t (id int primary key)");
    let create = "select londiste.create_partition('t', 't_1', 'id', null, null, null)";
    let mut first = db.client();
    first.batch_execute("begin").expect("a transaction of its own");
    assert_eq!(number(&mut first, create), 1);
    let later = std::thread::scope(|scope| {
        let second = scope.spawn(|| number(&mut db.client(), create));
        wait_for_blocked(&db, "create_partition");
        first.batch_execute("commit").expect("a transaction of its own");
        second.join().expect("the call returns")
    });
    assert_eq!(later, 0);
}

/// Makes the database the root of a queue, with a location for another node `m`.
#[track_caller]
fn root(db: &Database, queue: &str) {
    db.sql(&format!(
        "select pgq_node.register_location('{queue}', n, 'dbname=' || n, false) from unnest(array['n', 'm']) n;
         select pgq_node.create_node('{queue}', 'root', 'n', 'w', null, null, null);"
    ));
}

/// The one number a query answers, as text or as any integer type.
#[track_caller]
fn number(client: &mut Client, query: &str) -> i64 {
    let answer = client.simple_query(query).unwrap_or_else(|e| panic!("{query}: {e:?}"));
    answer
        .iter()
        .find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        })
        .unwrap_or_else(|| panic!("no number: {query}"))
}

/// Waits until a session that runs a statement with this text waits for a lock.
#[track_caller]
fn wait_for_blocked(db: &Database, text: &str) {
    wait_for("a blocked session", SOON, || {
        let seen = db.text(&format!(
            "select coalesce(wait_event_type, 'running') from pg_stat_activity
              where datname = current_database() and pid <> pg_backend_pid()
                and state = 'active' and query like '%{text}%'"
        ));
        holds(seen == "Lock", seen)
    });
}
