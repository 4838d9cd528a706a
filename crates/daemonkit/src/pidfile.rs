//! Pidfiles: one process per job (contract `cli.md` section 4, `pgqd.md` section 5).

use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// Who holds a pidfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// No such file.
    None,
    /// The file names a process that is alive.
    Running(Pid),
    /// The file is empty or names a process that is gone.
    Stale,
}

/// A pidfile could not be read, written or understood.
#[derive(Debug, thiserror::Error)]
pub enum PidfileError {
    /// The content is not a number.
    #[error("Corrupt pidfile: {}", .0.display())]
    Corrupt(PathBuf),
    /// The system refused; names the file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The pidfile.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Looks at a pidfile without changing it.
pub fn inspect(path: &Path) -> Result<Owner, PidfileError> {
    let _ = path;
    todo!()
}

/// Sends a signal to the owner and says who it was; a process that is gone is [`Owner::Stale`].
pub fn signal_owner(path: &Path, signal: Signal) -> Result<Owner, PidfileError> {
    let _ = (path, signal);
    todo!()
}

/// A pidfile that this process wrote; removed when dropped, if it still names this process.
#[derive(Debug)]
pub struct Pidfile {}

impl Pidfile {
    /// Writes our pid to `PATH.new` and renames it over `PATH`; `trailing_newline` as pgqd has it.
    pub fn write(path: &Path, trailing_newline: bool) -> Result<Pidfile, PidfileError> {
        let _ = (path, trailing_newline);
        todo!()
    }
}
