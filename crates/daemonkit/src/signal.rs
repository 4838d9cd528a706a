//! Signals become intents; what an intent means is each daemon's business.

use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::warn;

use crate::shutdown::Shutdown;

/// Two SIGINTs closer than this mean "at once".
const IMPATIENCE: Duration = Duration::from_secs(1);

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
pub struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Option<Signal>,
    last_interrupt: Option<Instant>,
}

impl Signals {
    /// Starts listening; needs a running runtime.
    ///
    /// # Errors
    /// When the system refuses a signal handler.
    pub fn listen(terminate: Terminate) -> std::io::Result<Signals> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: match terminate {
                Terminate::Default => None,
                Terminate::Listen => Some(signal(SignalKind::terminate())?),
            },
            last_interrupt: None,
        })
    }

    /// The next intent. Cancel safe.
    pub async fn next(&mut self) -> Intent {
        // Impatience first: a reload may wait, a stop may not.
        tokio::select! {
            biased;
            () = received(self.terminate.as_mut()) => Intent::Terminate,
            () = received(Some(&mut self.interrupt)) => interrupted(&mut self.last_interrupt, Instant::now()),
            () = received(Some(&mut self.hangup)) => Intent::Reload,
        }
    }

    /// Spawns a task that requests `shutdown` at the first Stop and counts reloads in the returned channel. At StopNow
    /// it logs `Double ^C, fast exit`, runs `before_exit` (remove the pidfile) and exits the process with status 1;
    /// Terminate does the same without the log line.
    pub fn drive(
        mut self,
        shutdown: Shutdown,
        before_exit: impl FnOnce() + Send + 'static,
    ) -> watch::Receiver<u64> {
        let (reloads, receiver) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                match self.next().await {
                    Intent::Reload => reloads.send_modify(|count| *count += 1),
                    Intent::Stop => shutdown.cancel(),
                    Intent::StopNow => {
                        warn!("Double ^C, fast exit");
                        break;
                    }
                    Intent::Terminate => break,
                }
            }
            before_exit();
            std::process::exit(1);
        });
        receiver
    }
}

/// Waits for a signal; for ever where we do not listen.
async fn received(signal: Option<&mut Signal>) {
    let got = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if got.is_none() {
        std::future::pending::<()>().await;
    }
}

fn interrupted(last: &mut Option<Instant>, now: Instant) -> Intent {
    let again = last.is_some_and(|last| now.duration_since(last) < IMPATIENCE);
    *last = Some(now);
    if again { Intent::StopNow } else { Intent::Stop }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal as Sig, raise};

    #[test]
    fn twice_within_a_second_is_impatience() {
        let start = Instant::now();
        let mut last = None;
        assert_eq!(interrupted(&mut last, start), Intent::Stop);
        assert_eq!(interrupted(&mut last, start + Duration::from_secs(1)), Intent::Stop);
        assert_eq!(interrupted(&mut last, start + Duration::from_millis(1900)), Intent::StopNow);
    }

    /// One test for all signals: they are the whole process's.
    #[tokio::test]
    async fn signals_are_delivered() {
        let mut signals = Signals::listen(Terminate::Listen).expect("handlers");
        let mut others = Signals::listen(Terminate::Default).expect("handlers");
        for (sig, intent) in [
            (Sig::SIGHUP, Intent::Reload),
            (Sig::SIGINT, Intent::Stop),
            (Sig::SIGINT, Intent::StopNow),
            (Sig::SIGTERM, Intent::Terminate),
        ] {
            raise(sig).expect("sent");
            assert_eq!(signals.next().await, intent);
        }
        assert_eq!(others.next().await, Intent::Stop);
        assert_eq!(others.next().await, Intent::Reload);

        let shutdown = Shutdown::new();
        let mut reloads = Signals::listen(Terminate::Default)
            .expect("handlers")
            .drive(shutdown.clone(), || unreachable!("one SIGINT only"));
        raise(Sig::SIGHUP).expect("sent");
        reloads.changed().await.expect("the task lives");
        assert_eq!(*reloads.borrow(), 1);
        assert!(!shutdown.is_cancelled());
        raise(Sig::SIGINT).expect("sent");
        shutdown.cancelled().await;
    }
}
