//! `docs/commands.md` speaks of every command, option and ini key there is, and of no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names in the first column of the table below a heading. Each row has a verdict; one that differs says how.
fn documented(heading: &str) -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let (_, part) = page.split_once(&format!("\n## {heading}\n")).expect("the heading is there");
    let part = part.split("\n## ").next().unwrap_or_default();
    let mut names = BTreeSet::new();
    for row in part.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, verdict, how] = cells.as_slice() else { panic!("three columns: {row}") };
        assert!(["same", "better", "new", "left out"].contains(verdict), "{row}");
        assert!(*verdict == "same" || !how.is_empty(), "how, or why? {row}");
        assert!(names.insert(name.trim_matches('`').to_owned()), "twice: {row}");
    }
    names
}

#[track_caller]
fn check(heading: &str, there_are: impl IntoIterator<Item = String>) {
    let there_are: BTreeSet<String> = there_are.into_iter().collect();
    let documented = documented(heading);
    assert!(!there_are.is_empty());
    let missing: Vec<_> = there_are.difference(&documented).collect();
    let more: Vec<_> = documented.difference(&there_are).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing: {missing:?}, too many: {more:?}");
}

#[test]
fn every_command() {
    let list = londiste::command::list::LIST;
    check("Commands", list.iter().map(|entry| entry.text.to_owned()));
}

#[test]
fn every_option() {
    check("Options", londiste::cli::options::names().map(|name| format!("--{name}")));
}

#[test]
fn every_key() {
    check("Ini keys", londiste::config::KEYS.map(str::to_owned));
}
