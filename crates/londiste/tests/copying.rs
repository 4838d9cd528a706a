//! One copy in a process of its own (`londiste INI copy TABLE`), with the test in the worker's place.

use std::process::{Child, Stdio};

use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Cluster, Database, Impl, Node, holds, wait_for};

/// The structure of the tables in these tests, on both sides.
const TABLE: &str = "create table t (id int primary key, name text, k int unique, check (id > 0));
     create index t_name on t (name) where k > 0";

/// The worker's name.
const LEAF: &str = "leaf";

/// A root and a leaf without daemons.
struct Pair {
    src: Database,
    dst: Database,
    leaf: Node,
}

impl Pair {
    fn new(structure: &str) -> Self {
        let src = Cluster::shared().create_database("src");
        let dst = Cluster::shared().create_database("dst");
        let root = Node::new(Impl::Ours, "root", &src, "q");
        let leaf = Node::new(Impl::Ours, LEAF, &dst, "q");
        root.londiste(["create-root", "root", &src.connstr()]).ok();
        let provider = format!("--provider={}", src.connstr());
        leaf.londiste(["create-leaf", LEAF, &dst.connstr(), &provider]).ok();
        for db in [&src, &dst] {
            db.sql(structure);
        }
        Self { src, dst, leaf }
    }

    /// Adds a table on both sides and makes it in-copy, as the worker would.
    fn add(&self, table: &str, attrs: &str) {
        self.src.sql(&format!("select londiste.local_add_table('q', '{table}')"));
        let attrs = if attrs.is_empty() { "null".to_owned() } else { format!("'{attrs}'") };
        self.dst.sql(&format!(
            "select londiste.global_add_table('q', '{table}');
             select londiste.local_add_table('q', '{table}', null, {attrs})"
        ));
        self.set_state(table, "in-copy");
    }

    fn set_state(&self, table: &str, state: &str) {
        self.dst.sql(&format!(
            "update londiste.table_info set merge_state = nullif('{state}', '')
              where queue_name = 'q' and table_name = '{table}'"
        ));
    }

    fn state(&self, table: &str) -> String {
        self.dst.text(&format!(
            "select merge_state from londiste.table_info where table_name = '{table}'"
        ))
    }

    #[track_caller]
    fn wait_state(&self, table: &str, start: &str) -> String {
        wait_for(format!("{table} to be {start}"), EVENTUALLY, || {
            let state = self.state(table);
            if state.starts_with(start) {
                Ok(state)
            } else {
                Err(format!("{state}; log:\n{}", self.leaf.log()))
            }
        })
    }

    fn tick(&self) {
        self.src.sql("select pgq.force_tick('q'); select pgq.ticker('q')");
    }

    /// Starts the copy; `crash_point` names the place where it shall die.
    fn copy(&self, table: &str, crash_point: Option<&str>) -> Child {
        let mut command = self.leaf.command();
        command.args(["copy", table]).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(place) = crash_point {
            command.env(londiste::crash_point::VARIABLE, place);
        }
        command.spawn().expect("our own program")
    }

    /// Plays the worker: goes through its batches until it stands before one where the table can be handed over.
    #[track_caller]
    fn do_sync(&self, table: &str) {
        let wanted = self.wait_state(table, "wanna-sync:");
        let wanted: i64 = wanted["wanna-sync:".len()..].parse().expect("a tick");
        self.tick();
        loop {
            let batch = self.src.text(&format!(
                "select batch_id, cur_tick_id from pgq.next_batch_custom('q', '{LEAF}', null, null, null)"
            ));
            let (batch, tick) = batch.split_once('|').expect("two columns");
            let tick: i64 = tick.parse().unwrap_or_else(|_| panic!("no batch before {wanted}"));
            if tick >= wanted {
                return self.set_state(table, &format!("do-sync:{tick}"));
            }
            self.dst.sql(&format!("select pgq_node.set_consumer_completed('q', '{LEAF}', {tick})"));
            self.src.sql(&format!("select pgq.finish_batch({batch})"));
        }
    }

    /// The table is handed over and nothing of the copy is left.
    #[track_caller]
    fn assert_done(&self, table: &str, mut copy: Child) {
        self.wait_state(table, "ok");
        let status = wait_for("the end of the copy", SOON, || {
            copy.try_wait().expect("our own child").ok_or("it runs")
        });
        assert!(status.success(), "{status}\n{}", self.leaf.log());
        assert_eq!(self.src.text("select consumer_name from pgq.get_consumer_info('q') where consumer_name like '%copy%'"), "");
        assert_eq!(
            self.dst.text(
                "select consumer_name from pgq_node.local_state where consumer_name like '%copy%'"
            ),
            ""
        );
        assert_eq!(self.dst.text(&format!("select custom_snapshot, dropped_ddl from londiste.table_info where table_name = '{table}'")), "|");
    }

    #[track_caller]
    fn assert_equal(&self, table: &str) {
        assert_eq!(self.dst.rows(table, "1"), self.src.rows(table, "1"));
    }

    fn structure(&self, table: &str) -> String {
        self.dst.text(&format!(
            "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = '{table}'::regclass
             union all
             select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index where indrelid = '{table}'::regclass
             order by 1, 2"
        ))
    }

    /// The log without times, pids and tick numbers.
    fn log(&self) -> String {
        let lines = self.leaf.log();
        let lines = lines.lines().filter_map(|line| {
            let at =
                ["DEBUG ", "INFO ", "WARNING ", "ERROR "].iter().find_map(|level| line.find(level));
            at.map(|at| line[at..].to_owned())
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[track_caller]
fn killed(mut copy: Child, pair: &Pair) {
    let status = wait_for("the crash", EVENTUALLY, || {
        copy.try_wait().expect("our own child").ok_or_else(|| pair.leaf.log())
    });
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9),
        "{}",
        pair.leaf.log()
    );
}

#[test]
fn a_table_goes_through_all_states() {
    let pair = Pair::new(TABLE);
    pair.src.sql("insert into t select i, 'n' || i, i from generate_series(1, 4) i");
    pair.dst.sql("insert into t values (99, 'old', 99)");
    let before = pair.structure("t");
    pair.add("public.t", "");
    let copy = pair.copy("public.t", None);
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    pair.assert_equal("t");
    assert_eq!(pair.structure("t"), before);
    assert!(
        pair.dst.int("select reltuples::int from pg_class where relname = 't'") == 4,
        "analysed"
    );
    let log = pair.log();
    let mut at = 0;
    for line in [
        "INFO Using 'root' as source node",
        "INFO Registering consumer on source queue",
        "INFO Consumer leaf.copy.public.t registered on queue q",
        "INFO Consumer uptodate = 1",
        "INFO Starting full copy of public.t",
        "INFO Dropping public.t_name",
        "INFO Dropping t_k_key",
        "INFO Dropping t_pkey",
        "INFO public.t: truncating",
        "INFO public.t: start copy",
        "INFO public.t: copy finished: ",
        " 4 rows",
        "INFO storing state of public.t: copy:1 new_state:catching-up",
        "INFO Creating t_pkey",
        "INFO Creating public.t_name",
        "INFO storing state of public.t: copy:1 new_state:wanna-sync:",
        "INFO Table public.t status changed to 'wanna-sync:",
        "INFO storing state of public.t: copy:1 new_state:ok",
        "INFO Table public.t status changed to 'ok'",
        "INFO Unregistering consumer from source queue",
        "INFO Consumer leaf.copy.public.t unregistered from q",
        "INFO got SystemExit(0), exiting",
    ] {
        let found = log[at..]
            .find(line)
            .unwrap_or_else(|| panic!("{line:?} is missing after {:?}", &log[at..]));
        at += found + line.len();
    }
}

#[test]
fn what_happens_on_the_source_meanwhile_is_replayed_once() {
    let pair = Pair::new(TABLE);
    pair.src.sql("insert into t select i, 'n' || i, i from generate_series(1, 100) i");
    pair.add("public.t", "");
    // Events that the copied rows contain, events that they do not, and one transaction that is open at the copy.
    let mut client = pair.src.client();
    let mut open = client.transaction().expect("a new session");
    open.batch_execute("insert into t values (500, 'open', 500); delete from t where id = 7")
        .expect("no conflict");
    // The first registration is at the newest tick, so these come again as events.
    let copy = pair.copy("public.t", Some("copy-after-commit"));
    killed(copy, &pair);
    open.commit().expect("no conflict");
    pair.src.sql("update t set name = 'later' where id = 3; insert into t values (600, E'\\\\ \\t ''', null); delete from t where id = 4");
    pair.tick();
    pair.src.sql(
        "update t set k = 601 where id = 600; truncate t; insert into t values (1, 'again', 1)",
    );
    pair.tick();
    let copy = pair.copy("public.t", None);
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    pair.assert_equal("t");
}

#[test]
fn a_copy_survives_a_crash_at_every_point() {
    let pair = Pair::new(TABLE);
    let before = pair.structure("t");
    pair.src.sql("insert into t select i, 'n' || i, i from generate_series(1, 50) i");
    pair.add("public.t", "");
    let mut id = 1000;
    for place in [
        "copy-rows",
        "copy-before-commit",
        "copy-after-commit",
        "copy-batch-applied",
        "copy-batch-committed",
        "copy-wanna-sync",
    ] {
        killed(pair.copy("public.t", Some(place)), &pair);
        id += 1;
        pair.src.sql(&format!(
            "insert into t values ({id}, 'x', {id}); update t set name = '{id}' where id = 1"
        ));
        pair.tick();
        assert_eq!(pair.structure("t"), before, "after {place}");
    }
    let copy = pair.copy("public.t", Some("copy-ok"));
    pair.do_sync("public.t");
    killed(copy, &pair);
    assert_eq!(pair.state("public.t"), "ok");
    // All that is left is to clear up.
    let copy = pair.copy("public.t", None);
    pair.assert_done("public.t", copy);
    // What came after copy-wanna-sync is the worker's.
    let last =
        format!("delete from t where id = {id}; update t set name = '{}' where id = 1", id - 1);
    pair.src.sql(&last);
    pair.assert_equal("t");
    assert_eq!(pair.structure("t"), before);
}

#[test]
fn a_condition_chooses_the_rows_and_a_bad_one_is_named() {
    let pair = Pair::new("create table t (id int primary key, name text)");
    pair.src.sql("insert into t select i, 'n' || i from generate_series(1, 30) i");
    pair.dst.sql("create schema other; alter table t set schema other");
    pair.dst.sql("alter table other.t rename to name");
    pair.src.sql("select londiste.local_add_table('q', 'public.t')");
    pair.dst.sql(
        "select londiste.global_add_table('q', 'public.t');
         select londiste.local_add_table('q', 'public.t', null, 'copy_condition=nosuch%3c11', 'other.name')",
    );
    pair.set_state("public.t", "in-copy");
    let copy = pair.copy("public.t", None);
    pair.leaf.wait_log("attribute copy_condition cannot be used: nosuch<11", EVENTUALLY);
    let error = pair
        .dst
        .text("select cur_error from pgq_node.local_state where consumer_name like '%copy%'");
    assert!(error.contains("column \"nosuch\" does not exist"), "{error}");
    pair.dst.sql(
        "select londiste.local_set_table_attrs('q', 'public.t', 'copy_condition=id%3c11+--+few')",
    );
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    assert_eq!(
        pair.dst.rows("other.name", "id"),
        pair.src.text("select * from t where id < 11 order by id")
    );
}

#[test]
fn a_failed_copy_leaves_everything_as_it_was_and_tries_again() {
    let pair = Pair::new(TABLE);
    pair.dst.sql("create unique index only_here on t (name); insert into t values (5, 'kept', 5)");
    pair.src.sql("insert into t values (1, 'same', 1), (2, 'same', 2)");
    let before = pair.structure("t");
    pair.add("public.t", "");
    let copy = pair.copy("public.t", None);
    pair.leaf.wait_log("could not create unique index \"only_here\"", EVENTUALLY);
    wait_for("the lock to be gone", SOON, || {
        let locks = pair.dst.text(
            "select mode from pg_locks where relation = 't'::regclass and mode like '%Exclusive%'",
        );
        holds(locks.is_empty(), locks)
    });
    assert_eq!(pair.state("public.t"), "in-copy");
    assert_eq!(pair.structure("t"), before);
    pair.src.sql("update t set name = 'other' where id = 2");
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    pair.assert_equal("t");
    assert_eq!(pair.structure("t"), before);
}

#[test]
fn an_interrupt_breaks_a_copy_off_and_the_next_one_does_it() {
    let pair = Pair::new(TABLE);
    pair.src.sql("insert into t select i, 'n' || i, i from generate_series(1, 10) i");
    pair.dst.sql("insert into t values (99, 'old', 99)");
    let before = pair.structure("t");
    pair.add("public.t", "");
    let mut reader = pair.dst.client();
    let mut lock = reader.transaction().expect("a new session");
    lock.batch_execute("lock table t in access share mode").expect("the table is free");
    let mut copy = pair.copy("public.t", None);
    let waiting = "select count(*) from pg_locks where relation = 't'::regclass and not granted";
    wait_for("the copy to wait for its lock", EVENTUALLY, || {
        holds(pair.dst.int(waiting) == 1, pair.leaf.log())
    });
    let pid = nix::unistd::Pid::from_raw(i32::try_from(copy.id()).expect("a small number"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("our own child");
    let status = wait_for("the end of the copy", SOON, || {
        copy.try_wait().expect("our own child").ok_or("it runs")
    });
    assert!(status.success(), "{status}");
    wait_for("nobody waiting any more", SOON, || holds(pair.dst.int(waiting) == 0, "waiting"));
    lock.commit().expect("only a lock");
    assert_eq!(pair.state("public.t"), "in-copy");
    assert_eq!(pair.structure("t"), before);
    assert_eq!(pair.dst.rows("t", "1"), "99|old|99");
    let copy = pair.copy("public.t", None);
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    pair.assert_equal("t");
}

#[test]
fn a_table_that_was_reset_or_removed_meanwhile_is_left() {
    for removal in [
        "select londiste.local_set_table_state('q', 'public.t', null, null)",
        "select londiste.local_remove_table('q', 'public.t')",
    ] {
        let pair = Pair::new(TABLE);
        pair.src.sql("insert into t values (1, 'a', 1)");
        pair.dst.sql("insert into t values (99, 'old', 99)");
        let before = pair.structure("t");
        pair.add("public.t", "");
        // Holds the copy up before it has locked anything at the destination.
        let mut reader = pair.dst.client();
        let mut lock = reader.transaction().expect("a new session");
        lock.batch_execute("lock table t in row exclusive mode").expect("the table is free");
        let mut copy = pair.copy("public.t", None);
        let waiting =
            "select count(*) from pg_locks where relation = 't'::regclass and not granted";
        wait_for("the copy to wait for its lock", EVENTUALLY, || {
            holds(pair.dst.int(waiting) == 1, pair.leaf.log())
        });
        lock.batch_execute(removal).expect("the row is free");
        lock.commit().expect("no conflict");
        let status = wait_for("the end of the copy", EVENTUALLY, || {
            copy.try_wait().expect("our own child").ok_or_else(|| pair.leaf.log())
        });
        assert!(status.success(), "{status}\n{}", pair.leaf.log());
        assert_eq!(pair.state("public.t"), "");
        assert_eq!(pair.structure("t"), before, "{removal}");
        assert_eq!(pair.dst.rows("t", "1"), "99|old|99");
        assert_eq!(pair.src.text("select consumer_name from pgq.get_consumer_info('q') where consumer_name like '%copy%'"), "");
        assert_eq!(
            pair.dst.text(
                "select consumer_name from pgq_node.local_state where consumer_name like '%copy%'"
            ),
            ""
        );
    }
}

#[test]
fn a_removal_does_not_wait_for_the_copy() {
    let pair = Pair::new(TABLE);
    pair.src.sql("insert into t values (1, 'a', 1)");
    pair.dst.sql("insert into t values (99, 'old', 99)");
    let before = pair.structure("t");
    pair.add("public.t", "");
    // The copy has stripped the destination and cannot begin to read.
    let mut reader = pair.src.client();
    let mut lock = reader.transaction().expect("a new session");
    lock.batch_execute("lock table t in access exclusive mode").expect("the table is free");
    let mut copy = pair.copy("public.t", None);
    pair.leaf.wait_log("public.t: start copy", EVENTUALLY);
    pair.dst.sql("select londiste.local_remove_table('q', 'public.t')");
    let status = wait_for("the end of the copy", EVENTUALLY, || {
        copy.try_wait().expect("our own child").ok_or_else(|| pair.leaf.log())
    });
    assert!(status.success(), "{status}\n{}", pair.leaf.log());
    lock.commit().expect("only a lock");
    assert_eq!(pair.structure("t"), before);
    assert_eq!(pair.dst.rows("t", "1"), "99|old|99");
    assert_eq!(
        pair.src.text(
            "select consumer_name from pgq.get_consumer_info('q') where consumer_name like '%copy%'"
        ),
        ""
    );
}

#[test]
fn a_long_index_build_is_nobodys_claim_but_a_removal_meanwhile_is() {
    let pair = Pair::new(TABLE);
    pair.dst.sql(
        "create function slow(int) returns int immutable language plpgsql as 'begin perform pg_sleep(2); return $1; end';
         create index t_slow on t (slow(id))",
    );
    let before = pair.structure("t");
    pair.src.sql("insert into t select i, 'a', i from generate_series(1, 4) i");
    pair.add("public.t", "");
    let copy = pair.copy("public.t", None);
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    pair.assert_equal("t");
    assert!(!pair.leaf.log().contains("breaking the copy off"), "{}", pair.leaf.log());

    // Now 100 s of it.
    pair.src.sql("insert into t select i, 'a', i from generate_series(5, 50) i");
    pair.set_state("public.t", "in-copy");
    let mut copy = pair.copy("public.t", None);
    let building = "select count(*) from pg_locks where relation = 'londiste.table_info'::regclass and mode = 'RowExclusiveLock'";
    wait_for("the state to be stored", EVENTUALLY, || {
        holds(pair.dst.int(building) > 0, pair.leaf.log())
    });
    pair.dst.sql("select londiste.local_remove_table('q', 'public.t')");
    let status = wait_for("the end of the copy", SOON, || {
        copy.try_wait().expect("our own child").ok_or_else(|| pair.leaf.log())
    });
    assert!(status.success(), "{status}\n{}", pair.leaf.log());
    assert_eq!(pair.structure("t"), before);
    assert_eq!(pair.dst.int("select count(*) from t"), 4, "as before the second copy");
}

#[test]
fn only_common_columns_are_copied_and_rows_may_stay() {
    let pair = Pair::new("select 1");
    pair.src.sql("create table t (id int primary key, \"Odd col\" text, only_src int, g int generated always as (id * 2) stored);
                  insert into t values (1, E'a\\tb\\\\', 5), (2, null, 6)");
    pair.dst.sql("create table t (only_dst int default 7, \"Odd col\" text, id int generated always as identity primary key, g int generated always as (id * 2) stored);
                  insert into t (\"Odd col\") overriding system value values ('kept');
                  update t set only_dst = 8; ");
    pair.dst.sql("alter table t alter id restart with 10; insert into t (\"Odd col\") values ('kept too'); delete from t where id = 1");
    pair.add("public.t", "skip_truncate=1");
    let copy = pair.copy("public.t", None);
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    assert_eq!(
        pair.dst.text("select id, \"Odd col\", only_dst, g from t order by id"),
        "1|a\tb\\|7|2\n2||7|4\n10|kept too|7|20"
    );
    let log = pair.log();
    for line in [
        "WARNING Table public.t column only_src does not exist on subscriber",
        "WARNING Table public.t column only_dst does not exist on provider",
        "INFO public.t: skipping truncate",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}

#[test]
fn a_copy_that_takes_long_says_how_far_it_is_where_it_can() {
    let pair =
        Pair::new("create table t (id int primary key); create table u (id int primary key)");
    for table in ["t", "u"] {
        pair.src
            .sql(&format!("insert into {table} select generate_series(1, 20); analyze {table}"));
    }
    let slowly = "copy_condition=pg_sleep(0.3)+is+not+null";
    pair.add("public.t", slowly);
    let copy = pair.copy("public.t", None);
    wait_for("the progress", EVENTUALLY, || {
        let seen =
            pair.dst.text("select table_name, phase, rows_expected from londiste.copy_progress");
        holds(seen == "public.t|rows|20", seen)
    });
    pair.leaf.londiste(["status"]).ok().says("Copy: public.t: ");
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    assert_eq!(pair.dst.text("select * from londiste._copy_progress"), "");

    // As in a schema that the original made.
    pair.dst.sql("drop view londiste.copy_progress; drop table londiste._copy_progress");
    pair.add("public.u", slowly);
    let copy = pair.copy("public.u", None);
    pair.leaf.londiste(["status"]).ok();
    pair.do_sync("public.u");
    pair.assert_done("public.u", copy);
    assert!(!pair.log().contains("ERROR"), "{}", pair.log());
}

/// Types that travel in binary form, with their odd values, and one column that makes a table go as text.
#[test]
fn all_values_arrive_as_they_were_in_either_format() {
    let structure = "
        create type mood as enum ('sad', 'été', 'it''s');
        create table t (
            id int primary key, b bool, i2 int2, i8 int8, o oid, f4 float4, f8 float8, n numeric, n2 numeric(30, 5),
            t text, v varchar(20), c char(5), by bytea, d date, ti time, ts timestamp, tz timestamptz, iv interval,
            u uuid, j json, jb jsonb, ip inet, ci cidr, m macaddr, m8 macaddr8, bi bit(3), mo mood,
            ai int[], at text[], an numeric[], ab bytea[], ats timestamp[], av varchar[], aj jsonb[]);
        create table as_text (like t including all, r regclass)";
    let pair = Pair::new(structure);
    // The numbers of their types differ.
    pair.dst.sql("drop table t, as_text; drop type mood; create type other as enum ('x')");
    pair.dst.sql(structure);
    pair.src.sql(
        "insert into t values
            (1, true, -32768, 9223372036854775807, 4294967295, '-inf', 'nan', 'nan', 1.5, E'a\\tb\\n\\\\.', 'ü', 'x ', '\\x00ff0a5c',
             '0044-03-15 BC', '24:00', 'infinity', '1850-01-01 00:00:00.000001+00', '-1 year 3 days -00:00:01.5',
             '00000000-0000-0000-0000-00000000000f', '{\"a\" : [1,  null]}', '{\"b\": 1e400, \"a\": \"\\u00e9\"}',
             '2001:db8::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '101', 'été',
             '[2:3][0:1]={{1,null},{3,4}}', '{}', '{1.10,nan,-0.000}', array['\\x', null]::bytea[],
             '{-infinity,2011-11-25 23:59:59.999999}', '{\"a,b\",NULL,\"NULL\"}', array['[]', '1']::jsonb[]),
            (2, false, 0, 0, 0, 1e-40, 5e-324, 1e-1000, -99999999999999999999.99999, '', '', '', '', 'infinity', '00:00', '-infinity',
             'infinity', '178000000 years', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'null', 'null', '0.0.0.0/0',
             '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', '000', 'it''s', '{}', '{\"\"}', '{}', '{}', '{}', '{}', '{}');
         insert into t (id) select generate_series(3, 1000);
         insert into t (id, n, f8, t) select i, i / 7.0, exp(i / 100.0), repeat('德哥', i) from generate_series(1001, 2000) i;
         insert into as_text select *, 'public.t' from t",
    );
    for (table, binary) in [("t", true), ("as_text", false)] {
        pair.add(&format!("public.{table}"), "");
        let mut command = pair.leaf.command();
        command
            .args(["-v", "copy", &format!("public.{table}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let copy = command.spawn().expect("our own program");
        pair.do_sync(&format!("public.{table}"));
        pair.assert_done(&format!("public.{table}"), copy);
        pair.assert_equal(table);
        let plain = format!("DEBUG public.{table}: COPY public.{table} (id");
        let line = pair.log().lines().find(|line| line.starts_with(&plain)).map(str::to_owned);
        assert_eq!(line.expect("the statement").ends_with("FORMAT binary)"), binary);
    }
}

#[test]
fn a_large_table_comes_over_several_connections_and_over_a_crash() {
    let mut pair = Pair::new(TABLE);
    if pair.src.int("select current_setting('server_version_num')::int") < 140_000 {
        // Without range scans all goes over one connection, which the other tests show.
        return;
    }
    pair.leaf.set("threaded_copy_tables", "other.*, public.?");
    pair.leaf.set("threaded_copy_pool_size", "3");
    pair.src.sql(
        "insert into t select i, repeat(md5(i::text), 10), i from generate_series(1, 70000) i",
    );
    assert!(pair.src.int("select pg_relation_size('t') / 8192") > 3 * 1024, "several ranges");
    pair.dst.sql("insert into t values (99999999, 'old', 99)");
    let before = pair.structure("t");
    pair.add("public.t", "");
    killed(pair.copy("public.t", Some("copy-range-committed")), &pair);
    assert_eq!(pair.state("public.t"), "in-copy");
    assert!(pair.dst.int("select count(*) from t") > 0, "a part is there");
    assert_ne!(
        pair.dst.text("select dropped_ddl from londiste.table_info"),
        "",
        "so nothing is lost"
    );
    pair.src.sql("update t set k = -k where id % 100 = 0");
    pair.tick();
    let indexes = "select count(*) from pg_index where indrelid = 't'::regclass";
    killed(pair.copy("public.t", Some("copy-index-committed")), &pair);
    assert_eq!(pair.state("public.t"), "catching-up");
    let made = pair.dst.int(indexes);
    assert!(made > 0, "an index is there");

    // Removed in the middle of that, the table gets what is missing, and comes again later.
    pair.dst.sql("select londiste.local_remove_table('q', 'public.t')");
    assert_eq!(pair.structure("t"), before);
    assert_eq!(pair.dst.int("select count(*) from t"), 0);
    pair.dst.sql("select londiste.local_add_table('q', 'public.t')");
    pair.set_state("public.t", "in-copy");
    killed(pair.copy("public.t", Some("copy-index-committed")), &pair);
    let restored = pair.log().matches("INFO public.t: restoring DDL").count();
    let copy = pair.copy("public.t", None);
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    let log = pair.log();
    assert_eq!(log.matches("INFO public.t: restoring DDL").count(), restored + 1);
    assert_eq!(
        log.matches("INFO public.t: start threaded copy").count(),
        3,
        "not after the indexes began"
    );
    let sums = "select count(*), sum(k), sum(hashtext(t::text)::int8) from t";
    assert_eq!(pair.dst.text(sums), pair.src.text(sums));
    assert_eq!(pair.structure("t"), before);
    assert!(pair.log().contains("INFO public.t: start threaded copy"));
    assert!(pair.log().contains("INFO public.t: restoring DDL"));
}

#[test]
fn a_hand_over_that_would_not_be_exact_is_put_off() {
    let pair = Pair::new(TABLE);
    pair.src.sql("insert into t values (1, 'a', 1)");
    pair.add("public.t", "");
    let copy = pair.copy("public.t", None);
    pair.wait_state("public.t", "wanna-sync:");
    // At a tick that is long past.
    pair.set_state("public.t", "do-sync:1");
    pair.leaf.wait_log("sync_tick=1", EVENTUALLY);
    pair.wait_state("public.t", "wanna-sync:");
    // At the right tick, but with the worker's batch beginning earlier: it never finished the one before.
    pair.src.sql("insert into t values (2, 'b', 2)");
    pair.tick();
    pair.src.sql("insert into t values (3, 'c', 3)");
    pair.tick();
    let last = pair.src.int("select max(tick_id) from pgq.tick");
    pair.set_state("public.t", &format!("do-sync:{last}"));
    pair.leaf.wait_log(&format!("sync_tick={last}"), EVENTUALLY);
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    pair.assert_equal("t");
}

#[test]
fn foreign_keys_are_put_aside() {
    let pair = Pair::new(
        "create table t (id int primary key); create table child (id int primary key, t int)",
    );
    pair.dst
        .sql("alter table child add constraint to_t foreign key (t) references t (id) deferrable");
    pair.src.sql("insert into t values (1)");
    pair.add("public.t", "");
    let copy = pair.copy("public.t", None);
    pair.do_sync("public.t");
    pair.assert_done("public.t", copy);
    assert!(pair.log().contains("INFO Dropping fkey: to_t"));
    assert_eq!(
        pair.dst.text("select from_table, to_table, fkey_name from londiste.pending_fkeys"),
        "public.child|public.t|to_t"
    );
}

/// Two sources of one table: the first queue by name leads, the other adds its rows.
#[test]
fn copies_of_several_queues_into_one_table_share_the_work() {
    let structure = "create table parent (id int, part text);
         create table t (primary key (id, part), check (id > 0)) inherits (parent);
         create index t_part on t (part)";
    let dst = Cluster::shared().create_database("merged");
    dst.sql(structure);
    dst.sql("insert into t values (99, 'old')");
    let parts: Vec<(Database, Node)> = ["q1", "q2"]
        .into_iter()
        .map(|queue| {
            let src = Cluster::shared().create_database(queue);
            let root = Node::new(Impl::Ours, "root", &src, queue);
            root.londiste(["create-root", "root", &src.connstr()]).ok();
            let leaf = Node::new(Impl::Ours, &format!("leaf_{queue}"), &dst, queue);
            let provider = format!("--provider={}", src.connstr());
            leaf.londiste(["create-leaf", leaf.name(), &dst.connstr(), &provider]).ok();
            src.sql(structure);
            src.sql(&format!(
                "insert into t select i, '{queue}' from generate_series(1, 20) i;
                 select londiste.local_add_table('{queue}', 'public.t')"
            ));
            dst.sql(&format!("select londiste.global_add_table('{queue}', 'public.t')"));
            (src, leaf)
        })
        .collect();
    dst.sql(
        "select londiste.local_add_table('q1', 'public.t', array['merge_all']);
         update londiste.table_info set merge_state = 'in-copy'",
    );
    // From PostgreSQL 18 on NOT NULL is a constraint too, which nobody has to drop.
    let facts = "select conname, pg_get_constraintdef(oid) from pg_constraint
          where conrelid = 't'::regclass and contype <> 'n'
         union all
         select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index where indrelid = 't'::regclass
         union all select 'inherits', inhparent::regclass::text from pg_inherits where inhrelid = 't'::regclass
         order by 1, 2";
    let before = dst.text(facts);
    let start = |part: &(Database, Node), crash_point: Option<&str>| {
        let mut command = part.1.command();
        command.args(["copy", "public.t"]).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(place) = crash_point {
            command.env(londiste::crash_point::VARIABLE, place);
        }
        command.spawn().expect("our own program")
    };
    let state = |queue: &str| {
        dst.text(&format!(
            "select coalesce(merge_state, '') from londiste.table_info where queue_name = '{queue}'"
        ))
    };
    let wait_state = |queue: &str, wanted: &str| {
        wait_for(format!("{queue} to be {wanted}"), EVENTUALLY, || {
            let seen = state(queue);
            let logs: Vec<String> = parts.iter().map(|(_, leaf)| leaf.log()).collect();
            holds(seen.starts_with(wanted), format!("{seen}\n{}", logs.join("\n---\n")))
        });
    };

    // The second has to wait until the first has taken keys, indexes and the parent away.
    let mut second = start(&parts[1], None);
    parts[1].1.wait_log("waiting for first partition to initialize copy", EVENTUALLY);
    let mut first = start(&parts[0], Some("copy-struct-stored"));
    wait_for("the crash of the first", EVENTUALLY, || {
        first.try_wait().expect("our own child").ok_or("it runs")
    });
    assert_eq!(state("q1"), "in-copy");
    assert_eq!(dst.text(facts).lines().count(), 0, "nothing stands in the way of the others");
    assert_eq!(dst.int("select count(*) from parent"), 0, "the parent does not show half a table");
    wait_state("q2", "catching-up");
    assert_eq!(dst.text("select part, count(*) from t group by 1"), "q2|20");

    // Back again, the first must not take away what the second has brought.
    let mut first = start(&parts[0], None);
    wait_state("q1", "wanna-sync");
    wait_state("q2", "wanna-sync");
    assert_eq!(dst.text("select part, count(*) from t group by 1 order by 1"), "q1|20\nq2|20");
    assert_eq!(dst.text(facts), before);
    assert_eq!(dst.text("select count(dropped_ddl) from londiste.table_info"), "0");
    for copy in [&mut first, &mut second] {
        copy.kill().expect("our own child");
        copy.wait().expect("our own child");
    }
}
