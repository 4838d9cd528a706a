//! Measurements of ours beside the original and beside PostgreSQL's own logical replication.
//!
//! What counts are ratios: all sides do the same work on clusters with the same settings, in turn within each round, on
//! one machine. A first round is not counted; in it the sides' data are compared. See `docs/performance.md`.
//!
//! Reading order:
//! - [`cli`]: the command line; [`job`]: what every measurement has in common;
//! - [`capture`]: what a change of a table costs the application;
//! - [`pair`]: two servers, and tables replicated from one to the other by one of the sides;
//! - [`replay`]: how fast a backlog is worked off; [`copy`]: how fast tables are copied at first; [`latency`]: how soon a change
//!   arrives; [`memory`], [`idle`]: what daemons need for that, and when there is nothing to do;
//! - [`rounds`]: sides take turns; [`machine`], [`process`], [`stats`], [`table`]: where it was measured, what processes used, medians, the printed page.
//!
//! Like the testkit it is built on, this crate panics when its work cannot be done.

pub mod capture;
pub mod cli;
pub mod copy;
pub mod idle;
pub mod job;
pub mod latency;
pub mod machine;
pub mod memory;
pub mod pair;
pub mod process;
pub mod replay;
pub mod rounds;
pub mod stats;
pub mod table;
mod users;
mod workload;

use std::fs;
use std::process::ExitCode;

/// What the command does: parse, measure, print, write.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command that prints a table")]
pub fn main() -> ExitCode {
    let plan = match cli::parse(std::env::args_os()) {
        Ok(plan) => plan,
        Err(error) => error.exit(),
    };
    let report = (plan.job.run)(&plan.options);
    println!("{report}");
    if let Some(path) = plan.json
        && let Err(error) = fs::write(&path, format!("{:#}\n", report.json()))
    {
        eprintln!("{}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
