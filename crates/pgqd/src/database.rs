//! One database: its three loops, each with a connection of its own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use daemonkit::shutdown::Shutdown;
use pgq_client::Error;
use pgq_client::conn::{Notice, Session, connect};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::SimpleQueryMessage;
use tracing::{debug, error, trace};

use crate::config::Settings;
use crate::cycle::{Cycle, Outcome, Row, Step};
use crate::maint::Maintenance;
use crate::retry::Retry;
use crate::stats::Stats;
use crate::ticker::Ticker;

/// How long a polite goodbye to the server may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A registered database. Displayed as `[name]`.
#[derive(Debug)]
pub struct Database {
    name: String,
    /// Fixed at registration, as is the lifetime.
    connstr: String,
    connection_lifetime: Option<Duration>,
    settings: watch::Receiver<Settings>,
    stats: Arc<Stats>,
    shutdown: Shutdown,
}

impl Database {
    /// Registers a database; nothing happens before [`run`]. It ends when `shutdown` is requested.
    pub fn new(
        name: &str,
        settings: watch::Receiver<Settings>,
        stats: Arc<Stats>,
        shutdown: Shutdown,
    ) -> Self {
        let now = settings.borrow();
        let connstr = connstr(&now.base_connstr, name);
        let connection_lifetime = now.connection_lifetime;
        drop(now);
        Database { name: name.to_owned(), connstr, connection_lifetime, settings, stats, shutdown }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends its loops and connections.
    pub fn stop(&self) {
        self.shutdown.cancel();
    }

    /// The settings in force. Do not keep it: a reload waits for it.
    pub fn settings(&self) -> watch::Ref<'_, Settings> {
        self.settings.borrow()
    }

    /// Where to count what was done.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name may hold anything, a log line not.
        write!(f, "[{}]", self.name.replace(|c: char| c < ' ', "?"))
    }
}

/// Where to connect: the name comes last, so that it wins over one in the base string.
pub fn connstr(base: &str, name: &str) -> String {
    let name = name.replace('\\', "\\\\").replace('\'', "\\'");
    format!("{base} dbname='{name}'")
}

/// Runs the three loops until the database is stopped. Maintenance and retry start when the ticker has found a usable pgq,
/// and from then on live as long as the ticker.
pub async fn run(db: &Database) {
    let (found, mut usable) = watch::channel(false);
    let ticker = drive(
        db,
        Ticker::new(db, move || {
            found.send_replace(true);
        }),
    );
    let others = async {
        // The sender goes with the ticker, that is at the end.
        if usable.wait_for(|usable| *usable).await.is_ok() {
            tokio::join!(drive(db, Maintenance::new(db)), drive(db, Retry::new(db)));
        }
    };
    tokio::join!(ticker, others);
}

/// Carries out what a loop decides, until the database is stopped.
async fn drive<C: Cycle>(db: &Database, mut cycle: C) {
    debug!("{db}: launch_{}", C::NAME);
    let mut link = Link { db, purpose: C::NAME, session: None };
    let mut step = Step::Reconnect(Duration::ZERO);
    loop {
        let busy = matches!(step, Step::Query(_));
        let outcome = tokio::select! {
            biased;
            () = db.shutdown.cancelled() => {
                if busy {
                    link.abort();
                } else {
                    link.close().await;
                }
                return;
            }
            outcome = link.carry_out(step) => outcome,
        };
        step = cycle.next_step(outcome);
    }
}

/// A loop's connection, open or not.
struct Link<'a> {
    db: &'a Database,
    purpose: &'static str,
    session: Option<Session>,
}

impl Link<'_> {
    async fn carry_out(&mut self, step: Step) -> Outcome {
        match step {
            Step::Query(statement) => self.query(&statement).await,
            Step::Pause(pause) if !self.is_old() => {
                sleep(pause).await;
                Outcome::Paused
            }
            Step::Pause(pause) | Step::Reconnect(pause) => {
                if self.session.is_some() {
                    debug!("{}: close_{}, {:.6}", self.db, self.purpose, pause.as_secs_f64());
                    self.close().await;
                }
                sleep(pause).await;
                self.open().await
            }
        }
    }

    fn is_old(&self) -> bool {
        let age = self.session.as_ref().map(|session| session.opened().elapsed());
        age.zip(self.db.connection_lifetime).is_some_and(|(age, lifetime)| age > lifetime)
    }

    async fn open(&mut self) -> Outcome {
        match connect(&self.db.connstr, &format!("pgqd/{}", self.purpose)).await {
            Ok(session) => {
                self.session = Some(session);
                Outcome::Connected
            }
            Err(error) => {
                report_lost(&error);
                Outcome::Lost
            }
        }
    }

    async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = timeout(GOODBYE, session.close()).await;
        }
    }

    /// Hangs up; a statement that runs is left to the server.
    fn abort(&mut self) {
        if let Some(session) = self.session.take() {
            session.abort();
        }
    }

    async fn query(&mut self, statement: &str) -> Outcome {
        let Some(session) = &mut self.session else { return Outcome::Lost };
        trace!("{}: {statement}", self.db);
        match query(session, statement).await {
            Ok(outcome) => {
                last_words(session);
                outcome
            }
            Err(error) if error.is_closed() => {
                match last_words(session) {
                    Some(words) if error.db_error().is_none() => report(&error, &words),
                    _ => report_lost(&error),
                }
                self.session = None;
                Outcome::Lost
            }
            Err(error) => {
                report_refused(&self.db.name, &error);
                Outcome::Refused
            }
        }
    }
}

/// Runs one statement; the answer is [`Outcome::Rows`] or [`Outcome::Done`].
///
/// # Errors
/// When the server refuses it or the connection is lost.
pub async fn query(session: &mut Session, statement: &str) -> Result<Outcome, Error> {
    let messages =
        session.simple_query(statement).await.map_err(|source| Error::sql(source, statement))?;
    let mut rows: Option<Vec<Row>> = None;
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(_) => rows = Some(Vec::new()),
            SimpleQueryMessage::Row(row) => {
                let columns = (0..row.len()).map(|column| row.get(column).map(str::to_owned));
                rows.get_or_insert_default().push(columns.collect());
            }
            _ => {}
        }
    }
    Ok(rows.map_or(Outcome::Done, Outcome::Rows))
}

/// Throws away what the server said unasked, but for its reason to end the session.
fn last_words(session: &mut Session) -> Option<String> {
    let mut words = None;
    while let Some(notice) = session.try_notice() {
        if let Notice::Message { severity, message } = notice
            && severity == "FATAL"
        {
            words = Some(format!("FATAL:  {message}"));
        }
    }
    words
}

/// Logs that there is no connection (any more), in the original's two lines.
pub fn report_lost(error: &Error) {
    match error.db_error() {
        Some(server) if !error.is_connect() => {
            report(error, &format!("{}:  {error}", server.severity()));
        }
        _ => report(error, &error.to_string()),
    }
}

fn report(error: &Error, words: &str) {
    error!("connection error: {}", failed_call(error));
    error!("libpq: {words}");
}

/// The libpq function that would have failed; operators may watch for it.
fn failed_call(error: &Error) -> &'static str {
    if error.query().is_some() {
        return "PQconsumeInput";
    }
    // A bad option or a socket that does not exist fails at once, the rest while waiting for the server.
    if error.is_connect() && !error.to_string().contains("No such file or directory") {
        "PQconnectPoll"
    } else {
        "PQconnectStart"
    }
}

/// Logs what the server said about a statement.
pub fn report_refused(database: &str, error: &Error) {
    let severity = error.db_error().map_or("ERROR", |server| server.severity());
    error!("{database}: {severity}:  {error}");
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A database whose settings file has these keys.
    pub(crate) fn database(keys: &str) -> Database {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.ini");
        std::fs::write(&file, format!("[pgqd]\n{keys}")).expect("written");
        let settings = crate::config::load(&file, &Settings::default()).expect("valid");
        let (_, settings) = watch::channel(settings);
        Database::new("db", settings, Arc::default(), Shutdown::new())
    }

    #[test]
    fn names_in_connection_strings_and_logs() {
        assert_eq!(connstr("host=h", "it's \\"), "host=h dbname='it\\'s \\\\'");
        assert_eq!(connstr("", ""), " dbname=''");
        let db = Database { name: "a\nb".to_owned(), ..database("") };
        assert_eq!(db.to_string(), "[a?b]");
    }

    #[test]
    fn which_libpq_call_failed() {
        let call = |error: &Error| failed_call(error);
        let socket =
            "connection to server on socket \"/x/.s.PGSQL.5432\" failed: No such file or directory";
        assert_eq!(call(&Error::connect(socket, None)), "PQconnectStart");
        assert_eq!(call(&Error::config("invalid connection option \"x\"")), "PQconnectStart");
        let refused = "connection to server at \"127.0.0.1\", port 1 failed: Connection refused";
        assert_eq!(call(&Error::connect(refused, None)), "PQconnectPoll");
    }
}
