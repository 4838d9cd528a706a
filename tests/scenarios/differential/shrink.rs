//! From a long script that shows a difference to a short one that still does: steps are left out, first in big pieces,
//! then one by one, as long as the difference stays.

use std::time::{Duration, Instant};

use super::script::Step;

/// Makes the script as short as it gets within the time.
pub(super) fn shrink(
    mut steps: Vec<Step>,
    patience: Duration,
    still_differs: impl Fn(&[Step]) -> bool,
) -> Vec<Step> {
    let deadline = Instant::now() + patience;
    let mut piece = steps.len().div_ceil(2).max(1);
    loop {
        let mut shorter = false;
        let mut from = 0;
        while from < steps.len() && Instant::now() < deadline {
            let mut rest = steps.clone();
            rest.drain(from..(from + piece).min(steps.len()));
            if !rest.is_empty() && still_differs(&rest) {
                steps = rest;
                shorter = true;
            } else {
                from += piece;
            }
        }
        if Instant::now() >= deadline || (piece == 1 && !shorter) {
            return steps;
        }
        piece = if piece > 1 { piece / 2 } else { 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;

    #[test]
    fn what_does_not_matter_goes() {
        let mut script = Script::default();
        for n in 0..100 {
            script.plain(n.to_string());
        }
        let needs = ["7", "42", "43", "99"];
        let short = shrink(script.steps, Duration::from_secs(60), |steps| {
            needs.iter().all(|need| steps.iter().any(|step| step.sql == *need))
        });
        let left: Vec<&str> = short.iter().map(|step| step.sql.as_str()).collect();
        assert_eq!(left, needs);
    }
}
