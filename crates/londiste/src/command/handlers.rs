//! `change-handler`, `show-handlers` (contract `cli.md` 6.19 and 6.23).

use anyhow::bail;

use super::Run;
use super::add_table::{handler, trigger_args};
use super::set::LocalSet;
use crate::calls;
use crate::cli::console;
use crate::handler::{HandlerError, LIST};
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
    if run.args.is_empty() {
        for (name, description) in LIST {
            console::say(&format!("{name} - {description}"));
        }
        return Ok(());
    }
    for wanted in &run.args {
        let found = LIST.iter().find(|(name, _)| name == wanted);
        let Some((name, description)) = found else {
            bail!(HandlerError::Unknown(HandlerSpec::parse(wanted)?.name));
        };
        console::say(&format!("{name} - {description}{}", parameters(name)));
    }
    Ok(())
}

/// What can be given to a handler by `--handler-arg`.
fn parameters(handler: &str) -> &'static str {
    match handler {
        "londiste" => {
            "\n    Parameters:\n      ignore_truncate=BOOL - 1: a truncate of the source is not repeated here. Default: 0"
        }
        _ => "",
    }
}
