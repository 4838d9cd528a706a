//! The worker's connections: opened on first use, dropped together after a failure, renewed when they are old.

use std::time::Duration;

use anyhow::Context as _;
use pgq_client::conn::Session;
use tokio_postgres::Client;

use super::apply::Applier;
use super::set_watch::SetWatch;
use super::{replica, wake};
use crate::job::Job;
use crate::table::registry::Tables;

/// The connections of one worker.
#[derive(Debug, Default)]
pub(super) struct Links {
    local: Option<Local>,
    provider: Option<Provider>,
}

/// The local database, as a replica. Prepared statements live as long as it.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) session: Session,
    pub(super) applier: Applier,
    pub(super) set: SetWatch,
}

#[derive(Debug)]
struct Provider {
    location: String,
    /// Away while a batch is read.
    session: Option<Session>,
}

impl Links {
    /// The local database.
    pub(super) async fn local(&mut self, job: &Job) -> anyhow::Result<&mut Local> {
        if self.local.is_none() {
            let session = replica::connect_replica(job, "db").await?;
            self.local =
                Some(Local { session, applier: Applier::default(), set: SetWatch::default() });
        }
        self.local.as_mut().context("just connected")
    }

    /// A client of the local database.
    pub(super) async fn client(&mut self, job: &Job) -> anyhow::Result<&Client> {
        Ok(&self.local(job).await?.session)
    }

    /// The tables of the set that this node has, as they are now.
    pub(super) async fn tables(&mut self, job: &Job) -> anyhow::Result<Tables> {
        let Local { session, set, .. } = self.local(job).await?;
        set.tables(session, &job.settings).await
    }

    /// The settings have changed, and with them what the tables' handlers mean.
    pub(super) fn forget_tables(&mut self) {
        if let Some(local) = &mut self.local {
            local.set.forget();
        }
    }

    /// Connects to the provider at `location`, unless that is where we are connected.
    pub(super) async fn attach(&mut self, job: &Job, location: &str) -> anyhow::Result<()> {
        if self.provider.as_ref().is_some_and(|p| p.location == location && p.session.is_some()) {
            return Ok(());
        }
        if let Some(Provider { session: Some(old), .. }) = self.provider.take() {
            old.close().await;
        }
        let session = job.remote("_provider_db", location).await?;
        wake::listen(&session).await;
        self.provider = Some(Provider { location: location.to_owned(), session: Some(session) });
        Ok(())
    }

    /// The provider's database, where [`Links::attach`] connected us.
    pub(super) fn provider(&self) -> anyhow::Result<&Client> {
        Ok(self.provider_session()?)
    }

    /// The encoding of the provider's database.
    pub(super) fn provider_encoding(&self) -> anyhow::Result<&str> {
        Ok(self.provider_session()?.server_encoding())
    }

    fn provider_session(&self) -> anyhow::Result<&Session> {
        let session = self.provider.as_ref().and_then(|provider| provider.session.as_ref());
        session.context("provider_connstr not set")
    }

    /// The provider's connection if there is one, to wait for its announcements.
    pub(super) fn provider_if_any(&mut self) -> Option<&mut Session> {
        self.provider.as_mut()?.session.as_mut()
    }

    /// Lends the provider's connection to a reader.
    pub(super) fn lend_provider(&mut self) -> anyhow::Result<Session> {
        let lent = self.provider.as_mut().and_then(|provider| provider.session.take());
        lent.context("provider_connstr not set")
    }

    /// Takes the provider's connection back, if it was lent.
    pub(super) fn return_provider(&mut self, lent: Option<Session>) {
        if let (Some(provider), Some(session)) = (&mut self.provider, lent) {
            provider.session = Some(session);
        }
    }

    /// Closes what is older than `lifetime`; zero is no limit. Returns whether the provider's connection was among that.
    pub(super) async fn recycle(&mut self, lifetime: Duration) -> bool {
        let old = |session: &Session| !lifetime.is_zero() && session.opened().elapsed() > lifetime;
        if let Some(local) = self.local.take_if(|local| old(&local.session)) {
            local.session.close().await;
        }
        let provider = self.provider.take_if(|p| p.session.as_ref().is_some_and(old));
        let Some(Provider { session: Some(session), .. }) = provider else { return false };
        session.close().await;
        true
    }

    /// Renews the connection to the local database: what scripts have set there must not last.
    pub(super) async fn renew_local(&mut self) {
        if let Some(local) = self.local.take() {
            local.session.close().await;
        }
    }

    /// Drops everything: after an error nothing is known of a connection. Open transactions are rolled back.
    pub(super) fn drop_all(&mut self) {
        *self = Self::default();
    }

    /// Says goodbye to both servers.
    pub(super) async fn close(&mut self) {
        if let Some(local) = self.local.take() {
            local.session.close().await;
        }
        if let Some(Provider { session: Some(session), .. }) = self.provider.take() {
            session.close().await;
        }
    }
}
