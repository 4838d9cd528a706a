//! What every measurement has: a name, sides, rounds, a report.

use std::fmt;

use serde_json::{Value, json};

use crate::machine::Machine;
use crate::table::Table;
use crate::{capture, copy, idle, latency, memory, replay};

/// All measurements.
pub const JOBS: [&Job; 6] =
    [&capture::JOB, &replay::JOB, &copy::JOB, &latency::JOB, &memory::JOB, &idle::JOB];

/// A measurement.
#[derive(Debug)]
pub struct Job {
    /// As on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Names of the sides it knows, in the order of the report.
    pub sides: &'static [&'static str],
    /// Names of the parts that can be chosen, if there are any.
    pub parts: &'static [&'static str],
    /// Rounds when nothing is said.
    pub usual_rounds: u32,
    /// Size when nothing is said.
    pub usual_size: u32,
    /// The smallest size that makes sense.
    pub least_size: u32,
    /// What [`Options::size`] is.
    pub size_is: &'static str,
    /// Measures.
    pub run: fn(&Options) -> Report,
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds that count.
    pub rounds: u32,
    /// Size of the work.
    pub size: u32,
    /// Names of the sides that take part.
    pub sides: Vec<&'static str>,
    /// Names of the parts to measure.
    pub parts: Vec<&'static str>,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it is about, with the sizes.
    pub title: String,
    /// Where it was measured.
    pub machine: Machine,
    /// The figures.
    pub table: Table,
    /// How to read them, a line each.
    pub notes: Vec<String>,
    /// The figures of every round.
    pub samples: Value,
}

impl Report {
    /// The same for programs.
    pub fn json(&self) -> Value {
        json!({
            "title": self.title,
            "machine": self.machine.json(),
            "notes": self.notes,
            "table": self.table.json(),
            "samples": self.samples,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.title, self.machine, self.table)?;
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}
