//! Where it was measured, so that nobody compares what cannot be compared.

use std::fmt;
use std::fs;

use serde_json::{Value, json};
use system_tests::Database;

/// Settings of a server that matter for speed.
const SETTINGS: &str = "select string_agg(name || '=' || current_setting(name), ' ' order by name) from pg_settings \
    where name in ('autovacuum', 'fsync', 'full_page_writes', 'max_wal_size', 'shared_buffers', 'synchronous_commit', \
                   'wal_level', 'work_mem')";

/// The machine, the server, and how busy both were at the start.
#[derive(Clone, Debug)]
pub struct Machine {
    cores: usize,
    memory: String,
    load: String,
    server: String,
    settings: String,
    time: String,
}

impl Machine {
    /// Looks at this machine and the server of a database.
    pub fn look(db: &Database) -> Self {
        let loads = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory().unwrap_or_else(|| "?".to_owned()),
            load: loads.split(' ').next().unwrap_or_default().to_owned(),
            server: db.text("show server_version"),
            settings: db.text(SETTINGS),
            time: jiff::Zoned::now().strftime("%Y-%m-%d %H:%M %Z").to_string(),
        }
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        json!({
            "time": self.time,
            "cores": self.cores,
            "memory": self.memory,
            "load": self.load,
            "build": BUILD,
            "postgresql": self.server,
            "settings": self.settings,
        })
    }
}

/// How this program, and so most likely ours beside it, was built.
const BUILD: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, memory, load, server, settings, time } = self;
        let busy = load.parse().is_ok_and(|load: f64| load > 1.0);
        let care = if busy { " (busy: take all figures with care)" } else { "" };
        writeln!(
            f,
            "{time}, {cores} cores, {memory}, load {load} at the start{care}, {BUILD} build"
        )?;
        writeln!(f, "PostgreSQL {server}, {settings}")
    }
}

fn memory() -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(format!("{} GB", kilobytes.div_ceil(1024 * 1024)))
}
