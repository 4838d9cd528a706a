//! The set as the local node knows it: who the members are and how to reach them (contract `cli.md` 5.2, 5.3 and 5.6).

use anyhow::bail;
use indexmap::IndexMap;
use pgq_client::calls::Reply;
use pgq_client::calls::pgq_node::{self, NodeInfo, NodeType};
use pgq_client::conn::Session;
use pgq_client::name::{NodeName, QueueName};
use tokio_postgres::{GenericClient, Transaction};

use super::Run;
use crate::hint;
use crate::job::{self, Job, UsageError};

/// A node of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    /// Reached by this connect string.
    Alive(String),
    /// Marked as dead, in the database or by `--dead`.
    Dead,
}

/// All members in the order the database lists them.
pub(crate) type Members = IndexMap<NodeName, Member>;

/// The local node and the members it knows.
pub(crate) struct LocalSet {
    /// The local database.
    pub(crate) db: Session,
    /// `pgq_node.get_node_info`; all empty when the node is not initialised, which is no error here.
    pub(crate) info: NodeInfo,
    /// Everybody, the local node included.
    pub(crate) members: Members,
}

impl LocalSet {
    /// Opens `db` and reads what it knows.
    pub(crate) async fn load(run: &Run) -> anyhow::Result<LocalSet> {
        let db = run.job.local("db").await?;
        let (info, members) = read(&*db, &run.job.settings.queue, &run.options.dead).await?;
        Ok(LocalSet { db, info, members })
    }

    /// The local node's name.
    ///
    /// # Errors
    /// [`UsageError`] when the node is not initialised.
    pub(crate) fn name(&self) -> Result<&NodeName, UsageError> {
        self.info.node_name.as_ref().ok_or_else(|| UsageError(not_initialized(&self.info)))
    }

    /// Warns when the database is no node of the queue, for commands that go on all the same.
    pub(crate) fn warn_unless_node(&self) {
        if self.info.node_name.is_none() {
            tracing::warn!("{}", not_initialized(&self.info));
        }
    }

    /// The local node's type; as [`LocalSet::name`].
    pub(crate) fn node_type(&self) -> Result<NodeType, UsageError> {
        self.name()?;
        self.info.node_type.ok_or_else(|| UsageError("the node has no type".to_owned()))
    }

    /// Takes a node as dead from here on, as `--dead` does.
    pub(crate) fn assume_dead(&mut self, node: &NodeName) {
        self.members.insert(node.clone(), Member::Dead);
    }

    /// Whether this is that node.
    pub(crate) fn is_local(&self, node: &NodeName) -> bool {
        self.info.node_name.as_ref() == Some(node)
    }

    /// A connection to a member; `None` when it is dead.
    ///
    /// # Errors
    /// [`UsageError`] for a name that is no member.
    pub(crate) async fn connect(
        &self,
        job: &Job,
        node: &NodeName,
    ) -> anyhow::Result<Option<Session>> {
        if self.is_local(node) {
            return job.local("db").await.map(Some);
        }
        match self.members.get(node) {
            None => bail!(UsageError(format!("get_node_database: cannot resolve {node}"))),
            Some(Member::Dead) => Ok(None),
            Some(Member::Alive(location)) => {
                job.remote(&format!("node.{node}"), location).await.map(Some)
            }
        }
    }

    /// A checked call on a member; the notes of its reply are logged with the node's name in front. `sql` is what is
    /// shown instead when the node is dead and the call is left out.
    pub(crate) async fn command_on(
        &self,
        job: &Job,
        node: &NodeName,
        sql: &str,
        call: impl AsyncFnOnce(&Transaction<'_>) -> pgq_client::Result<Reply>,
    ) -> anyhow::Result<Option<Reply>> {
        let Some(mut session) = self.connect(job, node).await? else {
            tracing::warn!("ignoring cmd for dead node '{node}': {sql}");
            return Ok(None);
        };
        job::commit_checked(&mut session, Some(node), call).await.map(Some)
    }

    /// What a member says of itself; `None` when it is dead.
    ///
    /// # Errors
    /// [`UsageError`] for a name that is no member, or a database that has no such node.
    pub(crate) async fn info_of(
        &self,
        job: &Job,
        node: &NodeName,
    ) -> anyhow::Result<Option<NodeInfo>> {
        let Some(session) = self.connect(job, node).await? else {
            tracing::warn!("load_node_info({node}): ignoring dead node");
            return Ok(None);
        };
        let info = pgq_node::get_node_info(&*session, &job.settings.queue).await?;
        if info.node_name.is_none() {
            bail!(UsageError(format!("Unknown node: {node}")));
        }
        Ok(Some(info))
    }

    /// The root of the set, found by walking up from the local node.
    pub(crate) async fn find_root(&self, job: &Job) -> anyhow::Result<NodeName> {
        self.name()?;
        if self.info.node_type == Some(NodeType::Root) {
            return Ok(self.name()?.clone());
        }
        let (_, root) = find_root_from(job, job.local("db").await?).await?;
        Ok(root)
    }
}

/// For commands that show nothing when there is nothing: tells the operator when that is because the database is no node
/// of this queue. The original is silent.
pub(crate) async fn warn_unless_node(
    client: &impl GenericClient,
    queue: &QueueName,
) -> pgq_client::Result<()> {
    let info = pgq_node::get_node_info(client, queue).await?;
    if info.node_name.is_none() {
        tracing::warn!("{}", not_initialized(&info));
    }
    Ok(())
}

/// What to say of a database that is no node of the queue.
fn not_initialized(info: &NodeInfo) -> String {
    format!("{}\nHINT:  {}", info.reply.note, hint::NO_NODE)
}

/// Reads node and members from a database; names in `dead` are taken as dead.
pub(crate) async fn read(
    client: &impl GenericClient,
    queue: &QueueName,
    dead: &[String],
) -> pgq_client::Result<(NodeInfo, Members)> {
    let info = pgq_node::get_node_info(client, queue).await?;
    let mut members: Members = pgq_node::get_queue_locations(client, queue)
        .await?
        .into_iter()
        .map(|location| {
            let member = if location.dead { Member::Dead } else { Member::Alive(location.connstr) };
            (location.node, member)
        })
        .collect();
    for name in dead {
        tracing::info!("Assuming node '{name}' as dead");
        members.insert(NodeName::new(name.as_str()), Member::Dead);
    }
    Ok((info, members))
}

/// Walks from a node, connected by `session`, up to the root: its connection and name (contract `cli.md` 5.6).
pub(crate) async fn find_root_from(
    job: &Job,
    session: Session,
) -> anyhow::Result<(Session, NodeName)> {
    let mut session = session;
    let mut location: Option<String> = None;
    loop {
        let info = pgq_node::get_node_info(&*session, &job.settings.queue).await?;
        let (Some(name), Some(node_type)) = (info.node_name, info.node_type) else {
            bail!(UsageError("Root node not initialized?".to_owned()));
        };
        if node_type == NodeType::Root {
            return Ok((session, name));
        }
        let Some(next) = info.provider_location else {
            bail!(UsageError("Sub node provider not initialized?".to_owned()));
        };
        if location.as_ref() == Some(&next) {
            bail!("find_root_db: got loop: {}", pgq_client::conn::conninfo::hide_password(&next));
        }
        session = job.remote("root_db", &next).await?;
        location = Some(next);
    }
}
