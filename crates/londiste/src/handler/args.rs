//! A handler's arguments, checked as the original does it (contract `handlers.md` 1.5).

use indexmap::IndexMap;

use super::HandlerError;

/// What `--handler-arg` gave, in order.
pub type Args = IndexMap<String, String>;

/// Refuses arguments that the handler does not have.
///
/// # Errors
/// [`HandlerError::Arguments`] with all of them.
pub(super) fn only(args: &Args, known: &[&str]) -> Result<(), HandlerError> {
    let unknown: Vec<String> =
        args.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
    if unknown.is_empty() { Ok(()) } else { Err(HandlerError::Arguments(unknown)) }
}

/// A whole number, `None` when the argument is absent.
///
/// # Errors
/// [`HandlerError::NotInteger`]
pub(super) fn integer(args: &Args, name: &str) -> Result<Option<i64>, HandlerError> {
    args.get(name).map(|text| parse(text)).transpose()
}

/// A whole number.
///
/// # Errors
/// [`HandlerError::NotInteger`]
pub(super) fn parse(text: &str) -> Result<i64, HandlerError> {
    text.trim().parse().map_err(|_| HandlerError::NotInteger(text.to_owned()))
}

/// A 0/1 argument, 0 when absent.
///
/// # Errors
/// [`HandlerError::NotInteger`], or [`HandlerError::Value`] for any other number.
pub(super) fn flag(args: &Args, name: &'static str) -> Result<bool, HandlerError> {
    match integer(args, name)? {
        None | Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(other) => Err(HandlerError::Value { name, value: other.to_string() }),
    }
}

/// `encoding`, which would ask for a repair of texts that we do not do: invalid ones are refused instead.
///
/// # Errors
/// [`HandlerError::Encoding`] when it is given.
pub(super) fn no_encoding(args: &Args) -> Result<(), HandlerError> {
    match args.get("encoding") {
        Some(value) if !value.is_empty() => Err(HandlerError::Encoding),
        _ => Ok(()),
    }
}
