//! The events of a batch, streamed through a server-side cursor: memory does not grow with the batch.

use crate::Result;
use crate::event::Event;
use crate::id::BatchId;

/// A cursor over a batch's events. Needs an open transaction on the client, which stays open until [`Cursor::close`].
pub struct Cursor<'a, C> {
    client: &'a C,
}

impl<'a, C: tokio_postgres::GenericClient> Cursor<'a, C> {
    /// Opens `pgq.get_batch_cursor` with an optional SQL filter on the event columns.
    pub async fn open(
        client: &'a C,
        batch: BatchId,
        filter: Option<&str>,
    ) -> Result<Cursor<'a, C>> {
        let _ = (batch, filter);
        let _ = client;
        todo!()
    }

    /// Up to `rows` events in order of their id; empty at the end.
    pub async fn fetch(&mut self, rows: usize) -> Result<Vec<Event>> {
        let _ = (rows, self.client);
        todo!()
    }

    /// Closes the cursor on the server.
    pub async fn close(self) -> Result<()> {
        todo!()
    }
}
