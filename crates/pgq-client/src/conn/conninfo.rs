//! Connection strings: libpq keywords and URIs. Pure.

use crate::Result;

/// A parsed connection string: keywords in order of first appearance. `Debug` and `Display` hide the password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ConnInfo {}

impl ConnInfo {
    /// Parses keyword form (`host=a dbname='b c'`) or URI form (`postgresql://...`).
    pub fn parse(text: &str) -> Result<ConnInfo> {
        let _ = text;
        todo!()
    }

    /// The value of a keyword as given.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        let _ = keyword;
        todo!()
    }

    /// Sets a keyword, replacing an earlier value.
    pub fn set(&mut self, keyword: &str, value: &str) {
        let _ = (keyword, value);
        todo!()
    }

    /// The string libpq would accept, password included.
    pub fn to_libpq(&self) -> String {
        todo!()
    }
}

/// The text of a connection string for a log: everything from the first `password` on becomes ` [...]`
/// (contract `cli.md` 2.7). URI passwords are hidden as well.
pub fn hide_password(connstr: &str) -> String {
    let _ = connstr;
    todo!()
}
