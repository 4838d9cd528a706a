//! Scripts run once per node, and the session's role (contract `londiste-sql.md` 15 and 17).

use pgq_client::Result;
use pgq_client::calls::Reply;
use pgq_client::calls::statement::{Arg, query, reply, value};
use pgq_client::name::QueueName;
use tokio_postgres::GenericClient;

/// A script about to run: arguments of [`execute_start`].
#[derive(Debug, Clone, Copy)]
pub struct NewScript<'a> {
    /// File name; a script of this name runs once per node.
    pub name: &'a str,
    /// Its text.
    pub sql: &'a str,
    /// Whether only a root may start it.
    pub expect_root: bool,
    /// `--*--` attributes, url-encoded.
    pub attrs: Option<&'a str>,
}

/// `londiste.execute_start`: a code above 200 says that this node ran the script already. An unknown queue is an error.
pub async fn execute_start(
    client: &impl GenericClient,
    queue: &QueueName,
    script: &NewScript<'_>,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.execute_start($1, $2, $3, $4, $5)",
        &[
            Arg::Text(queue.as_str()),
            Arg::Text(script.name),
            Arg::Text(script.sql),
            Arg::Bool(script.expect_root),
            Arg::OptText(script.attrs),
        ],
    )
    .await
}

/// `londiste.execute_finish`: on a root, sends the script to the other nodes.
pub async fn execute_finish(
    client: &impl GenericClient,
    queue: &QueueName,
    name: &str,
) -> Result<Reply> {
    reply(
        client,
        "select * from londiste.execute_finish($1, $2)",
        &[Arg::Text(queue.as_str()), Arg::Text(name)],
    )
    .await
}

/// Values of the setting `session_replication_role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicationRole {
    /// Ordinary triggers fire: an application's session.
    Origin,
    /// Only triggers enabled for replicas fire: replay and copy.
    Replica,
    /// As origin, for scripts run on every node.
    Local,
}

impl ReplicationRole {
    /// The setting's value.
    pub fn as_str(self) -> &'static str {
        match self {
            ReplicationRole::Origin => "origin",
            ReplicationRole::Replica => "replica",
            ReplicationRole::Local => "local",
        }
    }
}

/// `londiste.set_session_replication_role`: for this transaction when `is_local`, else for the session. The function is
/// a definer's, so that a role without the right to change the setting may do so here.
pub async fn set_session_replication_role(
    client: &impl GenericClient,
    role: ReplicationRole,
    is_local: bool,
) -> Result<()> {
    // Returns void, which has no value to read.
    query(
        client,
        "select londiste.set_session_replication_role($1, $2)",
        &[Arg::Text(role.as_str()), Arg::Bool(is_local)],
    )
    .await?;
    Ok(())
}

/// `londiste.version`.
pub async fn version(client: &impl GenericClient) -> Result<Option<String>> {
    value(client, "select londiste.version()", &[]).await
}
