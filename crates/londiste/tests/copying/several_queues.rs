//! Copies of several queues into one table.

use std::process::Stdio;

use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, Database, Impl, Node, holds, wait_for};

/// Two sources of one table: the first queue by name leads, the other adds its rows.
#[test]
fn copies_of_several_queues_into_one_table_share_the_work() {
    let structure = "create table parent (id int, part text);
         create table t (primary key (id, part), check (id > 0)) inherits (parent);
         create index t_part on t (part)";
    let dst = Cluster::shared().create_database("merged");
    dst.sql(structure);
    dst.sql("insert into t values (99, 'old')");
    let parts: Vec<(Database, Node)> = ["q1", "q2"]
        .into_iter()
        .map(|queue| {
            let src = Cluster::shared().create_database(queue);
            let root = Node::new(Impl::Ours, "root", &src, queue);
            root.londiste(["create-root", "root", &src.connstr()]).ok();
            let leaf = Node::new(Impl::Ours, &format!("leaf_{queue}"), &dst, queue);
            let provider = format!("--provider={}", src.connstr());
            leaf.londiste(["create-leaf", leaf.name(), &dst.connstr(), &provider]).ok();
            src.sql(structure);
            src.sql(&format!(
                "insert into t select i, '{queue}' from generate_series(1, 20) i;
                 select londiste.local_add_table('{queue}', 'public.t')"
            ));
            dst.sql(&format!("select londiste.global_add_table('{queue}', 'public.t')"));
            (src, leaf)
        })
        .collect();
    dst.sql(
        "select londiste.local_add_table('q1', 'public.t', array['merge_all']);
         update londiste.table_info set merge_state = 'in-copy'",
    );
    // From PostgreSQL 18 on NOT NULL is a constraint too, which nobody has to drop.
    let facts = "select conname, pg_get_constraintdef(oid) from pg_constraint
          where conrelid = 't'::regclass and contype <> 'n'
         union all
         select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index where indrelid = 't'::regclass
         union all select 'inherits', inhparent::regclass::text from pg_inherits where inhrelid = 't'::regclass
         order by 1, 2";
    let before = dst.text(facts);
    let start = |part: &(Database, Node), crash_point: Option<&str>| {
        let mut command = part.1.command();
        command.args(["copy", "public.t"]).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(place) = crash_point {
            command.env(londiste::crash_point::VARIABLE, place);
        }
        command.spawn().expect("our own program")
    };
    let state = |queue: &str| {
        dst.text(&format!(
            "select coalesce(merge_state, '') from londiste.table_info where queue_name = '{queue}'"
        ))
    };
    let wait_state = |queue: &str, wanted: &str| {
        wait_for(format!("{queue} to be {wanted}"), EVENTUALLY, || {
            let seen = state(queue);
            let logs: Vec<String> = parts.iter().map(|(_, leaf)| leaf.log()).collect();
            holds(seen.starts_with(wanted), format!("{seen}\n{}", logs.join("\n---\n")))
        });
    };

    // The second has to wait until the first has taken keys, indexes and the parent away.
    let mut second = start(&parts[1], None);
    parts[1].1.wait_log("waiting for first partition to initialize copy", EVENTUALLY);
    let mut first = start(&parts[0], Some("copy-struct-stored"));
    wait_for("the crash of the first", EVENTUALLY, || {
        first.try_wait().expect("our own child").ok_or("it runs")
    });
    assert_eq!(state("q1"), "in-copy");
    assert_eq!(dst.text(facts).lines().count(), 0, "nothing stands in the way of the others");
    assert_eq!(dst.int("select count(*) from parent"), 0, "the parent does not show half a table");
    wait_state("q2", "catching-up");
    assert_eq!(dst.text("select part, count(*) from t group by 1"), "q2|20");

    // Back again, the first must not take away what the second has brought.
    let mut first = start(&parts[0], None);
    wait_state("q1", "wanna-sync");
    wait_state("q2", "wanna-sync");
    assert_eq!(dst.text("select part, count(*) from t group by 1 order by 1"), "q1|20\nq2|20");
    assert_eq!(dst.text(facts), before);
    assert_eq!(dst.text("select count(dropped_ddl) from londiste.table_info"), "0");
    for copy in [&mut first, &mut second] {
        copy.kill().expect("our own child");
        copy.wait().expect("our own child");
    }
}
