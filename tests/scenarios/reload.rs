//! What a running worker makes of an ini file that was changed: new values, keys that are gone, a file that is broken. And the
//! lists of what may be registered, which it is shown with.

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON, holds, wait_for};

use crate::diary::{ADD_KEYS, Cast, SEQUENCES, Stage, TABLES};

/// Tells the worker and waits until it has said that text once more than before.
#[track_caller]
fn reload(stage: &Stage, said: &str) {
    let count = || stage.leaf.log().matches(said).count();
    let before = count();
    stage.leaf.reload();
    wait_for(format!("{said:?} once more"), SOON, || {
        holds(count() == before + 1, stage.leaf.log())
    });
}

#[test]
fn a_reload_takes_new_values_forgets_keys_and_survives_a_broken_file() {
    let [info, session, login, logout] = TABLES.map(|(table, _)| table);
    let mut stage = Stage::set(Cast::all(Ours));
    for db in [&stage.source, &stage.target] {
        db.sql(ADD_KEYS);
    }
    stage.leaf.set("register_only_tables", &format!("{info}, {session}, {login}"));
    stage.leaf.set("register_skip_tables", login);
    stage.leaf.set("register_only_seqs", SEQUENCES[0]);
    stage.create_nodes();
    stage.start_daemons();
    let known = |stage: &Stage| {
        stage.wait_caught_up();
        stage.target.text(
            "select table_name from londiste.table_info union all select seq_name from londiste.seq_info order by 1",
        )
    };

    // In the list, and in both; and not in it.
    stage.root.londiste(["add-table", info, login, logout]).ok();
    stage.root.londiste(["add-seq", SEQUENCES[0], SEQUENCES[1]]).ok();
    assert_eq!(known(&stage), format!("{info}\n{}", SEQUENCES[0]));
    // A table that the file leaves out cannot be added here either.
    stage.leaf.londiste(["add-table", logout]).exits(1).says(&format!("{logout} not available"));

    // Another value; the file cannot be used, so the one before it holds.
    stage.leaf.set("register_only_tables", logout);
    stage.leaf.set("parallel_copies", "many");
    reload(&stage, "going on with the configuration read before");
    let log = stage.leaf.log();
    let error = log.lines().find(|line| line.contains("going on with")).expect("it was said");
    assert!(error.contains(" ERROR ") && error.contains("'many'"), "{error}");
    assert!(error.contains("parallel_copies"), "the key is named: {error}");
    stage.root.londiste(["add-table", session]).ok();
    assert_eq!(known(&stage), format!("{info}\n{}\n{session}", SEQUENCES[0]));

    // Mended, it is what it says.
    stage.leaf.unset("parallel_copies");
    reload(&stage, "INFO Config reloaded");
    stage.root.londiste(["remove-table", session, logout]).ok();
    stage.root.londiste(["add-table", session, logout]).ok();
    assert_eq!(known(&stage), format!("{info}\n{}\n{logout}", SEQUENCES[0]));

    // A key that is gone is as if it had never been there.
    for key in ["register_only_tables", "register_skip_tables", "register_only_seqs"] {
        stage.leaf.unset(key);
    }
    reload(&stage, "INFO Config reloaded");
    // A table takes its sequence with it when it goes.
    stage.root.londiste(["remove-table", login, session]).ok();
    stage.root.londiste(["add-table", login, session]).ok();
    stage.root.londiste(["add-seq", SEQUENCES[0], SEQUENCES[1]]).ok();
    assert_eq!(
        known(&stage),
        [info, login, SEQUENCES[0], logout, SEQUENCES[1], session].join("\n")
    );

    // All of them arrive.
    stage.leaf.londiste(["add-table", "--all"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.source.sql("update app.user_info set email = 'new' where userid < 10");
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);

    // How long it rests after an error, and between two looks: it was told before the error that it is to be short.
    stage.leaf.set("exception_sleep", "600");
    reload(&stage, "INFO Config reloaded");
    stage.target.sql("alter table app.user_info add constraint no check (email <> 'bad')");
    stage.source.sql("update app.user_info set email = 'bad' where userid = 1");
    stage.leaf.wait_log("violates check constraint", EVENTUALLY);
    stage.target.sql("alter table app.user_info drop constraint no");
    // A reload ends the rest.
    stage.leaf.unset("exception_sleep");
    reload(&stage, "INFO Config reloaded");
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    stage.stop_daemons();
}
