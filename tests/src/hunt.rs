//! What the hunts for differences have in common: which seeds they take, how long they go on, and what they found.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Different failures that a long hunt collects before it ends.
const FAILURES: usize = 6;

/// The numbers that scripts are made of: in the suite the same ones each time, in a longer hunt then such as nobody has
/// tried.
#[derive(Debug)]
pub struct Hunt {
    started: Instant,
    limit: Duration,
    /// Whether somebody asked for a time of his own.
    asked: bool,
    /// The last number of the suite.
    suite: u64,
    /// What is added to the numbers behind it.
    new: u64,
    number: u64,
}

impl Hunt {
    /// The suite has the numbers from 1 to `suite` and `seconds` of time; `variable` asks for more.
    ///
    /// # Panics
    /// When the variable is no number of seconds.
    pub fn new(variable: &str, seconds: u64, suite: u64) -> Self {
        let asked = std::env::var(variable).ok();
        let seconds = asked.as_ref().map_or(seconds, |text| text.parse().expect("seconds"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        Self {
            started: Instant::now(),
            limit: Duration::from_secs(seconds),
            asked: asked.is_some(),
            suite,
            // Far from the fixed ones.
            new: now.as_secs() * 1_000_000,
            number: 0,
        }
    }

    /// The next number, unless the hunt is over. The first always comes.
    pub fn next(&mut self, findings: &Findings) -> Option<u64> {
        let enough = self.is_over(findings) || (!self.asked && self.number >= self.suite);
        if self.number > 0 && enough {
            return None;
        }
        self.number += 1;
        Some(if self.number <= self.suite { self.number } else { self.new + self.number })
    }

    /// Whether the time is over or enough was found.
    pub fn is_over(&self, findings: &Findings) -> bool {
        let most = if self.asked { FAILURES } else { 1 };
        self.started.elapsed() > self.limit || findings.failures.len() >= most
    }
}

/// What a hunt saw.
#[derive(Debug, Default)]
pub struct Findings {
    counts: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Findings {
    /// It happened once more.
    pub fn count(&mut self, what: &str) {
        self.add(what, 1);
    }

    /// It happened so many times more.
    pub fn add(&mut self, what: &str, times: usize) {
        *self.counts.entry(what.to_owned()).or_default() += times;
    }

    /// Something was wrong.
    pub fn fail(&mut self, text: String) {
        tell(&text);
        self.failures.push(text);
    }

    /// Shows what was counted.
    ///
    /// # Panics
    /// When something was wrong.
    #[track_caller]
    pub fn finish(self) {
        for (what, times) in &self.counts {
            tell(&format!("{times:8} {what}"));
        }
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n\n"));
    }
}

/// One script again: what stands on both sides of the colon in a variable, as a failure prints it.
///
/// # Panics
/// When the variable is set to something else.
pub fn again(variable: &str) -> Option<(String, u64)> {
    let text = std::env::var(variable).ok()?;
    let (before, number) = text.split_once(':').expect("two things with a colon between them");
    Some((before.to_owned(), number.parse().expect("a number behind the colon")))
}

/// For `--nocapture`, and for who reads the output of a failure.
#[expect(
    clippy::print_stdout,
    reason = "the test harness shows it when asked to, or when the test fails"
)]
pub fn tell(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_takes_its_numbers_until_something_is_found() {
        let mut hunt = Hunt::new("LONDISTE_TEST_NO_SUCH_VARIABLE", 60, 3);
        let mut findings = Findings::default();
        assert_eq!(std::iter::from_fn(|| hunt.next(&findings)).collect::<Vec<_>>(), [1, 2, 3]);
        let mut hunt = Hunt::new("LONDISTE_TEST_NO_SUCH_VARIABLE", 60, 3);
        assert_eq!(hunt.next(&findings), Some(1));
        findings.failures.push("x".to_owned());
        assert_eq!(hunt.next(&findings), None);
        let mut late = Hunt::new("LONDISTE_TEST_NO_SUCH_VARIABLE", 0, 3);
        assert_eq!(late.next(&Findings::default()), Some(1));
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(late.next(&Findings::default()), None);
    }
}
