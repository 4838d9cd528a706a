//! Part of a table, under another name in another schema of another database.

use system_tests::Impl::Ours;
use system_tests::{Cluster, Node};

use crate::diary::{Cast, QUEUE, Stage, assert_same_rows, wait_caught_up};

const CONDITION: &str = "userid<1000";

/// Only ours: the packaged reference has no `--copy-condition` any more.
#[test]
fn ours() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.start_daemons();
    stage.root.londiste(["add-table", "app.user_info", "app.user_session"]).ok();

    let elsewhere = Cluster::shared().create_database("partial");
    elsewhere.sql(
        "create schema other;
         create table other.user_info1 (
             userid int primary key, engname text, cnname text, occupation text, birthday date, signname text,
             email text, qq numeric, crt_time timestamp, mod_time timestamp);
         create table other.user_session1 (
             userid int primary key, logintime timestamp(0), login_count bigint default 0, logouttime timestamp(0),
             online_interval interval default interval '0')",
    );
    let leaf = Node::new(Ours, "dst2", &elsewhere, QUEUE).with("parallel_copies", "16");
    let provider = format!("--provider={}", stage.source.connstr());
    leaf.londiste(["create-leaf", "dst2", &elsewhere.connstr(), &provider]).ok();
    leaf.start_worker();
    let condition = format!("--copy-condition={CONDITION}");
    for (table, here) in
        [("app.user_info", "other.user_info1"), ("app.user_session", "other.user_session1")]
    {
        leaf.londiste(["add-table", &format!("--dest-table={here}"), &condition, table])
            .ok()
            .says(&format!("INFO Table added: {table}({here})\n"))
            // The operator is told what the condition does not do.
            .says("later changes");
    }
    leaf.londiste(["wait-sync"]).ok();
    leaf.londiste(["tables"]).ok().says(&format!("{{'copy_condition': '{CONDITION}'}}"));
    let part = format!("(select * from app.user_info where {CONDITION}) part");
    assert_same_rows((&stage.source, &part), (&elsewhere, "other.user_info1"), "userid");
    assert_eq!(elsewhere.int("select count(*) from other.user_session1"), 999);

    // Compare looks at the same part on both sides.
    leaf.londiste(["compare"])
        .ok()
        .says("INFO srcdb: 999 rows, checksum=")
        .says("INFO dstdb: 999 rows, checksum=");

    // Later changes come unfiltered: a new row arrives, one that was never copied cannot be changed.
    stage.source.sql(
        "insert into app.user_info (userid) values (700000);
         update app.user_info set engname = 'outside' where userid = 4000;
         update app.user_info set engname = 'inside' where userid = 40;
         delete from app.user_info where userid = 50",
    );
    wait_caught_up(&stage.source, &elsewhere, "dst2");
    let seen = "select userid, engname from other.user_info1 where userid in (40, 50, 4000, 700000) order by 1";
    assert_eq!(elsewhere.text(seen), "40|inside\n700000|");
    leaf.londiste(["compare"])
        .ok()
        .says("INFO srcdb: 998 rows, checksum=")
        .says("INFO dstdb: 998 rows, checksum=");
}
