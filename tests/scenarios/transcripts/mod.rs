//! What commands say when all goes well: sessions on small cascades, as an operator sees them, held in snapshots. Each snapshot is a
//! conversation about one topic, to be read from its beginning.
//!
//! `outputs` holds those that say the same as the original's, word by word; here are the others. What differs from run to run -
//! times, ticks, ports, names of databases - has a name instead.

mod creation;
mod failures;
mod places;
mod tables;

use std::fmt::Write as _;
use std::process::Command;
use std::thread::{self, JoinHandle};

use system_tests::normalise::normalise;
use system_tests::wait::SOON;
use system_tests::{Database, Node, Outcome, under_test};

/// What was typed and answered so far.
#[derive(Default)]
struct Transcript {
    text: String,
    /// Names of this run, and what stands for them; the longest first.
    names: Vec<(String, String)>,
}

impl Transcript {
    /// One in which these names of this run have others: `<n1>` for the database `n1_17`.
    fn with(names: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut names: Vec<(String, String)> = names.into_iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self { text: String::new(), names }
    }

    /// One in which these databases are called by these names.
    fn about<'a>(databases: impl IntoIterator<Item = (&'a str, &'a Database)>) -> Self {
        Self::with(
            databases
                .into_iter()
                .map(|(name, database)| (database.name().to_owned(), format!("<{name}>"))),
        )
    }

    /// Runs a node's command, which is to end with this code, and writes down what it said.
    #[track_caller]
    fn on(&mut self, node: &Node, args: &[&str], code: i32) {
        let outcome = node.londiste(args).exits(code);
        self.record(node, args, &outcome);
    }

    /// Writes down what a command said.
    fn record(&mut self, node: &Node, args: &[&str], outcome: &Outcome) {
        let code = outcome.code().expect("no signal ended it");
        // Arguments as typed at a shell: connect strings in quotes.
        let mut typed = String::new();
        for arg in args {
            let quote = if arg.contains(' ') { "'" } else { "" };
            write!(typed, " {quote}{arg}{quote}").expect("a string grows");
        }
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        let text = self
            .comparable(&format!("$ londiste {}.ini{typed}\n{said}exit {code}\n\n", node.name()));
        self.text.push_str(&text);
    }

    /// Writes down what went on between two commands.
    fn note(&mut self, what: &str) {
        writeln!(self.text, "# {what}\n").expect("a string grows");
    }

    /// Writes down a piece of a node's log, without the counters of each batch.
    fn log(&mut self, log: &str) {
        let lines: String = log
            .lines()
            .filter(|line| !line.contains(" INFO {"))
            // Told after the commit, when the other process may already have read it and gone on.
            .filter(|line| !line.contains(" status changed to '"))
            .map(|line| format!("{line}\n"))
            .collect();
        let text = self.comparable(&lines);
        writeln!(self.text, "{text}").expect("a string grows");
    }

    /// What was said since the last time.
    fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    fn comparable(&self, text: &str) -> String {
        let mut text = normalise(text).replace("<ts> <pid> ", "");
        for (found, name) in &self.names {
            text = text.replace(found, name);
        }
        let mut result = String::new();
        for line in text.lines().filter(|line| !TIMELY.iter().any(|said| line.contains(said))) {
            let line = NUMBERED.iter().fold(line.to_owned(), |line, key| number_behind(&line, key));
            let line = number_before(&line, " ticks deleted");
            let line = number_before(&line, "')");
            result.push_str(even(&line).trim_end());
            result.push('\n');
        }
        result
    }
}

/// What is said or not depending on how quick things are: that a tick is there before it is waited for, how far a copy is, and
/// doubts about tickers and workers on a machine that has more to do.
const TIMELY: [&str; 6] = [
    "INFO tick already exists",
    " had no tick for ",
    " was not seen for ",
    " does not answer, it seems not to run",
    ", waiting until it has tick ",
    " MB/s",
];

/// What the numbers of ticks, events and transactions stand behind.
const NUMBERED: [&str; 6] = ["tick ", "tick > ", "wanna-sync:", "do-sync:", "ev_id=", "ev_txid="];

/// The line with the number behind each `key` replaced.
fn number_behind(line: &str, key: &str) -> String {
    let mut pieces = line.split(key);
    let mut result = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = if rest.len() < piece.len() { "<number>" } else { "" };
        result.push_str(&format!("{key}{number}{rest}"));
    }
    result
}

/// The line with the number before `key` replaced.
fn number_before(line: &str, key: &str) -> String {
    match line.split_once(key) {
        // Not those at the end of a name.
        Some((number, after)) if number.ends_with(|c: char| c.is_ascii_digit()) => {
            let before = number.trim_end_matches(|c: char| c.is_ascii_digit());
            if before.ends_with([' ', '\'']) {
                format!("{before}<number>{key}{after}")
            } else {
                line.to_owned()
            }
        }
        _ => line.to_owned(),
    }
}

/// Tables are as wide as the names of this run's databases, and what follows lag and tick stands where these end.
fn even(line: &str) -> String {
    if let Some((before, after)) = line.split_once("Lag: ") {
        let columns = after.split("  ").map(str::trim).filter(|column| !column.is_empty());
        return format!("{before}Lag: {}", columns.collect::<Vec<_>>().join("  "));
    }
    if line.starts_with("----") || (line.contains("dbname=<") && line.contains("  ")) {
        let words = line.split_whitespace().filter(|word| !word.starts_with("----"));
        return words.collect::<Vec<_>>().join(" ");
    }
    line.to_owned()
}

/// A command that goes on beside the others.
struct Meanwhile(JoinHandle<Outcome>);

impl Meanwhile {
    /// Starts it.
    fn start(node: &Node, args: &[&str]) -> Self {
        let mut command: Command = node.command();
        command.args(args);
        Self(thread::spawn(move || under_test::finish(SOON * 4, &mut command)))
    }

    /// Waits for its end.
    #[track_caller]
    fn end(self) -> Outcome {
        self.0.join().expect("it ends in time")
    }
}
