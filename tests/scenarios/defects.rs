//! Defects of the original's command line that ours does not have.

use std::fs;

use system_tests::Impl::{Ours, Reference};
use system_tests::{Cluster, Node};

use crate::diary::{Cast, QUEUE, Stage};

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

/// On schemas of ours and on the original's, which does list it.
#[test]
fn a_sequence_of_the_set_is_not_missing_on_the_root() {
    for schemas in [Ours, Reference] {
        let db = Cluster::shared().create_database("root");
        db.sql("create table t (id serial primary key); create sequence s; create sequence other");
        let mut root = Node::new(schemas, "root", &db, QUEUE);
        root.londiste(["create-root", "root", &db.connstr()]).ok();
        root.hand_over(Ours);
        let missing = || -> Vec<String> {
            let said = root.londiste(["missing"]).ok();
            let rows = said.stdout.lines().skip(3).filter(|line| !line.is_empty());
            rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        let mut all = missing();
        all.sort();
        assert_eq!(all, ["S public.other", "S public.s", "S public.t_id_seq", "r public.t"]);
        root.londiste(["add-table", "t"]).ok();
        root.londiste(["add-seq", "s", "t_id_seq"]).ok();
        assert_eq!(missing(), ["S public.other"], "schemas of {schemas:?}");
        root.londiste(["add-seq", "s"]).ok().says("INFO public.s already processed");
        root.londiste(["remove-seq", "s"]).ok();
        assert_eq!(missing(), ["S public.other", "S public.s"], "schemas of {schemas:?}");
    }
}

/// The original forgets it, too, and crashes over that.
#[test]
fn a_sequence_that_has_left_the_set_is_forgotten_and_the_command_goes_on() {
    let stage = stage();
    for db in [&stage.source, &stage.target] {
        db.sql("create schema if not exists app; create sequence app.one; create sequence app.two");
    }
    for node in [&stage.root, &stage.leaf] {
        node.londiste(["add-seq", "app.one"]).ok();
    }
    // No worker tells the leaf.
    stage.root.londiste(["remove-seq", "app.one"]).ok();
    stage.root.londiste(["add-seq", "app.two"]).ok();
    stage
        .leaf
        .londiste(["add-seq", "app.two"])
        .ok()
        .says("INFO Sequence app.two info missing from subscriber, adding")
        .says("INFO Sequence app.one gone but exists on subscriber, removing")
        .says("INFO Sequence added: app.two");
    let known = "select seq_name, local from londiste.seq_info order by 1";
    assert_eq!(stage.target.text(known), "app.two|t");
}
