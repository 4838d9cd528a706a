//! A running cluster changes its implementation: stop the old daemons, start the new ones on the same ini files.

use system_tests::Impl::{self, Ours, Reference};

use crate::diary::{Cast, Load, Stage, TABLES};

#[test]
fn from_theirs_to_ours_and_back() {
    story(Reference, Ours);
}

#[test]
fn from_ours_to_theirs_and_back() {
    story(Ours, Reference);
}

fn story(first: Impl, second: Impl) {
    let mut stage = Stage::set(Cast::all(first));
    stage.replicate_everything();
    let load = Load::start(&stage.source);
    for next in [second, first] {
        load.wait_for_more(20);
        stage.stop_daemons();
        stage.root.hand_over(next);
        stage.leaf.hand_over(next);
        stage.ticker.hand_over(next);
        load.wait_for_more(20);
        stage.start_daemons();

        stage.wait_caught_up();
        stage.root.londiste(["status"]).ok().says("Tables: 4/0/0").says_not("ERR:");
        // The newcomer can do more than go on.
        stage.leaf.londiste(["resync", "app.user_info"]).ok();
        stage.leaf.londiste(["wait-sync"]).ok();
    }
    load.wait_for_more(20);
    load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    stage.leaf.londiste(["compare"]).ok();
}
