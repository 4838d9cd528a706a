//! From a long script that shows a difference to a short one that still does: steps are left out, first in big pieces,
//! then one by one, as long as the difference stays.

use std::time::{Duration, Instant};

/// Makes the script as short as it gets within the time.
pub fn shrink<S: Clone>(
    mut steps: Vec<S>,
    patience: Duration,
    mut still_differs: impl FnMut(&[S]) -> bool,
) -> Vec<S> {
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
    use super::*;

    #[test]
    fn what_does_not_matter_goes() {
        let needs = [7, 42, 43, 99];
        let short = shrink((0..100).collect(), Duration::from_secs(60), |steps| {
            needs.iter().all(|need| steps.contains(need))
        });
        assert_eq!(short, needs);
    }
}
