//! A londiste node as an operator sets it up: an ini file, a log, a pidfile.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::daemon::Daemon;
use crate::under_test::{self, Impl, Outcome, Program};
use crate::wait::{holds, wait_for};
use crate::{Database, folder, schemas, server};

/// Keys that make a test quick. A key may stand in the file once, so [`Node::set`] replaces them.
const QUICK: [(&str, &str); 2] = [("loop_delay", "0.2"), ("exception_sleep", "1")];

/// A node: its files, its implementation, and its worker daemon. Dropping it ends the worker and its copies.
#[derive(Debug)]
pub struct Node {
    implementation: Impl,
    section: &'static str,
    name: String,
    folder: PathBuf,
    keys: Vec<(String, String)>,
    worker: Daemon,
}

impl Node {
    /// A node called `name` (which is also its job name) over `db`, with its ini file written.
    pub fn new(implementation: Impl, name: &str, db: &Database, queue: &str) -> Self {
        Self::over(implementation, name, &db.connstr(), queue)
    }

    /// The same, over any connect string.
    pub fn over(implementation: Impl, name: &str, connstr: &str, queue: &str) -> Self {
        let folder = folder::fresh(name);
        let mut keys = vec![
            ("job_name".to_owned(), name.to_owned()),
            ("db".to_owned(), connstr.to_owned()),
            ("queue_name".to_owned(), queue.to_owned()),
            ("logfile".to_owned(), folder.join("%(job_name)s.log").display().to_string()),
            ("pidfile".to_owned(), folder.join("%(job_name)s.pid").display().to_string()),
        ];
        keys.extend(QUICK.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let worker = Daemon::new(folder.join(format!("{name}.pid")));
        let section = implementation.section();
        let node = Self { implementation, section, name: name.to_owned(), folder, keys, worker };
        node.write_ini();
        node
    }

    /// Sets a key of the ini file, replacing the value it had.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, value);
        self
    }

    /// Sets a key of the ini file; a running worker learns of it by [`Node::reload`].
    pub fn set(&mut self, key: &str, value: &str) {
        match self.keys.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => value.clone_into(old),
            None => self.keys.push((key.to_owned(), value.to_owned())),
        }
        self.write_ini();
    }

    /// Takes a key out of the ini file again.
    ///
    /// # Panics
    /// When it is not in the file.
    #[track_caller]
    pub fn unset(&mut self, key: &str) {
        let before = self.keys.len();
        self.keys.retain(|(known, _)| known != key);
        assert!(self.keys.len() < before, "{key} is not in the file");
        self.write_ini();
    }

    /// Without the short pauses that make a test quick: as an operator's first ini file is.
    #[must_use]
    pub fn with_usual_pauses(mut self) -> Self {
        self.keys.retain(|(key, _)| QUICK.iter().all(|(quick, _)| key != quick));
        self.write_ini();
        self
    }

    /// From now on another implementation runs the node's commands and worker, on the same ini file; the section
    /// becomes the one that both know. Stop the worker before, start it after.
    pub fn hand_over(&mut self, implementation: Impl) {
        self.implementation = implementation;
        self.section = Impl::Reference.section();
        self.write_ini();
    }

    /// The node's (and the job's) name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose programs run it.
    pub fn implementation(&self) -> Impl {
        self.implementation
    }

    /// The folder with ini, log and pidfile; commands run in it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The ini file.
    pub fn ini(&self) -> PathBuf {
        self.folder.join(format!("{}.ini", self.name))
    }

    /// Runs `londiste INI ARGS...` to its end. Options may stand among the arguments.
    #[track_caller]
    pub fn londiste<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Outcome {
        let mut command = self.command();
        command.args(args);
        let installs = command.get_args().any(|arg| arg.to_string_lossy().starts_with("create-"));
        let _turn = installs.then(|| InstallTurn::take(self.implementation));
        if installs && self.implementation == Impl::Reference {
            let (_, connstr) = self.keys.iter().find(|(key, _)| key == "db").expect("always set");
            schemas::stand_in_for_extensions(connstr);
        }
        under_test::finish(Duration::from_secs(120), &mut command)
    }

    /// `londiste INI`, ready for arguments: for commands that a test runs beside other things.
    #[track_caller]
    pub fn command(&self) -> std::process::Command {
        let executable = self.implementation.executable(Program::Londiste);
        let mut command = under_test::command(&executable, &self.folder);
        if self.implementation == Impl::Reference && server::major_version() >= 18 {
            command.env("PYTHONPATH", without_not_null());
        }
        command.arg(self.ini());
        command
    }

    /// The worker daemon, running or not.
    pub fn worker(&self) -> &Daemon {
        &self.worker
    }

    /// `londiste -d INI worker`; returns when its pidfile is there.
    #[track_caller]
    pub fn start_worker(&self) -> u32 {
        self.londiste(["-d", "worker"]).ok();
        self.worker.wait_running()
    }

    /// `londiste -s INI`; returns when the worker is gone.
    #[track_caller]
    pub fn stop_worker(&self) {
        let pid = self.worker.wait_running();
        self.londiste(["-s"]).ok();
        self.worker.wait_gone(pid);
    }

    /// `londiste -r INI`.
    #[track_caller]
    pub fn reload(&self) {
        self.londiste(["-r"]).ok();
    }

    /// The log file so far; commands and daemons of a node share it.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join(format!("{}.log", self.name))).unwrap_or_default()
    }

    /// Waits until the log contains the text.
    #[track_caller]
    pub fn wait_log(&self, text: &str, deadline: Duration) {
        wait_for(format!("{text:?} in the log of {}", self.name), deadline, || {
            let log = self.log();
            holds(log.contains(text), tail(&log, 20))
        });
    }

    fn write_ini(&self) {
        let mut text = format!("[{}]\n", self.section);
        for (key, value) in &self.keys {
            writeln!(text, "{key} = {value}").expect("a string grows");
        }
        fs::write(self.ini(), text).expect("own folder");
    }

    /// Pidfiles of the copy processes that the reference starts.
    fn copies(&self) -> Vec<Daemon> {
        let start = format!("{}.pid.copy.", self.name);
        fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
            .map(|entry| Daemon::new(entry.path()))
            .collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.worker.end_quietly();
        self.copies().iter().for_each(Daemon::end_quietly);
        show_log_of_failed_test(&self.name, &self.log());
    }
}

/// A folder for Python's path with which the reference leaves NOT NULL alone.
///
/// From PostgreSQL 18 on NOT NULL is among the constraints of a table. The reference's copy drops constraints in the order
/// in which a query without ORDER BY gives them. Whether that of a key's column comes before the key, which cannot be
/// done and is tried for ever, depends on the query's plan, and so on how many constraints the database has.
fn without_not_null() -> &'static Path {
    static WRITTEN: OnceLock<PathBuf> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let folder = folder::fresh("python");
        let text = r#"
from skytools.dbstruct import TConstraint
sql = TConstraint.SQL.replace("c.contype != 'f'", "c.contype not in ('f', 'n')")
assert sql != TConstraint.SQL
TConstraint.SQL = sql
"#;
        fs::write(folder.join("sitecustomize.py"), text).expect("own folder");
        folder
    })
}

/// The right to install now. Roles belong to the whole server, and the reference's installer fails when another one
/// creates them at the same moment; ours has to cope with ours.
enum InstallTurn {
    Alone { _held: RwLockWriteGuard<'static, ()> },
    Shared { _held: RwLockReadGuard<'static, ()> },
}

impl InstallTurn {
    fn take(implementation: Impl) -> Self {
        static INSTALLING: RwLock<()> = RwLock::new(());
        // A test that failed meanwhile does not concern the others.
        match implementation {
            Impl::Reference => {
                Self::Alone { _held: INSTALLING.write().unwrap_or_else(PoisonError::into_inner) }
            }
            Impl::Ours => {
                Self::Shared { _held: INSTALLING.read().unwrap_or_else(PoisonError::into_inner) }
            }
        }
    }
}

/// The last lines of a log, without the counters of each batch: a busy worker has several a second.
pub fn tail(log: &str, lines: usize) -> String {
    let all: Vec<&str> = log.lines().filter(|line| !line.contains(" INFO {")).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// What a daemon logged is the first thing wanted when a test fails.
#[expect(
    clippy::print_stderr,
    reason = "the test harness captures it and shows it for failed tests only"
)]
pub(crate) fn show_log_of_failed_test(name: &str, log: &str) {
    if std::thread::panicking() {
        eprintln!("=== end of the log of {name}\n{}\n===", tail(log, 60));
    }
}
