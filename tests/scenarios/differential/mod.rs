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

use std::time::Duration;

use system_tests::hunt::{self, Findings, Hunt};
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

/// How long a failing script may take to be made shorter.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn ours_answers_as_the_reference_does() {
    if !has_reference() {
        return;
    }
    let pair = Pair::start();
    let mut findings = Findings::default();
    if let Some((kind, seed)) = hunt::again(SCRIPT_VARIABLE) {
        let kind =
            Kind::ALL.into_iter().find(|known| known.label() == kind).expect("a kind of script");
        hunt::tell(&for_psql(&generate::script(kind, seed)));
        run(&mut findings, &pair, kind, seed);
        return findings.finish();
    }
    // Scripts of all kinds in turn; at least one of each.
    let mut hunt = Hunt::new(SECONDS_VARIABLE, SECONDS, ROUNDS);
    while let Some(seed) = hunt.next(&findings) {
        for kind in Kind::ALL {
            if seed == 1 || !hunt.is_over(&findings) {
                run(&mut findings, &pair, kind, seed);
            }
        }
    }
    findings.finish();
}

fn run(findings: &mut Findings, pair: &Pair, kind: Kind, seed: u64) {
    let mut steps = generate::script(kind, seed);
    let verdict = pair.run(&steps);
    findings.count(&format!("scripts: {}", kind.label()));
    if matches!(verdict.end, End::Cut) {
        findings.count(&format!("of them cut: {}", kind.label()));
    }
    findings.add("steps compared", verdict.compared);
    findings.add("steps compared that are errors", verdict.errors);
    for (reason, times) in verdict.wanted {
        findings.add(&format!("wanted: {reason}"), times);
    }
    if let End::Different(difference) = verdict.end {
        steps.truncate(difference.step + 1);
        let steps =
            shrink(steps, PATIENCE, |steps| matches!(pair.run(steps).end, End::Different(_)));
        findings.fail(describe(pair, kind, seed, &steps));
    }
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
