//! The temporary folder of this test process, and the watchdog that clears it up.
//!
//! Everything a test creates lies below one folder, and every program it starts has that folder's name in its
//! environment. A small `sh` process holds the reading end of a pipe whose other end is ours alone. When this
//! process ends - by returning, by a panic, by SIGKILL - the pipe closes, and the watchdog stops the servers, ends
//! the daemons and removes the folder. Destructors only make it sooner.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Name of the variable that marks every process started by the testkit; its value is the folder.
pub const FOLDER_VARIABLE: &str = "LONDISTE_TEST_FOLDER";

/// What the watchdog runs: `$1` is the folder. It looks at a process before it ends it, so that a
/// number left in an old pidfile never hits a stranger.
const WATCHDOG: &str = include_str!("watchdog.sh");

/// The folder of this process with its watchdog.
struct WorkFolder {
    path: PathBuf,
    /// Owns the writing end of the pipe; never read, closed by the kernel when this process is gone.
    watchdog: Child,
}

/// The folder of this process, created (and guarded) at the first call.
pub fn root() -> &'static Path {
    &work_folder().path
}

/// Sends the watchdog home: servers, daemons and files stay when this process ends, unless destructors remove them.
pub fn keep() {
    let mut pipe = work_folder().watchdog.stdin.as_ref().expect("piped at the start");
    pipe.write_all(b"keep\n").expect("the watchdog listens");
}

fn work_folder() -> &'static WorkFolder {
    static FOLDER: OnceLock<WorkFolder> = OnceLock::new();
    FOLDER.get_or_init(create)
}

/// A new empty folder below [`root`], named `label` and a number.
pub fn fresh(label: &str) -> PathBuf {
    let path = root().join(unique(label));
    fs::create_dir(&path).unwrap_or_else(|e| panic!("cannot create {}: {e}", path.display()));
    path
}

/// `label` with a number that no other call in this process gets.
pub fn unique(label: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{label}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Is the process alive and one of ours? A zombie has no environment any more, so it is not.
pub fn is_our_process(pid: u32) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    let mark = format!("{FOLDER_VARIABLE}={}", root().display());
    environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
}

fn create() -> WorkFolder {
    // Daemons leave their parent. In a container nobody may collect such orphans when they end, and a restarted
    // daemon would find its predecessor's zombie "running"; so they become ours, see `Daemon::wait_gone`.
    nix::sys::prctl::set_child_subreaper(true).expect("Linux 3.4 or later");
    // A Unix socket's path has to fit into 107 bytes, so a deep TMPDIR is no use.
    let parent = Some(std::env::temp_dir())
        .filter(|dir| dir.as_os_str().len() <= 40)
        .unwrap_or_else(|| PathBuf::from("/tmp"));
    let path = tempfile::Builder::new()
        .prefix("londiste-test-")
        .tempdir_in(&parent)
        .unwrap_or_else(|e| panic!("cannot create a folder in {}: {e}", parent.display()))
        .keep();
    // The servers run as another user when we are root: that user has to get through.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own folder");
    fs::create_dir(path.join("home")).expect("own folder");
    let watchdog = Command::new("/bin/sh")
        .args(["-c", WATCHDOG, "londiste-test-watchdog"])
        .arg(&path)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A Ctrl-C at the terminal ends the tests; the watchdog has to outlive them.
        .process_group(0)
        .spawn()
        .expect("cannot start /bin/sh");
    WorkFolder { path, watchdog }
}
