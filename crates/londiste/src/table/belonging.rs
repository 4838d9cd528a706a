//! Which rows of the source belong into a table of this node.

use tokio_postgres::Client;

use super::attrs::TableAttrs;
use crate::handler::Handler;
use crate::handler::shard::ShardError;

/// The operator's condition (`--copy-condition`) and the handler's, as SQL on the source's table; `None` when all rows do. What the
/// handler wants may stand in the node's own database, `here`.
///
/// # Errors
/// The handler's settings there cannot be read, or make no sense.
pub(crate) async fn condition(
    attrs: &TableAttrs,
    handler: &Handler,
    here: &Client,
) -> Result<Option<String>, ShardError> {
    let own = attrs.copy_condition();
    // The operator's may end in a comment.
    Ok(match (own, handler.copy_condition(here).await?) {
        (Some(own), Some(handlers)) => Some(format!("({own}\n) and ({handlers})")),
        (own, handlers) => own.map(str::to_owned).or(handlers),
    })
}
