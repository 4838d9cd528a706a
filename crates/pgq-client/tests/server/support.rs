//! What all of these tests need.

use std::future::Future;
use std::process::Command;
use std::time::Duration;

use pgq_client::Error;
use pgq_client::conn::{Session, connect};
use system_tests::{Cluster, Database};

/// Runs the test's work on a runtime of its own; nothing here takes a minute unless it hangs.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await })
        .expect("the test hangs")
}

pub(crate) async fn open(connstr: &str) -> Session {
    connect(connstr, "job:db").await.unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) async fn refusal(connstr: &str) -> Error {
    connect(connstr, "job:db").await.expect_err("it connects")
}

pub(crate) fn database(label: &str) -> Database {
    Cluster::shared().create_database(label)
}

pub(crate) async fn scalar(session: &Session, query: &str) -> String {
    session.query_one(query, &[]).await.unwrap().get(0)
}

/// A file nobody else may read, gone with the first value.
pub(crate) fn private_file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    if !text.is_empty() {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    (folder, file.display().to_string())
}

/// Waits until the query answers `true`; the limit is that of [`run`].
pub(crate) async fn until(session: &Session, query: &str) {
    while scalar(session, query).await != "true" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An example program, ready for arguments, with these variables and no other `PG*` ones. Cargo has built it beside this
/// test.
pub(crate) fn example_command(name: &str, variables: &[(&str, &str)]) -> Command {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(name);
    let mut command = Command::new(path);
    only(&mut command, variables);
    command
}

/// Lets a program have these variables and no other `PG*` ones.
pub(crate) fn only(command: &mut Command, variables: &[(&str, &str)]) {
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("PG") {
            command.env_remove(variable);
        }
    }
    command.envs(variables.iter().copied());
}

/// Runs a program to its end.
pub(crate) fn output_of(command: &mut Command) -> std::process::Output {
    let name = command.get_program().to_owned();
    command.output().unwrap_or_else(|e| {
        panic!("cannot start {}: {e}; run `cargo build --examples`", name.display())
    })
}

/// What an example program prints.
pub(crate) fn example(name: &str, variables: &[(&str, &str)], args: &[&str]) -> String {
    let output = output_of(example_command(name, variables).args(args));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
