//! A database is followed on a server of another major version: its tables are added while its users write, and both
//! sides end equal. `make test-matrix` runs this; the others leave it out, because one server is all they need.

use system_tests::Cluster;
use system_tests::Impl::Ours;
use system_tests::server::Age::{self, Newest, Oldest};

use crate::diary::{ADD_KEYS, Cast, Load, SEQUENCES, Stage, TABLES};
use crate::replay::{ODD_ROWS, ODD_SCHEMA, ODD_TABLES, RANDOM_HISTORY};

#[test]
fn from_the_oldest_server_to_the_newest() {
    story(Oldest, Newest);
}

#[test]
fn from_the_newest_server_back_to_the_oldest() {
    story(Newest, Oldest);
}

fn story(from: Age, to: Age) {
    let (old_home, new_home) =
        (Cluster::start_with(&from.bin_folder()), Cluster::start_with(&to.bin_folder()));
    let stage = Stage::on(Cast::all(Ours), &old_home, &new_home);
    let [source, target] = [&stage.source, &stage.target]
        .map(|db| db.int("select current_setting('server_version_num')::int / 10000"));
    assert_ne!(source, target, "both servers are of this major version");
    for db in [&stage.source, &stage.target] {
        db.sql(ADD_KEYS);
        db.sql(ODD_SCHEMA);
    }
    stage.source.sql(ODD_ROWS);
    stage.create_nodes();
    stage.start_daemons();

    // Every table is written to when it is added, and while it is copied.
    let load = Load::start(&stage.source);
    for (table, _) in TABLES {
        load.wait_for_more(20);
        stage.add_tables(&[table]);
    }
    let odd = ODD_TABLES.map(|(table, _)| table.replace('"', ""));
    stage.add_tables(&odd.each_ref().map(String::as_str));
    for node in [&stage.root, &stage.leaf] {
        node.londiste(["add-seq", SEQUENCES[0], SEQUENCES[1]]).ok();
    }
    stage.source.sql(RANDOM_HISTORY);
    stage.leaf.londiste(["wait-sync"]).ok();
    load.wait_for_more(50);
    stage.source.sql(RANDOM_HISTORY);
    load.stop();

    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    stage.assert_equal(&ODD_TABLES);
    stage.leaf.londiste(["compare"]).ok().says_not("do not match").says("INFO Counting odd.types");
    for node in [&stage.root, &stage.leaf] {
        assert!(!node.log().contains("ERROR"), "{}", node.log());
    }
    stage.stop_daemons();
}
