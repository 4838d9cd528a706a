//! Where a run logs and how: `logfile`, `log_size`, `log_count`, the `logfmt_*` keys and `use_skylog` (contract `cli.md`
//! sections 2.6 and 3).

use daemonkit::ini::{Config, ConfigError};
use daemonkit::logging::pattern::{Pattern, USUAL};
use daemonkit::logging::{Destination, Layout, LogPlan, Origin, Rotation, Target, skylog};
use tracing::Level;

/// Where `skylog_locations` looks unless the file says otherwise.
const PLACES: &str = "skylog.ini, ~/.skylog.ini, /etc/skylog.ini";

/// What the command line says about logging.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Lowest level.
    pub level: Level,
    /// `--daemon`
    pub daemon: bool,
    /// Whether somebody looks at a terminal.
    pub terminal: bool,
}

impl Wish {
    /// Of the options `-v`, `-q` and `-d`.
    pub fn new(verbose: u8, quiet: bool, daemon: bool, terminal: bool) -> Wish {
        let level = match (verbose, quiet) {
            (0, true) => Level::WARN,
            (0, false) => Level::INFO,
            (1, _) => Level::DEBUG,
            (_, _) => Level::TRACE,
        };
        Wish { level, daemon, terminal }
    }
}

/// The plan, and what it leaves out of the file's wishes, one line each.
///
/// # Errors
/// When a key or the logging configuration cannot be used.
pub fn plan(config: &Config, wish: Wish) -> Result<(LogPlan, Vec<String>), ConfigError> {
    let origin =
        Origin { job: config.require("job_name")?, service: config.require("service_name")? };
    let to_file = layout(config, "file", wish.level)?;
    let to_console = layout(config, "console", wish.level)?;
    let mut destinations = Vec::new();
    let mut left_out = Vec::new();
    if wants_skylog(config, wish)? {
        let places = config.text("skylog_locations", PLACES)?;
        let file =
            skylog::find(&places).ok_or_else(|| ConfigError("skylog.ini not found!".to_owned()))?;
        let found = skylog::read(&file, &origin)?;
        destinations.extend(found.destinations);
        left_out = found.left_out;
    }
    if destinations.is_empty() {
        destinations.push(Destination::new(Target::Stderr, to_console));
    }
    if let Some(path) = config.file("logfile")? {
        let size = config.int("log_size", 10_485_760)?;
        let keep = config.int("log_count", 3)?;
        let rotation = Rotation::BySize {
            size: u64::try_from(size).unwrap_or(0),
            // As with 0, nothing is kept, and the file is never moved away.
            keep: u32::try_from(keep).unwrap_or(0),
        };
        let target = Target::File { path, rotation, truncate: false };
        destinations.push(Destination::new(target, to_file));
    }
    Ok((LogPlan { level: wish.level, destinations, origin }, left_out))
}

/// `use_skylog`: 0 no, 1 unless somebody sits at the terminal, 2 always.
fn wants_skylog(config: &Config, wish: Wish) -> Result<bool, ConfigError> {
    Ok(match config.int("use_skylog", 0)? {
        0 => false,
        1 => wish.daemon || !wish.terminal,
        _ => true,
    })
}

/// `logfmt_PLACE` and `logdatefmt_PLACE`, or their `_verbose` forms below INFO.
fn layout(config: &Config, place: &str, level: Level) -> Result<Layout, ConfigError> {
    let verbose = level > Level::INFO;
    let value = |key: &str, default: &str| {
        let mut key = format!("{key}_{place}");
        let mut value = text(config, &key)?;
        if verbose {
            let of_verbose = format!("{key}_verbose");
            if let Some(found) = text(config, &of_verbose)? {
                key = of_verbose;
                value = Some(found);
            }
        }
        Ok::<_, ConfigError>((key, value.unwrap_or_else(|| default.to_owned())))
    };
    let (key, format) = value("logfmt", USUAL)?;
    let (dates_key, dates) = value("logdatefmt", "")?;
    let parse = |key: &str, dates: &str| {
        Pattern::parse(&format, dates)
            .map_err(|problem| ConfigError(format!("Bad value for {key}: {problem}")))
    };
    parse(&key, "")?;
    parse(&dates_key, &dates).map(Layout::Pattern)
}

/// A format. Its percent signs have to be doubled, which is easily forgotten.
fn text(config: &Config, key: &str) -> Result<Option<String>, ConfigError> {
    config.get(key).map_err(|ConfigError(problem)| {
        // The general remedy gives way to that for formats.
        let problem = problem.split("\nHINT:  ").next().unwrap_or_default();
        ConfigError(format!(
            "{problem}\nHINT:  Percent signs of a format are doubled: {key} = %%(message)s"
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const QUIETLY: Wish = Wish { level: Level::INFO, daemon: false, terminal: true };

    fn config(keys: &str) -> Config {
        let builtins = [("job_name", "j".to_owned()), ("service_name", "londiste".to_owned())];
        Config::from_text("x.ini", &format!("[londiste]\n{keys}"), &["londiste"], &builtins, &[])
            .unwrap()
    }

    fn destinations(keys: &str, wish: Wish) -> Vec<Destination> {
        plan(&config(keys), wish).unwrap().0.destinations
    }

    fn pattern(format: &str, dates: &str) -> Layout {
        Layout::Pattern(Pattern::parse(format, dates).unwrap())
    }

    #[track_caller]
    fn fails(keys: &str, message: &str) {
        let error = plan(&config(keys), QUIETLY).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }

    #[test]
    fn stderr_and_file() {
        let usual = pattern(USUAL, "");
        assert_eq!(destinations("", QUIETLY), [Destination::new(Target::Stderr, usual.clone())]);
        let path = PathBuf::from("/l/j.log");
        let file = |size, keep| Target::File {
            path: path.clone(),
            rotation: Rotation::BySize { size, keep },
            truncate: false,
        };
        let both = destinations("logfile = /l/%(job_name)s.log", QUIETLY);
        assert_eq!(both[1], Destination::new(file(10_485_760, 3), usual.clone()));
        let both = destinations("logfile = /l/j.log\nlog_size = 5\nlog_count = 1", QUIETLY);
        assert_eq!(both[1], Destination::new(file(5, 1), usual.clone()));
        let both = destinations("logfile = /l/j.log\nlog_count = -1", QUIETLY);
        assert_eq!(both[1], Destination::new(file(10_485_760, 0), usual));
    }

    #[test]
    fn formats() {
        let keys = "logfile = /l\nlogfmt_file = F %%(message)s\nlogfmt_console = C %%(message)s\n\
                    logfmt_file_verbose = V %%(asctime)s %%(message)s\nlogdatefmt_file = %%H\nlogdatefmt_file_verbose = %%M";
        let found = destinations(keys, QUIETLY);
        assert_eq!(found[0].layout, pattern("C %(message)s", ""));
        assert_eq!(found[1].layout, pattern("F %(message)s", "%H"));
        let found = destinations(keys, Wish { level: Level::DEBUG, ..QUIETLY });
        assert_eq!(found[0].layout, pattern("C %(message)s", ""));
        assert_eq!(found[1].layout, pattern("V %(asctime)s %(message)s", "%M"));
    }

    #[test]
    fn formats_that_cannot_be_used() {
        fails(
            "logfmt_file = %%(foo)s",
            "Bad value for logfmt_file: unknown field 'foo'; there are ",
        );
        fails("logfmt_console = text", "Bad value for logfmt_console: it has no field");
        fails("logdatefmt_console = %%J", "Bad value for logdatefmt_console: '%J': ");
        let error = plan(&config("logfmt_file = %(message)s"), QUIETLY).unwrap_err().to_string();
        assert!(
            error.ends_with(
                "\nHINT:  Percent signs of a format are doubled: logfmt_file = %%(message)s"
            ),
            "{error}"
        );
    }

    #[test]
    fn skylog_when_nobody_looks() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sky.ini");
        std::fs::write(
            &file,
            "[loggers]\nkeys=root\n[logger_root]\nhandlers=a,b\n[handler_a]\nclass=FileHandler\nargs=('/l/%(job_name)s',)\n\
             [handler_b]\nclass=skylog.LogDBHandler\nargs=('dbname=log',)\n",
        )
        .unwrap();
        let keys = |value: u8| {
            format!("use_skylog = {value}\nskylog_locations = /nowhere, {}", file.display())
        };
        let is_skylog = |value: u8, wish| {
            matches!(destinations(&keys(value), wish)[0].target, Target::File { .. })
        };
        let daemon = Wish { daemon: true, ..QUIETLY };
        let cron = Wish { terminal: false, ..QUIETLY };
        assert_eq!([QUIETLY, daemon, cron].map(|wish| is_skylog(1, wish)), [false, true, true]);
        assert_eq!([QUIETLY, daemon, cron].map(|wish| is_skylog(2, wish)), [true; 3]);
        assert_eq!([QUIETLY, daemon, cron].map(|wish| is_skylog(0, wish)), [false; 3]);
        let (_, left_out) = plan(&config(&keys(2)), QUIETLY).unwrap();
        assert_eq!(left_out.len(), 1);
        assert!(left_out[0].contains("skylog.LogDBHandler"), "{left_out:?}");
        fails("use_skylog = 2\nskylog_locations = /nowhere", "skylog.ini not found!");
    }
}
