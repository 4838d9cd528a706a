//! `--rewind` and `--reset`: provider and node made to agree on a position (contract `worker.md` 1.1).

use anyhow::Context as _;
use pgq_client::calls::{pgq, pgq_node};

use crate::job::{self, Job};

/// Moves the provider's position to ours.
///
/// # Errors
/// No connection to either side, or the tick does not exist any more on the provider.
pub(super) async fn rewind(job: &Job) -> anyhow::Result<()> {
    tracing::info!("Rewinding queue");
    let (queue, consumer) = (&job.settings.queue, &job.settings.consumer);
    let local = job.local("db").await?;
    let state = pgq_node::get_consumer_state(&*local, queue, consumer).await?;
    job::checked(&state.reply, None)?;
    let Some(tick) = state.completed_tick else {
        tracing::warn!("No tick found on dst side");
        return Ok(());
    };
    let location = state.provider_location.context("provider_connstr not set")?;
    let provider = job.remote("_provider_db", &location).await?;
    pgq::register_consumer_at(&*provider, queue, consumer, tick).await?;
    provider.close().await;
    local.close().await;
    Ok(())
}

/// Moves our position to the provider's. What was not replayed up to there is skipped.
///
/// # Errors
/// No connection to either side.
pub(super) async fn reset(job: &Job) -> anyhow::Result<()> {
    tracing::info!("Resetting queue tracking on dst side");
    let (queue, consumer) = (&job.settings.queue, &job.settings.consumer);
    let local = job.local("db").await?;
    let state = pgq_node::get_consumer_state(&*local, queue, consumer).await?;
    job::checked(&state.reply, None)?;
    let location = state.provider_location.context("provider_connstr not set")?;
    let provider = job.remote("_provider_db", &location).await?;
    let consumers = pgq::get_consumer_info(&*provider, queue).await?;
    let tick = consumers.iter().find(|info| info.consumer == *consumer);
    match tick.and_then(|info| info.last_tick) {
        None => tracing::info!("No info about consumer, cannot reset"),
        Some(tick) => {
            let reply = pgq_node::set_consumer_completed(&*local, queue, consumer, tick).await?;
            job::checked(&reply, None)?;
        }
    }
    provider.close().await;
    local.close().await;
    Ok(())
}
