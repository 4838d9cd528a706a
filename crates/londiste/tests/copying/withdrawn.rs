//! Tables that are removed or reset while they are copied.

use system_tests::wait::EVENTUALLY;
use system_tests::{holds, wait_for};

use crate::pair::{Pair, TABLE};

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
        let copy = pair.copy("public.t", None);
        let waiting =
            "select count(*) from pg_locks where relation = 't'::regclass and not granted";
        wait_for("the copy to wait for its lock", EVENTUALLY, || {
            holds(pair.dst.int(waiting) == 1, pair.leaf.log())
        });
        lock.batch_execute(removal).expect("the row is free");
        lock.commit().expect("no conflict");
        pair.ends_well(copy);
        assert_eq!(pair.state("public.t"), "");
        assert_eq!(pair.structure("t"), before, "{removal}");
        assert_eq!(pair.dst.rows("t", "1"), "99|old|99");
        pair.assert_no_consumers();
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
    let copy = pair.copy("public.t", None);
    pair.leaf.wait_log("public.t: start copy", EVENTUALLY);
    pair.dst.sql("select londiste.local_remove_table('q', 'public.t')");
    pair.ends_well(copy);
    lock.commit().expect("only a lock");
    assert_eq!(pair.structure("t"), before);
    assert_eq!(pair.dst.rows("t", "1"), "99|old|99");
    pair.assert_no_consumers();
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
    let copy = pair.copy("public.t", None);
    let building = "select count(*) from pg_locks where relation = 'londiste.table_info'::regclass and mode = 'RowExclusiveLock'";
    wait_for("the state to be stored", EVENTUALLY, || {
        holds(pair.dst.int(building) > 0, pair.leaf.log())
    });
    pair.dst.sql("select londiste.local_remove_table('q', 'public.t')");
    pair.ends_well(copy);
    assert_eq!(pair.structure("t"), before);
    assert_eq!(pair.dst.int("select count(*) from t"), 4, "as before the second copy");
}
