//! `tables`, `seqs`, `missing`: what this node replicates and what it could (contract `cli.md` 6.18).

use pgq_client::calls::statement::for_display;
use pgq_client::text::urlenc::UrlencError;

use super::Run;
use super::add_seq::attached_seqs;
use super::set::{LocalSet, warn_unless_node};
use crate::calls::{self, ObjectKind};
use crate::cli::console;
use crate::cli::table_display::{Cell, table};
use crate::table::attrs::TableAttrs;

/// The tables of this node, by name.
pub(crate) async fn tables(run: &Run) -> anyhow::Result<()> {
    let db = run.job.local("db").await?;
    let mut rows = for_display(calls::get_table_list(&*db, &run.job.settings.queue)).await?;
    if rows.is_empty() {
        warn_unless_node(&*db, &run.job.settings.queue).await?;
    }
    rows.retain(|row| row.local);
    rows.sort_by(|a, b| a.table.cmp(&b.table));
    if run.options.names_only {
        for row in rows {
            console::say(row.table.as_str());
        }
        return Ok(());
    }
    let cells = rows
        .iter()
        .map(|row| {
            let attrs = row.attrs.as_deref();
            let shown = TableAttrs::parse(attrs)?.to_string();
            Ok(vec![
                Cell::text(Some(row.table.as_str())),
                Cell::text(row.merge_state.as_deref()),
                Cell::formatted(attrs, shown),
            ])
        })
        .collect::<Result<Vec<_>, UrlencError>>()?;
    show("Tables on node", &["table_name", "merge_state", "table_attrs"], &cells);
    Ok(())
}

/// The sequences of the set, in order of registration.
pub(crate) async fn seqs(run: &Run) -> anyhow::Result<()> {
    let db = run.job.local("db").await?;
    let rows = for_display(calls::get_seq_list(&*db, &run.job.settings.queue)).await?;
    if rows.is_empty() {
        warn_unless_node(&*db, &run.job.settings.queue).await?;
    }
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            vec![
                Cell::text(Some(row.seq.as_str())),
                Cell::boolean(row.local),
                Cell::number(row.last_value),
            ]
        })
        .collect();
    show("Sequences on node", &["seq_name", "local", "last_value"], &cells);
    Ok(())
}

/// What could be added here.
pub(crate) async fn missing(run: &Run) -> anyhow::Result<()> {
    let set = LocalSet::load(run).await?;
    set.name()?;
    let queue = &run.job.settings.queue;
    let rows = for_display(calls::local_show_missing(&*set.db, queue)).await?;
    // On a root the original's function does not leave out registered sequences.
    let attached = attached_seqs(&*set.db, run).await?;
    let cells: Vec<_> = rows
        .iter()
        .filter(|row| row.kind != ObjectKind::Sequence || !attached.contains(&row.name))
        .map(|row| vec![Cell::text(Some(row.kind.letter())), Cell::text(Some(row.name.as_str()))])
        .collect();
    show("Missing objects on node", &["obj_kind", "obj_name"], &cells);
    Ok(())
}

pub(super) fn show(title: &str, headers: &[&str], rows: &[Vec<Cell>]) {
    if let Some(text) = table(title, headers, rows) {
        console::say(&text);
    }
}
