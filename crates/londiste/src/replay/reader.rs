//! Reads a batch from the provider while another one applies it.
//!
//! The reader is a task of its own that owns the connection for the batch, so the provider's server, this task and the
//! applier work at the same time. A bounded channel of bounded chunks lies between: whoever is faster waits.

use anyhow::Context as _;
use pgq_client::Error;
use pgq_client::conn::Session;
use pgq_client::consumer::cursor::Cursor;
use pgq_client::event::Event;
use pgq_client::id::BatchId;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::job::BEGIN_READING;

/// Text in a chunk, in bytes.
const CHUNK_BYTES: usize = 128 * 1024;

/// Events in a chunk, for events with hardly any text.
const CHUNK_EVENTS: usize = 2_000;

/// Chunks that are read ahead. Few, because an event of several megabytes is a chunk too.
const CHUNKS_AHEAD: usize = 2;

/// What is to be read.
#[derive(Debug)]
pub(super) enum Source {
    /// An open batch, of which only events are wanted that meet a condition.
    Batch(BatchId, Option<String>),
    /// What a query gives.
    Query(String),
}

/// Events being read. Dropping it breaks the reading off, and the connection with it.
#[derive(Debug)]
pub(super) struct BatchReader {
    chunks: mpsc::Receiver<Vec<Event>>,
    task: Option<JoinHandle<anyhow::Result<Session>>>,
}

impl BatchReader {
    /// Starts to read on `session`, which is not in a transaction.
    pub(super) fn start(session: Session, source: Source) -> Self {
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let task = tokio::spawn(Box::pin(read(session, source, sender)));
        Self { chunks, task: Some(task) }
    }

    /// The next events; `None` after the last, or when reading failed, which [`BatchReader::finish`] tells.
    pub(super) async fn next(&mut self) -> Option<Vec<Event>> {
        self.chunks.recv().await
    }

    /// Ends the reading, wherever it is, and gives the connection back.
    pub(super) async fn finish(mut self) -> anyhow::Result<Session> {
        self.chunks.close();
        let task = self.task.take().context("a reader is finished once")?;
        task.await.context("the reader of events broke down")?
    }
}

impl Drop for BatchReader {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn read(
    session: Session,
    source: Source,
    chunks: mpsc::Sender<Vec<Event>>,
) -> anyhow::Result<Session> {
    // Both are sent before the first is answered.
    let begin = async {
        let sql = BEGIN_READING;
        session.batch_execute(sql).await.map_err(|e| Error::sql(e, sql))
    };
    let open = async {
        match &source {
            Source::Batch(batch, filter) => {
                Cursor::open(&*session, *batch, filter.as_deref()).await
            }
            Source::Query(sql) => Cursor::over(&*session, sql).await,
        }
    };
    let ((), mut cursor) = tokio::try_join!(begin, open)?;
    loop {
        let events = cursor.fetch_within(CHUNK_EVENTS, CHUNK_BYTES).await?;
        // An applier that has gone wants no more.
        if events.is_empty() || chunks.send(events).await.is_err() {
            break;
        }
    }
    // The cursor goes with its transaction.
    drop(cursor);
    session.batch_execute("commit").await.map_err(|e| Error::sql(e, "commit"))?;
    Ok(session)
}
