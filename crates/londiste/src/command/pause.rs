//! `pause`, `resume`, `change-provider` (contract `cli.md` 6.6 and 6.7).
//!
//! Departures: the wait for the worker ends at an interrupt; the flag stays set, and a worker that is started later follows
//! it.

use anyhow::bail;
use pgq_client::name::NodeName;

use super::Run;
use super::cascade;
use super::liveness;
use super::set::LocalSet;

/// `pause` and `resume`.
pub(crate) async fn set_paused(run: &Run, paused: bool) -> anyhow::Result<()> {
    let set = LocalSet::load(run).await?;
    let worker = cascade::find(run, &set).await?;
    if set.is_local(&worker.node)
        && let Some(doubt) = liveness::absent_worker(&run.job.settings)
    {
        tracing::warn!("{doubt}");
    }
    cascade::set_paused(&run.job, &set, &worker, paused).await
}

/// `change-provider --provider=NODE`
pub(crate) async fn change_provider(run: &Run) -> anyhow::Result<()> {
    let set = LocalSet::load(run).await?;
    let Some(new) = run.options.provider.as_deref().filter(|name| !name.is_empty()) else {
        bail!("Please give --provider");
    };
    let new = NodeName::new(new);
    let worker = cascade::find(run, &set).await?;
    cascade::change_provider(&run.job, &set, &worker, &new).await
}
