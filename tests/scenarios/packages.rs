//! The schemas without our programs: installed by psql alone, and as extensions of the server.

use std::path::Path;
use std::process::Stdio;

use system_tests::Impl::{Ours, Reference};
use system_tests::installation::machines_extensions;
use system_tests::schemas::{SCHEMAS, database, has_reference, packages, script};
use system_tests::wait::SOON;
use system_tests::{
    Cluster, Database, Installation, Node, Outcome, folder, holds, run, server, under_test,
    wait_for,
};

use crate::diary::QUEUE;

/// Everything in a database that PostgreSQL did not bring along.
const LEFT: &str = "
    select 'schema', nspname::text from pg_namespace where oid >= 16384
    union all select 'relation', oid::regclass::text from pg_class where oid >= 16384
    union all select 'function', oid::regprocedure::text from pg_proc where oid >= 16384
    union all select 'type', oid::regtype::text from pg_type where oid >= 16384
    union all select 'trigger', tgname::text from pg_trigger where oid >= 16384
    union all select 'extension', extname::text from pg_extension where oid >= 16384
    union all select 'default acl', defaclacl::text from pg_default_acl
    order by 1, 2";

/// The schemas as they are: functions with bodies and rights, relations with rights and owners, marks.
const SCHEMA_STATE: &str = "
    select n.nspname::text, p.oid::regprocedure::text, md5(p.prosrc), p.proacl::text, p.proowner::regrole::text
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('pgq', 'pgq_ext', 'pgq_node', 'londiste')
       -- made for the queues there are
       and p.proname !~ '^_event_[0-9]+_table$|^_store_event$'
    union all
    select n.nspname, c.oid::regclass::text, c.relkind::text, c.relacl::text, c.relowner::regrole::text
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('pgq', 'pgq_ext', 'pgq_node', 'londiste')
    union all
    select nspname, obj_description(oid, 'pg_namespace'), null, nspacl::text, nspowner::regrole::text
      from pg_namespace where nspname in ('pgq', 'pgq_ext', 'pgq_node', 'londiste')
    order by 1, 2, 3";

/// Members of the extensions and what a dump takes along.
const MEMBERS: &str = "
    select e.extname, pg_describe_object(d.classid, d.objid, d.objsubid)
      from pg_depend d join pg_extension e on e.oid = d.refobjid
     where d.deptype = 'e' and d.refclassid = 'pg_extension'::regclass and e.extname <> 'plpgsql'
    union all
    select extname, extversion || ' ' || extconfig::regclass[]::text from pg_extension where extname <> 'plpgsql'
    order by 1, 2";

/// Feeds a file to psql.
#[track_caller]
fn psql(connstr: &str, file: &Path) -> Outcome {
    let args = ["-X", "-q", "-d", connstr, "-f", &file.display().to_string()].map(str::to_owned);
    run(&server::client_program("psql"), folder::root(), args)
}

/// The first line that differs, not all of them.
#[track_caller]
fn assert_same_lines(left: &str, right: &str) {
    let (left, right): (Vec<_>, Vec<_>) = (left.lines().collect(), right.lines().collect());
    let same = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    assert_eq!(left.get(same), right.get(same), "line {same}");
}

#[track_caller]
fn install_with_psql(connstr: &str) {
    for schema in SCHEMAS {
        psql(connstr, &packages().join(format!("{schema}.sql"))).ok();
    }
}

/// A role that may create schemas in this database, and no more.
#[track_caller]
fn owner_of(db: &Database) -> String {
    let role = folder::unique("plain");
    db.sql(&format!("create role {role} login; grant create on database {} to {role}", db.name()));
    format!("host=127.0.0.1 port={} user={role} dbname={}", db.address().port, db.name())
}

#[test]
fn psql_installs_what_the_programs_install() {
    let (by_psql, by_us) =
        (Cluster::shared().create_database("psql"), Cluster::shared().create_database("ours"));
    // The roles are there, and nobody is just creating them.
    drop(database(Ours));
    install_with_psql(&by_psql.connstr());
    let node = Node::new(Ours, "src", &by_us, QUEUE);
    node.londiste(["create-root", "src", &by_us.connstr()]).ok();
    by_us.sql(&format!("select pgq_node.drop_node('{QUEUE}', 'src')"));
    let state = by_psql.text(SCHEMA_STATE);
    assert!(state.contains("pgq.insert_event(text,text,text)"), "{state}");
    assert_same_lines(&state, &by_us.text(SCHEMA_STATE));

    // Ours, of this very version: there is nothing to do for our programs, nor for psql after them.
    let node = Node::new(Ours, "src", &by_psql, QUEUE);
    node.londiste(["create-root", "src", &by_psql.connstr()])
        .ok()
        .says("INFO pgq is installed")
        .says("INFO londiste is installed");
    let before = by_psql.text(SCHEMA_STATE);
    install_with_psql(&by_psql.connstr());
    assert_same_lines(&by_psql.text(SCHEMA_STATE), &before);
}

#[test]
fn psql_brings_an_older_installation_up_to_date() {
    let db = Cluster::shared().create_database("psql");
    drop(database(Ours));
    let owner = owner_of(&db);
    install_with_psql(&owner);
    let fresh = db.text(SCHEMA_STATE);
    db.sql(
        "drop function londiste.version();
         create or replace function pgq.version() returns text language sql as $$ select '0' $$;
         comment on schema pgq is 'londiste schema, revision 0'",
    );
    // The owner's rights are kept when an administrator does it.
    install_with_psql(&db.connstr());
    assert_same_lines(&db.text(SCHEMA_STATE), &fresh);
}

#[test]
fn what_a_newer_version_has_installed_stays() {
    let db = Cluster::shared().create_database("newer");
    drop(database(Ours));
    install_with_psql(&db.connstr());
    db.sql(
        "comment on schema pgq is 'londiste schema, revision 0, version 999.0.0';
         create or replace function pgq.version() returns text language sql as $$ select 'new' $$",
    );
    let before = db.text(SCHEMA_STATE);
    psql(&db.connstr(), &packages().join("pgq.sql"))
        .exits(3)
        .says("schema pgq is newer than these files")
        .says("version 999.0.0");
    Node::new(Ours, "src", &db, QUEUE)
        .londiste(["create-root", "src", &db.connstr()])
        .ok()
        .says("INFO pgq is installed, by the newer version 999.0.0; it stays so")
        .says("INFO londiste is installed\n");
    db.sql(&format!("select pgq_node.drop_node('{QUEUE}', 'src')"));
    assert_same_lines(&db.text(SCHEMA_STATE), &before);
}

/// A file that fails leaves nothing of itself behind, at an install and at an upgrade; with our programs as well.
#[test]
fn a_failing_file_changes_nothing() {
    let db = Cluster::shared().create_database("failing");
    drop(database(Ours));
    psql(&db.connstr(), &packages().join("londiste.sql")).exits(3).says("pgq_node");
    assert_eq!(db.text(LEFT), "");

    install_with_psql(&db.connstr());
    db.sql(
        "drop function pgq.version();
         create function pgq.version() returns integer language sql as $$ select 0 $$;
         create or replace function pgq.quote_fqname(i_name text) returns text language sql as $$ select 'old' $$;
         comment on schema pgq is 'londiste schema, revision 0'",
    );
    let before = db.text(SCHEMA_STATE);
    psql(&db.connstr(), &packages().join("pgq.sql"))
        .exits(3)
        .says("cannot change return type of existing function");
    assert_same_lines(&db.text(SCHEMA_STATE), &before);
    Node::new(Ours, "src", &db, QUEUE)
        .londiste(["create-root", "src", &db.connstr()])
        .exits(1)
        .says("cannot change return type of existing function");
    assert_same_lines(&db.text(SCHEMA_STATE), &before);
}

#[test]
fn psql_leaves_alone_what_is_not_ours() {
    let db = Cluster::shared().create_database("strange");
    db.sql("create schema pgq; create table pgq.queue ()");
    let before = db.text(LEFT);
    let pgq = packages().join("pgq.sql");
    psql(&db.connstr(), &pgq).exits(3).says("schema pgq that these files have not made");
    assert_eq!(db.text(LEFT), before);
    if has_reference() {
        let db = database(Reference);
        let before = db.text(SCHEMA_STATE);
        psql(&db.connstr(), &pgq).exits(3).says("schema pgq belongs to the extension pgq");
        assert_same_lines(&db.text(SCHEMA_STATE), &before);
    }
}

#[test]
fn the_uninstall_leaves_nothing_but_roles() {
    let db = Cluster::shared().create_database("removed");
    drop(database(Ours));
    let owner = owner_of(&db);
    install_with_psql(&owner);
    db.sql("create table t (id int primary key)");
    let node = Node::new(Ours, "src", &db, QUEUE);
    node.londiste(["create-root", "src", &db.connstr()]).ok();
    node.londiste(["add-table", "t"]).ok();
    assert!(db.int("select count(*) from pg_trigger where tgrelid = 't'::regclass") > 0);
    psql(&db.connstr(), &packages().join("uninstall.sql")).ok();
    db.sql("insert into t values (1); drop table t");
    assert_eq!(db.text(LEFT), "");
    // Nothing is there to be removed any more.
    psql(&db.connstr(), &packages().join("uninstall.sql")).ok();
}

/// psql and londiste at the same moment: one waits for the other, and then there is nothing left to do.
#[test]
fn psql_and_londiste_install_at_once() {
    let db = Cluster::shared().create_database("race");
    drop(database(Ours));
    let mut holder = db.client();
    let lock = i64::from_be_bytes(*b"londiste");
    holder.batch_execute(&format!("select pg_advisory_lock({lock})")).expect("nobody has it");
    let node = Node::new(Ours, "src", &db, QUEUE);
    let mut by_psql = under_test::command(&server::client_program("psql"), folder::root());
    by_psql.args(["-X", "-q", "-d", &db.connstr()]);
    for schema in SCHEMAS {
        by_psql.arg("-f").arg(packages().join(format!("{schema}.sql")));
    }
    let said = folder::fresh("psql").join("stderr");
    let stderr = std::fs::File::create(&said).expect("own folder");
    let mut by_psql = by_psql.stdout(Stdio::null()).stderr(stderr).spawn().expect("psql starts");
    std::thread::scope(|scope| {
        let create = scope.spawn(|| node.londiste(["create-root", "src", &db.connstr()]));
        wait_for("both installers at the lock", SOON, || {
            let waiting = db.int(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted
                    and database = (select oid from pg_database where datname = current_database())",
            );
            holds(waiting == 2, waiting)
        });
        holder.batch_execute(&format!("select pg_advisory_unlock({lock})")).expect("ours");
        create.join().expect("the command ends").ok().says("INFO Done");
    });
    let status = by_psql.wait().expect("our own child");
    assert!(status.success(), "{}", std::fs::read_to_string(&said).expect("own file"));
    assert_eq!(db.text("select queue_name from pgq.get_queue_info()"), QUEUE);
}

/// Everything about extensions, on one private server: their files are the server's, not a database's.
#[test]
fn the_schemas_are_extensions_where_the_files_are_in_place() {
    let installation = Installation::copy();
    let cluster = installation.start_cluster();
    let extensions = packages().join("extension");
    installation.put_extensions(&extensions);

    let created = created_by_an_owner(&cluster);
    updated_in_place(&created);
    dumped_and_restored(&cluster, &created);
    attached_to_an_installation(&cluster, &created);
    if has_reference() {
        let shared = Cluster::shared().create_database("where");
        installation.put_extensions(&machines_extensions(&shared));
        let theirs = cluster.create_database("theirs");
        theirs.sql(
            "create extension londiste cascade; select pgq.create_queue('q'); create table t (id int primary key);
             create trigger t after insert on t for each row execute function pgq.logutriga('q');
             insert into t values (1)",
        );
        installation.put_extensions(&extensions);
        taken_over_from_the_reference(&theirs, &created);
    }
    removed(&created);
}

/// No superuser, but the right to create roles, because nobody has installed anything on this server yet.
fn created_by_an_owner(cluster: &Cluster) -> Database {
    let db = cluster.create_database("extension");
    let mut owner = owner_client(&db, "dba", "createrole");
    owner
        .batch_execute("create extension londiste cascade; create extension pgq_ext")
        .expect("an owner's right");
    assert_eq!(
        db.text("select pgq.version(), pgq_ext.version(), pgq_node.version(), londiste.version()"),
        "3.5|3.1|3.5|3.8"
    );
    assert_eq!(
        db.text(
            "select name, superuser, relocatable, schema, requires from pg_available_extension_versions
              where name ~ '^(pgq|londiste)' and installed order by 1"
        ),
        "londiste|f|f|pg_catalog|{pgq_node}\npgq|f|f|pg_catalog|\n\
         pgq_ext|f|f|pg_catalog|{pgq}\npgq_node|f|f|pg_catalog|{pgq}"
    );
    // Our installer uses it as it is, and a queue works.
    let before = db.text(SCHEMA_STATE);
    let connstr = db.connstr().replace("user=postgres", "user=dba");
    let node = Node::over(Ours, "src", &connstr, QUEUE);
    node.londiste(["create-root", "src", &connstr]).ok().says("INFO pgq is installed");
    db.sql(&format!("select pgq.insert_event('{QUEUE}', 'type', 'data')"));
    let after = db.text(SCHEMA_STATE);
    let ours = |state: &str| -> String {
        state
            .lines()
            .filter(|line| !line.contains("pgq.event_") && !line.contains("pgq._event_1_table()"))
            .map(|line| format!("{line}\n"))
            .collect()
    };
    assert_eq!(ours(&before), ours(&after));
    db
}

/// The same version with other functions: by way of the version `next`.
fn updated_in_place(db: &Database) {
    let members = db.text(MEMBERS);
    let state = db.text(SCHEMA_STATE);
    db.sql(
        "create or replace function pgq.create_queue(i_queue_name text) returns integer language sql as $$ select 0 $$;
         alter extension londiste drop function londiste.is_replica_func(oid);
         drop function londiste.is_replica_func(oid)",
    );
    let mut owner = owner_client(db, "dba", "createrole");
    for (name, version) in
        [("pgq", "3.5"), ("pgq_node", "3.5"), ("londiste", "3.8"), ("pgq_ext", "3.1")]
    {
        owner
            .batch_execute(&format!(
                "alter extension {name} update to '{version}next'; alter extension {name} update"
            ))
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
    assert_same_lines(&db.text(MEMBERS), &members);
    assert_same_lines(&db.text(SCHEMA_STATE), &state);
}

/// A dump has the queue with its events, and the sequences, so that the next queue gets another number.
fn dumped_and_restored(cluster: &Cluster, db: &Database) {
    let Some(pg_dump) = server::pg_dump() else {
        return;
    };
    let dump = folder::fresh("dump").join("dump.sql");
    let args = ["-d", &db.connstr(), "-f", &dump.display().to_string()].map(str::to_owned);
    run(&pg_dump, folder::root(), args).ok();
    let restored = cluster.create_database("restored");
    restored.sql(&format!("alter database {} owner to dba", restored.name()));
    let connstr = restored.connstr().replace("user=postgres", "user=dba");
    psql(&connstr, &dump).ok().says_not("ERROR");
    assert_same_lines(&restored.text(MEMBERS), &db.text(MEMBERS));
    assert_same_lines(&restored.text(SCHEMA_STATE), &db.text(SCHEMA_STATE));
    restored
        .sql("select pgq.create_queue('another'), pgq.register_consumer('another', 'somebody')");
    assert_eq!(restored.text("select ev_type, ev_data from pgq.event_template"), "type|data");
    restored.sql("select pgq.ticker('another')");
}

/// `version 'unpackaged'` takes in what psql has installed; queues stay outside.
fn attached_to_an_installation(cluster: &Cluster, created: &Database) {
    let db = cluster.create_database("unpackaged");
    let mut owner = owner_client(&db, "dba", "createrole");
    for schema in SCHEMAS {
        owner.batch_execute(&script(schema, true)).unwrap_or_else(|e| panic!("{schema}: {e:?}"));
    }
    owner.batch_execute("select pgq.create_queue('q')").expect("the owner's right");
    for name in SCHEMAS {
        owner
            .batch_execute(&format!(
                "create extension {name} version 'unpackaged'; alter extension {name} update"
            ))
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
    assert_same_lines(&db.text(MEMBERS), &created.text(MEMBERS));
    assert_eq!(db.text("select queue_name from pgq.get_queue_info()"), "q");
}

/// The original's extension becomes ours under its queues and triggers, and needs its modules no more.
fn taken_over_from_the_reference(db: &Database, created: &Database) {
    for (name, version) in [("pgq", "3.5"), ("pgq_node", "3.5"), ("londiste", "3.8")] {
        db.sql(&format!(
            "alter extension {name} update to '{version}next'; alter extension {name} update"
        ));
    }
    db.sql("create extension pgq_ext; insert into t values (2)");
    assert_same_lines(&db.text(MEMBERS), &created.text(MEMBERS));
    assert_eq!(db.text("select ev_data from pgq.event_template order by ev_id"), "id=1\nid=2");
    assert_eq!(
        db.int(
            "select count(*) from pg_proc p join pg_language l on l.oid = p.prolang
              where p.pronamespace = 'pgq'::regnamespace and l.lanname = 'c'"
        ),
        0
    );
}

/// Like the original's, the extension cannot be dropped while a queue is there.
fn removed(db: &Database) {
    let mut client = db.client();
    let refused = client.batch_execute("drop extension londiste, pgq_node, pgq_ext, pgq");
    let refused = refused.expect_err("there is a queue");
    let refused = refused.as_db_error().expect("said by the server");
    assert!(refused.detail().is_some_and(|detail| detail.contains("pgq.event_1")), "{refused}");
    db.sql(&format!(
        "select pgq_node.drop_node('{QUEUE}', 'src');
         drop extension londiste, pgq_node, pgq_ext, pgq"
    ));
    assert_eq!(db.text(LEFT), "");
}

/// A session of the role, which is made where it is not there and owns the database.
fn owner_client(db: &Database, role: &str, attributes: &str) -> postgres::Client {
    db.sql(&format!(
        "do $$ begin create role {role} login {attributes}; exception when duplicate_object then null; end $$;
         alter database {} owner to {role}",
        db.name()
    ));
    let connstr = db.connstr().replace("user=postgres", &format!("user={role}"));
    postgres::Client::connect(&connstr, postgres::NoTls).unwrap_or_else(|e| panic!("{role}: {e}"))
}
