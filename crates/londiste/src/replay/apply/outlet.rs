//! The connection that a batch is applied on, while sets may be on their way through it.
//!
//! Sets are applied while the next events are read and folded. What applies them is a future that lives here and is polled
//! in between, and not a task of its own: it ends at once when the batch does, and can never send a statement behind the
//! rollback. Whoever wants the connection for something else gets it when the sets have arrived.

use std::future::Future;
use std::pin::{Pin, pin};

use futures_util::poll;
use tokio_postgres::Client;

use super::ApplyError;
use super::set::Missed;

type Flight<'c> = Pin<Box<dyn Future<Output = Result<Vec<Missed>, ApplyError>> + Send + 'c>>;

/// A connection inside a batch's transaction.
pub(crate) struct Outlet<'c> {
    client: &'c Client,
    flight: Option<Flight<'c>>,
    /// How the last flight ended, until somebody asks.
    ended: Option<Result<Vec<Missed>, ApplyError>>,
    missed: Vec<Missed>,
}

impl<'c> Outlet<'c> {
    /// For a connection with nothing on its way.
    pub(crate) fn new(client: &'c Client) -> Self {
        Self { client, flight: None, ended: None, missed: Vec::new() }
    }

    /// The connection, when everything that was on its way has arrived.
    ///
    /// # Errors
    /// What was on its way was refused.
    pub(crate) async fn client(&mut self) -> Result<&'c Client, ApplyError> {
        self.progress_if_any().await;
        match self.ended.take() {
            Some(Ok(missed)) => self.missed.extend(missed),
            Some(Err(error)) => return Err(error),
            None => {}
        }
        Ok(self.client)
    }

    /// Sends sets on their way, behind those that are there already.
    pub(super) async fn launch<F>(
        &mut self,
        start: impl FnOnce(&'c Client) -> F,
    ) -> Result<(), ApplyError>
    where
        F: Future<Output = Result<Vec<Missed>, ApplyError>> + Send + 'c,
    {
        let client = self.client().await?;
        self.flight = Some(Box::pin(start(client)));
        self.poke().await;
        Ok(())
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.flight.is_none()
    }

    /// Rows that should have been met by sets which have arrived.
    pub(super) fn take_missed(&mut self) -> Vec<Missed> {
        std::mem::take(&mut self.missed)
    }

    /// Moves on what is on its way; ends when it has arrived, and never when there is nothing.
    pub(crate) async fn progress(&mut self) {
        if self.flight.is_none() {
            return std::future::pending().await;
        }
        self.progress_if_any().await;
    }

    async fn progress_if_any(&mut self) {
        if let Some(flight) = &mut self.flight {
            let ended = flight.await;
            self.flight = None;
            self.ended = Some(ended);
        }
    }

    /// Moves on what is on its way, as far as that goes without waiting.
    pub(crate) async fn poke(&mut self) {
        let _ = poll!(pin!(self.progress_if_any()));
    }
}
