//! One log record: what happened, when, and who says so.

use std::net::ToSocketAddrs;
use std::sync::OnceLock;

use jiff::Zoned;
use jiff::tz::TimeZone;
use tracing::Level;

/// How bad a record is, from chatty to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Severity {
    Trace,
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl Severity {
    /// Of a record of `tracing`; one with the field `fatal = true` is the worst.
    pub(super) fn of(level: Level, fatal: bool) -> Severity {
        match level {
            _ if fatal => Severity::Critical,
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            Level::INFO => Severity::Info,
            Level::DEBUG => Severity::Debug,
            Level::TRACE => Severity::Trace,
        }
    }

    /// Londiste's (Python's) name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Severity::Critical => "CRITICAL",
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Info => "INFO",
            Severity::Debug => "DEBUG",
            Severity::Trace => "TRACE",
        }
    }

    /// Python's number.
    pub(super) fn number(self) -> i64 {
        match self {
            Severity::Critical => 50,
            Severity::Error => 40,
            Severity::Warning => 30,
            Severity::Info => 20,
            Severity::Debug => 10,
            Severity::Trace => 5,
        }
    }
}

/// Which job writes: text that records may show beside their message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// `job_name`
    pub job: String,
    /// `service_name`
    pub service: String,
}

/// One record on its way to the destinations.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) now: Zoned,
    pub(super) severity: Severity,
    pub(super) message: &'a str,
    /// Where in the program, with dots between the parts: `londiste.replay.worker`.
    pub(super) name: &'a str,
    pub(super) file: &'a str,
    pub(super) line: u32,
    pub(super) origin: &'a Origin,
}

/// The time zone of the system (or of the variable TZ); UTC when there is none.
pub(super) fn system_zone() -> TimeZone {
    let zone = TimeZone::system();
    if zone.is_unknown() { TimeZone::UTC } else { zone }
}

/// The name of this machine.
pub(super) fn host_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned()
    })
}

/// The address that the machine's name stands for. Looked up once, by the first record that shows it.
pub(super) fn host_address() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let found = (host_name(), 0).to_socket_addrs();
        let address = found.ok().and_then(|mut found| found.find(std::net::SocketAddr::is_ipv4));
        address.map_or_else(|| "0.0.0.0".to_owned(), |address| address.ip().to_string())
    })
}

/// At most `limit` bytes, ending between two characters.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities() {
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        let names = levels.map(|level| Severity::of(level, false).name());
        assert_eq!(names, ["ERROR", "WARNING", "INFO", "DEBUG", "TRACE"]);
        assert_eq!(Severity::of(Level::ERROR, true), Severity::Critical);
        assert!(Severity::Critical > Severity::Error && Severity::Debug > Severity::Trace);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("aäb", 2), "a");
        assert_eq!(cut("aäb", 3), "aä");
        assert_eq!(cut("ab", 9), "ab");
    }
}
