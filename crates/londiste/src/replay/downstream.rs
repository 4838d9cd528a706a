//! Events passed on into a queue of this database (contract `worker.md` section 13).

use pgq_client::Result;
use pgq_client::calls::pgq;
use pgq_client::event::Event;
use pgq_client::name::QueueName;
use tokio_postgres::Client;

use super::dispatch;
use super::event_copy::EventCopy;
use super::role::Role;

/// Copies a batch's events into another queue, in the batch's transaction.
#[derive(Debug)]
pub(super) struct Downstream {
    events: EventCopy,
    /// What to send instead of the root's watermark.
    watermark: Option<String>,
}

impl Downstream {
    /// For roles that feed another queue. `watermark` is the node's own global watermark.
    pub(super) fn new(role: &Role, queue: &QueueName, watermark: Option<i64>) -> Option<Self> {
        let (events, watermark) = match role {
            Role::Branch { sync_watermark } => {
                let own = sync_watermark.as_ref().and(watermark).map(|tick| tick.to_string());
                (EventCopy::new(queue.clone(), true), own)
            }
            Role::MergeLeaf { combined } => (EventCopy::new(combined.clone(), false), None),
            Role::Root | Role::Leaf | Role::WaitBehind { .. } => return None,
        };
        Some(Self { events, watermark })
    }

    /// Whether events of this type are passed on.
    pub(super) fn wants(&self, kind: &str) -> bool {
        self.events.keeps_ids() || !dispatch::is_system(kind)
    }

    /// Takes an event along.
    pub(super) fn event(&mut self, event: &Event) {
        let kind = event.kind.as_deref();
        let own_watermark =
            self.watermark.as_deref().filter(|_| kind == Some("pgq.global-watermark"));
        self.events.push(event, own_watermark.or(event.data.as_deref()));
    }

    /// Whether it is time to send what was collected.
    pub(super) fn is_full(&self) -> bool {
        self.events.is_full()
    }

    /// Sends what was collected.
    pub(super) async fn flush(&mut self, client: &Client) -> Result<()> {
        self.events.flush(client).await
    }

    /// On a combined root, says how far this queue's batches have come: nodes that get the data through the combined
    /// queue follow by it.
    pub(super) async fn end_of_batch(
        &mut self,
        client: &Client,
        queue: &QueueName,
        tick: i64,
    ) -> Result<()> {
        self.flush(client).await?;
        if !self.events.keeps_ids() {
            let (tick, from) = (tick.to_string(), Some(queue.as_str()));
            let extra = [from, None, None, None];
            let target = self.events.target();
            pgq::insert_event(client, target, "pgq.tick-id", Some(&tick), extra).await?;
        }
        Ok(())
    }
}
