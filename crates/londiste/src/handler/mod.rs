//! Table handlers: what to do with a table's events.
//!
//! A handler is stored as text with its table ([`HandlerSpec`] parses it) and built
//! each time the table list is read. Each kind is a variant of [`Handler`] with a file for what it accepts and does.

mod londiste;
pub mod obfuscate;

pub use londiste::Londiste;

use crate::table::attrs::{self, HandlerSpec};

/// A handler cannot be used as it is written. The texts are the original's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// The text is malformed.
    #[error(transparent)]
    Text(#[from] attrs::HandlerError),
    /// No handler of this name is enabled.
    #[error("'{0}'")]
    Unknown(String),
    /// The handler does not know these arguments.
    #[error("Invalid handler argument: [{}]", quoted_list(.0))]
    Arguments(Vec<String>),
    /// A number is outside its range.
    #[error("Bad argument {name} value {value}")]
    Value {
        /// The argument.
        name: &'static str,
        /// What was given.
        value: String,
    },
    /// A number is no number.
    #[error("invalid literal for int() with base 10: '{0}'")]
    NotInteger(String),
    /// `encoding` asks for a repair of texts that we do not do.
    #[error("encoding validator not supported")]
    Encoding,
}

fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// What to do with a table's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handler {
    /// `londiste`, the default: the same change is made to the destination table.
    Londiste(Londiste),
}

/// Name and one-line description of every handler that can be used, as `show-handlers` lists them.
pub const LIST: [(&str, &str); 1] =
    [("londiste", "Default Londiste handler, inserts events into tables with plain SQL.")];

impl Handler {
    /// Checks name and arguments.
    pub fn new(spec: &HandlerSpec) -> Result<Handler, HandlerError> {
        match spec.name.as_str() {
            "londiste" => Londiste::new(&spec.args).map(Handler::Londiste),
            _ => Err(HandlerError::Unknown(spec.name.clone())),
        }
    }

    /// Whether truncate events are left out.
    pub fn ignore_truncate(&self) -> bool {
        match self {
            Handler::Londiste(londiste) => londiste.ignore_truncate,
        }
    }

    /// Whether the destination table has to exist and holds data: can it be copied from, compared, repaired?
    pub fn needs_table(&self) -> bool {
        match self {
            Handler::Londiste(_) => true,
        }
    }

    /// What `add-table` appends to the trigger arguments.
    pub fn trigger_args(&self) -> Vec<String> {
        match self {
            Handler::Londiste(_) => Vec::new(),
        }
    }

    /// An SQL condition on the rows that belong here, for copy, compare and repair.
    pub fn copy_condition(&self) -> Option<String> {
        match self {
            Handler::Londiste(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler(text: &str) -> Result<Handler, HandlerError> {
        Handler::new(&HandlerSpec::parse(text)?)
    }

    #[test]
    fn the_default_handler_needs_no_name() {
        let plain = Handler::Londiste(Londiste { ignore_truncate: false });
        for text in ["", "londiste", "londiste()", "londiste(ignore_truncate=0)"] {
            assert_eq!(handler(text), Ok(plain.clone()), "{text}");
        }
    }

    #[test]
    fn arguments_are_checked() {
        let ignoring = Handler::Londiste(Londiste { ignore_truncate: true });
        assert_eq!(handler("londiste(ignore_truncate=1)"), Ok(ignoring.clone()));
        assert_eq!(handler("londiste(ignore_truncate=+1+)"), Ok(ignoring));
        for (text, error) in [
            ("nosuch", "'nosuch'"),
            ("(x)", "'(x)'"),
            ("londiste(ignore_truncate=1", "invalid handler format: londiste(ignore_truncate=1"),
            ("londiste(foo=1&bar=2)", "Invalid handler argument: ['foo', 'bar']"),
            ("londiste(ignore_truncate=2)", "Bad argument ignore_truncate value 2"),
            ("londiste(ignore_truncate=true)", "invalid literal for int() with base 10: 'true'"),
            ("londiste(encoding=utf8)", "encoding validator not supported"),
        ] {
            assert_eq!(handler(text).unwrap_err().to_string(), error, "{text}");
        }
    }
}
