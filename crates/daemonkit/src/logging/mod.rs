//! Log records in the originals' line shapes, to stderr, a file and syslog.

use std::path::PathBuf;

/// Whose line shape a record is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineShape {
    /// `2024-05-06 07:08:09,123 12345 INFO message`
    Londiste,
    /// `2026-11-20 21:09:41.521 UTC [25828] LOG message`
    Pgqd,
}

/// What happens when a log file grows or is moved away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Renamed to `.1`, `.2`, ... before a record would reach `size` bytes; `keep` old files. Size 0 never rotates.
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
    /// Lowest level written.
    pub level: tracing::Level,
    /// Whether records are written to stderr.
    pub stderr: bool,
    /// The log file, opened for append.
    pub file: Option<PathBuf>,
    /// What happens as the file grows.
    pub rotation: Rotation,
    /// Syslog, if wanted.
    pub syslog: Option<SyslogPlan>,
}

/// Handle on the installed logger.
#[derive(Debug, Clone)]
pub struct LogControl {}

impl LogControl {
    /// Switches to a new plan (reload); files are closed and reopened lazily.
    pub fn apply(&self, plan: LogPlan) -> std::io::Result<()> {
        let _ = plan;
        todo!()
    }

    /// Closes the file so that the next record reopens it by name.
    pub fn reopen(&self) {
        todo!()
    }
}

/// Installs the process-wide logger for `tracing` records. Call once. Fails when the log file cannot be opened.
///
/// Record levels map to tags `ERROR WARNING INFO DEBUG TRACE` (Londiste) and `ERROR WARNING LOG DEBUG NOISE`
/// (pgqd); a record with the field `fatal = true` is tagged `CRITICAL` and `FATAL`.
pub fn install(plan: LogPlan) -> std::io::Result<LogControl> {
    let _ = plan;
    todo!()
}
