//! `change-handler`, `show-handlers` (contract `cli.md` 6.19 and 6.23).

use anyhow::bail;

use super::Run;
use super::add_table::{handler, trigger_args};
use super::set::LocalSet;
use crate::calls;
use crate::cli::console;
use crate::handler::{Entry, HandlerError};
use crate::job::{self, UsageError};
use crate::table::attrs::{HandlerSpec, TableAttrs};
use pgq_client::name::TableName;

/// `change-handler TABLE`: another handler, or none.
pub(crate) async fn change(run: &Run) -> anyhow::Result<()> {
    let wanted = handler(run)?;
    let queue = &run.job.settings.queue;
    let mut set = LocalSet::load(run).await?;
    let table = TableName::new(&run.args[0]);
    let rows = calls::get_table_list(&*set.db, queue).await?;
    let Some(row) = rows.into_iter().find(|row| row.table == table && row.local) else {
        bail!(UsageError(format!("Table {table} not found on this node")));
    };
    let mut attrs = TableAttrs::parse(row.attrs.as_deref())?;
    let text = wanted.as_ref().map(|(spec, _)| spec.to_string());
    if attrs.get("handler") == text.as_deref() {
        tracing::info!("Handler is already set to desired value, nothing done");
        return Ok(());
    }
    match text {
        Some(text) => attrs.set("handler", text),
        None => attrs.remove("handler"),
    }
    let args = trigger_args(run, wanted.as_ref().map(|(_, handler)| handler));
    let attrs = attrs.to_stored();
    job::commit_checked(&mut set.db, None, async |db| {
        calls::local_change_handler(db, queue, &table, &args, attrs.as_deref()).await
    })
    .await?;
    Ok(())
}

/// `show-handlers [NAME...]`
pub(crate) fn show(run: &Run) -> anyhow::Result<()> {
    let handlers = &run.job.settings.handlers;
    if run.args.is_empty() {
        for Entry { name, description, .. } in handlers.entries() {
            console::say(&format!("{name} - {description}"));
        }
        return Ok(());
    }
    for wanted in &run.args {
        let Some(entry) = handlers.entries().find(|entry| entry.name == wanted) else {
            bail!(HandlerError::Unknown(HandlerSpec::parse(wanted)?.name));
        };
        console::say(&help(entry));
    }
    Ok(())
}

/// What a handler does and what can be given to it by `--handler-arg`.
fn help(Entry { name, description, parameters }: &Entry) -> String {
    let mut text = format!("{name} - {description}");
    if !parameters.is_empty() {
        text.push_str("\n    Parameters:");
    }
    for line in parameters.lines() {
        text.push_str("\n      ");
        text.push_str(line);
    }
    text
}
