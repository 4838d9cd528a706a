//! Waiting for somebody else's worker: for as long as it takes, but not without a word.

use std::time::Duration;

use tokio::time::Instant;

/// How often a worker's answer is looked at.
pub(crate) const POLL: Duration = Duration::from_millis(200);

/// How long a wait may last in silence. The original's root looks for news every ten seconds, and a worker whose provider is gone
/// rests for twenty (`exception_sleep`).
const SILENCE: Duration = Duration::from_secs(25);

/// Says once that a wait lasts long.
#[derive(Debug)]
pub(crate) struct Patience {
    since: Instant,
    told: bool,
}

impl Patience {
    /// Begins to wait.
    pub(crate) fn start() -> Self {
        Self { since: Instant::now(), told: false }
    }

    /// Whether it is time to tell the operator: true once.
    pub(crate) fn is_over(&mut self) -> bool {
        let over = !self.told && self.since.elapsed() >= SILENCE;
        self.told |= over;
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_told_once() {
        let mut patience = Patience::start();
        assert!(!patience.is_over());
        tokio::time::advance(SILENCE - POLL).await;
        assert!(!patience.is_over());
        tokio::time::advance(POLL).await;
        assert!(patience.is_over());
        tokio::time::advance(SILENCE * 10).await;
        assert!(!patience.is_over());
    }
}
