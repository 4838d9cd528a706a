//! The command line as an operator sees it: help, samples and complaints, as snapshots; no database involved.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Everything a run said, in one text.
fn run(folder: &Path, args: &[&str]) -> String {
    run_as(env!("CARGO_BIN_EXE_londiste"), folder, args)
}

fn run_as(program: impl AsRef<OsStr>, folder: &Path, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("TZ", "UTC")
        .output()
        .expect("the program was built for this test");
    let mut text = String::new();
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            text.push_str(&format!("-- {name}\n{}", String::from_utf8_lossy(bytes)));
        }
    }
    let code = output.status.code().expect("no signal ended it");
    let text = text.replace(&folder.display().to_string(), "<folder>");
    normalised(&format!("{text}-- exit {code}\n"))
}

/// Log lines begin with time and pid.
fn normalised(text: &str) -> String {
    text.lines()
        .map(|line| match line.char_indices().nth(23) {
            Some((23, ' ')) if line.starts_with("20") => {
                let rest = line[24..].split_once(' ').map_or("", |(_pid, rest)| rest);
                format!("<time> <pid> {rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect()
}

fn folder_with(ini: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("x.ini"), ini).expect("own folder");
    folder
}

fn empty() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

const NODE: &str = "[londiste]\nqueue_name = q\ndb = host=/nonexistent dbname=x\n";

#[test]
fn help() {
    insta::assert_snapshot!(run(empty().path(), &["--help"]));
}

#[test]
fn sample_ini() {
    insta::assert_snapshot!(run(empty().path(), &["--ini"]));
}

#[test]
fn version() {
    let text = run(empty().path(), &["-V"]);
    assert!(text.starts_with("-- stdout\nlondiste, Skytools version 3.8.1\n"), "{text}");
    assert!(text.ends_with("-- exit 0\n"), "{text}");
}

#[test]
fn the_old_name_of_the_program() {
    let text = run_as(env!("CARGO_BIN_EXE_londiste3"), empty().path(), &["--nosuch"]);
    insta::assert_snapshot!(text);
}

#[test]
fn command_lines_that_cannot_be_understood() {
    let folder = folder_with(NODE);
    let complaints: Vec<String> = [
        &["--re", "x.ini"][..],
        &["--dead"],
        &["x.ini", "tables", "--names-only=1"],
        &["x.ini", "add-table", "--max-parallel-copy=x"],
        &["x.ini", "-5"],
        &["x.ini", "status", "--apply"],
        &["x.ini", "status", "--q"],
        &["x.ini", "worker", "--all"],
        &["x.ini", "compare", "--create"],
    ]
    .iter()
    .map(|args| format!("$ londiste {}\n{}", args.join(" "), run(folder.path(), args)))
    .collect();
    insta::assert_snapshot!(complaints.join("\n"));
}

#[test]
fn runs_that_end_before_a_database_is_asked() {
    let folder = folder_with(NODE);
    let at =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("own folder");
    at("noqueue.ini", "[londiste]\ndb = dbname=x\n");
    at("nosection.ini", "[pgqd]\n");
    at("nokeys.ini", "queue_name = q\n");
    at("nodb.ini", "[londiste3]\nqueue_name = q\n");
    at("parallel.ini", "[londiste]\nqueue_name = q\nparallel_copies = 0\n");
    at("typo.ini", "[londiste]\nqueue_name = q\nparalel_copies = 2\ndb = host=/nonexistent\n");
    at("pid.ini", "[londiste]\nqueue_name = q\ndb = host=/nonexistent\npidfile = nosuch/x.pid\n");
    let answers: Vec<String> = [
        &[][..],
        &["x.ini"],
        &["x.ini", "foo"],
        &["nosuch.ini", "status"],
        &["noqueue.ini", "status"],
        &["noqueue.ini", "worker"],
        &["nosection.ini", "status"],
        &["nokeys.ini", "status"],
        &["nodb.ini", "status"],
        &["parallel.ini", "worker"],
        &["typo.ini", "tables"],
        &["--set", "x", "x.ini", "status"],
        &["x.ini", "status", "now"],
        &["x.ini", "drop-node"],
        &["x.ini", "takeover"],
        &["x.ini", "tables"],
        &["x.ini", "worker", "-d"],
        &["x.ini", "copy"],
        &["x.ini", "show-handlers"],
        &["x.ini", "show-handlers", "bulk"],
        &["x.ini", "check"],
        &["x.ini", "members"],
        &["x.ini", "-s"],
        &["pid.ini", "-r"],
        &["pid.ini", "add-table", "t"],
    ]
    .iter()
    .map(|args| format!("$ londiste {}\n{}", args.join(" "), run(folder.path(), args)))
    .collect();
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn pidfiles_of_processes_that_are_gone_or_nonsense() {
    let folder = folder_with(&format!("{NODE}pidfile = x.pid\n"));
    let pidfile = |text: &str| {
        fs::write(folder.path().join("x.pid"), text).expect("own folder");
        fs::write(folder.path().join("x.pid.admin"), text).expect("own folder");
    };
    pidfile("");
    let stale = run(folder.path(), &["x.ini", "members"]);
    assert!(stale.starts_with("-- stdout\nIgnoring stale pidfile\n-- stderr\n"), "{stale}");
    assert!(!folder.path().join("x.pid.admin").exists(), "removed at the end");
    assert_eq!(
        run(folder.path(), &["x.ini", "-k"]),
        "-- stderr\n<time> <pid> WARNING pidfile exists, but process not running\n-- exit 0\n"
    );
    pidfile(&std::process::id().to_string());
    assert_eq!(
        run(folder.path(), &["x.ini", "members"]),
        format!(
            "-- stdout\nPidfile exists, another process running?\nx.pid.admin names process {}\n\
             HINT:  Another command is at work on this node: wait until it has ended.\n-- exit 1\n",
            std::process::id()
        )
    );
    pidfile("x");
    assert_eq!(
        run(folder.path(), &["x.ini", "members"]),
        "-- stderr\n<time> <pid> ERROR Job x crashed: Corrupt pidfile: x.pid.admin\n\
         HINT:  It holds no process number; remove it if no such process runs.\n-- exit 1\n"
    );
    assert_eq!(
        run(folder.path(), &["x.ini", "-s"]),
        "-- stderr\nCorrupt pidfile: x.pid\n\
         HINT:  It holds no process number; remove it if no such process runs.\n-- exit 1\n"
    );
}

#[test]
fn the_log_file_gets_what_stderr_gets() {
    let folder = folder_with(&format!("{NODE}logfile = %(job_name)s.log\n"));
    let said = run(folder.path(), &["x.ini", "tables"]);
    let log = fs::read_to_string(folder.path().join("x.log")).expect("a log");
    assert_eq!(said, format!("-- stderr\n{}-- exit 1\n", normalised(&log)));
    assert!(log.contains("ERROR Job x crashed: connection to server on socket"), "{log}");
}

#[test]
fn the_example_file_is_complete() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/londiste.ini");
    let config = londiste::config::load(&example, &[]).expect("a valid file");
    assert!(londiste::config::unknown_keys(&config).is_empty());
    let settings = londiste::config::Settings::from_config(&config, example, vec![]);
    let settings = settings.expect("valid settings");
    assert_eq!(settings.job_name, "app_node1");
    assert_eq!(settings.parallel_copies, 4);
}
