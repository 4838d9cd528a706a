//! The differential test of replay: the same random histories on a leaf of ours and on one of the reference, and both must
//! have the same rows, and those of the source.
//!
//! Worlds and histories come out of seeds ([`system_tests::histories`]). A round has several of them, so that the workers
//! need to be started once only; when a round shows a difference, each of its worlds is run alone, and what differs is made
//! short. What differs on purpose is in [`wanted`]. Many more histories, but without the reference, are run by
//! `crates/londiste/src/sets_and_rows.rs`.

mod run;
mod wanted;

use std::fmt::Write as _;
use std::time::Duration;

use system_tests::histories::{self, Side, Step, in_schema};
use system_tests::hunt::{self, Findings, Hunt};
use system_tests::shrink::shrink;

use run::{Cascade, Life, Outcome, Seen};

/// How long it goes on, with new seeds once those of the suite are done.
const SECONDS_VARIABLE: &str = "LONDISTE_TEST_REPLAY_SECONDS";

/// One history again, `WORLD:HISTORY` as a failure prints it.
const SEED_VARIABLE: &str = "LONDISTE_TEST_REPLAY_SEED";

/// What the suite can wait for, and how many rounds it runs at most, the same ones each time.
const SECONDS: u64 = 30;
const ROUNDS: u64 = 8;

/// Worlds of a round.
const WORLDS: u64 = 12;

/// How long a failing history may take to be made shorter.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn both_leaves_have_the_rows_of_the_source() {
    let mut findings = Findings::default();
    let mut cascade = Cascade::start();
    if let Some((world, number)) = hunt::again(SEED_VARIABLE) {
        let seed = (world.parse().expect("a number"), number);
        round(&mut findings, &mut cascade, &[seed]);
    } else {
        let mut hunt = Hunt::new(SECONDS_VARIABLE, SECONDS, ROUNDS);
        while let Some(number) = hunt.next(&findings) {
            let seeds: Vec<Seed> =
                (1..=WORLDS).map(|world| ((number - 1) * WORLDS + world, 1)).collect();
            round(&mut findings, &mut cascade, &seeds);
        }
    }
    findings.finish();
    cascade.stop();
}

/// A world's seed and the number of a history.
type Seed = (u64, u64);

fn round(findings: &mut Findings, cascade: &mut Cascade, seeds: &[Seed]) {
    let lives: Vec<Life> = seeds.iter().map(|seed| life(*seed)).collect();
    let seen = cascade.run(&lives);
    findings.count("rounds");
    // Of a round that got stuck nobody knows who it was.
    let alone = lives.len() > 1 && seen.iter().any(Seen::stuck);
    for ((life, seed), seen) in lives.iter().zip(seeds).zip(seen) {
        findings.count("histories");
        let seen = if alone { cascade.run(std::slice::from_ref(life)).remove(0) } else { seen };
        match judge(life, &seen) {
            Verdict::Equal => {}
            Verdict::Wanted(reason) => findings.count(reason),
            Verdict::Different => findings.fail(failure(cascade, *seed, life)),
        }
    }
    if alone {
        findings.count("rounds that got stuck");
    }
}

fn failure(cascade: &mut Cascade, seed: Seed, life: &Life) -> String {
    let alone = |steps: &[Step]| Life { world: life.world.clone(), steps: steps.to_vec() };
    let mut differs = |steps: &[Step]| {
        let life = alone(steps);
        let seen = cascade.run(std::slice::from_ref(&life)).remove(0);
        (judge(&life, &seen) == Verdict::Different).then_some(seen)
    };
    let mut text =
        format!("the leaves differ (again with {SEED_VARIABLE}={}:{})\n", seed.0, seed.1);
    if differs(&life.steps).is_some() {
        let short = shrink(life.steps.clone(), PATIENCE, |steps| differs(steps).is_some());
        let seen = differs(&short);
        describe(&mut text, &alone(&short), seen.as_ref());
    } else {
        text.push_str("but not when it is run alone\n");
        describe(&mut text, life, None);
    }
    text
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Equal,
    Wanted(&'static str),
    Different,
}

fn judge(life: &Life, seen: &Seen) -> Verdict {
    let ours_is_right = match (&seen.ours, &seen.theirs) {
        (Outcome::Rows(ours), Outcome::Rows(theirs)) if ours != theirs => false,
        (Outcome::Rows(_), _) => life.interfered() || seen.source == seen.copy,
        (Outcome::Stuck(_), _) => false,
    };
    if ours_is_right && matches!(seen.theirs, Outcome::Rows(_)) {
        return Verdict::Equal;
    }
    wanted::judge(life, seen, ours_is_right).map_or(Verdict::Different, Verdict::Wanted)
}

fn life((seed, number): Seed) -> Life {
    let (world, steps) = histories::from_seed(seed, number);
    Life { world, steps }
}

fn describe(text: &mut String, life: &Life, seen: Option<&Seen>) {
    for side in [Side::Source, Side::Ours, Side::Reference] {
        let ddl = in_schema(&life.world.ddl(side), "w");
        writeln!(text, "-- {side:?}\n{ddl}").expect("a string grows");
    }
    for step in &life.steps {
        writeln!(text, "{}", step.in_words("w")).expect("a string grows");
    }
    if let Some(seen) = seen {
        writeln!(text, "{seen:#?}").expect("a string grows");
    }
}
