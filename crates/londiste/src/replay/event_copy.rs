//! Events written into a queue of this database, many at a time.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use pgq_client::calls::pgq;
use pgq_client::event::Event;
use pgq_client::name::QueueName;
use pgq_client::text::copy;
use pgq_client::{Error, Result};
use tokio_postgres::Client;

/// How much is collected before it is sent, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// Collects events for one queue, in one transaction.
#[derive(Debug)]
pub(super) struct EventCopy {
    target: QueueName,
    keeps_ids: bool,
    rows: BytesMut,
    /// Where COPY writes in this transaction, once it is known.
    table: Option<String>,
}

impl EventCopy {
    /// For events that keep their ids, or get new ones.
    pub(super) fn new(target: QueueName, keeps_ids: bool) -> Self {
        Self { target, keeps_ids, rows: BytesMut::new(), table: None }
    }

    /// The queue.
    pub(super) fn target(&self) -> &QueueName {
        &self.target
    }

    /// Whether events keep their ids.
    pub(super) fn keeps_ids(&self) -> bool {
        self.keeps_ids
    }

    /// Takes an event along, with `data` for its own.
    pub(super) fn push(&mut self, event: &Event, data: Option<&str>) {
        let id = event.id.to_string();
        let [e1, e2, e3, e4] =
            [&event.extra1, &event.extra2, &event.extra3, &event.extra4].map(Option::as_deref);
        let fields = [Some(&*event.time), event.kind.as_deref(), data, e1, e2, e3, e4];
        copy::put_row(
            &mut self.rows,
            fields.into_iter().chain(self.keeps_ids.then_some(Some(&*id))),
        );
    }

    /// Whether it is time to send what was collected.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= BUFFER_BYTES
    }

    /// Sends what was collected.
    ///
    /// # Errors
    /// The server's, also when there is no such queue.
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
}
