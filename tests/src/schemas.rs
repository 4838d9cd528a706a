//! Databases with the SQL schemas in them, ours or the reference's, and scripts run against either.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::under_test::{Impl, command};
use crate::{Cluster, Database, folder, server};

/// The schemas in order of dependency.
pub const SCHEMAS: [&str; 4] = ["pgq", "pgq_ext", "pgq_node", "londiste"];

/// The folder `sql/` of this project.
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql")
}

/// A schema as one script with its own transaction: what a fresh install runs, or an upgrade when not `fresh`.
///
/// # Panics
/// When the schema has no readable `install.list`.
#[track_caller]
pub fn script(schema: &str, fresh: bool) -> String {
    let mut assemble = Command::new("/bin/sh");
    assemble.arg(sources().join("assemble")).arg(schema);
    if !fresh {
        assemble.arg("always");
    }
    let output = assemble.output().expect("every system has sh");
    assert!(
        output.status.success(),
        "sql/assemble {schema}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("our files are UTF-8")
}

/// What `sql/package` writes for those who have psql or a folder of extensions, and not our programs.
///
/// # Panics
/// When the script fails.
#[track_caller]
pub fn packages() -> &'static Path {
    static WRITTEN: OnceLock<PathBuf> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let to = folder::fresh("packages");
        let mut package = Command::new("/bin/sh");
        package.arg(sources().join("package")).arg(&to);
        server::must_run(&mut package, "sql/package");
        to
    })
}

/// Are the reference's extensions installed with the server that tests use? Only a server that somebody has chosen may lack
/// them: what is compared with them would pass otherwise without having been compared.
///
/// # Panics
/// When another one lacks them.
#[track_caller]
pub fn has_reference() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND.get_or_init(|| {
        let db = Cluster::shared().create_database("look");
        db.int("select count(*) from pg_available_extensions where name = 'londiste'") == 1
    });
    assert!(
        found || server::is_chosen(),
        "the reference's extensions are missing in {}: run `make setup`, or choose a server with {}",
        server::bin_folder().display(),
        server::BIN_VARIABLE
    );
    found
}

/// On a server without the reference's extensions the reference is run on our schemas: what it finds in the database
/// it does not install. Where the database cannot be reached, its own words about that are wanted.
pub(crate) fn stand_in_for_extensions(connstr: &str) {
    const NEEDED: &str = "select 1 where to_regnamespace('pgq') is null
        and not exists (select from pg_available_extensions where name = 'londiste')";
    let Ok(mut client) = postgres::Client::connect(connstr, postgres::NoTls) else { return };
    if client.query_opt(NEEDED, &[]).expect("a query of catalogs").is_some() {
        for schema in SCHEMAS {
            client.batch_execute(&script(schema, true)).expect("our schemas can be installed");
        }
    }
}

/// Installs all schemas of one side into an empty database.
///
/// # Panics
/// When the reference is asked for and not installed.
#[track_caller]
pub fn install(side: Impl, db: &Database) {
    match side {
        Impl::Ours => SCHEMAS.iter().for_each(|schema| db.sql(&script(schema, true))),
        Impl::Reference => db.sql("create extension londiste cascade"),
    }
}

/// A new database in the shared cluster with all schemas of one side.
///
/// # Panics
/// When the reference is asked for and not installed.
#[track_caller]
pub fn database(side: Impl) -> Database {
    Database::copy_of(template(side), "sql")
}

/// Made once. The sides come one after the other, because both create the same roles.
#[track_caller]
fn template(side: Impl) -> &'static Database {
    static OURS: OnceLock<Database> = OnceLock::new();
    static REFERENCE: OnceLock<Database> = OnceLock::new();
    let ours = OURS.get_or_init(|| {
        let db = Cluster::shared().create_database("template_ours");
        install(Impl::Ours, &db);
        db
    });
    match side {
        Impl::Ours => ours,
        Impl::Reference => REFERENCE.get_or_init(|| {
            let db = Cluster::shared().create_database("template_reference");
            install(side, &db);
            db
        }),
    }
}

/// A new database in the shared cluster with nothing but the schema pgq of one side.
///
/// # Panics
/// When the reference is asked for and not installed.
#[track_caller]
pub fn database_with_pgq(side: Impl) -> Database {
    // The roles are there then, nobody else is just creating them.
    template(side);
    let db = Cluster::shared().create_database("pgq");
    match side {
        Impl::Ours => db.sql(&script("pgq", true)),
        Impl::Reference => db.sql("create extension pgq"),
    }
    db
}

/// What `psql` prints, statements and errors included, when it is fed a script. The script goes on after errors, and
/// sees the given variables.
///
/// # Panics
/// When psql cannot be started or the file cannot be read.
#[track_caller]
pub fn transcript(db: &Database, script: &Path, variables: &[(&str, &str)]) -> String {
    let path = folder::fresh("transcript").join("output");
    let output = File::create(&path).expect("own folder");
    let errors = output.try_clone().expect("a file can be shared");
    let input = File::open(script).unwrap_or_else(|e| panic!("{}: {e}", script.display()));
    let mut psql = command(&server::client_program("psql"), folder::root());
    // Contexts name lines of function bodies, which are nobody's business.
    psql.args(["-X", "-q", "-a", "-v", "SHOW_CONTEXT=never", "-d", &db.connstr()])
        .args(
            variables.iter().flat_map(|(name, value)| ["-v".to_owned(), format!("{name}={value}")]),
        )
        .env("PGTZ", "UTC")
        .stdin(input)
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(errors));
    let status =
        psql.status().unwrap_or_else(|e| panic!("cannot start psql: {e}; run `make setup`"));
    let text = std::fs::read_to_string(path).expect("own file");
    assert!(status.success(), "psql: {status}\n{text}");
    text
}
