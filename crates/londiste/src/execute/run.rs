//! `execute FILE...` on the root and EXECUTE events on other nodes (contract `compare-repair-execute.md` 5 and 8).
//!
//! Departures from the original: `begin`, `commit` and `end` in a script are left out, since the whole script is one
//! transaction with its entry in the queue; a `rollback` is refused before anything runs; log texts name the script.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pgq_client::Error;
use pgq_client::calls::{Reply, Severity};
use pgq_client::name::{QueueName, TableName};
use tokio_postgres::GenericClient;

use super::attrs::{Attrs, replace_tags};
use super::need::{self, Need};
use crate::calls::{self, NewScript, ReplicationRole};
use crate::ddl::split::{Control, split};
use crate::job::{self, Job, UsageError};

/// Names of this node's part of the set, for headers and tags.
#[derive(Debug, Clone, Default)]
pub struct LocalObjects {
    /// Tables attached here: name in the set to name in this database.
    pub tables: HashMap<TableName, TableName>,
    /// Sequences attached here.
    pub sequences: HashSet<TableName>,
}

impl LocalObjects {
    /// Reads them; one round trip each for tables and sequences.
    pub async fn load(
        client: &impl GenericClient,
        queue: &QueueName,
    ) -> pgq_client::Result<LocalObjects> {
        let tables = calls::get_table_list(client, queue).await?;
        let sequences = calls::get_seq_list(client, queue).await?;
        Ok(LocalObjects {
            tables: tables
                .into_iter()
                .filter(|row| row.local)
                .map(|row| (row.table.clone(), row.dest().clone()))
                .collect(),
            sequences: sequences.into_iter().filter(|row| row.local).map(|row| row.seq).collect(),
        })
    }

    /// Quoted local name for a tag, looked up among tables first.
    fn local_name(&self, value: &str) -> Option<String> {
        let name = TableName::new(value);
        let table = self.tables.get(&name);
        table.or_else(|| self.sequences.get(&name)).map(TableName::quoted)
    }
}

/// A script as it travels.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// File name without folders; a script of this name runs once per node.
    pub name: &'a str,
    /// The text as written, tags included.
    pub sql: &'a str,
    /// Its header in stored form; empty without one.
    pub attrs: &'a str,
}

/// `londiste INI execute FILE...`: runs all files in one transaction on the root and queues them for every other node.
///
/// # Errors
/// [`UsageError`] for an unknown header key or a script that would end the transaction, [`job::CallFailed`] on a node
/// that is no root, the server's error for a failing statement. Nothing has happened then.
pub async fn command(job: &Job, files: &[PathBuf]) -> anyhow::Result<()> {
    let mut scripts = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let sql = read_script(file)?;
        let attrs = Attrs::from_script(&sql).map_err(|error| UsageError(error.to_string()))?;
        refuse_rollback(&name, &sql)?;
        scripts.push((name, sql, attrs));
    }
    if scripts.is_empty() {
        return Ok(());
    }
    let queue = &job.settings.queue;
    let mut db = job.local("db").await?;
    let transaction = db.transaction().await.map_err(Error::from)?;
    let objects = LocalObjects::load(&transaction, queue).await?;
    calls::set_session_replication_role(&transaction, ReplicationRole::Local, true).await?;
    for (name, sql, attrs) in &scripts {
        let script = Script { name, sql, attrs: &attrs.to_stored() };
        if !start(&transaction, queue, script, true).await? {
            continue;
        }
        if needed(&transaction, script, attrs, &objects).await? {
            tracing::info!("{name}: executing sql");
            execute(&transaction, script, attrs, &objects).await?;
        } else {
            tracing::info!("{name}: This SQL does not need to run on this node.");
        }
        job::checked(&calls::execute_finish(&transaction, queue, name).await?, None)?;
    }
    transaction.commit().await.map_err(|error| Error::sql(error, "commit"))?;
    Ok(())
}

/// An EXECUTE event on a node that is not the root, inside the batch's transaction. The session's replication role is
/// `replica` afterwards.
///
/// # Errors
/// The server's error for a failing statement; the caller rolls the batch back and comes again.
pub async fn replay(
    client: &impl GenericClient,
    queue: &QueueName,
    script: Script<'_>,
) -> anyhow::Result<()> {
    let name = script.name;
    // Only the event's attributes count; the text is not read for a header again.
    let attrs =
        Attrs::from_stored(script.attrs).with_context(|| format!("EXECUTE event {name}"))?;
    calls::set_session_replication_role(client, ReplicationRole::Local, true).await?;
    let objects = LocalObjects::load(client, queue).await?;
    if start(client, queue, script, false).await? {
        if needed(client, script, &attrs, &objects).await? {
            tracing::info!("{name}: executing sql");
            execute(client, script, &attrs, &objects).await?;
        } else {
            tracing::info!("{name}: execution not needed on this node");
        }
        job::checked(&calls::execute_finish(client, queue, name).await?, None)?;
    }
    calls::set_session_replication_role(client, ReplicationRole::Replica, true).await?;
    Ok(())
}

fn read_script(file: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(file)
        .map_err(|error| anyhow::anyhow!("{}: '{}'", errno_text(&error), file.display()))?;
    String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{}: the script is not UTF-8 text", file.display()))
}

/// The original's wording, `[Errno 2] No such file or directory`.
fn errno_text(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("[Errno {number}] {}", nix::errno::Errno::from_raw(number).desc()),
        None => error.to_string(),
    }
}

/// A script that would undo its own entry in the queue is refused before anything runs; one that cannot be split too.
fn refuse_rollback(name: &str, sql: &str) -> Result<(), UsageError> {
    let statements = split(sql).map_err(|error| UsageError(format!("{name}: {error}")))?;
    match statements.iter().find(|statement| statement.control == Control::Breaks) {
        None => Ok(()),
        Some(statement) => Err(UsageError(format!(
            "{name}: \"{}\" cannot be part of a script, which runs in one transaction on every node",
            first_line(statement.text)
        ))),
    }
}

/// Registers the script on this node; false when it ran here before.
async fn start(
    client: &impl GenericClient,
    queue: &QueueName,
    script: Script<'_>,
    expect_root: bool,
) -> anyhow::Result<bool> {
    let new =
        NewScript { name: script.name, sql: script.sql, expect_root, attrs: Some(script.attrs) };
    let reply: Reply = calls::execute_start(client, queue, &new).await?;
    job::checked(&reply, None)?;
    let known = reply.severity() == Severity::Done && reply.code > 200;
    if known {
        tracing::warn!("Skipping execution of '{}'", script.name);
    }
    Ok(!known)
}

async fn needed(
    client: &impl GenericClient,
    script: Script<'_>,
    attrs: &Attrs,
    objects: &LocalObjects,
) -> anyhow::Result<bool> {
    match need::check(client, attrs, objects).await? {
        Need::Run => Ok(true),
        Need::Skip => Ok(false),
        Need::Partial { matches, misses } => anyhow::bail!(
            "SQL only partially matches local setup: matches={} misses={} (script {})",
            name_list(&matches),
            name_list(&misses),
            script.name
        ),
    }
}

/// `['a', 'b']`
fn name_list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

/// Runs the statements one by one. Each is sent alone so that an error names it.
async fn execute(
    client: &impl GenericClient,
    script: Script<'_>,
    attrs: &Attrs,
    objects: &LocalObjects,
) -> anyhow::Result<()> {
    let tags = attrs.iter().filter(|(key, _)| key.is_tag());
    let names = tags.filter_map(|(_, value)| Some((value, objects.local_name(value)?)));
    let sql = replace_tags(script.sql, names);
    for statement in split(&sql).with_context(|| format!("script {}", script.name))? {
        match statement.control {
            Control::None => {}
            Control::Bracket => {
                tracing::debug!("{}: left out: {}", script.name, first_line(statement.text));
                continue;
            }
            Control::Breaks => anyhow::bail!(
                "script {}: \"{}\" would undo the whole batch",
                script.name,
                first_line(statement.text)
            ),
        }
        client
            .batch_execute(statement.text)
            .await
            .map_err(|error| Error::sql(error, statement.text))?;
    }
    Ok(())
}

fn first_line(sql: &str) -> &str {
    sql.lines().next().unwrap_or_default()
}
