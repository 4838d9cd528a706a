//! The installer: from nothing, again, over an older version, beside others, and without rights.

use pgq_client::schema::{Outcome, Schema, install};
use pgq_client::{Result, conn};
use system_tests::{Cluster, Database};

use crate::support::{database, open, run, until};

/// Installs and says what was done, in order.
fn outcomes(connstr: &str) -> Result<Vec<(Schema, Outcome)>> {
    run(installing(connstr))
}

async fn installing(connstr: &str) -> Result<Vec<(Schema, Outcome)>> {
    let mut session = conn::connect(connstr, "installer").await?;
    let mut outcomes = Vec::new();
    install(&mut session, &mut |schema, outcome| outcomes.push((schema, outcome))).await?;
    Ok(outcomes)
}

fn all(outcome: Outcome) -> Vec<(Schema, Outcome)> {
    Schema::ALL.map(|schema| (schema, outcome)).to_vec()
}

/// Everything an installation leaves in the catalogue that an operator could notice.
fn catalogue(database: &Database) -> String {
    database.text(
        "select p.oid::regprocedure::text, p.prosecdef, md5(p.prosrc), p.proacl
           from pg_proc p join pg_namespace n on n.oid = p.pronamespace
          where n.nspname in ('pgq', 'pgq_ext', 'pgq_node', 'londiste')
         union all
         select c.oid::regclass::text, c.relkind = 'r', null, c.relacl
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname in ('pgq', 'pgq_ext', 'pgq_node', 'londiste')
          order by 1",
    )
}

#[test]
fn twice_is_once() {
    let database = database("install");
    assert_eq!(outcomes(&database.connstr()).unwrap(), all(Outcome::Installed));
    let before = catalogue(&database);
    assert!(before.contains("pgq.insert_event(text,text,text)"), "{before}");
    assert_eq!(outcomes(&database.connstr()).unwrap(), all(Outcome::Present));
    assert_eq!(catalogue(&database), before);
}

#[test]
fn an_older_one_is_upgraded_in_place() {
    let database = database("install");
    outcomes(&database.connstr()).unwrap();
    let fresh = catalogue(&database);
    database.sql(
        "select pgq.create_queue('kept');
         drop function pgq.batch_retry(bigint, integer);
         create or replace function pgq.version() returns text language sql as $$ select '0' $$;
         comment on schema pgq is 'londiste schema, revision 0'",
    );
    let done = outcomes(&database.connstr()).unwrap();
    assert_eq!(done[0], (Schema::Pgq, Outcome::Upgraded));
    assert_eq!(done[1..], all(Outcome::Present)[1..]);
    assert_eq!(database.text("select queue_name from pgq.get_queue_info()"), "kept");
    database.sql("select pgq.drop_queue('kept')");
    assert_eq!(catalogue(&database), fresh);
}

#[test]
fn a_newer_one_is_left_alone() {
    let database = database("install");
    outcomes(&database.connstr()).unwrap();
    let mark = "select obj_description('pgq'::regnamespace)";
    let version = format!(", version {}", env!("CARGO_PKG_VERSION"));
    assert!(database.text(mark).ends_with(&version), "{}", database.text(mark));
    database.sql(
        "drop function pgq.batch_retry(bigint, integer);
         comment on schema pgq is 'londiste schema, revision 0, version 999.1.2';
         comment on schema londiste is 'londiste schema, revision 0, version 0.0.1'",
    );
    let before = catalogue(&database);
    let done = outcomes(&database.connstr()).unwrap();
    let Outcome::Newer(version) = done[0].1 else { panic!("{done:?}") };
    assert_eq!(version.to_string(), "999.1.2");
    assert_eq!(done[3], (Schema::Londiste, Outcome::Upgraded));
    assert_eq!(catalogue(&database), before);
    assert!(database.text(mark).ends_with("999.1.2"), "{}", database.text(mark));
}

#[test]
fn two_installers_at_once() {
    let database = database("install");
    // A snapshot taken before the wait for the lock would not show what the first installer did.
    database.sql(&format!(
        "alter database {} set default_transaction_isolation = 'repeatable read'",
        database.name()
    ));
    run(async {
        let connstr = database.connstr();
        // Holding the lock makes sure that both wait for it and neither comes too late to meet the other.
        let holder = open(&connstr).await;
        let lock = i64::from_be_bytes(*b"londiste");
        holder.execute("select pg_advisory_lock($1)", &[&lock]).await.unwrap();
        let release = async {
            let both_wait = "select (count(*) = 2)::text from pg_locks \
                             where locktype = 'advisory' and not granted and database = \
                             (select oid from pg_database where datname = current_database())";
            until(&holder, both_wait).await;
            holder.execute("select pg_advisory_unlock($1)", &[&lock]).await.unwrap();
        };
        let (one, other, ()) = tokio::join!(installing(&connstr), installing(&connstr), release);
        let mut done = [one.unwrap(), other.unwrap()];
        done.sort_by_key(|outcomes| outcomes[0].1 == Outcome::Present);
        assert_eq!(done, [all(Outcome::Installed), all(Outcome::Present)]);
    });
}

#[test]
fn what_is_an_extension_s_stays_as_it_is() {
    let database = database("install");
    if database.int("select count(*) from pg_available_extensions where name = 'londiste'") == 0 {
        // The original's extensions exist for few servers. Nothing to stay beside here.
        return;
    }
    database.sql("create extension pgq; create extension pgq_node; create extension londiste");
    let theirs = |database: &Database| {
        database.text(
            "select p.oid::regprocedure, md5(p.prosrc), p.proacl
               from pg_proc p join pg_namespace n on n.oid = p.pronamespace
              where n.nspname in ('pgq', 'pgq_node', 'londiste') order by 1",
        )
    };
    let before = theirs(&database);
    assert_eq!(
        outcomes(&database.connstr()).unwrap(),
        [
            (Schema::Pgq, Outcome::Present),
            (Schema::PgqExt, Outcome::Installed),
            (Schema::PgqNode, Outcome::Present),
            (Schema::Londiste, Outcome::Present),
        ]
    );
    assert_eq!(outcomes(&database.connstr()).unwrap(), all(Outcome::Present));
    assert_eq!(theirs(&database), before);
}

#[test]
fn an_ordinary_owner_is_enough_once_the_roles_exist() {
    let (other, database) = (database("install"), database("install"));
    outcomes(&other.connstr()).unwrap();
    database.sql("drop role if exists \"Plain Owner\"; create role \"Plain Owner\" login");
    let connstr = database.connstr().replace("user=postgres", "user='Plain Owner'");

    let error = outcomes(&connstr).unwrap_err().to_string();
    assert!(error.contains("role \"Plain Owner\" may not create schema pgq"), "{error}");
    let grant = format!("GRANT CREATE ON DATABASE {} TO \"Plain Owner\"", database.name());
    assert!(error.contains(&grant), "{error}");
    assert_eq!(database.int("select count(*) from pg_namespace where nspname like 'pgq%'"), 0);

    database.sql(&grant);
    assert_eq!(outcomes(&connstr).unwrap(), all(Outcome::Installed));
    database.sql("drop owned by \"Plain Owner\" cascade; drop role \"Plain Owner\"");
}

#[test]
fn missing_roles_are_named_with_what_creates_them() {
    // The roles belong to the whole server, so this needs one on which nobody has installed anything.
    let cluster = Cluster::start_new();
    let database = cluster.create_database("install");
    database.sql("create role plain login");
    database.sql(&format!("grant create on database {} to plain", database.name()));
    let connstr = database.connstr().replace("user=postgres", "user=plain");
    let error = outcomes(&connstr).unwrap_err().to_string();
    assert!(error.contains("\"plain\" may not create roles\nHINT:"), "{error}");
    for role in ["pgq_reader", "pgq_writer", "pgq_admin"] {
        assert!(error.contains(&format!("create role {role}")), "{error}");
    }
    assert!(!error.contains("CONTEXT"), "{error}");
}

#[test]
fn a_stranger_may_not_upgrade() {
    let database = database("install");
    outcomes(&database.connstr()).unwrap();
    database.sql(
        "comment on schema pgq_node is 'londiste schema, revision 0';
         drop function pgq_node.version();
         drop role if exists stranger; create role stranger login",
    );
    let connstr = database.connstr().replace("user=postgres", "user=stranger");
    assert_eq!(
        outcomes(&connstr).unwrap_err().to_string(),
        "role \"stranger\" may not upgrade schema pgq_node, which belongs to postgres\n\
         HINT:  run this as postgres, or an administrator runs: GRANT postgres TO stranger;"
    );
    database.sql("grant postgres to stranger");
    assert_eq!(outcomes(&connstr).unwrap()[2], (Schema::PgqNode, Outcome::Upgraded));
    let owner = "select proowner::regrole from pg_proc where oid = 'pgq_node.version'::regproc";
    assert_eq!(database.text(owner), "postgres");
    database.sql("drop role stranger");
}
