//! Events that change the set or the cascade instead of rows (contract `worker.md` section 10).

use anyhow::Context as _;
use pgq_client::calls::pgq_node;
use pgq_client::event::Event;
use pgq_client::id::TickId;
use pgq_client::name::{NodeName, QueueName, TableName};
use tokio_postgres::Client;

use super::dispatch::Action;
use super::role::Role;
use crate::calls;
use crate::job;
use crate::job::Job;
use crate::table::registry::Tables;

/// Carries out an event of the set or the cascade, in the batch's transaction.
///
/// Answers are not judged unless a failure would go unnoticed: an unknown table that is removed is gone.
pub(super) async fn act(
    client: &Client,
    job: &Job,
    role: &Role,
    action: Action,
    event: &Event,
    tables: &mut Tables,
) -> anyhow::Result<()> {
    let queue = &job.settings.queue;
    let data = event.data.as_deref().unwrap_or_default();
    let extra1 = event.extra1.as_deref().unwrap_or_default();
    match action {
        Action::AddTable => {
            let table = TableName::new(data);
            if job.settings.register_tables.accepts(table.as_str()) {
                calls::global_add_table(client, queue, &table).await?;
            }
        }
        Action::RemoveTable => {
            let table = TableName::new(data);
            tables.remove(&table);
            calls::global_remove_table(client, queue, &table).await?;
        }
        Action::RemoveSequence => {
            calls::global_remove_seq(client, queue, &TableName::new(data)).await?;
        }
        Action::UpdateSequence => {
            let sequence = TableName::new(extra1);
            // The original forgets these filters here and registers what its operator excluded.
            if job.settings.register_seqs.accepts(sequence.as_str()) {
                let value = number(event)?;
                let reply = calls::global_update_seq(client, queue, &sequence, value).await?;
                job::checked_quiet(&reply, None)?;
            }
        }
        Action::LocationInfo => {
            let dead = event.extra3.as_deref().is_some_and(is_true);
            let location = event.extra2.as_deref();
            pgq_node::register_location(client, queue, &NodeName::new(data), location, dead)
                .await?;
        }
        Action::UnregisterLocation => {
            pgq_node::unregister_location(client, queue, &NodeName::new(data)).await?;
        }
        Action::TickId => {
            if role.handles_tick_id() {
                let part = QueueName::new(extra1);
                let tick = TickId(number(event)?);
                pgq_node::set_partition_watermark(client, queue, &part, tick).await?;
            }
        }
        Action::Data | Action::Truncate | Action::Execute | Action::GlobalWatermark => {}
    }
    Ok(())
}

/// The number an event carries.
pub(super) fn number(event: &Event) -> anyhow::Result<i64> {
    let data = event.data.as_deref().unwrap_or_default();
    data.trim().parse().with_context(|| {
        format!("event {} of type {} has no number", event.id, event.kind.as_deref().unwrap_or("?"))
    })
}

/// A boolean as SQL writes it in text.
fn is_true(text: &str) -> bool {
    matches!(text, "true" | "t" | "1" | "yes" | "on")
}
