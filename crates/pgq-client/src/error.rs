//! The library's error.

/// Result of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, asked by methods.
#[derive(Debug)]
pub struct Error(Box<Kind>);

#[derive(Debug)]
enum Kind {
    /// A connection string or a file it names could not be used.
    Config(String),
    /// No connection could be made; the text says where to and why, in libpq's words.
    Connect { message: String, source: Option<tokio_postgres::Error> },
    /// The server refused a statement, or the connection broke while it ran.
    Sql { source: tokio_postgres::Error, query: String },
    /// The server answered something the protocol does not allow.
    Protocol(String),
}
