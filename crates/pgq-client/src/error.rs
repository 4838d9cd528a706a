//! The library's error.

use std::fmt;

use tokio_postgres::error::SqlState;

/// Result of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. Opaque; asked by methods.
///
/// `Display` gives the text libpq users know: for a refused statement the server's message followed by its `DETAIL:`,
/// `HINT:` and `CONTEXT:` lines, for a failed connection libpq's `connection to server at ... failed: ...`. It never holds
/// a password, and no row values: where the server quotes the offending row (classes 22 and 23) that part is left out.
#[derive(Debug)]
pub struct Error(Box<Kind>);

#[derive(Debug)]
enum Kind {
    Config(String),
    Connect { message: String, source: Option<tokio_postgres::Error> },
    Sql { source: tokio_postgres::Error, query: Option<String> },
    Protocol(String),
}

impl Error {
    /// A connection string, or a file it names, cannot be used.
    pub fn config(message: impl Into<String>) -> Self {
        Self(Box::new(Kind::Config(message.into())))
    }

    /// No connection could be made; `message` says where to and why in libpq's words.
    pub fn connect(message: impl Into<String>, source: Option<tokio_postgres::Error>) -> Self {
        Self(Box::new(Kind::Connect { message: message.into(), source }))
    }

    /// The server refused `query`, or the connection broke while it ran.
    pub fn sql(source: tokio_postgres::Error, query: impl Into<String>) -> Self {
        Self(Box::new(Kind::Sql { source, query: Some(query.into()) }))
    }

    /// The other side answered something the protocol does not allow.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self(Box::new(Kind::Protocol(message.into())))
    }

    /// The server's error, when there is one.
    pub fn db_error(&self) -> Option<&tokio_postgres::error::DbError> {
        match &*self.0 {
            Kind::Sql { source, .. } | Kind::Connect { source: Some(source), .. } => {
                source.as_db_error()
            }
            _ => None,
        }
    }

    /// The server's five-letter code, when the server reported the error.
    pub fn sqlstate(&self) -> Option<&SqlState> {
        self.db_error().map(tokio_postgres::error::DbError::code)
    }

    /// The statement that failed, as sent.
    pub fn query(&self) -> Option<&str> {
        match &*self.0 {
            Kind::Sql { query, .. } => query.as_deref(),
            _ => None,
        }
    }

    /// Whether no connection could be made (refused, no such database, authentication).
    pub fn is_connect(&self) -> bool {
        matches!(&*self.0, Kind::Connect { .. })
    }

    /// Whether the connection is gone, as opposed to a statement refused on a live connection.
    pub fn is_closed(&self) -> bool {
        match &*self.0 {
            Kind::Connect { .. } => true,
            Kind::Sql { source, .. } => match source.as_db_error() {
                // 57P01..57P03: the server is shutting down, crashed or starting up.
                Some(db) => db.code().code().starts_with("57P") || db.severity() == "FATAL",
                // Of the driver's own errors those about bytes and messages end the connection. Those about values (a
                // type that does not fit, text that is not UTF-8) do not: a new connection would meet them again.
                None => {
                    source.is_closed()
                        || source.to_string() == "unexpected message from server"
                        || std::error::Error::source(source)
                            .is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
                }
            },
            Kind::Config(_) | Kind::Protocol(_) => false,
        }
    }

    /// Whether the same work may well succeed when repeated without anybody's help.
    pub fn is_transient(&self) -> bool {
        self.is_closed()
            || self.sqlstate().is_some_and(|state| {
                // Serialization failures and deadlocks, lock timeouts, too little of something.
                matches!(&state.code()[..2], "40" | "53") || state.code() == "55P03"
            })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Config(message) | Kind::Protocol(message) | Kind::Connect { message, .. } => {
                f.write_str(message)
            }
            Kind::Sql { source, .. } => match source.as_db_error() {
                None => {
                    // The driver's own text ("connection closed", "error communicating with the server: ...").
                    write!(f, "{source}")?;
                    let mut cause = std::error::Error::source(source);
                    while let Some(inner) = cause {
                        write!(f, ": {inner}")?;
                        cause = inner.source();
                    }
                    Ok(())
                }
                Some(db) => {
                    // Data exceptions and constraint violations quote the row that met them; row values stay out of logs.
                    let quotes_row = matches!(&db.code().code()[..2], "22" | "23");
                    let message = match db.message().split_once(": \"") {
                        Some((message, _value)) if quotes_row => message,
                        _ => db.message(),
                    };
                    f.write_str(message)?;
                    for (label, text, may_quote) in [
                        ("DETAIL", db.detail(), true),
                        ("HINT", db.hint(), false),
                        ("CONTEXT", db.where_(), true),
                    ] {
                        if let Some(text) = text.filter(|_| !(quotes_row && may_quote)) {
                            write!(f, "\n{label}:  {text}")?;
                        }
                    }
                    Ok(())
                }
            },
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            Kind::Sql { source, .. } | Kind::Connect { source: Some(source), .. } => Some(source),
            _ => None,
        }
    }
}

/// For a driver error without a statement at hand; [`Error::sql`] is better where the statement is known.
impl From<tokio_postgres::Error> for Error {
    fn from(source: tokio_postgres::Error) -> Self {
        Self(Box::new(Kind::Sql { source, query: None }))
    }
}
