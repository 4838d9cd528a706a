//! Leaving the terminal. `fork` is our only unsafe code.

use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;

use nix::libc;
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

/// How many times to fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forks {
    /// The parent exits, the child starts a session (Londiste).
    Once,
    /// And its child goes on, so that no terminal can be acquired again (pgqd).
    Twice,
}

/// The process that the operator started, still waiting for us.
///
/// It exits with status 0 at [`Launcher::release`], and with status 1 when this value is dropped or the daemon dies
/// before. An operator who sees the command return can rely on what was done before the release, say the pidfile.
#[derive(Debug)]
#[must_use = "dropped, it reports a failed start"]
pub struct Launcher(PipeWriter);

/// What goes through the pipe when the start succeeded.
const STARTED: u8 = b'+';

impl Launcher {
    /// Lets the original process exit with status 0.
    pub fn release(mut self) {
        // Somebody may have killed it; the daemon goes on all the same.
        let _ = self.0.write_all(&[STARTED]);
    }
}

/// Goes to the background: the caller goes on in a new process and a new session with stdin, stdout and stderr on the
/// null device, while the original process waits for [`Launcher::release`]. Working directory and umask stay.
///
/// # Errors
/// When there is a thread besides the caller, and when the system refuses a process or the null device.
pub fn daemonize(forks: Forks) -> io::Result<Launcher> {
    // In the child of a threaded process locks may be held by threads that do not exist there.
    if thread_count().is_some_and(|count| count != 1) {
        return Err(io::Error::other("cannot go to the background: there are other threads"));
    }
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    io::stdout().flush()?;
    let (reader, writer) = io::pipe()?;
    if forked()? == Side::Parent {
        drop(writer);
        exit_now(outcome(reader));
    }
    drop(reader);
    setsid()?;
    if forks == Forks::Twice && forked()? == Side::Parent {
        exit_now(0);
    }
    let null = null.as_fd();
    dup2_stdin(null)?;
    dup2_stdout(null)?;
    dup2_stderr(null)?;
    Ok(Launcher(writer))
}

/// Waits until the daemon says that it has started, or is gone.
fn outcome(mut reader: PipeReader) -> i32 {
    let mut answer = [0];
    match reader.read(&mut answer) {
        Ok(1) if answer == [STARTED] => 0,
        _ => 1,
    }
}

/// Number of threads of this process, where the system tells.
fn thread_count() -> Option<usize> {
    std::fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

#[derive(PartialEq, Eq)]
enum Side {
    Parent,
    Child,
}

#[expect(unsafe_code, reason = "fork has no safe form")]
fn forked() -> io::Result<Side> {
    // SAFETY: `daemonize` checked that no other thread exists, so the child finds memory and locks as the caller
    // left them.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => Ok(Side::Parent),
        ForkResult::Child => Ok(Side::Child),
    }
}

/// Ends this process without running destructors or exit handlers: buffers and pidfiles belong to the child now.
#[expect(unsafe_code, reason = "exit without handlers has no safe form")]
fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` takes any status and does not return.
    unsafe { libc::_exit(status) }
}
