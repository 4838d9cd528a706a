//! Watermarks: how far everybody downstream has come, so that queues know what to keep (contract `worker.md` 16).

use std::time::{Duration, Instant};

use pgq_client::calls::pgq_node::{self, NodeInfo};
use pgq_client::id::TickId;
use pgq_client::name::NodeName;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::failure;
use crate::job::Job;

/// Something to be done every now and then, first at once.
#[derive(Debug, Default)]
pub(super) struct Periodic {
    last: Option<Instant>,
}

impl Periodic {
    /// Whether it is time; if so, the next time is a period later.
    pub(super) fn due(&mut self, period: Duration, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= period);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// What a node tells its provider: how far it and everybody behind it have come, and never further than the batch just
/// finished. Nodes that wait for each other promise less, the beginning of that batch.
pub(super) fn local_watermark(
    info: &NodeInfo,
    waits_for_others: bool,
    prev_tick: TickId,
    tick: TickId,
) -> Option<TickId> {
    if waits_for_others {
        return Some(prev_tick);
    }
    info.local_watermark.map(|own| own.min(tick))
}

/// Tells the provider. Its answer is not judged: it refuses to go backwards, and raises an error at a tick that it does not have.
/// Both are fine: a node that was the root may have had such a tick of its own, and the next one is known to both.
pub(super) async fn publish(
    provider: &Client,
    job: &Job,
    node: &NodeName,
    tick: TickId,
) -> anyhow::Result<()> {
    tracing::debug!("Publishing local watermark: {tick}");
    match pgq_node::set_subscriber_watermark(provider, &job.settings.queue, node, tick).await {
        Ok(_) => Ok(()),
        Err(error) if is_without_tick(&error) => {
            tracing::debug!("Local watermark {tick} not taken: {error}");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// `pgq.register_consumer_at`, here and in the original, at a tick that is not in the queue.
fn is_without_tick(error: &pgq_client::Error) -> bool {
    error.db_error().is_some_and(|server| {
        *server.code() == SqlState::RAISE_EXCEPTION && server.message().contains("tick not found")
    })
}

/// How long another node of the group may take to say how far it is. Replication waits meanwhile.
const ANSWER: Duration = Duration::from_secs(10);

/// For a node with `sync_watermark`: sets its own global watermark to the lowest of the listed nodes' local ones, so that
/// none of them deletes events another still needs to take over.
///
/// Who is not known or does not answer may need everything, so that nothing moves this time. (In the original a server
/// that cannot be reached stops the batch, and one that has lost its node is left out.)
pub(super) async fn join_group(
    local: &Client,
    job: &Job,
    info: &NodeInfo,
    group: &[NodeName],
    seen: TickId,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    let mut low = info.local_watermark.map_or(seen, |own| own.min(seen));
    let locations = pgq_node::get_queue_locations(local, queue).await?;
    for name in group.iter().filter(|name| Some(*name) != info.node_name.as_ref()) {
        let Some(location) = locations.iter().find(|location| location.node == *name) else {
            tracing::warn!("Unknown node in sync_watermark list: {name}");
            return Ok(());
        };
        if location.dead {
            continue;
        }
        let asked = tokio::time::timeout(ANSWER, ask(job, &location.connstr)).await;
        let reason = match asked {
            Ok(Ok(Some(other))) => {
                low = low.min(other);
                continue;
            }
            Ok(Ok(None)) => "it has no watermark".to_owned(),
            Ok(Err(error)) => failure::text(&error),
            Err(_) => format!("no answer within {} s", ANSWER.as_secs()),
        };
        tracing::warn!("Node not working: {name} ({reason})");
        return Ok(());
    }
    pgq_node::set_global_watermark(local, queue, Some(low)).await?;
    Ok(())
}

/// How far another node and everybody behind it have come.
async fn ask(job: &Job, location: &str) -> anyhow::Result<Option<TickId>> {
    let session = job.remote("wmdb", location).await?;
    let other = pgq_node::get_node_info(&*session, &job.settings.queue).await?;
    session.close().await;
    Ok(other.local_watermark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgq_client::calls::Reply;

    #[test]
    fn periods_begin_at_once() {
        let (start, period) = (Instant::now(), Duration::from_secs(300));
        let mut periodic = Periodic::default();
        assert!(periodic.due(period, start));
        assert!(!periodic.due(period, start + Duration::from_secs(299)));
        assert!(periodic.due(period, start + Duration::from_secs(300)));
    }

    #[test]
    fn a_node_never_promises_more_than_it_has() {
        let info = |own: Option<i64>| NodeInfo {
            reply: Reply { code: 100, note: String::new(), query: None },
            node_type: None,
            node_name: None,
            global_watermark: None,
            local_watermark: own.map(TickId),
            provider_node: None,
            provider_location: None,
            combined_queue: None,
            combined_type: None,
            worker_name: None,
            worker_paused: None,
            worker_uptodate: None,
            worker_last_tick: None,
            node_attrs: None,
            target_for: Vec::new(),
        };
        let promise =
            |own, waits| local_watermark(&info(own), waits, TickId(10), TickId(11)).map(|t| t.0);
        assert_eq!(promise(Some(7), false), Some(7));
        assert_eq!(promise(Some(15), false), Some(11));
        assert_eq!(promise(Some(15), true), Some(10));
        assert_eq!(promise(None, false), None);
    }
}
