//! Waiting for something to do, on many things at once, so that no stop, reload or tick waits for a sleep to end.

use std::sync::Arc;
use std::time::Duration;

use daemonkit::shutdown::Shutdown;
use pgq_client::conn::{Notice, Session};
use pgq_client::name::QueueName;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

/// The channel on which our ticker says that a queue has a new tick; the payload is the queue's name.
const TICK_CHANNEL: &str = "pgq_tick";

/// What can end a wait besides time.
#[derive(Debug)]
pub(super) struct Wake {
    pub(super) shutdown: Shutdown,
    pub(super) reload: watch::Receiver<u64>,
    /// Notified by copy tasks when a table's state changed.
    pub(super) copies: Arc<Notify>,
}

impl Wake {
    /// Waits until a tick is announced, a table's state changes, the operator wants something, or `time` is over.
    pub(super) async fn wait(&mut self, time: Duration, ticks: Option<(&mut Session, &QueueName)>) {
        let deadline = Instant::now() + time;
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => {}
            Ok(()) = self.reload.changed() => self.reload.mark_changed(),
            () = self.copies.notified() => {}
            () = tick(ticks) => {}
            () = sleep_until(deadline) => {}
        }
    }

    /// Waits for a copy to come to a hand-over. A reload has to wait until the batch is done.
    pub(super) async fn wait_for_copies(&mut self, time: Duration) {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => {}
            () = self.copies.notified() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Waits after a failure: only the operator shortens it.
    pub(super) async fn rest(&mut self, time: Duration) {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => {}
            Ok(()) = self.reload.changed() => self.reload.mark_changed(),
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Whether the operator asked for a reload since the last question.
    pub(super) fn take_reload(&mut self) -> bool {
        let asked = self.reload.has_changed().unwrap_or(false);
        if asked {
            self.reload.mark_unchanged();
        }
        asked
    }
}

/// Listens for ticks. A server or pooler that cannot is no problem: then the queue is polled only.
pub(super) async fn listen(provider: &Session) {
    if let Err(error) = provider.batch_execute("listen pgq_tick").await {
        tracing::debug!("no announcements of ticks, polling only: {error}");
    }
}

/// Ends at the announcement of a tick of the queue.
async fn tick(ticks: Option<(&mut Session, &QueueName)>) {
    let Some((session, queue)) = ticks else { return std::future::pending().await };
    loop {
        match session.notice().await {
            Notice::Notification { channel, payload }
                if channel == TICK_CHANNEL && payload == queue.as_str() =>
            {
                return;
            }
            Notice::Notification { .. } => {}
            Notice::Message { severity, message } => tracing::debug!("{severity}: {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn wake() -> (Wake, watch::Sender<u64>) {
        let (sender, reload) = watch::channel(0);
        (Wake { shutdown: Shutdown::new(), reload, copies: Arc::default() }, sender)
    }

    #[tokio::test(start_paused = true)]
    async fn time_ends_a_wait() {
        let (mut wake, _sender) = wake();
        let before = Instant::now();
        wake.wait(LONG, None).await;
        assert_eq!(before.elapsed(), LONG);
        assert!(!wake.take_reload());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_every_wait() {
        let (mut wake, _sender) = wake();
        wake.shutdown.cancel();
        let before = Instant::now();
        wake.wait(LONG, None).await;
        wake.rest(LONG).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reload_ends_a_wait_and_is_taken_once() {
        let (mut wake, sender) = wake();
        sender.send(1).unwrap();
        let before = Instant::now();
        wake.wait(LONG, None).await;
        wake.rest(LONG).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        assert!(wake.take_reload());
        assert!(!wake.take_reload());
    }

    #[tokio::test(start_paused = true)]
    async fn a_hand_over_is_not_disturbed_by_a_reload() {
        let (mut wake, sender) = wake();
        sender.send(1).unwrap();
        let before = Instant::now();
        wake.wait_for_copies(LONG).await;
        assert_eq!(before.elapsed(), LONG);
        wake.copies.notify_one();
        wake.wait_for_copies(LONG).await;
        assert_eq!(before.elapsed(), LONG);
        assert!(wake.take_reload());
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_with_news_ends_a_wait_but_no_rest_after_a_failure() {
        let (mut wake, _sender) = wake();
        wake.copies.notify_one();
        let before = Instant::now();
        wake.wait(LONG, None).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        wake.copies.notify_one();
        wake.rest(LONG).await;
        assert_eq!(before.elapsed(), LONG);
    }
}
