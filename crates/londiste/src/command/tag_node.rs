//! `tag-dead`, `tag-alive`: marks a node on all others (contract `cli.md` 6.11). The second is new: the original
//! announces it but does not have it.

use anyhow::bail;
use pgq_client::calls::pgq_node;
use pgq_client::name::NodeName;

use super::Run;
use super::set::{LocalSet, Member};
use crate::cli::console;
use crate::job::{CallFailed, Job, UsageError};

/// Sets or clears the mark, here first and then on every other node that is alive.
pub(crate) async fn run(run: &Run, dead: bool) -> anyhow::Result<()> {
    let set = LocalSet::load(run).await?;
    tag(&run.job, &set, &NodeName::new(run.args[0].as_str()), dead).await
}

/// The same, as a step of another command.
pub(super) async fn tag(
    job: &Job,
    set: &LocalSet,
    node: &NodeName,
    dead: bool,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    tracing::info!("Tagging node '{node}' as {}", if dead { "dead" } else { "alive" });
    if !set.members.contains_key(node) {
        // The database takes it without complaint and remembers nothing.
        if !dead {
            bail!(UsageError(format!("Unknown node: {node}")));
        }
        tracing::warn!("Unknown node: {node}");
    }
    let local = set.name()?.clone();
    let sql =
        format!("select * from pgq_node.register_location('{queue}', '{node}', null, {dead})");
    let others = set
        .members
        .iter()
        .filter(|(name, member)| **name != local && *name != node && **member != Member::Dead);
    for name in std::iter::once(&local).chain(others.map(|(name, _)| name)) {
        let tagged = set
            .command_on(job, name, &sql, async |db| {
                pgq_node::register_location(db, queue, node, None, dead).await
            })
            .await;
        match tagged {
            Ok(_) => {}
            Err(error) if *name == local || error.is::<CallFailed>() => return Err(error),
            Err(error) => {
                let text = error.to_string();
                console::say(&format!(
                    "Node {name} failure: {}",
                    text.lines().next().unwrap_or_default()
                ));
            }
        }
    }
    Ok(())
}
