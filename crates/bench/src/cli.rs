//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, value_parser};

use crate::job::{JOBS, Job, Options};

/// What is asked for.
#[derive(Debug)]
pub struct Plan {
    /// What to measure.
    pub job: &'static Job,
    /// How.
    pub options: Options,
    /// Where the figures are to be written.
    pub json: Option<PathBuf>,
}

/// Reads the arguments, of which the first is the program's name.
///
/// # Errors
/// When they make no sense; also for `--help`. The error knows what to print and how to exit.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Plan, clap::Error> {
    let matches = command().try_get_matches_from(args)?;
    let (name, of_job) = matches.subcommand().expect("a job is required");
    let job = JOBS.into_iter().find(|job| job.name == name).expect("jobs are subcommands");
    let chosen = |list: &str, all: &[&'static str]| {
        let asked: Option<Vec<&String>> =
            of_job.try_get_many(list).ok().flatten().map(Iterator::collect);
        let is_chosen =
            |name: &&str| asked.as_ref().is_none_or(|asked| asked.iter().any(|a| a == name));
        all.iter().copied().filter(is_chosen).collect()
    };
    let options = Options {
        rounds: of_job.get_one("rounds").copied().unwrap_or(job.usual_rounds),
        size: of_job.get_one("size").copied().unwrap_or(job.usual_size),
        sides: chosen("sides", job.sides),
        parts: chosen("only", job.parts),
    };
    Ok(Plan { job, options, json: of_job.get_one("json").cloned() })
}

fn command() -> Command {
    let command = Command::new("bench")
        .about("Measures ours beside the original and beside logical replication, on throw-away clusters")
        .subcommand_required(true);
    JOBS.into_iter().fold(command, |command, job| command.subcommand(of_job(job)))
}

fn of_job(job: &'static Job) -> Command {
    let list = |id: &'static str, names: &'static [&'static str], help: &'static str| {
        Arg::new(id)
            .long(id)
            .value_name("LIST")
            .value_delimiter(',')
            .value_parser(PossibleValuesParser::new(names))
            .help(help)
    };
    let rounds = format!("Rounds that count [default: {}]", job.usual_rounds);
    let size = format!("{} [default: {}]", job.size_is, job.usual_size);
    Command::new(job.name)
        .about(job.about)
        // `make` says where the figures go; who calls it may say otherwise.
        .args_override_self(true)
        .arg(
            Arg::new("rounds")
                .long("rounds")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..))
                .help(rounds),
        )
        .arg(
            Arg::new("size")
                .long("size")
                .visible_alias("rows")
                .value_name("N")
                .value_parser(value_parser!(u32).range(i64::from(job.least_size)..))
                .help(size),
        )
        .arg(list("sides", job.sides, "Sides that take part [default: all]"))
        .args(
            (!job.parts.is_empty())
                .then(|| list("only", job.parts, "What to measure [default: all]")),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Also write the figures, with those of every round, to this file"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Plan, clap::Error> {
        parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        let plan = parsed("bench capture").expect("a good line");
        assert_eq!(plan.job.name, "capture");
        assert_eq!(plan.options.size, 200_000);
        assert_eq!(plan.options.sides, ["none", "reference", "generic", "generated"]);
        assert_eq!(plan.json, None);
    }

    #[test]
    fn everything_can_be_said() {
        let line = "bench capture --json /tmp/y.json --rounds 2 --rows 1000 --sides generic,none --json /tmp/x.json";
        let plan = parsed(line).expect("a good line");
        assert_eq!((plan.options.rounds, plan.options.size), (2, 1000));
        assert_eq!(plan.options.sides, ["none", "generic"]);
        assert_eq!(plan.json, Some(PathBuf::from("/tmp/x.json")));
    }

    #[test]
    fn unknown_jobs_and_sides_are_refused() {
        for line in [
            "bench capture --only wide",
            "bench replay --only narrow",
            "bench",
            "bench compaction",
            "bench capture --sides none,oracle",
            "bench capture --rounds 0",
            "bench replay --size 99",
        ] {
            parsed(line).expect_err(line);
        }
    }
}
