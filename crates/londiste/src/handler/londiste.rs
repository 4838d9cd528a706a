//! The default handler: every change is made to the destination table (contract `handlers.md` section 5).

use super::HandlerError;
use super::args::{self, Args};

/// Arguments of the default handler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Londiste {
    /// `ignore_truncate`: a truncate of the source is not repeated.
    pub ignore_truncate: bool,
}

impl Londiste {
    pub(super) fn new(args: &Args) -> Result<Londiste, HandlerError> {
        args::only(args, &["encoding", "ignore_truncate"])?;
        args::no_encoding(args)?;
        Ok(Londiste { ignore_truncate: args::flag(args, "ignore_truncate")? })
    }
}
