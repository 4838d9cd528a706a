//! Events passed on into a queue of this database (contract `worker.md` section 13).

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use pgq_client::calls::pgq;
use pgq_client::event::Event;
use pgq_client::name::QueueName;
use pgq_client::{Error, Result};
use tokio_postgres::Client;

use super::apply::put_copy_row;
use super::dispatch;
use super::role::Role;

/// How much is collected before it is sent, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// Copies a batch's events into another queue, in the batch's transaction.
#[derive(Debug)]
pub(super) struct Downstream {
    target: QueueName,
    keeps_ids: bool,
    /// What to send instead of the root's watermark.
    watermark: Option<String>,
    rows: BytesMut,
    /// Where COPY writes in this transaction, once it is known.
    table: Option<String>,
}

impl Downstream {
    /// For roles that feed another queue. `watermark` is the node's own global watermark.
    pub(super) fn new(role: &Role, queue: &QueueName, watermark: Option<i64>) -> Option<Self> {
        let (target, keeps_ids, watermark) = match role {
            Role::Branch { sync_watermark } => {
                let own = sync_watermark.as_ref().and(watermark).map(|tick| tick.to_string());
                (queue.clone(), true, own)
            }
            Role::MergeLeaf { combined } => (combined.clone(), false, None),
            Role::Root | Role::Leaf | Role::WaitBehind { .. } => return None,
        };
        Some(Self { target, keeps_ids, watermark, rows: BytesMut::new(), table: None })
    }

    /// Takes an event along.
    pub(super) fn event(&mut self, event: &Event) {
        let kind = event.kind.as_deref();
        if !self.keeps_ids && kind.is_some_and(dispatch::is_system) {
            return;
        }
        let own_watermark =
            self.watermark.as_deref().filter(|_| kind == Some("pgq.global-watermark"));
        let data = own_watermark.or(event.data.as_deref());
        let id = event.id.to_string();
        let [e1, e2, e3, e4] =
            [&event.extra1, &event.extra2, &event.extra3, &event.extra4].map(Option::as_deref);
        let fields = [Some(&*event.time), kind, data, e1, e2, e3, e4];
        put_copy_row(
            &mut self.rows,
            fields.into_iter().chain(self.keeps_ids.then_some(Some(&*id))),
        );
    }

    /// Whether it is time to send what was collected.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= BUFFER_BYTES
    }

    /// Sends what was collected.
    pub(super) async fn flush(&mut self, client: &Client) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let table = match self.table.take() {
            Some(table) => table,
            None => pgq::current_event_table(client, &self.target).await?,
        };
        let id = if self.keeps_ids { ",ev_id" } else { "" };
        let sql = format!(
            "COPY {table} (ev_time,ev_type,ev_data,ev_extra1,ev_extra2,ev_extra3,ev_extra4{id}) FROM STDIN"
        );
        self.table = Some(table);
        let refused = |e| Error::sql(e, sql.clone());
        let sink = client.copy_in::<_, Bytes>(&*sql).await.map_err(refused)?;
        let mut sink = pin!(sink);
        sink.send(self.rows.split().freeze()).await.map_err(refused)?;
        sink.finish().await.map_err(refused)?;
        Ok(())
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
        if !self.keeps_ids {
            let (tick, from) = (tick.to_string(), Some(queue.as_str()));
            let extra = [from, None, None, None];
            pgq::insert_event(client, &self.target, "pgq.tick-id", Some(&tick), extra).await?;
        }
        Ok(())
    }
}
