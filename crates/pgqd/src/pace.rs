//! How often the ticker looks: often while events come, as a database that has been quiet for long is looked at every
//! `ticker_period`.

use std::time::Duration;

/// Shortest pause while events come. A look costs server and daemon some 0.1 ms together.
const SHORTEST: Duration = Duration::from_millis(50);

/// The pause is this part of the time for which nothing has come: after 16 seconds it is a second.
const PART_OF_QUIET: u32 = 16;

/// The shortest pause is at least this part of `ticker_period`, so that whoever wants a lazier ticker gets one.
const PART_OF_PERIOD: u32 = 20;

/// Databases are looked at in groups, at points that are this part of a pause apart: a process that wakes up for ten of
/// them needs little more than for one.
const BEATS: u32 = 8;

/// The pause before the next look. `quiet` is the time since events last got a tick; `None` is long ago.
pub fn pause(quiet: Option<Duration>, period: Duration) -> Duration {
    let shortest = (period / PART_OF_PERIOD).max(SHORTEST).min(period);
    quiet.map_or(period, |quiet| (quiet / PART_OF_QUIET).clamp(shortest, period))
}

/// A pause made shorter so that it ends on a beat. `now` is the time since the daemon's start.
pub fn to_beat(now: Duration, pause: Duration) -> Duration {
    let beat = (pause / BEATS).as_nanos();
    if beat == 0 {
        return pause;
    }
    let beyond = (now + pause).as_nanos() % beat;
    pause - Duration::from_nanos(u64::try_from(beyond).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_longer_nothing_comes_the_longer_the_pause() {
        for (quiet, wait) in
            [(0, 50), (800, 50), (1_600, 100), (8_000, 500), (16_000, 1_000), (3_600_000, 1_000)]
        {
            assert_eq!(pause(Some(ms(quiet)), ms(1_000)), ms(wait), "{quiet}");
        }
        assert_eq!(pause(None, ms(1_000)), ms(1_000));
    }

    #[test]
    fn the_operator_may_want_it_otherwise() {
        for (period, shortest) in [(0, 0), (10, 10), (50, 50), (500, 50), (10_000, 500)] {
            assert_eq!(pause(Some(ms(0)), ms(period)), ms(shortest), "{period}");
            assert_eq!(pause(None, ms(period)), ms(period));
        }
    }

    #[test]
    fn pauses_end_on_a_beat() {
        assert_eq!(to_beat(ms(0), ms(1_000)), ms(1_000));
        assert_eq!(to_beat(ms(1), ms(1_000)), ms(999));
        assert_eq!(to_beat(ms(124), ms(1_000)), ms(876));
        assert_eq!(to_beat(ms(5_126), ms(1_000)), ms(999));
        assert_eq!(to_beat(ms(5_126), ms(0)), ms(0));
    }
}
