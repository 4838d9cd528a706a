//! Formats of log lines as Python's `logging` has them: `%(asctime)s %(levelname)-8s %(message)s`. Pure, but for what a
//! record asks of the machine.
//!
//! Departures: an unknown field and a malformed part are errors when the format is read, not each time a record is
//! written. `%(name)s` is where in the program the record comes from. What a compiled program does not know of itself
//! (`funcName`) is shown as Python shows what it does not know.

use std::fmt::Write as _;
use std::time::Instant;

use jiff::civil::date;
use jiff::fmt::strtime;

use super::record::{Record, host_address, host_name};

/// A checked format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
    /// A strftime pattern; `None` is `YYYY-MM-DD HH:MM:SS,mmm`.
    dates: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field, Shape),
}

/// What a field holds.
enum Value<'a> {
    Text(std::borrow::Cow<'a, str>),
    Int(i64),
    Float(f64),
}

/// How a value is written: what stands between `)` and the end of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Shape {
    left: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Text,
    Int,
    Float,
}

macro_rules! fields {
    ($($name:literal => $field:ident $kind:ident,)*) => {
        /// What a line can show.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Field { $($field,)* }

        impl Field {
            const NAMES: &[&str] = &[$($name,)*];

            fn find(name: &str) -> Option<Field> {
                match name { $($name => Some(Field::$field),)* _ => None }
            }

            /// Whether `%d` and `%f` can be used.
            fn is_number(self) -> bool {
                let kind = match self { $(Field::$field => Kind::$kind,)* };
                kind != Kind::Text
            }
        }
    };
}

fields! {
    "asctime" => Asctime Text,
    "created" => Created Float,
    "filename" => FileName Text,
    "funcName" => Function Text,
    "hostaddr" => HostAddress Text,
    "hostname" => HostName Text,
    "job_name" => Job Text,
    "levelname" => LevelName Text,
    "levelno" => LevelNumber Int,
    "lineno" => Line Int,
    "message" => Message Text,
    "module" => Module Text,
    "msecs" => Millis Float,
    "name" => Name Text,
    "pathname" => Path Text,
    "process" => Process Int,
    "processName" => ProcessName Text,
    "relativeCreated" => Relative Float,
    "service_name" => Service Text,
    "thread" => Thread Int,
    "threadName" => ThreadName Text,
}

/// The usual line: `2024-05-06 07:08:09,123 12345 INFO message`.
pub const USUAL: &str = "%(asctime)s %(process)s %(levelname)s %(message)s";

impl Pattern {
    /// The usual line of Londiste.
    pub fn usual() -> Pattern {
        Pattern::parse(USUAL, "").expect("tested below")
    }

    /// Reads a format and a strftime pattern for its times, which may be empty. The error says what is wrong, without
    /// naming where the text came from.
    pub fn parse(format: &str, dates: &str) -> Result<Pattern, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = format;
        while let Some((before, after)) = rest.split_once('%') {
            text.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                text.push('%');
                rest = after;
                continue;
            }
            let (field, shape, after) = part(after)
                .ok_or_else(|| "'%' must begin '%%' or a field like '%(message)s'".to_owned())??;
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Field(field, shape));
            rest = after;
        }
        text.push_str(rest);
        if pieces.is_empty() {
            return Err("it has no field like '%(message)s'".to_owned());
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        let dates = (!dates.is_empty()).then(|| dates.to_owned());
        if let Some(dates) = &dates {
            let some_day =
                date(2001, 2, 3).at(4, 5, 6, 0).in_tz("UTC").expect("a day like any other");
            strtime::format(dates, &some_day).map_err(|error| format!("'{dates}': {error}"))?;
        }
        Ok(Pattern { pieces, dates })
    }

    /// The line without its end.
    pub(super) fn render(&self, record: &Record<'_>) -> String {
        let mut line = String::with_capacity(record.message.len() + 64);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => line.push_str(text),
                Piece::Field(field, shape) => shape.write(&mut line, &self.value(*field, record)),
            }
        }
        line
    }

    fn value<'a>(&self, field: Field, record: &'a Record<'_>) -> Value<'a> {
        let text = |text: &'a str| Value::Text(text.into());
        let stem = |path: &'a str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            name.strip_suffix(".rs").unwrap_or(name)
        };
        match field {
            Field::Asctime => Value::Text(self.time(record).into()),
            Field::Created => Value::Float(seconds(record)),
            Field::FileName => text(record.file.rsplit('/').next().unwrap_or_default()),
            Field::Function => text("(unknown function)"),
            Field::HostAddress => text(host_address()),
            Field::HostName => text(host_name()),
            Field::Job => text(&record.origin.job),
            Field::LevelName => text(record.severity.name()),
            Field::LevelNumber => Value::Int(record.severity.number()),
            Field::Line => Value::Int(record.line.into()),
            Field::Message => text(record.message),
            Field::Module => text(stem(record.file)),
            Field::Millis => Value::Float(record.now.millisecond().into()),
            Field::Name => text(record.name),
            Field::Path => text(record.file),
            Field::Process => Value::Int(std::process::id().into()),
            Field::ProcessName => text("MainProcess"),
            Field::Relative => Value::Float(since_start() * 1000.0),
            Field::Service => text(&record.origin.service),
            Field::Thread => Value::Int(nix::unistd::gettid().as_raw().into()),
            Field::ThreadName => Value::Text(thread_name().into()),
        }
    }

    fn time(&self, record: &Record<'_>) -> String {
        match &self.dates {
            None => {
                let seconds = record.now.strftime("%Y-%m-%d %H:%M:%S");
                format!("{seconds},{:03}", record.now.millisecond())
            }
            // Checked when it was read.
            Some(dates) => strtime::format(dates, &record.now).unwrap_or_default(),
        }
    }
}

/// Seconds since 1970.
pub(super) fn seconds(record: &Record<'_>) -> f64 {
    record.now.timestamp().as_duration().as_secs_f64()
}

/// Seconds since the first record.
fn since_start() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

fn thread_name() -> String {
    match std::thread::current().name() {
        Some("main") | None => "MainThread".to_owned(),
        Some(name) => name.to_owned(),
    }
}

/// `(name)` with what shapes it, behind the percent sign. `None` when it is nothing of that kind, an error when its
/// parts do not fit.
fn part(text: &str) -> Option<Result<(Field, Shape, &str), String>> {
    let (name, rest) = text.strip_prefix('(')?.split_once(')')?;
    let Some(field) = Field::find(name) else {
        return Some(Err(format!("unknown field '{name}'; there are {}", Field::NAMES.join(", "))));
    };
    let mut shape = Shape::default();
    let flags = rest.len() - rest.trim_start_matches(['-', '0', ' ', '+', '#']).len();
    shape.left = rest[..flags].contains('-');
    shape.zeros = rest[..flags].contains('0');
    let (width, mut rest) = digits(&rest[flags..])?;
    shape.width = width.unwrap_or_default();
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = digits(after)?;
        shape.precision = Some(precision.unwrap_or_default());
        rest = after;
    }
    let kind = rest.chars().next()?;
    shape.kind = match kind {
        's' | 'r' | 'a' => Kind::Text,
        'd' | 'i' | 'u' => Kind::Int,
        'f' | 'F' => Kind::Float,
        _ => return None,
    };
    if shape.kind != Kind::Text && !field.is_number() {
        return Some(Err(format!("field '{name}' is text: '%({name})s' and not '{kind}'")));
    }
    Some(Ok((field, shape, &rest[kind.len_utf8()..])))
}

/// A number of at most three digits, if one is there.
fn digits(text: &str) -> Option<(Option<usize>, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = match end {
        0 => None,
        1..=3 => Some(text[..end].parse().ok()?),
        _ => return None,
    };
    Some((number, &text[end..]))
}

impl Shape {
    fn write(self, line: &mut String, value: &Value<'_>) {
        let text: std::borrow::Cow<'_, str> = match (self.kind, value) {
            (Kind::Text, Value::Text(text)) => text.as_ref().into(),
            (Kind::Text, Value::Int(number)) => number.to_string().into(),
            (Kind::Text, Value::Float(number)) => format!("{number:?}").into(),
            (Kind::Int, Value::Int(number)) => number.to_string().into(),
            (Kind::Int, Value::Float(number)) => format!("{:.0}", number.trunc()).into(),
            (Kind::Float, Value::Int(number)) => {
                format!("{number}.{}", "0".repeat(self.precision.unwrap_or(6))).into()
            }
            (Kind::Float, Value::Float(number)) => {
                format!("{number:.*}", self.precision.unwrap_or(6)).into()
            }
            (_, Value::Text(text)) => text.as_ref().into(),
        };
        let text = match (self.kind, self.precision) {
            (Kind::Text, Some(limit)) => text.chars().take(limit).collect::<String>().into(),
            _ => text,
        };
        let width = self.width;
        let written = match (self.left, self.zeros && self.kind != Kind::Text) {
            (true, _) => write!(line, "{text:<width$}"),
            (false, true) => write!(line, "{text:0>width$}"),
            (false, false) => write!(line, "{text:>width$}"),
        };
        written.expect("a string grows");
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Origin, Severity};
    use super::*;

    fn shown(format: &str, dates: &str) -> String {
        let origin = Origin { job: "job".to_owned(), service: "londiste".to_owned() };
        let record = Record {
            now: date(2024, 5, 6).at(7, 8, 9, 12_000_000).in_tz("UTC").expect("a zone"),
            severity: Severity::Info,
            message: "one\n  two",
            name: "londiste.cli",
            file: "crates/londiste/src/cli.rs",
            line: 17,
            origin: &origin,
        };
        let line = Pattern::parse(format, dates).expect("a good format").render(&record);
        line.replace(&std::process::id().to_string(), "PID")
    }

    #[track_caller]
    fn refuse(format: &str, dates: &str, why: &str) {
        let error = Pattern::parse(format, dates).expect_err("must be refused");
        assert!(error.starts_with(why), "{error}");
    }

    #[test]
    fn the_usual_line() {
        assert_eq!(shown(USUAL, ""), "2024-05-06 07:08:09,012 PID INFO one\n  two");
        assert_eq!(Pattern::usual(), Pattern::parse(USUAL, "").expect("good"));
    }

    #[test]
    fn every_field() {
        assert_eq!(shown("%(job_name)s/%(service_name)s", ""), "job/londiste");
        assert_eq!(
            shown("%(name)s %(module)s %(filename)s:%(lineno)d", ""),
            "londiste.cli cli cli.rs:17"
        );
        assert_eq!(
            shown("%(created)f %(created).1f %(msecs)s", ""),
            "1714979289.012000 1714979289.0 12.0"
        );
        assert_eq!(shown("%(levelno)s %(process)d %(processName)s", ""), "20 PID MainProcess");
        assert!(!shown("%(hostname)s %(hostaddr)s %(threadName)s %(thread)d", "").is_empty());
        for name in Field::NAMES {
            let format = format!("%({name})s");
            assert!(!shown(&format, "").is_empty(), "{format}");
        }
    }

    #[test]
    fn widths() {
        assert_eq!(
            shown("%(levelname)-8s|%(levelname)8s|%(levelname).2s|", ""),
            "INFO    |    INFO|IN|"
        );
        assert_eq!(shown("%(lineno)05d|%(lineno)-5d|%(msecs)03d", ""), "00017|17   |012");
        assert_eq!(shown("100%% %(job_name)s%%", ""), "100% job%");
    }

    #[test]
    fn times() {
        assert_eq!(shown("%(asctime)s", "%d.%m. %H:%M"), "06.05. 07:08");
        assert_eq!(
            shown("%(asctime)s", "%Y-%m-%dT%H:%M:%S%z %Z %j %a %b %p"),
            "2024-05-06T07:08:09+0000 UTC 127 Mon May AM"
        );
    }

    #[test]
    fn what_is_no_format() {
        refuse("%(foo)s", "", "unknown field 'foo'; there are asctime, created,");
        refuse("message", "", "it has no field");
        refuse("%(message)", "", "'%' must begin");
        refuse("%(message)q", "", "'%' must begin");
        refuse("%message", "", "'%' must begin");
        refuse("%(message)s 5%", "", "'%' must begin");
        refuse("%(message)d", "", "field 'message' is text");
        refuse("%(message)9999s", "", "'%' must begin");
        refuse("%(message)s", "%J", "'%J': ");
    }
}
