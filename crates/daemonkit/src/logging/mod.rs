//! Log records in the originals' line shapes, to stderr, files, syslog and log servers.
//!
//! A line shows a record's message, and of its fields none: fields and spans are for other subscribers. Written are the
//! records of our own crates down to the plan's level, and warnings and errors of any other crate.
//!
//! Reading guide: `record` is what happened, [`pattern`] and `format` make it a line; `file`, [`syslog`] and `datagram`
//! are places it goes to; [`skylog`] reads the places from a Python logging configuration.

mod datagram;
mod file;
mod format;
mod literal;
pub mod pattern;
mod record;
pub mod skylog;
pub mod syslog;

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use datagram::LogServer;
use file::LogFile;
use record::{Record, system_zone};
use syslog::{Syslog, SyslogPlan};

pub use datagram::Encoding;
pub use format::Layout;
pub use record::{Origin, Severity};

use crate::reason::reason;

/// What happens when a log file grows or is moved away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Renamed to `.1`, `.2`, ... before a record would reach `size` bytes; `keep` old files. Neither size 0 nor keep 0 ever
    /// rotates.
    /// The file may be shared with other processes, and a file moved away by somebody else is noticed.
    BySize {
        /// Bytes.
        size: u64,
        /// Number of old files kept.
        keep: u32,
    },
    /// Kept open, reopened on [`LogControl::reopen`].
    OnRequest,
}

/// A place that records go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// A file.
    File {
        /// Its name.
        path: PathBuf,
        /// What happens as it grows.
        rotation: Rotation,
        /// Whether it begins empty; otherwise it is appended to.
        truncate: bool,
    },
    /// A log daemon. Without one its records are lost silently.
    Syslog(SyslogPlan),
    /// A log server that takes UDP packets.
    Server {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// What a packet looks like.
        encoding: Encoding,
    },
}

/// A place, which records it gets and what they look like there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The place.
    pub target: Target,
    /// What records look like.
    pub layout: Layout,
    /// Records below are left out here.
    pub lowest: Severity,
}

impl Destination {
    /// A place for everything that the plan's level lets through.
    pub fn new(target: Target, layout: Layout) -> Destination {
        Destination { target, layout, lowest: Severity::Trace }
    }
}

/// Where records go and which.
#[derive(Debug, Clone)]
pub struct LogPlan {
    /// Lowest level written anywhere.
    pub level: Level,
    /// Where to.
    pub destinations: Vec<Destination>,
    /// Who writes.
    pub origin: Origin,
}

/// A log file that cannot be opened.
#[derive(Debug)]
pub struct CannotOpen {
    /// Its name.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for CannotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot open log file {}: {}", self.path.display(), reason(&self.error))?;
        let folder = self.path.parent().filter(|folder| *folder != Path::new(""));
        match folder.filter(|folder| !folder.exists()) {
            Some(folder) => write!(f, "\nHINT:  Create the folder {} first.", folder.display()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CannotOpen {}

/// Handle on the installed logger.
#[derive(Debug, Clone)]
pub struct LogControl(Arc<Mutex<Open>>);

impl LogControl {
    /// Switches to a new plan (reload): opens new files by name, even if they are the old ones, and only then closes
    /// the old ones.
    ///
    /// # Errors
    /// When a log file cannot be opened; the old plan stays in force.
    pub fn apply(&self, plan: LogPlan) -> Result<(), CannotOpen> {
        let new = Open::new(plan)?;
        *lock(&self.0) = new;
        // The level may have changed; callsites remember what was enabled.
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }

    /// Opens the files anew by their names, after they were moved away.
    ///
    /// # Errors
    /// When one cannot be opened; the old file stays in use.
    pub fn reopen(&self) -> io::Result<()> {
        for (_, place) in &mut lock(&self.0).places {
            if let Place::File(file) = place {
                file.reopen()?;
            }
        }
        Ok(())
    }
}

/// Installs the process-wide logger for `tracing` records. Call once.
///
/// A record with the field `fatal = true` is CRITICAL.
///
/// # Errors
/// When a log file cannot be opened.
///
/// # Panics
/// When a logger is installed already.
pub fn install(plan: LogPlan) -> Result<LogControl, CannotOpen> {
    let open = Arc::new(Mutex::new(Open::new(plan)?));
    let layer = RecordLayer(Arc::clone(&open));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).expect("installed once");
    Ok(LogControl(open))
}

/// A panic while logging leaves nothing half done that the next record could trip over.
fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The open destinations of one plan.
#[derive(Debug)]
struct Open {
    level: Level,
    origin: Origin,
    places: Vec<(Destination, Place)>,
    zone: TimeZone,
}

/// A place, ready for records.
#[derive(Debug)]
enum Place {
    Stderr,
    Stdout,
    File(LogFile),
    Syslog(Syslog),
    Server(LogServer),
}

impl Place {
    fn open(target: &Target) -> Result<Place, CannotOpen> {
        Ok(match target {
            Target::Stderr => Place::Stderr,
            Target::Stdout => Place::Stdout,
            Target::File { path, rotation, truncate } => {
                let opened = LogFile::open(path, *rotation, *truncate);
                Place::File(opened.map_err(|error| CannotOpen { path: path.clone(), error })?)
            }
            Target::Syslog(plan) => Place::Syslog(Syslog::new(plan)),
            Target::Server { host, port, encoding } => {
                Place::Server(LogServer::new(host, *port, *encoding))
            }
        })
    }

    /// A place that fails must not stop the daemon, nor the other places.
    fn write(&mut self, record: &Record<'_>, text: String) {
        let line = |mut text: String| {
            text.push('\n');
            text.into_bytes()
        };
        let written = match self {
            Place::Stderr => io::stderr().write_all(&line(text)),
            Place::Stdout => io::stdout().write_all(&line(text)),
            Place::File(file) => file.write(&line(text)),
            Place::Syslog(syslog) => {
                syslog.send(record, &text);
                Ok(())
            }
            Place::Server(server) => {
                server.send(record, &text);
                Ok(())
            }
        };
        drop(written);
    }
}

impl Open {
    fn new(plan: LogPlan) -> Result<Open, CannotOpen> {
        let places = plan.destinations.into_iter().map(|destination| {
            let place = Place::open(&destination.target)?;
            Ok((destination, place))
        });
        Ok(Open {
            level: plan.level,
            origin: plan.origin,
            places: places.collect::<Result<_, CannotOpen>>()?,
            zone: system_zone(),
        })
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let lowest = if is_ours(metadata.target()) { self.level } else { Level::WARN };
        *metadata.level() <= lowest
    }

    /// Writes one record everywhere.
    fn write(&mut self, metadata: &Metadata<'_>, severity: Severity, message: &str) {
        let record = Record {
            now: Timestamp::now().to_zoned(self.zone.clone()),
            severity,
            message,
            name: &metadata.target().replace("::", "."),
            file: metadata.file().unwrap_or_default(),
            line: metadata.line().unwrap_or_default(),
            origin: &self.origin,
        };
        for (destination, place) in &mut self.places {
            if severity >= destination.lowest {
                place.write(&record, destination.layout.render(&record));
            }
        }
    }
}

/// Whether a record comes from this project.
fn is_ours(target: &str) -> bool {
    let owner = target.split("::").next().unwrap_or_default();
    matches!(owner, "londiste" | "pgqd" | "pgq_client" | "daemonkit")
}

/// The part of the subscriber that writes.
struct RecordLayer(Arc<Mutex<Open>>);

impl<S: Subscriber> Layer<S> for RecordLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        lock(&self.0).wants(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut told = Told::default();
        event.record(&mut told);
        let severity = Severity::of(*event.metadata().level(), told.fatal);
        lock(&self.0).write(event.metadata(), severity, &told.message);
    }
}

/// The fields that a line shows.
#[derive(Default)]
struct Told {
    message: String,
    fatal: bool,
}

impl Visit for Told {
    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "fatal" {
            self.fatal = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tracing::{debug, error, info, warn};

    fn plan(file: &Path, level: Level) -> LogPlan {
        let path = file.to_owned();
        let target = Target::File { path, rotation: Rotation::OnRequest, truncate: false };
        LogPlan {
            level,
            destinations: vec![Destination::new(target, Layout::Pgqd)],
            origin: Origin::default(),
        }
    }

    /// The lines of a file without time and process.
    fn lines(file: &Path) -> Vec<String> {
        let text = fs::read_to_string(file).expect("there");
        text.lines().map(|line| line.split_once("] ").expect("a prefix").1.to_owned()).collect()
    }

    /// A logger for the calling thread only.
    fn with_logger(plan: LogPlan, deed: impl FnOnce(LogControl)) {
        let open = Arc::new(Mutex::new(Open::new(plan).expect("opened")));
        let layer = RecordLayer(Arc::clone(&open));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || deed(LogControl(open)));
    }

    #[test]
    fn levels_fields_and_targets() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("log");
        with_logger(plan(&file, Level::INFO), |_| {
            info!(target: "pgqd::ticker", "one {}", 1);
            debug!(target: "pgqd", "too low");
            error!(target: "pgqd", fatal = true, code = 5, "the end");
            error!(target: "pgqd", fatal = false, "not the end");
            info!(target: "rustls", "not ours");
            info!(target: "pgqd_other", "not ours");
            warn!(target: "rustls::client", "of others");
        });
        assert_eq!(
            lines(&file),
            ["LOG one 1", "FATAL the end", "ERROR not the end", "WARNING of others"]
        );
    }

    #[test]
    fn a_new_plan_takes_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        with_logger(plan(&one, Level::INFO), |control| {
            let say = |text: &str| {
                info!(target: "pgqd", "{text}");
                debug!(target: "pgqd", "details of {text}");
            };
            say("first");
            control.apply(plan(&two, Level::DEBUG)).expect("opened");
            say("second");
            let unusable = folder.path().join("no/such/folder");
            control.apply(plan(&unusable, Level::INFO)).expect_err("cannot be opened");
            say("third");
            fs::rename(&two, folder.path().join("old")).expect("renamed");
            say("fourth");
            control.reopen().expect("opened");
            say("fifth");
        });
        assert_eq!(lines(&one), ["LOG first"]);
        let old = lines(&folder.path().join("old"));
        assert_eq!(old[..2], ["LOG second", "DEBUG details of second"]);
        assert_eq!(old[4..], ["LOG fourth", "DEBUG details of fourth"]);
        assert_eq!(lines(&two), ["LOG fifth", "DEBUG details of fifth"]);
    }

    #[test]
    fn destinations_have_levels_and_layouts_of_their_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let (all, bad) = (folder.path().join("all"), folder.path().join("bad"));
        let mut plan = plan(&all, Level::DEBUG);
        std::fs::write(&bad, "from before").expect("written");
        let pattern = pattern::Pattern::parse("%(name)s|%(job_name)s|%(message)s", "");
        plan.destinations.push(Destination {
            target: Target::File {
                path: bad.clone(),
                rotation: Rotation::OnRequest,
                truncate: true,
            },
            layout: Layout::Pattern(pattern.expect("good")),
            lowest: Severity::Warning,
        });
        plan.origin.job = "job".to_owned();
        with_logger(plan, |_| {
            debug!(target: "londiste::cli", "details");
            warn!(target: "londiste::cli", "careful");
        });
        assert_eq!(lines(&all), ["DEBUG details", "WARNING careful"]);
        assert_eq!(fs::read_to_string(&bad).expect("there"), "londiste.cli|job|careful\n");
    }
}
