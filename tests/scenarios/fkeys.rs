//! Foreign keys of the target: out of the way while tables are copied, back when both sides of them are in sync.

use system_tests::Impl::{self, Ours, Reference};
use system_tests::wait::EVENTUALLY;
use system_tests::{holds, wait_for};

use crate::diary::{Cast, Stage};

#[test]
fn theirs() {
    story(Reference);
}

#[test]
fn ours() {
    story(Ours);
}

fn story(implementation: Impl) {
    const KEYS: &str = "select conname, convalidated from pg_constraint
        where contype = 'f' and connamespace = 'app'::regnamespace";
    const PENDING: &str = "select fkey_name, from_table, to_table from londiste.pending_fkeys";

    let stage = Stage::set(Cast::all(implementation));
    stage.create_nodes();
    stage.start_daemons();
    stage.target.sql(
        "alter table app.user_session add constraint session_user_fkey
             foreign key (userid) references app.user_info on delete cascade",
    );

    // The table that refers comes first; without its counterpart the key stays away.
    stage.add_tables(&["app.user_session"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    assert_eq!(stage.target.text(KEYS), "");
    assert_eq!(stage.target.text(PENDING), "session_user_fkey|app.user_session|app.user_info");

    stage.add_tables(&["app.user_info"]);
    stage.leaf.londiste(["wait-sync"]).ok();
    wait_for("the foreign key", EVENTUALLY, || {
        // Each batch is an opportunity.
        stage.source.sql("update app.user_info set mod_time = now() where userid = 1");
        let seen = stage.target.text(KEYS);
        holds(seen == "session_user_fkey|t", seen)
    });
    assert_eq!(stage.target.text(PENDING), "");
    let definition =
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'session_user_fkey'";
    assert_eq!(
        stage.target.text(definition),
        "FOREIGN KEY (userid) REFERENCES app.user_info(userid) ON DELETE CASCADE"
    );
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid"), ("app.user_session", "userid")]);
}
