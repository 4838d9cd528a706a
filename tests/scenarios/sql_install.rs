//! The schemas `pgq_node` and `londiste` installed anew, once more, over an old one, without superuser, and removed.

use std::fs;
use std::path::Path;

use postgres::{Client, NoTls};
use system_tests::schemas::{self, SCHEMAS, database, transcript};
use system_tests::{Cluster, Database, Impl};

/// A second run of the parts that every install runs changes nothing and keeps what users granted and registered.
#[test]
fn an_install_can_be_repeated() {
    let db = database(Impl::Ours);
    db.sql(
        "select pgq_node.register_location('q', 'n', 'dbname=n', false);
         select pgq_node.create_node('q', 'root', 'n', 'w', null, null, null);
         create table t (id int primary key);
         select londiste.local_add_table('q', 't');
         create view mine as select * from londiste.get_table_list('q');
         grant execute on function londiste.local_show_missing(text) to pg_monitor;",
    );
    let state = || interface(&db) + &db.text("select * from mine");
    let before = state();
    for schema in SCHEMAS {
        db.sql(&schemas::script(schema, false));
    }
    assert_eq!(state(), before);
    assert!(before.contains("pg_monitor=X"), "the grant is seen");
}

/// What an installation of years ago looks like is brought up to date.
#[test]
fn an_old_installation_is_brought_up_to_date() {
    let db = database(Impl::Ours);
    let today = interface(&db);
    db.sql(
        "drop function londiste.get_table_list(text);
         create function londiste.get_table_list(i_queue_name text, out table_name text, out local boolean)
             returns setof record language sql as 'select null::text, true';
         create function londiste.restore_table_fkey(i_from_table text, i_fkey_name text) returns integer
             language sql as 'select 1';
         drop function londiste.find_table_oid(text);
         create function londiste.find_table_oid(old_name text) returns oid language sql as 'select 1::oid';
         drop function pgq_node.get_node_info(text);
         create function pgq_node.get_node_info(i_queue_name text, out ret_code int4, out ret_note text)
             language sql as 'select 1, null::text';
         alter table pgq_node.node_info drop column node_attrs;
         alter table londiste.table_info drop constraint table_info_check, drop column dest_table;
         alter table londiste.table_info add constraint table_info_check
             check (dropped_ddl is null or merge_state in ('in-copy'));
         drop trigger table_info_trigger_sync on londiste.table_info;
         create trigger table_info_trigger_sync after delete on londiste.table_info
             for each row execute function londiste.table_info_trigger();
         alter table londiste.applied_execute drop column execute_attrs, drop constraint applied_execute_pkey;
         alter table londiste.applied_execute add constraint applied_execute_pkey
             primary key (queue_name, execute_file);
         insert into londiste.applied_execute values ('q1', 'f', '2001-01-01', 'first'), ('q2', 'f', '2002-01-01', 'second');
         alter table londiste.applied_execute add constraint applied_execute_queue_name_fkey
             foreign key (queue_name) references pgq_node.node_info on delete cascade not valid;",
    );
    assert_ne!(interface(&db), today);
    for schema in ["pgq_node", "londiste"] {
        db.sql(&schemas::script(schema, false));
    }
    assert_eq!(interface(&db), today);
    assert_eq!(db.text("select execute_sql from londiste.applied_execute"), "first");
    assert_eq!(
        db.text(
            "select pg_get_triggerdef(oid) like '%BEFORE DELETE%' from pg_trigger
              where tgname = 'table_info_trigger_sync'"
        ),
        "t"
    );
}

/// The owner of a database who may create roles needs no superuser, up to the switch of the replication role.
#[test]
fn a_database_owner_installs_and_replicates_without_superuser() {
    let cluster = Cluster::start_new();
    let db = cluster.create_database("owned");
    db.sql(&format!(
        "create role dba login createrole; alter database {0} owner to dba; grant create on schema public to dba",
        db.name()
    ));
    let mut dba = client_as(&db, "dba");
    for schema in SCHEMAS {
        dba.batch_execute(&schemas::script(schema, true))
            .unwrap_or_else(|e| panic!("{schema}: {e:?}"));
    }
    dba.batch_execute(
        "select pgq_node.register_location('q', n, 'dbname=' || n, false) from unnest(array['n', 'm']) n;
         select pgq_node.create_node('q', 'root', 'n', 'w', null, null, null);
         create table t (id serial primary key);",
    )
    .expect("an owner's right");
    let mut note = |call: &str| -> String {
        let row = dba.query_one(&format!("select ret_note from {call}"), &[]);
        row.unwrap_or_else(|e| panic!("{call}: {e:?}")).get(0)
    };
    assert_eq!(note("londiste.local_add_table('q', 't')"), "Table added: public.t");
    assert_eq!(note("londiste.local_add_seq('q', 't_id_seq')"), "Sequence added: public.t_id_seq");
    for step in 1..=3 {
        note(&format!("pgq_node.demote_root('q', {step}, 'm')"));
    }
    assert_eq!(note("pgq_node.promote_branch('q')"), "Branch node promoted to root");
    dba.batch_execute("insert into t default values").expect("a trigger of its own");
    assert_eq!(db.int("select count(*) from pgq.event_template where ev_type = 'I:id'"), 1);

    let denied = dba
        .batch_execute("select londiste.set_session_replication_role('replica', false)")
        .expect_err("dba is no superuser");
    let denied = denied.as_db_error().expect("said by the server");
    assert_eq!(denied.message(), "role \"dba\" is not allowed to set session_replication_role");
    let hint = denied.hint().expect("says what to do");
    if server_version(&db) >= 150_000 {
        let (_, remedy) = hint.split_once("run: ").expect("names a statement");
        db.sql(remedy);
        dba.batch_execute("select londiste.set_session_replication_role('replica', false)")
            .expect("the remedy helps");
    } else {
        assert!(hint.contains("ALTER FUNCTION londiste.set_session_replication_role"), "{hint}");
    }
}

/// Without the right to create roles the install stops and names the statements an administrator has to run.
#[test]
fn missing_roles_come_with_the_statements_that_create_them() {
    let cluster = Cluster::start_new();
    let db = cluster.create_database("no_roles");
    db.sql(&format!(
        "create role dba login; alter database {0} owner to dba;
         create role pgq_reader; create role pgq_writer; create role pgq_admin in role pgq_reader, pgq_writer",
        db.name()
    ));
    let mut dba = client_as(&db, "dba");
    for schema in ["pgq", "pgq_node"] {
        dba.batch_execute(&schemas::script(schema, true))
            .unwrap_or_else(|e| panic!("{schema}: {e:?}"));
    }
    let refused =
        dba.batch_execute(&schemas::script("londiste", true)).expect_err("roles are missing");
    dba.batch_execute("rollback").expect("always works");
    let refused = refused.as_db_error().expect("said by the server");
    assert_eq!(refused.message(), "roles of londiste are missing and \"dba\" may not create roles");
    let hint = refused.hint().expect("says what to do");
    db.sql(hint.strip_prefix("An administrator has to run: ").expect("statements"));
    dba.batch_execute(&schemas::script("londiste", true)).expect("nothing is missing any more");
}

/// A schema goes with its triggers, and not while another one needs it.
#[test]
fn what_was_installed_can_be_removed() {
    let db = database(Impl::Ours);
    db.sql(
        "select pgq_node.register_location('q', 'n', 'dbname=n', false);
         select pgq_node.create_node('q', 'root', 'n', 'w', null, null, null);
         create table t (id int primary key);
         select londiste.local_add_table('q', 't');",
    );
    let uninstall = |schema: &str| {
        let script = schemas::sources().join(schema).join("uninstall.sql");
        fs::read_to_string(&script).unwrap_or_else(|e| panic!("{}: {e}", script.display()))
    };
    assert!(db.client().batch_execute(&uninstall("pgq_node")).is_err(), "londiste needs it");
    db.sql(&uninstall("londiste"));
    assert_eq!(db.int("select count(*) from pg_trigger where tgrelid = 't'::regclass"), 0);
    db.sql(&uninstall("pgq_node"));
    assert_eq!(
        db.int("select count(*) from pg_namespace where nspname in ('londiste', 'pgq_node')"),
        0
    );
    // The queue is pgq's.
    assert_eq!(db.text("select queue_name from pgq.queue"), "q");
}

/// All that anybody outside can see of both schemas.
#[track_caller]
fn interface(db: &Database) -> String {
    let questions = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/interface.sql");
    ["pgq_node", "londiste"]
        .map(|schema| transcript(db, &questions, &[("schema", schema)]))
        .concat()
}

fn server_version(db: &Database) -> i64 {
    db.int("show server_version_num")
}

#[track_caller]
fn client_as(db: &Database, role: &str) -> Client {
    let address = db.address();
    let connstr = format!("host=127.0.0.1 port={} user={role} dbname={}", address.port, db.name());
    Client::connect(&connstr, NoTls).unwrap_or_else(|e| panic!("{role}: {e}"))
}
