//! `add-table`: subscribes this node to tables (contract `cli.md` 6.14).
//!
//! New here: `--copy-condition`. It is tried on the provider before anything is changed, so that a mistake in it shows
//! at once and not when the copy starts.

use anyhow::bail;
use pgq_client::Error;
use pgq_client::calls::pgq_node::NodeType;
use pgq_client::conn::Session;
use pgq_client::name::TableName;
use tokio_postgres::GenericClient;

use super::create_full::{self, Registered};
use super::create_object::create_table;
use super::set::{LocalSet, Member};
use super::wanted::{Choice, choose};
use super::{Run, relatives, wait_sync};
use crate::calls::{self, NewTable, ObjectKind, TableRow};
use crate::handler::Handler;
use crate::job::{self, UsageError};
use crate::table::attrs::{HandlerSpec, TableAttrs};
use crate::table::source;

/// Adds the tables that the arguments name, each in a transaction of its own.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let options = &run.options;
    let handler = handler(run)?;
    if let Some(flags) = &options.trigger_flags {
        warn_of_unknown_flags(flags);
    }
    let mut set = LocalSet::load(run).await?;
    set.name()?;
    // Before the provider's: a table that comes to both meanwhile is not taken for one that the provider no longer has.
    let here = calls::get_table_list(&*set.db, &run.job.settings.queue).await?;
    let mut provider = Provider::connect(run, &set).await?;
    if set.node_type()? != NodeType::Root {
        let there = match (&provider, &run.options.copy_node) {
            (Some(provider), None) => provider.tables.clone(),
            _ => {
                let upstream = upstream(run, &set).await?;
                calls::get_table_list(&*upstream, &run.job.settings.queue).await?
            }
        };
        sync_registrations(run, &mut set, &here, &there).await?;
    }
    let tables = tables(run, &set, handler.as_ref()).await?;
    if let Some(provider) = &provider
        && !options.expect_sync
        && !options.find_copy_node
    {
        provider.must_have(&tables, options.skip_non_existing, "canceling")?;
    }
    if options.dest_table.is_some() && tables.len() > 1 {
        bail!(UsageError("--dest-table can be given only for single table".to_owned()));
    }
    check_copy_condition(run, provider.as_ref(), &tables).await?;
    if (options.create || options.create_full) && options.find_copy_node {
        // The definition comes from where the rows will come from.
        if let Some(provider) = &mut provider {
            let source = source::find(&run.job, &location(run, &set)?, &tables).await?;
            *provider = Provider { db: source.session, tables: source.tables, chosen: false };
        }
    }
    for table in &tables {
        add(run, &mut set.db, provider.as_mut(), table, handler.as_ref()).await?;
    }
    if options.wait_sync {
        wait_sync::run(run).await?;
    }
    Ok(())
}

/// Letters that mean nothing are ignored where the trigger is made, as the original does.
fn warn_of_unknown_flags(flags: &str) {
    const KNOWN: &str = "BAIUDLQJS";
    for flag in flags.chars().filter(|flag| !KNOWN.contains(flag.to_ascii_uppercase())) {
        tracing::warn!("--trigger-flags: '{flag}' means nothing, known are {KNOWN}");
    }
}

/// The handler asked for, with its arguments checked; `None` is the default one.
pub(super) fn handler(run: &Run) -> anyhow::Result<Option<(HandlerSpec, Handler)>> {
    let Some(name) = &run.options.handler else {
        if !run.options.handler_arg.is_empty() {
            tracing::warn!("--handler-arg without --handler is ignored");
        }
        return Ok(None);
    };
    let spec = HandlerSpec::from_options(name, &run.options.handler_arg)?;
    let handler = run.job.settings.handlers.build(&spec)?;
    Ok(Some((spec, handler)))
}

/// The node that the first rows come from.
pub(super) struct Provider {
    db: Session,
    tables: Vec<TableRow>,
    /// Whether the operator named it.
    chosen: bool,
}

impl Provider {
    /// Connects to the node named by `--copy-node`, else to the node's provider; `None` on a root.
    pub(super) async fn connect(run: &Run, set: &LocalSet) -> anyhow::Result<Option<Provider>> {
        if set.node_type()? == NodeType::Root && run.options.copy_node.is_none() {
            return Ok(None);
        }
        let db = run.job.remote("provider_db", &location(run, set)?).await?;
        let tables = calls::get_table_list(&*db, &run.job.settings.queue).await?;
        Ok(Some(Provider { db, tables, chosen: run.options.copy_node.is_some() }))
    }

    fn table(&self, name: &TableName) -> Option<&TableRow> {
        self.tables.iter().find(|row| row.table == *name)
    }

    /// Complains about tables that the provider knows but has not got. One that the operator named may not have heard of them
    /// yet either.
    pub(super) fn must_have(
        &self,
        tables: &[TableName],
        skip: bool,
        canceling: &str,
    ) -> Result<(), UsageError> {
        let missing = tables.iter().filter(|name| match self.table(name) {
            Some(row) => !row.local,
            None => self.chosen,
        });
        let mut problems = false;
        for name in missing {
            if skip {
                tracing::warn!("Table {name} does not exist on provider");
            } else {
                tracing::error!(
                    "Table {name} does not exist on provider, need to switch to different provider"
                );
                problems = true;
            }
        }
        if problems {
            return Err(UsageError(format!("Problems, {canceling} operation")));
        }
        Ok(())
    }
}

/// The node that this one gets its events from, on a node that is no root. It has heard of everything that this one has heard
/// of, which the node that rows are copied from need not: what is not known there yet would be taken for removed.
pub(super) async fn upstream(run: &Run, set: &LocalSet) -> anyhow::Result<Session> {
    run.job.remote("provider_db", &provider_location(set)?).await
}

fn provider_location(set: &LocalSet) -> Result<String, UsageError> {
    set.name()?;
    set.info.provider_location.clone().ok_or_else(|| {
        UsageError("the provider's location is not registered on this node".to_owned())
    })
}

/// Where the provider of rows is (contract `cli.md` 5.10).
pub(super) fn location(run: &Run, set: &LocalSet) -> Result<String, UsageError> {
    let Some(name) = &run.options.copy_node else {
        return provider_location(set);
    };
    let node = name.as_str().into();
    if set.is_local(&node) {
        return Err(UsageError("Cannot use itself as provider".to_owned()));
    }
    match set.members.get(&node) {
        Some(Member::Alive(location)) => Ok(location.clone()),
        Some(Member::Dead) => Err(UsageError(format!("Node {node} is dead"))),
        None => Err(UsageError(format!("Cannot find node <{node}>"))),
    }
}

/// Makes the same tables known here as at the provider.
async fn sync_registrations(
    run: &Run,
    set: &mut LocalSet,
    here: &[TableRow],
    provider: &[TableRow],
) -> anyhow::Result<()> {
    let settings = &run.job.settings;
    let queue = &settings.queue;
    let known = |rows: &[TableRow], name: &TableName| rows.iter().any(|row| row.table == *name);
    for TableRow { table, .. } in provider {
        if !known(here, table) && settings.register_tables.accepts(table.as_str()) {
            tracing::info!("Table {table} info missing from subscriber, adding");
            job::commit_checked(&mut set.db, None, async |db| {
                calls::global_add_table(db, queue, table).await
            })
            .await?;
        }
    }
    for TableRow { table, .. } in here {
        if !known(provider, table) {
            tracing::info!("Table {table} gone but exists on subscriber, removing");
            let reply = calls::global_remove_table(&*set.db, queue, table).await?;
            job::checked_removal(&reply)?;
        }
    }
    Ok(())
}

async fn tables(
    run: &Run,
    set: &LocalSet,
    handler: Option<&(HandlerSpec, Handler)>,
) -> anyhow::Result<Vec<TableName>> {
    let queue = &run.job.settings.queue;
    let attached = attached_tables(&*set.db, run).await?;
    let missing: Vec<TableName> = calls::local_show_missing(&*set.db, queue)
        .await?
        .into_iter()
        .filter(|object| object.kind == ObjectKind::Table)
        .map(|object| object.name)
        .collect();
    let choice = Choice {
        working: &missing,
        done: &attached,
        done_because: None,
        all: run.options.all,
        force: run.options.force,
        needs_table: handler.is_none_or(|(_, handler)| handler.needs_table()),
    };
    choose(&*set.db, &run.args, choice, ObjectKind::Table).await
}

/// Names of the tables that this node has.
pub(super) async fn attached_tables(
    db: &impl GenericClient,
    run: &Run,
) -> anyhow::Result<Vec<TableName>> {
    let rows = calls::get_table_list(db, &run.job.settings.queue).await?;
    Ok(rows.into_iter().filter(|row| row.local).map(|row| row.table).collect())
}

/// Tries the condition on the provider's tables.
async fn check_copy_condition(
    run: &Run,
    provider: Option<&Provider>,
    tables: &[TableName],
) -> anyhow::Result<()> {
    let Some(condition) = &run.options.copy_condition else { return Ok(()) };
    let Some(provider) = provider else {
        bail!(UsageError(
            "--copy-condition is of no use on the root: nothing is copied".to_owned()
        ));
    };
    for table in tables {
        let Some(source) = provider.table(table).filter(|row| row.local) else { continue };
        let sql =
            format!("select from only {} where ({condition}) limit 0", source.dest().quoted());
        if let Err(error) = provider.db.simple_query(&sql).await {
            let error = Error::sql(error, sql);
            if error.is_closed() {
                return Err(error.into());
            }
            let reason = error.to_string();
            let reason = reason.lines().next().unwrap_or_default();
            bail!(UsageError(format!("Bad --copy-condition for table {table}: {reason}")));
        }
    }
    Ok(())
}

async fn add(
    run: &Run,
    db: &mut Session,
    provider: Option<&mut Provider>,
    table: &TableName,
    handler: Option<&(HandlerSpec, Handler)>,
) -> anyhow::Result<()> {
    let settings = &run.job.settings;
    let options = &run.options;
    let on_root = provider.is_none();
    let dest = options.dest_table.as_deref().map(TableName::new);
    let transaction = job::begin(db).await?;
    let limit = settings.lock_timeout.as_millis();
    if limit > 0 {
        let sql = format!("SET LOCAL statement_timeout = {limit}");
        tracing::debug!("{sql}");
        transaction.batch_execute(&sql).await.map_err(|error| Error::sql(error, sql))?;
    }
    let physical = dest.as_ref().unwrap_or(table);
    let desc = describe(table, dest.as_ref());
    let exists = calls::find_table_oid(&transaction, physical).await?.is_some();
    if options.create || options.create_full {
        if exists {
            tracing::info!("Table {desc} already exist, not touching");
        } else if let Some((provider, source)) = original(provider, table).await? {
            if options.create_full {
                let there = &provider.tables;
                let set = Registered::load(&transaction, &settings.queue, there).await?;
                create_full::create_table(&mut provider.db, &transaction, &source, physical, &set)
                    .await?;
            } else {
                create_table(&mut provider.db, &transaction, &source, physical).await?;
            }
        } else {
            tracing::warn!("Table {desc} missing on provider, cannot create, skipping");
            return Ok(());
        }
    } else if options.skip_non_existing && !exists {
        tracing::warn!("Table {desc} does not exist on local node, skipping");
        return Ok(());
    }
    let trigger_args = trigger_args(run, handler.map(|(_, handler)| handler));
    let attrs = attrs(run, handler.map(|(spec, _)| spec)).to_stored();
    let new = NewTable {
        table,
        trigger_args: &trigger_args,
        attrs: attrs.as_deref(),
        dest: dest.as_ref(),
    };
    let reply = calls::local_add_table(&transaction, &settings.queue, &new).await?;
    job::checked(&reply, None)?;
    relatives::explain(&transaction, table, physical, on_root).await?;
    job::commit(transaction).await?;
    if options.copy_condition.is_some() {
        tracing::info!(
            "{table}: the copy condition holds for the initial copy and for compare only, later changes are not filtered"
        );
    }
    Ok(())
}

/// The provider's table that one is created from, if there is one.
async fn original<'a>(
    provider: Option<&'a mut Provider>,
    table: &TableName,
) -> anyhow::Result<Option<(&'a mut Provider, TableName)>> {
    let Some(provider) = provider else { return Ok(None) };
    let source = provider.table(table).map_or(table, TableRow::dest).clone();
    let exists = calls::find_table_oid(&*provider.db, &source).await?.is_some();
    Ok(exists.then_some((provider, source)))
}

fn describe(table: &TableName, dest: Option<&TableName>) -> String {
    match dest {
        Some(dest) if dest != table => format!("{table}({dest})"),
        _ => table.to_string(),
    }
}

/// Options and trigger arguments of `londiste.local_add_table`.
pub(super) fn trigger_args(run: &Run, handler: Option<&Handler>) -> Vec<String> {
    let options = &run.options;
    let mut args = options.trigger_arg.clone();
    if let Some(flags) = &options.trigger_flags {
        args.push(format!("tgflags={flags}"));
    }
    let words = [
        (options.no_triggers, "no_triggers"),
        (options.merge_all, "merge_all"),
        (options.no_merge, "no_merge"),
        (options.expect_sync, "expect_sync"),
    ];
    args.extend(words.iter().filter(|(given, _)| *given).map(|(_, word)| (*word).to_owned()));
    args.extend(handler.map(Handler::trigger_args).unwrap_or_default());
    args
}

fn attrs(run: &Run, handler: Option<&HandlerSpec>) -> TableAttrs {
    let options = &run.options;
    let mut attrs = TableAttrs::default();
    if let Some(handler) = handler {
        attrs.set("handler", handler.to_string());
    }
    if options.find_copy_node {
        attrs.set("copy_node", "?");
    } else if let Some(node) = &options.copy_node {
        attrs.set("copy_node", node);
    }
    if options.skip_truncate && !options.expect_sync {
        attrs.set("skip_truncate", "1");
    }
    if let Some(number) = options.max_parallel_copy {
        attrs.set("max_parallel_copy", number.to_string());
    }
    if let Some(condition) = &options.copy_condition {
        attrs.set("copy_condition", condition);
    }
    attrs
}
