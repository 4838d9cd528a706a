//! The checked configuration of one run (contract `cli.md` section 2).

use std::path::{Path, PathBuf};
use std::time::Duration;

use daemonkit::ini::{Config, ConfigError};
use pgq_client::consumer::BatchOptions;
use pgq_client::name::{ConsumerName, QueueName};

use crate::handler::Handlers;
use crate::quiet::QuietErrors;

mod keys;
mod unheeded;

pub use keys::{KEYS, UnknownKey, unknown_keys};
pub use unheeded::Unheeded;

/// Which tables and sequences may be registered on this node (`register_only_*`, `register_skip_*`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegisterFilter {
    /// Exact full names; empty accepts all.
    pub only: Vec<String>,
    /// Exact full names left out.
    pub skip: Vec<String>,
}

impl RegisterFilter {
    /// Whether an object may be registered.
    pub fn accepts(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|n| n == name))
            && !self.skip.iter().any(|n| n == name)
    }
}

/// Checked settings of one run; everything that a command or the worker reads from the ini file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The INI argument as typed.
    pub config_file: PathBuf,
    /// `--set` overrides, handed on to child processes.
    pub overrides: Vec<(String, String)>,
    /// `db`: connect string of the local node. `None` is reported at the first connect.
    pub db: Option<String>,
    /// `queue_name` (`pgq_queue_name`).
    pub queue: QueueName,
    /// `job_name`: log text and the worker name written by create-*.
    pub job_name: String,
    /// `consumer_name` (`pgq_consumer_id`), default the job name.
    pub consumer: ConsumerName,
    /// `pidfile`
    pub pidfile: Option<PathBuf>,
    /// `remote_extra_connstr`
    pub remote_extra_connstr: String,
    /// `lock_timeout`; zero disables.
    pub lock_timeout: Duration,
    /// `connection_lifetime`; zero is unlimited.
    pub connection_lifetime: Duration,
    /// `node_name`
    pub node_name: Option<String>,
    /// `public_node_location`
    pub public_node_location: Option<String>,
    /// `initial_provider_location`
    pub initial_provider_location: Option<String>,
    /// `register_only_tables`, `register_skip_tables`
    pub register_tables: RegisterFilter,
    /// `register_only_seqs`, `register_skip_seqs`
    pub register_seqs: RegisterFilter,
    /// `loop_delay`; zero drains the queue and exits, negative runs one cycle (`None`).
    pub loop_delay: Option<Duration>,
    /// `exception_sleep`
    pub exception_sleep: Duration,
    /// `parallel_copies`, at least 1.
    pub parallel_copies: usize,
    /// `threaded_copy_tables`: shell globs.
    pub threaded_copy_tables: Vec<String>,
    /// `threaded_copy_pool_size`; unless set, it depends on the machine.
    pub threaded_copy_pool_size: Option<usize>,
    /// `local_only`
    pub local_only: bool,
    /// `local_only_drop_execute`
    pub local_only_drop_execute: bool,
    /// `pgq_lazy_fetch`: rows per fetch; 0 reads a batch in one statement (still streamed).
    pub lazy_fetch: usize,
    /// `pgq_batch_collect_events`, `pgq_batch_collect_interval`, `pgq_keep_lag`
    pub batch: BatchOptions,
    /// `keepalive_stats`
    pub keepalive_stats: Duration,
    /// `global_wm_publish_period`
    pub global_wm_publish_period: Duration,
    /// `local_wm_publish_period`
    pub local_wm_publish_period: Duration,
    /// `compare_sql`
    pub compare_sql: Option<String>,
    /// `compare_fmt`
    pub compare_fmt: Option<String>,
    /// `handler_modules`, and the keys that those modules read.
    pub handlers: Handlers,
    /// `exception_quiet`, `exception_grace`, `exception_reset`
    pub quiet: QuietErrors,
    /// What the file asks for in vain.
    pub unheeded: Vec<Unheeded>,
}

impl Settings {
    /// Checks a loaded file. All keys are checked for all commands, so that a mistake shows at the first command and
    /// not when the worker is started again weeks later.
    pub fn from_config(
        config: &Config,
        file: PathBuf,
        overrides: Vec<(String, String)>,
    ) -> Result<Settings, ConfigError> {
        let job_name = config.require("job_name")?;
        let queue = match config.get("pgq_queue_name")? {
            Some(queue) => queue,
            None => config.require("queue_name")?,
        };
        let consumer = match config.get("pgq_consumer_id")? {
            Some(consumer) => consumer,
            None => config.text("consumer_name", &job_name)?,
        };
        let lazy_fetch = whole(config, "pgq_lazy_fetch", 300, 0)?;
        if lazy_fetch > 0 && config.boolean("pgq_autocommit", false)? {
            return Err(ConfigError(
                "pgq_autocommit is not compatible with pgq_lazy_fetch\n\
                 HINT:  Take pgq_autocommit out, or set pgq_lazy_fetch = 0."
                    .to_owned(),
            ));
        }
        let min_count = match whole(config, "pgq_batch_collect_events", 0, 0)? {
            0 => None,
            events => Some(i32::try_from(events).map_err(|_| {
                ConfigError(format!("Bad value for pgq_batch_collect_events: {events}"))
            })?),
        };
        let loop_delay = config.float("loop_delay", 1.0)?;
        let handlers = Handlers::from_config(config)?;
        let quiet = QuietErrors {
            names: config.list("exception_quiet")?,
            grace: seconds(config, "exception_grace", 300.0)?,
            reset: seconds(config, "exception_reset", 900.0)?,
        };
        Ok(Settings {
            config_file: file,
            overrides,
            db: config.get("db")?,
            queue: QueueName::new(queue),
            job_name,
            consumer: ConsumerName::new(consumer),
            pidfile: config.file("pidfile")?,
            remote_extra_connstr: config.text("remote_extra_connstr", "")?,
            lock_timeout: seconds(config, "lock_timeout", 10.0)?,
            connection_lifetime: seconds(config, "connection_lifetime", 1200.0)?,
            node_name: filled(config, "node_name")?,
            public_node_location: filled(config, "public_node_location")?,
            initial_provider_location: filled(config, "initial_provider_location")?,
            register_tables: RegisterFilter {
                only: config.list("register_only_tables")?,
                skip: config.list("register_skip_tables")?,
            },
            register_seqs: RegisterFilter {
                only: config.list("register_only_seqs")?,
                skip: config.list("register_skip_seqs")?,
            },
            loop_delay: if loop_delay < 0.0 {
                None
            } else {
                Some(seconds(config, "loop_delay", 1.0)?)
            },
            exception_sleep: seconds(config, "exception_sleep", 20.0)?,
            parallel_copies: whole(config, "parallel_copies", 1, 1)?,
            threaded_copy_tables: config.list("threaded_copy_tables")?,
            threaded_copy_pool_size: match whole(config, "threaded_copy_pool_size", 0, 0)? {
                0 => None,
                size => Some(size),
            },
            local_only: config.boolean("local_only", false)?,
            local_only_drop_execute: config.boolean("local_only_drop_execute", false)?,
            lazy_fetch,
            batch: BatchOptions {
                min_lag: filled(config, "pgq_keep_lag")?,
                min_count,
                min_interval: filled(config, "pgq_batch_collect_interval")?,
            },
            keepalive_stats: seconds(config, "keepalive_stats", 300.0)?,
            global_wm_publish_period: seconds(config, "global_wm_publish_period", 300.0)?,
            local_wm_publish_period: seconds(config, "local_wm_publish_period", 300.0)?,
            compare_sql: filled(config, "compare_sql")?,
            compare_fmt: filled(config, "compare_fmt")?,
            unheeded: unheeded::find(config, &handlers, &quiet),
            handlers,
            quiet,
        })
    }

    /// Reads the same file again, with the same overrides.
    pub fn reload(&self) -> Result<Settings, ConfigError> {
        let config = load(&self.config_file, &self.overrides)?;
        Settings::from_config(&config, self.config_file.clone(), self.overrides.clone())
    }
}

/// Sections that hold the settings, the preferred one first; Londiste 3.0 called it `[londiste3]`.
const SECTIONS: [&str; 2] = ["londiste", "londiste3"];

/// Reads an ini file with the built-in keys that values may refer to (`%(job_name)s`).
pub fn load(file: &Path, overrides: &[(String, String)]) -> Result<Config, ConfigError> {
    let job_name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = file.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
    let host_name = nix::unistd::gethostname().unwrap_or_default();
    let builtins = [
        ("job_name", job_name),
        ("service_name", "londiste".to_owned()),
        ("host_name", host_name.to_string_lossy().into_owned()),
        ("config_dir", folder),
        ("config_file", file.to_string_lossy().into_owned()),
    ];
    Config::load(file, &SECTIONS, &builtins, overrides)
}

/// A text key where empty means absent.
fn filled(config: &Config, key: &str) -> Result<Option<String>, ConfigError> {
    Ok(config.get(key)?.filter(|value| !value.is_empty()))
}

/// A whole number of at least `least`.
fn whole(config: &Config, key: &str, default: i64, least: usize) -> Result<usize, ConfigError> {
    let number = config.int(key, default)?;
    usize::try_from(number).ok().filter(|number| *number >= least).ok_or_else(|| {
        ConfigError(format!(
            "Bad value for {key}: {number}\nHINT:  Write a whole number, {least} or more."
        ))
    })
}

/// A number of seconds, not negative.
fn seconds(config: &Config, key: &str, default: f64) -> Result<Duration, ConfigError> {
    let number = config.float(key, default)?;
    Duration::try_from_secs_f64(number).map_err(|_| {
        ConfigError(format!(
            "Bad value for {key}: {number}\nHINT:  Write a number of seconds, 0 or more."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let builtins = [("job_name", "j".to_owned())];
        Config::from_text("x.ini", text, &SECTIONS, &builtins, &[]).unwrap()
    }

    fn settings(keys: &str) -> Result<Settings, ConfigError> {
        let config = config(&format!("[londiste]\nqueue_name = q\n{keys}"));
        Settings::from_config(&config, "x.ini".into(), vec![])
    }

    #[track_caller]
    fn fails(keys: &str, message: &str) {
        let error = settings(keys).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{message}\nHINT:  ")), "{error}");
    }

    #[test]
    fn defaults() {
        let settings = settings("").unwrap();
        assert_eq!(settings.db, None);
        assert_eq!(settings.consumer.as_str(), "j");
        assert_eq!(settings.lock_timeout, Duration::from_secs(10));
        assert_eq!(settings.loop_delay, Some(Duration::from_secs(1)));
        assert_eq!(settings.parallel_copies, 1);
        assert_eq!(settings.lazy_fetch, 300);
        assert_eq!(settings.batch, BatchOptions::default());
    }

    #[test]
    fn legacy_names_win() {
        let settings = settings("pgq_queue_name = old\npgq_consumer_id = c\nconsumer_name = d");
        let settings = settings.unwrap();
        assert_eq!(settings.queue.as_str(), "old");
        assert_eq!(settings.consumer.as_str(), "c");
    }

    #[test]
    fn special_values() {
        assert_eq!(settings("loop_delay = -1").unwrap().loop_delay, None);
        assert_eq!(settings("loop_delay = 0").unwrap().loop_delay, Some(Duration::ZERO));
        assert_eq!(settings("pgq_batch_collect_events = 5").unwrap().batch.min_count, Some(5));
        assert_eq!(settings("pgq_keep_lag =").unwrap().batch.min_lag, None);
        assert_eq!(settings("pgq_keep_lag = 1 hour").unwrap().batch.min_lag.unwrap(), "1 hour");
    }

    #[test]
    fn bad_values_are_named() {
        fails("parallel_copies = 0", "Bad value for parallel_copies: 0");
        fails("lock_timeout = -1", "Bad value for lock_timeout: -1");
        fails("pgq_autocommit = 1", "pgq_autocommit is not compatible with pgq_lazy_fetch");
        assert!(settings("pgq_autocommit = 1\npgq_lazy_fetch = 0").is_ok());
        let none = Settings::from_config(&config("[londiste3]"), "x.ini".into(), vec![]);
        assert_eq!(none.unwrap_err().to_string(), "No option 'queue_name' in section: 'londiste3'");
    }

    #[test]
    fn register_filters() {
        let filter = settings("register_only_tables = a.b, c.d\nregister_skip_tables = c.d");
        let filter = filter.unwrap().register_tables;
        assert!(filter.accepts("a.b"));
        assert!(!filter.accepts("c.d"));
        assert!(!filter.accepts("e.f"));
        assert!(RegisterFilter::default().accepts("any.thing"));
    }

    #[test]
    fn a_reload_forgets_keys_that_are_gone_and_keeps_overrides() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.ini");
        let write = |keys: &str| {
            std::fs::write(&file, format!("[londiste]\nqueue_name = q\n{keys}")).unwrap();
        };
        write("parallel_copies = 3\nloop_delay = 5");
        let overrides = vec![("exception_sleep".to_owned(), "7".to_owned())];
        let config = load(&file, &overrides).unwrap();
        let before = Settings::from_config(&config, file.clone(), overrides).unwrap();
        assert_eq!(before.parallel_copies, 3);
        write("loop_delay = 6");
        let after = before.reload().unwrap();
        assert_eq!(after.parallel_copies, 1);
        assert_eq!(after.loop_delay, Some(Duration::from_secs(6)));
        assert_eq!(after.exception_sleep, Duration::from_secs(7));
    }

    #[test]
    fn failures_that_are_expected_to_pass() {
        let quiet =
            settings("exception_quiet = ALL, OperationalError\nexception_grace = 5").unwrap().quiet;
        assert_eq!(quiet.names, ["ALL", "OperationalError"]);
        assert_eq!(quiet.grace, Duration::from_secs(5));
        assert_eq!(quiet.reset, Duration::from_secs(900));
        fails("exception_reset = -1", "Bad value for exception_reset: -1");
    }
}
