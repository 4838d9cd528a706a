//! Partitions that handlers of the dispatch family make while a batch is applied (contract `handlers.md` 9.8).

use std::collections::HashMap;

use pgq_client::name::TableName;
use pgq_client::{Error, Result};
use tokio_postgres::Client;

use crate::handler::dispatch::{Creation, Way};
use crate::replay::replica::{self, OWN_PLANS, USUAL_PLANS};

/// What a batch knows of the partitions it has met.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    met: HashMap<TableName, Fate>,
}

/// What becomes of a partition's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is there.
    There,
    /// Its time is over, and its events are left out.
    Ignored,
}

impl Partitions {
    /// What was found out about a partition in this batch.
    pub(super) fn fate(&self, name: &TableName) -> Option<Fate> {
        self.met.get(name).copied()
    }

    /// Asks the server about a partition; `None` when it has to be made.
    ///
    /// # Errors
    /// The server's.
    pub(super) async fn look(
        &mut self,
        client: &Client,
        name: &TableName,
        creation: &Creation,
    ) -> Result<Option<Fate>> {
        if let Some(sql) = &creation.obsolete
            && boolean(client, sql).await? == Some(true)
        {
            tracing::info!("Ignored table: {name}");
            self.met.insert(name.clone(), Fate::Ignored);
            return Ok(Some(Fate::Ignored));
        }
        self.met.insert(name.clone(), Fate::There);
        Ok((boolean(client, &creation.exists).await? == Some(true)).then_some(Fate::There))
    }

    /// Makes it. Nothing may be pending that functions and templates could look for.
    ///
    /// # Errors
    /// The server's; nobody can make it.
    pub(super) async fn make(
        &self,
        client: &Client,
        name: &TableName,
        creation: &Creation,
    ) -> Result<()> {
        // Functions and templates are the application's.
        replica::set(client, USUAL_PLANS).await?;
        self.run_all(client, name, creation).await?;
        replica::set(client, OWN_PLANS).await
    }

    async fn run_all(&self, client: &Client, name: &TableName, creation: &Creation) -> Result<()> {
        run(client, creation.before.as_deref()).await?;
        let mut made = false;
        for way in &creation.ways {
            match way {
                Way::Template(sql) => run(client, Some(sql)).await?,
                Way::Function { exists, .. } if boolean(client, exists).await? != Some(true) => {
                    continue;
                }
                Way::Function { call, .. } => run(client, Some(call)).await?,
            }
            made = true;
            break;
        }
        if !made {
            return Err(Error::config(format!(
                "partition {name} cannot be made: there is no function part_func with six arguments in this database; \
                 see londiste.create_partition for what it is given"
            )));
        }
        run(client, creation.after.as_deref()).await?;
        tracing::info!("Created table: {}", name.quoted());
        let Some(expired) = &creation.expired else { return Ok(()) };
        let list = expired.list(self.met.keys());
        let rows = client.query_typed(&list, &[]).await.map_err(|e| Error::sql(e, list))?;
        let old =
            rows.iter().map(|row| row.try_get(0)).collect::<std::result::Result<Vec<_>, _>>()?;
        if let Some(sql) = expired.drop(&old) {
            run(client, Some(&sql)).await?;
            tracing::info!("Dropped tables: {}", old.join(", "));
        }
        Ok(())
    }
}

async fn boolean(client: &Client, sql: &str) -> Result<Option<bool>> {
    let rows = client.query_typed(sql, &[]).await.map_err(|e| Error::sql(e, sql))?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.flatten())
}

async fn run(client: &Client, sql: Option<&str>) -> Result<()> {
    let Some(sql) = sql else { return Ok(()) };
    tracing::debug!("exec_cmd: {sql}");
    client.batch_execute(sql).await.map_err(|e| Error::sql(e, sql))
}
