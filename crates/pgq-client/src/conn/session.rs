//! One connection to one database.

use std::ops::Deref;
use std::time::Instant;

use crate::Result;

/// Something the server sent without being asked.
#[derive(Debug, Clone)]
pub enum Notice {
    /// NOTICE, WARNING and the like.
    Message {
        /// `WARNING`, `NOTICE`, ...
        severity: String,
        /// The text.
        message: String,
    },
    /// A NOTIFY that this session listens to.
    Notification {
        /// Channel.
        channel: String,
        /// Payload, may be empty.
        payload: String,
    },
}

/// A connection and the task that drives it. Dereferences to the client; closed when dropped.
pub struct Session {
    client: tokio_postgres::Client,
    opened: Instant,
}

/// Connects. `connstr` is a libpq string; `application_name` is used unless the string or `PGAPPNAME` names one.
///
/// Errors carry libpq's wording (`connection to server at "10.0.0.1", port 5432 failed: ...`), never the password.
pub async fn connect(connstr: &str, application_name: &str) -> Result<Session> {
    let _ = (connstr, application_name);
    todo!()
}

impl Session {
    /// When the connection was made, for `connection_lifetime`.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// The next notification or notice; pending ones are kept in order. Never returns once the connection is closed
    /// for good, use [`Session::is_closed`](tokio_postgres::Client::is_closed).
    pub async fn notice(&mut self) -> Notice {
        todo!()
    }

    /// Asks the server to cancel the running statement.
    pub async fn cancel(&self) -> Result<()> {
        todo!()
    }

    /// Closes politely: Terminate is sent and the connection is gone when this returns.
    pub async fn close(self) {
        todo!()
    }
}

impl Deref for Session {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}

impl std::ops::DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.client
    }
}
