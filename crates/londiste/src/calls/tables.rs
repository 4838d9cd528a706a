//! Tables of a set: registration, state, attributes (contract `londiste-sql.md` 7 to 12).

use pgq_client::calls::Reply;
use pgq_client::calls::statement::{Arg, query, reply, value};
use pgq_client::name::{QueueName, TableName};
use pgq_client::{Error, Result};
use tokio_postgres::{GenericClient, Row};

use crate::table::state::{BadState, TableState};

/// A row of `londiste.get_table_list`: a table of the set as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// `table_name`: the name in the set.
    pub table: TableName,
    /// `local`: whether this node subscribes to it.
    pub local: bool,
    /// `merge_state` as stored; [`TableRow::state`] gives it meaning.
    pub merge_state: Option<String>,
    /// `custom_snapshot`
    pub custom_snapshot: Option<String>,
    /// `table_attrs`, url-encoded; see [`crate::table::attrs`].
    pub attrs: Option<String>,
    /// `dropped_ddl`: statements that bring back what was dropped before the copy.
    pub dropped_ddl: Option<String>,
    /// `copy_role`: this queue's part when several queues feed the same table.
    pub copy_role: Option<CopyRole>,
    /// `copy_pos`: how many queues of the group copy before this one.
    pub copy_pos: i32,
    /// `dest_table`: name of the table in this database when it differs.
    pub dest_table: Option<TableName>,
}

impl TableRow {
    /// A table that is attached here and of which nothing else is stored: not copied yet, no attributes, its own name.
    pub fn attached(table: TableName) -> TableRow {
        TableRow {
            table,
            local: true,
            merge_state: None,
            custom_snapshot: None,
            attrs: None,
            dropped_ddl: None,
            copy_role: None,
            copy_pos: 0,
            dest_table: None,
        }
    }

    /// The table in this database.
    pub fn dest(&self) -> &TableName {
        self.dest_table.as_ref().unwrap_or(&self.table)
    }

    /// Where the table is on its way into the set.
    pub fn state(&self) -> std::result::Result<TableState, BadState> {
        TableState::from_stored(self.merge_state.as_deref())
    }
}

/// What a copy must mind when other queues feed the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyRole {
    /// `lead`: drops indexes before the copy and restores them when everybody has copied.
    Lead,
    /// `wait-copy`: must not start yet.
    WaitCopy,
    /// `wait-replay`: copies, then stays in catching-up until the role is gone.
    WaitReplay,
}

impl CopyRole {
    fn from_stored(text: &str) -> Result<CopyRole> {
        match text {
            "lead" => Ok(CopyRole::Lead),
            "wait-copy" => Ok(CopyRole::WaitCopy),
            "wait-replay" => Ok(CopyRole::WaitReplay),
            _ => Err(Error::protocol(format!("unknown copy_role: {text}"))),
        }
    }
}

/// `londiste.get_table_list`: all tables of the queue in registration order; no rows when the queue is unknown.
pub async fn get_table_list(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<TableRow>> {
    let rows = query(
        client,
        "select table_name, local, merge_state, custom_snapshot, table_attrs, dropped_ddl, copy_role, copy_pos, \
         dest_table from londiste.get_table_list($1)",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    rows.iter().map(table_row).collect()
}

/// Rows of [`get_table_list`], in no order, those of the tables with these names: with thousands of tables the function takes
/// longer than what one of them is wanted for.
pub async fn get_tables(
    client: &impl GenericClient,
    queue: &QueueName,
    names: &[String],
) -> Result<Vec<TableRow>> {
    let rows = query(
        client,
        "select t.table_name, t.local, t.merge_state, t.custom_snapshot, t.table_attrs, t.dropped_ddl, c.copy_role, \
                c.copy_pos, t.dest_table \
           from londiste.table_info t \
           left join lateral londiste._coordinate_copy( \
                    case when t.merge_state in ('in-copy', 'catching-up') then t.queue_name end, t.table_name) c on true \
          where t.queue_name = $1 and t.table_name = any ($2)",
        &[Arg::Text(queue.as_str()), Arg::List(names)],
    )
    .await?;
    rows.iter().map(table_row).collect()
}

/// The row of [`get_table_list`] of one table that is attached on the node.
pub async fn get_local_table(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
) -> Result<Option<TableRow>> {
    let rows = get_tables(client, queue, &[table.to_string()]).await?;
    Ok(rows.into_iter().find(|row| row.local))
}

fn table_row(row: &Row) -> Result<TableRow> {
    let role: Option<&str> = row.try_get("copy_role")?;
    let dest: Option<&str> = row.try_get("dest_table")?;
    Ok(TableRow {
        table: TableName::new(row.try_get("table_name")?),
        local: row.try_get("local")?,
        merge_state: row.try_get("merge_state")?,
        custom_snapshot: row.try_get("custom_snapshot")?,
        attrs: row.try_get("table_attrs")?,
        dropped_ddl: row.try_get("dropped_ddl")?,
        copy_role: role.map(CopyRole::from_stored).transpose()?,
        copy_pos: row.try_get::<_, Option<i32>>("copy_pos")?.unwrap_or(0),
        dest_table: dest.map(TableName::new),
    })
}

/// Keeps a table's row as it is until the end of the transaction; false when there is none. No function of the schema does
/// only this.
pub async fn lock_table(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
) -> Result<bool> {
    let rows = query(
        client,
        "select from londiste.table_info where queue_name = $1 and table_name = $2 for update",
        &[Arg::Text(queue.as_str()), Arg::Text(table.as_str())],
    )
    .await?;
    Ok(!rows.is_empty())
}

/// Kind of an object that may be replicated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// `r`
    Table,
    /// `S`
    Sequence,
}

impl ObjectKind {
    /// The letter of `pg_class.relkind`.
    pub fn letter(self) -> &'static str {
        match self {
            ObjectKind::Table => "r",
            ObjectKind::Sequence => "S",
        }
    }
}

/// A row of `londiste.local_show_missing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingObject {
    /// `obj_kind`
    pub kind: ObjectKind,
    /// `obj_name`
    pub name: TableName,
}

/// `londiste.local_show_missing`: what could be added on this node; an unknown queue is an error.
pub async fn local_show_missing(
    client: &impl GenericClient,
    queue: &QueueName,
) -> Result<Vec<MissingObject>> {
    let rows = query(
        client,
        "select * from londiste.local_show_missing($1)",
        &[Arg::Text(queue.as_str())],
    )
    .await?;
    rows.iter()
        .map(|row| {
            let kind = match row.try_get("obj_kind")? {
                "r" => ObjectKind::Table,
                "S" => ObjectKind::Sequence,
                other => return Err(Error::protocol(format!("unknown obj_kind: {other}"))),
            };
            Ok(MissingObject { kind, name: TableName::new(row.try_get("obj_name")?) })
        })
        .collect()
}

/// `londiste.find_table_oid`: `None` when there is no table of that name, ordinary or partitioned.
pub async fn find_table_oid(client: &impl GenericClient, table: &TableName) -> Result<Option<u32>> {
    value(client, "select londiste.find_table_oid($1)", &[Arg::Text(table.as_str())]).await
}

/// `londiste.find_rel_oid`: `None` when there is no relation of that name and kind (`pg_class.relkind`).
pub async fn find_rel_oid(
    client: &impl GenericClient,
    name: &TableName,
    kind: &str,
) -> Result<Option<u32>> {
    value(
        client,
        "select londiste.find_rel_oid($1, $2)",
        &[Arg::Text(name.as_str()), Arg::Text(kind)],
    )
    .await
}

/// Arguments of [`local_add_table`].
#[derive(Debug, Clone, Copy)]
pub struct NewTable<'a> {
    /// Name in the set.
    pub table: &'a TableName,
    /// Options of add-table and arguments of the row trigger.
    pub trigger_args: &'a [String],
    /// Attributes, url-encoded.
    pub attrs: Option<&'a str>,
    /// Table in this database, when it differs.
    pub dest: Option<&'a TableName>,
}

/// `londiste.local_add_table`: subscribes this node to a table and installs its triggers.
pub async fn local_add_table(
    client: &impl GenericClient,
    queue: &QueueName,
    new: &NewTable<'_>,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.local_add_table($1, $2, $3, $4, $5)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(new.table.as_str()),
            Arg::List(new.trigger_args),
            Arg::OptText(new.attrs),
            Arg::OptText(new.dest.map(TableName::as_str)),
        ],
    )
    .await
}

/// `londiste.local_remove_table`: ends the subscription; on a root the table leaves the set.
pub async fn local_remove_table(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.local_remove_table($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(table.as_str())],
    )
    .await
}

/// `londiste.global_add_table`: makes a table of the set known on this node.
pub async fn global_add_table(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.global_add_table($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(table.as_str())],
    )
    .await
}

/// `londiste.global_remove_table`: forgets a table of the set on this node.
pub async fn global_remove_table(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.global_remove_table($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(table.as_str())],
    )
    .await
}

/// `londiste.local_change_handler`: new triggers and attributes for a table of this node.
pub async fn local_change_handler(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
    trigger_args: &[String],
    attrs: Option<&str>,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.local_change_handler($1, $2, $3, $4)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(table.as_str()),
            Arg::List(trigger_args),
            Arg::OptText(attrs),
        ],
    )
    .await
}

/// `londiste.local_set_table_state`: state and custom snapshot, both as given.
pub async fn local_set_table_state(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
    snapshot: Option<&str>,
    state: TableState,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.local_set_table_state($1, $2, $3, $4)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(table.as_str()),
            Arg::OptText(snapshot),
            Arg::OptText(state.to_stored().as_deref()),
        ],
    )
    .await
}

/// `londiste.local_set_table_attrs`: replaces the url-encoded attributes.
pub async fn local_set_table_attrs(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
    attrs: Option<&str>,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.local_set_table_attrs($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(table.as_str()), Arg::OptText(attrs)],
    )
    .await
}

/// `londiste.local_set_table_struct`: statements that bring back what a copy dropped; `None` when it is back.
pub async fn local_set_table_struct(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
    dropped_ddl: Option<&str>,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.local_set_table_struct($1, $2, $3)",
        &[Arg::Text(queue.as_str()), Arg::Text(table.as_str()), Arg::OptText(dropped_ddl)],
    )
    .await
}

/// Locks a table's row, so that nobody changes it until the transaction ends; the schema has no function for it.
pub async fn lock_table_info(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
) -> Result<()> {
    query(
        client,
        "select 1 from londiste.table_info where queue_name = $1 and table_name = $2 for no key update",
        &[Arg::Text(queue.as_str()), Arg::Text(table.as_str())],
    )
    .await
    .map(drop)
}

/// Overwrites `londiste.table_info.dest_table`, for handlers that choose the destination themselves; the schema has no
/// function for it.
pub async fn set_dest_table(
    client: &impl GenericClient,
    queue: &QueueName,
    table: &TableName,
    dest: &TableName,
) -> Result<()> {
    value::<String>(
        client,
        "update londiste.table_info set dest_table = $3 where queue_name = $1 and table_name = $2 \
         returning dest_table",
        &[Arg::Text(queue.as_str()), Arg::Text(table.as_str()), Arg::Text(dest.as_str())],
    )
    .await?;
    Ok(())
}
