//! What does not seem to run: a ticker that makes no ticks, a worker that nobody started. A command that waits, and
//! `status`, say so, because otherwise nothing does.
//!
//! These are doubts and no findings: a worker may run on another machine, and a clock may be wrong.

use std::time::{Duration, Instant};

use daemonkit::pidfile::{self, Owner};
use pgq_client::calls::pgq::{self, QueueInfo};
use pgq_client::calls::pgq_node;
use pgq_client::name::{ConsumerName, NodeName, QueueName};
use tokio_postgres::GenericClient;

use super::status::duration;
use crate::config::Settings;
use crate::job::Job;

/// Events that have waited for a tick so long, in seconds, wait for a ticker that is not there.
const EVENTS_WAIT: f64 = 10.0;

/// How many idle periods may pass without a tick.
const IDLE_PERIODS: f64 = 2.0;

/// A worker that was not seen for so many seconds is missed.
const UNSEEN: f64 = 120.0;

/// Pause between two looks at the provider while a command waits.
const LOOKS: Duration = Duration::from_secs(10);

/// Why a queue may have no ticker.
pub(crate) fn silent_ticker(queue: &QueueInfo) -> Option<String> {
    let name = &queue.queue;
    if queue.external_ticker {
        return None;
    }
    if queue.ticker_paused {
        return Some(format!(
            "the ticker of queue {name} is paused (select pgq.set_queue_config('{name}', 'ticker_paused', 'false'))"
        ));
    }
    let lag = queue.ticker_lag?;
    let idle = queue.ticker_idle_period.unwrap_or(60.0);
    let waiting = queue.new_events.unwrap_or_default() > 0 && lag > EVENTS_WAIT;
    (waiting || lag > idle * IDLE_PERIODS + EVENTS_WAIT).then(|| {
        format!("queue {name} had no tick for {}; does pgqd run for its database?", duration(lag))
    })
}

/// Why a node's worker may not run: its provider has not seen it, in spite of a queue that goes on.
pub(crate) fn unseen_worker(
    node: &NodeName,
    worker: &ConsumerName,
    last_seen: f64,
    ticker_lag: Option<f64>,
) -> Option<String> {
    // Without ticks nobody has a reason to show up.
    let ticks_since = ticker_lag.is_some_and(|lag| lag + UNSEEN < last_seen);
    ticks_since.then(|| {
        format!(
            "worker {worker} of node {node} was not seen for {}; does it run?",
            duration(last_seen)
        )
    })
}

/// Whether this job's worker is not running on this machine, as far as its pidfile tells.
pub(crate) fn absent_worker(settings: &Settings) -> Option<String> {
    let pidfile = settings.pidfile.as_deref()?;
    match pidfile::inspect(pidfile) {
        Ok(Owner::None | Owner::Stale) => Some(format!(
            "no worker seems to run here (pidfile {}); start it: londiste {} worker -d",
            pidfile.display(),
            settings.config_file.display()
        )),
        Ok(Owner::Running(_)) | Err(_) => None,
    }
}

/// Looks now and then, while a command waits for what the queue should bring, whether anything can come.
pub(crate) struct Doubts {
    next: Option<Instant>,
}

impl Doubts {
    /// Says at once when the local worker is not there.
    pub(crate) fn begin(job: &Job) -> Doubts {
        if let Some(doubt) = absent_worker(&job.settings) {
            tracing::warn!("{doubt}");
        }
        Doubts { next: Some(Instant::now() + LOOKS) }
    }

    /// Looks at the provider's queue when it is time to; says once what is wrong.
    pub(crate) async fn look(&mut self, job: &Job, db: &impl GenericClient) {
        if self.next.is_none_or(|next| Instant::now() < next) {
            return;
        }
        self.next = Some(Instant::now() + LOOKS);
        match ask_provider(job, db).await {
            Ok(Some(doubt)) => {
                tracing::warn!("{doubt}");
                self.next = None;
            }
            Ok(None) => {}
            Err(error) => {
                let text = error.to_string();
                tracing::warn!(
                    "the provider cannot be asked: {}",
                    text.lines().next().unwrap_or_default()
                );
                self.next = None;
            }
        }
    }
}

async fn ask_provider(job: &Job, db: &impl GenericClient) -> anyhow::Result<Option<String>> {
    let queue: &QueueName = &job.settings.queue;
    let info = pgq_node::get_node_info(db, queue).await?;
    let Some(location) = info.provider_location else { return Ok(None) };
    let provider = job.remote("provider_db", &location).await?;
    let found = pgq::get_queue_info(&*provider, queue).await?;
    Ok(found.as_ref().and_then(silent_ticker))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(lag: f64, new_events: i64) -> QueueInfo {
        QueueInfo {
            queue: QueueName::new("q"),
            external_ticker: false,
            ticker_paused: false,
            ticker_idle_period: Some(60.0),
            ticker_lag: Some(lag),
            events_per_second: None,
            new_events: Some(new_events),
            last_tick: None,
        }
    }

    #[test]
    fn tickers() {
        assert_eq!(silent_ticker(&queue(9.0, 5)), None);
        assert_eq!(silent_ticker(&queue(129.0, 0)), None);
        let silent = "queue q had no tick for 11s; does pgqd run for its database?";
        assert_eq!(silent_ticker(&queue(11.0, 5)).as_deref(), Some(silent));
        assert!(silent_ticker(&queue(131.0, 0)).is_some());
        assert_eq!(silent_ticker(&QueueInfo { external_ticker: true, ..queue(999.0, 5) }), None);
        let paused = silent_ticker(&QueueInfo { ticker_paused: true, ..queue(0.0, 0) }).unwrap();
        assert!(paused.starts_with("the ticker of queue q is paused"), "{paused}");
    }

    #[test]
    fn workers() {
        let unseen = |seen, lag| unseen_worker(&"n".into(), &ConsumerName::new("w"), seen, lag);
        assert_eq!(unseen(100.0, Some(1.0)), None);
        assert_eq!(unseen(500.0, Some(490.0)), None);
        assert_eq!(unseen(500.0, None), None);
        let text = "worker w of node n was not seen for 8m20s; does it run?";
        assert_eq!(unseen(500.0, Some(1.0)).as_deref(), Some(text));
    }
}
