//! How a copy goes when nothing goes wrong: its states, its hand-over, what it says meanwhile.

use system_tests::wait::EVENTUALLY;
use system_tests::{holds, wait_for};

use crate::pair::{Pair, TABLE, killed};

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
