//! The schemas get into the database whatever is there, and however many do it at once.

use std::thread;

use system_tests::Impl::{Ours, Reference};
use system_tests::{Cluster, Database, Node};

use crate::diary::{Cast, Load, QUEUE, Stage, TABLES};

/// The four schemas as they are in the catalogue: what a second installation must not change.
const OBJECTS: &str = "
    with ours as (
        select oid, nspname::text from pg_namespace where nspname in ('pgq', 'pgq_ext', 'pgq_node', 'londiste'))
    select 'relation', c.oid::regclass::text, concat_ws(' ', c.relkind, c.relowner::regrole, c.relacl, c.reloptions)
      from pg_class c join ours on ours.oid = c.relnamespace
    union all
    select 'column', c.oid::regclass::text, concat_ws(' ', a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
                                                      a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
      from pg_attribute a join pg_class c on c.oid = a.attrelid join ours on ours.oid = c.relnamespace
           left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attnum > 0 and not a.attisdropped
    union all
    select 'constraint', k.conrelid::regclass::text, concat_ws(' ', k.conname, pg_get_constraintdef(k.oid))
      from pg_constraint k join ours on ours.oid = k.connamespace
    union all
    select 'trigger', t.tgrelid::regclass::text, pg_get_triggerdef(t.oid)
      from pg_trigger t join pg_class c on c.oid = t.tgrelid join ours on ours.oid = c.relnamespace where not t.tgisinternal
    union all
    select 'function', p.oid::regprocedure::text,
           concat_ws(' ', p.proowner::regrole, p.proacl, p.prosecdef, p.proconfig, p.probin, md5(p.prosrc))
      from pg_proc p join ours on ours.oid = p.pronamespace
    union all
    select 'schema', n.nspname::text, concat_ws(' ', n.nspowner::regrole, n.nspacl, obj_description(n.oid, 'pg_namespace'))
      from pg_namespace n join ours on ours.oid = n.oid
    union all
    select 'member', extname, pg_describe_object(d.classid, d.objid, d.objsubid)
      from pg_extension e join pg_depend d on d.refobjid = e.oid and d.deptype = 'e' where extname <> 'plpgsql'
    union all
    select 'extension', extname, concat_ws(' ', extversion, extconfig, extcondition) from pg_extension
    order by 1, 2, 3";

/// Roles are shared by all databases of a server, and nobody has made them yet on a new one.
#[test]
fn four_nodes_are_created_at_the_same_moment() {
    let cluster = Cluster::start_new();
    let databases: Vec<Database> = (0..4).map(|_| cluster.create_database("src")).collect();
    thread::scope(|scope| {
        for db in &databases {
            scope.spawn(move || {
                let node = Node::new(Ours, "src", db, QUEUE);
                node.londiste(["create-root", "src", &db.connstr()]).ok().says("INFO Done");
            });
        }
    });
    let objects = databases[0].text(OBJECTS);
    assert!(objects.contains("londiste.local_add_table"), "{objects}");
    for db in &databases[1..] {
        assert_eq!(db.text(OBJECTS), objects);
    }
}

#[test]
fn a_second_queue_of_the_same_database_changes_no_schema() {
    let db = Cluster::shared().create_database("src");
    Node::new(Ours, "src", &db, QUEUE).londiste(["create-root", "src", &db.connstr()]).ok();
    // Each queue has event tables of its own, and functions that know them; those are no part of the schema.
    let schema = |db: &Database| {
        let objects = db.text(OBJECTS);
        let of_queues = ["pgq.event_", "pgq._event_", "pgq._store_event("];
        let kept = objects.lines().filter(|line| !of_queues.iter().any(|own| line.contains(own)));
        kept.collect::<Vec<_>>().join("\n")
    };
    let before = schema(&db);
    Node::new(Ours, "more", &db, "more").londiste(["create-root", "more", &db.connstr()]).ok();
    let after = schema(&db);
    assert_eq!(before, after);
}

#[test]
fn an_installation_by_the_references_extensions_is_left_alone() {
    let db = Cluster::shared().create_database("src");
    Node::new(Reference, "src", &db, QUEUE).londiste(["create-root", "src", &db.connstr()]).ok();
    let before = db.text(OBJECTS);
    Node::new(Ours, "src", &db, QUEUE)
        .londiste(["create-root", "src", &db.connstr()])
        .ok()
        .says("INFO Node is already initialized as root");
    let after = db.text(OBJECTS);
    // One schema is missing there: only ours installs pgq_ext.
    let theirs = |objects: &str| {
        objects.lines().filter(|line| !line.contains("pgq_ext")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(theirs(&before), theirs(&after));
}

/// An older version of ours is upgraded under the feet of everybody who uses it.
#[test]
fn a_cascade_goes_on_while_it_is_upgraded() {
    let stage = Stage::set(Cast::all(Ours));
    stage.replicate_everything();
    let role = system_tests::folder::unique("auditor");
    for db in [&stage.source, &stage.target] {
        db.sql(&format!(
            "do $$ begin create role {role}; exception when duplicate_object then null; end $$;
             grant execute on function pgq.get_batch_info(bigint), londiste.get_table_list(text) to {role};
             grant select on pgq.retry_queue to {role};
             create or replace function pgq.version() returns text language sql as $$ select '3.4' $$;
             create or replace function londiste.version() returns text language sql as $$ select '3.7' $$;
             drop function pgq.batch_retry(bigint, integer);
             alter table pgq.subscription alter column sub_last_tick set not null;
             comment on schema pgq is 'londiste schema, revision 0';
             comment on schema londiste is 'londiste schema, revision 0'"
        ));
    }
    let consumers = "select sub_queue, sub_id, co_name from pgq.subscription join pgq.consumer on co_id = sub_consumer order by 2";
    let (subscribed, ticks) =
        (stage.source.text(consumers), stage.source.int("select max(tick_id) from pgq.tick"));
    let load = Load::start(&stage.source);
    load.wait_for_more(20);
    let provider = format!("--provider={}", stage.source.connstr());
    let (root, leaf) = (&stage.root, &stage.leaf);
    root.londiste(["create-root", "src", &stage.source.connstr()])
        .ok()
        .says("INFO Upgrading pgq")
        .says("INFO Upgrading londiste")
        .says("INFO pgq_node is installed");
    leaf.londiste(["create-leaf", "dst", &stage.target.connstr(), &provider])
        .ok()
        .says("INFO Upgrading pgq");
    load.wait_for_more(20);
    load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    for db in [&stage.source, &stage.target] {
        assert_eq!(db.text("select pgq.version(), londiste.version()"), "3.5|3.8");
        assert!(
            db.text("select 'pgq.batch_retry(bigint, integer)'::regprocedure")
                .contains("batch_retry")
        );
        assert_eq!(
            db.text(&format!(
                "select has_function_privilege('{role}', 'pgq.get_batch_info(bigint)', 'execute'),
                        has_function_privilege('{role}', 'londiste.get_table_list(text)', 'execute'),
                        has_table_privilege('{role}', 'pgq.retry_queue', 'select')"
            )),
            "t|t|t"
        );
    }
    assert_eq!(stage.source.text(consumers), subscribed);
    assert!(stage.source.int("select max(tick_id) from pgq.tick") > ticks);
    stage.stop_daemons();
}
