//! One connection to one database.

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{AsyncMessage, CancelToken, Connection, Socket};

use super::attempt;
use super::conninfo::ConnInfo;
use super::defaults::Environment;
use super::inbox::Inbox;
use super::parameters::Parameters;
use super::tls::Connector;
use crate::{Error, Result};

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
    server_encoding: String,
    inbox: Arc<Inbox>,
    task: JoinHandle<()>,
    /// Its sender lives as long as the task.
    ended: watch::Receiver<()>,
    canceller: Canceller,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("closed", &self.client.is_closed()).finish_non_exhaustive()
    }
}

/// Connects. `connstr` is a libpq string; `application_name` is used unless the string or `PGAPPNAME` names one.
///
/// Must be called inside a tokio runtime, which drives the connection. `PG*` variables, service file and password file are
/// read at every call.
///
/// # Errors
/// They carry libpq's wording (`connection to server at "10.0.0.1", port 5432 failed: ...`), never the password.
pub async fn connect(connstr: &str, application_name: &str) -> Result<Session> {
    connect_to(&ConnInfo::parse(connstr)?, application_name).await
}

/// As [`connect`], for a connection string that was parsed already.
///
/// # Errors
/// As [`connect`].
pub async fn connect_to(info: &ConnInfo, application_name: &str) -> Result<Session> {
    let parameters = Parameters::new(info, &Environment::current(), application_name)?;
    // Boxed, since the handshake's state is large and every caller would carry it.
    let established = Box::pin(attempt::establish(&parameters)).await?;
    let inbox = Arc::new(Inbox::default());
    let (alive, ended) = watch::channel(());
    let old_strings = established.connection.parameter(STANDARD_STRINGS) == Some("off");
    let server_encoding =
        established.connection.parameter("server_encoding").unwrap_or_default().to_owned();
    let task = tokio::spawn({
        let inbox = Arc::clone(&inbox);
        async move {
            drive(established.connection, &inbox).await;
            drop(alive);
        }
    });
    let canceller = Canceller {
        token: established.client.cancel_token(),
        tls: established.tls,
        timeout: parameters.timeout,
    };
    let client = established.client;
    let opened = Instant::now();
    let session = Session { client, opened, server_encoding, inbox, task, ended, canceller };
    if old_strings {
        let sql = format!("set {STANDARD_STRINGS} = on");
        session.batch_execute(&sql).await.map_err(|e| Error::sql(e, sql))?;
    }
    Ok(session)
}

/// Our statements and the files of the schemas are standard SQL. Some old databases have it switched off for the sake of
/// old applications.
const STANDARD_STRINGS: &str = "standard_conforming_strings";

/// Moves bytes until the connection ends.
async fn drive<T: TlsStream + Unpin>(mut connection: Connection<Socket, T>, inbox: &Inbox) {
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => inbox.push(Notice::Message {
                severity: notice.severity().to_owned(),
                message: notice.message().to_owned(),
            }),
            Ok(AsyncMessage::Notification(note)) => inbox.push(Notice::Notification {
                channel: note.channel().to_owned(),
                payload: note.payload().to_owned(),
            }),
            Ok(_) => {}
            Err(error) => {
                // Whoever waits for an answer is told; the server's reason reaches the others this way.
                if let Some(db) = error.as_db_error() {
                    inbox.push(Notice::Message {
                        severity: db.severity().to_owned(),
                        message: db.message().to_owned(),
                    });
                }
                break;
            }
        }
    }
}

impl Session {
    /// When the connection was made, for `connection_lifetime`.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// The encoding of the database (`UTF8`, `LATIN1`, ...); what we send and receive is UTF-8 anyhow.
    pub fn server_encoding(&self) -> &str {
        &self.server_encoding
    }

    /// The next notification or notice; pending ones are kept in order. Never returns once the connection is closed
    /// for good, use [`Session::is_closed`](tokio_postgres::Client::is_closed) or [`Session::closed`].
    ///
    /// Of unread notices the oldest are dropped after a thousand; of equal unread notifications one is kept.
    pub async fn notice(&mut self) -> Notice {
        self.inbox.next().await
    }

    /// The next notification or notice, if one is there already.
    pub fn try_notice(&mut self) -> Option<Notice> {
        self.inbox.pop()
    }

    /// Returns when the connection is gone.
    pub async fn closed(&self) {
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }

    /// Asks the server to cancel the running statement.
    ///
    /// # Errors
    /// As [`Canceller::cancel`].
    pub async fn cancel(&self) -> Result<()> {
        self.canceller.cancel().await
    }

    /// What [`Session::cancel`] needs, for another task to do it.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Closes politely: Terminate is sent and the connection is gone when this returns.
    pub async fn close(self) {
        let Session { client, task, .. } = self;
        // The task sends Terminate when its client is gone, and then ends.
        drop(client);
        let _ = task.await;
    }

    /// Closes at once, even in the middle of a statement; the server notices when it wants to answer.
    pub fn abort(self) {
        self.task.abort();
    }
}

/// Cancels what a session is doing, from anywhere. The request travels over a connection of its own.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    tls: Connector,
    timeout: Option<Duration>,
}

impl Canceller {
    /// Asks the server to cancel the running statement, and waits no longer than `connect_timeout` for that.
    ///
    /// # Errors
    /// When the server cannot be reached. Whether there was something to cancel is not known.
    pub async fn cancel(&self) -> Result<()> {
        let sending = self.token.cancel_query(self.tls.clone());
        match attempt::within(self.timeout, sending).await {
            Some(Ok(())) => Ok(()),
            Some(Err(source)) => {
                let why = attempt::explain(&source, false);
                Err(Error::connect(format!("could not send cancel request: {why}"), Some(source)))
            }
            None => Err(Error::connect("could not send cancel request: timeout expired", None)),
        }
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
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
