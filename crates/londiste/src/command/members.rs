//! `members`: the nodes that this node knows (contract `cli.md` 6.5).

use super::Run;
use super::set::LocalSet;
use super::tables::show;
use crate::cli::table_display::Cell;
use pgq_client::calls::pgq_node;
use pgq_client::calls::statement::for_display;

/// All members by name.
pub(crate) async fn run(run: &Run) -> anyhow::Result<()> {
    let set = LocalSet::load(run).await?;
    set.warn_unless_node();
    let queue = &run.job.settings.queue;
    let mut locations = for_display(pgq_node::get_queue_locations(&*set.db, queue)).await?;
    locations.sort_by(|a, b| a.node.cmp(&b.node));
    let cells: Vec<_> = locations
        .iter()
        .map(|location| {
            vec![
                Cell::text(Some(location.node.as_str())),
                Cell::boolean(location.dead),
                Cell::text(Some(&location.connstr)),
            ]
        })
        .collect();
    let name = set.info.node_name.as_ref().map_or("None", |name| name.as_str());
    show(
        &format!("Member info on {name}@{queue}:"),
        &["node_name", "dead", "node_location"],
        &cells,
    );
    Ok(())
}
