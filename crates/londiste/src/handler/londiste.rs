//! The default handler: every change is made to the destination table.

use indexmap::IndexMap;

use super::HandlerError;

/// Arguments of the default handler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Londiste {
    /// `ignore_truncate`: a truncate of the source is not repeated.
    pub ignore_truncate: bool,
}

impl Londiste {
    pub(super) fn new(args: &IndexMap<String, String>) -> Result<Londiste, HandlerError> {
        let unknown: Vec<String> = args
            .keys()
            .filter(|key| !matches!(key.as_str(), "encoding" | "ignore_truncate"))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(HandlerError::Arguments(unknown));
        }
        if args.get("encoding").is_some_and(|value| !value.is_empty()) {
            return Err(HandlerError::Encoding);
        }
        Ok(Londiste { ignore_truncate: flag(args, "ignore_truncate")? })
    }
}

/// A 0/1 argument, 0 when absent.
fn flag(args: &IndexMap<String, String>, name: &'static str) -> Result<bool, HandlerError> {
    let Some(text) = args.get(name) else { return Ok(false) };
    match text.trim().parse::<i64>() {
        Ok(0) => Ok(false),
        Ok(1) => Ok(true),
        Ok(other) => Err(HandlerError::Value { name, value: other.to_string() }),
        Err(_) => Err(HandlerError::NotInteger(text.clone())),
    }
}
