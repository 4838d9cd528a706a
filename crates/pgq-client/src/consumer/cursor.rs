//! The events of a batch, streamed through a server-side cursor: memory does not grow with the batch.

use std::pin::Pin;

use futures_util::TryStreamExt;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{GenericClient, Row, RowStream};

use super::event_time::EventTime;
use crate::event::Event;
use crate::id::{BatchId, EventId, Txid};
use crate::{Error, Result};

/// Name of the cursor on the server, the original's.
const NAME: &str = "batch_walker";

/// Rows that come with the opening, while nothing is known of their size. Most batches of a quiet queue are smaller.
const FIRST_FETCH: i32 = 300;

/// What a fetch should bring, in bytes. The server collects a fetch before it sends any of it.
const FETCH_BYTES: usize = 2 << 20;

/// The most rows of a fetch.
const MOST_ROWS: usize = 10_000;

/// A cursor over a batch's events. Needs an open transaction on the client, which stays open until [`Cursor::close`].
///
/// Events stream in while they are asked for; what was not asked for yet waits on the server or in the socket.
pub struct Cursor<'a, C> {
    client: &'a C,
    /// The fetch that runs, and how many rows are left of it.
    running: Option<(Pin<Box<RowStream>>, usize)>,
    /// Rows of the next fetch.
    rows: usize,
    seen_rows: usize,
    seen_bytes: usize,
    ended: bool,
}

impl<'a, C: GenericClient> Cursor<'a, C> {
    /// Opens `pgq.get_batch_cursor` with an optional SQL filter on the event columns.
    ///
    /// # Errors
    /// The server's: no such batch, a cursor that is open already, a filter that is no SQL.
    pub async fn open(
        client: &'a C,
        batch: BatchId,
        filter: Option<&str>,
    ) -> Result<Cursor<'a, C>> {
        let sql = "select * from pgq.get_batch_cursor($1, $2, $3, $4)";
        let params: [(&(dyn ToSql + Sync), Type); 4] = [
            (&batch.0, Type::INT8),
            (&NAME, Type::TEXT),
            (&FIRST_FETCH, Type::INT4),
            (&filter, Type::TEXT),
        ];
        tracing::debug!("exec_query: {sql} [batch {batch}]");
        let stream = client.query_typed_raw(sql, params).await.map_err(|e| Error::sql(e, sql))?;
        let rows = usize::try_from(FIRST_FETCH).unwrap_or(1);
        Ok(Self {
            client,
            running: Some((Box::pin(stream), rows)),
            rows,
            seen_rows: 0,
            seen_bytes: 0,
            ended: false,
        })
    }

    /// Opens a cursor over `sql`, what `pgq.batch_event_sql` says of a batch.
    ///
    /// # Errors
    /// The server's.
    pub async fn over(client: &'a C, sql: &str) -> Result<Cursor<'a, C>> {
        let declare = format!("declare {NAME} no scroll cursor without hold for {sql}");
        client.batch_execute(&declare).await.map_err(|e| Error::sql(e, declare))?;
        let rows = usize::try_from(FIRST_FETCH).unwrap_or(1);
        Ok(Self { client, running: None, rows, seen_rows: 0, seen_bytes: 0, ended: false })
    }

    /// Up to `rows` events in order of their id; empty at the end.
    ///
    /// # Errors
    /// The server's, or a broken connection.
    pub async fn fetch(&mut self, rows: usize) -> Result<Vec<Event>> {
        self.fetch_within(rows, usize::MAX).await
    }

    /// As [`Cursor::fetch`], and no more events once they hold `bytes` of text. At least one, unless at the end.
    ///
    /// # Errors
    /// The server's, or a broken connection.
    pub async fn fetch_within(&mut self, rows: usize, bytes: usize) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut held = 0;
        while events.len() < rows && held < bytes {
            let Some(event) = self.next().await? else { break };
            held += event.text_bytes();
            events.push(event);
        }
        Ok(events)
    }

    async fn next(&mut self) -> Result<Option<Event>> {
        while !self.ended {
            if self.running.is_none() {
                let sql = format!("fetch {} from {NAME}", self.rows);
                let none: [(&(dyn ToSql + Sync), Type); 0] = [];
                let stream = self.client.query_typed_raw(&sql, none).await;
                let stream = stream.map_err(|e| Error::sql(e, sql))?;
                self.running = Some((Box::pin(stream), self.rows));
            }
            let Some((stream, left)) = &mut self.running else { continue };
            if let Some(row) = stream.try_next().await? {
                *left = left.saturating_sub(1);
                let event = read(&row)?;
                self.seen_rows += 1;
                self.seen_bytes += event.text_bytes();
                return Ok(Some(event));
            }
            self.ended = *left > 0;
            self.running = None;
            self.rows = next_fetch(self.seen_rows, self.seen_bytes);
        }
        Ok(None)
    }

    /// Closes the cursor on the server.
    ///
    /// # Errors
    /// The server's, or a broken connection.
    pub async fn close(self) -> Result<()> {
        let sql = format!("close {NAME}");
        drop(self.running);
        self.client.batch_execute(&sql).await.map_err(|e| Error::sql(e, sql))
    }
}

/// How many rows make a fetch of the wanted size, judged by those seen.
fn next_fetch(seen_rows: usize, seen_bytes: usize) -> usize {
    let row = seen_bytes / seen_rows.max(1);
    (FETCH_BYTES / row.max(1)).clamp(1, MOST_ROWS)
}

/// The columns stand in the order of the contract: by number, since looking for names in every row costs as much as the
/// rest of the decoding.
fn read(row: &Row) -> Result<Event> {
    Ok(Event {
        id: EventId(row.try_get(0)?),
        time: row.try_get::<_, EventTime>(1)?.0,
        txid: Txid(row.try_get(2)?),
        retry: row.try_get(3)?,
        kind: row.try_get(4)?,
        data: row.try_get(5)?,
        extra1: row.try_get(6)?,
        extra2: row.try_get(7)?,
        extra3: row.try_get(8)?,
        extra4: row.try_get(9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_follow_the_size_of_the_rows() {
        assert_eq!(next_fetch(300, 300 * 100), 10_000);
        assert_eq!(next_fetch(300, 300 * 2048), 1024);
        assert_eq!(next_fetch(300, 300 << 20), 2);
        assert_eq!(next_fetch(3, 300 << 20), 1);
        assert_eq!(next_fetch(0, 0), 10_000);
    }
}
