//! Log records in the originals' line shapes, to stderr, a file and syslog.
//!
//! A line shows a record's message and nothing else: fields and spans are for other subscribers. Written are the
//! records of our own crates down to the plan's level, and warnings and errors of any other crate.

mod file;
mod format;
mod syslog;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use file::LogFile;
use format::{Line, Tag};
use syslog::Syslog;

/// Whose line shape a record is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineShape {
    /// `2024-05-06 07:08:09,123 12345 INFO message`
    Londiste,
    /// `2026-11-20 21:09:41.521 UTC [25828] LOG message`; further lines of a message are indented by a tab and the
    /// message is cut at 2 KB.
    Pgqd,
}

/// What happens when a log file grows or is moved away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Renamed to `.1`, `.2`, ... before a record would reach `size` bytes; `keep` old files. Size 0 never rotates.
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

/// Syslog destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogPlan {
    /// Program name in the record.
    pub ident: String,
    /// Facility name (`daemon`, `local0`, ...); an unknown name means `daemon`.
    pub facility: String,
}

/// Where records go and which.
#[derive(Debug, Clone)]
pub struct LogPlan {
    /// Line shape for stderr and file.
    pub shape: LineShape,
    /// Lowest level written. Syslog never gets DEBUG and TRACE.
    pub level: Level,
    /// Whether records are written to stderr.
    pub stderr: bool,
    /// The log file, opened for append.
    pub file: Option<PathBuf>,
    /// What happens as the file grows.
    pub rotation: Rotation,
    /// Syslog, if wanted. Without a syslog daemon its records are lost silently.
    pub syslog: Option<SyslogPlan>,
}

/// Handle on the installed logger.
#[derive(Debug, Clone)]
pub struct LogControl(Arc<Mutex<Destinations>>);

impl LogControl {
    /// Switches to a new plan (reload): opens the new file by name, even if it is the old one, and only then closes
    /// the old one.
    ///
    /// # Errors
    /// When the log file cannot be opened; the old plan stays in force.
    pub fn apply(&self, plan: LogPlan) -> io::Result<()> {
        let new = Destinations::open(plan)?;
        *lock(&self.0) = new;
        // The level may have changed; callsites remember what was enabled.
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }

    /// Opens the file anew by its name, after it was moved away.
    ///
    /// # Errors
    /// When it cannot be opened; the old file stays in use.
    pub fn reopen(&self) -> io::Result<()> {
        let mut destinations = lock(&self.0);
        match &mut destinations.file {
            Some(file) => file.reopen(),
            None => Ok(()),
        }
    }
}

/// Installs the process-wide logger for `tracing` records. Call once.
///
/// Record levels map to tags `ERROR WARNING INFO DEBUG TRACE` (Londiste) and `ERROR WARNING LOG DEBUG NOISE`
/// (pgqd); a record with the field `fatal = true` is tagged `CRITICAL` and `FATAL`.
///
/// # Errors
/// When the log file cannot be opened, or a logger is installed already.
pub fn install(plan: LogPlan) -> io::Result<LogControl> {
    let destinations = Arc::new(Mutex::new(Destinations::open(plan)?));
    let layer = RecordLayer(Arc::clone(&destinations));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
    Ok(LogControl(destinations))
}

/// A panic while logging leaves nothing half done that the next record could trip over.
fn lock(destinations: &Mutex<Destinations>) -> MutexGuard<'_, Destinations> {
    destinations.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The open destinations of one plan.
#[derive(Debug)]
struct Destinations {
    plan: LogPlan,
    file: Option<LogFile>,
    syslog: Option<Syslog>,
    zone: TimeZone,
}

impl Destinations {
    fn open(plan: LogPlan) -> io::Result<Destinations> {
        let file = match &plan.file {
            Some(path) => Some(LogFile::open(path, plan.rotation)?),
            None => None,
        };
        let syslog = plan.syslog.as_ref().map(Syslog::new);
        Ok(Destinations { plan, file, syslog, zone: format::system_zone() })
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let lowest = if is_ours(metadata.target()) { self.plan.level } else { Level::WARN };
        *metadata.level() <= lowest
    }

    /// Writes one record everywhere. A destination that fails must not stop the daemon, nor the other destinations.
    fn write(&mut self, tag: Tag, message: &str) {
        let now = Timestamp::now().to_zoned(self.zone.clone());
        let line = Line { shape: self.plan.shape, now, tag, message }.to_string();
        if self.plan.stderr {
            let _ = io::stderr().write_all(line.as_bytes());
        }
        if let Some(file) = &mut self.file {
            let _ = file.write(line.as_bytes());
        }
        if let Some(syslog) = &mut self.syslog {
            syslog.send(tag, message);
        }
    }
}

/// Whether a record comes from this project.
fn is_ours(target: &str) -> bool {
    let owner = target.split("::").next().unwrap_or_default();
    matches!(owner, "londiste" | "pgqd" | "pgq_client" | "daemonkit")
}

/// The part of the subscriber that writes.
struct RecordLayer(Arc<Mutex<Destinations>>);

impl<S: Subscriber> Layer<S> for RecordLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        lock(&self.0).wants(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut record = Record::default();
        event.record(&mut record);
        let tag = Tag::of(*event.metadata().level(), record.fatal);
        lock(&self.0).write(tag, &record.message);
    }
}

/// The fields that a line shows.
#[derive(Default)]
struct Record {
    message: String,
    fatal: bool,
}

impl Visit for Record {
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
    use std::path::Path;
    use tracing::{debug, error, info, warn};

    fn plan(file: &Path, level: Level) -> LogPlan {
        LogPlan {
            shape: LineShape::Pgqd,
            level,
            stderr: false,
            file: Some(file.to_owned()),
            rotation: Rotation::OnRequest,
            syslog: None,
        }
    }

    /// The lines of a file without time and process.
    fn lines(file: &Path) -> Vec<String> {
        let text = fs::read_to_string(file).expect("there");
        text.lines().map(|line| line.split_once("] ").expect("a prefix").1.to_owned()).collect()
    }

    /// A logger for the calling thread only.
    fn with_logger(plan: LogPlan, deed: impl FnOnce(LogControl)) {
        let destinations = Arc::new(Mutex::new(Destinations::open(plan).expect("opened")));
        let layer = RecordLayer(Arc::clone(&destinations));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || deed(LogControl(destinations)));
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
}
