//! Writing events into a queue.

use tokio_postgres::GenericClient;
use tokio_postgres::types::{ToSql, Type};

use crate::id::EventId;
use crate::name::QueueName;
use crate::{Error, Result};

/// So many events travel in one statement, which bounds what client and server hold at a time.
const EVENTS_PER_STATEMENT: usize = 1000;

/// An event to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NewEvent<'a> {
    /// `ev_type`
    pub kind: Option<&'a str>,
    /// `ev_data`
    pub data: Option<&'a str>,
    /// `ev_extra1` to `ev_extra4`
    pub extra: [Option<&'a str>; 4],
}

/// Writes events into one queue, in the transaction of its client: they become visible to consumers when it commits, and
/// never if it does not.
#[derive(Debug)]
pub struct Producer<'a, C> {
    client: &'a C,
    queue: &'a QueueName,
}

impl<'a, C: GenericClient> Producer<'a, C> {
    /// Writes into `queue` through `client`, a connection or an open transaction.
    pub fn new(client: &'a C, queue: &'a QueueName) -> Producer<'a, C> {
        Producer { client, queue }
    }

    /// Writes the events in order and returns their ids. A statement carries up to a thousand of them, so on a connection
    /// without a transaction a failure may come after some were written.
    ///
    /// # Errors
    /// The server's: no such queue, inserts disabled, no right to write. They show no event's content.
    pub async fn insert(&self, events: &[NewEvent<'_>]) -> Result<Vec<EventId>> {
        let mut ids = Vec::with_capacity(events.len());
        for events in events.chunks(EVENTS_PER_STATEMENT) {
            self.insert_chunk(events, &mut ids).await?;
        }
        Ok(ids)
    }

    async fn insert_chunk(&self, events: &[NewEvent<'_>], ids: &mut Vec<EventId>) -> Result<()> {
        let sql = "select pgq.insert_event($1, e.kind, e.data, e.extra1, e.extra2, e.extra3, e.extra4) \
                   from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) \
                   as e (kind, data, extra1, extra2, extra3, extra4)";
        let columns: [Vec<Option<&str>>; 6] = [
            events.iter().map(|event| event.kind).collect(),
            events.iter().map(|event| event.data).collect(),
            events.iter().map(|event| event.extra[0]).collect(),
            events.iter().map(|event| event.extra[1]).collect(),
            events.iter().map(|event| event.extra[2]).collect(),
            events.iter().map(|event| event.extra[3]).collect(),
        ];
        let queue = self.queue.as_str();
        let mut params: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&queue, Type::TEXT)];
        for column in &columns {
            params.push((column, Type::TEXT_ARRAY));
        }
        let rows = self.client.query_typed(sql, &params).await.map_err(|e| Error::sql(e, sql))?;
        for row in rows {
            ids.push(EventId(row.try_get(0)?));
        }
        Ok(())
    }
}
