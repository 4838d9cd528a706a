//! The tables of a set on this node: their states, what to do next, what is known of them.

use anyhow::Context as _;

use crate::calls::TableRow;
use crate::handler::{Handler, Handlers};
use attrs::TableAttrs;

pub mod attrs;
pub(crate) mod belonging;
pub mod registry;
pub mod source;
pub mod state;
pub mod sync;
pub mod sync_copy;

/// A table's options and its handler.
///
/// # Errors
/// When the handler is not known.
pub(crate) fn options(
    handlers: &Handlers,
    row: &TableRow,
) -> anyhow::Result<(TableAttrs, Handler)> {
    let name = &row.table;
    let attrs =
        TableAttrs::parse(row.attrs.as_deref()).with_context(|| format!("attributes of {name}"))?;
    let of_handler = || format!("handler of {name}");
    let spec = attrs.handler().with_context(of_handler)?;
    let handler = handlers.build(&spec).with_context(of_handler)?;
    Ok((attrs, handler))
}
