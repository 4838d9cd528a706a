//! Rounds in which the sides take turns.

use crate::stats::median;

/// What one side did with one part of a job, a value for each round.
#[derive(Clone, Debug)]
pub struct Series<T> {
    /// The part.
    pub part: &'static str,
    /// The side.
    pub side: &'static str,
    /// One for each round.
    pub values: Vec<T>,
}

/// Measures all parts with all sides, `rounds` times, beginning each round with another side.
pub fn take_turns<T>(
    rounds: u32,
    parts: &[&'static str],
    sides: &[&'static str],
    mut measure: impl FnMut(&'static str, &'static str) -> T,
) -> Vec<Series<T>> {
    let of_part = |&part| sides.iter().map(move |&side| Series { part, side, values: Vec::new() });
    let mut all: Vec<Series<T>> = parts.iter().flat_map(of_part).collect();
    for (round, first) in (1..=rounds).zip((0..sides.len()).cycle()) {
        for of_part in all.chunks_mut(sides.len()) {
            let (later, earlier) = of_part.split_at_mut(first);
            for series in earlier.iter_mut().chain(later) {
                progress(&format!("round {round} of {rounds}: {}, {}", series.part, series.side));
                series.values.push(measure(series.part, series.side));
            }
        }
    }
    all
}

/// Says what is measured now, since it may take minutes.
#[expect(clippy::print_stderr, reason = "for whoever waits; the report goes to stdout")]
pub fn progress(what: &str) {
    eprintln!("{what}");
}

impl<T> Series<T> {
    /// The median of something about the values.
    pub fn median(&self, of: impl Fn(&T) -> f64) -> f64 {
        median(self.values.iter().map(of))
    }

    /// What another side did with the same part; nothing for the side itself and for one that does not take part.
    pub fn beside<'a>(&self, all: &'a [Self], side: &str) -> Option<&'a Self> {
        all.iter()
            .find(|other| other.part == self.part && other.side == side)
            .filter(|_| self.side != side)
    }

    /// The median of the differences to another side within each round.
    pub fn difference(&self, other: &Self, of: impl Fn(&T) -> f64) -> f64 {
        median(self.values.iter().zip(&other.values).map(|(this, other)| of(this) - of(other)))
    }

    /// The median of the ratios to another side within each round: a machine that gets slower does so for both.
    pub fn ratio(&self, other: &Self, of: impl Fn(&T) -> f64) -> f64 {
        median(self.values.iter().zip(&other.values).map(|(this, other)| of(this) / of(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_side_begins_each_round() {
        let mut turns = Vec::new();
        let series = take_turns(3, &["x", "y"], &["a", "b"], |part, side| {
            turns.push(format!("{part}{side}"));
            turns.len()
        });
        assert_eq!(turns.join(" "), "xa xb ya yb xb xa yb ya xa xb ya yb");
        let values: Vec<Vec<usize>> = series.into_iter().map(|series| series.values).collect();
        assert_eq!(values, [[1, 6, 9], [2, 5, 10], [3, 8, 11], [4, 7, 12]]);
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        let series = |side, values: [f64; 3]| Series { part: "x", side, values: values.to_vec() };
        let all = [series("a", [1.0, 10.0, 100.0]), series("b", [2.0, 20.0, 200.0])];
        let other = all[1].beside(&all, "a").expect("it takes part");
        assert!((all[1].ratio(other, |&value| value) - 2.0).abs() < 1e-9);
        assert!(all[0].beside(&all, "a").is_none());
    }
}
