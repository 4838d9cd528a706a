//! Waiting for a state, with a deadline, without guessing how long things take.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A deadline for what takes a moment on an idle machine: generous, because tests share two cores.
pub const SOON: Duration = Duration::from_secs(30);

/// A deadline for what the reference does at leisure: table copies, recovery after an error.
pub const EVENTUALLY: Duration = Duration::from_secs(120);

/// Calls `probe` until it answers `Ok` and returns that value.
///
/// `Err` holds what was seen instead. Past the deadline the caller's line panics with `what` and the last answer.
/// The pause between two looks grows from 10 to 200 ms: quick where things are quick, gentle where they are not.
#[track_caller]
pub fn wait_for<T, E: Display>(
    what: impl Display,
    deadline: Duration,
    mut probe: impl FnMut() -> Result<T, E>,
) -> T {
    let started = Instant::now();
    let mut pause = Duration::from_millis(10);
    loop {
        match probe() {
            Ok(value) => return value,
            Err(seen) if started.elapsed() >= deadline => {
                panic!("waited {} s for: {what}\nlast seen: {seen}", deadline.as_secs());
            }
            Err(_) => sleep(pause),
        }
        pause = (pause * 3 / 2).min(Duration::from_millis(200));
    }
}

/// `Ok` when the condition holds, otherwise `Err` with what was seen: the usual end of a `wait_for` probe.
pub fn holds(condition: bool, seen: impl Display) -> Result<(), String> {
    if condition { Ok(()) } else { Err(seen.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_the_value_as_soon_as_it_is_there() {
        let mut rounds = 0;
        let value = wait_for("three rounds", SOON, || {
            rounds += 1;
            if rounds < 3 { Err(format!("round {rounds}")) } else { Ok(rounds) }
        });
        assert_eq!(value, 3);
    }

    #[test]
    #[should_panic(expected = "last seen: still nothing")]
    fn says_what_was_last_seen() {
        wait_for("something", Duration::ZERO, || holds(false, "still nothing"));
    }
}
