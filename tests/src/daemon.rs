//! A daemon that detached itself: known by its pidfile, ended by signals.

use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::folder::is_our_process;
use crate::wait::{SOON, holds, wait_for};

/// The process behind a pidfile.
#[derive(Debug)]
pub struct Daemon {
    pidfile: PathBuf,
}

impl Daemon {
    /// The daemon that writes this pidfile, running or not.
    pub fn new(pidfile: impl Into<PathBuf>) -> Self {
        Self { pidfile: pidfile.into() }
    }

    /// Where the pidfile is.
    pub fn pidfile(&self) -> &Path {
        &self.pidfile
    }

    /// Process number of the running daemon.
    pub fn pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(&self.pidfile).ok()?;
        text.trim().parse().ok().filter(|&pid| is_our_process(pid))
    }

    /// Waits until the daemon runs and has its pidfile.
    #[track_caller]
    pub fn wait_running(&self) -> u32 {
        wait_for(format!("a daemon with {}", self.pidfile.display()), SOON, || {
            self.pid().ok_or("no running process")
        })
    }

    /// Waits until nothing is left of the daemon that had this number: to `kill(pid, 0)`, which is how programs look
    /// for a running namesake, a zombie is alive.
    #[track_caller]
    pub fn wait_gone(&self, pid: u32) {
        wait_for(format!("the end of process {pid}"), SOON, || {
            // Orphans are our children (see `folder`). An error means that this one is somebody else's or gone.
            let _ = waitpid(as_pid(pid), Some(WaitPidFlag::WNOHANG));
            let left = Path::new("/proc").join(pid.to_string()).exists();
            holds(!left, format!("still there, {}", self.pidfile.display()))
        });
    }

    /// Sends a signal to the running daemon.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let pid = self.pid().unwrap_or_else(|| panic!("{}: not running", self.pidfile.display()));
        kill(as_pid(pid), signal).unwrap_or_else(|e| panic!("{signal} to {pid}: {e}"));
    }

    /// The crash: SIGKILL, and wait until it is gone. Does nothing when it does not run.
    #[track_caller]
    pub fn crash(&self) {
        if let Some(pid) = self.pid() {
            // It may have ended by itself in between.
            let _ = kill(as_pid(pid), Signal::SIGKILL);
            self.wait_gone(pid);
        }
    }

    /// SIGKILL without waiting or complaining: for destructors.
    pub(crate) fn end_quietly(&self) {
        if let Some(pid) = self.pid() {
            let _ = kill(as_pid(pid), Signal::SIGKILL);
        }
    }
}

fn as_pid(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("process numbers are small"))
}
