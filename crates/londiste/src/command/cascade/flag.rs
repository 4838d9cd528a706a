//! The flag `paused` of a consumer, and the consumer's word that it has seen it.

use anyhow::bail;
use pgq_client::calls::pgq_node;

use super::{POLL, Patience, Worker};
use crate::command::set::LocalSet;
use crate::job::{self, Job};

/// Tags a consumer as paused or not. On a dead node nothing is done, and a line says so.
pub(crate) async fn tag_paused(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    paused: bool,
) -> anyhow::Result<()> {
    let Worker { queue, node, consumer } = worker;
    let sql =
        format!("select * from pgq_node.set_consumer_paused('{queue}', '{consumer}', {paused})");
    set.command_on(job, node, &sql, async |db| {
        pgq_node::set_consumer_paused(db, queue, consumer, paused).await
    })
    .await?;
    Ok(())
}

/// Tags a consumer as paused or not, and waits until it says that it has noticed.
pub(crate) async fn set_paused(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    paused: bool,
) -> anyhow::Result<()> {
    tag_paused(job, set, worker, paused).await?;
    await_word(job, set, worker, paused).await
}

/// Waits until a consumer that is tagged as paused or not says that it has noticed.
pub(crate) async fn await_word(
    job: &Job,
    set: &LocalSet,
    worker: &Worker,
    paused: bool,
) -> anyhow::Result<()> {
    let Worker { queue, node, consumer } = worker;
    let Some(session) = set.connect(job, node).await? else { return Ok(()) };
    tracing::info!("Waiting for worker to accept");
    let mut patience = Patience::start();
    loop {
        let state = pgq_node::get_consumer_state(&*session, queue, consumer).await?;
        job::checked_quiet(&state.reply, Some(node.as_str()))?;
        if state.paused != paused {
            let word = |flag: bool| if flag { "True" } else { "False" };
            bail!("operation canceled? {} <> {}", word(state.paused), word(paused));
        }
        if state.uptodate {
            let word = if paused { "paused" } else { "resumed" };
            tracing::info!("Consumer '{consumer}' on node '{node}' {word}");
            return Ok(());
        }
        if patience.is_over() {
            tracing::warn!(
                "The worker of node '{node}' (consumer {consumer}) does not answer, it seems not to run: start it, or \
                 interrupt this command"
            );
        }
        job.sleep(POLL).await?;
    }
}
