//! Destinations from a logging configuration of Python (`logging.config.fileConfig`) with the handlers of skytools, as
//! `use_skylog` finds it in `skylog.ini`.
//!
//! Read are the sections `logger_root`, `handler_*` and `formatter_*`. The level of a logger does not count, because the
//! command line's replaces it; that of a handler does.
//!
//! Departures: nothing in `args` is evaluated; a handler that is not known here is left out with a line that names it,
//! instead of keeping the program from starting; `~` means a home folder in the name of every log file.

use std::path::{Path, PathBuf};

use super::literal::{self, Literal};
use super::pattern::Pattern;
use super::syslog::{SyslogAddress, SyslogHeader, SyslogPlan, facility};
use super::{Destination, Encoding, Layout, Origin, Rotation, Severity, Target};
use crate::home;
use crate::ini::value::list;
use crate::ini::{Config, ConfigError};

/// What a configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkyLog {
    /// Where records go.
    pub destinations: Vec<Destination>,
    /// What is left out, one line each.
    pub left_out: Vec<String>,
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read, lacks a section, or has a value that cannot be used.
pub fn read(file: &Path, origin: &Origin) -> Result<SkyLog, ConfigError> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| ConfigError(format!("{name}: {}", crate::reason::reason(&error))))?;
    parse(&name, &text, origin)
}

/// Destinations from the text of a file; `name` is what errors call it.
fn parse(name: &str, text: &str, origin: &Origin) -> Result<SkyLog, ConfigError> {
    let file = File { name, text, origin };
    let loggers = file.section("loggers")?;
    let mut result = SkyLog { destinations: Vec::new(), left_out: Vec::new() };
    for other in loggers.list("keys")?.iter().filter(|key| *key != "root" && !key.is_empty()) {
        result.left_out.push(format!(
            "{name}: logger '{other}' has no effect, all records go to the handlers of 'root'"
        ));
    }
    for handler in file.section("logger_root")?.list("handlers")? {
        if handler.is_empty() {
            continue;
        }
        match file.handler(&handler)? {
            Handler::To(destination) => result.destinations.push(destination),
            Handler::Nowhere => {}
            Handler::Unknown(class) => result.left_out.push(format!(
                "{name}: handler '{handler}' is left out, its class {class} is not supported"
            )),
        }
    }
    Ok(result)
}

struct File<'a> {
    name: &'a str,
    text: &'a str,
    origin: &'a Origin,
}

enum Handler {
    To(Destination),
    Nowhere,
    Unknown(String),
}

impl File<'_> {
    fn section(&self, section: &str) -> Result<Config, ConfigError> {
        let builtins =
            [("job_name", self.origin.job.clone()), ("service_name", self.origin.service.clone())];
        Config::from_text(self.name, self.text, &[section], &builtins, &[])
            .map_err(|ConfigError(problem)| ConfigError(format!("{}: {problem}", self.name)))
    }

    fn handler(&self, handler: &str) -> Result<Handler, ConfigError> {
        let section = self.section(&format!("handler_{handler}"))?;
        let bad = |what: &str| ConfigError(format!("{}: handler '{handler}': {what}", self.name));
        let class = section.require("class").map_err(|ConfigError(problem)| bad(&problem))?;
        let written = section.text("args", "()").map_err(|ConfigError(problem)| bad(&problem))?;
        let args = literal::arguments(&written).map(Arguments);
        // `skylog.EasyRotatingFileHandler`, `logging.handlers.SysLogHandler`: the last part says it.
        let kind = class.rsplit('.').next().unwrap_or_default();
        let Some(target) = target(kind, args) else {
            return Ok(Handler::Unknown(class));
        };
        let Some(target) = target.ok_or_else(|| bad(&format!("cannot use args {written}")))? else {
            return Ok(Handler::Nowhere);
        };
        let level = section.text("level", "NOTSET")?;
        let lowest = severity(&level).ok_or_else(|| bad(&format!("unknown level '{level}'")))?;
        let layout = match section.text("formatter", "")? {
            formatter if formatter.is_empty() => Layout::Message,
            formatter => self.formatter(&formatter)?,
        };
        Ok(Handler::To(Destination { target, layout, lowest }))
    }

    fn formatter(&self, formatter: &str) -> Result<Layout, ConfigError> {
        let section = self.section(&format!("formatter_{formatter}"))?;
        let bad =
            |what: String| ConfigError(format!("{}: formatter '{formatter}': {what}", self.name));
        if section.raw_text("style").is_some_and(|style| style != "%") {
            return Err(bad("only the style % is supported".to_owned()));
        }
        let format = section.raw_text("format").unwrap_or("%(message)s");
        let dates = section.raw_text("datefmt").unwrap_or_default();
        Pattern::parse(format, dates).map(Layout::Pattern).map_err(bad)
    }
}

/// The place that a kind of handler writes to. The outer `None`: no such kind is known; the inner one: the arguments
/// do not fit; and the innermost: it writes nowhere.
#[expect(clippy::option_option, reason = "three answers, each explained at the function")]
fn target(kind: &str, args: Option<Arguments>) -> Option<Option<Option<Target>>> {
    type Reader = fn(&Arguments) -> Option<Option<Target>>;
    let read: Reader = match kind {
        "NullHandler" => |_| Some(None),
        "StreamHandler" => |args| args.stream().map(Some),
        "FileHandler" | "WatchedFileHandler" => |args| args.file(1, None).map(Some),
        "RotatingFileHandler" => |args| args.file(1, Some((2, 0, 0))).map(Some),
        "EasyRotatingFileHandler" => {
            |args| args.file(usize::MAX, Some((1, 10 * 1024 * 1024, 3))).map(Some)
        }
        "SysLogHandler" => |args| args.syslog(SyslogHeader::Bare).map(Some),
        "SysLogHostnameHandler" => |args| args.syslog(SyslogHeader::Host).map(Some),
        "UdpLogServerHandler" => |args| args.server(Encoding::Json).map(Some),
        "UdpTNetStringsHandler" => |args| args.server(Encoding::TnetString).map(Some),
        _ => return None,
    };
    Some(args.as_ref().and_then(read))
}

/// What a handler is made with.
struct Arguments(Vec<Literal>);

impl Arguments {
    fn text(&self, at: usize) -> Option<&str> {
        match self.0.get(at)? {
            Literal::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number that may be left out.
    fn number(&self, at: usize, default: u64) -> Option<u64> {
        match self.0.get(at) {
            None => Some(default),
            Some(Literal::Number(number)) => u64::try_from(*number).ok(),
            Some(_) => None,
        }
    }

    fn stream(&self) -> Option<Target> {
        match self.0.first() {
            None | Some(Literal::None) => Some(Target::Stderr),
            Some(Literal::Name(name)) if name == "sys.stderr" => Some(Target::Stderr),
            Some(Literal::Name(name)) if name == "sys.stdout" => Some(Target::Stdout),
            Some(_) => None,
        }
    }

    /// A file: name, mode (at `mode`), and where `rotated`, two numbers, at a place and with their defaults.
    fn file(&self, mode: usize, rotated: Option<(usize, u64, u64)>) -> Option<Target> {
        let name = self.text(0)?;
        let path = home::expand(name).unwrap_or_else(|| PathBuf::from(name));
        let truncate = match self.0.get(mode) {
            None => false,
            Some(Literal::Text(mode)) if mode.starts_with('a') => false,
            // What is rotated is never begun anew.
            Some(Literal::Text(mode)) if mode.starts_with('w') => rotated.is_none(),
            Some(_) => return None,
        };
        let (size, keep) = match rotated {
            Some((at, size, keep)) => (self.number(at, size)?, self.number(at + 1, keep)?),
            None => (0, 0),
        };
        let keep = u32::try_from(keep).ok()?;
        // Python rotates only when it may keep something.
        let size = if keep == 0 { 0 } else { size };
        Some(Target::File { path, rotation: Rotation::BySize { size, keep }, truncate })
    }

    fn syslog(&self, header: SyslogHeader) -> Option<Target> {
        let address = match self.0.first() {
            None => SyslogAddress::Udp("localhost".to_owned(), 514),
            Some(Literal::Text(path)) => SyslogAddress::Unix(PathBuf::from(path)),
            Some(Literal::Tuple(items)) => match items.as_slice() {
                [Literal::Text(host), Literal::Number(port)] => {
                    SyslogAddress::Udp(host.clone(), u16::try_from(*port).ok()?)
                }
                _ => return None,
            },
            Some(_) => return None,
        };
        let facility = match self.0.get(1) {
            None => 1,
            Some(Literal::Number(number)) => u8::try_from(*number).ok().filter(|nr| *nr < 24)?,
            Some(Literal::Text(name)) => facility(name)?,
            Some(Literal::Name(name)) => {
                facility(&name.rsplit('.').next()?.strip_prefix("LOG_")?.to_ascii_lowercase())?
            }
            Some(_) => return None,
        };
        Some(Target::Syslog(SyslogPlan { address, facility, header }))
    }

    fn server(&self, encoding: Encoding) -> Option<Target> {
        let host = self.text(0)?.to_owned();
        let port = u16::try_from(self.number(1, 0)?).ok().filter(|port| *port > 0)?;
        Some(Target::Server { host, port, encoding })
    }
}

/// Python's names for levels, and skytools' one more.
fn severity(name: &str) -> Option<Severity> {
    Some(match name {
        "NOTSET" | "TRACE" => Severity::Trace,
        "DEBUG" => Severity::Debug,
        "INFO" => Severity::Info,
        "WARNING" | "WARN" => Severity::Warning,
        "ERROR" => Severity::Error,
        "CRITICAL" | "FATAL" => Severity::Critical,
        _ => return None,
    })
}

/// The first of the comma-separated places that is a file; `~` is a home folder.
pub fn find(places: &str) -> Option<PathBuf> {
    list(places).iter().filter_map(|place| home::expand(place)).find(|place| place.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skylog(text: &str) -> Result<SkyLog, String> {
        let origin = Origin { job: "job".to_owned(), service: "londiste".to_owned() };
        parse("skylog.ini", text, &origin).map_err(|error| error.0)
    }

    /// The destination of one handler with these keys.
    fn handler(keys: &str) -> Result<SkyLog, String> {
        skylog(&format!(
            "[loggers]\nkeys = root\n[logger_root]\nlevel = DEBUG\nhandlers = h\n[handler_h]\n{keys}\n\
             [formatter_f]\nformat = %(job_name)s %(message)s\ndatefmt = %H\n"
        ))
    }

    #[track_caller]
    fn target_of(keys: &str) -> Target {
        let mut found = handler(keys).expect("a good configuration");
        assert_eq!(found.left_out, Vec::<String>::new());
        found.destinations.remove(0).target
    }

    fn file(path: &str, size: u64, keep: u32, truncate: bool) -> Target {
        Target::File {
            path: PathBuf::from(path),
            rotation: Rotation::BySize { size, keep },
            truncate,
        }
    }

    #[test]
    fn files() {
        assert_eq!(
            target_of("class = FileHandler\nargs = ('/l/%(job_name)s.log',)"),
            file("/l/job.log", 0, 0, false)
        );
        assert_eq!(target_of("class = FileHandler\nargs = ('/l', 'w')"), file("/l", 0, 0, true));
        assert_eq!(
            target_of("class = handlers.RotatingFileHandler\nargs = ('/l', 'a', 1000, 2)"),
            file("/l", 1000, 2, false)
        );
        assert_eq!(
            target_of("class = handlers.RotatingFileHandler\nargs = ('/l', 'a', 1000)"),
            file("/l", 0, 0, false)
        );
        let home = home::expand("~/log/londiste.log").expect("a home").display().to_string();
        assert_eq!(
            target_of(
                "class = skylog.EasyRotatingFileHandler\nargs = ('~/log/%(service_name)s.log',)"
            ),
            file(&home, 10 * 1024 * 1024, 3, false)
        );
    }

    #[test]
    fn streams_and_servers() {
        assert_eq!(target_of("class = StreamHandler"), Target::Stderr);
        assert_eq!(target_of("class = StreamHandler\nargs = (sys.stdout,)"), Target::Stdout);
        let server = |encoding| Target::Server { host: "log1".to_owned(), port: 6666, encoding };
        assert_eq!(
            target_of("class = skylog.UdpLogServerHandler\nargs = ('log1', 6666)"),
            server(Encoding::Json)
        );
        assert_eq!(
            target_of("class = skytools.skylog.UdpTNetStringsHandler\nargs = ('log1', 6666)"),
            server(Encoding::TnetString)
        );
    }

    #[test]
    fn syslog() {
        let plan =
            |address, facility, header| Target::Syslog(SyslogPlan { address, facility, header });
        assert_eq!(
            target_of(
                "class = handlers.SysLogHandler\nargs = ('/dev/log', handlers.SysLogHandler.LOG_LOCAL3)"
            ),
            plan(SyslogAddress::Unix("/dev/log".into()), 19, SyslogHeader::Bare)
        );
        assert_eq!(
            target_of("class = skylog.SysLogHostnameHandler\nargs = (('log', 514), 'daemon')"),
            plan(SyslogAddress::Udp("log".to_owned(), 514), 3, SyslogHeader::Host)
        );
        assert_eq!(
            target_of("class = skylog.SysLogHandler"),
            plan(SyslogAddress::Udp("localhost".to_owned(), 514), 1, SyslogHeader::Bare)
        );
    }

    #[test]
    fn levels_and_formats() {
        let found = handler("class = StreamHandler\nlevel = WARNING\nformatter = f").expect("good");
        let destination = &found.destinations[0];
        assert_eq!(destination.lowest, Severity::Warning);
        let pattern = Pattern::parse("%(job_name)s %(message)s", "%H").expect("good");
        assert_eq!(destination.layout, Layout::Pattern(pattern));
        let found = handler("class = StreamHandler").expect("good");
        assert_eq!(found.destinations[0].layout, Layout::Message);
        assert_eq!(found.destinations[0].lowest, Severity::Trace);
        assert_eq!(handler("class = NullHandler").expect("good").destinations, []);
    }

    #[test]
    fn what_is_left_out_is_named() {
        let found = handler("class = skylog.LogDBHandler\nargs = ('dbname=log',)").expect("good");
        assert_eq!(found.destinations, []);
        assert_eq!(
            found.left_out,
            ["skylog.ini: handler 'h' is left out, its class skylog.LogDBHandler is not supported"]
        );
        let found =
            skylog("[loggers]\nkeys = root, pgq\n[logger_root]\nhandlers =\n").expect("good");
        assert!(found.left_out[0].contains("logger 'pgq' has no effect"), "{:?}", found.left_out);
    }

    #[test]
    fn mistakes() {
        #[track_caller]
        fn refuse(keys: &str, why: &str) {
            let said = handler(keys).expect_err("must be refused");
            assert_eq!(said.lines().next(), Some(why));
        }
        refuse("args = ()", "skylog.ini: handler 'h': No option 'class' in section: 'handler_h'");
        refuse("class = FileHandler\nargs = ()", "skylog.ini: handler 'h': cannot use args ()");
        refuse("class = FileHandler\nargs = (", "skylog.ini: handler 'h': cannot use args (");
        refuse(
            "class = StreamHandler\nlevel = LOUD",
            "skylog.ini: handler 'h': unknown level 'LOUD'",
        );
        refuse("class = StreamHandler\nformatter = g", "skylog.ini: No section: 'formatter_g'");
        let empty = skylog("").expect_err("empty");
        assert_eq!(empty.lines().next(), Some("skylog.ini: No section: 'loggers'"));
    }
}
