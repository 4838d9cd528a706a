//! How a destination writes a record. Pure but for what a record asks of the machine.

use super::pattern::Pattern;
use super::record::{Record, Severity, cut};

/// How a destination writes a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// A format of Python's `logging`; Londiste's usual line is [`Pattern::usual`].
    Pattern(Pattern),
    /// `2026-11-20 21:09:41.521 UTC [25828] LOG message`; further lines of a message are indented by a tab and the
    /// message is cut at 2 KB.
    Pgqd,
    /// The message alone.
    Message,
}

/// Longest pgqd message in bytes.
const PGQD_MESSAGE: usize = 2048;

impl Layout {
    /// The record's text without a line end.
    pub(super) fn render(&self, record: &Record<'_>) -> String {
        match self {
            Layout::Pattern(pattern) => pattern.render(record),
            Layout::Message => record.message.to_owned(),
            Layout::Pgqd => {
                let time = record.now.strftime("%Y-%m-%d %H:%M:%S");
                let (millis, zone) = (record.now.millisecond(), record.now.strftime("%Z"));
                let (process, name) = (std::process::id(), pgqd_name(record.severity));
                let message = indented(cut(record.message, PGQD_MESSAGE).trim_end());
                format!("{time}.{millis:03} {zone} [{process}] {name} {message}")
            }
        }
    }
}

fn pgqd_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "FATAL",
        Severity::Info => "LOG",
        Severity::Trace => "NOISE",
        severity => severity.name(),
    }
}

fn indented(message: &str) -> String {
    message.replace('\n', "\n\t")
}

#[cfg(test)]
mod tests {
    use super::super::record::Origin;
    use super::*;
    use jiff::civil::date;

    fn shown(layout: &Layout, zone: &str, severity: Severity, message: &str) -> String {
        let now = date(2024, 5, 6).at(7, 8, 9, 12_000_000).in_tz(zone).expect("a zone");
        let origin = Origin::default();
        let record =
            Record { now, severity, message, name: "", file: "", line: 0, origin: &origin };
        layout.render(&record).replace(&std::process::id().to_string(), "PID")
    }

    #[test]
    fn londiste() {
        let usual = Layout::Pattern(Pattern::usual());
        assert_eq!(
            shown(&usual, "UTC", Severity::Info, "one\n  two\n"),
            "2024-05-06 07:08:09,012 PID INFO one\n  two\n"
        );
        assert_eq!(
            shown(&usual, "UTC", Severity::Critical, "x"),
            "2024-05-06 07:08:09,012 PID CRITICAL x"
        );
        assert_eq!(shown(&Layout::Message, "UTC", Severity::Critical, "x\n"), "x\n");
    }

    #[test]
    fn pgqd() {
        assert_eq!(
            shown(&Layout::Pgqd, "UTC", Severity::Info, "Starting"),
            "2024-05-06 07:08:09.012 UTC [PID] LOG Starting"
        );
        assert_eq!(
            shown(&Layout::Pgqd, "Europe/Tallinn", Severity::Error, "libpq: no\n\tIs it?\n  \n"),
            "2024-05-06 07:08:09.012 EEST [PID] ERROR libpq: no\n\t\tIs it?"
        );
        let names = [Severity::Trace, Severity::Debug, Severity::Warning, Severity::Critical];
        assert_eq!(names.map(pgqd_name), ["NOISE", "DEBUG", "WARNING", "FATAL"]);
    }

    #[test]
    fn long_pgqd_messages_are_cut_between_characters() {
        let line = shown(&Layout::Pgqd, "UTC", Severity::Info, &"ä".repeat(3000));
        assert_eq!(line.matches('ä').count(), PGQD_MESSAGE / 2);
        let usual = Layout::Pattern(Pattern::usual());
        assert_eq!(
            shown(&usual, "UTC", Severity::Info, &"x".repeat(3000)).matches('x').count(),
            3000
        );
    }
}
