//! The schemas `pgq` and `pgq_ext`: `tests/sql/pgq` against the reference's extension, and what only ours has.

use std::time::Duration;

use postgres::fallible_iterator::FallibleIterator;
use postgres::{Client, NoTls};
use system_tests::answers::{check, same_answers, same_interface, scripts};
use system_tests::schemas::{self, database, database_with_pgq, transcript};
use system_tests::wait::SOON;
use system_tests::{Cluster, Impl, holds, wait_for};

#[test]
fn pgq_answers_as_the_reference_does() {
    same_answers("pgq", database_with_pgq);
}

#[test]
fn pgq_offers_the_interface_of_the_reference() {
    same_interface("pgq", database_with_pgq);
}

/// The reference's pgq_ext is in no package: its answers are those of the contract.
#[test]
fn pgq_ext_answers_as_recorded() {
    let mut wrong = String::new();
    for script in scripts("pgq_ext") {
        let answers = transcript(&database(Impl::Ours), &script, &[]);
        check(&mut wrong, &script.with_extension("out"), &answers);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Whoever listens hears of a tick when it is committed, by the queue's name; no name is too long to tick.
#[test]
fn ticks_are_announced() {
    let db = database_with_pgq(Impl::Ours);
    let long = "q".repeat(9_000);
    let mut listener = db.client();
    listener.batch_execute("listen pgq_tick").expect("anybody may listen");
    db.sql(&format!(
        "select pgq.create_queue('first'); select pgq.create_queue('{long}');
         select pgq.create_queue('external'); select pgq.set_queue_config('external', 'external_ticker', 'on')"
    ));
    assert_eq!(db.int("select pgq.ticker()"), 2);
    db.sql("select pgq.ticker('external', 10, now(), 1)");
    // Nothing to say: no tick, and a tick that is taken back.
    db.sql("select pgq.ticker('first')");
    db.sql("begin; select pgq.ticker('external', 11, now(), 1); rollback");
    db.sql("notify pgq_tick, 'the end'");

    let mut heard = Vec::new();
    wait_for("the announcements", SOON, || {
        let mut notifications = listener.notifications();
        let mut waiting = notifications.timeout_iter(Duration::from_millis(100));
        while let Some(notification) = waiting.next().expect("the server is up") {
            heard.push(notification.payload().to_owned());
        }
        holds(heard.last().is_some_and(|last| last == "the end"), format!("{heard:?}"))
    });
    let creations_and_ticks = ["first", "external", "first", "external", "the end"];
    assert_eq!(heard, creations_and_ticks);
}

/// Ticks are made one after the other. Side by side the later id could get the older snapshot, and events between the
/// two snapshots would be in two batches.
#[test]
fn only_one_session_makes_ticks() {
    let db = database_with_pgq(Impl::Ours);
    db.sql("select pgq.create_queue('q'), pgq.create_queue('other')");
    let mut first = db.client();
    first
        .batch_execute("begin; select pgq.force_tick('q'); select pgq.ticker('q')")
        .expect("the first one ticks");
    db.sql("select pgq.force_tick('q')");
    let made = "select pgq.ticker('q') is not null";
    assert_eq!(db.text(made), "f", "while another session's tick is not committed");
    assert_eq!(db.text("select pgq.ticker('other') is not null"), "t");
    first.batch_execute("commit").expect("the first tick");
    db.sql("select pgq.force_tick('q')");
    assert_eq!(db.text(made), "t");
}

/// Events that were given their numbers before a tick and were committed after it do not wait for the next idle tick, which may
/// be a minute away. Only events bring such a tick, be they in the previous table by now.
#[test]
fn events_of_a_transaction_that_outlived_a_tick_bring_the_next_one() {
    let cluster = Cluster::start_new();
    let db = cluster.create_database("late");
    schemas::install(Impl::Ours, &db);
    db.sql("select pgq.create_queue('q'); select pgq.set_queue_config('q', 'ticker_max_lag', '0')");
    let tick = || db.text("select pgq.ticker('q') is not null");
    let begin = |data: &str| {
        let mut session = db.client();
        let insert = format!("select pgq.insert_event('q', 't', '{data}')");
        session.batch_execute(&format!("begin; {insert}; {insert}")).expect("events");
        session
    };
    for rotate in [false, true] {
        // Idle ticks are a minute apart.
        db.sql("update pgq.tick set tick_time = tick_time - interval '1 hour'");
        let (mut lost, mut first) = (begin("never"), begin("late"));
        let mut other = db.client();
        other.batch_execute("begin; create table unrelated ()").expect("a table");
        db.sql("create table newer ()");
        // On a quiet server: no transaction that began later has ended.
        let mut last = begin("late, too");
        assert_eq!(tick(), "t", "the numbers have moved on");
        if rotate {
            db.sql("update pgq.queue set queue_cur_table = (queue_cur_table + 1) % queue_ntables");
        }
        assert_eq!(tick(), "f", "nothing is committed");
        other.batch_execute("commit").expect("a table");
        assert_eq!(tick(), "f", "no events in there");
        lost.batch_execute("rollback").expect("the end");
        assert_eq!(tick(), "f", "no events that anybody sees");
        first.batch_execute("commit").expect("the end");
        assert_eq!(tick(), "t");
        assert_eq!(tick(), "f", "one is enough");
        last.batch_execute("commit").expect("the end");
        assert_eq!(tick(), "t");
        db.sql("drop table unrelated, newer");
    }
}

/// A transaction with an old snapshot sees an old catalog; the row itself is of today.
#[test]
fn an_old_snapshot_does_not_mix_up_columns() {
    let db = database_with_pgq(Impl::Ours);
    db.sql(
        "select pgq.create_queue('q');
         create table t (id int primary key, a text, b text);
         create trigger l after insert on t for each row execute function pgq.logutriga('q');
         create trigger j after insert on t for each row execute function pgq.jsontriga('q')",
    );
    let mut old = db.client();
    old.batch_execute("begin isolation level repeatable read; select 1").expect("a snapshot");
    db.sql("alter table t drop column a; alter table t rename b to c; alter table t add d text");
    old.batch_execute("insert into t values (1, 'c', 'd'); commit").expect("an insert");
    assert_eq!(
        db.text("select string_agg(ev_data, ' ' order by ev_id) from pgq.event_1"),
        r#"{"id":1,"c":"c","d":"d"} id=1&c=c&d=d"#
    );
}

/// The function that holds the inserts of all queues follows them; a queue that it does not know is served as well.
#[test]
fn events_find_the_table_of_their_queue() {
    let db = database_with_pgq(Impl::Ours);
    let event = |queue: &str, data: &str| {
        db.sql(&format!("select pgq.insert_event('{queue}', 't', '{data}')"));
    };
    let events = |queue: u32| {
        db.text(&format!(
            "select string_agg(tableoid::regclass || ' ' || ev_data, ', ' order by ev_id) from pgq.event_{queue}"
        ))
    };
    db.sql("select pgq.create_queue('a')");
    event("a", "1");
    // A transaction that cannot see queue b makes the function anew.
    let mut old = db.client();
    old.batch_execute("begin isolation level repeatable read; select 1").expect("a snapshot");
    db.sql("select pgq.create_queue('b')");
    old.batch_execute("select pgq.create_queue('c'); commit").expect("a queue");
    for queue in ["a", "b", "c"] {
        event(queue, "2");
    }
    assert_eq!(events(1), "pgq.event_1_0 1, pgq.event_1_0 2");
    assert_eq!(events(2), "pgq.event_2_0 2");
    assert_eq!(events(3), "pgq.event_3_0 2");

    db.sql("update pgq.queue set queue_switch_time = now() - interval '1 day'");
    db.sql("select pgq.maint_rotate_tables_step1('a')");
    db.sql("select pgq.drop_queue('b')");
    event("a", "3");
    event("c", "3");
    assert_eq!(events(1), "pgq.event_1_0 1, pgq.event_1_0 2, pgq.event_1_1 3");
    assert_eq!(events(3), "pgq.event_3_0 2, pgq.event_3_0 3");
}

/// However long a text and whatever is in it: the row is encoded at once, value by value, or in pieces.
#[test]
fn every_text_is_url_encoded_byte_by_byte() {
    let db = database_with_pgq(Impl::Ours);
    let columns: Vec<String> = (1..40).map(|i| format!("c{i} text")).collect();
    db.sql(&format!(
        "select pgq.create_queue('q');
         create table narrow (a text, \"b %s\" text);
         create table wide (a text, \"b %s\" text, {});
         create trigger l after insert on narrow for each row execute function pgq.logutriga('q');
         create trigger l after insert on wide for each row execute function pgq.logutriga('q')",
        columns.join(", ")
    ));
    let different_runs: String = ('\u{4e00}'..'\u{5000}').flat_map(|c| [c, ' ', '{']).collect();
    let texts = [
        String::new(),
        "plain".into(),
        "100% %s %1$s %%".into(),
        "ä é ä€ 😀".into(),
        "\u{1}e and \u{1}a and \u{1}".into(),
        (1..128).map(char::from).collect(),
        different_runs.chars().take(90).collect(),
        different_runs,
        "x".repeat(30_000),
        "ü".repeat(30_000),
    ];
    let mut client = db.client();
    for table in ["narrow", "wide"] {
        for text in &texts {
            client
                .execute(&format!("insert into {table} values ($1, $2)"), &[text, text])
                .expect("an insert");
        }
    }
    let encoded = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b' ' => "+".to_owned(),
                b'.' | b'_' | b'-' => char::from(byte).to_string(),
                _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                _ => format!("%{byte:02x}"),
            })
            .collect()
    };
    let nulls: String = (1..40).map(|i| format!("&c{i}")).collect();
    let mut expected = Vec::new();
    for rest in ["", &nulls] {
        for text in &texts {
            expected.push(format!("a={0}&b+%25s={0}{rest}", encoded(text)));
        }
    }
    let written: Vec<String> = client
        .query("select ev_data from pgq.event_1 order by ev_id", &[])
        .expect("events")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(written, expected);
}

/// Rotation does not wait for somebody who reads the table it wants to empty; it comes back later.
#[test]
fn rotation_leaves_a_table_in_use_alone() {
    let db = database_with_pgq(Impl::Ours);
    db.sql(
        "select pgq.create_queue('q');
         update pgq.queue set queue_switch_time = now() - interval '1 day'",
    );
    let mut reader = db.client();
    reader.batch_execute("begin; select * from pgq.event_1_1").expect("a reader");
    db.sql("select pgq.maint_rotate_tables_step1('q')");
    assert_eq!(db.int("select queue_cur_table from pgq.queue"), 0);
    reader.batch_execute("commit").expect("the reader is done");
    db.sql("select pgq.maint_rotate_tables_step1('q')");
    assert_eq!(db.int("select queue_cur_table from pgq.queue"), 1);
}

/// Functions that run with their owner's rights do nothing of what a caller puts into the way of names: operators,
/// types and functions of its own in front of the server's.
#[test]
fn a_search_path_is_not_a_way_to_the_owners_rights() {
    let db = database_with_pgq(Impl::Ours);
    db.sql(
        "create schema trap;
         create function trap.sprung() returns void language plpgsql as
             $$ begin raise exception 'the trap is sprung'; end; $$;
         do $do$
         declare op record;
         begin
             for op in select o.*, o.oprleft::regtype as l, o.oprright::regtype as r
                         from pg_operator o where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprkind = 'b'
                          and not exists (select from pg_type t
                                           where t.oid in (o.oprleft, o.oprright, o.oprresult) and t.typtype = 'p')
             loop
                 execute format('create function trap.op%s(%s, %s) returns %s language plpgsql as $$ begin perform trap.sprung(); end; $$',
                     op.oid, op.l, op.r, op.oprresult::regtype);
                 execute format('create operator trap.%s (leftarg = %s, rightarg = %s, function = trap.op%s)',
                     op.oprname, op.l, op.r, op.oid);
             end loop;
         end;
         $do$;
         create domain trap.text as pg_catalog.text check (trap.sprung() is null);
         create domain trap.int8 as pg_catalog.int8 check (trap.sprung() is null);
         create function trap.now() returns timestamptz language plpgsql as $$ begin perform trap.sprung(); end; $$;
         create function trap.txid_current() returns bigint language plpgsql as $$ begin perform trap.sprung(); end; $$;
         create function trap.coalesce(pg_catalog.text, pg_catalog.text) returns pg_catalog.text
             language plpgsql as $$ begin perform trap.sprung(); end; $$;
         create table public.t (id int primary key, a text, b jsonb, c numeric, d timestamptz)",
    );
    let mut caller = db.client();
    caller.batch_execute("set search_path = trap, pg_catalog, public").expect("anybody may set it");
    let sprung = caller.batch_execute("select 1 = 1").expect_err("the trap works");
    assert!(sprung.to_string().contains("db error"), "{sprung}");
    for statement in [
        "select pgq.version()",
        "select pgq.create_queue('q'), pgq.create_queue('x'), pgq.create_queue('x')",
        "select pgq.set_queue_config('x', 'ticker_paused', 'on')",
        "select pgq.register_consumer('q', 'c')",
        "select pgq.register_consumer_at('q', 'd', 1)",
        "select pgq.insert_event('q', 't', 'd')",
        "update pgq.queue set queue_per_tx_limit = 5",
        "begin; select pgq.insert_event('q', 't', 'd'), pgq.insert_event('q', 't', 'd'); commit",
        "create trigger l after insert or update or delete on public.t
             for each row execute function pgq.logutriga('q', 'backup', 'ev_extra3=id')",
        "create trigger s after insert or update or delete on public.t
             for each row execute function pgq.sqltriga('q', 'ignore=a', 'pkey=id')",
        "create trigger j after insert or update or delete on public.t
             for each row execute function pgq.jsontriga('q', 'when=true', 'ignore=d')",
        "create trigger r after truncate on public.t execute function pgq.jsontriga('q')",
        "update pgq.queue set queue_per_tx_limit = null",
        "insert into public.t values (1, 'ä b', '{}', 1.5, pg_catalog.now())",
        "update public.t set a = 'x', c = 1.50",
        "delete from public.t",
        "truncate public.t",
        "select pgq.current_event_table('q')",
        "select pgq.force_tick('q')",
        "select pgq.ticker('q')",
        "select pgq.ticker()",
        "select pgq.get_queue_info(), pgq.get_queue_info('q')",
        "select pgq.get_consumer_info(), pgq.get_consumer_info('q'), pgq.get_consumer_info('q', 'c')",
        "select pgq.next_batch_custom('q', 'c', '0', 1, '0')",
        "select pgq.next_batch('q', 'd')",
        "select pgq.get_batch_info(1)",
        "select pgq.get_batch_events(1)",
        "select pgq.get_batch_cursor(1, 'cur', 10)",
        "select pgq.event_retry(1, 1, 0)",
        "select pgq.batch_retry(1, 0)",
        "select pgq.event_retry_raw('q', 'c', pg_catalog.now(), null, pg_catalog.now(), 1, 't', 'd', null, null, null, null)",
        "select pgq.maint_retry_events()",
        "select pgq.finish_batch(1)",
        "update pgq.queue set queue_switch_time = '2000-01-01'",
        "select pgq.maint_operations()",
        "select pgq.maint_rotate_tables_step1('x')",
        "select pgq.maint_rotate_tables_step2()",
        "select pgq.maint_tables_to_vacuum()",
        "select pgq.grant_perms('q'), pgq.tune_storage('q'), pgq.upgrade_schema()",
        "select pgq.seq_setval('pgq.event_1_id_seq', 100000)",
        "select pgq._rebase_queue('q')",
        "select pgq.unregister_consumer('q', 'c')",
        "select pgq.drop_queue('x')",
        "select pgq.drop_queue('q', true)",
    ] {
        caller.batch_execute(statement).unwrap_or_else(|e| panic!("{statement}: {e:?}"));
    }
}

/// Without the right to create roles the install stops and names the statements an administrator has to run.
#[test]
fn missing_roles_come_with_the_statements_that_create_them() {
    let cluster = Cluster::start_new();
    let db = cluster.create_database("no_roles");
    db.sql(&format!("create role dba login; alter database {} owner to dba", db.name()));
    let connstr =
        format!("host=127.0.0.1 port={} user=dba dbname={}", db.address().port, db.name());
    let mut dba = Client::connect(&connstr, NoTls).expect("the server is up");
    let refused = dba.batch_execute(&schemas::script("pgq", true)).expect_err("roles are missing");
    dba.batch_execute("rollback").expect("always works");
    let refused = refused.as_db_error().expect("said by the server");
    assert_eq!(refused.message(), "roles of pgq are missing and \"dba\" may not create roles");
    let hint = refused.hint().expect("says what to do");
    db.sql(hint.strip_prefix("An administrator has to run: ").expect("statements"));
    dba.batch_execute(&schemas::script("pgq", true)).expect("nothing is missing any more");
}
