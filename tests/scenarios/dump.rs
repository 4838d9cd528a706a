//! A node's database comes back from a dump, on another server, and goes on.

use system_tests::Impl::Ours;
use system_tests::schemas::database_with_pgq;
use system_tests::{Cluster, Database, Ticker, folder, run, server};

use crate::diary::{Cast, Load, QUEUE, SEQUENCES, Stage, TABLES, assert_same_rows, wait_caught_up};

/// What a dump does not have, because it belongs to the server.
const ROLES: &str = "
    create role pgq_reader; create role pgq_writer; create role pgq_admin in role pgq_reader, pgq_writer;
    create role londiste_reader in role pgq_reader; create role londiste_writer in role pgq_admin";

/// Copies a database to a new server by a dump; `None` where no `pg_dump` can read the server that tests use.
#[track_caller]
fn restored(from: &Database, to: &Cluster) -> Option<Database> {
    let dump = folder::fresh("dump").join("dump.sql");
    let args = ["-d", &from.connstr(), "-f", &dump.display().to_string()].map(str::to_owned);
    run(&server::pg_dump()?, folder::root(), args).ok();
    let db = to.create_database("restored");
    db.sql(ROLES);
    let output = db.psql(&["-f", &dump.display().to_string()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(db)
}

#[test]
fn a_leaf_goes_on_from_its_dump() {
    let mut stage = Stage::set(Cast::all(Ours));
    stage.replicate_everything();
    let load = Load::start(&stage.source);
    load.wait_for_more(20);
    stage.leaf.stop_worker();
    let other = Cluster::start_new();
    let Some(db) = restored(&stage.target, &other) else { return };
    load.wait_for_more(20);

    stage.leaf.set("db", &db.connstr());
    moved(&[&stage.source, &db], "dst", &db);
    stage.leaf.start_worker();
    load.wait_for_more(20);
    load.stop();
    wait_caught_up(&stage.source, &db, "dst");
    equal(&stage.source, &db);
    // The set changes as before, too.
    stage.leaf.londiste(["remove-table", "app.user_info"]).ok();
    stage.leaf.londiste(["add-table", "app.user_info"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.leaf.londiste(["compare"]).ok();
    stage.leaf.stop_worker();
    stage.root.stop_worker();
}

/// The new server's transactions have lower numbers than those that ticks and events name.
#[test]
fn a_root_goes_on_from_its_dump_on_a_server_of_lower_transactions() {
    let (first, second) = (Cluster::start_new(), Cluster::start_new());
    let mut stage = Stage::on(Cast::all(Ours), &first, Cluster::shared());
    stage.source.sql("create table burnt (); do $$ begin for i in 1 .. 20000 loop
        begin insert into burnt default values; exception when division_by_zero then null; end; end loop; end $$;
        drop table burnt");
    stage.replicate_everything();
    stage.leaf.stop_worker();
    // Two batches are under way, and events that no tick has seen.
    for user in 1..=2 {
        stage
            .source
            .sql(&format!("update app.user_info set engname = 'pending' where userid = {user}"));
        stage.source.sql(&format!("select pgq.force_tick('{QUEUE}')"));
        stage.source.sql(&format!("select pgq.ticker('{QUEUE}')"));
    }
    stage.root.stop_worker();
    stage.ticker.stop();
    stage.source.sql("update app.user_info set engname = 'late' where userid = 3");
    let Some(db) = restored(&stage.source, &second) else { return };

    // An application that was quicker than the operator.
    db.sql("update app.user_info set engname = 'early' where userid = 4");
    let refused = db.client().batch_execute(&format!("select pgq.ticker('{QUEUE}')"));
    let refused = refused.expect_err("the last tick is from the future");
    let refused = refused.as_db_error().expect("said by the server");
    assert!(refused.message().starts_with("Invalid PgQ state"), "{refused}");
    let (_, remedy) = refused.hint().and_then(|hint| hint.split_once("Run: ")).expect("a remedy");
    db.sql(remedy);

    stage.root.set("db", &db.connstr());
    moved(&[&db, &stage.target], "src", &db);
    stage.ticker = Ticker::new(Ours, &db);
    stage.start_daemons();
    let load = Load::start(&db);
    load.wait_for_more(50);
    load.stop();
    wait_caught_up(&db, &stage.target, "dst");
    equal(&db, &stage.target);
    assert_eq!(
        stage.target.text("select engname from app.user_info where userid <= 4 order by userid"),
        "pending\npending\nlate\nearly"
    );
    // What is new gets numbers of its own.
    db.sql("create table more (id int primary key); insert into more values (1)");
    stage.target.sql("create table more (id int primary key)");
    for node in [&stage.root, &stage.leaf] {
        node.londiste(["add-table", "more"]).ok();
    }
    stage.leaf.londiste(["wait-sync"]).ok();
    assert_same_rows((&db, "more"), (&stage.target, "more"), "id");
    db.sql("select pgq.create_queue('another'), pgq.register_consumer('another', 'somebody')");
    stage.stop_daemons();
}

/// The operator tells those who ask for it where the node is now.
#[track_caller]
fn moved(told: &[&Database], node: &str, to: &Database) {
    for db in told {
        let connstr = to.connstr();
        db.sql(&format!(
            "select pgq_node.register_location('{QUEUE}', '{node}', '{connstr}', false)"
        ));
    }
}

#[track_caller]
fn equal(source: &Database, target: &Database) {
    for (table, key) in TABLES {
        assert_same_rows((source, table), (target, table), key);
    }
    for sequence in SEQUENCES {
        let value = target.int(&format!("select last_value from {sequence}"));
        assert!(value > 1, "{sequence} is carried along");
    }
}

/// Transactions that begin in order and end in disorder, ticks among them, events in two of the tables: each batch
/// has the same events before and after, by the definition of a batch and by what consumers are given.
#[test]
fn batches_keep_their_events_when_a_queue_is_rebased() {
    let db = database_with_pgq(Ours);
    db.sql(
        "select pgq.create_queue('q'); select pgq.register_consumer('q', 'slow');
         select setseed(0.42);
         create table run as select t, t + floor(random() * 40)::int as ended from generate_series(1, 200) t;
         insert into pgq.event_1_0 (ev_id, ev_time, ev_txid, ev_type) select 2 * t, now(), 1000000 + t, 'x' from run;
         insert into pgq.event_1_2 (ev_id, ev_time, ev_txid, ev_type) select 2 * t + 1, now(), 1000000 + t, 'x' from run;
         delete from pgq.tick;
         select setval('pgq.event_1_tick_seq', 25);
         insert into pgq.tick (tick_queue, tick_id, tick_snapshot, tick_event_seq)
         select 1, at / 10, format('%s:%s:%s', coalesce(min(t), least(at, 200) + 1) + 1000000, least(at, 200) + 1000001,
                                   coalesce(string_agg((t + 1000000)::text, ',' order by t), ''))::txid_snapshot,
                coalesce((select 2 * max(r.t) + 1 from run r where r.t <= at), 0)
           from generate_series(10, 250, 10) at left join run on t <= at and ended > at group by at;
         update pgq.subscription set sub_last_tick = 4;
         -- begun after the last tick, and not seen by any
         insert into pgq.event_1_0 (ev_id, ev_time, ev_txid, ev_type) values (1001, now(), 1000500, 'late'), (1002, now(), 700, 'new');",
    );
    let batches = "
        select cur.tick_id, string_agg(ev_id::text, ' ' order by ev_id)
          from pgq.tick cur join pgq.tick prev on prev.tick_id = cur.tick_id - 1
               left join pgq.event_1 on txid_visible_in_snapshot(ev_txid, cur.tick_snapshot)
                                    and not txid_visible_in_snapshot(ev_txid, prev.tick_snapshot)
         where cur.tick_id > 4 group by 1 order by 1";
    let before = db.text(batches);
    assert!(before.lines().filter(|line| line.len() > 20).count() > 15, "{before}");
    assert_eq!(db.int("select pgq._rebase_queue('q')"), 22);
    assert_eq!(db.text(batches), before);

    let mut consumed = Vec::new();
    for line in before.lines() {
        db.sql("create table if not exists mine (batch bigint); insert into mine select pgq.next_batch('q', 'slow')");
        let events = db.text("select string_agg(ev_id::text, ' ' order by ev_id) from mine, pgq.get_batch_events(batch)");
        let tick = db.text("select tick_id from mine, pgq.get_batch_info(batch)");
        consumed.push(format!("{tick}|{events}"));
        db.sql("select pgq.finish_batch(batch) from mine; drop table mine");
        assert_eq!(consumed.last().map(String::as_str), Some(line));
    }
    db.sql("select pgq.seq_setval('pgq.event_1_id_seq', 2000), pgq.ticker('q')");
    db.sql("create table mine as select pgq.next_batch('q', 'slow') as batch");
    assert_eq!(
        db.text("select ev_type from mine, pgq.get_batch_events(batch) order by ev_id"),
        "late\nnew"
    );
}
