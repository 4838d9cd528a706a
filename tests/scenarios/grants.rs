//! A role without any rights replicates once an administrator has run what `grants` prints, and nothing else.

use system_tests::Impl::Ours;
use system_tests::schemas::{SCHEMAS, script};
use system_tests::{Cluster, Database, Node, folder};

use crate::diary::{ADD_KEYS, Cast, QUEUE, SEQUENCES, Stage, TABLES, states};

/// Only ours: the reference has no such command, and needs a superuser.
#[test]
fn what_grants_prints_is_enough() {
    let cluster = Cluster::start_new();
    let stage = stage_on(&cluster);
    let (root, leaf) = nodes(&stage);
    for (node, db) in [(&root, &stage.source), (&leaf, &stage.target)] {
        node.londiste(["create-root", "x", &db.connstr()]).exits(1).says("londiste INI grants");
        let printed = node.londiste(["grants", "--all"]).ok().stdout;
        assert!(printed.contains("GRANT CREATE ON DATABASE"), "{printed}");
        run_as_administrator(db, &printed);
    }
    replicate(&stage, &root, &leaf);
    // What was granted does not stand in the way of an upgrade.
    stage.source.sql("comment on schema londiste is 'londiste schema, revision 0'");
    root.londiste(["create-root", "src", &connstr(&stage.source)])
        .ok()
        .says("INFO Upgrading londiste");
    root.londiste(["grants", "--all"]).ok().says("Nothing is missing");
}

/// The schemas are an administrator's: the role gets no more than membership.
#[test]
fn the_schemas_may_be_somebody_elses() {
    let cluster = Cluster::start_new();
    let stage = stage_on(&cluster);
    let (root, leaf) = nodes(&stage);
    for (node, db) in [(&root, &stage.source), (&leaf, &stage.target)] {
        for schema in SCHEMAS {
            db.sql(&script(schema, true));
        }
        let printed = node.londiste(["grants", "--all"]).ok().stdout;
        assert!(!printed.contains("GRANT CREATE ON DATABASE"), "{printed}");
        run_as_administrator(db, &printed);
    }
    replicate(&stage, &root, &leaf);
}

/// Half of the tables are a superuser's, half an ordinary role's; the role that shall replicate may do nothing.
fn stage_on(cluster: &Cluster) -> Stage {
    let stage = Stage::on(Cast::all(Ours), cluster, cluster);
    for db in [&stage.source, &stage.target] {
        db.sql(ADD_KEYS);
        db.sql(
            "do $$ begin create role shop; create role \"Repl\" login; exception when duplicate_object then null; end $$;
             alter schema app owner to shop; alter table app.user_info owner to shop;
             alter table app.user_login_rec owner to shop",
        );
    }
    stage
}

fn nodes(stage: &Stage) -> (Node, Node) {
    let of = |name, db: &Database| Node::over(Ours, name, &connstr(db), QUEUE);
    (of("src", &stage.source), of("dst", &stage.target))
}

fn connstr(db: &Database) -> String {
    db.connstr().replace("user=postgres", "user='Repl'")
}

/// Twice, because an administrator may not know whether he has done it.
#[track_caller]
fn run_as_administrator(db: &Database, printed: &str) {
    let file = folder::fresh("grants").join("grants.sql");
    std::fs::write(&file, printed).expect("own folder");
    for _ in 0..2 {
        let output = db.psql(&["-f", &file.display().to_string()]);
        assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Everything from the creation of the nodes to the removal of a table.
#[track_caller]
fn replicate(stage: &Stage, root: &Node, leaf: &Node) {
    let provider = format!("--provider={}", connstr(&stage.source));
    root.londiste(["create-root", "src", &connstr(&stage.source)]).ok();
    leaf.londiste(["create-leaf", "dst", &connstr(&stage.target), &provider]).ok();
    if stage.source.int("show server_version_num") < 150_000 {
        // The function to be given to a superuser was not there at the first time.
        for (node, db) in [(root, &stage.source), (leaf, &stage.target)] {
            run_as_administrator(db, &node.londiste(["grants", "--all"]).ok().stdout);
        }
    }
    for node in [root, leaf] {
        let said =
            node.londiste(["grants", "--all"]).ok().says("INFO Nothing is missing for role Repl");
        assert_eq!(said.stdout, "");
    }
    stage.ticker.start();
    root.start_worker();
    leaf.start_worker();
    for node in [root, leaf] {
        node.londiste(["add-table", "--all"]).ok();
        node.londiste(["add-seq", "--all"]).ok();
    }
    leaf.londiste(["wait-sync"]).ok();
    stage.source.sql("update app.user_info set engname = 'later' where userid = 7; delete from app.user_session where userid = 3");
    let file = folder::fresh("script").join("script.sql");
    std::fs::write(
        &file,
        "--*--\nupdate app.user_info set cnname = 'by script' where userid = 8;\n",
    )
    .expect("own folder");
    root.londiste(["execute", &file.display().to_string()]).ok();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    leaf.londiste(["compare"]).ok();
    assert_eq!(
        states(&stage.target).lines().filter(|line| line.ends_with("|ok")).count(),
        TABLES.len()
    );
    let sequences = stage.target.int("select count(*) from londiste.seq_info where local");
    assert_eq!(sequences, i64::try_from(SEQUENCES.len()).expect("two"));
    for node in [leaf, root] {
        node.londiste(["grants"]).ok().says("Nothing is missing");
        node.londiste(["remove-table", "app.user_info", "app.user_session"]).ok();
    }
    leaf.stop_worker();
    root.stop_worker();
}
