//! What the operator sees: titles, commands as typed, and what they print.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use system_tests::under_test::{self, Impl, Program};
use system_tests::{Outcome, folder};

/// A command's output is cut after this many lines; the whole is in the log files.
const LINES_SHOWN: usize = 24;

/// A terminal in the folder with the ini files.
pub(crate) struct Shell {
    started: Instant,
    folder: PathBuf,
}

/// Prints lines as they are.
#[expect(clippy::print_stdout, reason = "the demo is what it prints")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

impl Shell {
    pub(crate) fn new(started: Instant) -> Shell {
        Shell { started, folder: folder::fresh("demo") }
    }

    /// Where commands run and ini files lie.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A heading with the time that has passed.
    pub(crate) fn title(&self, text: &str) {
        say(&format!("\n=== {:>5.1} s  {text}", self.started.elapsed().as_secs_f64()));
    }

    /// Writes an ini file and shows it.
    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.join(file), text).expect("own folder");
        say(&format!("$ cat {file}"));
        show(text, "  ", LINES_SHOWN);
    }

    /// Types a `londiste` or `pgqd` command, shows what it prints; the command must succeed.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        self.run_any(line).ok()
    }

    /// The same for a command that may fail.
    pub(crate) fn run_any(&self, line: &str) -> Outcome {
        say(&format!("$ {line}"));
        let outcome = under_test::finish(Duration::from_secs(120), &mut self.command(line));
        show(&outcome.stdout, "", LINES_SHOWN);
        show(&outcome.stderr, "", LINES_SHOWN);
        outcome
    }

    /// Runs a command without showing it; for looking again and again.
    pub(crate) fn peek(&self, line: &str) -> Outcome {
        under_test::finish(Duration::from_secs(120), &mut self.command(line))
    }

    /// Shows a statement as typed into psql.
    pub(crate) fn psql(&self, database: &str, statements: &str) {
        say(&format!("$ psql {database} <<'SQL'"));
        show(statements.trim(), "  ", LINES_SHOWN);
        say("SQL");
    }

    fn command(&self, line: &str) -> Command {
        let mut words = words(line).into_iter();
        let program = match words.next().as_deref() {
            Some("londiste") => Program::Londiste,
            Some("pgqd") => Program::Pgqd,
            other => panic!("the demo types londiste and pgqd only, not {other:?}"),
        };
        let mut command = under_test::command(&Impl::Ours.executable(program), &self.folder);
        command.args(words);
        command
    }
}

/// Splits a line at blanks outside double quotes, as a shell would.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("never empty").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn show(text: &str, indent: &str, limit: usize) {
    let lines: Vec<&str> = text.trim_end_matches('\n').lines().collect();
    if lines.is_empty() {
        return;
    }
    for line in lines.iter().take(limit) {
        say(&format!("{indent}{line}"));
    }
    if lines.len() > limit {
        say(&format!("{indent}... ({} more lines)", lines.len() - limit));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_respect_quotes() {
        assert_eq!(
            super::words("londiste x.ini add-table --copy-condition=\"userid < 1000\" a.b"),
            ["londiste", "x.ini", "add-table", "--copy-condition=userid < 1000", "a.b"]
        );
    }
}
