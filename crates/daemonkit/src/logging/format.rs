//! The two line shapes. Pure but for the process number.

use std::fmt;

use jiff::Zoned;
use jiff::tz::TimeZone;
use tracing::Level;

use super::LineShape;

/// What a record is called, from bad to chatty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Fatal,
    Error,
    Warning,
    Info,
    Debug,
    Trace,
}

impl Tag {
    pub(super) fn of(level: Level, fatal: bool) -> Tag {
        match level {
            _ if fatal => Tag::Fatal,
            Level::ERROR => Tag::Error,
            Level::WARN => Tag::Warning,
            Level::INFO => Tag::Info,
            Level::DEBUG => Tag::Debug,
            Level::TRACE => Tag::Trace,
        }
    }

    fn text(self, shape: LineShape) -> &'static str {
        match (self, shape) {
            (Tag::Fatal, LineShape::Londiste) => "CRITICAL",
            (Tag::Fatal, LineShape::Pgqd) => "FATAL",
            (Tag::Error, _) => "ERROR",
            (Tag::Warning, _) => "WARNING",
            (Tag::Info, LineShape::Londiste) => "INFO",
            (Tag::Info, LineShape::Pgqd) => "LOG",
            (Tag::Debug, _) => "DEBUG",
            (Tag::Trace, LineShape::Londiste) => "TRACE",
            (Tag::Trace, LineShape::Pgqd) => "NOISE",
        }
    }
}

/// Longest pgqd message in bytes.
const PGQD_MESSAGE: usize = 2048;

/// One record, displayed with its final newline.
pub(super) struct Line<'a> {
    pub(super) shape: LineShape,
    pub(super) now: Zoned,
    pub(super) tag: Tag,
    pub(super) message: &'a str,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { shape, now, message, .. } = self;
        let seconds = now.strftime("%Y-%m-%d %H:%M:%S");
        let millis = now.millisecond();
        let process = std::process::id();
        let tag = self.tag.text(*shape);
        match shape {
            LineShape::Londiste => {
                writeln!(f, "{seconds},{millis:03} {process} {tag} {message}")
            }
            LineShape::Pgqd => {
                let zone = now.strftime("%Z");
                let message = indented(cut(message, PGQD_MESSAGE).trim_end());
                writeln!(f, "{seconds}.{millis:03} {zone} [{process}] {tag} {message}")
            }
        }
    }
}

/// The time zone of the system (or of the variable TZ); UTC when there is none.
pub(super) fn system_zone() -> TimeZone {
    let zone = TimeZone::system();
    if zone.is_unknown() { TimeZone::UTC } else { zone }
}

/// At most `limit` bytes, ending between two characters.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}

fn indented(message: &str) -> String {
    message.replace('\n', "\n\t")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn shown(shape: LineShape, zone: &str, tag: Tag, message: &str) -> String {
        let now = date(2024, 5, 6).at(7, 8, 9, 12_000_000).in_tz(zone).expect("a zone");
        let line = Line { shape, now, tag, message }.to_string();
        line.replace(&std::process::id().to_string(), "PID")
    }

    #[test]
    fn londiste() {
        assert_eq!(
            shown(LineShape::Londiste, "UTC", Tag::Info, "one\n  two\n"),
            "2024-05-06 07:08:09,012 PID INFO one\n  two\n\n"
        );
        assert_eq!(
            shown(LineShape::Londiste, "UTC", Tag::Fatal, "x"),
            "2024-05-06 07:08:09,012 PID CRITICAL x\n"
        );
    }

    #[test]
    fn pgqd() {
        assert_eq!(
            shown(LineShape::Pgqd, "UTC", Tag::Info, "Starting"),
            "2024-05-06 07:08:09.012 UTC [PID] LOG Starting\n"
        );
        assert_eq!(
            shown(LineShape::Pgqd, "Europe/Tallinn", Tag::Error, "libpq: no\n\tIs it?\n  \n"),
            "2024-05-06 07:08:09.012 EEST [PID] ERROR libpq: no\n\t\tIs it?\n"
        );
    }

    #[test]
    fn long_pgqd_messages_are_cut_between_characters() {
        let line = shown(LineShape::Pgqd, "UTC", Tag::Info, &"ä".repeat(3000));
        assert_eq!(line.matches('ä').count(), PGQD_MESSAGE / 2);
        let line = shown(LineShape::Londiste, "UTC", Tag::Info, &"x".repeat(3000));
        assert_eq!(line.matches('x').count(), 3000);
    }

    #[test]
    fn tags() {
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        let tags = |shape| levels.map(|level| Tag::of(level, false).text(shape));
        assert_eq!(tags(LineShape::Londiste), ["ERROR", "WARNING", "INFO", "DEBUG", "TRACE"]);
        assert_eq!(tags(LineShape::Pgqd), ["ERROR", "WARNING", "LOG", "DEBUG", "NOISE"]);
        assert_eq!(Tag::of(Level::ERROR, true).text(LineShape::Pgqd), "FATAL");
    }
}
