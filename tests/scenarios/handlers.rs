//! Tables with handlers: what becomes of their events, the same with either implementation.

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Node, Ticker, holds, wait_for};

use crate::diary::{QUEUE, wait_caught_up};
use crate::place::quick_ticks;

const MODULES: &str = "londiste.handlers.qtable, londiste.handlers.vtable, londiste.handlers.applyfn, \
                       londiste.handlers.multimaster, londiste.handlers.shard, londiste.handlers.bulk";

/// A root and a node below it. Dropped in this order: daemons first, then their databases.
pub(crate) struct Pair {
    pub(crate) root: Node,
    pub(crate) below: Node,
    _ticker: Ticker,
    pub(crate) src: Database,
    pub(crate) dst: Database,
}

impl Pair {
    /// Nodes with these handler modules, workers running; `tables` is run on both sides first.
    #[track_caller]
    pub(crate) fn start(implementation: Impl, create: &str, modules: &str, tables: &str) -> Self {
        Self::start_with(implementation, create, modules, tables, &[])
    }

    /// The same with further keys in both ini files.
    #[track_caller]
    pub(crate) fn start_with(
        implementation: Impl,
        create: &str,
        modules: &str,
        tables: &str,
        keys: &[(&str, &str)],
    ) -> Self {
        let cluster = Cluster::shared();
        let (src, dst) = (cluster.create_database("src"), cluster.create_database("dst"));
        let node = |name, db: &Database| {
            db.sql(tables);
            keys.iter().fold(
                Node::new(implementation, name, db, QUEUE).with("handler_modules", modules),
                |node, (key, value)| node.with(key, value),
            )
        };
        let (root, below) = (node("root", &src), node("below", &dst));
        root.londiste(["create-root", "root", &src.connstr()]).ok();
        let provider = format!("--provider={}", src.connstr());
        below.londiste([create, "below", &dst.connstr(), &provider]).ok();
        quick_ticks(&src, QUEUE);
        let ticker =
            Ticker::for_databases(implementation, cluster.address(), &[src.name(), dst.name()]);
        ticker.start();
        root.start_worker();
        below.start_worker();
        Self { root, below, _ticker: ticker, src, dst }
    }

    /// `add-table` on both sides, with options for the one below, until the rows are there.
    #[track_caller]
    pub(crate) fn add(&self, table: &str, options: &[&str]) {
        self.root.londiste(["add-table", table]).ok();
        self.add_below(table, options);
    }

    /// `add-table` below, until the rows are there.
    #[track_caller]
    pub(crate) fn add_below(&self, table: &str, options: &[&str]) {
        wait_for(format!("{table} known below"), EVENTUALLY, || {
            let known = "select count(*) from londiste.table_info where table_name = 'public.";
            let seen = self.dst.int(&format!("{known}{table}'"));
            holds(seen == 1, seen)
        });
        self.below.londiste([&["add-table", table], options].concat()).ok();
        self.below.londiste(["wait-sync"]).ok();
    }

    /// Changes the source and waits until that has arrived.
    #[track_caller]
    pub(crate) fn write(&self, sql: &str) {
        self.src.sql(sql);
        wait_caught_up(&self.src, &self.dst, "below");
    }

    /// Data events of the table in a queue's present event table, without what differs between runs.
    #[track_caller]
    pub(crate) fn events(&self, db: &Database, queue: &str, table: &str) -> String {
        let current = "select queue_data_pfx || '_' || queue_cur_table from pgq.queue";
        let events = db.text(&format!("{current} where queue_name = '{queue}'"));
        db.text(&format!(
            "select ev_type, ev_data, ev_extra1, ev_extra3 from {events} where ev_extra1 = 'public.{table}' order by ev_id"
        ))
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.below.stop_worker();
            self.root.stop_worker();
        }
    }
}

#[test]
fn tables_that_store_nothing_theirs() {
    tables_that_store_nothing(Reference);
}

#[test]
fn tables_that_store_nothing_ours() {
    tables_that_store_nothing(Ours);
}

fn tables_that_store_nothing(implementation: Impl) {
    let pair = Pair::start(
        implementation,
        "create-leaf",
        MODULES,
        "create table job (id int primary key, a text); create table seen (conf text, kind text, data text, extra1 text)",
    );
    pair.src.sql(
        "create table virt (id int primary key, a text); create table split (id int primary key, a text);
         create table called (id int primary key, a text)",
    );
    pair.dst.sql(
        "select pgq.create_queue('outq');
         create table called (id int primary key, a text);
         create function note(conf text, tick int8, id int8, at timestamptz, txid int8, retry int, kind text, data text,
                              extra1 text, extra2 text, extra3 text, extra4 text)
             returns void language sql as 'insert into seen values (conf, kind, data, extra1)'",
    );
    // A queue table's rows are events, and nothing else.
    pair.root.londiste(["add-table", "job", "--handler=qtable"]).ok();
    pair.add_below(
        "job",
        &["--handler=applyfn", "--handler-arg=func_name=note", "--handler-arg=func_conf=j"],
    );
    let virt = pair.root.londiste(["add-table", "virt", "split", "called"]).ok();
    virt.says("Table added: public.virt");
    pair.add_below("split", &["--handler=qsplitter", "--handler-arg=queue=outq"]);
    let args =
        ["--handler=applyfn", "--handler-arg=func_name=public.note", "--handler-arg=func_conf=a=b"];
    pair.add_below("called", &args);
    pair.below
        .londiste(["add-table", "virt", "--handler=vtable"])
        .ok()
        .says("Table added with no triggers: public.virt");
    pair.write(
        "insert into job values (1, 'do it'); insert into virt values (1, 'x'), (2, 'y');
         insert into split values (1, 'it''s'), (2, null); update split set a = E'a\\\\b\\tc' where id = 2;
         delete from split where id = 1;
         insert into called values (1, 'first'); update called set a = 'second'; delete from called",
    );
    assert_eq!(pair.src.int("select count(*) from job"), 0);
    assert_eq!(pair.dst.text("select to_regclass('virt')"), "");
    assert_eq!(
        pair.events(&pair.dst, "outq", "split"),
        "I:id|id=1&a=it%27s|public.split|\nI:id|id=2&a|public.split|\n\
         U:id|id=2&a=a%5cb%09c|public.split|\nD:id|id=1&a=it%27s|public.split|"
    );
    assert_eq!(
        pair.dst.text("select * from seen order by conf <> 'j', kind = 'D:id', kind"),
        "j|I:id|id=1&a=do+it|public.job\na=b|I:id|id=1&a=first|public.called\n\
         a=b|U:id|id=1&a=second|public.called\na=b|D:id|id=1&a=second|public.called"
    );
    assert_eq!(pair.dst.int("select count(*) from called"), 0);
    let tables = pair.below.londiste(["tables"]).ok();
    tables.says("{'handler': 'qsplitter(queue=outq)'}");
    if implementation == Ours {
        // The original would repeat it in tables that are not there, for ever.
        pair.write("truncate virt, split; insert into split values (3, 'more')");
        assert!(
            pair.events(&pair.dst, "outq", "split").ends_with("\nI:id|id=3&a=more|public.split|")
        );
        pair.below.londiste(["change-handler", "called"]).ok();
        pair.write("insert into called values (5, 'stored')");
        assert_eq!(pair.dst.text("select * from called"), "5|stored");
    }
}

#[test]
fn a_failing_function_is_named_with_its_event_and_loses_nothing() {
    let pair = Pair::start(
        Ours,
        "create-leaf",
        MODULES,
        "create table t (id int primary key, a text); create table other (id int primary key)",
    );
    pair.dst.sql(
        "create table seen (nr int generated always as identity, data text, others int);
         create function note(conf text, tick int8, id int8, at timestamptz, txid int8, retry int, kind text, data text,
                              extra1 text, extra2 text, extra3 text, extra4 text)
             returns void language sql as 'insert into seen (data, others) values (data, (select count(*) from other))'",
    );
    pair.add("t", &["--handler=applyfn", "--handler-arg=func_name=note"]);
    pair.add("other", &[]);
    // The function sees the other tables as they were on the source.
    pair.write("insert into other values (1); insert into t values (1, 'x'); insert into other values (2); insert into t values (2, 'y')");
    assert_eq!(
        pair.dst.text("select data, others from seen order by nr"),
        "id=1&a=x|1\nid=2&a=y|2"
    );
    pair.dst.sql("alter table seen add check (data <> 'id=3&a=secret')");
    pair.src.sql("insert into t values (3, 'secret')");
    pair.below.wait_log("violates check constraint", EVENTUALLY);
    let log = pair.below.log();
    let line =
        log.lines().rfind(|line| line.contains("violates check constraint")).unwrap_or_default();
    assert!(line.contains("[ev_id=") && line.contains("table public.t, SQLSTATE 23514"), "{line}");
    assert!(!log.contains("secret"), "{log}");
    pair.dst.sql("alter table seen drop constraint seen_data_check");
    pair.write("insert into other values (3)");
    assert_eq!(pair.dst.text("select data from seen order by nr desc limit 1"), "id=3&a=secret");
}

const PARTS: &str = "create schema partconf;
    create function partconf.get_hash_raw(int) returns int language sql immutable as 'select $1';
    create table partconf.conf (shard_nr int, shard_mask int, shard_count int);
    create table t (id int primary key, a text)";

#[test]
fn a_branch_has_its_part_and_passes_it_on_theirs() {
    a_branch_has_its_part_and_passes_it_on(Reference);
}

#[test]
fn a_branch_has_its_part_and_passes_it_on_ours() {
    a_branch_has_its_part_and_passes_it_on(Ours);
}

fn a_branch_has_its_part_and_passes_it_on(implementation: Impl) {
    let pair = Pair::start(implementation, "create-branch", MODULES, PARTS);
    pair.src.sql("insert into partconf.conf values (0, 0, 1); insert into t select i, 'old' from generate_series(1, 6) i");
    pair.dst.sql("insert into partconf.conf values (0, 1, 2)");
    pair.root.londiste(["add-table", "t", "--handler=shard", "--handler-arg=key=id"]).ok();
    pair.add_below("t", &["--handler=shard", "--handler-arg=key=id"]);
    assert_eq!(pair.dst.text("select id from t order by id"), "2\n4\n6");
    pair.write(
        "insert into t values (7, 'x'), (8, 'x'), (-2, 'x'), (-3, 'x'); update t set a = 'new' where id in (1, 2);
         delete from t where id in (3, 4)",
    );
    assert_eq!(pair.dst.text("select id, a from t order by id"), "-2|x\n2|new\n6|old\n8|x");
    // Those behind the branch get its part.
    assert_eq!(
        pair.events(&pair.dst, QUEUE, "t"),
        "I:id|id=8&a=x|public.t|hash=8\nI:id|id=-2&a=x|public.t|hash=-2\n\
         U:id|id=2&a=new|public.t|hash=2\nD:id|id=4&a=old|public.t|hash=4"
    );
    pair.below.londiste(["compare", "t"]).ok().says("4 rows");
    if implementation == Ours {
        // What the part is is asked for every batch.
        pair.dst.sql("update partconf.conf set shard_nr = 1");
        pair.write("insert into t values (9, 'y'), (10, 'y')");
        assert_eq!(pair.dst.text("select id from t where a = 'y'"), "9");
        pair.dst.sql("update partconf.conf set shard_nr = 5");
        pair.src.sql("insert into t values (11, 'z')");
        pair.below.wait_log("Invalid shard nr: 5 of 2", EVENTUALLY);
        pair.dst.sql("update partconf.conf set shard_nr = 1");
        pair.write("insert into t values (13, 'z')");
        assert_eq!(pair.dst.text("select id from t where a = 'z' order by id"), "11\n13");
    }
}

/// Nothing is stored on the branch, and there is no table; the leaf behind it gets its part.
#[test]
fn a_part_is_passed_on_without_being_stored() {
    let pair = Pair::start(Ours, "create-branch", MODULES, PARTS);
    pair.src.sql("insert into t values (1, 'old'), (2, 'old')");
    pair.dst.sql("insert into partconf.conf values (1, 1, 2)");
    let handler = ["--handler=part", "--handler-arg=key=id"];
    pair.root.londiste([&["add-table", "t"], &handler[..]].concat()).ok();
    pair.add_below("t", &[&handler[..], &["--handler-arg=disable_replay=1"]].concat());
    assert!(
        pair.below.log().contains("public.t: copy finished: 0 bytes, 0 rows"),
        "{}",
        pair.below.log()
    );
    pair.write("insert into t values (3, 'x'), (4, 'x'); truncate t");
    assert_eq!(pair.dst.int("select count(*) from t"), 0);
    assert_eq!(pair.events(&pair.dst, QUEUE, "t"), "I:id|id=3&a=x|public.t|hash=3\nR||public.t|");
    // Its rows are nowhere, so there is nothing to compare.
    pair.below.londiste(["compare"]).ok().says_not("Counting public.t");
}

#[test]
fn net_effects_of_bulk_theirs() {
    net_effects_of_bulk(Reference);
}

#[test]
fn net_effects_of_bulk_ours() {
    net_effects_of_bulk(Ours);
}

fn net_effects_of_bulk(implementation: Impl) {
    let tables = ["m0", "m1", "m2"];
    let schema = tables
        .map(|table| format!("create table {table} (id int primary key, data text, b text);"));
    let pair = Pair::start(implementation, "create-leaf", MODULES, &schema.concat());
    for (method, table) in tables.iter().enumerate() {
        pair.src
            .sql(&format!("insert into {table} select i, 'old' from unnest(array[1, 2, 3, 9]) i"));
        let method = format!("--handler-arg=method={method}");
        pair.add(table, &["--handler=bulk", &method]);
    }
    for table in tables {
        pair.write(&format!(
            "begin; insert into {table} values (10, 'ten'); update {table} set data = 'one' where id = 1;
             delete from {table} where id = 2; insert into {table} values (11, 'a'); update {table} set data = 'b' where id = 11;
             insert into {table} values (12, 'x'); delete from {table} where id = 12; delete from {table} where id = 3;
             insert into {table} values (3, 'three', 'two'); update {table} set b = 'z' where id = 9;
             delete from {table} where id = 9; commit"
        ));
        assert_eq!(
            pair.dst.text(&format!("select * from {table} order by id")),
            "1|one|\n3|three|two\n10|ten|\n11|b|",
            "{table}"
        );
    }
    // A row that is missing: method 0 leaves it so, the others store it.
    for table in tables {
        pair.dst.sql(&format!(
            "set session_replication_role = replica; delete from {table} where id = 1"
        ));
        pair.write(&format!("update {table} set b = 'again' where id = 1"));
    }
    let there = |table| pair.dst.text(&format!("select * from {table} where id = 1"));
    assert_eq!(tables.map(there), ["", "1|one|again", "1|one|again"]);
    if implementation == Ours {
        // A row that is inserted again replaces the one before, whether the batch goes by set or by row.
        for table in tables {
            pair.dst.sql(&format!(
                "set session_replication_role = replica; insert into {table} values (77, 'here')"
            ));
            pair.write(&format!("insert into {table} values (77, 'from there')"));
        }
        let there = |table| pair.dst.text(&format!("select data from {table} where id = 77"));
        assert_eq!(tables.map(there), ["from there"; 3]);
        // What the original stops at, or loses.
        pair.write("truncate m0");
        pair.write(
            "insert into m0 values (1, 'gone'); truncate m0; insert into m0 values (2, 'stays')",
        );
        assert_eq!(pair.dst.text("select * from m0"), "2|stays|");
        let by_hand =
            "select pgq.insert_event('{QUEUE}', 'I:', 'id=3', 'public.m0', null, null, null)";
        pair.src.sql(&by_hand.replace("{QUEUE}", QUEUE));
        pair.below.wait_log("non-pk tables not supported: public.m0", EVENTUALLY);
        pair.below.londiste(["change-handler", "m0"]).ok();
        pair.write("insert into m0 values (4)");
        assert_eq!(pair.dst.int("select count(*) from m0"), 3);
    }
}

#[test]
fn the_later_row_wins_theirs() {
    the_later_row_wins(Reference);
}

#[test]
fn the_later_row_wins_ours() {
    the_later_row_wins(Ours);
}

/// Handler `multimaster` with the function that we ship for it.
fn the_later_row_wins(implementation: Impl) {
    let pair = Pair::start(
        implementation,
        "create-leaf",
        MODULES,
        "create table t (id int primary key, \"At\" timestamp, a text)",
    );
    pair.dst.sql(include_str!("../../sql/contrib/merge_on_time.sql"));
    pair.src.sql("insert into t values (1, '2010-09-09', 'copied')");
    pair.add("t", &["--handler=multimaster", "--handler-arg=timefield=At"]);
    pair.dst.sql(
        "set session_replication_role = replica; insert into t values (2, '2010-09-10', 'here')",
    );
    pair.write(
        "insert into t values (2, '2010-09-09', 'too late'), (3, '2010-09-09', E'it''s\\\\ ä');
         update t set a = 'changed', \"At\" = '2010-09-11' where id = 1",
    );
    let rows = || pair.dst.text("select id, a from t order by id");
    assert_eq!(rows(), "1|changed\n2|here\n3|it's\\ ä");
    pair.write("delete from t where id = 1");
    assert_eq!(rows(), "1|changed\n2|here\n3|it's\\ ä", "a deletion has to be newer, too");
    pair.write("update t set \"At\" = '2010-09-12', a = null where id = 2");
    assert_eq!(rows(), "1|changed\n2|\n3|it's\\ ä");
}

/// The original's handlers of this family cannot be built.
#[test]
fn rows_go_into_partitions_of_their_month() {
    let pair = Pair::start(
        Ours,
        "create-leaf",
        "londiste.handlers.dispatch",
        "create table lg (id int primary key, data text, ts timestamp)",
    );
    pair.src.sql("insert into lg values (2, 'z', '2024-01-05'), (9, 'copied', '2023-01-01')");
    pair.add("lg", &["--handler=monthly_field", "--handler-arg=part_field=ts"]);
    assert_eq!(
        pair.dst.text("select id from only lg order by id"),
        "2\n9",
        "the copy goes into the parent"
    );
    pair.write(
        "insert into lg values (1, 'a', '2024-01-31 23:59:59.5'), (3, 'it''s', '2024-02-29');
         update lg set data = 'b', ts = '2024-02-01' where id = 1; delete from lg where id = 2",
    );
    let rows =
        |table: &str| pair.dst.text(&format!("select id, data, ts from only {table} order by id"));
    // What moved to another month leaves its old version.
    assert_eq!(rows("lg_2024_01"), "1|a|2024-01-31 23:59:59.5");
    assert_eq!(rows("lg_2024_02"), "1|b|2024-02-01 00:00:00\n3|it's|2024-02-29 00:00:00");
    let log = pair.below.log();
    assert_eq!(log.matches("INFO Created table: public.lg_2024_01\n").count(), 1, "{log}");
    pair.write("update lg set data = 'c' where id = 3; delete from lg where id = 1");
    assert_eq!(rows("lg_2024_02"), "3|c|2024-02-29 00:00:00");
    // A partition with a check takes no row of another month.
    let refused = pair.dst.text(
        "select conname is not null from pg_constraint where conrelid = 'lg_2024_02'::regclass and contype = 'c'",
    );
    assert_eq!(refused, "t");
    // The source's table is empty, so all of it is; and a copy does not double what is in the partitions.
    pair.write("truncate lg; insert into lg values (3, 'again', '2024-02-28')");
    assert_eq!(pair.dst.text("select id, data from lg"), "3|again");
    pair.below.londiste(["resync", "lg"]).ok();
    pair.below.londiste(["wait-sync"]).ok();
    assert_eq!(pair.dst.text("select id, data from lg"), "3|again");
    // What a script changes is looked at again.
    let drop = pair.root.folder().join("drop.sql");
    std::fs::write(&drop, "drop table if exists lg_2024_03;").expect("own folder");
    pair.src.sql("insert into lg values (6, 'gone', '2024-03-01')");
    pair.root.londiste(["execute", &drop.display().to_string()]).ok();
    pair.write("insert into lg values (7, 'there', '2024-03-01')");
    assert_eq!(rows("lg_2024_03"), "7|there|2024-03-01 00:00:00");
    pair.src.sql("insert into lg values (4, 'without', null)");
    pair.below.wait_log("part_field(ts) is NULL: public.lg", EVENTUALLY);
    pair.below.londiste(["change-handler", "lg", "--handler=monthly_event"]).ok();
    pair.write("insert into lg values (5, 'on it goes', null)");
    let month = pair.dst.text("select to_char(now(), 'YYYY_MM')");
    assert_eq!(rows(&format!("lg_{month}")), "4|without|\n5|on it goes|");
}

#[test]
fn old_partitions_go_and_all_versions_stay() {
    let pair = Pair::start(
        Ours,
        "create-leaf",
        "londiste.handlers.dispatch",
        "create table kept (id int primary key, a text, ts timestamp);
         create table short (id int primary key, ts timestamp); create table late (id int primary key, ts timestamp)",
    );
    pair.add(
        "kept",
        &[
            "--handler=dispatch",
            "--handler-arg=part_mode=date_field",
            "--handler-arg=part_field=ts",
            "--handler-arg=period=year",
            "--handler-arg=row_mode=keep_all",
            "--handler-arg=part_template=create table %(dest)s (like %(parent)s)",
            "--handler-arg=post_part=comment on table %(dest)s is '%(schema_table)s of %(parent)s'",
        ],
    );
    let old = [
        "--handler=bulk_daily_field",
        "--handler-arg=part_field=ts",
        "--handler-arg=retention_period=3 days",
    ];
    pair.add("short", &old);
    pair.add("late", &[&old[..], &["--handler-arg=ignore_old_events=1"]].concat());
    pair.write(
        "insert into kept values (1, 'a', '2024-05-05'); update kept set a = 'b'; update kept set a = 'c';
         delete from kept",
    );
    assert_eq!(pair.dst.text("select id, a from kept_2024 order by a"), "1|a\n1|b\n1|c");
    assert_eq!(
        pair.dst.text("select obj_description('kept_2024'::regclass)"),
        "public__kept_2024 of public.kept"
    );
    // Rows of an old day stay as long as nobody makes another one; the original stopped for ever.
    pair.write("insert into short values (1, '2020-01-01'), (2, '2020-01-02')");
    let partitions = |table: &str| {
        pair.dst.text(&format!(
            "select relname from pg_class where relkind = 'r' and relname like '{table}\\_%' order by 1"
        ))
    };
    assert_eq!(partitions("short"), "short_2020_01_01\nshort_2020_01_02");
    pair.write("insert into short values (3, now())");
    let today =
        pair.dst.text("select 'short_' || to_char(ts, 'YYYY_MM_DD') from short where id = 3");
    assert_eq!(partitions("short"), today);
    let log = pair.below.log();
    assert!(
        log.contains("INFO Dropped tables: public.short_2020_01_01, public.short_2020_01_02\n"),
        "{log}"
    );
    pair.write("insert into late values (1, '2020-01-01'), (2, now())");
    assert_eq!(pair.dst.text("select id from late"), "2");
    assert!(pair.below.log().contains("INFO Ignored table: public.late_2020_01_01\n"));
}

#[test]
fn columns_and_tables_may_have_other_names() {
    let pair = Pair::start(
        Ours,
        "create-leaf",
        "londiste.handlers.dispatch, londiste.handlers.shard",
        PARTS,
    );
    pair.src.sql("create table lg (id int primary key, data text, secret text); insert into lg values (1, 'a', 's'), (2, 'z', 's')");
    pair.dst.sql("create schema \"Other\"; create table \"Other\".lg2 (id int primary key, x text); create table lg (id int primary key)");
    pair.dst.sql("insert into partconf.conf values (0, 1, 2)");
    pair.add(
        "lg",
        &["--handler=direct", "--handler-arg=fields=id,data:x", "--handler-arg=table=Other.lg2"],
    );
    let rows = || pair.dst.text("select * from \"Other\".lg2 order by id");
    assert_eq!(rows(), "1|a\n2|z");
    pair.below
        .wait_log("Overwriting .dest_table from plugin: tbl=public.lg  dst=Other.lg2", EVENTUALLY);
    pair.write("insert into lg values (3, 'b', 's'); update lg set data = 'c' where id = 1; delete from lg where id = 2;
                update lg set secret = 'other' where id = 3");
    assert_eq!(rows(), "1|c\n3|b");
    assert_eq!(pair.dst.text("select dest_table from londiste.table_info"), "Other.lg2");
    // With a key to hash only a part of the rows, as with handler shard.
    pair.src.sql("insert into t values (1, 'x'), (2, 'x')");
    let direct = ["--handler=bulk_direct", "--handler-arg=key=id"];
    pair.root.londiste([&["add-table", "t"], &direct[..]].concat()).ok();
    pair.add_below("t", &direct);
    pair.write("insert into t values (3, 'y'), (4, 'y')");
    assert_eq!(pair.dst.text("select id from t order by id"), "2\n4");
}

#[test]
fn values_are_hidden_theirs() {
    values_are_hidden(Reference);
}

#[test]
fn values_are_hidden_ours() {
    values_are_hidden(Ours);
}

fn values_are_hidden(implementation: Impl) {
    let rules = system_tests::folder::root().join(format!("rules-{implementation:?}.yaml"));
    std::fs::write(&rules, "public.t:\n  id: keep\n  htext: hash\n  btext: bool\n  stext: skip\n")
        .expect("own folder");
    let map = rules.display().to_string();
    let pair = Pair::start_with(
        implementation,
        "create-branch",
        "londiste.handlers.obfuscate",
        "create table t (id int primary key, htext text, btext text, stext text)",
        &[("obfuscator_map", &map), ("obfuscator_key", "123")],
    );
    pair.src.sql("insert into t values (1, 'hdata1', 'bdata1', 'sdata1')");
    pair.add("t", &["--handler=obfuscate"]);
    pair.write("insert into t values (2, 'hdata2', 'bdata2', 'sdata2'), (3, null, null, null)");
    assert_eq!(
        pair.dst.text("select * from t order by id"),
        "1|8a360867-91a5-182b-4bd2-f7fb845719f4|t|\n2|a259d0f2-6cf0-6ed9-2de9-60385f08c528|t|\n3|||"
    );
    assert_eq!(
        pair.events(&pair.dst, QUEUE, "t"),
        "I:id|id=2&htext=a259d0f2-6cf0-6ed9-2de9-60385f08c528&btext=t|public.t|\nI:id|id=3&htext&btext|public.t|"
    );
    pair.write(
        "update t set htext = 'hdata1', stext = 'other' where id = 2; delete from t where id = 3",
    );
    assert_eq!(
        pair.dst.text("select htext from t order by id"),
        "8a360867-91a5-182b-4bd2-f7fb845719f4\n8a360867-91a5-182b-4bd2-f7fb845719f4"
    );
    if implementation == Ours {
        // It would bring in clear what was hidden.
        pair.below
            .londiste(["repair", "t", "--apply"])
            .ok()
            .says("Table public.t has a handler by which its rows are not");
        // A table without rules stops the node, before anything of it is seen.
        pair.src
            .sql("create table u (id int primary key, a text); insert into u values (1, 'secret')");
        pair.dst.sql("create table u (id int primary key, a text)");
        pair.root.londiste(["add-table", "u"]).ok();
        wait_for("u known below", EVENTUALLY, || {
            let seen = pair.dst.int("select count(*) from londiste.table_info");
            holds(seen == 2, seen)
        });
        pair.below.londiste(["add-table", "u", "--handler=obfuscate"]).ok();
        pair.below.wait_log("Source table not in obf_map: public.u", EVENTUALLY);
        assert_eq!(pair.dst.int("select count(*) from u"), 0);
    }
}

/// What `merge_on_time` answers, and what it has done then.
#[test]
fn merge_on_time_says_what_it_did() {
    let db = Cluster::shared().create_database("merge");
    db.sql(include_str!("../../sql/contrib/merge_on_time.sql"));
    db.sql(
        "create table plain (id int primary key, ts timestamp);
         create table coded (id int primary key, code text unique, ts timestamp);
         create table parent (a int, \"B\" int, primary key (a, \"B\")); insert into parent values (1, 2);
         create table child (id int primary key, a int, b int, ts timestamp);
         create table split (id int primary key, ts timestamp) partition by range (id);
         create table split_1 partition of split for values from (0) to (100)",
    );
    let merge = |conf: &str, kind: &str, data: &str, table: &str| {
        let call = format!(
            "select merge_on_time('{conf}', '1', '1', '', '1', null, '{kind}', '{data}', 'public.{table}', null, null, null)"
        );
        db.try_text(&call)
            .unwrap_or_else(|error| error.as_db_error().expect("the server's").message().to_owned())
    };
    let older = "IGN:data ok, old row, current row more up-to-date";
    for (kind, ts, said) in [
        ("I:id", "2010-09-09", "data ok, no old row"),
        ("I:id", "2010-09-08", older),
        ("I:id", "2010-09-10", "data ok, old row, new row better"),
        ("U:id", "2010-09-10", older),
        ("D:id", "2010-09-10", older),
        ("D:id", "2010-09-11", "data ok, old row, new row better"),
        ("D:id", "2010-09-11", "data ok, no old row"),
        ("U:id", "2010-09-11", "data ok, no old row"),
        ("X:id", "2010-09-11", "Unsupported ev_type: 'X:id'"),
        ("I:", "2010-09-11", "No pkey in event"),
        ("I:id", "", "invalid timestamp"),
    ] {
        let data = if ts.is_empty() { "id=1&ts".to_owned() } else { format!("id=1&ts={ts}") };
        assert_eq!(merge("timefield=ts", kind, &data, "plain"), said, "{kind} {ts}");
    }
    assert_eq!(db.text("select * from plain"), "1|2010-09-11 00:00:00");

    let coded = |id: i32, code: &str, day: &str| {
        merge(
            "timefield=ts&altpk=code",
            "I:id",
            &format!("id={id}&code={code}&ts=2010-09-{day}"),
            "coded",
        )
    };
    assert_eq!(coded(10, "A", "09"), "data ok, no old row");
    // The original deletes the newer row.
    assert_eq!(coded(11, "A", "08"), older);
    assert_eq!(coded(11, "A", "10"), "data ok, altpk del, no old row");
    assert_eq!(coded(11, "A", "11"), "data ok, altpk ok, old row, new row better");
    assert_eq!(coded(12, "B", "20"), "data ok, no old row");
    // It would take the place of both, and is newer than one of them only.
    assert_eq!(coded(12, "A", "15"), older);
    assert_eq!(db.text("select id, code from coded order by id"), "11|A\n12|B");
    assert_eq!(coded(12, "A", "25"), "data ok, altpk del, old row, new row better");
    // A code that has changed is found by the key.
    assert_eq!(coded(12, "C", "26"), "data ok, old row, new row better");
    assert_eq!(db.text("select id, code from coded order by id"), "12|C");

    let fkey = |cols: &str, data: &str| {
        let conf =
            format!("timefield=ts&fkey_ref_table=parent&fkey_ref_cols=a%2c+B&fkey_cols={cols}");
        merge(&conf, "I:id", data, "child")
    };
    assert_eq!(fkey("a%2cb", "id=1&a=1&b=3&ts=2010-09-09"), "IGN: parent row does not exist");
    assert_eq!(fkey("a%2cb", "id=1&a=1&b=2&ts=2010-09-09"), "data ok, fkey ok, no old row");
    assert!(
        fkey("a%2cc", "id=2&a=1&b=2&ts=2010-09-09").contains("a column that is not in the event")
    );
    assert!(fkey("a", "id=2&a=1&b=2&ts=2010-09-09").contains("as many columns"));

    assert_eq!(merge("timefield=ts", "I:id", "id=5&ts=2010-09-09", "split"), "data ok, no old row");
    assert_eq!(
        merge("timefield=ts", "U:id", "id=5&ts=2010-09-10", "split"),
        "data ok, old row, new row better"
    );
    assert_eq!(db.text("select * from split"), "5|2010-09-10 00:00:00");
    assert_eq!(
        merge("", "I:id", "id=5", "plain"),
        "timefield is missing in the arguments of handler multimaster"
    );
}
