//! The configuration file (contract `pgqd.md` section 3): one table of keys.
//!
//! Departures: an unknown key that looks misspelt gets a line with the known one; numbers must be finite;
//! `stats_period` below one second means one second.

use std::path::{Path, PathBuf};
use std::time::Duration;

use daemonkit::home;
use daemonkit::ini::nearest;
use daemonkit::ini::stream::{self, Problem, Receiver};
use daemonkit::ini::value::without_password;
use tracing::debug;

/// Which databases are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Databases {
    /// All that the cluster has.
    Detected,
    /// These, in this order, each once. An empty name is libpq's default database.
    Listed(Vec<String>),
}

/// Checked settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `logfile`
    pub logfile: Option<PathBuf>,
    /// `pidfile`
    pub pidfile: Option<PathBuf>,
    /// `base_connstr`: where the cluster is, without a database.
    pub base_connstr: String,
    /// `initial_database`: asked for the names of the others.
    pub initial_database: String,
    /// `database_list`
    pub databases: Databases,
    /// `syslog`
    pub syslog: bool,
    /// `syslog_ident`
    pub syslog_ident: String,
    /// `syslog_facility`
    pub syslog_facility: String,
    /// `check_period`: between two looks for databases, and for pgq in one without.
    pub check_period: Duration,
    /// `maint_period`: pause between maintenance runs.
    pub maint_period: Duration,
    /// `retry_period`: pause between retry runs.
    pub retry_period: Duration,
    /// `ticker_period`: longest pause between two looks for events.
    pub ticker_period: Duration,
    /// `stats_period`: between two statistics lines, at least a second.
    pub stats_period: Duration,
    /// `connection_lifetime`: maximum age of a ticker connection; `None` is unlimited.
    pub connection_lifetime: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            logfile: None,
            pidfile: None,
            base_connstr: String::new(),
            initial_database: "template1".to_owned(),
            databases: Databases::Detected,
            syslog: true,
            syslog_ident: "pgqd".to_owned(),
            syslog_facility: "daemon".to_owned(),
            check_period: Duration::from_secs(60),
            maint_period: Duration::from_secs(120),
            retry_period: Duration::from_secs(30),
            ticker_period: Duration::from_secs(1),
            stats_period: Duration::from_secs(30),
            connection_lifetime: Some(Duration::from_secs(3600)),
        }
    }
}

/// A file that cannot be used: what is wrong, and the settings that had taken effect by then.
#[derive(Debug)]
pub struct LoadError {
    /// Lines for the log.
    pub problem: Problem,
    /// For where to log them.
    pub until_then: Settings,
}

/// Reads a file. `previous` are the settings in force: `logfile`, `pidfile` and `database_list` have no default and keep
/// their value when the file leaves them out.
///
/// # Errors
/// When the file, or one that it includes, cannot be read or holds anything that is not understood.
pub fn load(file: &Path, previous: &Settings) -> Result<Settings, Box<LoadError>> {
    let mut loader = Loader { settings: previous.clone(), has_section: false };
    let result = stream::read(file, &mut loader).and_then(|()| {
        if loader.has_section {
            return Ok(());
        }
        Err(vec!["load_init_file: main section missing from config file".to_owned()])
    });
    match result {
        Ok(()) => Ok(loader.settings),
        Err(problem) => Err(Box::new(LoadError { problem, until_then: loader.settings })),
    }
}

struct Loader {
    settings: Settings,
    has_section: bool,
}

impl Receiver for Loader {
    fn section(&mut self, name: &str) -> Result<(), Problem> {
        debug!("parse_ini_file: [{name}]");
        if name != "pgqd" {
            return Err(vec!["fill_defaults fail".to_owned()]);
        }
        self.has_section = true;
        let Settings { logfile, pidfile, databases, .. } = std::mem::take(&mut self.settings);
        self.settings = Settings { logfile, pidfile, databases, ..Settings::default() };
        Ok(())
    }

    fn key(&mut self, key: &str, value: &str) -> Result<(), Problem> {
        let shown = without_password(value);
        debug!("parse_ini_file: '{key}' = '{shown}'");
        let result = set(&mut self.settings, key, value);
        debug!("parse_ini_file: '{key}' = '{shown}' ok:{}", u8::from(result.is_ok()));
        result
    }
}

fn set(settings: &mut Settings, key: &str, value: &str) -> Result<(), Problem> {
    let Some((_, assign)) = KEYS.iter().find(|(known, _)| *known == key) else {
        let mut problem = vec![format!("unknown parameter: pgqd/{key}")];
        if let Some(known) = nearest(key, KEYS.iter().map(|(known, _)| *known)) {
            problem.push(format!("did you mean \"{known}\"?"));
        }
        return Err(problem);
    };
    assign(settings, value)
}

/// Takes a value for its key.
type Assign = fn(&mut Settings, &str) -> Result<(), Problem>;

/// Every key there is.
const KEYS: &[(&str, Assign)] = &[
    ("logfile", |s, v| path(v).map(|path| s.logfile = path)),
    ("pidfile", |s, v| path(v).map(|path| s.pidfile = path)),
    ("base_connstr", |s, v| text(v, &mut s.base_connstr)),
    ("initial_database", |s, v| text(v, &mut s.initial_database)),
    ("database_list", |s, v| {
        s.databases = databases(v);
        Ok(())
    }),
    ("syslog", |s, v| integer(v).map(|number| s.syslog = number != 0)),
    ("syslog_ident", |s, v| text(v, &mut s.syslog_ident)),
    ("syslog_facility", |s, v| text(v, &mut s.syslog_facility)),
    ("check_period", |s, v| seconds(v).map(|period| s.check_period = period)),
    ("maint_period", |s, v| seconds(v).map(|period| s.maint_period = period)),
    ("retry_period", |s, v| seconds(v).map(|period| s.retry_period = period)),
    ("ticker_period", |s, v| seconds(v).map(|period| s.ticker_period = period)),
    ("stats_period", |s, v| {
        // Whole seconds only; less than one would flood the log.
        seconds(v).map(|period| s.stats_period = Duration::from_secs(period.as_secs().max(1)))
    }),
    ("connection_lifetime", |s, v| {
        seconds(v).map(|age| s.connection_lifetime = Some(age).filter(|age| !age.is_zero()))
    }),
];

fn text(value: &str, target: &mut String) -> Result<(), Problem> {
    value.clone_into(target);
    Ok(())
}

fn path(value: &str) -> Result<Option<PathBuf>, Problem> {
    if value.is_empty() {
        return Ok(None);
    }
    // The original's wording, operators may watch for it.
    home::expand(value).map(Some).ok_or_else(|| vec![format!("cannot to expand filename: {value}")])
}

fn databases(value: &str) -> Databases {
    if value.is_empty() {
        return Databases::Detected;
    }
    let mut names: Vec<String> = Vec::new();
    for name in value.split(',').map(|name| name.trim_ascii().to_owned()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Databases::Listed(names)
}

/// Decimal, octal with a leading zero, or hexadecimal; a sign is allowed.
fn integer(value: &str) -> Result<i64, Problem> {
    let (negative, digits) = match value.strip_prefix(['-', '+']) {
        Some(digits) => (value.starts_with('-'), digits),
        None => (false, value),
    };
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (&digits[1..], 8),
        None => (digits, 10),
    };
    // `from_str_radix` would take another sign.
    let number = digits.bytes().all(|digit| digit.is_ascii_alphanumeric());
    let number = number.then(|| i64::from_str_radix(digits, radix).ok()).flatten();
    number.map(|number| if negative { -number } else { number }).ok_or_else(Vec::new)
}

/// Longest period in seconds: some thirty years. The clock could not be moved on much farther.
const LONGEST: f64 = 1e9;

/// A decimal number of seconds, zero or more.
fn seconds(value: &str) -> Result<Duration, Problem> {
    let number: f64 = value.parse().map_err(|_| vec![])?;
    if !number.is_finite() {
        return Err(vec![]);
    }
    Duration::try_from_secs_f64(number.min(LONGEST)).map_err(|_| vec![])
}

/// What `pgqd --ini` prints.
pub const SAMPLE: &str = "\
[pgqd]

# log file
logfile = ~/log/pgqd.log

# file with the number of the running process
pidfile = ~/pid/pgqd.pid

## optional: where the databases are ##

# libpq connect string of the cluster, without dbname=
#base_connstr =

# database that is asked for the names of the others
#initial_database = template1

# names of the databases to serve, separated by commas; empty = find them
#database_list =

## optional: system log ##

# 0 = do not log there
#syslog = 1
#syslog_ident = pgqd

## optional: periods in seconds, fractions allowed ##

# between two looks for new databases
#check_period = 60

# between two runs that put events back from the retry queue
#retry_period = 30

# between two maintenance runs
#maint_period = 120

# between two looks for events where none have come for a while; they come up to 20 times as
# often after events
#ticker_period = 1
";

#[cfg(test)]
mod tests {
    use super::*;

    fn try_load(text: &str, previous: &Settings) -> Result<Settings, Problem> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.ini");
        std::fs::write(&file, text).expect("written");
        load(&file, previous).map_err(|error| {
            let hide = |line: String| line.replace(&file.display().to_string(), "x.ini");
            error.problem.into_iter().map(hide).collect()
        })
    }

    fn settings(keys: &str) -> Settings {
        try_load(&format!("[pgqd]\n{keys}"), &Settings::default()).expect("valid")
    }

    #[track_caller]
    fn refuse(text: &str, expected: &[&str]) {
        assert_eq!(try_load(text, &Settings::default()).expect_err("must be refused"), expected);
    }

    #[test]
    fn nothing_set() {
        assert_eq!(settings(""), Settings::default());
    }

    #[test]
    fn every_key() {
        let all = settings(
            "logfile = /l\npidfile = /p\nbase_connstr = host=h port=1\ninitial_database = i\n\
             database_list = a, b ,a\nsyslog = 0\nsyslog_ident = x\nsyslog_facility = local0\n\
             check_period = 1\nmaint_period = 2\nretry_period = 3\nticker_period = 0.25\n\
             stats_period = 5.9\nconnection_lifetime = 6",
        );
        let expected = Settings {
            logfile: Some("/l".into()),
            pidfile: Some("/p".into()),
            base_connstr: "host=h port=1".to_owned(),
            initial_database: "i".to_owned(),
            databases: Databases::Listed(vec!["a".to_owned(), "b".to_owned()]),
            syslog: false,
            syslog_ident: "x".to_owned(),
            syslog_facility: "local0".to_owned(),
            check_period: Duration::from_secs(1),
            maint_period: Duration::from_secs(2),
            retry_period: Duration::from_secs(3),
            ticker_period: Duration::from_millis(250),
            stats_period: Duration::from_secs(5),
            connection_lifetime: Some(Duration::from_secs(6)),
        };
        assert_eq!(all, expected);
        assert_eq!(KEYS.len(), 14, "a key without a line in this test");
    }

    #[test]
    fn numbers_as_c_reads_them() {
        for (text, on) in [("1", true), ("0", false), ("0x0", false), ("-1", true), ("010", true)] {
            assert_eq!(settings(&format!("syslog = {text}")).syslog, on, "{text}");
        }
        assert_eq!(integer("0x1F"), Ok(31));
        assert_eq!(integer("017"), Ok(15));
        for bad in ["", "yes", "08", "0x", "1 2", "+-1", "--1", "1.0"] {
            assert!(integer(bad).is_err(), "{bad}");
        }
        assert_eq!(seconds("+1e2"), Ok(Duration::from_secs(100)));
        assert_eq!(seconds("1e300"), Ok(Duration::from_secs(1_000_000_000)));
        for bad in ["", "1s", "-1", "inf", "nan"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn small_and_zero_periods() {
        assert_eq!(settings("stats_period = 0.5").stats_period, Duration::from_secs(1));
        assert_eq!(settings("connection_lifetime = 0").connection_lifetime, None);
    }

    #[test]
    fn lists_of_databases() {
        assert_eq!(settings("database_list =").databases, Databases::Detected);
        let names = |names: &[&str]| {
            Databases::Listed(names.iter().map(|name| (*name).to_owned()).collect())
        };
        assert_eq!(settings("database_list = a,").databases, names(&["a", ""]));
        assert_eq!(settings("database_list = My Db, x'y").databases, names(&["My Db", "x'y"]));
    }

    #[test]
    fn left_out_on_reload() {
        let before = settings("logfile = /l\npidfile = /p\ndatabase_list = a\nticker_period = 9");
        let after = try_load("[pgqd]", &before).expect("valid");
        assert_eq!(after.ticker_period, Duration::from_secs(1));
        assert_eq!(
            (after.logfile, after.pidfile, after.databases),
            (before.logfile, before.pidfile, before.databases)
        );
    }

    #[test]
    fn a_section_twice_starts_again() {
        let after = settings("logfile = /l\nticker_period = 9\n[pgqd]\nretry_period = 8");
        assert_eq!(after.ticker_period, Duration::from_secs(1));
        assert_eq!(after.retry_period, Duration::from_secs(8));
        assert_eq!(after.logfile, Some("/l".into()));
    }

    #[test]
    fn refusals() {
        refuse(
            "[pgqd]\nfoo = 1",
            &[
                "unknown parameter: pgqd/foo",
                "invalid value \"1\" for parameter foo in configuration (x.ini:2)",
            ],
        );
        refuse(
            "[pgqd]\nticker_perod = 1",
            &[
                "unknown parameter: pgqd/ticker_perod",
                "did you mean \"ticker_period\"?",
                "invalid value \"1\" for parameter ticker_perod in configuration (x.ini:2)",
            ],
        );
        refuse(
            "[pgqd]\nticker_period = x",
            &["invalid value \"x\" for parameter ticker_period in configuration (x.ini:2)"],
        );
        refuse(
            "[foo]",
            &["fill_defaults fail", "invalid section \"foo\" in configuration (x.ini:1)"],
        );
        refuse("", &["load_init_file: main section missing from config file"]);
        refuse(
            "[pgqd]\nlogfile = ~no-such-user/x",
            &[
                "cannot to expand filename: ~no-such-user/x",
                "invalid value \"~no-such-user/x\" for parameter logfile in configuration (x.ini:2)",
            ],
        );
    }

    #[test]
    fn what_took_effect_before_an_error_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.ini");
        std::fs::write(&file, "[pgqd]\nlogfile = /l\nfoo = 1").expect("written");
        let error = load(&file, &Settings::default()).expect_err("must be refused");
        assert_eq!(error.until_then.logfile, Some("/l".into()));
    }

    /// The sample, once as printed and once with every commented-out line active, means the defaults.
    #[test]
    fn the_sample_shows_the_defaults() {
        let expected = Settings {
            logfile: home::expand("~/log/pgqd.log"),
            pidfile: home::expand("~/pid/pgqd.pid"),
            ..Settings::default()
        };
        assert_eq!(try_load(SAMPLE, &Settings::default()), Ok(expected.clone()));
        let (all, keys) = activated(SAMPLE);
        assert_eq!(keys, 11);
        assert_eq!(try_load(&all, &Settings::default()), Ok(expected));
    }

    /// The text with its commented-out keys active, and the number of keys.
    fn activated(text: &str) -> (String, usize) {
        let sets = |line: &str| KEYS.iter().any(|(key, _)| line.starts_with(&format!("{key} =")));
        let lines =
            text.lines().map(|line| line.strip_prefix('#').filter(|l| sets(l)).unwrap_or(line));
        let keys = lines.clone().filter(|line| sets(line)).count();
        (lines.collect::<Vec<_>>().join("\n"), keys)
    }

    #[test]
    fn the_example_shows_every_key_with_its_default() {
        let example = include_str!("../../../examples/pgqd.ini");
        let expected = Settings {
            base_connstr: "host=127.0.0.1 port=5432 user=postgres".to_owned(),
            logfile: home::expand("~/log/pgqd.log"),
            pidfile: home::expand("~/pid/pgqd.pid"),
            syslog: false,
            ..Settings::default()
        };
        assert_eq!(try_load(example, &Settings::default()), Ok(expected.clone()));
        let (all, keys) = activated(example);
        assert_eq!(keys, KEYS.len());
        assert_eq!(try_load(&all, &Settings::default()), Ok(expected));
    }
}
