//! One database: its three loops, each with a connection of its own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daemonkit::shutdown::Shutdown;
use pgq_client::Error;
use pgq_client::conn::{Notice, Session, connect};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::{SimpleQueryMessage, Statement};
use tracing::{debug, error, trace, warn};

use crate::config::Settings;
use crate::cycle::{Cycle, Outcome, Row, Step};
use crate::look;
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
    /// What the ticker's latest look said.
    nothing_to_retry: AtomicBool,
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
        Database {
            name: name.to_owned(),
            connstr,
            connection_lifetime,
            settings,
            stats,
            shutdown,
            nothing_to_retry: AtomicBool::new(false),
        }
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

    /// Whether it is known that the time of no event in the retry queue has come.
    pub fn nothing_to_retry(&self) -> bool {
        self.nothing_to_retry.load(Ordering::Relaxed)
    }

    /// Says what is known.
    pub fn set_nothing_to_retry(&self, nothing: bool) {
        self.nothing_to_retry.store(nothing, Ordering::Relaxed);
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

/// After a pause, runs the three loops until the database is stopped. Maintenance and retry start when the ticker has found
/// a usable pgq, and from then on live as long as the ticker.
pub async fn run(db: &Database, pause: Duration) {
    if db.shutdown.run_until_cancelled(sleep(pause)).await.is_none() {
        return;
    }
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
    let mut link = Link { db, purpose: C::NAME, session: None, look: None, blind: false };
    let mut step = C::FIRST;
    loop {
        let busy = matches!(step, Step::Query(_) | Step::Look);
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
    /// Boxed: most of the time only the ticker has one.
    session: Option<Box<Session>>,
    /// The look as this session knows it.
    look: Option<Statement>,
    /// Whether the latest look was refused.
    blind: bool,
}

impl Link<'_> {
    async fn carry_out(&mut self, step: Step) -> Outcome {
        match step {
            Step::Query(statement) => self.query(&statement).await,
            // Boxed, like other large steps: each loop carries room for its largest one all the time.
            Step::Look => Box::pin(self.look()).await,
            Step::Pause(pause) if !self.is_old() => {
                sleep(pause).await;
                Outcome::Paused
            }
            Step::Pause(pause) | Step::Reconnect(pause) => {
                self.rest(pause).await;
                self.open().await
            }
            Step::Rest(pause) => {
                self.rest(pause).await;
                Outcome::Rested
            }
        }
    }

    async fn rest(&mut self, pause: Duration) {
        if self.session.is_some() {
            debug!("{}: close_{}, {:.6}", self.db, self.purpose, pause.as_secs_f64());
            self.close().await;
        }
        sleep(pause).await;
    }

    fn is_old(&self) -> bool {
        let age = self.session.as_ref().map(|session| session.opened().elapsed());
        age.zip(self.db.connection_lifetime).is_some_and(|(age, lifetime)| age > lifetime)
    }

    async fn open(&mut self) -> Outcome {
        let name = format!("pgqd/{}", self.purpose);
        match Box::pin(connect(&self.db.connstr, &name)).await {
            Ok(session) => {
                self.session = Some(Box::new(session));
                self.look = None;
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
            let _ = Box::pin(timeout(GOODBYE, session.close())).await;
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
            Err(error) if error.is_closed() => self.lost(&error),
            Err(error) => {
                report_refused(&self.db.name, &error);
                Outcome::Refused
            }
        }
    }

    async fn look(&mut self) -> Outcome {
        let Some(session) = &mut self.session else { return Outcome::Lost };
        trace!("{}: look", self.db);
        match look(session, &mut self.look).await {
            Ok(rows) => {
                last_words(session);
                self.blind = false;
                Outcome::Rows(rows)
            }
            Err(error) if error.is_closed() => self.lost(&error),
            Err(error) => {
                // Said once; a pooler refuses it every time.
                let db = self.db;
                if self.blind {
                    debug!("{db}: cannot look for events: {error}");
                } else {
                    warn!("{db}: cannot look for events, only calling pgq.ticker(): {error}");
                }
                self.blind = true;
                Outcome::Blind
            }
        }
    }

    fn lost(&mut self, error: &Error) -> Outcome {
        match self.session.as_deref_mut().and_then(last_words) {
            Some(words) if error.db_error().is_none() => report(error, &words),
            _ => report_lost(error),
        }
        self.session = None;
        Outcome::Lost
    }
}

/// Looks, by a statement that is prepared if it is not yet.
async fn look(session: &Session, prepared: &mut Option<Statement>) -> Result<Vec<Row>, Error> {
    let refused = |source| Error::sql(source, &*look::STATEMENT);
    let statement = match prepared {
        Some(statement) => statement,
        None => prepared.insert(session.prepare(&look::STATEMENT).await.map_err(refused)?),
    };
    let rows = match session.query(&*statement, &[]).await {
        Ok(rows) => rows,
        Err(error) => {
            *prepared = None;
            return Err(refused(error));
        }
    };
    let row =
        |row: &tokio_postgres::Row| (0..row.len()).map(|column| row.try_get(column)).collect();
    rows.iter().map(row).collect::<Result<_, _>>().map_err(refused)
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
