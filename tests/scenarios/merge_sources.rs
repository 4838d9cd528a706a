//! Several shards in one table, and only one of them is added, copied again or in trouble: the rows of the others stay.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use postgres::{Client, NoTls};
use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Database, Node, Ticker, holds, wait_for};

use crate::merge::{database, node, quick_ticks, rows, wait_rows};

/// A shard with the root of its queue.
pub(crate) struct Shard {
    pub(crate) root: Node,
    /// The node in the common database.
    pub(crate) leaf: Node,
    pub(crate) db: Database,
}

/// Shards that come together in one database, whose own queue goes on from there.
pub(crate) struct Merged {
    pub(crate) shards: Vec<Shard>,
    pub(crate) full_root: Node,
    pub(crate) ticker: Ticker,
    pub(crate) full: Database,
}

/// Everything created and running; no table is in any set.
pub(crate) fn merged(names: &[&str]) -> Merged {
    let full = database("full");
    let dbs: Vec<Database> = names.iter().map(|name| database(name)).collect();
    for (nr, (db, name)) in dbs.iter().zip(names).enumerate() {
        db.sql(&format!(
            "insert into visit select i, '{name}', 0 from generate_series({}, {}) i",
            nr * 1000 + 1,
            nr * 1000 + 300
        ));
    }
    let all: Vec<&str> = dbs.iter().chain([&full]).map(Database::name).collect();
    let ticker = Ticker::for_databases(Ours, Cluster::shared().address(), &all);
    let full_root = node("full", &full, "q_all", &["create-root"]);
    quick_ticks(&full, "q_all");
    let shards = names
        .iter()
        .zip(dbs)
        .map(|(name, db)| {
            let queue = format!("q_{name}");
            let root = node(name, &db, &queue, &["create-root"]);
            quick_ticks(&db, &queue);
            let provider = format!("--provider={}", db.connstr());
            let leaf = format!("{name}_full");
            let leaf = node(&leaf, &full, &queue, &["create-leaf", &provider, "--merge=q_all"]);
            Shard { root, leaf, db }
        })
        .collect();
    ticker.start();
    Merged { shards, full_root, ticker, full }
}

impl Merged {
    /// The rows of all shards.
    pub(crate) fn expected(&self) -> String {
        let mut rows: Vec<String> = self
            .shards
            .iter()
            .flat_map(|s| rows(&s.db).lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        rows.sort_by_key(|row| row.split('|').next().and_then(|id| id.parse::<i64>().ok()));
        rows.join("\n")
    }

    /// Adds the table on the shards, and waits until the common database has heard of it.
    #[track_caller]
    pub(crate) fn add_on_shards(&self) {
        for Shard { root, .. } in &self.shards {
            root.londiste(["add-table", "public.visit"]).ok();
        }
        wait_for("the table known from all shards", EVENTUALLY, || {
            let seen = self
                .full
                .int("select count(*) from londiste.table_info where queue_name <> 'q_all'");
            holds(usize::try_from(seen) == Ok(self.shards.len()), seen)
        });
    }

    /// Stops all daemons.
    #[track_caller]
    pub(crate) fn stop(&self) {
        for Shard { root, leaf, .. } in &self.shards {
            root.stop_worker();
            leaf.stop_worker();
        }
        self.full_root.stop_worker();
        self.ticker.stop();
    }
}

/// Rows come, change and go on a shard, until told to stop.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// On the keys from `first` on.
    pub(crate) fn start(db: &Database, shard: &str, first: u32) -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (connstr, shard) = (db.connstr(), shard.to_owned());
        let (stopped, done) = (Arc::clone(&stop), Arc::clone(&rounds));
        let thread = thread::spawn(move || {
            let mut client = Client::connect(&connstr, NoTls).expect("the shard is there");
            while !stopped.load(Ordering::Relaxed) {
                let round = done.load(Ordering::Relaxed);
                // The same keys again and again, so that deletes and inserts of a key lie close together.
                let id = first + round * 7 % 40;
                let statement = match round % 3 {
                    0 => format!("delete from visit where id = {id}"),
                    1 => format!(
                        "insert into visit values ({id}, '{shard}', {round}) on conflict (id) do update set n = {round}"
                    ),
                    _ => format!("update visit set n = n + 1 where id between {id} and {id} + 5"),
                };
                client.batch_execute(&statement).expect("nobody else writes here");
                done.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(3));
            }
        });
        Self { stop, rounds, thread: Some(thread) }
    }

    /// Waits until it has made so many more changes.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, rounds: u32) {
        let goal = self.rounds.load(Ordering::Relaxed) + rounds;
        wait_for(format!("{rounds} more rounds of the writer"), SOON, || {
            let seen = self.rounds.load(Ordering::Relaxed);
            holds(seen >= goal, seen)
        });
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the writer failed");
        }
    }
}

#[test]
fn one_source_is_copied_again_and_the_rows_of_the_others_stay() {
    let stage = merged(&["one", "two"]);
    let [one, two] = &stage.shards[..] else { unreachable!("two shards") };
    stage.add_on_shards();
    one.leaf.londiste(["add-table", "--merge-all", "public.visit"]).ok();
    for shard in &stage.shards {
        shard.leaf.londiste(["wait-sync"]).ok();
    }
    wait_rows(&stage.full, &stage.expected());
    let writers = [Writer::start(&one.db, "one", 1), Writer::start(&two.db, "two", 1001)];

    // Somebody has been at the rows of both. What is wrong with those of the second is none of the first one's business.
    let client = |statement: &str| {
        stage.full.sql(&format!("set session_replication_role = replica; {statement}"));
    };
    client(
        "delete from visit where id between 100 and 149; update visit set n = -1 where id between 150 and 199",
    );
    client("update visit set n = -2 where id between 1200 and 1209");
    one.leaf.stop_worker();
    one.leaf.londiste(["resync", "public.visit"]).ok().says("rows of q_two stay");
    // The worker has not applied these when the copy takes the table over, and the copied rows do not tell.
    one.db.sql(
        "delete from visit where id between 210 and 219;
         delete from visit where id between 220 and 229;
         insert into visit select i, 'back', 3 from generate_series(220, 229) i",
    );
    let dies_at = |place: &str| {
        dies_at(&one.leaf, place);
        one.db.sql("delete from visit where id = (select max(id) from visit where id < 210)");
        writers[0].wait_for_more(20);
    };
    for place in [
        "copy-held",
        "in-copy",
        "copy-rows",
        "copy-before-commit",
        "copy-after-commit",
        "copy-batch-applied",
        "copy-wanna-sync",
        "copy-ok",
    ] {
        dies_at(place);
        // At no moment are the rows of the other away, nor is it stopped.
        assert!(stage.full.int("select count(*) from visit where id > 1000") >= 250, "{place}");
        assert_eq!(
            stage.full.int("select count(*) from pg_index where indrelid = 'visit'::regclass"),
            1
        );
    }
    one.leaf.start_worker();
    one.leaf.londiste(["wait-sync"]).ok();
    writers.iter().for_each(|writer| writer.wait_for_more(20));
    drop(writers);
    let without = |rows: &str| {
        let kept = rows
            .lines()
            .filter(|row| !row.split('|').next().is_some_and(|id| ("1200"..="1209").contains(&id)));
        kept.map(str::to_owned).collect::<Vec<_>>()
    };
    wait_for("the rows of both shards", EVENTUALLY, || {
        let (seen, expected) = (without(&rows(&stage.full)), without(&stage.expected()));
        let first = seen.iter().zip(&expected).find(|(s, e)| s != e);
        holds(
            seen == expected,
            format!("{} and {} rows, first: {first:?}", seen.len(), expected.len()),
        )
    });
    assert_eq!(
        stage.full.int("select count(*) from visit where id between 1200 and 1209 and n = -2"),
        10,
        "those of the other queue are not touched"
    );
    one.leaf.londiste(["tables"]).ok().says_not("renew");
    assert!(!two.leaf.log().contains("ERROR"), "{}", two.leaf.log());

    // The second one is put in order in turn, and both at once.
    two.leaf.londiste(["resync", "public.visit"]).ok().says("rows of q_one stay");
    two.leaf.londiste(["wait-sync"]).ok();
    wait_rows(&stage.full, &stage.expected());
    client("update visit set n = -3 where id % 7 = 0; delete from visit where id % 11 = 0");
    let writers = [Writer::start(&one.db, "one", 1), Writer::start(&two.db, "two", 1001)];
    for shard in &stage.shards {
        shard.leaf.londiste(["resync", "public.visit"]).ok();
    }
    for shard in &stage.shards {
        shard.leaf.londiste(["wait-sync"]).ok();
    }
    writers.iter().for_each(|writer| writer.wait_for_more(20));
    drop(writers);
    wait_rows(&stage.full, &stage.expected());

    // The original's command just takes the state away. Our worker does not take that for an empty table.
    stage.full.sql(
        "select londiste.local_set_table_state('q_one', 'public.visit', null, null);
         set session_replication_role = replica; update visit set n = -4 where id between 100 and 120",
    );
    wait_for("the rows that are there in status", EVENTUALLY, || {
        let status = one.root.londiste(["status"]).ok();
        holds(status.stdout.contains("duplicate key"), status)
    });
    // Whose the rows are is not known to ours either.
    one.leaf
        .londiste(["resync", "public.visit"])
        .exits(1)
        .says("its rows cannot be told from theirs")
        .says("the copy then goes on by itself");
    client("delete from visit where id < 1000");
    one.leaf.londiste(["wait-sync"]).ok();
    wait_rows(&stage.full, &stage.expected());
    stage.stop();
}

/// Runs a worker until it dies at a place.
#[track_caller]
fn dies_at(leaf: &Node, place: &str) {
    let mut worker = leaf.command();
    worker.arg("worker").env("LONDISTE_CRASH_POINT", place);
    let mut worker = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ours");
    wait_for(format!("the crash at {place}"), EVENTUALLY, || {
        worker.try_wait().expect("our own child").ok_or_else(|| leaf.log())
    });
    assert!(leaf.log().contains(&format!("crash point {place}")), "{}", leaf.log());
}

#[test]
fn deletes_are_repeated_from_where_the_worker_left_the_table() {
    let stage = merged(&["one", "two"]);
    let [one, _] = &stage.shards[..] else { unreachable!("two shards") };
    stage.add_on_shards();
    one.leaf.londiste(["add-table", "--merge-all", "public.visit"]).ok();
    for shard in &stage.shards {
        shard.leaf.londiste(["wait-sync"]).ok();
    }
    let attrs = |value: &str| {
        stage.full.sql(&format!(
            "update londiste.table_info set table_attrs = '{value}' where queue_name = 'q_one'"
        ));
    };
    let state = || {
        stage.full.text("select merge_state from londiste.table_info where queue_name = 'q_one'")
    };
    let position = || {
        stage.full.int(
            "select last_tick_id from pgq_node.local_state \
              where queue_name = 'q_one' and consumer_name not like '%.copy.%' \
                and consumer_name not like '.%'",
        )
    };

    // The copy is kept away while the worker goes on, and its registrations are lost.
    one.leaf.stop_worker();
    one.leaf.londiste(["resync", "public.visit"]).ok();
    dies_at(&one.leaf, "in-copy");
    assert_eq!(
        stage.full.text("select table_attrs from londiste.table_info where queue_name = 'q_one'"),
        format!("renew={}", position())
    );
    let other_copy = one.leaf.folder().join("one_full.pid.copy.public.visit");
    fs::write(&other_copy, format!("{}\n", std::process::id())).expect("the folder is ours");
    let consumer = stage
        .full
        .text("select consumer_name from pgq_node.local_state where consumer_name like '%.copy.%'");
    one.db.sql(&format!("select pgq.unregister_consumer('q_one', '{consumer}')"));
    stage.full.sql(&format!("select pgq_node.unregister_consumer('q_one', '{consumer}')"));
    one.db.sql("delete from visit where id between 210 and 219");
    let tick = one.db.int("select max(tick_id) from pgq.tick");
    one.leaf.start_worker();
    wait_for("the worker past the deletes", EVENTUALLY, || {
        let seen = position();
        holds(seen > tick, seen)
    });
    assert_eq!(state(), "in-copy");
    assert_eq!(stage.full.int("select count(*) from visit where id between 210 and 219"), 10);
    one.leaf.londiste(["resync", "public.visit"]).exits(1).says("is being copied right now");
    fs::remove_file(&other_copy).expect("nobody took it");
    one.leaf.londiste(["wait-sync"]).ok();
    wait_rows(&stage.full, &stage.expected());
    // That of the refused command.
    assert_eq!(one.leaf.log().matches(" ERROR ").count(), 1, "{}", one.leaf.log());

    // Where the source has forgotten that place, the operator has to say so.
    one.leaf.stop_worker();
    one.leaf.londiste(["resync", "public.visit"]).ok();
    dies_at(&one.leaf, "in-copy");
    attrs("renew=987654321");
    one.leaf.start_worker();
    one.leaf.wait_log("tick 987654321 is not on the source any more", EVENTUALLY);
    assert_eq!(state(), "in-copy");
    let outcome = one.leaf.londiste(["resync", "--force", "public.visit"]).ok();
    outcome.says("the copy begins again at tick");
    one.leaf.londiste(["wait-sync"]).ok();
    wait_rows(&stage.full, &stage.expected());

    // Without a key nothing is read at all.
    let starts = || one.leaf.log().matches("public.visit: start copy").count();
    let before = starts();
    stage.full.sql("alter table visit drop constraint visit_pkey");
    one.leaf.londiste(["resync", "public.visit"]).ok();
    one.leaf.wait_log("without a primary key in common", EVENTUALLY);
    assert_eq!(starts(), before);
    stage.full.sql("alter table visit add primary key (id)");
    one.leaf.londiste(["wait-sync"]).ok();

    // A source that does not answer holds nobody up for long, and not with every batch.
    let mute = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = mute.local_addr().expect("bound").port();
    one.leaf.stop_worker();
    one.leaf.londiste(["resync", "public.visit"]).ok();
    stage.full.sql(&format!(
        "select pgq_node.register_location('q_one', 'mute', 'host=127.0.0.1 port={port} dbname=none', false)"
    ));
    attrs("renew=wanted&copy_node=mute");
    one.leaf.start_worker();
    one.leaf.wait_log("the source does not answer within 10 s", EVENTUALLY);
    for n in 1..4 {
        one.db.sql(&format!("update visit set n = n + {n} where id % 3 = 0"));
        wait_rows(&stage.full, &stage.expected());
    }
    assert_eq!(one.leaf.log().matches("cannot be copied yet").count(), 1);
    one.leaf.stop_worker();
    attrs("renew=wanted");
    one.leaf.start_worker();
    one.leaf.londiste(["wait-sync"]).ok();
    wait_rows(&stage.full, &stage.expected());
    stage.stop();
}

#[test]
fn a_copy_does_not_end_as_if_nobody_had_reset_its_table() {
    let stage = merged(&["one", "two"]);
    let [one, two] = &stage.shards[..] else { unreachable!("two shards") };
    stage.add_on_shards();
    one.leaf.londiste(["add-table", "--no-merge", "public.visit"]).ok();
    one.leaf.londiste(["wait-sync"]).ok();
    two.leaf.stop_worker();
    two.leaf.londiste(["add-table", "--no-merge", "public.visit"]).ok();
    let waits_for_us = || {
        wait_for("the copy in the middle of it", EVENTUALLY, || {
            let seen = stage.full.int(
                "select count(*) from pg_locks where relation = 'visit'::regclass and not granted",
            );
            holds(seen == 1, two.leaf.log())
        });
    };
    let attrs = |value: &str| {
        stage.full.sql(&format!(
            "update londiste.table_info set table_attrs = {value} where queue_name = 'q_two'"
        ));
    };

    let mut holder = Client::connect(&stage.full.connstr(), NoTls).expect("the database is there");
    holder.batch_execute("begin; lock table visit in share mode").expect("nobody else has it");
    two.leaf.start_worker();
    waits_for_us();
    two.leaf.londiste(["resync", "public.visit"]).exits(1).says("its rows cannot be told");
    // As a version would do it that does not ask.
    attrs("'renew=wanted'");
    holder.batch_execute("commit").expect("ours");
    two.leaf.wait_log("it was reset during the copy", EVENTUALLY);
    two.leaf.wait_log("it is not known where the worker left it", EVENTUALLY);
    assert_eq!(stage.full.int("select count(*) from visit where id > 1000"), 0);

    holder.batch_execute("begin; lock table visit in share mode").expect("nobody else has it");
    attrs("null");
    waits_for_us();
    stage.full.sql(
        "update pgq_node.local_state set last_tick_id = last_tick_id + 1 \
          where queue_name = 'q_two' and consumer_name like '%.copy.%'",
    );
    holder.batch_execute("commit").expect("ours");
    two.leaf.wait_log("was moved during the copy", EVENTUALLY);
    two.leaf.londiste(["wait-sync"]).ok();
    wait_rows(&stage.full, &stage.expected());
    stage.stop();
}

#[test]
fn one_source_more_comes_into_a_table_that_others_fill() {
    let stage = merged(&["one", "three", "two"]);
    let [one, three, two] = &stage.shards[..] else { unreachable!("three shards") };
    stage.add_on_shards();
    let later =
        stage.full.text("select table_name from londiste.table_info where queue_name = 'q_three'");
    assert_eq!(later, "public.visit");
    // At first only two of them.
    three.leaf.stop_worker();
    stage.full.sql("select londiste.global_remove_table('q_three', 'public.visit')");
    one.leaf.londiste(["add-table", "--merge-all", "public.visit"]).ok();
    for shard in [one, two] {
        shard.leaf.londiste(["wait-sync"]).ok();
    }
    stage.full.sql("select londiste.global_add_table('q_three', 'public.visit')");
    three.leaf.start_worker();
    let writers = [Writer::start(&one.db, "one", 1), Writer::start(&two.db, "two", 2001)];
    three.leaf.londiste(["add-table", "public.visit"]).exits(1).says("use remove-table first");

    // Rows that both have are in the way, and stay whose they are.
    three.db.sql("insert into visit values (250, 'clash', 0)");
    three.leaf.londiste(["add-table", "--no-merge", "public.visit"]).ok();
    wait_for("the clash in status", EVENTUALLY, || {
        let status = three.root.londiste(["status"]).ok();
        holds(status.stdout.contains("duplicate key"), status)
    });
    assert_eq!(stage.full.text("select shard from visit where id = 250"), "one");
    three.db.sql("delete from visit where id = 250");
    three.leaf.londiste(["wait-sync"]).ok();
    writers.iter().for_each(|writer| writer.wait_for_more(20));
    drop(writers);
    wait_rows(&stage.full, &stage.expected());
    three.db.sql("update visit set n = 5 where id % 2 = 0; delete from visit where id % 3 = 0");
    wait_rows(&stage.full, &stage.expected());
    for shard in [one, two] {
        assert!(!shard.leaf.log().contains("ERROR"), "{}", shard.leaf.log());
    }

    // A truncate takes the rows of all, as in the original, but not without a word.
    three.db.sql("truncate visit");
    three.leaf.wait_log("rows of q_one, q_two included", EVENTUALLY);
    wait_rows(&stage.full, "");
    stage.stop();
}

/// Who copies from the merged table waits until all of its parts are there.
#[test]
fn a_table_is_not_copied_from_a_combined_root_before_its_parts_are_there() {
    let stage = merged(&["one", "two"]);
    let [one, two] = &stage.shards[..] else { unreachable!("two shards") };
    stage.add_on_shards();
    two.leaf.stop_worker();
    one.leaf.londiste(["add-table", "--merge-all", "public.visit"]).ok();
    let second = database("second");
    let provider = format!("--provider={}", stage.full.connstr());
    let branch = node("second", &second, "q_all", &["create-branch", &provider]);
    branch.londiste(["add-table", "public.visit"]).ok();
    branch.wait_log(
        "not in sync yet on provider (copied there from q_one, q_two), waiting",
        EVENTUALLY,
    );
    assert_eq!(second.int("select count(*) from visit"), 0);
    two.leaf.start_worker();
    for shard in &stage.shards {
        shard.leaf.londiste(["wait-sync"]).ok();
    }
    branch.londiste(["wait-sync"]).ok();
    wait_rows(&stage.full, &stage.expected());
    wait_rows(&second, &stage.expected());
    branch.stop_worker();
    stage.stop();
}
