//! Copies that die, fail or are interrupted, and the next one that does the work.

use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{holds, wait_for};

use crate::pair::{Pair, TABLE, killed};

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
    let copy = pair.copy("public.t", None);
    let waiting = "select count(*) from pg_locks where relation = 't'::regclass and not granted";
    wait_for("the copy to wait for its lock", EVENTUALLY, || {
        holds(pair.dst.int(waiting) == 1, pair.leaf.log())
    });
    let pid = nix::unistd::Pid::from_raw(i32::try_from(copy.id()).expect("a small number"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("our own child");
    pair.ends_well(copy);
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
