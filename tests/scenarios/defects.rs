//! Defects of the original's command line that ours does not have.

use std::fs;

use system_tests::Cluster;
use system_tests::Impl::Ours;

use crate::diary::{Cast, Stage};

fn stage() -> Stage {
    let cluster = Cluster::shared();
    let (source, target) = (cluster.create_database("src"), cluster.create_database("dst"));
    source.sql("create schema app; create table app.t (id int primary key); create table app.nokey (x int)");
    let stage = Stage::over(Cast::all(Ours), source, target);
    stage.create_nodes();
    stage
}

#[test]
fn a_table_is_created_from_the_copy_node_that_was_found() {
    let stage = stage();
    stage.root.londiste(["add-table", "app.t"]).ok();
    stage
        .leaf
        .londiste(["add-table", "--create", "--find-copy-node", "app.t"])
        .ok()
        .says("INFO Node src seems good source, using it")
        .says("INFO Creating app.t")
        .says("INFO Table added: app.t");
}

#[test]
fn being_verbose_changes_what_is_logged_and_nothing_else() {
    let stage = stage();
    for verbose in [&[][..], &["-v"], &["-v", "-v"]] {
        let outcome = stage.root.londiste([&["add-table", "app.nokey"], verbose].concat());
        let outcome = outcome.exits(1).says("ERROR Primary key missing on table: app.nokey");
        outcome.says_not("crashed").says_not("got error on connection");
    }
}

#[test]
fn a_script_may_need_an_ordinary_schema() {
    let stage = stage();
    let script = "--*-- Need-Schema: app\ncreate table app.made ();";
    fs::write(stage.root.folder().join("made.sql"), script).expect("own folder");
    stage.root.londiste(["execute", "made.sql"]).ok().says("INFO made.sql: executing sql");
    assert_eq!(stage.source.text("select 'app.made'::regclass::text"), "app.made");
}
