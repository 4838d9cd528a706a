//! A ticker as an operator sets it up.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::cluster::Address;
use crate::daemon::Daemon;
use crate::node::show_log_of_failed_test;
use crate::under_test::{self, Impl, Outcome, Program};
use crate::{Database, folder};

/// Periods that make a test quick.
///
/// A connection that broke is tried again after a minute, whatever the settings (the original's habit), so a test that
/// restarts the server restarts the ticker as well or waits that long.
const QUICK: &str = "ticker_period = 0.2\nmaint_period = 2\nretry_period = 2\ncheck_period = 1\n";

/// The databases, by name, that a started daemon makes the ticks of.
static TICKED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Whether the ticks of a database are made by a [`Ticker`] of this process that was started and not stopped.
///
/// Who makes ticks beside it breaks queues on the original's schemas: two ticks side by side become visible in another order
/// than that of their numbers or their snapshots, so a consumer misses one, or has events twice.
pub fn is_ticked(db: &Database) -> bool {
    TICKED.lock().unwrap_or_else(PoisonError::into_inner).contains(db.name())
}

/// A `pgqd` for chosen databases of one cluster. Dropping it ends the daemon.
///
/// It never detects databases by itself: on the shared cluster those of other tests would be found.
#[derive(Debug)]
pub struct Ticker {
    implementation: Impl,
    databases: Vec<String>,
    folder: PathBuf,
    daemon: Daemon,
}

impl Ticker {
    /// A ticker for one database, with its ini file written.
    pub fn new(implementation: Impl, db: &Database) -> Self {
        Self::for_databases(implementation, db.address(), &[db.name()])
    }

    /// A ticker for databases of one cluster, with its ini file written.
    pub fn for_databases(implementation: Impl, address: &Address, databases: &[&str]) -> Self {
        let folder = folder::fresh("ticker");
        let daemon = Daemon::new(folder.join("pgqd.pid"));
        let names = databases.iter().map(ToString::to_string).collect();
        let ticker = Self { implementation, databases: names, folder, daemon };
        let mut ini = format!("[pgqd]\nbase_connstr = {}\n", address.connstr());
        writeln!(ini, "database_list = {}", databases.join(", ")).expect("a string grows");
        for (key, file) in [("logfile", "pgqd.log"), ("pidfile", "pgqd.pid")] {
            writeln!(ini, "{key} = {}", ticker.folder.join(file).display())
                .expect("a string grows");
        }
        ini.push_str("syslog = 0\n");
        ini.push_str(QUICK);
        fs::write(ticker.ini(), ini).expect("own folder");
        ticker
    }

    /// Without the short periods that make a test quick: as an operator's first ini file is.
    #[must_use]
    pub fn with_usual_periods(self) -> Self {
        let ini = fs::read_to_string(self.ini()).expect("own file");
        fs::write(self.ini(), ini.replace(QUICK, "")).expect("own folder");
        self
    }

    /// From now on another implementation's program is run, on the same ini file.
    pub fn hand_over(&mut self, implementation: Impl) {
        self.implementation = implementation;
    }

    /// The ini file.
    pub fn ini(&self) -> PathBuf {
        self.folder.join("pgqd.ini")
    }

    /// The folder with ini, log and pidfile.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs `pgqd ARGS... INI` to its end.
    #[track_caller]
    pub fn pgqd<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Outcome {
        let executable = self.implementation.executable(Program::Pgqd);
        let mut command = under_test::command(&executable, &self.folder);
        command.args(args).arg(self.ini());
        under_test::finish(std::time::Duration::from_secs(60), &mut command)
    }

    /// The daemon, running or not.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// `pgqd -d INI`; returns when its pidfile is there.
    #[track_caller]
    pub fn start(&self) -> u32 {
        TICKED.lock().unwrap_or_else(PoisonError::into_inner).extend(self.databases.clone());
        self.pgqd(["-d"]).ok();
        self.daemon.wait_running()
    }

    /// `pgqd -s INI`; returns when it is gone.
    #[track_caller]
    pub fn stop(&self) {
        let pid = self.daemon.wait_running();
        self.pgqd(["-s"]).ok();
        self.daemon.wait_gone(pid);
        self.forget();
    }

    fn forget(&self) {
        let mut ticked = TICKED.lock().unwrap_or_else(PoisonError::into_inner);
        ticked.retain(|name| !self.databases.contains(name));
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("pgqd.log")).unwrap_or_default()
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.daemon.end_quietly();
        self.forget();
        show_log_of_failed_test("pgqd", &self.log());
    }
}
