//! Handlers that keep rows out of the table: qtable, vtable, applyfn.

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;

use super::{MODULES, Pair};

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
