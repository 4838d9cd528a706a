//! The tables of the set, read again only when they have changed.
//!
//! Every batch must know them as they are, and a list of thousands takes longer to read than a small batch to apply. So one
//! statement asks for a fingerprint of the rows that the list is made of: their number and the transactions that wrote them.
//! A change is a row with another transaction, or one row more or less.

use pgq_client::Error;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

use crate::calls;
use crate::config::Settings;
use crate::table::registry::{Table, Tables};
use crate::table::sync::is_copying;

const LOOK: &str = "\
select count(*) as rows, sum(pg_catalog.hashtextextended(xmin::text, 0))::text as writers, \
       exists (select from londiste.pending_fkeys) as pending_fkeys \
  from londiste.table_info where queue_name = $1";

/// What one connection knows of the set.
#[derive(Debug, Default)]
pub(super) struct SetWatch {
    statement: Option<Statement>,
    known: Option<(Fingerprint, Tables)>,
    pending_fkeys: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint {
    rows: i64,
    writers: Option<String>,
}

impl SetWatch {
    /// The tables as they are now.
    ///
    /// # Errors
    /// The server's, or a row that makes no sense.
    pub(super) async fn tables(
        &mut self,
        client: &Client,
        settings: &Settings,
    ) -> anyhow::Result<Tables> {
        let queue = &settings.queue;
        let statement = match &self.statement {
            Some(statement) => statement,
            None => {
                let prepared = client.prepare_typed(LOOK, &[Type::TEXT]).await;
                self.statement.insert(prepared.map_err(|e| Error::sql(e, LOOK))?)
            }
        };
        let row = client.query_one(statement, &[&queue.as_str()]).await;
        let row = row.map_err(|e| Error::sql(e, LOOK))?;
        self.pending_fkeys = row.try_get("pending_fkeys")?;
        let now = Fingerprint { rows: row.try_get("rows")?, writers: row.try_get("writers")? };
        if let Some((then, tables)) = &self.known
            && *then == now
        {
            return Ok(tables.clone());
        }
        self.known = None;
        // Read after the fingerprint: what changes in between is read again the next time.
        let tables = Tables::load(client, queue, &settings.handlers).await?;
        for table in tables.iter().filter(|table| table.moved) {
            let Table { name, dest, .. } = table;
            tracing::info!("Overwriting .dest_table from plugin: tbl={name}  dst={dest}");
            calls::set_dest_table(client, queue, name, dest).await?;
        }
        // The part a copy plays depends on the tables of other queues.
        if !tables.iter().any(is_copying) {
            self.known = Some((now, tables.clone()));
        }
        Ok(tables)
    }

    /// The list is read again the next time, because what its handlers mean may have changed.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// Whether foreign keys waited to be restored when the tables were last asked for.
    pub(super) fn pending_fkeys(&self) -> bool {
        self.pending_fkeys
    }
}
