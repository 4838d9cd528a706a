//! Scripts whose transcripts have to be what stands beside them: `X.sql` and `X.out`.
//!
//! With the variable [`RECORD_VARIABLE`] set, files that are missing are written instead, the common ones from the
//! reference.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::schemas::{has_reference, transcript};
use crate::wait::SOON;
use crate::{Cluster, Database, Impl, holds, wait_for};

/// Name of the variable that makes tests write the answers that are not there yet.
pub const RECORD_VARIABLE: &str = "LONDISTE_TEST_RECORD";

/// Functions for everybody that the original does not have: its programs call them, or its operators would. Their scripts are
/// in `tests/sql/differences`.
const ADDITIONS: [(&str, &str); 2] =
    [("pgq_node", "rename_node_step1"), ("pgq_node", "rename_node_step2")];

/// Whether a function is one of those that only our schemas have. What follows its name does not matter.
#[must_use]
pub fn is_addition(schema: &str, function: &str) -> bool {
    let name = function.split('(').next().unwrap_or_default();
    ADDITIONS.contains(&(schema, name))
}

/// A folder or file below `tests/sql`.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(name)
}

/// The scripts of a folder below `tests/sql` that are for this server, by name. One whose first line begins with
/// `-- from PostgreSQL N on` is not for older ones.
///
/// # Panics
/// When there are none.
#[track_caller]
pub fn scripts(folder: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(path(folder))
        .unwrap_or_else(|e| panic!("tests/sql/{folder}: {e}"))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    assert!(!found.is_empty(), "tests/sql/{folder} has no scripts");
    found.sort();
    found.retain(|script| fits_server(script));
    found
}

/// Runs every script of a folder in a database of its own on each side, and compares what it says with the recorded
/// answers. The folder has the name of a schema, and together its scripts have to call every function of it.
///
/// # Panics
/// With all differences, where there are any.
#[track_caller]
pub fn same_answers(folder: &str, database: impl Fn(Impl) -> Database) {
    let mut wrong = String::new();
    let mut ours = Vec::new();
    for script in scripts(folder) {
        let expected = script.with_extension("out");
        // First the reference: it is the one that may record.
        if has_reference() {
            check(&mut wrong, &expected, &transcript(&database(Impl::Reference), &script, &[]));
        }
        let db = database(Impl::Ours);
        db.sql(&format!("alter database {} set track_functions = 'all'", db.name()));
        check(&mut wrong, &expected, &transcript(&db, &script, &[]));
        ours.push(db);
    }
    assert!(wrong.is_empty(), "{wrong}");
    // Before PostgreSQL 15 statistics are on their way for a moment.
    wait_for(format!("calls of every function of {folder}"), SOON, || {
        let uncalled = uncalled(folder, &ours);
        holds(uncalled.is_empty(), format!("no script in tests/sql/{folder} calls {uncalled:?}"))
    });
}

/// Functions of the interface, each overload for itself, that nobody has called in any of these databases.
fn uncalled(schema: &str, databases: &[Database]) -> BTreeSet<String> {
    let ask = |db: &Database, condition: &str| -> BTreeSet<String> {
        let functions = db.text(&format!(
            "select p.oid::regprocedure
               from pg_proc p left join pg_stat_user_functions s on s.funcid = p.oid
              where p.pronamespace = '{schema}'::regnamespace and {condition}
                and (p.proname !~ '^_' or p.proname in ('_grant_perms_from', '_coordinate_copy'))"
        ));
        let own = format!("{schema}.");
        let name = |function: &str| function.strip_prefix(&own).unwrap_or(function).to_owned();
        functions
            .lines()
            .filter(|function| !is_addition(schema, &name(function)))
            .map(str::to_owned)
            .collect()
    };
    let mut left = ask(&databases[0], "true");
    assert!(!left.is_empty(), "schema {schema} has functions");
    for db in databases {
        let called = ask(db, "s.calls > 0");
        left.retain(|function| !called.contains(function));
    }
    left
}

/// Compares what a schema offers to the outside with what `tests/sql/SCHEMA/interface.out` has.
///
/// # Panics
/// With the differences, where there are any.
#[track_caller]
pub fn same_interface(schema: &str, database: impl Fn(Impl) -> Database) {
    let expected = path(schema).join("interface.out");
    let ask = |side| {
        let answers = transcript(&database(side), &path("interface.sql"), &[("schema", schema)]);
        without_echo(&answers)
    };
    let mut wrong = String::new();
    if has_reference() {
        check(&mut wrong, &expected, &ask(Impl::Reference));
    }
    let ours = ask(Impl::Ours).lines().fold(String::new(), |text, line| {
        let name = line.split('\t').nth(1).unwrap_or_default();
        if is_addition(schema, name) { text } else { text + line + "\n" }
    });
    check(&mut wrong, &expected, &ours);
    assert!(wrong.is_empty(), "{wrong}");
}

/// Adds to `wrong` where the text differs from the file, or writes the file when asked to record and it is not there
/// yet.
///
/// # Panics
/// When the file cannot be read or written.
#[track_caller]
pub fn check(wrong: &mut String, expected: &Path, text: &str) {
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

/// Is the server new enough for a script whose first line is `-- from PostgreSQL N on`?
fn fits_server(script: &Path) -> bool {
    let text = fs::read_to_string(script).expect("listed above");
    let Some(rest) = text.strip_prefix("-- from PostgreSQL ") else { return true };
    let major: i64 = rest.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    let db = Cluster::shared().create_database("version");
    db.int("show server_version_num") >= major * 10_000
}

/// The answers without the questions.
fn without_echo(transcript: &str) -> String {
    let kinds = ["column", "constraint", "index", "function", "grant", "schema"];
    transcript
        .lines()
        .filter(|line| kinds.iter().any(|kind| line.starts_with(&format!("{kind}\t"))))
        .fold(String::new(), |text, line| text + line + "\n")
}
