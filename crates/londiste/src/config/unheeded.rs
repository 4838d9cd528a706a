//! What a file asks for in vain. It is told at the start, and what is new of it at each reload.

use std::fmt;

use daemonkit::ini::Config;

use super::keys::{UnknownKey, unknown_keys};
use crate::handler::Handlers;
use crate::quiet::QuietErrors;

/// Something that the file asks for and nobody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unheeded {
    /// A key that nobody reads.
    Key(UnknownKey),
    /// A name in `exception_quiet` that no error has.
    QuietName(String),
    /// A name in `handler_modules` that is no module.
    Module(String),
}

impl fmt::Display for Unheeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unheeded::Key(unknown) => unknown.fmt(f),
            Unheeded::QuietName(name) => {
                write!(f, "exception_quiet: no error is called '{name}'")
            }
            Unheeded::Module(name) => write!(f, "Failed to load handler module: {name}"),
        }
    }
}

/// All of it, in the order in which it is told.
pub(super) fn find(config: &Config, handlers: &Handlers, quiet: &QuietErrors) -> Vec<Unheeded> {
    let keys = unknown_keys(config).into_iter().map(Unheeded::Key);
    let names = quiet.unknown_names().map(|name| Unheeded::QuietName(name.to_owned()));
    let modules = handlers.unknown_modules().iter().cloned().map(Unheeded::Module);
    keys.chain(names).chain(modules).collect()
}
