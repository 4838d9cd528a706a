//! One running pgqd per pidfile, and signals to it (contract `pgqd.md` sections 2 and 5).
//!
//! Departures: an empty pidfile is stale; one without a number is refused for signals, too (the original would signal its
//! own process group).

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use daemonkit::pidfile::{self, Owner, Pidfile, PidfileError};
use daemonkit::reason::reason;
use nix::sys::signal::Signal;
use tracing::info;

/// Takes the pidfile, unless another instance runs. The error is the line for the log.
pub fn claim(path: &Path) -> Result<Pidfile, String> {
    match create(path)? {
        Some(pidfile) => return Ok(pidfile),
        None => match pidfile::inspect(path) {
            Ok(Owner::Stale) => {
                info!("stale pidfile, removing");
                fs::remove_file(path).map_err(|error| cannot_open(path, &error))?;
            }
            // It went away just now.
            Ok(Owner::None) => {}
            Ok(Owner::Running(_)) | Err(PidfileError::Corrupt(_)) => return Err(already_running()),
            Err(PidfileError::Io { source, .. }) => return Err(cannot_open(path, &source)),
        },
    }
    create(path)?.ok_or_else(already_running)
}

/// `None` when there is a file already.
fn create(path: &Path) -> Result<Option<Pidfile>, String> {
    match Pidfile::create(path, true) {
        Ok(pidfile) => Ok(Some(pidfile)),
        Err(PidfileError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {
            Ok(None)
        }
        Err(PidfileError::Io { source, .. }) => Err(cannot_open(path, &source)),
        Err(error @ PidfileError::Corrupt(_)) => Err(error.to_string()),
    }
}

fn already_running() -> String {
    "pidfile exists, another instance running?".to_owned()
}

fn cannot_open(path: &Path, error: &std::io::Error) -> String {
    format!("could not open pidfile '{}': {}", path.display(), reason(error))
}

/// Sends a signal to the running instance; the text is for the operator, the error for the log.
pub fn send(path: &Path, signal: Signal) -> Result<String, String> {
    match pidfile::signal_owner(path, signal) {
        Ok(Owner::Running(_)) => Ok(format!("{signal} sent")),
        Ok(Owner::None | Owner::Stale) => Ok("Old process is not running".to_owned()),
        Err(PidfileError::Io { source, .. }) => Err(format!(
            "could not signal the process of pidfile '{}': {}",
            path.display(),
            reason(&source)
        )),
        Err(error @ PidfileError::Corrupt(_)) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_for_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.pid");
        // A process that runs as long as the test.
        let parent = std::os::unix::process::parent_id();
        fs::write(&path, format!("{parent}\n")).expect("written");
        assert_eq!(claim(&path).expect_err("taken"), already_running());
        fs::write(&path, "abc\n").expect("written");
        assert_eq!(claim(&path).expect_err("taken"), already_running());
        assert_eq!(
            send(&path, Signal::SIGINT).expect_err("nobody"),
            format!("Corrupt pidfile: {}", path.display())
        );
        for stale in ["", "999999999\n"] {
            fs::write(&path, stale).expect("written");
            assert_eq!(send(&path, Signal::SIGINT), Ok("Old process is not running".to_owned()));
            let pidfile = claim(&path).expect("free");
            assert_eq!(
                fs::read_to_string(&path).expect("there"),
                format!("{}\n", std::process::id())
            );
            drop(pidfile);
        }
        let below = path.join("x.pid");
        fs::write(&path, "").expect("written");
        assert_eq!(
            claim(&below).expect_err("no folder"),
            format!("could not open pidfile '{}': Not a directory", below.display())
        );
    }
}
