//! The schemas `pgq_node` and `londiste`, called through psql: same script, same answers as the reference.
//!
//! `tests/sql/SCHEMA/*.sql` have to print what stands beside them in `*.out`, on our schemas and, where it is
//! installed, on the reference's. `tests/sql/differences/*.sql` are the places where we wanted to differ: there
//! `*.reference.out` is what the reference prints. With the variable `LONDISTE_TEST_RECORD` set the files are written
//! anew, the common ones from the reference.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use postgres::{Client, NoTls};
use system_tests::schemas::{self, SCHEMAS, database, has_reference, transcript};
use system_tests::{Cluster, Database, Impl};

/// Name of the variable that makes the tests write what they would compare with.
const RECORD_VARIABLE: &str = "LONDISTE_TEST_RECORD";

#[test]
fn pgq_node_answers_as_the_reference_does() {
    same_answers("pgq_node");
}

#[test]
fn londiste_answers_as_the_reference_does() {
    same_answers("londiste");
}

#[test]
fn wanted_differences_are_the_only_ones() {
    let mut wrong = String::new();
    for script in scripts("differences") {
        if !fits_server(&script) {
            continue;
        }
        let mut sides = vec![(Impl::Ours, "out")];
        if has_reference() {
            sides.push((Impl::Reference, "reference.out"));
        }
        for (side, suffix) in sides {
            check(&mut wrong, &script.with_extension(suffix), &run(side, &script));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Every column, constraint, index, function and grant that anybody outside can see.
#[test]
fn both_schemas_offer_the_interface_of_the_reference() {
    let questions = folder("interface.sql");
    let mut wrong = String::new();
    for schema in ["pgq_node", "londiste"] {
        let ask = |side| transcript(&database(side), &questions, &[("schema", schema)]);
        let expected = folder(schema).join("interface.out");
        if has_reference() {
            check(&mut wrong, &expected, &without_echo(&ask(Impl::Reference)));
        }
        check(&mut wrong, &expected, &without_echo(&ask(Impl::Ours)));
    }
    assert!(wrong.is_empty(), "{wrong}");
}

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
    let state = || {
        let interface: String = ["pgq_node", "londiste"]
            .map(|schema| transcript(&db, &folder("interface.sql"), &[("schema", schema)]))
            .concat();
        format!("{interface}{}", db.text("select * from mine"))
    };
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
    let interface = || {
        ["pgq_node", "londiste"]
            .map(|schema| transcript(&db, &folder("interface.sql"), &[("schema", schema)]))
            .concat()
    };
    let today = interface();
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
    assert_ne!(interface(), today);
    for schema in ["pgq_node", "londiste"] {
        db.sql(&schemas::script(schema, false));
    }
    assert_eq!(interface(), today);
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
    let mut note = |call: &str| -> String {
        let row = dba.query_one(&format!("select ret_note from {call}"), &[]);
        row.unwrap_or_else(|e| panic!("{call}: {e:?}")).get(0)
    };
    note("pgq_node.register_location('q', 'n', 'dbname=n', false)");
    note("pgq_node.register_location('q', 'm', 'dbname=m', false)");
    note("pgq_node.create_node('q', 'root', 'n', 'w', null, null, null)");
    dba.batch_execute("create table t (id serial primary key)").expect("an owner's right");
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

/// Runs every script of a folder on both sides and compares with the recorded answers.
#[track_caller]
fn same_answers(schema: &str) {
    let mut wrong = String::new();
    for script in scripts(schema) {
        let expected = script.with_extension("out");
        // First the reference: it is the one that may record.
        if has_reference() {
            check(&mut wrong, &expected, &run(Impl::Reference, &script));
        }
        check(&mut wrong, &expected, &run(Impl::Ours, &script));
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn run(side: Impl, script: &Path) -> String {
    transcript(&database(side), script, &[])
}

/// Adds to `wrong` where the text differs from the file, or writes the file when asked to record and it is not there
/// yet.
fn check(wrong: &mut String, expected: &Path, text: &str) {
    if std::env::var_os(RECORD_VARIABLE).is_some() && !expected.exists() {
        fs::write(expected, text).unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
        return;
    }
    let recorded =
        fs::read_to_string(expected).unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
    if recorded == text {
        return;
    }
    let same = recorded.lines().zip(text.lines()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| -> String {
        let from = same.saturating_sub(5);
        text.lines().skip(from).take(12).map(|line| format!("    {line}\n")).collect()
    };
    let _ = writeln!(
        wrong,
        "{}, line {}: expected\n{}  but got\n{}",
        expected.display(),
        same + 1,
        around(&recorded),
        around(text)
    );
}

/// The scripts of a folder below `tests/sql`, by name.
#[track_caller]
fn scripts(name: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder(name))
        .unwrap_or_else(|e| panic!("tests/sql/{name}: {e}"))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    assert!(!found.is_empty(), "tests/sql/{name} has no scripts");
    found.sort();
    found
}

/// Is the server new enough for a script whose first line is `-- from PostgreSQL N on`?
fn fits_server(script: &Path) -> bool {
    let text = fs::read_to_string(script).expect("listed above");
    let Some(rest) = text.strip_prefix("-- from PostgreSQL ") else { return true };
    let major: i64 = rest.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    server_version(&Cluster::shared().create_database("version")) >= major * 10_000
}

fn server_version(db: &Database) -> i64 {
    db.int("show server_version_num")
}

/// The answers without the questions.
fn without_echo(transcript: &str) -> String {
    let kinds = ["column", "constraint", "index", "function", "grant", "schema"];
    transcript
        .lines()
        .filter(|line| kinds.iter().any(|kind| line.starts_with(&format!("{kind}\t"))))
        .fold(String::new(), |text, line| text + line + "\n")
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(name)
}

#[track_caller]
fn client_as(db: &Database, role: &str) -> Client {
    let address = db.address();
    let connstr = format!("host=127.0.0.1 port={} user={role} dbname={}", address.port, db.name());
    Client::connect(&connstr, NoTls).unwrap_or_else(|e| panic!("{role}: {e}"))
}
