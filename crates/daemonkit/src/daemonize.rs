//! Leaving the terminal. `fork` is our only unsafe code.

/// How many times to fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forks {
    /// The parent exits, the child starts a session (Londiste).
    Once,
    /// And its child goes on, so that no terminal can be acquired again (pgqd).
    Twice,
}

/// Goes to the background: the original process exits with status 0, the caller goes on in the child in a new
/// session with stdin, stdout and stderr on the null device. Working directory and umask stay.
///
/// Must be called before any thread exists.
pub fn daemonize(forks: Forks) -> std::io::Result<()> {
    let _ = forks;
    todo!()
}
