//! Both sides of a check: which tables, where their rows come from, and sessions that print equal values equally
//! (contract `compare-repair-execute.md` 2.2 to 2.4).

use anyhow::Context as _;
use pgq_client::Error;
use pgq_client::calls::pgq_node;
use pgq_client::conn::Session;
use pgq_client::name::TableName;

use super::freeze::{Subject, freeze};
use crate::calls::{self, TableRow};
use crate::hint;
use crate::job::{Interrupted, Job, NO_TIMEOUTS, UsageError};
use crate::table::source::{self, Source};
use crate::table::state::TableState;
use crate::table::{self, belonging};

/// The node that is checked.
pub(super) struct Here {
    /// Its database, ready for reading.
    pub(super) db: Session,
    /// Its provider's location, where the search for a source begins.
    provider: String,
    /// Its tables as it sees them.
    pub(super) tables: Vec<TableRow>,
}

impl Here {
    /// Connects to this node and reads what it has.
    ///
    /// # Errors
    /// [`UsageError`] when the database is no node; the server's.
    pub(super) async fn open(job: &Job) -> anyhow::Result<Here> {
        let db = open_for_reading(job.local("db").await?).await?;
        let queue = &job.settings.queue;
        let info = pgq_node::get_node_info(&*db, queue).await?;
        let provider = info
            .provider_location
            .ok_or_else(|| UsageError(format!("{}\nHINT:  {}", info.reply.note, hint::NO_NODE)))?;
        let tables = calls::get_table_list(&*db, queue).await?;
        Ok(Here { db, provider, tables })
    }

    /// Tables to check, in registration order or as named; says why others are left out. `verb` is what there is
    /// nothing of.
    pub(super) fn selected(&self, wanted: &[String], verb: &str) -> Vec<&TableRow> {
        if wanted.is_empty() && !self.tables.iter().any(|row| row.local) {
            tracing::warn!("This node has no tables, nothing to {verb}");
        }
        let mut picked = Vec::new();
        if wanted.is_empty() {
            picked.extend(self.tables.iter().filter(|row| row.local && source::stores_data(row)));
        }
        for name in wanted.iter().map(|name| TableName::new(name)) {
            match self.tables.iter().find(|row| row.table == name && row.local) {
                Some(row) => picked.push(row),
                None => tracing::warn!("Table not subscribed: {name}"),
            }
        }
        let (picked, early): (Vec<&TableRow>, Vec<&TableRow>) =
            picked.into_iter().partition(|row| is_synced(row));
        for (at, row) in early.iter().enumerate() {
            let last = at + 1 == early.len();
            let hint =
                if last { "\nHINT:  `wait-sync` waits until all tables are in sync." } else { "" };
            tracing::warn!("{}{hint}", not_synced(row));
        }
        picked
    }

    /// Finds a source for a table; `None` when the table has to be left out, which was said then.
    ///
    /// # Errors
    /// [`UsageError`] when no node upstream has the table; the servers'.
    pub(super) async fn sides(
        &self,
        job: &Job,
        table: &TableRow,
    ) -> anyhow::Result<Option<Sides<'_>>> {
        let name = &table.table;
        let mut source = source::find(job, &self.provider, std::slice::from_ref(name)).await?;
        tracing::info!("{name}: Using node {} as provider", source.node);
        tracing::info!("Provider: {} ({})", source.node, source.node_type);
        let Some(source_row) = source.table(name).filter(|row| row.local) else {
            tracing::warn!("Table not available on provider: {name}");
            return Ok(None);
        };
        if source_row.state() != Ok(TableState::Ok) {
            tracing::warn!("Table {name} not ready yet on provider");
            return Ok(None);
        }
        let (src, dst) = (source_row.dest().clone(), table.dest().clone());
        for (session, table, side) in
            [(&source.session, &src, "provider"), (&self.db, &dst, "subscriber")]
        {
            if calls::find_table_oid(&**session, table).await?.is_none() {
                tracing::warn!("Table {table} does not exist on {side} side");
                return Ok(None);
            }
        }
        source.session = open_for_reading(source.session).await?;
        Ok(Some(Sides { source, db: &self.db, src, dst }))
    }
}

/// Whether a table can be checked.
fn is_synced(row: &TableRow) -> bool {
    row.state() == Ok(TableState::Ok)
}

/// What to say of one that cannot.
fn not_synced(row: &TableRow) -> String {
    format!("Table {} not synced yet, no point", row.table)
}

/// A table on both sides.
pub(super) struct Sides<'a> {
    /// The node that has the rows as they should be.
    pub(super) source: Source,
    /// This node's database.
    pub(super) db: &'a Session,
    /// The table at the source.
    pub(super) src: TableName,
    /// The table here.
    pub(super) dst: TableName,
}

impl Sides<'_> {
    /// Takes a snapshot on both sides in which the table is equal if replication is right, see [`freeze()`].
    ///
    /// # Errors
    /// As [`freeze()`].
    pub(super) async fn freeze(&self, job: &Job, force: bool) -> anyhow::Result<()> {
        let subject = Subject { source_table: &self.src, dest_table: &self.dst, force };
        freeze(job, &self.source, self.db, subject).await
    }

    /// Whether the table is in the snapshot what it was when it was selected; says so if not. Waiting for the snapshot may
    /// have taken long, and a table that is being copied again has few of its rows.
    ///
    /// # Errors
    /// The server's.
    pub(super) async fn still_synced(&self, job: &Job, table: &TableRow) -> anyhow::Result<bool> {
        let now = calls::get_local_table(&**self.db, &job.settings.queue, &table.table).await?;
        let Some(now) = now else {
            tracing::warn!("Table not subscribed: {}", table.table);
            return Ok(false);
        };
        let same = (now.dest(), &now.attrs) == (table.dest(), &table.attrs);
        if !same {
            tracing::warn!("Table {} has been changed meanwhile, repair it again", table.table);
        }
        if same && !is_synced(&now) {
            tracing::warn!("{}", not_synced(&now));
        }
        Ok(same && is_synced(&now))
    }

    /// Work in both databases that may take long. When the operator asks to stop, what is running there is cancelled.
    ///
    /// # Errors
    /// [`Interrupted`], or those of the work.
    pub(super) async fn cancellable<T>(
        &self,
        job: &Job,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            done = work => done,
            () = job.shutdown.cancelled() => {
                let cancelled = tokio::join!(self.source.session.cancel(), self.db.cancel());
                for problem in [cancelled.0.err(), cancelled.1.err()].into_iter().flatten() {
                    tracing::warn!("A statement may still be running: it could not be cancelled: {problem}");
                }
                Err(Interrupted.into())
            }
        }
    }

    /// Lets the snapshots go.
    ///
    /// # Errors
    /// The servers'.
    pub(super) async fn thaw(&self) -> anyhow::Result<()> {
        for session in [&self.source.session, self.db] {
            session.batch_execute("rollback").await.map_err(|e| Error::sql(e, "rollback"))?;
        }
        Ok(())
    }
}

/// Which rows of the source belong into a table here: the operator's condition and the handler's.
///
/// # Errors
/// When the handler is not known, and so neither its condition, or its settings `here` make no sense.
pub(super) async fn condition(
    job: &Job,
    table: &TableRow,
    here: &Session,
) -> anyhow::Result<Option<String>> {
    let (attrs, handler) = table::options(&job.settings.handlers, table)?;
    let condition = belonging::condition(&attrs, &handler, here).await;
    condition.with_context(|| format!("handler of {}", table.table))
}

/// Makes two servers print equal values equally, for as long as it takes.
async fn open_for_reading(session: Session) -> anyhow::Result<Session> {
    let sql = "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'; \
               set extra_float_digits = 1; set bytea_output = 'hex'; set lc_monetary = 'C'";
    for sql in [sql, NO_TIMEOUTS] {
        session.batch_execute(sql).await.map_err(|error| Error::sql(error, sql))?;
    }
    Ok(session)
}

/// Whether a table's rows are in its partitions.
///
/// # Errors
/// The server's.
pub(super) async fn is_partitioned(session: &Session, table: &TableName) -> anyhow::Result<bool> {
    let sql =
        "select relkind = 'p' from pg_catalog.pg_class where oid = londiste.find_table_oid($1)";
    let rows = session.query(sql, &[&table.as_str()]).await.map_err(|e| Error::sql(e, sql))?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}
