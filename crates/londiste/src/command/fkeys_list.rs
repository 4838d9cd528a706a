//! `fkeys`: the foreign keys of this node's tables, present or put aside, and how to bring them back or drop them. The
//! original's does nothing (contract `cli.md` 6.24).

use pgq_client::name::TableName;
use pgq_client::text::quoting::{quote_ident, quote_literal};

use super::Run;
use super::check::{chosen, say_statements};
use super::set::warn_unless_node;
use super::tables::show;
use crate::calls::{self, ForeignKey, TableRow};
use crate::cli::table_display::Cell;
use crate::ddl::load::with_empty_search_path;
use crate::job;

/// Lists the keys of the tables that the arguments name, or of all of this node.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let queue = &run.job.settings.queue;
    let mut db = run.job.local("db").await?;
    let rows = calls::get_table_list(&*db, queue).await?;
    if rows.is_empty() {
        warn_unless_node(&*db, queue).await?;
    }
    let tables = chosen(run, &rows)?;
    let transaction = job::begin(&mut db).await?;
    let mut keys: Vec<Key> = Vec::new();
    for table in &tables {
        let (present, pending) = with_empty_search_path(transaction.client(), async {
            let present = calls::find_table_fkeys(&transaction, table.dest()).await?;
            let pending = calls::get_table_pending_fkeys(&transaction, table.dest()).await?;
            pgq_client::Result::Ok((present, pending))
        })
        .await?;
        add(&mut keys, present, pending);
    }
    drop(transaction);
    keys.sort_by(|a, b| (&a.key.from_table, &a.key.name).cmp(&(&b.key.from_table, &b.key.name)));
    let cells: Vec<Vec<Cell>> = keys.iter().map(|key| key.cells(&rows)).collect();
    let headers = ["fkey_name", "from_table", "to_table", "state", "waits_for"];
    show("Foreign keys on node", &headers, &cells);
    statements(&keys);
    Ok(())
}

/// A key and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    key: ForeignKey,
    present: bool,
    pending: bool,
}

fn add(keys: &mut Vec<Key>, present: Vec<ForeignKey>, pending: Vec<ForeignKey>) {
    let found = present
        .into_iter()
        .map(|key| (key, true))
        .chain(pending.into_iter().map(|key| (key, false)));
    for (key, is_present) in found {
        let known = keys
            .iter()
            .position(|known| known.key.from_table == key.from_table && known.key.name == key.name);
        let at = known.unwrap_or_else(|| {
            keys.push(Key { key, present: false, pending: false });
            keys.len() - 1
        });
        keys[at].present |= is_present;
        keys[at].pending |= !is_present;
    }
}

impl Key {
    fn state(&self) -> &'static str {
        match (self.present, self.pending) {
            (true, false) => "present",
            // Back, but its rows have not been checked yet.
            (true, true) => "validating",
            (false, _) => "pending",
        }
    }

    /// What keeps the worker from creating it.
    fn waits_for(&self, rows: &[TableRow]) -> String {
        if !self.pending {
            return String::new();
        }
        let mut sides = vec![&self.key.from_table];
        if self.key.to_table != self.key.from_table {
            sides.push(&self.key.to_table);
        }
        let reasons: Vec<String> = sides.iter().filter_map(|side| not_ready(side, rows)).collect();
        if reasons.is_empty() { "the worker".to_owned() } else { reasons.join(", ") }
    }

    fn cells(&self, rows: &[TableRow]) -> Vec<Cell> {
        let text = |text: &str| Cell::text(Some(text));
        vec![
            text(&self.key.name),
            text(self.key.from_table.as_str()),
            text(self.key.to_table.as_str()),
            text(self.state()),
            text(&self.waits_for(rows)),
        ]
    }
}

/// Why a key of this table cannot come back now.
fn not_ready(table: &TableName, rows: &[TableRow]) -> Option<String> {
    match rows.iter().find(|row| row.local && row.dest() == table) {
        None => Some(format!("add-table {table}")),
        Some(row) if row.merge_state.as_deref() != Some("ok") || row.custom_snapshot.is_some() => {
            Some(format!("copy of {table}"))
        }
        Some(_) => None,
    }
}

fn statements(keys: &[Key]) {
    let literal = |text: &str| quote_literal(Some(text));
    let with = |wanted: fn(&Key) -> bool, text: &dyn Fn(&ForeignKey) -> String| -> Vec<String> {
        keys.iter().filter(|key| wanted(key)).map(|key| text(&key.key)).collect()
    };
    say_statements(
        "Create what is pending. The worker does it by itself once both tables are in sync.",
        with(|key| key.pending, &|key| {
            let (from, name) = (literal(key.from_table.as_str()), literal(&key.name));
            format!("select londiste.restore_table_fkey({from}, {name});")
        }),
    );
    say_statements(
        "Or forget it.",
        with(|key| key.pending, &|key| {
            let (from, name) = (literal(key.from_table.as_str()), literal(&key.name));
            format!(
                "delete from londiste.pending_fkeys where from_table = {from} and fkey_name = {name};"
            )
        }),
    );
    say_statements(
        "Drop what is present.",
        with(|key| key.present, &|key| {
            let (from, name) = (key.from_table.quoted(), quote_ident(&key.name));
            format!("alter table {from} drop constraint {name};")
        }),
    );
    say_statements(
        "And create it again.",
        with(|key| key.present, &|key| format!("{};", key.definition)),
    );
}
