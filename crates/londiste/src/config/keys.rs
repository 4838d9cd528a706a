//! Which keys there are, and which ones of a file nobody reads.

use std::fmt;

use daemonkit::ini::{Config, nearest};

/// A key of the file that nothing reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// As written, in lower case.
    pub key: String,
    /// The known key it resembles.
    pub meant: Option<&'static str>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unknown key '{}' in the ini file", self.key)?;
        match self.meant {
            Some(meant) => write!(f, ", did you mean '{meant}'?"),
            None => Ok(()),
        }
    }
}

/// Keys of the file that nobody reads. Those that other values refer to (`%(key)s`) are read by them; and what the
/// section `[DEFAULT]` gives to programs of other kinds is theirs, unless it looks like a misspelt key of ours.
pub fn unknown_keys(config: &Config) -> Vec<UnknownKey> {
    let own = config.own_keys();
    let unknown = |key: &String| !KEYS.contains(&key.as_str()) && !config.is_referred_to(key);
    let keys = config.keys().into_iter().filter(unknown);
    keys.map(|key| UnknownKey { meant: nearest(&key, KEYS), key })
        .filter(|unknown| unknown.meant.is_some() || own.contains(&unknown.key))
        .collect()
}

/// Every key that some command reads, and those that only the original reads.
pub const KEYS: [&str; 61] = [
    "compare_fmt",
    "compare_sql",
    "config_dir",
    "config_file",
    "config_format",
    "connection_lifetime",
    "consumer_name",
    "db",
    "exception_grace",
    "exception_quiet",
    "exception_reset",
    "exception_sleep",
    "global_wm_publish_period",
    "handler_modules",
    "host_name",
    "initial_provider_location",
    "job_name",
    "keepalive_stats",
    "local_only",
    "local_only_drop_execute",
    "local_wm_publish_period",
    "lock_timeout",
    "log_count",
    "log_size",
    "logdatefmt_console",
    "logdatefmt_console_verbose",
    "logdatefmt_file",
    "logdatefmt_file_verbose",
    "logfile",
    "logfmt_console",
    "logfmt_console_verbose",
    "logfmt_file",
    "logfmt_file_verbose",
    "loop_delay",
    "node_name",
    "obfuscator_key",
    "obfuscator_map",
    "parallel_copies",
    "pgq_autocommit",
    "pgq_batch_collect_events",
    "pgq_batch_collect_interval",
    "pgq_consumer_id",
    "pgq_keep_lag",
    "pgq_lazy_fetch",
    "pgq_queue_name",
    "pidfile",
    "public_node_location",
    "queue_name",
    "register_only_seqs",
    "register_only_tables",
    "register_skip_seqs",
    "register_skip_tables",
    "remote_extra_connstr",
    "service_name",
    "shard_hash_func",
    "shard_info_sql",
    "skylog_locations",
    "table_filter",
    "threaded_copy_pool_size",
    "threaded_copy_tables",
    "use_skylog",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SECTIONS;

    fn config(text: &str) -> Config {
        Config::from_text("x.ini", text, &SECTIONS, &[], &[]).unwrap()
    }

    #[test]
    fn unknown_keys_are_found_with_what_was_meant() {
        let text = "[DEFAULT]\nother = 1\nlogfil = x\n[londiste]\nparalel_copies = 2\nhome = /x\nlogfile = %(home)s/log\n\
                    foo = 1\nDB = x";
        let unknown: Vec<String> =
            unknown_keys(&config(text)).iter().map(ToString::to_string).collect();
        assert_eq!(
            unknown,
            [
                "Unknown key 'paralel_copies' in the ini file, did you mean 'parallel_copies'?",
                "Unknown key 'foo' in the ini file",
                "Unknown key 'logfil' in the ini file, did you mean 'logfile'?",
            ]
        );
    }

    #[test]
    fn keys_that_are_read_by_other_values_are_known_ones() {
        let text = "[londiste]\nconfig_format = 2\nhome = /x\nname = n\nlogfile = ${londiste:home}/${name}.log\nfoo = 1";
        let unknown = unknown_keys(&config(text));
        assert_eq!(unknown, [UnknownKey { key: "foo".to_owned(), meant: None }]);
    }

    #[test]
    fn known_keys_are_sorted_and_unique() {
        assert!(KEYS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
