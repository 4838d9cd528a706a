//! A table that went wrong on the leaf is copied again.

use system_tests::Impl::{self, Ours, Reference};

use crate::diary::{Cast, Load, Stage, TABLES};

#[test]
fn theirs() {
    story(Reference);
}

#[test]
fn ours() {
    story(Ours);
}

fn story(implementation: Impl) {
    let stage = Stage::set(Cast::all(implementation));
    stage.replicate_everything();
    stage.target.sql(
        "set session_replication_role = replica;
         delete from app.user_session where userid % 2 = 0;
         update app.user_session set login_count = -1 where userid % 3 = 0",
    );
    stage.leaf.londiste(["compare", "app.user_session"]).exits(1);
    let load = Load::start(&stage.source);
    stage
        .leaf
        .londiste(["resync", "app.user_session"])
        .ok()
        .says("INFO Table app.user_session state set to NULL\n");
    stage.leaf.londiste(["wait-sync"]).ok().says("INFO app.user_session: finished (4/4)\n");
    load.wait_for_more(50);
    load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    // Only what was asked for was copied again.
    assert_eq!(
        stage.leaf.log().matches("Table app.user_info status changed to 'in-copy'").count(),
        1
    );
    assert_eq!(
        stage.leaf.log().matches("Table app.user_session status changed to 'in-copy'").count(),
        2
    );
    if implementation == Ours {
        // The reference takes it and so makes the root's table useless as a source.
        stage.root.londiste(["resync", "app.user_session"]).exits(1);
        stage.root.londiste(["tables"]).ok().says_not("None");
    }
}
