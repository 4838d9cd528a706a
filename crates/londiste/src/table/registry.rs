//! The tables of one queue as `londiste.get_table_list` reports them.

use std::sync::Arc;

use indexmap::IndexMap;
use pgq_client::id::Txid;
use pgq_client::name::{QueueName, TableName};
use pgq_client::snapshot::{Snapshot, SnapshotError};
use pgq_client::text::urlenc::UrlencError;
use tokio_postgres::GenericClient;

use super::attrs::TableAttrs;
use super::state::{BadState, TableState};
use crate::calls::{self, CopyRole, TableRow};
use crate::handler::{Handler, HandlerError, Handlers};

/// A table of the set that is attached on this node.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name in the set, which is what events carry.
    pub name: TableName,
    /// Its name in this database.
    pub dest: TableName,
    /// Whether the handler chose another name than the list has, which has yet to learn of it.
    pub moved: bool,
    /// Where it is on its way into the set.
    pub state: TableState,
    /// What the copied rows already contain; dropped some time after the hand-over.
    pub snapshot: Option<Snapshot>,
    /// Options it was added with.
    pub attrs: TableAttrs,
    /// Statements that recreate what was dropped for the copy.
    pub dropped_ddl: Option<String>,
    /// Its part while several queues copy into one destination.
    pub copy_role: Option<CopyRole>,
    /// How many copies into the same destination go first.
    pub copy_pos: i32,
    /// What to do with its events.
    pub handler: Handler,
}

/// Why a table list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The database refused.
    #[error(transparent)]
    Sql(#[from] pgq_client::Error),
    /// `merge_state` is no state.
    #[error(transparent)]
    State(#[from] BadState),
    /// The handler is unknown, or its arguments are wrong.
    #[error("{source} (handler of table {table})")]
    Handler {
        /// The table.
        table: TableName,
        /// What is wrong. The original says nothing else.
        source: HandlerError,
    },
    /// `custom_snapshot` is no snapshot.
    #[error("table {0}: {1}")]
    Snapshot(TableName, SnapshotError),
    /// `table_attrs` is not url-encoded.
    #[error("table {0}: table_attrs: {1}")]
    Attrs(TableName, UrlencError),
}

impl Table {
    /// From a row of the table list.
    pub fn from_row(row: TableRow, handlers: &Handlers) -> Result<Table, LoadError> {
        let attrs = TableAttrs::parse(row.attrs.as_deref())
            .map_err(|e| LoadError::Attrs(row.table.clone(), e))?;
        let snapshot = row.custom_snapshot.as_deref().map(str::parse).transpose();
        let spec = attrs.handler().map_err(HandlerError::Text);
        let handler = spec.and_then(|spec| handlers.build(&spec));
        let handler =
            handler.map_err(|source| LoadError::Handler { table: row.table.clone(), source })?;
        let dest = handler.dest(row.dest());
        Ok(Table {
            moved: dest != *row.dest(),
            dest,
            state: row.state()?,
            snapshot: snapshot.map_err(|e| LoadError::Snapshot(row.table.clone(), e))?,
            handler,
            attrs,
            name: row.table,
            dropped_ddl: row.dropped_ddl,
            copy_role: row.copy_role,
            copy_pos: row.copy_pos,
        })
    }

    /// Whether the worker applies an event of this table that was written by `txid`. Of one whose rows are to be renewed
    /// it does so until the copy takes over, so that it is known exactly from where on changes are missing.
    pub fn wants(&self, txid: Txid) -> bool {
        let applies = match self.state {
            TableState::Ok => true,
            TableState::Missing => self.attrs.renew(),
            TableState::InCopy
            | TableState::CatchingUp
            | TableState::WannaSync { .. }
            | TableState::DoSync { .. } => false,
        };
        applies && !self.snapshot.as_ref().is_some_and(|s| s.contains(txid))
    }
}

/// The tables of a queue that are attached on one node, in order of registration. Clones share the list until one of
/// them changes it.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    tables: Arc<IndexMap<TableName, Table>>,
}

impl Tables {
    /// Reads the list from a node.
    pub async fn load(
        client: &impl GenericClient,
        queue: &QueueName,
        handlers: &Handlers,
    ) -> Result<Tables, LoadError> {
        let rows = calls::get_table_list(client, queue).await?;
        let local = rows.into_iter().filter(|row| row.local);
        local.map(|row| Table::from_row(row, handlers)).collect()
    }

    /// By name in the set.
    pub fn get(&self, name: &TableName) -> Option<&Table> {
        self.tables.get(name)
    }

    /// By name in the set as an event carries it, which may lack the schema `public`.
    pub fn find(&self, name: &str) -> Option<&Table> {
        if name.contains('.') { self.tables.get(name) } else { self.get(&TableName::new(name)) }
    }

    /// By name in the set.
    pub fn get_mut(&mut self, name: &TableName) -> Option<&mut Table> {
        Arc::make_mut(&mut self.tables).get_mut(name)
    }

    /// Takes a table off the list.
    pub fn remove(&mut self, name: &TableName) -> Option<Table> {
        Arc::make_mut(&mut self.tables).shift_remove(name)
    }

    /// All, in order of registration.
    pub fn iter(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

impl FromIterator<Table> for Tables {
    fn from_iter<I: IntoIterator<Item = Table>>(tables: I) -> Self {
        let tables = tables.into_iter().map(|table| (table.name.clone(), table)).collect();
        Self { tables: Arc::new(tables) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgq_client::id::TickId;

    fn table(row: TableRow) -> Result<Table, LoadError> {
        Table::from_row(row, &Handlers::default())
    }

    fn row() -> TableRow {
        TableRow {
            merge_state: Some("ok".to_owned()),
            ..TableRow::attached(TableName::new("public.t"))
        }
    }

    #[test]
    fn a_table_is_known_by_its_own_name_unless_it_has_another_here() {
        assert_eq!(table(row()).unwrap().dest.as_str(), "public.t");
        let renamed = TableRow { dest_table: Some(TableName::new("other.name")), ..row() };
        let table = self::table(renamed).unwrap();
        assert_eq!((table.name.as_str(), table.dest.as_str()), ("public.t", "other.name"));
    }

    #[test]
    fn only_tables_in_sync_want_events_and_not_those_the_copy_brought() {
        let with = |state: &str, snapshot: Option<&str>| {
            table(TableRow {
                merge_state: Some(state.to_owned()),
                custom_snapshot: snapshot.map(str::to_owned),
                ..row()
            })
            .unwrap()
        };
        assert!(with("ok", None).wants(Txid(5)));
        assert!(!with("do-sync:7", None).wants(Txid(5)));
        assert_eq!(with("do-sync:7", None).state, TableState::DoSync { tick: TickId(7) });
        let copied = with("ok", Some("10:20:12,15"));
        assert!(!copied.wants(Txid(11)), "committed before the copy");
        assert!(copied.wants(Txid(12)), "in progress during the copy");
        assert!(copied.wants(Txid(20)), "after the copy");
    }

    #[test]
    fn a_table_to_be_renewed_is_kept_up_until_the_copy_has_it() {
        let with = |state: Option<&str>, attrs: Option<&str>| {
            let (merge_state, attrs) = (state.map(str::to_owned), attrs.map(str::to_owned));
            table(TableRow { merge_state, attrs, ..row() }).unwrap().wants(Txid(5))
        };
        assert!(with(None, Some("renew=1")));
        assert!(!with(None, None));
        assert!(!with(Some("in-copy"), Some("renew=1")));
    }

    #[test]
    fn both_spellings_of_the_handler_attribute_are_read() {
        for attrs in [
            "handler=londiste%28ignore_truncate%3d1%29",
            "handlers=londiste%28ignore_truncate%3d1%29",
        ] {
            let table = self::table(TableRow { attrs: Some(attrs.to_owned()), ..row() }).unwrap();
            assert!(table.handler.ignore_truncate());
        }
    }

    #[test]
    fn unknown_texts_are_refused() {
        let state = TableRow { merge_state: Some("lost".to_owned()), ..row() };
        assert_eq!(table(state).unwrap_err().to_string(), "Bad table state: lost");
        let handler = TableRow { attrs: Some("handler=nosuch".to_owned()), ..row() };
        assert_eq!(table(handler).unwrap_err().to_string(), "'nosuch' (handler of table public.t)");
    }
}
