//! The differential test: the same script on the reference's extensions and on our schemas, and both have to say the same.
//!
//! Scripts come out of seeds. Each step is sent to both sides; answers, errors, notices and, in between and at the end, the
//! content of the catalog tables are compared. What differs on purpose is in [`wanted`]. A difference that nobody wanted is
//! made as short as it gets and printed as a script for psql, with both answers and the seed.
//!
//! Reading order: [`script`] (what a step is), [`generate`] (where they come from), [`look`] (questions about the state),
//! [`run`] (both sides, step by step), [`wanted`].

mod generate;
mod look;
mod run;
mod script;
mod wanted;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use system_tests::schemas::has_reference;
use system_tests::shrink::shrink;

use generate::Kind;
use run::{End, Pair};
use script::{Step, for_psql};

/// How long it goes on, for more than the suite can wait for.
const SECONDS_VARIABLE: &str = "LONDISTE_TEST_DIFFERENTIAL_SECONDS";

/// One script again: `KIND:SEED`, as a failure prints it.
const SCRIPT_VARIABLE: &str = "LONDISTE_TEST_DIFFERENTIAL_SCRIPT";

/// What the suite can wait for.
const SECONDS: u64 = 30;

/// How many scripts of each kind the suite runs, the same ones each time.
const ROUNDS: u64 = 12;

/// So long the scripts of a longer run are those of the suite; then they are new ones each time.
const FIXED: Duration = Duration::from_secs(15);

/// How long a failing script may take to be made shorter.
const PATIENCE: Duration = Duration::from_secs(90);

/// How many different failures a long run collects.
const FAILURES: usize = 8;

#[test]
fn ours_answers_as_the_reference_does() {
    if !has_reference() {
        return;
    }
    let started = Instant::now();
    let pair = Pair::start();
    let mut report = Report::default();
    if let Some((kind, seed)) = one_script() {
        tell(&for_psql(&generate::script(kind, seed)));
        report.run(&pair, kind, seed);
    } else {
        report.run_many(&pair, started);
    }
    report.print();
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n\n"));
}

/// What was done and what came out of it.
#[derive(Default)]
struct Report {
    scripts: BTreeMap<Kind, usize>,
    cut: BTreeMap<Kind, usize>,
    steps: usize,
    errors: usize,
    wanted: BTreeMap<&'static str, usize>,
    failures: Vec<String>,
}

impl Report {
    /// Scripts of all kinds in turn until the time is over: those with the seeds 1, 2, 3 and so on, in a longer run then
    /// such with new seeds.
    fn run_many(&mut self, pair: &Pair, started: Instant) {
        let asked = std::env::var(SECONDS_VARIABLE).ok();
        let seconds = asked.as_ref().map_or(SECONDS, |text| text.parse().expect("seconds"));
        let failures = if asked.is_some() { FAILURES } else { 1 };
        let limit = Duration::from_secs(seconds);
        let new = new_seed();
        let rounds = if asked.is_some() { u64::MAX } else { ROUNDS };
        for round in 1..=rounds {
            for kind in Kind::ALL {
                let spent = started.elapsed();
                if (spent > limit && round > 1) || self.failures.len() >= failures {
                    return;
                }
                let seed = if asked.is_none() || spent < FIXED { round } else { new + round };
                self.run(pair, kind, seed);
            }
        }
    }

    fn run(&mut self, pair: &Pair, kind: Kind, seed: u64) {
        let mut steps = generate::script(kind, seed);
        let verdict = pair.run(&steps);
        *self.scripts.entry(kind).or_default() += 1;
        *self.cut.entry(kind).or_default() += usize::from(matches!(verdict.end, End::Cut));
        self.steps += verdict.compared;
        self.errors += verdict.errors;
        for (reason, times) in verdict.wanted {
            *self.wanted.entry(reason).or_default() += times;
        }
        if let End::Different(difference) = verdict.end {
            steps.truncate(difference.step + 1);
            let steps =
                shrink(steps, PATIENCE, |steps| matches!(pair.run(steps).end, End::Different(_)));
            let failure = describe(pair, kind, seed, &steps);
            tell(&failure);
            self.failures.push(failure);
        }
    }

    /// For `--nocapture`, and for who reads the output of a failure.
    fn print(&self) {
        let mut text = String::new();
        let (steps, errors) = (self.steps, self.errors);
        let _ = writeln!(text, "{steps} steps compared, {errors} of them errors");
        for (kind, scripts) in &self.scripts {
            let _ = writeln!(text, "{scripts:7} scripts: {}, {} cut", kind.label(), self.cut[kind]);
        }
        for (reason, times) in &self.wanted {
            let _ = writeln!(text, "{times:7} wanted: {reason}");
        }
        tell(&text);
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the test harness shows it when asked to, or when the test fails"
)]
fn tell(text: &str) {
    println!("{text}");
}

/// The short script with both answers to its last step.
fn describe(pair: &Pair, kind: Kind, seed: u64, steps: &[Step]) -> String {
    let End::Different(difference) = pair.run(steps).end else {
        return format!(
            "{}:{seed} differs, but not every time. The script:\n{}",
            kind.label(),
            for_psql(steps)
        );
    };
    format!(
        "the sides differ (again with {SCRIPT_VARIABLE}={}:{seed}):\n{}-- ours:\n{}-- the reference:\n{}",
        kind.label(),
        for_psql(&steps[..=difference.step]),
        difference.ours,
        difference.theirs,
    )
}

fn one_script() -> Option<(Kind, u64)> {
    let text = std::env::var(SCRIPT_VARIABLE).ok()?;
    let (label, seed) = text.split_once(':').expect("KIND:SEED");
    let kind = Kind::ALL.into_iter().find(|kind| kind.label() == label).expect("a kind of script");
    Some((kind, seed.parse().expect("a number")))
}

/// Far from the fixed ones, and another one each time.
fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    now.as_secs() * 1_000_000
}
