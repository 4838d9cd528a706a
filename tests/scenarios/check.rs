//! `check` as a cron job asks it: equal while all is well, different after somebody has altered a table on one side only.

use system_tests::Impl::Ours;

use crate::diary::{Cast, Stage};

#[test]
fn a_change_on_one_side_is_found_and_mended() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.start_daemons();
    let tables = ["app.user_info", "app.user_session"];
    stage.add_tables(&tables);
    // Also while tables are on their way.
    stage.leaf.londiste(["check"]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.leaf.londiste(["check"]).ok().says("INFO 2 tables checked, no differences");

    // New columns go to the leaf first; they were forgotten there.
    stage.stop_daemons();
    stage.source.sql(
        "alter table app.user_info add column city text not null default 'Hangzhou';
         create index on app.user_info (city)",
    );
    let said = stage.leaf.londiste(["check"]).exits(1).says("column city");
    let (_, sql) =
        said.stdout.split_once("-- These would make this node like the provider").unwrap();
    stage.target.sql(sql.split_once('\n').unwrap().1);
    stage.leaf.londiste(["check"]).ok();

    stage.start_daemons();
    stage.source.sql("update app.user_info set city = 'x' where userid < 100");
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid"), ("app.user_session", "userid")]);

    // A root whose trigger is gone sends nothing: the list says so, and how to mend it.
    stage.source.sql("drop trigger _londiste_replika on app.user_session");
    let said = stage.root.londiste(["triggers", "app.user_session"]).ok().says("missing");
    let sql = said.stdout.lines().find(|line| line.contains("londiste.create_trigger")).unwrap();
    stage.source.sql(sql);
    stage.root.londiste(["triggers"]).ok().says_not("missing");
    stage.source.sql("update app.user_session set login_count = 7 where userid = 7");
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid"), ("app.user_session", "userid")]);
    stage.stop_daemons();
}
