//! `rename-node`: gives a node another name on all nodes at once (contract `cli.md` 6.12).
//!
//! The original announces it and calls functions that its extension does not have. Here every node is changed in a transaction
//! of its own, and these are committed when all of them have succeeded, the root's last: it tells those who were not asked, and
//! they must not hear of it before the others know. A command that is broken off between two commits is finished by the same
//! command. Nobody is paused: workers read their node's name, and that of its provider, before every batch.

use anyhow::bail;
use pgq_client::calls::pgq_node::{self, NodeInfo, NodeType, RenameSteps};
use pgq_client::conn::Session;
use pgq_client::name::{NodeName, QueueName};
use tokio_postgres::{GenericClient, Transaction};

use super::Run;
use super::group;
use super::set::{LocalSet, Member};
use super::survey::Survey;
use crate::calls;
use crate::crash_point::crash_point;
use crate::job::{self, Interrupted, Job, UsageError};
use crate::table::attrs::{CopyNode, TableAttrs};

/// The old name and the new one.
struct Names<'a> {
    queue: &'a QueueName,
    old: NodeName,
    new: NodeName,
}

/// A node with its session.
struct Place {
    node: NodeName,
    session: Session,
    steps: RenameSteps,
}

/// Renames the node that the first argument names.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let job = &run.job;
    let names = Names {
        queue: &job.settings.queue,
        old: NodeName::new(run.args[0].as_str()),
        new: NodeName::new(run.args[1].as_str()),
    };
    if names.new.as_str().is_empty() || names.old == names.new {
        bail!(UsageError(format!("Bad new node name: {}", names.new)));
    }
    let set = LocalSet::load(run).await?;
    set.name()?;
    if set.members.get(&names.old) == Some(&Member::Dead) {
        bail!(UsageError(format!(
            "Node {} is dead; a node can be renamed while it is there",
            names.old
        )));
    }
    let survey = Survey::of_all(job, &set).await?;
    refuse_two_roots(&survey)?;
    refuse_dead_subscribers(job, &set, &names).await?;
    warn_of_dead(&set);
    let mut places = places(job, &set, &survey, &names).await?;

    let mut open = Vec::new();
    for place in &mut places {
        if job.shutdown.is_cancelled() {
            return Err(Interrupted.into());
        }
        let (node, steps) = (place.node.clone(), place.steps);
        let db = job::begin(&mut place.session).await?;
        rename_on(job, &db, &names, &node, steps).await?;
        open.push((node, db));
    }
    for (nr, (node, db)) in open.into_iter().enumerate() {
        if let Err(error) = job::commit(db).await {
            if nr > 0 {
                tracing::warn!(
                    "Some nodes know the new name and some do not: run 'rename-node {} {}' again",
                    names.old,
                    names.new
                );
            }
            return Err(anyhow::Error::from(error).context(format!("renaming on node {node}")));
        }
        crash_point(if nr == 0 { "rename-begun" } else { "rename-committed" });
    }
    tracing::info!("Node {} is {} now, on {} nodes", names.old, names.new, places.len());
    Ok(())
}

/// Names are the same for both, so it would not be clear who is meant.
fn refuse_two_roots(survey: &Survey) -> anyhow::Result<()> {
    let roots: Vec<&str> = survey
        .nodes
        .iter()
        .filter(|(_, info)| info.node_type == Some(NodeType::Root))
        .map(|(name, _)| name.as_str())
        .collect();
    if roots.len() == 1 {
        return Ok(());
    }
    bail!(UsageError(format!(
        "Nothing was changed: the set has to have one root, and has {}",
        if roots.is_empty() { "none".to_owned() } else { roots.join(", ") }
    )));
}

/// A node learns from the events of the root that another one is gone and there is a new one, but it does not give up its own
/// provider for that: it would look for the old name for ever, and others would not find it below the new one.
async fn refuse_dead_subscribers(
    job: &Job,
    set: &LocalSet,
    names: &Names<'_>,
) -> anyhow::Result<()> {
    let known = set.is_local(&names.old) || set.members.contains_key(&names.old);
    let session = if known { set.connect(job, &names.old).await? } else { None };
    let Some(session) = session else { return Ok(()) };
    let dead: Vec<String> = pgq_node::get_subscriber_info(&*session, names.queue)
        .await?
        .into_iter()
        .filter(|subscriber| set.members.get(&subscriber.node) == Some(&Member::Dead))
        .map(|subscriber| subscriber.node.to_string())
        .collect();
    if dead.is_empty() {
        return Ok(());
    }
    bail!(UsageError(format!(
        "Nothing was changed: node {} has dead subscribers, which would look for its old name when they are back: {}; bring them \
         back first ('tag-alive', after a failover 'resurrect' there), or 'drop-node' them",
        names.old,
        dead.join(", ")
    )));
}

fn warn_of_dead(set: &LocalSet) {
    for (name, _) in
        set.members.iter().filter(|(name, member)| **member == Member::Dead && !set.is_local(name))
    {
        tracing::warn!("Node {name} is dead and learns of it when it is back");
    }
}

/// All nodes that have to be changed, the root last, each known to be able to.
async fn places(
    job: &Job,
    set: &LocalSet,
    survey: &Survey,
    names: &Names<'_>,
) -> anyhow::Result<Vec<Place>> {
    let is_root = |info: &NodeInfo| info.node_type == Some(NodeType::Root);
    let mut nodes: Vec<_> = survey.nodes.iter().collect();
    nodes.sort_by_key(|(_, info)| is_root(info));
    let mut places = Vec::new();
    for (node, _) in nodes {
        let Some(session) = set.connect(job, node).await? else { continue };
        let known = pgq_node::get_queue_locations(&*session, names.queue).await?;
        if !known.iter().any(|location| location.node == names.old) {
            continue;
        }
        let steps = if pgq_node::has_rename_steps(&*session).await? {
            RenameSteps::Installed
        } else if pgq_node::may_rename(&*session).await? {
            RenameSteps::Brought
        } else {
            bail!(UsageError(format!(
                "Nothing was changed: node {node} has the original's pgq_node, which cannot rename, and the role may not change \
                 its tables there; grant it pgq_admin and TEMP on the database"
            )));
        };
        places.push(Place { node: node.clone(), session, steps });
    }
    if places.is_empty() {
        bail!(UsageError(format!("Unknown node: {}", names.old)));
    }
    Ok(places)
}

/// Everything that one database knows of the node.
async fn rename_on(
    job: &Job,
    db: &Transaction<'_>,
    names: &Names<'_>,
    node: &NodeName,
    steps: RenameSteps,
) -> anyhow::Result<()> {
    let Names { queue, old, new } = names;
    let on = Some(node.as_str());
    let limit = job.settings.lock_timeout.as_millis();
    let sql = format!("set local lock_timeout = {limit}");
    db.batch_execute(&sql).await.map_err(|error| pgq_client::Error::sql(error, sql))?;
    if steps == RenameSteps::Brought {
        pgq_node::bring_rename_steps(db).await?;
    }
    job::checked(&pgq_node::rename_node_step1(db, steps, queue, old, new).await?, on)?;
    job::checked(&pgq_node::rename_node_step2(db, steps, queue, old, new).await?, on)?;
    let info = pgq_node::get_node_info(db, queue).await?;
    if let Some(attrs) = group::replaced(info.node_attrs.as_deref(), old, Some(new))? {
        job::checked(&pgq_node::set_node_attrs(db, queue, Some(&attrs)).await?, on)?;
    }
    rename_copy_nodes(db, names, on).await
}

/// Tables that are to be copied from the node.
async fn rename_copy_nodes(
    db: &impl GenericClient,
    names: &Names<'_>,
    on: Option<&str>,
) -> anyhow::Result<()> {
    for row in calls::get_table_list(db, names.queue).await?.iter().filter(|row| row.local) {
        let mut attrs = TableAttrs::parse(row.attrs.as_deref())?;
        if attrs.copy_node() == Some(CopyNode::Node(names.old.clone())) {
            attrs.set("copy_node", names.new.as_str());
            let stored = attrs.to_stored();
            let reply =
                calls::local_set_table_attrs(db, names.queue, &row.table, stored.as_deref())
                    .await?;
            job::checked(&reply, on)?;
        }
    }
    Ok(())
}
