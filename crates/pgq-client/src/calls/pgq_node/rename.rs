//! A node's new name. The original's extension does not have these functions, so a session can bring them along.

use tokio_postgres::GenericClient;

use crate::calls::Reply;
use crate::calls::statement::{Arg, reply, value};
use crate::name::{NodeName, QueueName};
use crate::schema::{Schema, embed};
use crate::{Error, Result};

/// Where the functions of a session's database are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenameSteps {
    /// In the schema `pgq_node`.
    Installed,
    /// Brought along by [`bring_rename_steps`]; they run with the rights of the session's role.
    Brought,
}

impl RenameSteps {
    fn schema(self) -> &'static str {
        match self {
            RenameSteps::Installed => "pgq_node",
            RenameSteps::Brought => "pg_temp",
        }
    }
}

/// Whether the functions are installed.
pub async fn has_rename_steps(client: &impl GenericClient) -> Result<bool> {
    let sql = "select to_regprocedure('pgq_node.rename_node_step1(text, text, text)') is not null \
               and to_regprocedure('pgq_node.rename_node_step2(text, text, text)') is not null";
    Ok(value(client, sql, &[]).await?.unwrap_or_default())
}

/// Whether the session's role may do what the functions do.
pub async fn may_rename(client: &impl GenericClient) -> Result<bool> {
    let sql = "select (select bool_and(has_table_privilege('pgq_node.' || t, p)) \
                         from unnest(array['node_location', 'node_info', 'local_state', 'subscriber_info']) t, \
                              unnest(array['select', 'insert', 'update', 'delete']) p) \
                  and has_function_privilege('pgq.register_consumer(text, text)', 'execute') \
                  and has_function_privilege('pgq.register_consumer_at(text, text, bigint)', 'execute') \
                  and has_function_privilege('pgq.unregister_consumer(text, text)', 'execute') \
                  and has_function_privilege('pgq.get_consumer_info(text, text)', 'execute') \
                  and has_function_privilege('pgq.insert_event(text, text, text, text, text, text, text)', 'execute') \
                  and has_database_privilege(current_database(), 'temp')";
    Ok(value(client, sql, &[]).await?.unwrap_or_default())
}

/// Creates both functions for this session alone.
pub async fn bring_rename_steps(client: &impl GenericClient) -> Result<()> {
    for step in ["rename_node_step1", "rename_node_step2"] {
        let file = format!("functions/{step}.sql");
        let files = embed::files(Schema::PgqNode).always;
        let text = files.iter().find(|(name, _)| *name == file).map(|(_, text)| text);
        let text = text.ok_or_else(|| Error::protocol(format!("{file} is not embedded")))?;
        let sql = text
            .replace(&format!("function pgq_node.{step}("), &format!("function pg_temp.{step}("));
        client.batch_execute(&sql).await.map_err(|e| Error::sql(e, format!("create {step}")))?;
    }
    Ok(())
}

/// `pgq_node.rename_node_step1`: the node is known under both names.
pub async fn rename_node_step1(
    client: &impl GenericClient,
    steps: RenameSteps,
    queue: &QueueName,
    old: &NodeName,
    new: &NodeName,
) -> Result<Reply> {
    step(client, steps, 1, queue, old, new).await
}

/// `pgq_node.rename_node_step2`: everything uses the new name, the old one is gone.
pub async fn rename_node_step2(
    client: &impl GenericClient,
    steps: RenameSteps,
    queue: &QueueName,
    old: &NodeName,
    new: &NodeName,
) -> Result<Reply> {
    step(client, steps, 2, queue, old, new).await
}

async fn step(
    client: &impl GenericClient,
    steps: RenameSteps,
    nr: u8,
    queue: &QueueName,
    old: &NodeName,
    new: &NodeName,
) -> Result<Reply> {
    let schema = steps.schema();
    let sql = format!("select * from {schema}.rename_node_step{nr}($1, $2, $3)");
    let args = [Arg::Text(queue.as_str()), Arg::Text(old.as_str()), Arg::Text(new.as_str())];
    reply(client, &sql, &args).await
}
