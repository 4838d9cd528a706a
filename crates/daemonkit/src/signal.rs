//! Signals become intents; what an intent means is each daemon's business.

use crate::shutdown::Shutdown;

/// What an operator asked for by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// SIGHUP.
    Reload,
    /// SIGINT, first time.
    Stop,
    /// A second SIGINT within one second.
    StopNow,
    /// SIGTERM, if it is listened to.
    Terminate,
}

/// Which signals a daemon listens to besides SIGHUP and SIGINT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminate {
    /// SIGTERM keeps its default action: death without clean-up (Londiste).
    Default,
    /// SIGTERM is delivered as [`Intent::Terminate`] (pgqd).
    Listen,
}

/// Stream of intents.
#[derive(Debug)]
pub struct Signals {}

impl Signals {
    /// Starts listening; needs a running runtime.
    pub fn listen(terminate: Terminate) -> std::io::Result<Signals> {
        let _ = terminate;
        todo!()
    }

    /// The next intent.
    pub async fn next(&mut self) -> Intent {
        todo!()
    }

    /// Spawns a task that requests `shutdown` at the first Stop, exits the process with status 1 at StopNow after
    /// logging `Double ^C, fast exit`, and counts reloads in the returned channel.
    pub fn drive(self, shutdown: Shutdown) -> tokio::sync::watch::Receiver<u64> {
        let _ = shutdown;
        todo!()
    }
}
