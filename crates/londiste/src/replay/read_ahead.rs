//! Reads the next batch while the end of this one is applied.
//!
//! A batch can be opened only when the one before is finished, and that only when it is committed here. Until then the
//! provider would have nothing to do, and then the worker nothing until the provider has sorted the next events. So a second
//! connection asks the provider what it would give if this batch were finished - in a transaction that is rolled back - and
//! reads that. When the batch is taken for real and it is the same, its first events are there already; otherwise what was
//! read is thrown away. Nothing can be missing in it: the consumer still stands at or before its beginning, so the events are
//! kept, and which events lie between two ticks never changes.

use std::time::Duration;

use anyhow::Context as _;
use pgq_client::Error;
use pgq_client::calls::pgq;
use pgq_client::conn::Session;
use pgq_client::consumer::{BatchInfo, BatchOptions};
use pgq_client::id::{BatchId, TickId};
use tokio::task::JoinHandle;

use super::failure;
use super::reader::{BatchReader, Source};
use crate::job::Job;

/// How long to wait for what the provider would give next. It has been asked for a while by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// The second connection to the provider, and what is being read there.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    /// Where the connection goes to.
    location: String,
    /// Not in a transaction.
    spare: Option<Session>,
    begun: Option<Begun>,
    /// It did not work: not tried again before the worker connects anew.
    given_up: bool,
}

/// A task that asks the provider and then reads. Dropping it ends both, and the connection.
#[derive(Debug)]
struct Begun(JoinHandle<anyhow::Result<Answer>>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the provider would give next.
#[derive(Debug)]
enum Answer {
    /// No batch. The connection is free.
    Nothing(Box<Session>),
    /// Events between two ticks, which are being read.
    Between { prev_tick: TickId, tick: TickId, reader: BatchReader },
}

impl ReadAhead {
    /// Begins to read what `options` will give after `batch`, which is being applied. `location` is the provider's.
    pub(super) fn start(
        &mut self,
        job: &Job,
        location: &str,
        batch: BatchId,
        options: BatchOptions,
    ) {
        if self.location != location {
            *self = Self { location: location.to_owned(), ..Self::default() };
        }
        if self.given_up || self.begun.is_some() {
            return;
        }
        let (job, location, spare) = (job.clone(), location.to_owned(), self.spare.take());
        self.begun = Some(Begun(tokio::spawn(Box::pin(async move {
            let session = match spare {
                Some(session) => session,
                None => job.remote("_provider_db", &location).await?,
            };
            // Whoever finishes the batch indeed waits for the answer, or for its end.
            tokio::time::timeout(PATIENCE, ask(session, &job, batch, &options))
                .await
                .context("no answer in time")?
        }))));
    }

    /// The reader of the batch that was taken from the provider at `location`, if that is what is being read. Anything else
    /// is thrown away.
    pub(super) async fn take(&mut self, location: &str, batch: &BatchInfo) -> Option<BatchReader> {
        // Transactions have other numbers on another server.
        let mut begun = self.begun.take().filter(|_| self.location == location)?;
        let answer = match tokio::time::timeout(PATIENCE, &mut begun.0).await {
            Ok(answer) => answer.context("reading ahead broke down").and_then(|answer| answer),
            Err(elapsed) => Err(elapsed.into()),
        };
        match answer {
            Ok(Answer::Between { prev_tick, tick, reader })
                if (prev_tick, tick) == (batch.prev_tick, batch.tick) =>
            {
                tracing::debug!("batch {} was read ahead", batch.batch);
                return Some(reader);
            }
            Ok(Answer::Between { prev_tick, tick, .. }) => {
                tracing::debug!(
                    "read ahead {prev_tick}..{tick}, but the batch is {}..{}",
                    batch.prev_tick,
                    batch.tick
                );
            }
            Ok(Answer::Nothing(session)) => self.spare = Some(*session),
            Err(error) => {
                tracing::debug!("no more reading ahead: {}", failure::text(&error));
                self.given_up = true;
            }
        }
        None
    }

    /// Takes the connection back from a reader that has ended.
    pub(super) fn give_back(&mut self, session: Session) {
        self.spare = Some(session);
    }

    /// Nothing more is behind this node: what is being read is not wanted, and the connection can go.
    pub(super) async fn stop(&mut self) {
        self.begun = None;
        if let Some(session) = self.spare.take() {
            session.close().await;
        }
    }
}

/// Asks what comes after a batch, as if it were finished, and begins to read that.
async fn ask(
    session: Session,
    job: &Job,
    batch: BatchId,
    options: &BatchOptions,
) -> anyhow::Result<Answer> {
    let (queue, consumer) = (&job.settings.queue, &job.settings.consumer);
    let run =
        async |sql: &'static str| session.batch_execute(sql).await.map_err(|e| Error::sql(e, sql));
    // Outside of a transaction the batch would be finished indeed: nothing is sent before this is answered.
    run("begin").await?;
    let (_, next) = tokio::try_join!(
        pgq::finish_batch(&*session, batch),
        pgq::next_batch_custom(&*session, queue, consumer, options),
    )?;
    let sql = match &next {
        Some(next) => Some(pgq::batch_event_sql(&*session, next.batch).await?),
        None => None,
    };
    run("rollback").await?;
    Ok(match (next, sql) {
        (Some(BatchInfo { prev_tick, tick, .. }), Some(sql)) => {
            let reader = BatchReader::start(session, Source::Query(sql));
            Answer::Between { prev_tick, tick, reader }
        }
        _ => Answer::Nothing(Box::new(session)),
    })
}
