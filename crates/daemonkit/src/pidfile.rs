//! Pidfiles: one process per job (contract `cli.md` section 4, `pgqd.md` section 5).
//!
//! Departure: a file that names the looking process itself is stale. After a crash in a container the next start often
//! gets the same number, and would otherwise take itself for the other instance.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::reason::reason;

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
    /// The content is not the number of a process.
    #[error("Corrupt pidfile: {}", .0.display())]
    Corrupt(PathBuf),
    /// The system refused; names the file.
    #[error("cannot use pidfile {}: {}", path.display(), explain(path, source))]
    Io {
        /// The pidfile.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The system's text, and what to do where that is clear.
fn explain(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().filter(|folder| *folder != Path::new("") && !folder.exists());
    match folder {
        Some(folder) => {
            format!("{}\nHINT:  Create the folder {} first.", reason(error), folder.display())
        }
        None => reason(error),
    }
}

impl PidfileError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> PidfileError {
        let path = path.to_owned();
        |source| PidfileError::Io { path, source }
    }
}

/// Looks at a pidfile without changing it.
///
/// # Errors
/// When the file cannot be read or does not begin with a number.
pub fn inspect(path: &Path) -> Result<Owner, PidfileError> {
    Ok(match read(path)? {
        Content::Missing => Owner::None,
        Content::Pid(pid) if pid != Pid::this() && is_alive(pid) => Owner::Running(pid),
        Content::Empty | Content::Pid(_) => Owner::Stale,
    })
}

/// Sends a signal to the owner and says who it was; a process that is gone is [`Owner::Stale`].
///
/// # Errors
/// As [`inspect`], and when we may not signal that process.
pub fn signal_owner(path: &Path, signal: Signal) -> Result<Owner, PidfileError> {
    match read(path)? {
        Content::Missing => Ok(Owner::None),
        Content::Empty => Ok(Owner::Stale),
        Content::Pid(pid) => match kill(pid, signal) {
            Ok(()) => Ok(Owner::Running(pid)),
            Err(Errno::ESRCH) => Ok(Owner::Stale),
            Err(errno) => Err(PidfileError::io(path)(errno.into())),
        },
    }
}

/// Removes a pidfile if it names this process; for exits that drop nothing.
pub fn remove_own(path: &Path) {
    if matches!(read(path), Ok(Content::Pid(pid)) if pid == Pid::this()) {
        let _ = fs::remove_file(path);
    }
}

enum Content {
    Missing,
    Empty,
    Pid(Pid),
}

fn read(path: &Path) -> Result<Content, PidfileError> {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::Missing),
        Err(error) => return Err(PidfileError::io(path)(error)),
    };
    let Some(line) = text.lines().next().map(str::trim).filter(|line| !line.is_empty()) else {
        return Ok(Content::Empty);
    };
    // Zero and negative numbers would address whole process groups.
    match line.parse() {
        Ok(pid) if pid > 0 => Ok(Content::Pid(Pid::from_raw(pid))),
        _ => Err(PidfileError::Corrupt(path.to_owned())),
    }
}

fn is_alive(pid: Pid) -> bool {
    // A process of another user answers EPERM: it is there.
    !matches!(kill(pid, None), Err(Errno::ESRCH))
}

/// A pidfile that this process wrote; removed when dropped, if it still names this process.
#[derive(Debug)]
pub struct Pidfile {
    path: PathBuf,
    trailing_newline: bool,
}

impl Pidfile {
    /// Writes our pid to `PATH.new` and renames it over `PATH`; `trailing_newline` as pgqd has it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(path: &Path, trailing_newline: bool) -> Result<Pidfile, PidfileError> {
        let pidfile = Pidfile { path: absolute(path)?, trailing_newline };
        pidfile.rewrite()?;
        Ok(pidfile)
    }

    /// Creates the pidfile, mode 0644, complete from the first moment on; never replaces one.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when there is one, and when the file cannot be written.
    pub fn create(path: &Path, trailing_newline: bool) -> Result<Pidfile, PidfileError> {
        let path = absolute(path)?;
        let new = beside(&path, &format!(".new.{}", Pid::this()));
        let created = write_number(&new, trailing_newline, fs::OpenOptions::new().create(true))
            .and_then(|()| match fs::hard_link(&new, &path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    // There are file systems without links. Created in place, the file is empty for a moment.
                    write_number(&path, trailing_newline, fs::OpenOptions::new().create_new(true))
                }
                linked => linked,
            });
        let _ = fs::remove_file(&new);
        created.map_err(PidfileError::io(&path))?;
        Ok(Pidfile { path, trailing_newline })
    }

    /// Puts the number of the calling process into the file, after a fork.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn rewrite(&self) -> Result<(), PidfileError> {
        let new = beside(&self.path, ".new");
        write_number(&new, self.trailing_newline, fs::OpenOptions::new().create(true))
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(PidfileError::io(&self.path))
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn write_number(path: &Path, newline: bool, how: &mut fs::OpenOptions) -> io::Result<()> {
    let mut file = how.write(true).truncate(true).mode(0o644).open(path)?;
    write!(file, "{}{}", Pid::this(), if newline { "\n" } else { "" })
}

/// The name as seen from everywhere: it must still be right at exit.
fn absolute(path: &Path) -> Result<PathBuf, PidfileError> {
    std::path::absolute(path).map_err(PidfileError::io(path))
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        remove_own(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Child, Command};

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.pid");
        (folder, path)
    }

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").spawn().expect("sleep exists")
    }

    fn names_in(folder: &tempfile::TempDir) -> Vec<OsString> {
        let entries = fs::read_dir(folder.path()).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name()).collect()
    }

    #[test]
    fn written_with_our_number_and_removed_in_the_end() {
        let (folder, path) = place();
        let pidfile = Pidfile::write(&path, false).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), std::process::id().to_string());
        assert_eq!(names_in(&folder), ["x.pid"]);
        drop(pidfile);
        assert!(!path.exists());
    }

    #[test]
    fn one_that_names_somebody_else_stays() {
        let (_folder, path) = place();
        let pidfile = Pidfile::write(&path, false).expect("written");
        fs::write(&path, "1").expect("written");
        drop(pidfile);
        assert!(path.exists());
    }

    #[test]
    fn created_only_once() {
        let (folder, path) = place();
        let pidfile = Pidfile::create(&path, true).expect("created");
        assert_eq!(fs::read_to_string(&path).expect("there"), format!("{}\n", std::process::id()));
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o600, 0o600);
        let Err(PidfileError::Io { source, .. }) = Pidfile::create(&path, true) else {
            panic!("created twice");
        };
        assert_eq!(source.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(names_in(&folder), ["x.pid"]);
        drop(pidfile);
        assert!(!path.exists());
    }

    #[test]
    fn owners() {
        let (_folder, path) = place();
        let owner = |content: &str| {
            fs::write(&path, content).expect("written");
            inspect(&path)
        };
        assert_eq!(inspect(&path).expect("missing"), Owner::None);
        let mut child = sleeper();
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        assert_eq!(owner(&format!(" {pid} \nrest")).expect("alive"), Owner::Running(pid));
        child.kill().and_then(|()| child.wait()).expect("our own child");
        assert_eq!(inspect(&path).expect("dead"), Owner::Stale);
        assert_eq!(owner("").expect("empty"), Owner::Stale);
        assert_eq!(owner(&std::process::id().to_string()).expect("ourselves"), Owner::Stale);
        for bad in ["x", "0", "-5", "1 2"] {
            let error = owner(bad).expect_err("not a process");
            assert_eq!(error.to_string(), format!("Corrupt pidfile: {}", path.display()));
        }
    }

    #[test]
    fn signals_reach_the_owner() {
        let (_folder, path) = place();
        assert_eq!(signal_owner(&path, Signal::SIGTERM).expect("missing"), Owner::None);
        let mut child = sleeper();
        fs::write(&path, child.id().to_string()).expect("written");
        let owner = signal_owner(&path, Signal::SIGTERM).expect("ours");
        assert!(matches!(owner, Owner::Running(_)));
        let status = child.wait().expect("our own child");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
        assert_eq!(signal_owner(&path, Signal::SIGTERM).expect("gone"), Owner::Stale);
    }

    #[test]
    fn errors_name_the_file() {
        let (_folder, path) = place();
        let below = path.join("x.pid");
        let error = Pidfile::write(&below, false).expect_err("no such folder");
        let text = format!("cannot use pidfile {}: ", below.display());
        assert!(error.to_string().starts_with(&text), "{error}");
        let nowhere = path.with_file_name("nosuch").join("x.pid");
        let error = Pidfile::write(&nowhere, false).expect_err("no such folder").to_string();
        assert!(error.contains("No such file or directory\nHINT:  Create the folder "), "{error}");
    }
}
