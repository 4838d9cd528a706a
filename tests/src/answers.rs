//! Scripts whose transcripts have to be what stands beside them: `X.sql` and `X.out`.
//!
//! With the variable [`RECORD_VARIABLE`] set, files that are missing are written instead, the common ones from the
//! reference.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::schemas::{has_reference, transcript};
use crate::{Cluster, Database, Impl};

/// Name of the variable that makes tests write the answers that are not there yet.
pub const RECORD_VARIABLE: &str = "LONDISTE_TEST_RECORD";

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
/// answers.
///
/// # Panics
/// With all differences, where there are any.
#[track_caller]
pub fn same_answers(folder: &str, database: impl Fn(Impl) -> Database) {
    let mut wrong = String::new();
    for script in scripts(folder) {
        let expected = script.with_extension("out");
        // First the reference: it is the one that may record.
        if has_reference() {
            check(&mut wrong, &expected, &transcript(&database(Impl::Reference), &script, &[]));
        }
        check(&mut wrong, &expected, &transcript(&database(Impl::Ours), &script, &[]));
    }
    assert!(wrong.is_empty(), "{wrong}");
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
    check(&mut wrong, &expected, &ask(Impl::Ours));
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
